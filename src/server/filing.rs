//! Files between a session and the thread that has their bytes: offers, pieces, posts with files, reading.
//!
//! Pieces come on a bulk stream of the client's, which has credit from the first offer on. The next piece is taken from it
//! only when the one before is written, so that a slow disk is felt by who sends and by nobody else.

use super::file_job::{FileAnswer, FileJob};
use super::job::{Job, Read, Ticket};
use super::server::{Now, REPLY_QUEUE_LEN_MAX, Server};
use super::session::Uploading;
use super::steps::{Asked, Step};
use crate::chat::{Action, Draft, FileDraft};
use crate::message::{
    Account, Attachment, FILE_CHUNK_LEN_MAX, FileOffer, MessageError, PostFile, Refusal, RefusalCode, Reply, Request, Target,
    Text, UserId,
};
use crate::transport::{CloseCode, ConnectionHandle, StreamId};
use std::collections::VecDeque;

/// Pieces that wait to be written, over all sessions; beyond, they wait unread.
pub const CHUNKS_IN_FLIGHT_MAX: usize = 256;

/// Room for pieces ahead of their writing, in bytes of one session: enough for a fast path.
const UPLOAD_WINDOW_LEN: u32 = 256 * 1024;

/// How many bytes of files the server keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// Of one file; 0 for no files.
    pub file_len_max: u64,
    /// Of all files of one user; 0 for no files.
    pub user_len_max: u64,
}

/// Pieces of files on their way to the disk, over all sessions.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    /// Pieces that are being written.
    pub(super) chunks_in_flight: usize,
    /// Sessions that have pieces to be written once there is room.
    waiting: VecDeque<ConnectionHandle>,
}

impl FileLimits {
    fn check(&self, len: u64) -> Result<(), Refusal> {
        if self.file_len_max == 0 || self.user_len_max == 0 {
            return Err(Refusal::new(RefusalCode::FilesOff, "this server keeps no files"));
        }
        if len > self.file_len_max {
            let sentence = format!("the file has {len} bytes; this server takes at most {}", self.file_len_max);
            return Err(Refusal::new(RefusalCode::FileTooLong, sentence));
        }
        Ok(())
    }
}

impl Server {
    /// Begins what concerns files.
    pub(super) fn begin_about_file(&mut self, asked: Asked, account: &Account, request: Request) -> Result<(), Refusal> {
        let user = account.user;
        match request {
            Request::OfferFile(offer) => {
                self.config.files.check(offer.len)?;
                let user_len_max = self.config.files.user_len_max;
                self.file(Step::Answer(asked), FileJob::Offer { user, offer, user_len_max });
            }
            Request::PostFile(post) => self.begin_post_file(asked, user, post)?,
            Request::ReadFile(read) => {
                let offset = read.offset;
                self.read(Step::FindFile(asked, offset), Read::File(user, read));
            }
            other => {
                assert!(matches!(other, Request::FileChunk(_)), "{other:?} is begun elsewhere");
                return Err(Refusal::new(RefusalCode::Malformed, "pieces of files go on a bulk stream"));
            }
        }
        Ok(())
    }

    fn begin_post_file(&mut self, asked: Asked, user: UserId, post: PostFile) -> Result<(), Refusal> {
        self.config.files.check(post.file.len)?;
        if matches!(post.to, Target::Own) {
            return Err(Refusal::new(RefusalCode::SelfMessage, "a message goes to a room or to somebody else"));
        }
        if !post.file.is_well_named() {
            let sentence =
                "a file's name has at most 255 bytes, no folders and nothing invisible; a media type is like text/plain";
            return Err(Refusal::new(RefusalCode::BadFileName, sentence));
        }
        let text = Text::parse(post.text).map_err(|error| Refusal::new(RefusalCode::BadText, error.to_string()))?;
        let (offer, user_len_max) = (post.file.offer(), self.config.files.user_len_max);
        let draft = FileDraft { draft: Draft::plain(post.to, text), file: post.file, is_here: false, user_len_max };
        self.file(Step::KeepFile(asked, user, post.id, Box::new(draft)), FileJob::Keep { user, offer });
        Ok(())
    }

    /// The file was found: reads the part that was asked for.
    pub(super) fn read_file(&mut self, asked: Asked, file: Attachment, offset: u64) {
        self.file(Step::Answer(asked), FileJob::Read { file, offset });
    }

    /// Hands a job to the thread of files.
    fn file(&mut self, step: Step, job: FileJob) {
        self.reads_in_flight += 1;
        self.submit_file(step, job);
    }

    /// The same for what is counted elsewhere, or for nobody.
    fn submit_file(&mut self, step: Step, job: FileJob) {
        let ticket = self.ticket(step);
        self.jobs.push_back(Job::File(ticket, job));
    }

    /// Hands the next piece of a session's file to be written, if the one before is.
    pub(super) fn pump_upload(&mut self, now: Now, handle: ConnectionHandle) {
        while let Some(session) = self.sessions.get_mut(&handle) {
            let is_writing = session.uploading == Uploading::Writing;
            let Some(user) = session.account().map(|account| account.user).filter(|_| !is_writing) else { return };
            if self.uploads.chunks_in_flight >= CHUNKS_IN_FLIGHT_MAX {
                if std::mem::replace(&mut session.uploading, Uploading::Waiting) == Uploading::Idle {
                    self.holds.workers_full += 1;
                    self.uploads.waiting.push_back(handle);
                }
                return;
            }
            let Some(mut connection) = self.endpoint.connection(handle) else { return };
            if connection.unacked_len(StreamId::Chat) > REPLY_QUEUE_LEN_MAX {
                connection.notify_acked_below(StreamId::Chat, REPLY_QUEUE_LEN_MAX);
                self.holds.replies_full += 1;
                return;
            }
            let Some(message) = connection.recv(now.at, StreamId::BULK) else { return };
            drop(connection);
            match Request::decode(&message) {
                Ok((tag, Request::FileChunk(chunk))) if chunk.bytes.len() <= FILE_CHUNK_LEN_MAX => {
                    session.uploading = Uploading::Writing;
                    self.uploads.chunks_in_flight += 1;
                    self.submit_file(Step::Chunk { session: handle, tag }, FileJob::Write { user, chunk });
                }
                Ok((tag, Request::FileChunk(_))) => {
                    let sentence = format!("a piece has at most {FILE_CHUNK_LEN_MAX} bytes");
                    self.refuse(now, handle, tag, Refusal::new(RefusalCode::BadPiece, sentence));
                }
                Ok((tag, _)) => {
                    let sentence = "only pieces of files go on a bulk stream";
                    self.refuse(now, handle, tag, Refusal::new(RefusalCode::Malformed, sentence));
                }
                Err(MessageError::UnknownType { tag, .. }) => self.reply(now, handle, tag, &Reply::Unsupported),
                Err(error @ MessageError::Malformed { tag, .. }) => {
                    self.refuse(now, handle, tag, Refusal::new(RefusalCode::Malformed, error.to_string()));
                }
                Err(MessageError::Truncated) => {
                    if let Some(mut connection) = self.endpoint.connection(handle) {
                        connection.close(now.at, CloseCode::Protocol, "a message without type and tag");
                    }
                    return;
                }
            }
        }
    }

    /// The thread of files is through with a job.
    pub(super) fn on_filed(&mut self, now: Now, ticket: Ticket, result: Result<FileAnswer, Refusal>) {
        let step = match self.pending.remove(&ticket) {
            Some(Step::Chunk { session, tag }) => return self.on_written(now, session, tag, result),
            Some(Step::LetGo) | None => return,
            Some(step) => step,
        };
        self.reads_in_flight -= 1;
        let Some(asked) = step.asked() else { return };
        let is_open = self.sessions.get(&asked.session).is_some_and(|session| session.is_open());
        match (step, result) {
            (Step::KeepFile(_, user, id, mut draft), Ok(FileAnswer::Kept(is_here))) => {
                let offer = draft.file.offer();
                if is_open {
                    draft.is_here = is_here;
                    let step = Step::PostFile(asked, is_here.then_some((user, offer)));
                    self.command(now, step, asked, id, Action::PostFile(*draft));
                } else {
                    self.let_go(is_here.then_some((user, offer)), false);
                    self.end(asked);
                }
            }
            _ if !is_open => self.end(asked),
            (_, Err(refusal)) => self.finish(now, asked, &Reply::Refused(refusal)),
            (Step::Answer(_), Ok(FileAnswer::Here(len))) => {
                if let Some(mut connection) = self.endpoint.connection(asked.session) {
                    connection.raise_credit(now.at, StreamId::BULK, UPLOAD_WINDOW_LEN);
                }
                self.finish(now, asked, &Reply::FileFrom(len));
            }
            (Step::Answer(_), Ok(FileAnswer::Piece(piece))) => self.finish_on_file_stream(now, asked, &Reply::FilePiece(piece)),
            (step, Ok(answer)) => unreachable!("{step:?} never asks for {answer:?}"),
        }
        self.pump(now, asked.session);
    }

    fn on_written(&mut self, now: Now, handle: ConnectionHandle, tag: u32, result: Result<FileAnswer, Refusal>) {
        self.uploads.chunks_in_flight -= 1;
        if let Some(session) = self.sessions.get_mut(&handle) {
            session.uploading = Uploading::Idle;
            let is_open = session.is_open();
            match result {
                _ if !is_open => {}
                Ok(FileAnswer::Here(len)) => self.reply(now, handle, tag, &Reply::FileFrom(len)),
                Ok(answer) => unreachable!("a piece is never answered by {answer:?}"),
                Err(refusal) => self.refuse(now, handle, tag, refusal),
            }
            self.pump_upload(now, handle);
        }
        self.pump_waiting_uploads(now);
    }

    /// Lets sessions write that waited for room; those that have ended meanwhile, or have written already, take none.
    fn pump_waiting_uploads(&mut self, now: Now) {
        while self.uploads.chunks_in_flight < CHUNKS_IN_FLIGHT_MAX {
            let Some(next) = self.uploads.waiting.pop_front() else { return };
            if let Some(session) = self.sessions.get_mut(&next)
                && session.uploading == Uploading::Waiting
            {
                session.uploading = Uploading::Idle;
            }
            self.pump_upload(now, next);
        }
    }

    /// The message of a kept file is written or will not be.
    pub(super) fn let_go(&mut self, held: Option<(UserId, FileOffer)>, is_written: bool) {
        if let Some((user, offer)) = held {
            self.submit_file(Step::LetGo, FileJob::LetGo { user, offer, is_written });
        }
    }
}

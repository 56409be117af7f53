//! Files in the conversation: sent one after the other, fetched one after the other, beside everything else. What reads a whole
//! file does so in a thread of its own.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::super::super::aside::Aside;
use super::super::super::exit::Failure;
use super::super::super::incoming::{Destination, Existing, Incoming, Progress};
use super::super::super::line::Line;
use super::super::super::outgoing::Outgoing;
use super::super::super::session::{accepted, unexpected};
use super::super::filing::Filing;
use super::{Asked, Talk};
use crate::client::{ClientEvent, UploadState};
use crate::message::{Attachment, PostFile, Reply, Request, Target, Text};

/// A file to be sent, and the message it is for.
#[derive(Debug)]
pub(super) struct Sending {
    stage: Stage,
    to: Target,
    /// What to say about it; its name if nothing.
    text: Option<String>,
}

/// How far a file to be sent is. Reading all of it for its hash may take long.
#[derive(Debug)]
enum Stage {
    Waiting(PathBuf),
    Reading(Aside<Result<Outgoing, Failure>>),
    Going(Box<Outgoing>),
}

/// Files to be fetched, of which the first one is on its way.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    /// The number of the first one, among all that were ever fetched.
    number: u64,
    waiting: VecDeque<Incoming>,
    /// The one before the first: it is here, and all of it is read once more to verify it.
    verifying: Option<Aside<Fetched>>,
}

/// A file that was fetched, and where it is.
type Fetched = Result<(Attachment, Option<PathBuf>), Failure>;

impl Fetches {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.verifying.is_none()
    }

    /// The first one ends; answers under its number are nobody's any more.
    fn end_first(&mut self) -> Option<Incoming> {
        self.number = self.number.saturating_add(1);
        self.waiting.pop_front()
    }
}

impl Talk<'_> {
    pub(super) fn on_filing(&mut self, filing: Filing) -> Result<(), Failure> {
        let Some(room) = self.current.clone() else {
            return Ok(self.context.output.remark("there is no current room; /join #room first")?);
        };
        match filing {
            Filing::Upload { path, text } => {
                self.context.output.remark(&format!("preparing {}", path.display()))?;
                self.outgoing.push_back(Sending { stage: Stage::Waiting(path), to: room.target(), text });
                self.go_on_preparing()?;
            }
            Filing::Get { seq, path } => {
                let destination = path.map_or(Destination::OwnName, Destination::Path);
                self.incoming.waiting.push_back(Incoming::new(room.target(), seq, destination, Existing::Stays));
                self.go_on_fetching();
            }
        }
        Ok(())
    }

    /// Whether the disk is at work on a file, which takes as long as it takes.
    pub(super) fn works_aside(&self) -> bool {
        let is_reading = self.outgoing.front().is_some_and(|next| matches!(next.stage, Stage::Reading(_)));
        is_reading || self.incoming.verifying.is_some()
    }

    /// What was done aside may be done.
    pub(super) fn on_woken(&mut self) -> Result<(), Failure> {
        let worked = self.works_aside();
        self.go_on_preparing()?;
        self.go_on_verifying()?;
        if worked && self.has_ended && !self.works_aside() {
            self.session.be_patient();
        }
        Ok(())
    }

    /// Reads and offers the first file to be sent; one that cannot be read makes room for the next.
    fn go_on_preparing(&mut self) -> Result<(), Failure> {
        while let Some(next) = self.outgoing.front_mut() {
            let prepared = match &next.stage {
                Stage::Waiting(path) => {
                    let path = path.clone();
                    next.stage = Stage::Reading(Aside::start(self.session.waker(), move || Outgoing::open(&path))?);
                    return Ok(());
                }
                Stage::Reading(reading) => reading.poll()?,
                Stage::Going(_) => return Ok(()),
            };
            match prepared {
                None => return Ok(()),
                Some(Err(failure)) => {
                    self.outgoing.pop_front();
                    self.remark_failure(failure)?;
                }
                Some(Ok(mut outgoing)) => {
                    let file = outgoing.file();
                    let remark = format!("sending {}, {} bytes", file.name, file.len);
                    let (client, now) = self.session.client();
                    outgoing.begin(client, now);
                    next.stage = Stage::Going(Box::new(outgoing));
                    self.context.output.remark(&remark)?;
                }
            }
        }
        Ok(())
    }

    /// The file on its way may have something to send, or be there.
    pub(super) fn go_on_sending(&mut self, event: &ClientEvent) -> Result<(), Failure> {
        let (client, now) = self.session.client();
        let Some(Sending { stage: Stage::Going(outgoing), .. }) = self.outgoing.front_mut() else { return Ok(()) };
        let ended = match outgoing.handle_event(client, now, event) {
            Ok(UploadState::Going) => return Ok(()),
            Ok(UploadState::Whole) => Ok(outgoing.file().clone()),
            Ok(UploadState::Refused(refusal)) => Err(refusal.into()),
            Err(failure) => Err(failure),
        };
        let Some(Sending { to, text, .. }) = self.outgoing.pop_front() else { return Ok(()) };
        match ended.and_then(|file| Ok((Text::parse(text.unwrap_or_else(|| file.name.clone()))?, file))) {
            Ok((text, file)) => {
                let (id, text) = (self.session.new_id(), text.as_str().to_owned());
                self.ask(&Request::PostFile(PostFile { id, to, text, file }), Asked::PostedFile);
            }
            Err(failure) => self.remark_failure(failure)?,
        }
        self.go_on_preparing()
    }

    /// Asks for what the first file to be fetched wants, once the one before is verified.
    fn go_on_fetching(&mut self) {
        if self.incoming.verifying.is_some() {
            return;
        }
        while let Some(wanted) = self.incoming.waiting.front_mut().and_then(Incoming::wanted) {
            self.ask(&Request::ReadFile(wanted), Asked::Piece(self.incoming.number));
        }
    }

    pub(super) fn on_piece(&mut self, number: u64, reply: Reply) -> Result<(), Failure> {
        let Some(incoming) = self.incoming.waiting.front_mut().filter(|_| number == self.incoming.number) else { return Ok(()) };
        let taken = accepted(reply).and_then(|reply| match reply {
            Reply::FilePiece(piece) => incoming.take(piece),
            _ => Err(unexpected()),
        });
        match taken {
            Ok(Progress::Going) => self.go_on_fetching(),
            Ok(Progress::Whole) => {
                if let Some(whole) = self.incoming.end_first() {
                    self.incoming.verifying = Some(Aside::start(self.session.waker(), || whole.finish())?);
                }
            }
            Err(failure) => {
                self.incoming.end_first();
                self.remark_failure(failure)?;
                self.go_on_fetching();
            }
        }
        Ok(())
    }

    fn go_on_verifying(&mut self) -> Result<(), Failure> {
        let Some(verifying) = &self.incoming.verifying else { return Ok(()) };
        let Some(fetched) = verifying.poll()? else { return Ok(()) };
        self.incoming.verifying = None;
        match fetched {
            Ok((file, path)) => {
                let path = path.map(|path| path.display().to_string()).unwrap_or_default();
                self.context.output.line(&Line::Fetched { file: &file, path: &path })?;
            }
            Err(failure) => self.remark_failure(failure)?,
        }
        self.go_on_fetching();
        Ok(())
    }

    /// What goes wrong with a file does not end the conversation.
    fn remark_failure(&mut self, failure: Failure) -> Result<(), Failure> {
        match failure.sentence() {
            Some(sentence) => Ok(self.context.output.remark(&format!("! {sentence}"))?),
            None => Err(failure),
        }
    }
}

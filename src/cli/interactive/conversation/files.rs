//! Files in the conversation: sent one after the other, fetched one after the other, beside everything else.

use std::collections::VecDeque;

use super::super::super::exit::Failure;
use super::super::super::incoming::{Destination, Existing, Incoming, Progress};
use super::super::super::line::Line;
use super::super::super::outgoing::Outgoing;
use super::super::super::session::{accepted, unexpected};
use super::super::filing::Filing;
use super::{Asked, Talk};
use crate::client::{ClientEvent, UploadState};
use crate::message::{PostFile, Reply, Request, Target, Text};

/// A file on its way, and the message it is for.
#[derive(Debug)]
pub(super) struct Sending {
    file: Outgoing,
    to: Target,
    text: Text,
}

/// Files to be fetched, of which the first one is on its way.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    /// The number of the first one, among all that were ever fetched.
    number: u64,
    waiting: VecDeque<Incoming>,
}

impl Fetches {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
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
                let opened = Outgoing::open(&path).and_then(|file| {
                    let text = Text::parse(text.unwrap_or_else(|| file.file().name.clone()))?;
                    Ok(Sending { file, to: room.target(), text })
                });
                match opened {
                    Ok(sending) => {
                        let file = sending.file.file();
                        self.context.output.remark(&format!("sending {}, {} bytes", file.name, file.len))?;
                        self.outgoing.push_back(sending);
                        self.begin_next_file();
                    }
                    Err(failure) => self.remark_failure(failure)?,
                }
            }
            Filing::Get { seq, path } => {
                let destination = path.map_or(Destination::OwnName, Destination::Path);
                self.incoming.waiting.push_back(Incoming::new(room.target(), seq, destination, Existing::Stays));
                self.go_on_fetching();
            }
        }
        Ok(())
    }

    fn begin_next_file(&mut self) {
        let (client, now) = self.session.client();
        if let Some(next) = self.outgoing.front_mut().filter(|next| !next.file.has_begun()) {
            next.file.begin(client, now);
        }
    }

    /// The file on its way may have something to send, or be there.
    pub(super) fn go_on_sending(&mut self, event: &ClientEvent) -> Result<(), Failure> {
        let (client, now) = self.session.client();
        let Some(sending) = self.outgoing.front_mut() else { return Ok(()) };
        let ended = match sending.file.handle_event(client, now, event) {
            Ok(UploadState::Going) => return Ok(()),
            Ok(UploadState::Whole) => Ok(()),
            Ok(UploadState::Refused(refusal)) => Err(refusal.into()),
            Err(failure) => Err(failure),
        };
        let Some(Sending { file, to, text }) = self.outgoing.pop_front() else { return Ok(()) };
        match ended {
            Ok(()) => {
                let (id, text) = (self.session.new_id(), text.as_str().to_owned());
                self.ask(&Request::PostFile(PostFile { id, to, text, file: file.file().clone() }), Asked::PostedFile);
            }
            Err(failure) => self.remark_failure(failure)?,
        }
        self.begin_next_file();
        Ok(())
    }

    /// Asks for what the first file to be fetched wants.
    fn go_on_fetching(&mut self) {
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
            Ok(Progress::Going) => {}
            Ok(Progress::Whole) => match self.incoming.end_first().ok_or_else(unexpected).and_then(Incoming::finish) {
                Ok((file, path)) => {
                    let path = path.map(|path| path.display().to_string()).unwrap_or_default();
                    self.context.output.line(&Line::Fetched { file: &file, path: &path })?;
                }
                Err(failure) => self.remark_failure(failure)?,
            },
            Err(failure) => {
                self.incoming.end_first();
                self.remark_failure(failure)?;
            }
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

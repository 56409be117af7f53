//! One command's turn: what the rules write down while they run, and how they stop.

use super::command::{Change, Command, NewEvent, Outcome};
use super::told::{notice, told};
use crate::message::{DeviceId, EventBody, Head, Refusal, RefusalCode, Reply, RequestId, Salt, Seq, body_bytes};
use crate::store::{Counted, Database, LogHead, StoreError, User};
use blake2::{Blake2s256, Digest};

/// Why a rule stops: the user asked for what is not allowed, or the machine failed.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    Failed(StoreError),
}

/// What a rule gives.
pub(super) type Ruled<T> = Result<T, Stop>;

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Says no.
pub(super) fn refuse<T>(code: RefusalCode, sentence: impl Into<String>) -> Ruled<T> {
    Err(Stop::Refused(Refusal::new(code, sentence)))
}

/// Tells the user's fault from the machine's, as callers outside see it.
pub(super) fn settle<T>(ruled: Ruled<T>) -> Result<Result<T, Refusal>, StoreError> {
    match ruled {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// A user speaking from a device.
#[derive(Debug, Clone)]
pub(super) struct Speaker {
    pub(super) user: User,
    pub(super) device: DeviceId,
}

/// A command that is being executed.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) db: &'a mut Database,
    pub(super) command: &'a Command,
    /// The id of the events; the command's, unless it does what an earlier one asked for.
    pub(super) id: RequestId,
    events: Vec<NewEvent>,
    changes: Vec<Change>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(db: &'a mut Database, command: &'a Command) -> Self {
        Self { db, command, id: command.id, events: Vec::new(), changes: Vec::new() }
    }

    /// Appends what `speaker` did to the log that ends at `before`.
    pub(super) fn append(&mut self, before: &LogHead, speaker: &Speaker, body: &EventBody) -> Result<LogHead, StoreError> {
        let head = Head {
            log: before.log,
            seq: Seq(before.seq.0 + 1),
            prev: before.seq,
            // The clock may have been set back; a log's time stands still until it has caught up.
            time_ms: self.command.time_ms.max(before.time_ms),
            author: speaker.user.id,
            device: speaker.device,
            id: self.id,
        };
        let counted = match body {
            EventBody::Posted(_) => Counted::Post,
            _ => Counted::Other,
        };
        let body = body_bytes(body, &self.next_salt());
        let after = self.db.append(before, &head, &body, counted)?;
        let told = notice(told(&speaker.user.name, &head.encode(), Ok(&body)));
        self.events.push(NewEvent { log: head.log, prev: head.prev, seq: head.seq, told });
        Ok(after)
    }

    /// Appends to the own log of `user`, who need not be the speaker.
    pub(super) fn append_own(&mut self, user: &User, speaker: &Speaker, body: &EventBody) -> Result<(), StoreError> {
        let log = self.db.tables().log(user.own_log)?.ok_or(StoreError::Damaged("a user has no own log"))?;
        self.append(&log.head, speaker, body)?;
        Ok(())
    }

    pub(super) fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    pub(super) fn done(self, reply: Reply) -> Outcome {
        Outcome { reply, events: self.events, changes: self.changes, replayed: false }
    }

    /// Brings an earlier outcome again.
    pub(super) fn repeated(self, reply: Reply) -> Outcome {
        assert!(self.events.is_empty(), "a repeat stores nothing");
        Outcome { reply, events: Vec::new(), changes: self.changes, replayed: true }
    }

    /// The command's salt for its first event, then the first half of BLAKE2s(salt ‖ n) for event n, counted from 0.
    fn next_salt(&self) -> Salt {
        let count = self.events.len() as u64;
        if count == 0 {
            return self.command.salt;
        }
        let hash = Blake2s256::new().chain_update(self.command.salt).chain_update(count.to_be_bytes()).finalize();
        std::array::from_fn(|i| hash[i])
    }
}

//! What this profile has seen of a log, kept so that a log that was set back is noticed by whoever reads it again.

use super::super::exit::Failure;
use super::super::session::Session;
use crate::client::{Cursor, Cursors};
use crate::message::{Event, LogId};

/// The name of these cursors.
const READER: &str = "seen";

/// What was seen, of all logs.
#[derive(Debug)]
pub(super) struct Seen {
    cursors: Cursors,
}

impl Seen {
    pub(super) fn open(session: &Session) -> Result<Self, Failure> {
        Ok(Self { cursors: Cursors::open(&session.profile().database_path()?)? })
    }

    /// Holds the newest page of a log, `events` behind `after`, against what was seen before, and keeps it as seen; a sentence for
    /// the person if the log was set back.
    pub(super) fn meet<'a>(
        &mut self,
        room: &str,
        log: LogId,
        after: Cursor,
        events: impl Iterator<Item = &'a Event>,
    ) -> Result<Option<String>, Failure> {
        let known = self.cursors.of_log(log)?;
        let (mut at, mut last) = (Some(after), after.seq);
        let mut rewritten = None;
        for event in events {
            // Behind a stretch that is hidden the chain's hash is not known.
            at = at.filter(|at| at.seq == event.head.prev);
            at = at.map(|at| Cursor { seq: event.head.seq, hash: event.hash_after(&at.hash) });
            last = event.head.seq;
            let is_another = |known: &&Cursor| at.is_some_and(|at| known.seq == at.seq && known.hash != at.hash);
            rewritten = rewritten.or(known.iter().find(is_another).map(|known| known.seq));
        }
        if let Some(furthest) = known.last().filter(|known| known.seq > last) {
            return Ok(Some(set_back(room, &format!("it ends at {last}, but {} was read there before", furthest.seq))));
        }
        if let Some(seq) = rewritten {
            return Ok(Some(set_back(room, &format!("what it has up to {seq} is not what was read there before"))));
        }
        if let Some(at) = at {
            self.advance(log, &at)?;
        }
        Ok(None)
    }

    /// Everything up to `cursor` was seen.
    pub(super) fn advance(&mut self, log: LogId, cursor: &Cursor) -> Result<(), Failure> {
        Ok(self.cursors.advance(READER, log, cursor)?)
    }
}

/// Says that a log is no longer what it was.
pub(super) fn set_back(room: &str, what: &str) -> String {
    format!(
        "{room} was rewound or rewritten: {what}. The server was restored from an older copy, or somebody changed it; \
         verify --anew takes the log as it is now"
    )
}

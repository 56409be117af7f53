//! What this profile has seen of a log, kept so that a log that was set back is noticed by whoever reads it again.

use std::collections::BTreeMap;

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
    /// What was known before anything was asked: what another process reads meanwhile may be newer than the server's answer.
    known: BTreeMap<LogId, Vec<Cursor>>,
}

impl Seen {
    /// To be opened before a log is read.
    pub(super) fn open(session: &Session) -> Result<Self, Failure> {
        Self::over(Cursors::open(&session.profile().database_path()?)?)
    }

    fn over(cursors: Cursors) -> Result<Self, Failure> {
        Ok(Self { known: cursors.of_all_logs()?, cursors })
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
        let known = self.known.get(&log).map_or(&[][..], Vec::as_slice);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{EventHash, Seq};

    #[test]
    fn what_another_process_reads_meanwhile_is_no_sign_of_a_log_set_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.db");
        let at = |seq| Cursor { seq: Seq(seq), hash: EventHash([1; 32]) };
        let mut seen = Seen::over(Cursors::open(&path).unwrap()).unwrap();
        Cursors::open(&path).unwrap().advance("screen", LogId(1), &at(9)).unwrap();
        assert_eq!(seen.meet("#ops", LogId(1), at(8), std::iter::empty()).unwrap(), None);
        let mut later = Seen::over(Cursors::open(&path).unwrap()).unwrap();
        let told = later.meet("#ops", LogId(1), at(8), std::iter::empty()).unwrap().unwrap();
        assert!(told.contains("it ends at 8, but 9 was read there before"), "{told}");
    }
}

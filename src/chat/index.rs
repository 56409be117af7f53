//! Keeping the index of what was said: it follows the logs at a distance, in bounded steps, each in a transaction of its own.
//!
//! How far a log is indexed is stored with the index itself, so that nothing is left out or taken twice whenever the process
//! ends. In memory there is only the list of logs that may be behind; after a start it is found again, a stretch at a time.

use crate::message::{EventBody, LogId, RoomEvent, Seq, words_of};
use crate::store::{Database, StoreError};
use std::collections::BTreeSet;

/// Most events of a step: about 2 ms.
pub const INDEX_STEP_MAX: usize = 128;

/// Logs that are checked in one step after a start.
const CHECKED_STEP_MAX: u64 = 1_000;

/// Which logs may have events that are not indexed.
#[derive(Debug)]
pub struct Indexer {
    behind: BTreeSet<LogId>,
    /// How many events were heard of since the last step, at least.
    heard_count: usize,
    /// From which log on it is unknown whether they are behind.
    unchecked: Option<LogId>,
}

/// What a step did; it counts when it is committed.
#[derive(Debug)]
pub struct Indexed {
    found: Vec<LogId>,
    unchecked: Option<LogId>,
    finished: Option<LogId>,
}

impl Default for Indexer {
    fn default() -> Self {
        Self { behind: BTreeSet::new(), heard_count: 0, unchecked: Some(LogId(1)) }
    }
}

impl Indexer {
    /// An event was appended to this log.
    pub fn hear(&mut self, log: LogId) {
        self.behind.insert(log);
        self.heard_count += 1;
    }

    /// Whether there may be something to do.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.unchecked.is_some() || !self.behind.is_empty()
    }

    /// Whether a whole step has come together, so that it is time even if there is no rest.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.heard_count >= INDEX_STEP_MAX
    }

    /// Does one step within the open transaction: looks for logs that are behind, or indexes a stretch of one.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; the transaction must be rolled back.
    pub fn step(&self, db: &mut Database) -> Result<Indexed, StoreError> {
        let mut done = Indexed { found: Vec::new(), unchecked: None, finished: None };
        if let Some(first) = self.unchecked {
            let last = LogId(first.0 + CHECKED_STEP_MAX - 1);
            done.found = db.tables().logs_behind(first, last)?;
            done.unchecked = (last < db.tables().last_log()?).then_some(LogId(last.0 + 1));
            return Ok(done);
        }
        if let Some(log) = self.behind.first().copied()
            && index(db, log)?
        {
            done.finished = Some(log);
        }
        Ok(done)
    }

    /// A step was committed.
    pub fn on_committed(&mut self, done: Indexed) {
        self.unchecked = done.unchecked;
        self.behind.extend(done.found);
        if let Some(log) = done.finished {
            self.behind.remove(&log);
        }
        self.heard_count = self.heard_count.saturating_sub(INDEX_STEP_MAX);
    }
}

/// What an event means for the index.
enum Change {
    /// This is the message's text now.
    Said(Seq, String),
    /// Of the messages from the one place to the other some were erased.
    Erased(Seq, Seq),
}

/// Indexes the next stretch of a log; whether that was its last.
fn index(db: &mut Database, log: LogId) -> Result<bool, StoreError> {
    let after = db.tables().indexed_to(log)?;
    let mut changes = Vec::new();
    let (last, is_all) = db.tables().bodies_after(log, after, INDEX_STEP_MAX, |seq, body| match EventBody::read(body) {
        EventBody::Posted(post) => changes.push(Change::Said(seq, post.text)),
        EventBody::Deleted(post) => changes.push(Change::Erased(post, post)),
        EventBody::Edited(edit) => changes.push(Change::Said(edit.post, edit.text)),
        EventBody::Room(RoomEvent::RangeErased(first, last, _)) => changes.push(Change::Erased(first, last)),
        _ => {}
    })?;
    for change in changes {
        match change {
            Change::Said(seq, text) => db.index(log, seq, &words_of(&text))?,
            Change::Erased(first, last) => db.unindex_erased(log, first, last)?,
        }
    }
    if last > after {
        db.set_indexed_to(log, last)?;
    }
    Ok(is_all)
}

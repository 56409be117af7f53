//! Keeping the index of what was said: it follows the logs at a distance, in bounded steps, each in a transaction of its own.
//!
//! How far a log is indexed is stored with the index itself, so that nothing is left out or taken twice whenever the process
//! ends. In memory there is only the list of logs that may be behind; after a start it is found again, a stretch at a time. The
//! words of erased messages are forgotten here too, when a chore has said that it is time.

use super::command::{Change as Turned, Outcome};
use crate::message::{EventBody, LogId, RoomEvent, Seq, words_of};
use crate::store::{Database, Forgetting, Merge, StoreError};
use std::collections::BTreeSet;

/// Most events of a step: about 2 ms.
pub const INDEX_STEP_MAX: usize = 128;

/// Pages of the index that one step of the forgetting writes anew, of 4 KiB: about 10 ms.
pub const FORGET_STEP_PAGES: u32 = 128;

/// How often all parts of the index are merged. Beside new parts that come meanwhile, a merge of a single part may come to rest
/// half done; the second time there are two or more, and that cannot be.
const FORGET_PASSES: u64 = 2;

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
    /// Whether the words of erased messages are being forgotten.
    is_forgetting: bool,
    /// What the last step did, so that indexing and forgetting take turns.
    last_work: Work,
}

/// What a step works at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Checking,
    Indexing,
    Forgetting,
}

/// What a step did; it counts when it is committed.
#[derive(Debug)]
pub struct Indexed {
    found: Vec<LogId>,
    unchecked: Option<LogId>,
    finished: Option<LogId>,
    is_forgetting: bool,
    work: Work,
}

impl Default for Indexer {
    fn default() -> Self {
        Self {
            behind: BTreeSet::new(),
            heard_count: 0,
            unchecked: Some(LogId(1)),
            is_forgetting: false,
            last_work: Work::Checking,
        }
    }
}

impl Indexer {
    /// A command was committed: events may have been appended, or it may be time to forget the words of erased messages.
    pub fn hear(&mut self, outcome: &Outcome) {
        self.behind.extend(outcome.events.iter().map(|event| event.log));
        self.heard_count += outcome.events.len();
        self.is_forgetting |= outcome.changes.contains(&Turned::ForgetWords);
    }

    /// Whether there may be something to do.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.unchecked.is_some() || !self.behind.is_empty() || self.is_forgetting
    }

    /// Whether a whole step has come together, so that it is time even if there is no rest.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.heard_count >= INDEX_STEP_MAX
    }

    /// Does one step within the open transaction: looks for logs that are behind, indexes a stretch of one, or forgets a part of
    /// the words that are to be forgotten.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; the transaction must be rolled back.
    pub fn step(&self, db: &mut Database) -> Result<Indexed, StoreError> {
        let (found, is_forgetting) = (Vec::new(), self.is_forgetting);
        let mut done = Indexed { found, unchecked: None, finished: None, is_forgetting, work: Work::Indexing };
        if let Some(first) = self.unchecked {
            done.work = Work::Checking;
            done.is_forgetting = db.tables().forgetting()?.is_some();
            let last = LogId(first.0 + CHECKED_STEP_MAX - 1);
            done.found = db.tables().logs_behind(first, last)?;
            done.unchecked = (last < db.tables().last_log()?).then_some(LogId(last.0 + 1));
            return Ok(done);
        }
        if self.is_forgetting && (self.behind.is_empty() || self.last_work == Work::Indexing) {
            done.work = Work::Forgetting;
            done.is_forgetting = forget(db)?;
        } else if let Some(log) = self.behind.first().copied()
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
        self.is_forgetting = done.is_forgetting;
        self.last_work = done.work;
        if done.work != Work::Forgetting {
            self.heard_count = self.heard_count.saturating_sub(INDEX_STEP_MAX);
        }
    }
}

/// Writes a part of the index anew without the words that are to be forgotten; whether there is more to do. In each pass first all
/// parts are marked to be merged, then what is marked is merged on, whatever comes meanwhile.
fn forget(db: &mut Database) -> Result<bool, StoreError> {
    let Some(now) = db.tables().forgetting()? else { return Ok(false) };
    let what = if now.is_under_way { Merge::OnlyBegun } else { Merge::All };
    let next = match (db.merge_index(what, FORGET_STEP_PAGES)?, now.is_under_way) {
        (true, _) => Some(Forgetting { is_under_way: true, ..now }),
        (false, true) if now.pass_count + 1 < FORGET_PASSES => {
            Some(Forgetting { pass_count: now.pass_count + 1, is_under_way: false })
        }
        (false, _) => None,
    };
    if next != Some(now) {
        db.set_forgetting(next)?;
    }
    Ok(next.is_some())
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

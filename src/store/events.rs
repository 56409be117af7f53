//! Events, and the outcomes of commands that are no posts, as rows.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, sql};
use crate::message::{EventHash, HEAD_LEN, Head, LogId, RequestId, Seq, UserId};
use rusqlite::{OptionalExtension, Row, params};

/// The end of a log, where its next event goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// The log.
    pub log: LogId,
    /// The newest event's place; 0 before the first.
    pub seq: Seq,
    /// The chain's hash there.
    pub hash: EventHash,
    /// The newest event's time, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
    /// How many posts the log has had.
    pub post_count: u64,
}

/// An event, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEvent {
    /// Its place.
    pub seq: Seq,
    /// The place of the event before it.
    pub prev: Seq,
    /// The head's bytes.
    pub head: [u8; HEAD_LEN],
    /// The body's bytes, or their hash if they were erased.
    pub body: Result<Vec<u8>, [u8; 32]>,
    /// The author's name as it is now, without `@`.
    pub author: String,
}

/// What came of a command that is no post, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOutcome {
    /// Of what the command asked for, so that another command under its id is told from a repeat.
    pub fingerprint: [u8; 32],
    /// The reply's bytes.
    pub reply: Vec<u8>,
}

/// Whether an event counts as a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It is numbered and found by its id.
    Post,
    /// It is neither.
    Other,
}

/// In which direction a log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the oldest on.
    Forward,
    /// From the newest back.
    Backward,
}

const EVENT: &str = "SELECT seq, prev, head, body, body_hash, users.name FROM events JOIN users ON users.id = author";

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptEvent> {
    let body = match row.get(3)? {
        Some(body) => Ok(body),
        None => Err(row.get(4)?),
    };
    Ok(KeptEvent { seq: Seq(count(row, 0)?), prev: Seq(count(row, 1)?), head: row.get(2)?, body, author: row.get(5)? })
}

impl Tables {
    /// The post that `author` wrote under `id`, with its log.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn post_by_id(&self, author: UserId, id: RequestId) -> Result<Option<KeptEvent>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{EVENT} WHERE author = ?1 AND events.id = ?2 AND post_number IS NOT NULL"))?;
        Ok(statement.query_row(params![sql(author.0), id.0], kept).optional()?)
    }

    /// The event at this place.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn event(&self, log: LogId, seq: Seq) -> Result<Option<KeptEvent>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{EVENT} WHERE log = ?1 AND seq = ?2"))?;
        Ok(statement.query_row([sql(log.0), sql(seq.0)], kept).optional()?)
    }

    /// The chain's position at the newest event not after `seq`; before the first event, place 0 and the genesis hash.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn chain_at(&self, log: LogId, seq: Seq) -> Result<(Seq, EventHash), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, hash FROM events WHERE log = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1")?;
        let position = |row: &Row<'_>| Ok((Seq(count(row, 0)?), EventHash(row.get(1)?)));
        let found = statement.query_row([sql(log.0), sql(seq.0)], position).optional()?;
        Ok(found.unwrap_or((Seq(0), EventHash::genesis(log))))
    }

    /// Place and time of the newest event not after `seq`; `None` before the first event.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn time_at(&self, log: LogId, seq: Seq) -> Result<Option<(Seq, u64)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, head FROM events WHERE log = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1")?;
        let found = statement.query_row([sql(log.0), sql(seq.0)], |row| Ok((Seq(count(row, 0)?), row.get(1)?))).optional()?;
        let Some((seq, head)) = found else { return Ok(None) };
        let head = Head::decode(&head).ok_or(StoreError::Damaged("an event's head does not read"))?;
        Ok(Some((seq, head.time_ms)))
    }

    /// Hands `take` the events from `first` to `last`, both included, in `direction`, until it returns `false` or there are no
    /// more.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn events(
        &self,
        log: LogId,
        (first, last): (Seq, Seq),
        direction: Direction,
        mut take: impl FnMut(KeptEvent) -> bool,
    ) -> Result<(), StoreError> {
        let order = match direction {
            Direction::Forward => "ASC",
            Direction::Backward => "DESC",
        };
        let mut statement =
            self.connection.prepare_cached(&format!("{EVENT} WHERE log = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq {order}"))?;
        let mut rows = statement.query([sql(log.0), sql(first.0), sql(last.0)])?;
        while let Some(row) = rows.next()? {
            if !take(kept(row)?) {
                break;
            }
        }
        Ok(())
    }

    /// What the command that `user` gave under `id` was, and the reply to it; posts are found by [`Tables::post_by_id`].
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn outcome(&self, user: UserId, id: RequestId) -> Result<Option<KeptOutcome>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT fingerprint, reply FROM outcomes WHERE user = ?1 AND id = ?2")?;
        let outcome = |row: &Row<'_>| Ok(KeptOutcome { fingerprint: row.get(0)?, reply: row.get(1)? });
        Ok(statement.query_row(params![sql(user.0), id.0], outcome).optional()?)
    }
}

impl Database {
    /// Appends an event to its log; `before` is the log's head, and the new head is returned.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    ///
    /// # Panics
    /// If the event does not follow the head.
    pub fn append(&mut self, before: &LogHead, head: &Head, body: &[u8], counted: Counted) -> Result<LogHead, StoreError> {
        assert!(head.log == before.log && head.prev == before.seq && head.seq > head.prev, "an event follows its log's head");
        assert!(head.time_ms >= before.time_ms, "time never falls within a log");
        let bytes = head.encode();
        let hash = before.hash.then(&bytes, &crate::message::body_hash(body));
        let (post_count, post_number) = match counted {
            Counted::Post => (before.post_count + 1, Some(sql(before.post_count + 1))),
            Counted::Other => (before.post_count, None),
        };
        self.change_one(
            "INSERT INTO events (log, seq, prev, author, id, post_number, head, body, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                sql(head.log.0),
                sql(head.seq.0),
                sql(head.prev.0),
                sql(head.author.0),
                head.id.0,
                post_number,
                bytes,
                body,
                hash.0
            ],
        )?;
        self.change_one(
            "UPDATE logs SET head_seq = ?2, head_hash = ?3, head_time_ms = ?4, post_count = ?5 WHERE id = ?1",
            params![sql(head.log.0), sql(head.seq.0), hash.0, sql(head.time_ms), sql(post_count)],
        )?;
        Ok(LogHead { log: head.log, seq: head.seq, hash, time_ms: head.time_ms, post_count })
    }

    /// Keeps the reply to a command for its repeats.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn keep_outcome(&mut self, user: UserId, id: RequestId, fingerprint: &[u8; 32], reply: &[u8]) -> Result<(), StoreError> {
        self.change_one(
            "INSERT INTO outcomes (user, id, fingerprint, reply) VALUES (?1, ?2, ?3, ?4)",
            params![sql(user.0), id.0, fingerprint, reply],
        )
    }
}

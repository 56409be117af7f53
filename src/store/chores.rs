//! Chores, work that is due later, as rows; and the erasing that some of it does.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, maybe_count, sql};
use crate::message::{DeviceId, HEAD_LEN, Head, LogId, Seq, UserId, body_hash};
use rusqlite::{OptionalExtension, Row, params};

/// What a chore is; what its state means is up to the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChoreKind {
    /// Erase what a room does not keep.
    Retention,
    /// Post a message that was asked for earlier.
    Post,
    /// Take a deleted account out of everything, and erase what it wrote if that is wished.
    Deletion,
    /// See whether a guest still comes.
    GuestLife,
    /// Have the index forget the words of erased messages.
    Forgetting,
}

/// Work that is due later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chore {
    /// Names it.
    pub id: u64,
    /// When it is due, in milliseconds since 1970 (UTC).
    pub due_ms: u64,
    /// What it is.
    pub work: ChoreWork,
}

/// What is to be done, and in whose name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoreWork {
    /// What it is.
    pub kind: ChoreKind,
    /// In whose name it is done.
    pub user: UserId,
    /// The device that asked for it.
    pub device: DeviceId,
    /// The log it concerns, if it is one.
    pub log: Option<LogId>,
    /// What else the rules need to know.
    pub state: Vec<u8>,
}

/// An event as retention looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgingEvent {
    /// Its place.
    pub seq: Seq,
    /// When it was ordered, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
    /// Its number among the posts, if it is one.
    pub post_number: Option<u64>,
    /// The kind of its body, and the body; `None` if it was erased.
    pub body: Option<Vec<u8>>,
}

const CHORE: &str = "SELECT id, due_ms, kind, user, device, log, state FROM chores";

fn kind_number(kind: ChoreKind) -> i64 {
    match kind {
        ChoreKind::Retention => 1,
        ChoreKind::Post => 2,
        ChoreKind::Deletion => 3,
        ChoreKind::GuestLife => 4,
        ChoreKind::Forgetting => 5,
    }
}

fn chore(row: &Row<'_>) -> rusqlite::Result<Chore> {
    let kind = match row.get::<_, i64>(2)? {
        1 => ChoreKind::Retention,
        2 => ChoreKind::Post,
        3 => ChoreKind::Deletion,
        4 => ChoreKind::GuestLife,
        5 => ChoreKind::Forgetting,
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(2, other)),
    };
    let (user, device) = (UserId(count(row, 3)?), DeviceId(count(row, 4)?));
    let work = ChoreWork { kind, user, device, log: maybe_count(row, 5)?.map(LogId), state: row.get(6)? };
    Ok(Chore { id: count(row, 0)?, due_ms: count(row, 1)?, work })
}

impl Tables {
    /// The chore that is due first.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn first_chore(&self) -> Result<Option<Chore>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{CHORE} ORDER BY due_ms, id LIMIT 1"))?;
        Ok(statement.query_row([], chore).optional()?)
    }

    /// The oldest chore of this kind that concerns this log.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn chore_of_log(&self, kind: ChoreKind, log: LogId) -> Result<Option<Chore>, StoreError> {
        let mut statement =
            self.connection.prepare_cached(&format!("{CHORE} WHERE log = ?1 AND kind = ?2 ORDER BY id LIMIT 1"))?;
        Ok(statement.query_row([sql(log.0), kind_number(kind)], chore).optional()?)
    }

    /// The chores of this kind in the name of this user, those behind the number `after`, at most `count_max`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn chores_of_user(&self, kind: ChoreKind, user: UserId, after: u64, count_max: usize) -> Result<Vec<Chore>, StoreError> {
        let mut statement =
            self.connection.prepare_cached(&format!("{CHORE} WHERE user = ?1 AND kind = ?2 AND id > ?3 ORDER BY id LIMIT ?4"))?;
        let chores = statement.query_map([sql(user.0), kind_number(kind), sql(after), sql(count_max as u64)], chore)?;
        Ok(chores.collect::<Result<_, _>>()?)
    }

    /// The events after `after`, at most `count_max`, as retention looks at them.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn aging_events(&self, log: LogId, after: Seq, count_max: usize) -> Result<Vec<AgingEvent>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, head, post_number, body FROM events WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        )?;
        let mut rows = statement.query([sql(log.0), sql(after.0), sql(count_max as u64)])?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            let head = Head::decode(&row.get::<_, [u8; HEAD_LEN]>(1)?);
            let head = head.ok_or(StoreError::Damaged("an event's head does not read"))?;
            let (post_number, body) = (maybe_count(row, 2)?, row.get(3)?);
            events.push(AgingEvent { seq: Seq(count(row, 0)?), time_ms: head.time_ms, post_number, body });
        }
        Ok(events)
    }
}

impl Database {
    /// Adds a chore.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn add_chore(&mut self, due_ms: u64, work: &ChoreWork) -> Result<u64, StoreError> {
        self.insert(
            "INSERT INTO chores (due_ms, kind, user, device, log, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                sql(due_ms),
                kind_number(work.kind),
                sql(work.user.0),
                sql(work.device.0),
                work.log.map(|log| sql(log.0)),
                work.state
            ],
        )
    }

    /// Puts a chore off, or forward, to another time.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_chore_due(&mut self, id: u64, due_ms: u64) -> Result<(), StoreError> {
        self.change_one("UPDATE chores SET due_ms = ?2 WHERE id = ?1", params![sql(id), sql(due_ms)])
    }

    /// Gives a chore another state; it is due as before.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_chore_state(&mut self, id: u64, state: &[u8]) -> Result<(), StoreError> {
        self.change_one("UPDATE chores SET state = ?2 WHERE id = ?1", params![sql(id), state])
    }

    /// Removes a chore.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn remove_chore(&mut self, id: u64) -> Result<(), StoreError> {
        self.change_one("DELETE FROM chores WHERE id = ?1", params![sql(id)])
    }

    /// Erases the body of an event, salt included, and leaves its hash.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn erase_body(&mut self, log: LogId, seq: Seq, body: &[u8]) -> Result<(), StoreError> {
        self.change_one(
            "UPDATE events SET body = NULL, body_hash = ?3 WHERE log = ?1 AND seq = ?2 AND body IS NOT NULL",
            params![sql(log.0), sql(seq.0), body_hash(body)],
        )
    }

    /// Retention has been through the log up to `seq`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_erased(&mut self, log: LogId, seq: Seq) -> Result<(), StoreError> {
        self.change_one("UPDATE logs SET erased_seq = ?2 WHERE id = ?1", params![sql(log.0), sql(seq.0)])
    }
}

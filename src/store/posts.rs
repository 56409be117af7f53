//! What became of messages, as rows: edits, reactions, pins, threads. All of it follows from the events.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, maybe_count, sql};
use crate::message::{DeviceId, ListKind, LogId, Seq, UserId};
use rusqlite::{OptionalExtension, Row, params};
use std::collections::BTreeSet;

/// One user's reaction to a message, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReaction {
    /// The message.
    pub post: Seq,
    /// The emoji or word.
    pub reaction: String,
    /// Who shows it.
    pub user: UserId,
    /// The event that says so.
    pub seq: Seq,
}

/// The beginning of a thread, as kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thread {
    /// The message it began with.
    pub root: Seq,
    /// How many messages answer it or its answers and were not deleted.
    pub reply_count: u64,
    /// The event that resolved it, unless it is open.
    pub resolved: Option<Seq>,
}

fn place(row: &Row<'_>, column: usize) -> rusqlite::Result<Seq> {
    count(row, column).map(Seq)
}

fn pair(row: &Row<'_>) -> rusqlite::Result<(Seq, Seq)> {
    Ok((place(row, 0)?, place(row, 1)?))
}

fn thread(row: &Row<'_>) -> rusqlite::Result<Thread> {
    Ok(Thread { root: place(row, 0)?, reply_count: count(row, 1)?, resolved: maybe_count(row, 2)?.map(Seq) })
}

impl Tables {
    /// The edits of the messages from `first` to `last`, as message and event, in the order of both.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn edits(&self, log: LogId, (first, last): (Seq, Seq)) -> Result<Vec<(Seq, Seq)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT post, seq FROM edits WHERE log = ?1 AND post BETWEEN ?2 AND ?3")?;
        Ok(statement.query_map([sql(log.0), sql(first.0), sql(last.0)], pair)?.collect::<Result<_, _>>()?)
    }

    /// The reactions to the messages from `first` to `last`, those to one message in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn reactions(&self, log: LogId, (first, last): (Seq, Seq)) -> Result<Vec<KeptReaction>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT post, reaction, user, seq FROM reactions WHERE log = ?1 AND post BETWEEN ?2 AND ?3 ORDER BY post, seq",
        )?;
        let kept = |row: &Row<'_>| {
            Ok(KeptReaction { post: place(row, 0)?, reaction: row.get(1)?, user: UserId(count(row, 2)?), seq: place(row, 3)? })
        };
        Ok(statement.query_map([sql(log.0), sql(first.0), sql(last.0)], kept)?.collect::<Result<_, _>>()?)
    }

    /// The pinned messages from `first` to `last`, with the events that pinned them.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn pins(&self, log: LogId, (first, last): (Seq, Seq)) -> Result<Vec<(Seq, Seq)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT post, seq FROM pins WHERE log = ?1 AND post BETWEEN ?2 AND ?3")?;
        Ok(statement.query_map([sql(log.0), sql(first.0), sql(last.0)], pair)?.collect::<Result<_, _>>()?)
    }

    /// How many messages of the log are pinned.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn pin_count(&self, log: LogId) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT count(*) FROM pins WHERE log = ?1")?;
        Ok(statement.query_row([sql(log.0)], |row| count(row, 0))?)
    }

    /// The threads that begin from `first` to `last`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn threads(&self, log: LogId, (first, last): (Seq, Seq)) -> Result<Vec<Thread>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT root, reply_count, resolved_seq FROM threads WHERE log = ?1 AND root BETWEEN ?2 AND ?3")?;
        Ok(statement.query_map([sql(log.0), sql(first.0), sql(last.0)], thread)?.collect::<Result<_, _>>()?)
    }

    /// The places of the messages of one kind from `first` to `last`, in order, at most `count_max`; erased ones are left out.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn picked(
        &self,
        log: LogId,
        kind: ListKind,
        (first, last): (Seq, Seq),
        count_max: usize,
    ) -> Result<Vec<Seq>, StoreError> {
        let rows = match kind {
            ListKind::Pinned => "SELECT post AS place FROM pins WHERE log = ?1",
            ListKind::Threads => "SELECT root AS place FROM threads WHERE log = ?1",
            ListKind::OpenThreads => "SELECT root AS place FROM threads WHERE log = ?1 AND resolved_seq IS NULL",
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT place FROM ({rows}) JOIN events ON events.log = ?1 AND events.seq = place
             WHERE body IS NOT NULL AND place BETWEEN ?2 AND ?3 ORDER BY place LIMIT ?4"
        ))?;
        let count_max = i64::try_from(count_max).unwrap_or(i64::MAX);
        let places = statement.query_map([sql(log.0), sql(first.0), sql(last.0), count_max], |row| place(row, 0))?;
        Ok(places.collect::<Result<_, _>>()?)
    }

    /// The members of `log` besides `user` whose membership began at `from_max` or before.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn others(&self, log: LogId, user: UserId, from_max: Seq) -> Result<Vec<UserId>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT user FROM memberships WHERE log = ?1 AND user <> ?2 AND from_seq <= ?3 AND to_seq IS NULL")?;
        let users = statement.query_map([sql(log.0), sql(user.0), sql(from_max.0)], |row| count(row, 0).map(UserId))?;
        Ok(users.collect::<Result<_, _>>()?)
    }

    /// The devices of these members that are not revoked and were seen since `seen_ms`, with their users.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn devices_of_others(
        &self,
        log: LogId,
        user: UserId,
        from_max: Seq,
        seen_ms: u64,
    ) -> Result<Vec<(DeviceId, UserId)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT devices.id, devices.user FROM memberships JOIN devices ON devices.user = memberships.user
             WHERE log = ?1 AND memberships.user <> ?2 AND from_seq <= ?3 AND to_seq IS NULL
                 AND revoked_ms IS NULL AND last_seen_ms >= ?4",
        )?;
        let device = |row: &Row<'_>| Ok((DeviceId(count(row, 0)?), UserId(count(row, 1)?)));
        let devices = statement.query_map([sql(log.0), sql(user.0), sql(from_max.0), sql(seen_ms)], device)?;
        Ok(devices.collect::<Result<_, _>>()?)
    }

    /// The users whose read markers in `log` are at `seq` or behind it.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn readers_of(&self, log: LogId, seq: Seq) -> Result<BTreeSet<UserId>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT user FROM read_markers WHERE log = ?1 AND seq >= ?2")?;
        Ok(statement.query_map([sql(log.0), sql(seq.0)], |row| count(row, 0).map(UserId))?.collect::<Result<_, _>>()?)
    }

    /// The member of `log` whose name has one of these skeletons; of several, the one that is first in the list.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn member_called(&self, log: LogId, skeletons: &[String]) -> Result<Option<UserId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT users.id FROM users JOIN memberships ON memberships.user = users.id
             WHERE skeleton = ?1 AND memberships.log = ?2 AND to_seq IS NULL",
        )?;
        for skeleton in skeletons {
            let found = statement.query_row(params![skeleton, sql(log.0)], |row| count(row, 0)).optional()?;
            if let Some(id) = found {
                return Ok(Some(UserId(id)));
            }
        }
        Ok(None)
    }
}

impl Database {
    /// A message was edited by the event at `seq`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn add_edit(&mut self, log: LogId, post: Seq, seq: Seq) -> Result<(), StoreError> {
        self.change_one("INSERT INTO edits (log, post, seq) VALUES (?1, ?2, ?3)", params![sql(log.0), sql(post.0), sql(seq.0)])
    }

    /// A reaction is shown.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_reaction(&mut self, log: LogId, kept: &KeptReaction) -> Result<(), StoreError> {
        self.change_one(
            "INSERT INTO reactions (log, post, reaction, user, seq) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![sql(log.0), sql(kept.post.0), kept.reaction, sql(kept.user.0), sql(kept.seq.0)],
        )
    }

    /// A reaction, which is there, is shown no more.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn remove_reaction(&mut self, log: LogId, post: Seq, reaction: &str, user: UserId) -> Result<(), StoreError> {
        self.change_one(
            "DELETE FROM reactions WHERE log = ?1 AND post = ?2 AND reaction = ?3 AND user = ?4",
            params![sql(log.0), sql(post.0), reaction, sql(user.0)],
        )
    }

    /// A message, which was not pinned, is pinned.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_pin(&mut self, log: LogId, post: Seq, seq: Seq) -> Result<(), StoreError> {
        self.change_one("INSERT INTO pins (log, post, seq) VALUES (?1, ?2, ?3)", params![sql(log.0), sql(post.0), sql(seq.0)])
    }

    /// A message, which was pinned, is pinned no more.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn remove_pin(&mut self, log: LogId, post: Seq) -> Result<(), StoreError> {
        self.change_one("DELETE FROM pins WHERE log = ?1 AND post = ?2", params![sql(log.0), sql(post.0)])
    }

    /// One more message belongs to the thread of `root`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_reply(&mut self, log: LogId, root: Seq) -> Result<(), StoreError> {
        self.change_one(
            "INSERT INTO threads (log, root, reply_count) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET reply_count = reply_count + 1",
            params![sql(log.0), sql(root.0)],
        )
    }

    /// The thread of `root` was resolved by the event at `seq`, or is open again.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_resolved(&mut self, log: LogId, root: Seq, seq: Option<Seq>) -> Result<(), StoreError> {
        self.change_one(
            "INSERT INTO threads (log, root, resolved_seq) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET resolved_seq = excluded.resolved_seq",
            params![sql(log.0), sql(root.0), seq.map(|seq| sql(seq.0))],
        )
    }

    /// Erases a message and its edits: their bodies become hashes, and what became of the message is forgotten. The events
    /// about it stay, they say nothing of its text. `root` is the message with which its thread began, if it is an answer.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn erase_post(&mut self, log: LogId, post: Seq, root: Option<Seq>) -> Result<usize, StoreError> {
        let edits = self.tables().edits(log, (post, post))?;
        let mut row_count = 1 + edits.len();
        for seq in edits.into_iter().map(|(_, seq)| seq).chain([post]) {
            if let Some(Ok(body)) = self.tables().event(log, seq)?.map(|event| event.body) {
                self.erase_body(log, seq, &body)?;
            }
        }
        let of_post = params![sql(log.0), sql(post.0)];
        for table in ["edits", "reactions", "pins"] {
            let mut statement =
                self.tables.connection.prepare_cached(&format!("DELETE FROM {table} WHERE log = ?1 AND post = ?2"))?;
            row_count += statement.execute(of_post)?;
        }
        if let Some(root) = root {
            self.change_one(
                "UPDATE threads SET reply_count = reply_count - 1 WHERE log = ?1 AND root = ?2",
                params![sql(log.0), sql(root.0)],
            )?;
        }
        Ok(row_count)
    }
}

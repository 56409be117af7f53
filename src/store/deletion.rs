//! What the end of an account needs of the rows: where the user is or was, whom a room passes to, what the user wrote where.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, sql};
use super::rooms::role_number;
use crate::message::{LogId, Role, Seq, UserId};
use rusqlite::{OptionalExtension, Row, params};

/// An event of one author that was not erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenEvent {
    /// Its place.
    pub seq: Seq,
    /// Its body.
    pub body: Vec<u8>,
}

/// A stretch of a log, as somebody's erasure looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The last place looked at; `None` if there are no more events.
    pub last: Option<Seq>,
    /// What the author wrote there, in order.
    pub written: Vec<WrittenEvent>,
}

/// Rows that are of use to their user alone, or to nobody once the user is gone: who never comes again needs no invitation and no
/// ban, which count against a room's limits.
const OWN_ROWS: [&str; 7] = [
    "DELETE FROM outcomes WHERE (user, id) IN (SELECT user, id FROM outcomes WHERE user = ?1 LIMIT ?2)",
    "DELETE FROM read_markers WHERE (user, log) IN (SELECT user, log FROM read_markers WHERE user = ?1 LIMIT ?2)",
    "DELETE FROM mentions WHERE (user, log, seq) IN (SELECT user, log, seq FROM mentions WHERE user = ?1 LIMIT ?2)",
    "DELETE FROM ignores WHERE (user, ignored) IN (SELECT user, ignored FROM ignores WHERE user = ?1 LIMIT ?2)",
    "DELETE FROM invites WHERE (log, user) IN (SELECT log, user FROM invites WHERE user = ?1 LIMIT ?2)",
    "DELETE FROM bans WHERE (log, user) IN (SELECT log, user FROM bans WHERE user = ?1 LIMIT ?2)",
    "DELETE FROM invitations WHERE code IN (SELECT code FROM invitations WHERE maker = ?1 LIMIT ?2)",
];

impl Tables {
    /// The member whom a room passes to when its owner goes: the moderator who has been in it longest, else the member who
    /// has; a guest only if there is nobody else of the role.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn heir(&self, log: LogId, leaver: UserId) -> Result<Option<UserId>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT user FROM memberships JOIN users ON users.id = user
             WHERE log = ?1 AND to_seq IS NULL AND user <> ?2 AND enabled AND deleted_ms IS NULL
             ORDER BY memberships.role, users.kind, from_seq, user LIMIT 1",
        )?;
        Ok(statement.query_row([sql(log.0), sql(leaver.0)], |row| count(row, 0).map(UserId)).optional()?)
    }

    /// Whether another member than `leaver` owns the room.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn has_owner_beside(&self, log: LogId, leaver: UserId) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM memberships WHERE log = ?1 AND to_seq IS NULL AND user <> ?2 AND role = ?3)",
        )?;
        Ok(statement.query_row([sql(log.0), sql(leaver.0), role_number(Role::Owner)], |row| row.get(0))?)
    }

    /// Some of the logs that the user is a member of, at most `count_max`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn some_logs_of(&self, user: UserId, count_max: usize) -> Result<Vec<LogId>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT log FROM memberships WHERE user = ?1 AND to_seq IS NULL ORDER BY log LIMIT ?2")?;
        let rows = statement.query_map([sql(user.0), sql(count_max as u64)], |row| count(row, 0).map(LogId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The next log after `after` that the user is or was a member of.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn next_log_ever(&self, user: UserId, after: LogId) -> Result<Option<LogId>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT log FROM memberships WHERE user = ?1 AND log > ?2 ORDER BY log LIMIT 1")?;
        Ok(statement.query_row([sql(user.0), sql(after.0)], |row| count(row, 0).map(LogId)).optional()?)
    }

    /// How many rows there are that go with `user`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    #[cfg(test)]
    pub(crate) fn own_row_count(&self, user: UserId) -> Result<u64, StoreError> {
        let count_all =
            "SELECT (SELECT count(*) FROM outcomes WHERE user = ?1) + (SELECT count(*) FROM read_markers WHERE user = ?1)
             + (SELECT count(*) FROM invites WHERE user = ?1) + (SELECT count(*) FROM bans WHERE user = ?1)
             + (SELECT count(*) FROM mentions WHERE user = ?1) + (SELECT count(*) FROM ignores WHERE user = ?1)
             + (SELECT count(*) FROM invitations WHERE maker = ?1)";
        Ok(self.connection.query_row(count_all, [sql(user.0)], |row| count(row, 0))?)
    }

    /// What `author`, or without one anybody, wrote in the `count_max` events after `after`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn written_by(&self, author: Option<UserId>, log: LogId, after: Seq, count_max: usize) -> Result<Stretch, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, iif(?1 IS NULL OR author = ?1, body, NULL) FROM events
             WHERE log = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4",
        )?;
        let event = |row: &Row<'_>| Ok((Seq(count(row, 0)?), row.get::<_, Option<Vec<u8>>>(1)?));
        let author = author.map(|author| sql(author.0));
        let rows = statement.query_map(params![author, sql(log.0), sql(after.0), sql(count_max as u64)], event)?;
        let mut stretch = Stretch { last: None, written: Vec::new() };
        for row in rows {
            let (seq, body) = row?;
            stretch.last = Some(seq);
            stretch.written.extend(body.map(|body| WrittenEvent { seq, body }));
        }
        Ok(stretch)
    }
}

impl Database {
    /// Ends an account for good: it has no password, profile or role any more.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn end_account(&mut self, user: UserId, time_ms: u64) -> Result<(), StoreError> {
        self.change_one(
            "UPDATE users SET deleted_ms = ?2, password_hash = NULL, role = 0, about = '', tags = '' WHERE id = ?1",
            params![sql(user.0), sql(time_ms)],
        )
    }

    /// Ends a membership of a conversation, which no limit of the user's counts.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn leave_direct(&mut self, log: LogId, user: UserId, to: Seq) -> Result<(), StoreError> {
        self.change_one(
            "UPDATE memberships SET to_seq = ?3 WHERE log = ?1 AND user = ?2 AND to_seq IS NULL",
            params![sql(log.0), sql(user.0), sql(to.0)],
        )?;
        self.change_one("UPDATE logs SET member_count = member_count - 1 WHERE id = ?1", params![sql(log.0)])
    }

    /// Takes a reaction away, if it is shown.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn erase_reaction(&mut self, log: LogId, post: Seq, reaction: &str, user: UserId) -> Result<(), StoreError> {
        self.change_any(
            "DELETE FROM reactions WHERE log = ?1 AND post = ?2 AND reaction = ?3 AND user = ?4",
            params![sql(log.0), sql(post.0), reaction, sql(user.0)],
        )?;
        Ok(())
    }

    /// Removes some of the rows that go with `user`; how many, at most `count_max`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn forget_rows_of(&mut self, user: UserId, count_max: usize) -> Result<usize, StoreError> {
        let mut removed_count = 0;
        for delete in OWN_ROWS {
            let rest = count_max - removed_count;
            removed_count += self.change_any(delete, [sql(user.0), sql(rest as u64)])?;
        }
        Ok(removed_count)
    }
}

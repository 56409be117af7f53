//! Who was invited, banned, muted or ignored, and what was reported, as rows.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, sql};
use super::rooms::role_number;
use crate::message::{IgnoredUser, LogId, Report, Role, Seq, UserId};
use rusqlite::params;

/// Who stands outside a room's door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorList {
    /// Who may come in whatever the room asks.
    Invited,
    /// Who may not.
    Banned,
}

impl DoorList {
    fn table(self) -> &'static str {
        match self {
            Self::Invited => "invites",
            Self::Banned => "bans",
        }
    }
}

impl Tables {
    /// Whether the user is on a room's list.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn is_listed(&self, list: DoorList, log: LogId, user: UserId) -> Result<bool, StoreError> {
        let ask = format!("SELECT 1 FROM {} WHERE log = ?1 AND user = ?2", list.table());
        Ok(self.connection.prepare_cached(&ask)?.exists([sql(log.0), sql(user.0)])?)
    }

    /// How many users are on a room's list.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn listed_count(&self, list: DoorList, log: LogId) -> Result<u64, StoreError> {
        let ask = format!("SELECT count(*) FROM {} WHERE log = ?1", list.table());
        Ok(self.connection.prepare_cached(&ask)?.query_row([sql(log.0)], |row| count(row, 0))?)
    }

    /// Whether `user` does not want to hear `other`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn ignores(&self, user: UserId, other: UserId) -> Result<bool, StoreError> {
        let mut ask = self.connection.prepare_cached("SELECT 1 FROM ignores WHERE user = ?1 AND ignored = ?2")?;
        Ok(ask.exists([sql(user.0), sql(other.0)])?)
    }

    /// The owner and the moderators of a room besides `user`, those of the longest standing first, at most `count_max`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn keepers(&self, log: LogId, user: UserId, count_max: usize) -> Result<Vec<UserId>, StoreError> {
        let mut ask = self.connection.prepare_cached(
            "SELECT user FROM memberships WHERE log = ?1 AND to_seq IS NULL AND role < 2 AND user <> ?2
             ORDER BY role, from_seq, user LIMIT ?3",
        )?;
        let rows = ask.query_map([sql(log.0), sql(user.0), sql(count_max as u64)], |row| count(row, 0).map(UserId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether a member's report about the message at `seq` is kept, and how many reports of theirs in the room are from after
    /// `since_ms`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn reported(&self, (log, seq): (LogId, Seq), reporter: UserId, since_ms: u64) -> Result<(bool, u64), StoreError> {
        let mut ask = self.connection.prepare_cached(
            "SELECT count(*) FILTER (WHERE seq = ?2) > 0, count(*) FILTER (WHERE time_ms > ?4)
             FROM reports WHERE log = ?1 AND reporter = ?3",
        )?;
        let found = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, count(row, 1)?));
        Ok(ask.query_row([sql(log.0), sql(seq.0), sql(reporter.0), sql(since_ms)], found)?)
    }

    /// Whom a user ignores, in the order of their ids, at most `count_max`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn ignored(&self, user: UserId, count_max: usize) -> Result<Vec<IgnoredUser>, StoreError> {
        let mut ask = self.connection.prepare_cached(
            "SELECT ignored, name FROM ignores JOIN users ON users.id = ignored WHERE user = ?1 ORDER BY ignored LIMIT ?2",
        )?;
        let rows = ask.query_map([sql(user.0), sql(count_max as u64)], |row| {
            Ok(IgnoredUser { user: UserId(count(row, 0)?), name: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Reports about messages behind `after`, by place, at most `count_max`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn reports(&self, log: LogId, after: Seq, count_max: usize) -> Result<Vec<Report>, StoreError> {
        let mut ask = self.connection.prepare_cached(
            "SELECT reports.seq, authors.name, reporters.name, reason, reports.time_ms FROM reports
                 JOIN events ON events.log = reports.log AND events.seq = reports.seq
                 JOIN users authors ON authors.id = events.author JOIN users reporters ON reporters.id = reporter
             WHERE reports.log = ?1 AND reports.seq > ?2 ORDER BY reports.seq, reporter LIMIT ?3",
        )?;
        let rows = ask.query_map([sql(log.0), sql(after.0), sql(count_max as u64)], |row| {
            Ok(Report {
                seq: Seq(count(row, 0)?),
                author: row.get(1)?,
                reporter: row.get(2)?,
                reason: row.get(3)?,
                time_ms: count(row, 4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Database {
    /// Puts a user on a room's list, if they are not on it.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn list(&mut self, list: DoorList, log: LogId, user: UserId) -> Result<(), StoreError> {
        let insert = format!("INSERT OR IGNORE INTO {} (log, user) VALUES (?1, ?2)", list.table());
        self.change_any(&insert, [sql(log.0), sql(user.0)])?;
        Ok(())
    }

    /// Takes a user off a room's list; whether they were on it.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn unlist(&mut self, list: DoorList, log: LogId, user: UserId) -> Result<bool, StoreError> {
        let delete = format!("DELETE FROM {} WHERE log = ?1 AND user = ?2", list.table());
        Ok(self.change_any(&delete, [sql(log.0), sql(user.0)])? > 0)
    }

    /// A member may not write until then, in milliseconds since 1970 (UTC); 0: may.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_muted(&mut self, log: LogId, user: UserId, until_ms: u64) -> Result<(), StoreError> {
        self.change_one(
            "UPDATE memberships SET muted_until_ms = ?3 WHERE log = ?1 AND user = ?2 AND to_seq IS NULL",
            params![sql(log.0), sql(user.0), sql(until_ms)],
        )
    }

    /// A member has another role.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_role(&mut self, log: LogId, user: UserId, role: Role) -> Result<(), StoreError> {
        self.change_one(
            "UPDATE memberships SET role = ?3 WHERE log = ?1 AND user = ?2 AND to_seq IS NULL",
            params![sql(log.0), sql(user.0), role_number(role)],
        )
    }

    /// `user` does not want to hear `other`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn ignore(&mut self, user: UserId, other: UserId) -> Result<(), StoreError> {
        self.change_any("INSERT OR IGNORE INTO ignores (user, ignored) VALUES (?1, ?2)", [sql(user.0), sql(other.0)])?;
        Ok(())
    }

    /// `user` hears `other` again.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn hear(&mut self, user: UserId, other: UserId) -> Result<(), StoreError> {
        self.change_any("DELETE FROM ignores WHERE user = ?1 AND ignored = ?2", [sql(user.0), sql(other.0)])?;
        Ok(())
    }

    /// Keeps a report, in place of an earlier one of the same reporter about the same message; of one reporter's in the room
    /// the newest `own_max` stay, of all the newest `all_max`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_report(
        &mut self,
        (log, seq): (LogId, Seq),
        reporter: UserId,
        (reason, time_ms): (&str, u64),
        (own_max, all_max): (u64, u64),
    ) -> Result<(), StoreError> {
        self.change_any(
            "INSERT OR REPLACE INTO reports (log, seq, reporter, reason, time_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![sql(log.0), sql(seq.0), sql(reporter.0), reason, sql(time_ms)],
        )?;
        self.change_any(
            "DELETE FROM reports WHERE log = ?1 AND reporter = ?2 AND (seq, reporter) IN (SELECT seq, reporter FROM reports
                 WHERE log = ?1 AND reporter = ?2 ORDER BY time_ms DESC, seq DESC LIMIT -1 OFFSET ?3)",
            [sql(log.0), sql(reporter.0), sql(own_max)],
        )?;
        self.change_any(
            "DELETE FROM reports WHERE log = ?1 AND (seq, reporter) IN (SELECT seq, reporter FROM reports
                 WHERE log = ?1 ORDER BY time_ms DESC, seq DESC LIMIT -1 OFFSET ?2)",
            [sql(log.0), sql(all_max)],
        )?;
        Ok(())
    }
}

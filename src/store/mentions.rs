//! Who is named where, as rows.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, sql};
use crate::message::{LogId, MENTIONS_COUNTED_MAX, Seq, UserId};
use rusqlite::params;

impl Tables {
    /// How many messages behind `after` name the user, at most [`MENTIONS_COUNTED_MAX`].
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn mention_count(&self, user: UserId, log: LogId, after: Seq) -> Result<u32, StoreError> {
        let mut ask = self
            .connection
            .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM mentions WHERE user = ?1 AND log = ?2 AND seq > ?3 LIMIT ?4)")?;
        let counted = ask.query_row(params![sql(user.0), sql(log.0), sql(after.0), MENTIONS_COUNTED_MAX], |row| count(row, 0))?;
        Ok(u32::try_from(counted).unwrap_or(MENTIONS_COUNTED_MAX))
    }
}

impl Database {
    /// The message at this place names these users, and by its earlier texts nobody any more.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_mentions(&mut self, log: LogId, post: Seq, users: &[UserId]) -> Result<(), StoreError> {
        self.change_any("DELETE FROM mentions WHERE log = ?1 AND seq = ?2", [sql(log.0), sql(post.0)])?;
        self.add_mentions(log, post, users)
    }

    /// The new message at this place names these users.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_mentions(&mut self, log: LogId, post: Seq, users: &[UserId]) -> Result<(), StoreError> {
        for user in users {
            self.change_one("INSERT INTO mentions (user, log, seq) VALUES (?1, ?2, ?3)", [sql(user.0), sql(log.0), sql(post.0)])?;
        }
        Ok(())
    }
}

//! Which message has which file, as rows. The bytes are the business of `blobs`.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, sql};
use crate::message::{FileHash, FileOffer, LogId, Seq, UserId};
use rusqlite::{OptionalExtension, params};

impl Tables {
    /// Whether any message has a file of this hash.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn is_file_kept(&self, hash: &FileHash) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM files WHERE hash = ?1 LIMIT 1")?;
        Ok(statement.exists([hash])?)
    }

    /// Bytes of all files of messages that `user` wrote; a file in two messages counts twice.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn files_len(&self, user: UserId) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT coalesce(sum(len), 0) FROM files WHERE user = ?1")?;
        Ok(statement.query_row([sql(user.0)], |row| count(row, 0))?)
    }

    /// The file of the message at this place.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn file_at(&self, log: LogId, seq: Seq) -> Result<Option<FileOffer>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT hash, len FROM files WHERE log = ?1 AND seq = ?2")?;
        let file = statement.query_row([sql(log.0), sql(seq.0)], |row| Ok(FileOffer { hash: row.get(0)?, len: count(row, 1)? }));
        Ok(file.optional()?)
    }
}

impl Database {
    /// Notes that the message at this place, written by `user`, has this file.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_file(&mut self, log: LogId, seq: Seq, user: UserId, file: &FileOffer) -> Result<(), StoreError> {
        self.change_one(
            "INSERT INTO files (log, seq, user, hash, len) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![sql(log.0), sql(seq.0), sql(user.0), file.hash, sql(file.len)],
        )
    }
}

//! Invitations, and the code that makes an admin, as rows: hashes only, so that who reads them finds no code that works.

use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, sql};
use crate::message::{CodeHash, UserId};
use rusqlite::{OptionalExtension, params};

/// Used-up or old invitations that are cleared away when one is made.
const CLEARED_MAX: i64 = 100;

/// Whether there is a code that makes its user an admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// None was ever made.
    Never,
    /// This one was made, and nobody has used it.
    Open(CodeHash),
    /// It was used.
    Used,
}

impl Tables {
    /// The code that makes its user an admin.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn claim(&self) -> Result<Claim, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT unhex(value) FROM meta WHERE name = 'claim'")?;
        let kept: Option<Vec<u8>> = statement.query_row([], |row| row.get(0)).optional()?;
        Ok(match kept.map(<[u8; 32]>::try_from) {
            None => Claim::Never,
            Some(Ok(hash)) => Claim::Open(CodeHash(hash)),
            Some(Err(_)) => Claim::Used,
        })
    }

    /// Whether somebody may register with the invitation of this code at `time_ms`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn is_invitation(&self, code: &CodeHash, time_ms: u64) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM invitations WHERE code = ?1 AND expires_ms > ?2")?;
        Ok(statement.exists(params![code.0, sql(time_ms)])?)
    }

    /// How many invitations hold at `time_ms`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn invitation_count(&self, time_ms: u64) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT count(*) FROM invitations WHERE expires_ms > ?1")?;
        Ok(statement.query_row([sql(time_ms)], |row| count(row, 0))?)
    }
}

impl Database {
    /// Keeps the code that makes its user an admin, instead of any before it.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn set_claim(&mut self, claim: &CodeHash) -> Result<(), StoreError> {
        self.change_one("INSERT OR REPLACE INTO meta (name, value) VALUES ('claim', hex(?1))", params![claim.0])
    }

    /// The code that makes its user an admin was used.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn end_claim(&mut self) -> Result<(), StoreError> {
        self.change_one("UPDATE meta SET value = '' WHERE name = 'claim'", [])
    }

    /// Adds an invitation, and clears some old ones away.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_invitation(
        &mut self,
        code: &CodeHash,
        maker: UserId,
        uses: u32,
        expires_ms: u64,
        time_ms: u64,
    ) -> Result<(), StoreError> {
        let clear = "DELETE FROM invitations WHERE code IN (SELECT code FROM invitations WHERE expires_ms <= ?1 LIMIT ?2)";
        self.tables.connection.prepare_cached(clear)?.execute(params![sql(time_ms), CLEARED_MAX])?;
        self.change_one(
            "INSERT INTO invitations (code, maker, uses_left, expires_ms) VALUES (?1, ?2, ?3, ?4)",
            params![code.0, sql(maker.0), uses, sql(expires_ms)],
        )
    }

    /// Somebody registered with the invitation of this code, which is there; after its last use it is no more.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn use_invitation(&mut self, code: &CodeHash) -> Result<(), StoreError> {
        let last = "DELETE FROM invitations WHERE code = ?1 AND uses_left = 1";
        if self.tables.connection.prepare_cached(last)?.execute(params![code.0])? == 1 {
            return Ok(());
        }
        self.change_one("UPDATE invitations SET uses_left = uses_left - 1 WHERE code = ?1", params![code.0])
    }
}

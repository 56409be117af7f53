//! Bots, their tokens and what their devices may do, as rows.

use super::accounts::{USER, User, user};
use super::database::{Database, Tables};
use super::error::StoreError;
use super::number::{count, sql};
use crate::message::{CodeHash, DeviceId, LogId, RightSet, UserId, UserName};
use rusqlite::{OptionalExtension, Row, params};

/// What a bot's device may do, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptScope {
    /// What.
    pub rights: RightSet,
    /// In which rooms; `None` for everywhere.
    pub rooms: Option<Vec<LogId>>,
}

/// A token that waits for its device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptToken {
    /// Whose device it makes.
    pub bot: UserId,
    /// What that device may do.
    pub scope: KeptScope,
    /// Until when it holds, in milliseconds since 1970 (UTC).
    pub expires_ms: u64,
}

impl KeptScope {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.rights.bits(), u8::from(self.rooms.is_some())];
        for room in self.rooms.iter().flatten() {
            bytes.extend_from_slice(&room.0.to_be_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[rights, has_rooms], rest) = bytes.split_first_chunk::<2>()?;
        let (ids, rest) = rest.as_chunks::<8>();
        let rooms = (has_rooms == 1).then(|| ids.iter().map(|id| LogId(u64::from_be_bytes(*id))).collect());
        rest.is_empty().then_some(Self { rights: RightSet::from_bits(rights), rooms })
    }
}

fn scope(row: &Row<'_>, column: usize) -> rusqlite::Result<KeptScope> {
    let bytes = row.get_ref(column)?.as_blob()?;
    KeptScope::read(bytes).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, 0))
}

fn token(row: &Row<'_>) -> rusqlite::Result<KeptToken> {
    Ok(KeptToken { bot: UserId(count(row, 0)?), scope: scope(row, 1)?, expires_ms: count(row, 2)? })
}

impl Tables {
    /// A user's bots, those behind `after`, at most `count_max`, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn bots_of(&self, owner: UserId, after: UserId, count_max: usize) -> Result<Vec<User>, StoreError> {
        let select = format!("{USER} WHERE owner = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
        let mut statement = self.connection.prepare_cached(&select)?;
        let bots = statement.query_map([sql(owner.0), sql(after.0), sql(count_max as u64)], user)?;
        Ok(bots.collect::<Result<_, _>>()?)
    }

    /// What a device may do; `None` for a person's, which may do all that the person may.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn scope_of(&self, device: DeviceId) -> Result<Option<KeptScope>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT scope FROM devices WHERE id = ?1 AND scope IS NOT NULL")?;
        Ok(statement.query_row([sql(device.0)], |row| scope(row, 0)).optional()?)
    }

    /// The token of this code, if it holds at `time_ms`.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn bot_token(&self, code: &CodeHash, time_ms: u64) -> Result<Option<KeptToken>, StoreError> {
        let select = "SELECT bot, scope, expires_ms FROM bot_tokens WHERE code = ?1 AND expires_ms > ?2";
        let mut statement = self.connection.prepare_cached(select)?;
        Ok(statement.query_row(params![code.0, sql(time_ms)], token).optional()?)
    }

    /// The tokens of a bot.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn tokens_of(&self, bot: UserId) -> Result<Vec<KeptToken>, StoreError> {
        let select = "SELECT bot, scope, expires_ms FROM bot_tokens WHERE bot = ?1 ORDER BY expires_ms";
        let mut statement = self.connection.prepare_cached(select)?;
        let tokens = statement.query_map([sql(bot.0)], token)?;
        Ok(tokens.collect::<Result<_, _>>()?)
    }
}

impl Database {
    /// Adds a bot.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails; so in all functions here.
    pub fn add_bot(&mut self, name: &UserName, owner: UserId, own_log: LogId, time_ms: u64) -> Result<UserId, StoreError> {
        let id = self.insert(
            "INSERT INTO users (name, skeleton, own_log, created_ms, owner) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![name.as_str(), name.skeleton(), sql(own_log.0), sql(time_ms), sql(owner.0)],
        )?;
        Ok(UserId(id))
    }

    /// Sets what a bot's device may do.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn set_scope(&mut self, device: DeviceId, scope: &KeptScope) -> Result<(), StoreError> {
        self.change_one("UPDATE devices SET scope = ?2 WHERE id = ?1", params![sql(device.0), scope.bytes()])
    }

    /// Adds a token, and clears those of the bot away that hold no more.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn add_bot_token(&mut self, code: &CodeHash, token: &KeptToken, time_ms: u64) -> Result<(), StoreError> {
        let clear = "DELETE FROM bot_tokens WHERE bot = ?1 AND expires_ms <= ?2";
        self.tables.connection.prepare_cached(clear)?.execute(params![sql(token.bot.0), sql(time_ms)])?;
        self.change_one(
            "INSERT INTO bot_tokens (code, bot, scope, expires_ms) VALUES (?1, ?2, ?3, ?4)",
            params![code.0, sql(token.bot.0), token.scope.bytes(), sql(token.expires_ms)],
        )
    }

    /// A token was used.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn end_bot_token(&mut self, code: &CodeHash) -> Result<(), StoreError> {
        self.change_one("DELETE FROM bot_tokens WHERE code = ?1", params![code.0])
    }

    /// The tokens of a bot are worth nothing any more.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn end_tokens_of(&mut self, bot: UserId) -> Result<(), StoreError> {
        self.tables.connection.prepare_cached("DELETE FROM bot_tokens WHERE bot = ?1")?.execute([sql(bot.0)])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_kept_as_bytes() {
        for rooms in [None, Some(vec![]), Some(vec![LogId(7), LogId(1 << 40)])] {
            let kept = KeptScope { rights: RightSet::from_bits(3), rooms };
            assert_eq!(KeptScope::read(&kept.bytes()), Some(kept));
        }
        for bytes in [&[][..], &[3], &[3, 1, 0]] {
            assert_eq!(KeptScope::read(bytes), None);
        }
    }
}

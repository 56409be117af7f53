//! How far each reader has come in each log: a position and the chain's hash there, under the reader's name.
//!
//! Several processes may keep cursors of different names; a cursor only moves on. Losing the last moves to a power cut only
//! shows some messages twice, so they are not synced one by one.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::{self, LocalError};
use crate::message::{EventHash, LogId, Seq};

/// The cursors of a profile.
#[derive(Debug)]
pub struct Cursors {
    database: Connection,
}

/// A reader's position in a log: the last event it has, and the chain's hash there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The last event the reader has.
    pub seq: Seq,
    /// The chain's hash after that event.
    pub hash: EventHash,
}

impl Cursors {
    /// Opens the cursors in the profile's database at `path`.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be opened.
    pub fn open(path: &Path) -> Result<Self, LocalError> {
        Self::over(database::open(path)?)
    }

    /// Cursors that are forgotten with this value, for simulations.
    ///
    /// # Errors
    /// [`LocalError`] if `SQLite` cannot start.
    pub fn in_memory() -> Result<Self, LocalError> {
        Self::over(database::open_in_memory()?)
    }

    fn over(database: Connection) -> Result<Self, LocalError> {
        database.execute_batch("PRAGMA synchronous = NORMAL")?;
        Ok(Self { database })
    }

    /// Where the reader `name` is in `log`.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be read.
    pub fn find(&self, name: &str, log: LogId) -> Result<Option<Cursor>, LocalError> {
        let mut find = self.database.prepare_cached("SELECT seq, hash FROM cursors WHERE name = ?1 AND log = ?2")?;
        let row = find.query_row(params![name, log.0.cast_signed()], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)));
        let Some((seq, hash)) = row.optional()? else { return Ok(None) };
        Ok(Some(Cursor { seq: Seq(seq.cast_unsigned()), hash: EventHash(hash) }))
    }

    /// Where any readers are in all logs, in each in rising order.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be read.
    pub fn of_all_logs(&self) -> Result<BTreeMap<LogId, Vec<Cursor>>, LocalError> {
        let mut list = self.database.prepare_cached("SELECT seq, hash, log FROM cursors ORDER BY seq")?;
        let row = |row: &Row<'_>| Ok((LogId(row.get::<_, i64>(2)?.cast_unsigned()), cursor(row)?));
        let mut logs: BTreeMap<LogId, Vec<Cursor>> = BTreeMap::new();
        for row in list.query_map([], row)? {
            let (log, cursor) = row?;
            logs.entry(log).or_default().push(cursor);
        }
        Ok(logs)
    }

    /// Where any readers are in `log`, in rising order.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be read.
    pub fn of_log(&self, log: LogId) -> Result<Vec<Cursor>, LocalError> {
        let mut list = self.database.prepare_cached("SELECT seq, hash FROM cursors WHERE log = ?1 ORDER BY seq")?;
        let cursors = list.query_map(params![log.0.cast_signed()], cursor)?.collect::<Result<_, _>>()?;
        Ok(cursors)
    }

    /// Moves the reader `name` on to `cursor` in `log`; a cursor that is further already stays.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be written.
    pub fn advance(&mut self, name: &str, log: LogId, cursor: &Cursor) -> Result<(), LocalError> {
        let mut advance = self.database.prepare_cached(
            "INSERT INTO cursors (name, log, seq, hash) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET seq = excluded.seq, hash = excluded.hash WHERE excluded.seq > cursors.seq",
        )?;
        advance.execute(params![name, log.0.cast_signed(), cursor.seq.0.cast_signed(), cursor.hash.0])?;
        Ok(())
    }

    /// Forgets where all readers are in `log`.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be written.
    pub fn forget_log(&mut self, log: LogId) -> Result<(), LocalError> {
        self.database.prepare_cached("DELETE FROM cursors WHERE log = ?1")?.execute(params![log.0.cast_signed()])?;
        Ok(())
    }

    /// Forgets where the reader `name` is in `log`, because the log no longer has that position.
    ///
    /// # Errors
    /// [`LocalError`] if the database cannot be written.
    pub fn forget(&mut self, name: &str, log: LogId) -> Result<(), LocalError> {
        let mut forget = self.database.prepare_cached("DELETE FROM cursors WHERE name = ?1 AND log = ?2")?;
        forget.execute(params![name, log.0.cast_signed()])?;
        Ok(())
    }
}

/// A place and the hash there, from a row that begins with them.
fn cursor(row: &Row<'_>) -> rusqlite::Result<Cursor> {
    Ok(Cursor { seq: Seq(row.get::<_, i64>(0)?.cast_unsigned()), hash: EventHash(row.get(1)?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(seq: u64) -> Cursor {
        Cursor { seq: Seq(seq), hash: EventHash([u8::try_from(seq).unwrap(); 32]) }
    }

    #[test]
    fn a_cursor_is_kept_and_only_moves_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.db");
        let mut cursors = Cursors::open(&path).unwrap();
        assert_eq!(cursors.find("screen", LogId(7)).unwrap(), None);
        cursors.advance("screen", LogId(7), &cursor(5)).unwrap();
        cursors.advance("screen", LogId(7), &cursor(4)).unwrap();
        drop(cursors);
        let mut cursors = Cursors::open(&path).unwrap();
        assert_eq!(cursors.find("screen", LogId(7)).unwrap(), Some(cursor(5)));
        assert_eq!(cursors.find("robot", LogId(7)).unwrap(), None);
        cursors.advance("robot", LogId(7), &cursor(3)).unwrap();
        assert_eq!(cursors.of_log(LogId(7)).unwrap(), [cursor(3), cursor(5)]);
        assert_eq!(cursors.of_all_logs().unwrap(), BTreeMap::from([(LogId(7), vec![cursor(3), cursor(5)])]));
        cursors.forget("screen", LogId(7)).unwrap();
        assert_eq!(cursors.of_log(LogId(7)).unwrap(), [cursor(3)]);
        cursors.forget_log(LogId(7)).unwrap();
        assert_eq!(cursors.of_log(LogId(7)).unwrap(), []);
        assert_eq!(cursors.find("screen", LogId(7)).unwrap(), None);
    }
}

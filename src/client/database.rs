//! The profile's small database, `client.db`: what must survive a crash and is shared by all processes of one profile.
//!
//! `SQLite` in WAL mode, so that readers and a writer in several processes do not wait for each other. What is promised to the
//! user (a message in the outbox) is synced to the disk; what can be had again from the server (outcomes, cursors) is not.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use thiserror::Error;

/// Version of the tables below, kept in `SQLite`'s `user_version`.
const SCHEMA_VERSION: i64 = 1;

/// How long a process waits for another one's short transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages (4 KiB) of the write-ahead log after which a commit folds it into the database.
const CHECKPOINT_PAGES: i64 = 1_000;

const SCHEMA: &str = "
    CREATE TABLE outbox (
        place   INTEGER PRIMARY KEY AUTOINCREMENT,
        id      BLOB NOT NULL,
        target  TEXT NOT NULL,
        text    TEXT NOT NULL,
        reply_to INTEGER,
        payload_kind TEXT,
        payload TEXT,
        owner   BLOB NOT NULL,
        outcome BLOB
    ) STRICT;
    CREATE INDEX outbox_unsent ON outbox (place) WHERE outcome IS NULL;
    CREATE INDEX outbox_settled ON outbox (owner, place) WHERE outcome IS NOT NULL;
    CREATE TABLE cursors (
        name TEXT NOT NULL,
        log  INTEGER NOT NULL,
        seq  INTEGER NOT NULL,
        hash BLOB NOT NULL,
        PRIMARY KEY (name, log)
    ) STRICT, WITHOUT ROWID;
";

/// The machine's fault: the disk refuses, or the file is no database of ours.
#[derive(Debug, Error)]
pub enum LocalError {
    /// `SQLite` says no.
    #[error("the profile's database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A file of the profile cannot be read or written.
    #[error("the profile's files: {0}")]
    Io(#[from] std::io::Error),
    /// A later version of the program wrote the database.
    #[error("the profile's database is of version {0}, which a later udpchat-cli wrote; this one reads {SCHEMA_VERSION}")]
    TooNew(i64),
    /// More unsent messages than the outbox takes.
    #[error("the outbox is full: {0} messages wait to be sent")]
    Full(u64),
    /// A row that this program did not write.
    #[error("the profile's database holds a row that cannot be read")]
    Damaged,
}

/// Opens the database at `path`, and makes it if it is not there.
pub(super) fn open(path: &Path) -> Result<Connection, LocalError> {
    prepare(Connection::open(path)?)
}

/// A database that lives as long as its one connection, for simulations.
pub(super) fn open_in_memory() -> Result<Connection, LocalError> {
    prepare(Connection::open_in_memory()?)
}

fn prepare(mut database: Connection) -> Result<Connection, LocalError> {
    database.busy_timeout(BUSY_TIMEOUT)?;
    // A journal mode cannot be chosen in memory; there the answer is "memory".
    let mode: String = database.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    assert!(mode == "wal" || mode == "memory", "the database is in WAL mode, not {mode}");
    database.execute_batch(&format!("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"))?;
    // Immediate: of two processes that open a new profile at once, the second waits and then finds the tables made.
    let change = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = change.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        0 => change.execute_batch(&format!("{SCHEMA} PRAGMA user_version = {SCHEMA_VERSION};"))?,
        SCHEMA_VERSION => {}
        later => return Err(LocalError::TooNew(later)),
    }
    change.commit()?;
    Ok(database)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_a_later_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.db");
        open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
        assert!(matches!(open(&path), Err(LocalError::TooNew(99))));
    }
}

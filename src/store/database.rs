//! Opening the data directory, the one writer, the readers and the checkpoints.
//!
//! Durability is set here and nowhere else: WAL with `synchronous=FULL`, so that a commit returns when the disk has it. Each
//! setting is read back, because `SQLite` answers a pragma that it cannot follow with silence.

use super::error::StoreError;
use super::schema;
use nix::fcntl::{Flock, FlockArg};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Params};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The database's name in the data directory.
const FILE: &str = "udpchat.db";

/// The lock file's name in the data directory.
const LOCK_FILE: &str = "lock";

/// Statements kept prepared by each connection; there are fewer in the whole program.
const STATEMENTS_MAX: usize = 128;

/// How long `SQLite` waits for a lock that a foreign process (a backup) holds for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What any connection can ask. Its questions are in the files of the tables.
#[derive(Debug)]
pub struct Tables {
    pub(super) connection: Connection,
}

/// The one writer. It holds the directory's lock as long as it lives.
#[derive(Debug)]
pub struct Database {
    pub(super) tables: Tables,
    _lock: Flock<File>,
}

/// A read-only connection.
#[derive(Debug)]
pub struct Reader {
    tables: Tables,
}

/// How the write-ahead log stood after a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpointed {
    /// Its length in pages of 4 KiB; it is written from its beginning again once all of them are moved.
    pub log_pages: u64,
    /// Those not yet moved.
    pub left_pages: u64,
}

/// A connection that moves committed pages from the write-ahead log into the database, beside the writer.
#[derive(Debug)]
pub struct Checkpointer {
    connection: Connection,
}

impl Database {
    /// Opens the database in `directory`; makes directory, lock file and tables where they are missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it, [`StoreError::Newer`], [`StoreError::Setting`], or what the disk says.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let failed = |error| StoreError::Directory { path: directory.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let lock = lock(&directory.join(LOCK_FILE), directory)?;
        // Made here and not by SQLite, which would let everybody read it; its other files take over its mode.
        drop(private_file(&directory.join(FILE))?);
        let connection = connect(directory, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        schema::set_for_writing(&connection)?;
        schema::migrate(&connection)?;
        Ok(Self { tables: Tables { connection }, _lock: lock })
    }

    /// What can be asked.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Begins a transaction; [`Database::commit`] or [`Database::roll_back`] ends it.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn begin(&mut self) -> Result<(), StoreError> {
        self.tables.run("BEGIN IMMEDIATE")
    }

    /// Commits the transaction: when this returns, the disk has it.
    ///
    /// # Errors
    /// [`StoreError::Full`] if it did not fit: nothing of it is stored. Any other error leaves open whether it is stored.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.tables.run("COMMIT")
    }

    /// Undoes the transaction; does nothing if `SQLite` has already undone it.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn roll_back(&mut self) -> Result<(), StoreError> {
        if self.tables.connection.is_autocommit() { Ok(()) } else { self.tables.run("ROLLBACK") }
    }

    /// Moves committed pages as a [`Checkpointer`] does, but between two transactions of the writer's, so that none is added
    /// meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails. Nothing is lost by it: the log keeps what was not moved.
    pub fn checkpoint(&mut self) -> Result<Checkpointed, StoreError> {
        checkpoint(&self.tables.connection)
    }

    /// Lets the file grow to `page_count_max` pages of 4 KiB and no further, or no further than it is: beyond, the disk counts
    /// as full. Holds until the database is opened again.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn limit_pages(&mut self, page_count_max: u32) -> Result<(), StoreError> {
        self.tables.connection.pragma_update_and_check(None, "max_page_count", page_count_max, |_| Ok(()))?;
        Ok(())
    }

    /// How many rows were ever changed over this connection: what wrote nothing left it as it was.
    #[must_use]
    pub fn change_count(&self) -> u64 {
        self.tables.connection.total_changes()
    }

    /// Runs `work` within the open transaction; what it wrote is undone if it returns an inner error.
    ///
    /// # Errors
    /// Those of `work` and of `SQLite`; after one, the whole transaction must be rolled back.
    pub fn attempt<T, R>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<Result<T, R>, StoreError>,
    ) -> Result<Result<T, R>, StoreError> {
        self.tables.run("SAVEPOINT command")?;
        let result = work(self)?;
        if result.is_err() {
            self.tables.run("ROLLBACK TO command")?;
        }
        self.tables.run("RELEASE command")?;
        Ok(result)
    }
}

impl Database {
    /// Inserts a row and returns its id.
    pub(super) fn insert(&mut self, sql: &str, values: impl Params) -> Result<u64, StoreError> {
        let id = self.tables.connection.prepare_cached(sql)?.insert(values)?;
        u64::try_from(id).map_err(|_| StoreError::Damaged("a row has a negative id"))
    }

    /// Changes exactly one row.
    pub(super) fn change_one(&mut self, sql: &str, values: impl Params) -> Result<(), StoreError> {
        let changed = self.tables.connection.prepare_cached(sql)?.execute(values)?;
        assert!(changed == 1, "the statement names one row that is there: {sql}");
        Ok(())
    }

    /// Changes any number of rows; how many.
    pub(super) fn change_any(&mut self, sql: &str, values: impl Params) -> Result<usize, StoreError> {
        Ok(self.tables.connection.prepare_cached(sql)?.execute(values)?)
    }
}

impl Reader {
    /// Opens a read-only connection to the database in `directory`, which a [`Database`] has made.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be opened.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(directory, flags)?;
        schema::set_for_reading(&connection)?;
        Ok(Self { tables: Tables { connection } })
    }

    /// Runs `read` on one committed state of the database.
    ///
    /// # Errors
    /// Those of `read` and of `SQLite`.
    pub fn snapshot<T, E: From<StoreError>>(&self, read: impl FnOnce(&Tables) -> Result<T, E>) -> Result<T, E> {
        self.tables.run("BEGIN")?;
        let result = read(&self.tables);
        self.tables.run("COMMIT")?;
        result
    }
}

impl Checkpointer {
    /// Opens a connection for checkpoints of the database in `directory`, which a [`Database`] has made.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be opened.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let connection = connect(directory, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        schema::set_for_writing(&connection)?;
        Ok(Self { connection })
    }

    /// Moves what no reader needs any more, without making anybody wait.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails. Nothing is lost by it: the log keeps what was not moved.
    pub fn run(&mut self) -> Result<Checkpointed, StoreError> {
        checkpoint(&self.connection)
    }
}

impl Tables {
    /// Runs a statement without parameters and rows.
    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

fn checkpoint(connection: &Connection) -> Result<Checkpointed, StoreError> {
    let (logged, moved): (i64, i64) =
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?)))?;
    let pages = |count| u64::try_from(count).unwrap_or(0);
    Ok(Checkpointed { log_pages: pages(logged), left_pages: pages(logged - moved) })
}

fn lock(path: &Path, directory: &Path) -> Result<Flock<File>, StoreError> {
    Flock::lock(private_file(path)?, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        nix::errno::Errno::EWOULDBLOCK => StoreError::Locked(PathBuf::from(directory)),
        other => StoreError::Directory { path: path.to_owned(), error: io::Error::from(other) },
    })
}

/// Opens a file that only its owner may read, making it if it is missing.
fn private_file(path: &Path) -> Result<File, StoreError> {
    let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    opened.map_err(|error| StoreError::Directory { path: path.to_owned(), error })
}

fn connect(directory: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(directory.join(FILE), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // A plan never depends on the values bound, so a statement is planned once; otherwise a partial index makes SQLite prepare
    // the statement anew at each run (measured: half of a post's 25 µs).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{DeviceName, EventHash, LogId, UserName};

    fn setting(connection: &Connection, name: &str) -> String {
        connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).map_or_else(
            |error| error.to_string(),
            |value| match value {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => format!("{other:?}"),
            },
        )
    }

    #[test]
    fn the_settings_that_the_promises_rest_on_are_in_force() {
        let directory = tempfile::tempdir().unwrap();
        let db = Database::open(directory.path()).unwrap();
        let reader = Reader::open(directory.path()).unwrap();
        for (name, value) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1"), ("wal_autocheckpoint", "0")] {
            assert_eq!(setting(&db.tables.connection, name), value, "{name}");
        }
        assert_eq!(setting(&reader.tables.connection, "query_only"), "1");
        assert_eq!(setting(&reader.tables.connection, "journal_mode"), "wal");
    }

    #[test]
    fn a_file_of_a_later_version_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let db = Database::open(directory.path()).unwrap();
        db.tables.connection.pragma_update(None, "user_version", 1_000).unwrap();
        drop(db);
        let refused = Database::open(directory.path()).unwrap_err();
        assert!(matches!(refused, StoreError::Newer { found: 1_000, .. }), "{refused}");
        assert!(refused.to_string().ends_with("run a newer udpchat"));
    }

    #[test]
    fn a_database_of_another_program_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let other = Connection::open(directory.path().join(FILE)).unwrap();
        other.execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 1").unwrap();
        drop(other);
        assert!(matches!(Database::open(directory.path()).unwrap_err(), StoreError::Damaged(_)));
    }

    #[test]
    fn the_files_are_for_the_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("udpchat-data");
        let db = Database::open(&directory).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        let files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 4, "lock, database, write-ahead log and its index: {files:?}");
        assert!(files.iter().all(|file| mode(file) == 0o600));
        drop(db);
    }

    #[test]
    fn a_refused_attempt_is_undone_and_the_transaction_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let mut db = Database::open(directory.path()).unwrap();
        db.begin().unwrap();
        let refused = db.attempt(|db| db.add_own_log(1).map(|_| Err::<(), _>("no"))).unwrap();
        assert_eq!(refused, Err("no"));
        assert_eq!(db.tables().log(LogId(1)).unwrap(), None);
        let kept = db.attempt(|db| db.add_own_log(1).map(Ok::<_, ()>)).unwrap().unwrap();
        db.commit().unwrap();
        let log = db.tables().log(kept.log).unwrap().unwrap();
        assert_eq!(log.head.hash, EventHash::genesis(kept.log));
        db.roll_back().unwrap();
    }

    #[test]
    fn checkpoints_move_pages_while_others_read_and_write() {
        let directory = tempfile::tempdir().unwrap();
        let mut db = Database::open(directory.path()).unwrap();
        let reader = Reader::open(directory.path()).unwrap();
        let mut checkpointer = Checkpointer::open(directory.path()).unwrap();
        let size = || directory.path().join(FILE).metadata().unwrap().len();
        db.begin().unwrap();
        let own = db.add_own_log(1).unwrap();
        let user = db.add_user(&UserName::parse("alice").unwrap(), None, own.log, 1).unwrap();
        db.add_device(user, &[1; 32], &DeviceName::lenient("laptop"), 1).unwrap();
        let before = size();
        let left = reader.snapshot(|tables| -> Result<u64, StoreError> {
            assert_eq!(tables.user(user)?, None);
            db.commit()?;
            let left = checkpointer.run()?.left_pages;
            assert_eq!(tables.user(user)?, None, "a snapshot stays as it was");
            Ok(left)
        });
        assert!(left.unwrap() > 0, "the reader still needs the old pages");
        assert_eq!(checkpointer.run().unwrap().left_pages, 0);
        assert!(size() > before);
        assert!(reader.snapshot(|tables| tables.user(user)).unwrap().is_some());
    }
}

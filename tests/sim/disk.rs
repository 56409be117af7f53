//! The disk of a simulated world: the server's data directory, what a crash leaves of it, and what it holds for certain.
//!
//! It is a folder in memory where the machine has one, because a swarm commits many thousand times and asks no real disk to
//! keep anything. A crash is a copy of the files as they were at that instant, so that the next start meets a write-ahead log
//! that nobody closed, and perhaps the first part of a commit.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use udpchat::message::{DeviceId, LogId, Seq};

use super::power;

/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";

const DATABASE: &str = "udpchat.db";
/// Where the bytes of files are.
const FILES: &str = "files";

const WRITE_AHEAD_LOG: &str = "udpchat.db-wal";

/// The newest committed place of each log.
pub type Heads = BTreeMap<LogId, Seq>;

/// How the server's process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is killed; the files are as it left them.
    Killed,
    /// The machine's power fails; of the files there is what was synced.
    PowerCut,
}

/// All files of a world.
pub struct Disk {
    directory: TempDir,
    crash_count: u32,
    /// What is committed.
    pub heads: Heads,
    /// How far each log was when a device's revocation was told, or at the latest when the next server started: the device
    /// sees nothing after it.
    pub revoked: BTreeMap<DeviceId, Heads>,
}

impl Disk {
    pub fn new() -> Self {
        let directory = TempDir::new_in(MEMORY).or_else(|_| TempDir::new()).unwrap();
        Self { directory, crash_count: 0, heads: Heads::new(), revoked: BTreeMap::new() }
    }

    /// The server's data directory.
    pub fn data_path(&self) -> PathBuf {
        self.directory.path().join(format!("server-{}", self.crash_count))
    }

    /// A file of the clients.
    pub fn client_path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Bytes in the write-ahead log.
    pub fn log_len(&self) -> u64 {
        fs::metadata(self.data_path().join(WRITE_AHEAD_LOG)).map_or(0, |file| file.len())
    }

    /// What the files hold now is what the next server finds; what the present one does from here on is lost. With `log_len`,
    /// so much of the write-ahead log has reached the disk.
    pub fn crash(&mut self, end: End, log_len: Option<u64>) {
        let before = self.data_path();
        self.crash_count += 1;
        let after = self.data_path();
        fs::create_dir(&after).unwrap();
        for name in [DATABASE, WRITE_AHEAD_LOG] {
            let copied = fs::copy(before.join(name), after.join(name));
            assert!(copied.is_ok() || !before.join(name).exists(), "{name} is copied: {copied:?}");
        }
        match end {
            End::Killed => copy_folder(&before.join(FILES), &after.join(FILES)),
            End::PowerCut => power::salvage(&before.join(FILES), &after.join(FILES)),
        }
        if let Some(len) = log_len {
            let log = OpenOptions::new().write(true).open(after.join(WRITE_AHEAD_LOG)).unwrap();
            log.set_len(len).unwrap();
        }
        power::note_all(&after);
    }

    /// Throws away what the crash before left, once its process is gone.
    pub fn sweep(&self) {
        if let Some(count) = self.crash_count.checked_sub(1) {
            let _gone_already = fs::remove_dir_all(self.directory.path().join(format!("server-{count}")));
        }
    }

    /// Looks up what is committed and who is revoked, after a start.
    pub fn read(&mut self) {
        let database = open(&self.data_path());
        let mut select = database.prepare("SELECT id, head_seq FROM logs").unwrap();
        let rows = select.query_map((), |row| Ok((LogId(number(row, 0)?), Seq(number(row, 1)?)))).unwrap();
        let heads: Heads = rows.map(Result::unwrap).collect();
        for (log, head) in &self.heads {
            assert!(heads.get(log) >= Some(head), "I1: {log} was at {head} before the crash and is at {:?}", heads.get(log));
        }
        self.heads = heads;
        let mut select = database.prepare("SELECT id FROM devices WHERE revoked_ms IS NOT NULL").unwrap();
        for device in select.query_map((), |row| Ok(DeviceId(number(row, 0)?))).unwrap() {
            self.revoked.entry(device.unwrap()).or_insert_with(|| self.heads.clone());
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).into_iter().flatten().map(Result::unwrap) {
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// Opens the database itself, so that no rule of the server stands between a check and the disk.
pub fn open(data_path: &Path) -> Connection {
    Connection::open_with_flags(data_path.join(DATABASE), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// Changes the database behind the server's back: what no request can do yet, or no longer.
pub fn alter(data_path: &Path, statement: &str) {
    let changed = Connection::open(data_path.join(DATABASE)).unwrap().execute(statement, ()).unwrap();
    assert!(changed > 0, "{statement} changes something");
}

/// Every row of every table but those of the search index, which may lag.
pub fn rows(data_path: &Path) -> BTreeMap<String, Vec<String>> {
    let database = open(data_path);
    let named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'search%' AND name NOT LIKE 'sqlite%'";
    let mut select = database.prepare(named).unwrap();
    let tables: Vec<String> = select.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let rows_of = |table: String| {
        let mut select = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = select.column_count();
        let value = |row: &rusqlite::Row<'_>, column| row.get::<_, rusqlite::types::Value>(column);
        let line = |row: &rusqlite::Row<'_>| (0..columns).map(|column| value(row, column)).collect::<Result<Vec<_>, _>>();
        let mut lines: Vec<String> =
            select.query_map((), |row| Ok(format!("{:?}", line(row)?))).unwrap().map(Result::unwrap).collect();
        lines.sort();
        (table, lines)
    };
    tables.into_iter().map(rows_of).collect()
}

/// A column that holds an id or a place.
pub fn number(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap())
}

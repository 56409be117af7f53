//! What can go wrong with the disk, told apart by what must happen next.

use std::path::PathBuf;
use thiserror::Error;

/// The store's no. Nothing here is a user's fault.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk is full: nothing of the transaction is stored, and it may be tried again.
    #[error("the disk is full")]
    Full,
    /// Another process has the data directory.
    #[error("another udpchat server uses {}; stop it first, or give this one a directory of its own with --data", .0.display())]
    Locked(PathBuf),
    /// The database was made by a later version of this program.
    #[error("the database has layout {found}, this version knows {known}: run a newer udpchat")]
    Newer {
        /// The layout in the file.
        found: i64,
        /// The newest layout known here.
        known: i64,
    },
    /// `SQLite` did not take a setting that the promises rest on.
    #[error("SQLite setting {name} is {found:?} instead of {wanted:?}")]
    Setting {
        /// The pragma.
        name: &'static str,
        /// What it reads back as.
        found: String,
        /// What it was set to.
        wanted: &'static str,
    },
    /// A row says what this program never writes.
    #[error("the database is damaged: {0}")]
    Damaged(&'static str),
    /// `SQLite` failed; after a failed write the process must end, the next start recovers.
    #[error("the database failed: {0}")]
    Sqlite(rusqlite::Error),
    /// The bytes of a file failed.
    #[error(transparent)]
    Blob(#[from] super::blobs::BlobError),
    /// The data directory or its lock file failed.
    #[error("cannot use the data directory {}: {error}", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            _ => Self::Sqlite(error),
        }
    }
}

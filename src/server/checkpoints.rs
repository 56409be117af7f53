//! When the write-ahead log is moved into the database: beside the writer, and by the writer itself if that is not enough.
//!
//! A checkpoint of a thread of its own makes no commit wait, but while commits follow one another it never reaches the log's
//! end, and a log is written from its beginning again only after it was moved whole. So when the log has grown long, the
//! writer moves what the thread has just left over, which is little, and the log stays as short under load as at rest.

use crate::store::{Checkpointed, Checkpointer, Database, StoreError};
use crate::worker::Worker;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Commands between two checkpoints: about 2,000 pages, 8 MiB of write-ahead log.
const COMMANDS_BETWEEN: usize = 2_000;

/// The log's length in pages from which on the writer helps: 32 MiB.
const LONG: u64 = 8_192;

/// Moves the log of one database.
#[derive(Debug)]
pub struct Checkpoints {
    worker: Worker<()>,
    /// The log's length in pages at the end of the last checkpoint beside the writer, 0 once the writer has helped.
    log_pages: Arc<AtomicU64>,
    commands_since: usize,
}

impl Checkpoints {
    /// Starts the thread for the database in `directory`, which is open.
    ///
    /// # Errors
    /// If the database does not open a second time or the system gives no thread.
    pub fn start(directory: &Path) -> Result<Self, StoreError> {
        let mut checkpointer = Checkpointer::open(directory)?;
        let log_pages = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&log_pages);
        let work = move |()| match checkpointer.run() {
            Ok(Checkpointed { log_pages, left_pages }) => {
                tracing::debug!(log_pages, left_pages, "checkpoint");
                told.store(log_pages, Ordering::Relaxed);
            }
            // Nothing is lost: the log keeps what was not moved, and the next commit meets the same disk.
            Err(error) => tracing::warn!(%error, "checkpoint failed"),
        };
        let worker =
            Worker::spawn("checkpoints", 1, work).map_err(|error| StoreError::Directory { path: directory.to_owned(), error })?;
        Ok(Self { worker, log_pages, commands_since: 0 })
    }

    /// So many commands were committed, or rows of about as much work; called by the writer between two transactions.
    pub fn on_committed(&mut self, database: &mut Database, command_count: usize) {
        if self.log_pages.load(Ordering::Relaxed) >= LONG {
            self.log_pages.store(0, Ordering::Relaxed);
            match database.checkpoint() {
                Ok(Checkpointed { log_pages, left_pages }) => tracing::debug!(log_pages, left_pages, "the writer helped"),
                Err(error) => tracing::warn!(%error, "checkpoint failed"),
            }
        }
        self.commands_since += command_count;
        if self.commands_since >= COMMANDS_BETWEEN && self.worker.submit(()).is_ok() {
            self.commands_since = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::LogId;
    use std::time::{Duration, Instant};

    /// Writes more than a log of `LONG` pages has.
    fn write_much(database: &mut Database, log: LogId) {
        for letter in 'a'..='i' {
            write(database, log, letter);
        }
    }

    /// Writes a thousand pages; the same letter again would change none.
    fn write(database: &mut Database, log: LogId, letter: char) {
        database.begin().unwrap();
        database.set_topic(log, &letter.to_string().repeat(4_000_000)).unwrap();
        database.commit().unwrap();
    }

    #[test]
    fn the_writer_helps_when_the_log_has_grown_long_and_it_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let mut database = Database::open(directory.path()).unwrap();
        database.begin().unwrap();
        let log = database.add_own_log(1).unwrap().log;
        database.commit().unwrap();
        let mut checkpoints = Checkpoints::start(directory.path()).unwrap();
        write_much(&mut database, log);
        checkpoints.on_committed(&mut database, COMMANDS_BETWEEN);
        let until = Instant::now() + Duration::from_mins(1);
        while checkpoints.log_pages.load(Ordering::Relaxed) < LONG {
            assert!(Instant::now() < until, "the thread tells how long the log is");
            std::thread::yield_now();
        }
        // What is written from here on is what a thread that is beside the writer does not reach.
        write_much(&mut database, log);
        checkpoints.on_committed(&mut database, 0);
        let log_len = || directory.path().join("udpchat.db-wal").metadata().unwrap().len();
        let before = log_len();
        write(&mut database, log, 'j');
        assert_eq!(log_len(), before);
        assert_eq!(checkpoints.log_pages.load(Ordering::Relaxed), 0, "it helps once for each long log");
    }
}

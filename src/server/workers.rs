//! The server's threads and the channels they answer through: the ledger, the readers, the hashing pool.
//!
//! The loop hands jobs in and takes finished ones out, and never waits for either. What a thread has no room for yet waits
//! here; the server caps what is in flight.

use super::config::Config;
use super::event_loop::RunError;
use super::file_job::{FileJob, sweep_files};
use super::job::{Done, Job, Read, Ticket};
use super::ledger::{self, Committed, Ledger, LedgerThread, Ordered, Report};
use crate::auth::{Hashing, Pool, Verdict};
use crate::message::{Refusal, RefusalCode};
use crate::store::{Blobs, Reader, StoreError};
use crate::worker::{Gathering, Worker};
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Threads that answer questions about what is stored.
const READER_COUNT: usize = 2;

/// Questions that wait for one reader; more wait in the loop.
const READER_QUEUE_MAX: usize = 1_024;

/// Jobs that wait for the thread of files; more wait in the loop.
const FILE_QUEUE_MAX: usize = 64;

/// How long after the start, or after the last work on files, those that no message names any more are looked for.
const SWEEP_DELAY: Duration = Duration::from_mins(1);

/// How long until the next look, whatever is done meanwhile: deleted messages let go of files too.
const SWEEP_PAUSE: Duration = Duration::from_mins(10);

/// Jobs after which the clock is looked at, without a rest.
const CLOCK_EVERY: usize = 16;

/// The threads and the channels they answer through.
pub(super) struct Workers {
    ledger: Option<LedgerThread>,
    readers: Vec<Worker<(Ticket, Read)>>,
    files: Option<Worker<(Ticket, FileJob)>>,
    pool: Option<Pool>,
    reports: Receiver<Report>,
    found: Receiver<Done>,
    verdicts: Receiver<(u64, Verdict)>,
    /// Outcomes of a batch that are still to be handed in.
    committed: VecDeque<Done>,
    /// Commands that the ledger's queue has no room for yet, in order. The server caps what is in flight.
    waiting: VecDeque<Ordered>,
    /// Questions that no reader's queue has room for yet. Each session has a few at most.
    questions: VecDeque<(Ticket, Read)>,
    next_reader: usize,
    /// Jobs that the queue of files has no room for yet, in order.
    filings: VecDeque<(Ticket, FileJob)>,
}

impl Workers {
    pub(super) fn start(
        ledger: Ledger,
        directory: &Path,
        config: &Config,
        wake: &(impl Fn() + Clone + Send + Sync + 'static),
    ) -> Result<Self, RunError> {
        let (report, reports) = channel();
        let (find, found) = channel();
        let (judge, verdicts) = channel();
        let ledger = ledger::spawn(ledger, directory, report, wake.clone())?;
        let readers = (0..READER_COUNT).map(|_| start_reader(directory, &find, wake)).collect::<Result<_, _>>()?;
        let files = start_files(directory, &find, wake)?;
        let threads = NonZeroUsize::new(config.limits.hashing_thread_count()).unwrap_or(NonZeroUsize::MIN);
        let pool = Pool::spawn(threads, Hashing::STANDARD, &judge, wake.clone())?;
        Ok(Self {
            ledger: Some(ledger),
            readers,
            files: Some(files),
            pool: Some(pool),
            reports,
            found,
            verdicts,
            committed: VecDeque::new(),
            waiting: VecDeque::new(),
            questions: VecDeque::new(),
            next_reader: 0,
            filings: VecDeque::new(),
        })
    }

    /// Hands a job to its worker; what comes back at once is a refusal.
    pub(super) fn submit(&mut self, job: Job) -> Option<Done> {
        match job {
            Job::Command(ordered) => {
                self.waiting.push_back(*ordered);
                None
            }
            Job::Read(ticket, read) => {
                self.questions.push_back((ticket, read));
                None
            }
            Job::File(ticket, job) => {
                self.filings.push_back((ticket, job));
                None
            }
            Job::Hash(ticket, task) => {
                let pool = self.pool.as_mut()?;
                pool.submit(ticket.0, task).is_err().then_some(Done::Hash(ticket, None))
            }
        }
    }

    /// Moves what waits to its workers, as far as their queues have room.
    pub(super) fn submit_waiting(&mut self) {
        while let Some(question) = self.questions.pop_front() {
            self.next_reader = (self.next_reader + 1) % self.readers.len();
            if let Err(question) = self.readers[self.next_reader].submit(question) {
                self.questions.push_front(question);
                break;
            }
        }
        while let (Some(files), Some(filing)) = (&self.files, self.filings.pop_front()) {
            if let Err(filing) = files.submit(filing) {
                self.filings.push_front(filing);
                break;
            }
        }
        let Some(ledger) = &self.ledger else { return };
        while let Some(ordered) = self.waiting.pop_front() {
            if let Err(ordered) = ledger.submit(ordered) {
                self.waiting.push_front(*ordered);
                return;
            }
        }
    }

    /// What a worker has finished.
    pub(super) fn poll_done(&mut self) -> Result<Option<Done>, StoreError> {
        if self.committed.is_empty()
            && let Ok(report) = self.reports.try_recv()
        {
            match report {
                Report::Committed(Committed { results, full_count }) => {
                    self.committed.extend(results.into_iter().map(|(ticket, result)| Done::Command(Ticket(ticket), result)));
                    self.committed.push_back(Done::Batch(full_count));
                }
                Report::Failed(error) => return Err(error),
            }
        }
        Ok(self
            .committed
            .pop_front()
            .or_else(|| self.found.try_recv().ok())
            .or_else(|| self.verdicts.try_recv().ok().map(|(ticket, verdict)| Done::Hash(Ticket(ticket), Some(verdict)))))
    }

    pub(super) fn is_broken(&self) -> bool {
        self.ledger.as_ref().is_some_and(LedgerThread::is_broken)
            || self.pool.as_ref().is_some_and(Pool::is_broken)
            || self.readers.iter().any(Worker::is_finished)
            || self.files.as_ref().is_some_and(Worker::is_finished)
    }

    pub(super) fn finish(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            ledger.finish();
        }
        self.readers.drain(..).for_each(Worker::finish);
        if let Some(files) = self.files.take() {
            files.finish();
        }
        if let Some(pool) = self.pool.take() {
            pool.finish();
        }
    }
}

fn start_reader(
    directory: &Path,
    find: &Sender<Done>,
    wake: &(impl Fn() + Clone + Send + Sync + 'static),
) -> Result<Worker<(Ticket, Read)>, RunError> {
    let reader = Reader::open(directory)?;
    let (find, wake) = (find.clone(), wake.clone());
    let work = move |(ticket, read): (Ticket, Read)| {
        let answer = read.answer(&reader).unwrap_or_else(|error| {
            tracing::error!(%error, "reading failed");
            Err(Refusal::new(RefusalCode::StoreFailed, "the server cannot read what is stored; its operator has been told"))
        });
        // Nobody listens any more when the server is going down.
        if find.send(Done::Read(ticket, answer)).is_ok() {
            wake();
        }
    };
    Ok(Worker::spawn("reader", READER_QUEUE_MAX, work)?)
}

/// Starts the thread that has the bytes of files. While it has nothing else to do, it also removes those that nobody needs.
fn start_files(
    directory: &Path,
    find: &Sender<Done>,
    wake: &(impl Fn() + Clone + Send + Sync + 'static),
) -> Result<Worker<(Ticket, FileJob)>, RunError> {
    let (mut blobs, reader) = (Blobs::open(directory).map_err(StoreError::from)?, Reader::open(directory)?);
    let (find, wake) = (find.clone(), wake.clone());
    let mut jobs_unclocked = 0;
    let mut swept_at = blobs.time().map_err(StoreError::from)?;
    let work = move |batch: Vec<(Ticket, FileJob)>| {
        let is_rest = batch.is_empty();
        for (ticket, job) in batch {
            jobs_unclocked += 1;
            let done = Done::File(ticket, job.perform(&mut blobs, &reader));
            // Nobody listens any more when the server is going down.
            if find.send(done).is_ok() {
                wake();
            }
        }
        if !is_rest && jobs_unclocked < CLOCK_EVERY {
            return Some(SWEEP_DELAY);
        }
        jobs_unclocked = 0;
        // A disk that tells no time is not swept; a clock that was set back makes it due.
        let Ok(now) = blobs.time() else { return Some(SWEEP_PAUSE) };
        if !is_rest && now.duration_since(swept_at).is_ok_and(|since| since < SWEEP_PAUSE) {
            return Some(SWEEP_DELAY);
        }
        swept_at = now;
        match sweep_files(&mut blobs, &reader) {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "files that no message has any more are removed"),
            Err(error) => tracing::error!(%error, "files that no message has any more cannot be removed"),
        }
        Some(SWEEP_PAUSE)
    };
    let gathering = Gathering { batch_max: 1, interval_min: Duration::ZERO, first_rest_delay: Some(SWEEP_DELAY) };
    Ok(Worker::spawn_batched("files", FILE_QUEUE_MAX, gathering, work)?)
}

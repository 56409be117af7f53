//! The ledger: the one order of all commands, and the only writer of the database.
//!
//! A batch of commands is one transaction with one fsync; `batch` sees to it that a refused command leaves nothing behind.
//! Nobody hears of an outcome before the disk has it. The thread that drains the queue lives here too; in simulations
//! [`Ledger::commit`] is called directly. Between batches the ledger also writes the search index, in small steps that give way
//! to commands.

use super::batch;
use super::checkpoints::Checkpoints;
use crate::chat::{self, Command, INDEX_STEP_MAX, Indexer, Outcome};
use crate::message::{CodeHash, Refusal, RefusalCode};
use crate::store::{Claim, Database, StoreError};
use crate::worker::{Gathering, Worker};
use std::io;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// Most commands that wait for the ledger: two full batches, one being committed and one being gathered.
pub const QUEUE_MAX: usize = 2 * BATCH_MAX;

/// Most commands in one transaction: at 20 µs each, about as long as one slow fsync.
pub const BATCH_MAX: usize = 1_024;

/// How long after a batch began the next may begin. A commit costs the processor as much as ten posts, so that what comes
/// meanwhile shares one; a millisecond is less than the network takes.
const BATCH_INTERVAL_MIN: Duration = Duration::from_millis(1);

/// How long nothing must be asked for before the index takes up what was said, unless enough for a step has come together: a
/// step has an fsync of its own, which the next message would have to wait for.
const INDEX_DELAY: Duration = Duration::from_millis(100);

/// How long the index waits after it could not be written.
const INDEX_RETRY_DELAY: Duration = Duration::from_secs(10);

/// The writer.
#[derive(Debug)]
pub struct Ledger {
    database: Database,
    /// How many batches a full disk has refused.
    full_count: u64,
    indexer: Indexer,
}

/// How the search index stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexState {
    /// It has everything.
    UpToDate,
    /// It lags behind the logs.
    Behind,
    /// It lags behind and could not take up more: the disk is full, or the index damaged.
    Stuck,
}

/// A command on its way to the ledger.
#[derive(Debug)]
pub struct Ordered {
    /// Joins its outcome to who asked.
    pub ticket: u64,
    /// How many of the ledger's refusals of whole batches had been heard when it was ordered. A command that was ordered in
    /// ignorance of one is refused with it: what stands before it in its session may be among the refused, and order holds.
    pub heard_full_count: u64,
    /// What is to be done.
    pub command: Command,
}

/// What the ledger's thread tells.
#[derive(Debug)]
pub enum Report {
    /// A batch was committed or refused.
    Committed(Committed),
    /// The disk failed. Whether the batch is stored is unknown; nobody may be told anything, and the process must end.
    Failed(StoreError),
}

/// A batch that the ledger is through with.
#[derive(Debug)]
pub struct Committed {
    /// Each command's ticket with what came of it, in the order of the commands.
    pub results: Vec<(u64, Result<Outcome, Refusal>)>,
    /// How many batches a full disk has refused so far, this one included.
    pub full_count: u64,
}

/// The ledger's thread and the door to its queue.
#[derive(Debug)]
pub struct LedgerThread {
    worker: Worker<Ordered>,
}

impl Ledger {
    /// Opens the database in `directory`, making it if it is missing, and locks the directory.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it, or what [`Database::open`] says.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Database::open(directory).map(|database| Self { database, full_count: 0, indexer: Indexer::default() })
    }

    /// Runs `batch` in order within one transaction and commits it. When this returns, the disk has what the outcomes say.
    /// On a full disk nothing is stored and every command is refused [`RefusalCode::ReadOnly`].
    ///
    /// # Errors
    /// [`StoreError`]: whether the batch is stored is unknown, and the process must end.
    pub fn commit(&mut self, batch: &[Command]) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        match self.commit_all(batch) {
            Err(StoreError::Full) => {
                self.database.roll_back()?;
                self.full_count += 1;
                Ok(batch.iter().map(|_| Err(disk_full())).collect())
            }
            done => done,
        }
    }

    /// Commits what was ordered in full knowledge, and refuses the rest.
    ///
    /// # Errors
    /// Like [`commit`](Self::commit).
    pub fn run(&mut self, batch: Vec<Ordered>) -> Result<Committed, StoreError> {
        let full_count = self.full_count;
        let is_informed = |ordered: &Ordered| ordered.heard_full_count >= full_count;
        let tickets: Vec<(u64, bool)> = batch.iter().map(|ordered| (ordered.ticket, is_informed(ordered))).collect();
        let commands: Vec<Command> = batch.into_iter().filter(is_informed).map(|ordered| ordered.command).collect();
        let mut done = self.commit(&commands)?.into_iter();
        let result =
            |(ticket, is_informed)| (ticket, if is_informed { done.next() } else { None }.unwrap_or_else(|| Err(disk_full())));
        Ok(Committed { results: tickets.into_iter().map(result).collect(), full_count: self.full_count })
    }

    /// Lets the database grow to `page_count_max` pages of 4 KiB and no further; simulations fill the disk with it.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn limit_pages(&mut self, page_count_max: u32) -> Result<(), StoreError> {
        self.database.limit_pages(page_count_max)
    }

    /// Does one step of indexing, in a transaction of its own.
    ///
    /// # Errors
    /// [`StoreError`]: the process must end, as after [`commit`](Self::commit).
    pub fn index(&mut self) -> Result<IndexState, StoreError> {
        if !self.indexer.is_behind() {
            return Ok(IndexState::UpToDate);
        }
        match self.index_step() {
            Err(error) => {
                // Nobody was promised anything by it, so that talking goes on.
                self.database.roll_back()?;
                tracing::error!(%error, "what was said cannot be indexed for searching; trying again later");
                Ok(IndexState::Stuck)
            }
            Ok(()) => Ok(if self.indexer.is_behind() { IndexState::Behind } else { IndexState::UpToDate }),
        }
    }

    fn index_step(&mut self) -> Result<(), StoreError> {
        self.database.begin()?;
        let done = self.indexer.step(&mut self.database)?;
        self.database.commit()?;
        self.indexer.on_committed(done);
        Ok(())
    }

    /// Keeps the write-ahead log short, after so many commands were committed or rows indexed.
    pub fn checkpoint(&mut self, checkpoints: &mut Checkpoints, written_count: usize) {
        checkpoints.on_committed(&mut self.database, written_count);
    }

    /// Keeps `fresh` as the code that makes its user the server's admin, if there never was one or `anew`. Whether it did.
    ///
    /// # Errors
    /// [`StoreError`] if the database fails.
    pub fn offer_claim(&mut self, fresh: &CodeHash, anew: bool) -> Result<bool, StoreError> {
        let is_kept = anew || self.database.tables().claim()? == Claim::Never;
        if is_kept {
            self.database.set_claim(fresh)?;
        }
        Ok(is_kept)
    }

    fn commit_all(&mut self, batch: &[Command]) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        let results = batch::run(&mut self.database, batch, chat::execute)?;
        if planted!(ToldWithoutCommit) && batch.len() > 1 {
            self.database.roll_back()?;
        } else {
            self.database.commit()?;
        }
        results.iter().flatten().for_each(|outcome| self.indexer.hear(outcome));
        Ok(results)
    }
}

fn disk_full() -> Refusal {
    Refusal::new(RefusalCode::ReadOnly, "the server's disk is full and it stores nothing now; try again later")
}

/// Starts the ledger's thread and one for its checkpoints. Each batch's report goes to `reports`, then `wake` is called on
/// the ledger's thread.
///
/// # Errors
/// If `directory` does not open a second time or the system gives no thread.
pub fn spawn(
    mut ledger: Ledger,
    directory: &Path,
    reports: Sender<Report>,
    wake: impl Fn() + Send + 'static,
) -> Result<LedgerThread, StoreError> {
    let failed = |error: io::Error| StoreError::Directory { path: directory.to_owned(), error };
    let mut checkpoints = Checkpoints::start(directory)?;
    let (mut failed_before, mut stuck_until) = (false, None::<Instant>);
    let work = move |batch: Vec<Ordered>| {
        // After a failure nothing may be told any more; the process is about to end.
        if failed_before {
            return None;
        }
        // Nobody listens any more when the server is going down.
        let tell = |report| {
            if reports.send(report).is_ok() {
                wake();
            }
        };
        let is_rest = batch.is_empty();
        let mut written_count = batch.len();
        if !is_rest {
            match ledger.run(batch) {
                Ok(committed) => tell(Report::Committed(committed)),
                Err(error) => {
                    failed_before = true;
                    tell(Report::Failed(error));
                    return None;
                }
            }
        }
        let stuck_delay = stuck_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        let mut next_step_delay = ledger.indexer.is_behind().then_some(stuck_delay.max(INDEX_DELAY));
        if stuck_delay.is_zero() && (is_rest || ledger.indexer.is_due()) {
            written_count += INDEX_STEP_MAX;
            next_step_delay = match ledger.index() {
                Ok(IndexState::UpToDate) => None,
                Ok(IndexState::Behind) => Some(if is_rest { Duration::ZERO } else { INDEX_DELAY }),
                Ok(IndexState::Stuck) => {
                    stuck_until = Some(Instant::now() + INDEX_RETRY_DELAY);
                    Some(INDEX_RETRY_DELAY)
                }
                Err(error) => {
                    failed_before = true;
                    tell(Report::Failed(error));
                    return None;
                }
            };
        }
        ledger.checkpoint(&mut checkpoints, written_count);
        next_step_delay
    };
    let gathering = Gathering { batch_max: BATCH_MAX, interval_min: BATCH_INTERVAL_MIN, first_rest_delay: Some(INDEX_DELAY) };
    Worker::spawn_batched("ledger", QUEUE_MAX, gathering, work).map(|worker| LedgerThread { worker }).map_err(failed)
}

impl LedgerThread {
    /// Queues a command; its outcome comes as a [`Report`] under its ticket.
    ///
    /// # Errors
    /// The command itself, if the queue is full.
    pub fn submit(&self, ordered: Ordered) -> Result<(), Box<Ordered>> {
        self.worker.submit(ordered).map_err(Box::new)
    }

    /// Whether the thread has ended, by a panic.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.worker.is_finished()
    }

    /// Lets the thread commit what is queued, then closes the database.
    pub fn finish(self) {
        self.worker.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Action, Actor, Draft};
    use crate::message::{DeviceName, Reply, RequestId, RoomName, Seq, Target, Text, UserName, Visibility};
    use crate::store::Reader;
    use std::sync::mpsc::channel;

    fn command(actor: Actor, number: u8, action: Action) -> Command {
        Command { actor, id: RequestId([number; 16]), fingerprint: [number; 32], time_ms: 1, salt: [number; 16], action }
    }

    fn register(number: u8, name: &str) -> Command {
        let action = Action::Register {
            name: UserName::parse(name).unwrap(),
            password_hash: "phc".into(),
            device: DeviceName::lenient("laptop"),
            invitation: None,
        };
        command(Actor::Stranger { key: [number; 32] }, number, action)
    }

    fn create(actor: Actor, number: u8) -> Command {
        let name = RoomName::parse("#ops").unwrap();
        command(
            actor,
            number,
            Action::CreateRoom(crate::chat::NewRoom {
                name,
                password_hash: None,
                visibility: Visibility::Public,
                template: crate::message::Template::Plain,
                changes: crate::message::GoodChanges::default(),
            }),
        )
    }

    fn post(actor: Actor, number: u8, text: &str) -> Command {
        command(actor, number, Action::Post(Draft::plain(Target::Room("#ops".into()), Text::parse(text).unwrap())))
    }

    fn ordered(ticket: u64, command: Command) -> Ordered {
        Ordered { ticket, heard_full_count: 0, command }
    }

    fn alice(ledger: &mut Ledger) -> Actor {
        let registered = ledger.commit(&[register(1, "alice")]).unwrap().remove(0).unwrap();
        let Reply::Account(account) = registered.reply else { panic!("an account was expected") };
        Actor::Member { user: account.user, device: account.device }
    }

    fn codes(results: Vec<Result<Outcome, Refusal>>) -> Vec<Option<RefusalCode>> {
        results.into_iter().map(|result| result.err().map(|refusal| refusal.code())).collect()
    }

    #[test]
    fn a_refused_command_leaves_the_rest_of_its_batch_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(directory.path()).unwrap();
        let actor = alice(&mut ledger);
        let batch = [post(actor, 2, "early"), create(actor, 3), create(actor, 4), post(actor, 5, "in time")];
        let results = ledger.commit(&batch).unwrap();
        let Reply::Stored(last) = &results[3].as_ref().unwrap().reply else { panic!() };
        assert_eq!(last.seq, Seq(3));
        let (none, taken) = (Some(RefusalCode::NoSuchRoom), Some(RefusalCode::RoomTaken));
        assert_eq!(codes(results), [none, None, taken, None]);
        assert!(ledger.commit(&[]).unwrap().is_empty());
    }

    #[test]
    fn nobody_reads_what_is_not_committed() {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(directory.path()).unwrap();
        let reader = Reader::open(directory.path()).unwrap();
        ledger.database.begin().unwrap();
        let ran = ledger.database.attempt(|database| chat::execute(database, &register(1, "alice"))).unwrap();
        assert!(ran.is_ok());
        assert_eq!(chat::password_of(&reader, "alice").unwrap(), None);
        ledger.database.commit().unwrap();
        assert!(chat::password_of(&reader, "alice").unwrap().is_some());
    }

    #[test]
    fn a_full_disk_refuses_the_whole_batch_and_heals_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(directory.path()).unwrap();
        let actor = alice(&mut ledger);
        ledger.commit(&[create(actor, 2)]).unwrap();
        ledger.limit_pages(1).unwrap();
        let long = "x".repeat(16 * 1024);
        let batch: Vec<_> = (10..40).map(|number| post(actor, number, &long)).collect();
        let results = ledger.commit(&batch).unwrap();
        assert!(results.iter().all(|result| matches!(result, Err(no) if no.code() == RefusalCode::ReadOnly)));
        let reader = Reader::open(directory.path()).unwrap();
        let rooms = chat::memberships(&reader, crate::message::UserId(1), None).unwrap();
        assert_eq!(rooms.memberships[0].head, Seq(2), "nothing of it is stored");
        ledger.limit_pages(1 << 20).unwrap();
        assert!(ledger.commit(&batch).unwrap().iter().all(Result::is_ok));
    }

    #[test]
    fn what_was_ordered_before_the_refusal_was_heard_is_refused_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(directory.path()).unwrap();
        let actor = alice(&mut ledger);
        ledger.commit(&[create(actor, 2)]).unwrap();
        ledger.limit_pages(1).unwrap();
        let long = "x".repeat(16 * 1024);
        let first = (10..40).map(|number| ordered(u64::from(number), post(actor, number, &long))).collect();
        let refused = ledger.run(first).unwrap();
        assert!(refused.full_count == 1 && refused.results.iter().all(|(_, result)| result.is_err()));
        // There is room again, but the session did not know when it sent its next message.
        ledger.limit_pages(1 << 20).unwrap();
        let second = ledger.run(vec![ordered(50, post(actor, 50, "behind the refused"))]).unwrap();
        assert!(matches!(&second.results[..], [(50, Err(no))] if no.code() == RefusalCode::ReadOnly));
        let again = Ordered { heard_full_count: 1, ..ordered(10, post(actor, 10, &long)) };
        assert!(ledger.run(vec![again]).unwrap().results[0].1.is_ok());
    }

    #[test]
    fn a_second_server_on_the_same_directory_is_turned_away() {
        let directory = tempfile::tempdir().unwrap();
        let first = Ledger::open(directory.path()).unwrap();
        let refused = Ledger::open(directory.path()).unwrap_err();
        assert!(matches!(refused, StoreError::Locked(_)));
        assert!(refused.to_string().starts_with("another udpchat server uses "));
        drop(first);
        Ledger::open(directory.path()).unwrap();
    }

    #[test]
    fn the_thread_answers_every_ticket_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(directory.path()).unwrap();
        let actor = alice(&mut ledger);
        ledger.commit(&[create(actor, 2)]).unwrap();
        let (reports, told) = channel();
        let (woken, wakes) = channel();
        let thread = spawn(ledger, directory.path(), reports, move || woken.send(()).unwrap()).unwrap();
        for number in 10..110_u8 {
            thread.submit(ordered(u64::from(number), post(actor, number, "text"))).unwrap();
        }
        thread.finish();
        let mut places = Vec::new();
        for report in &told {
            let Report::Committed(committed) = report else { panic!("the disk is well") };
            for (ticket, result) in committed.results {
                let Reply::Stored(stored) = result.unwrap().reply else { panic!() };
                places.push((ticket, stored.seq.0));
            }
        }
        assert_eq!(places, (10..110).map(|ticket| (ticket, ticket - 7)).collect::<Vec<_>>());
        assert!(wakes.try_iter().count() > 0);
        // Its directory is free again.
        Ledger::open(directory.path()).unwrap();
    }

    #[test]
    fn a_flood_of_commands_is_handed_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(directory.path()).unwrap();
        let actor = alice(&mut ledger);
        let (reports, told) = channel();
        let (gate, opened) = channel::<()>();
        let (started, begun) = channel();
        let wake = move || {
            let _ = started.send(());
            let _ = opened.recv();
        };
        let thread = spawn(ledger, directory.path(), reports, wake).unwrap();
        thread.submit(ordered(0, create(actor, 2))).unwrap();
        begun.recv().unwrap();
        let taken = (1..10_000).take_while(|ticket| thread.submit(ordered(*ticket, post(actor, 3, "text"))).is_ok()).count();
        assert_eq!(taken, QUEUE_MAX);
        drop(gate);
        thread.finish();
        let batches: Vec<usize> = told
            .iter()
            .map(|report| match report {
                Report::Committed(committed) => committed.results.len(),
                Report::Failed(error) => panic!("{error}"),
            })
            .collect();
        assert_eq!(batches, [1, BATCH_MAX, BATCH_MAX]);
    }

    #[test]
    fn after_a_failure_nobody_is_told_anything() {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(directory.path()).unwrap();
        let actor = alice(&mut ledger);
        // A transaction that is open already makes the next one fail.
        ledger.database.begin().unwrap();
        let (reports, told) = channel();
        let (woken, wakes) = channel();
        let thread = spawn(ledger, directory.path(), reports, move || woken.send(()).unwrap()).unwrap();
        thread.submit(ordered(1, create(actor, 2))).unwrap();
        wakes.recv().unwrap();
        thread.submit(ordered(2, create(actor, 2))).unwrap();
        thread.finish();
        let reports: Vec<_> = told.iter().collect();
        assert!(matches!(reports[..], [Report::Failed(_)]), "{reports:?}");
    }
}

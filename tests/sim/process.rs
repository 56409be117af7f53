//! The server's process in a simulated world: the state machine, and its ledger and readers, who work as late and in whatever
//! order the dice say. Commands alone keep their order.

use std::collections::BTreeMap;

use udpchat::auth::{Hasher, Hashing};
use udpchat::chat::{Change, Command, Outcome};
use udpchat::crypto::{Dice, ServerSecrets};
use udpchat::message::{Refusal, RefusalCode, Registration};
use udpchat::server::{AllowanceConfig, Done, FileLimits, Job, Ledger, Now, Ordered, Server, ServerConfig, Ticket, sweep_files};
use udpchat::store::{Blobs, Checkpointer, Reader};
use udpchat::transport::{Config, Micros, Time};

use super::disk::{Disk, End};
use super::power;

/// One in so many batches is followed by a checkpoint.
const CHECKPOINT_EVERY: u64 = 16;

/// Pages of a database that may grow.
const PAGE_COUNT_MAX: u32 = 1 << 30;

/// How many bytes of files are kept.
const FILES: FileLimits = FileLimits { file_len_max: 8 << 20, user_len_max: 1 << 30 };

/// The server's process.
pub struct Process {
    pub server: Server,
    ledger: Ledger,
    reader: Reader,
    blobs: Blobs,
    checkpointer: Checkpointer,
    commands: Vec<Ordered>,
    commit_at: Option<Time>,
    /// When the last batch is told.
    told_at: Time,
    /// Work that is done, to be told later.
    done: BTreeMap<(Time, u64), Done>,
    /// Work to be done later.
    jobs: BTreeMap<(Time, u64), Job>,
    count: u64,
    /// The commands that ran, in the ledger's order, each with what came of it.
    pub ran: Vec<(Command, Result<Outcome, Refusal>)>,
}

impl Process {
    /// Starts on what is on the disk.
    pub fn start(disk: &mut Disk, secrets: ServerSecrets, dice: Dice, now: Now) -> Self {
        let config = ServerConfig {
            endpoint: Config::server(),
            guests: true,
            guest_days: 1,
            registration: Registration::Open,
            follows_per_session_max: 64,
            allowances: AllowanceConfig::DEFAULT,
            files: FILES,
        };
        let path = disk.data_path();
        let ledger = Ledger::open(&path).unwrap();
        disk.read();
        let blobs = Blobs::open_watched(&path, power::note).unwrap();
        Self {
            server: Server::new(config, secrets, dice, now),
            ledger,
            reader: Reader::open(&path).unwrap(),
            blobs,
            checkpointer: Checkpointer::open(&path).unwrap(),
            commands: Vec::new(),
            commit_at: None,
            told_at: Time::default(),
            done: BTreeMap::new(),
            jobs: BTreeMap::new(),
            count: 0,
            ran: Vec::new(),
        }
    }

    /// Dies: what was not committed never was. If commands wait, it dies while it commits them, and their commit is on the
    /// disk in part or as a whole, though nobody was told.
    pub fn kill(mut self, end: End, disk: &mut Disk, dice: &mut Dice) {
        let before = disk.log_len();
        if self.commands.is_empty() || dice.below(2) == 0 {
            disk.crash(end, None);
        } else {
            self.ledger.run(std::mem::take(&mut self.commands)).unwrap();
            let written = disk.log_len() - before;
            let reached = if dice.below(4) == 0 { written } else { dice.below(written + 1) };
            disk.crash(end, Some(before + reached));
        }
        drop(self);
        disk.sweep();
    }

    /// From now on the disk has no more room, or has room again.
    pub fn set_disk_full(&mut self, is_full: bool) {
        self.ledger.limit_pages(if is_full { 1 } else { PAGE_COUNT_MAX }).unwrap();
        self.limit_file_room(if is_full { 0 } else { u64::MAX });
    }

    /// From now on the disk takes so many more bytes of files.
    pub fn limit_file_room(&mut self, room_len: u64) {
        self.blobs.limit_room(room_len);
    }

    /// Removes the bytes of files that no message has any more; how many.
    pub fn sweep_files(&mut self) -> usize {
        sweep_files(&mut self.blobs, &self.reader).unwrap()
    }

    /// When [`Process::work`] is wanted next.
    pub fn poll_timeout(&mut self) -> Option<Time> {
        let done_at = self.done.keys().next().map(|(at, _)| *at);
        let job_at = self.jobs.keys().next().map(|(at, _)| *at);
        [self.server.poll_timeout(), self.commit_at, done_at, job_at].into_iter().flatten().min()
    }

    /// Does what the workers have come to.
    pub fn work(&mut self, now: Now, disk: &mut Disk, dice: &mut Dice, delay_max: Micros) {
        let at = now.at;
        if self.commit_at.is_some_and(|commit_at| commit_at <= at) {
            self.commit_at = None;
            self.commit(at, disk, dice, delay_max);
        }
        while let Some(entry) = self.jobs.first_entry().filter(|entry| entry.key().0 <= at) {
            let done = match entry.remove() {
                Job::Read(ticket, read) => Done::Read(ticket, read.answer(&self.reader).unwrap()),
                Job::Hash(ticket, task) => Done::Hash(ticket, Some(Hasher::new(Hashing::CHEAPEST).perform(&task))),
                Job::File(ticket, job) => Done::File(ticket, job.perform(&mut self.blobs, &self.reader)),
                Job::Command(..) => unreachable!("commands wait for the commit"),
            };
            self.finish(at + delay(dice, delay_max), done);
        }
        let later = self.done.split_off(&(at + Micros::new(1), 0));
        for done in std::mem::replace(&mut self.done, later).into_values() {
            if let Done::Command(_, Ok(outcome)) = &done {
                for device in revoked(outcome) {
                    disk.revoked.insert(device, disk.heads.clone());
                }
            }
            self.server.handle_done(now, done);
        }
        self.server.handle_turn(now);
    }

    /// Outcomes leave the ledger in its order, each batch at once, before or after what the readers found.
    fn commit(&mut self, at: Time, disk: &mut Disk, dice: &mut Dice, delay_max: Micros) {
        let commands: Vec<Command> = self.commands.iter().map(|ordered| ordered.command.clone()).collect();
        let committed = self.ledger.run(std::mem::take(&mut self.commands)).unwrap();
        let ran = commands.into_iter().zip(committed.results.iter().map(|(_, result)| result.clone()));
        // What a full disk refuses did not run.
        let is_run = |result: &Result<Outcome, Refusal>| !result.as_ref().is_err_and(|no| no.code() == RefusalCode::ReadOnly);
        self.ran.extend(ran.filter(|(_, result)| is_run(result)));
        self.ledger.index().unwrap();
        self.told_at = self.told_at.max(at) + delay(dice, delay_max);
        for (_, result) in &committed.results {
            on_disk(disk, result);
        }
        let results = committed.results.into_iter().map(|(ticket, result)| Done::Command(Ticket(ticket), result));
        for done in results.chain([Done::Batch(committed.full_count)]) {
            self.finish(self.told_at, done);
        }
        if dice.below(CHECKPOINT_EVERY) == 0 {
            self.checkpointer.run().unwrap();
        }
    }

    fn finish(&mut self, at: Time, done: Done) {
        self.count += 1;
        self.done.insert((at, self.count), done);
    }

    /// Takes the jobs that the server hands out; whether there were any.
    pub fn take_jobs(&mut self, now: Time, dice: &mut Dice, delay_max: Micros) -> bool {
        let mut took = false;
        while let Some(job) = self.server.poll_job() {
            took = true;
            let at = now + delay(dice, delay_max);
            match job {
                Job::Command(ordered) => {
                    self.commands.push(*ordered);
                    self.commit_at = self.commit_at.or(Some(at));
                }
                job => {
                    self.count += 1;
                    self.jobs.insert((at, self.count), job);
                }
            }
        }
        took
    }
}

fn delay(dice: &mut Dice, max: Micros) -> Micros {
    Micros::new(dice.below(max.as_micros() + 1))
}

fn on_disk(disk: &mut Disk, result: &Result<Outcome, Refusal>) {
    for event in result.iter().flat_map(|outcome| &outcome.events) {
        let before = disk.heads.insert(event.log, event.seq).unwrap_or_default();
        assert_eq!(before, event.prev, "I2: {} follows the newest event of {}", event.seq, event.log);
    }
}

fn revoked(outcome: &Outcome) -> impl Iterator<Item = udpchat::message::DeviceId> + '_ {
    outcome.changes.iter().filter_map(|change| match change {
        Change::DeviceRevoked { device } => Some(*device),
        _ => None,
    })
}

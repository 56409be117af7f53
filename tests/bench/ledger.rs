//! How many posts a second the ledger commits: one by one, and in batches with one fsync each, into one room and into many.
//!
//! `cargo bench --bench ledger [-- DIR]`; DIR chooses the disk to measure, by default that of the system's temporary files. The
//! disk's own time for an fsync is measured first, because no commit is quicker; the processor's time of the writing thread
//! stands beside the rate, because other work on the machine does not lengthen it.

use std::io::{Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use udpchat::chat::{Action, Actor, Command, Draft, NewRoom, Outcome};
use udpchat::message::{
    DeviceName, GoodChanges, LogId, Reply, RequestId, RoomName, Target, Template, Text, UserName, Visibility,
};
use udpchat::server::{Checkpoints, Ledger};
use udpchat::store::Checkpointer;

/// How long each size of batch is measured.
const TIME: Duration = Duration::from_secs(2);

/// Many rooms.
const ROOM_COUNT: usize = 1_000;

/// How often the disk is asked for an fsync.
const FSYNC_COUNT: usize = 200;

fn main() {
    let parent = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let parent = parent.map_or_else(std::env::temp_dir, Into::into);
    let directory = tempfile::tempdir_in(parent).expect("a directory to measure in");
    println!("fdatasync of 4 KiB: {:.0} µs", fsync_us(directory.path()));
    let mut ledger = Ledger::open(directory.path()).expect("a new ledger");
    let mut commands = Commands { count: 0, actor: Actor::Stranger { key: [1; 32] } };
    let register = Action::Register {
        name: UserName::parse("alice").expect("a name"),
        password_hash: String::new(),
        invitation: None,
        device: DeviceName::lenient("bench"),
    };
    let Reply::Account(account) = commands.run(&mut ledger, register).reply else { panic!("registered") };
    commands.actor = Actor::Member { user: account.user, device: account.device };
    let rooms: Vec<LogId> = (0..ROOM_COUNT)
        .map(|number| {
            let name = RoomName::parse(&format!("#bench{number}")).expect("a name");
            let visibility = Visibility::Public;
            let (template, changes) = (Template::Plain, GoodChanges::default());
            let create = Action::CreateRoom(NewRoom { name, password_hash: None, visibility, template, changes });
            let Reply::Stored(created) = commands.run(&mut ledger, create).reply else { panic!("created") };
            created.log
        })
        .collect();

    let mut checkpoints = Checkpoints::start(directory.path()).expect("a second connection");
    println!(
        "{:>6} {:>6} {:>10} {:>14} {:>16} {:>14}",
        "rooms", "batch", "posts/s", "µs a commit", "cpu µs a post", "bytes a post"
    );
    for rooms in [&rooms[..1], &rooms[..]] {
        for size in [1, 10, 100, 1_000] {
            let before_len = len_of(directory.path());
            let (began_at, before_ns, mut commits) = (Instant::now(), processor_ns(), 0_u32);
            while began_at.elapsed() < TIME {
                let batch: Vec<Command> = (0..size).map(|_| commands.post(rooms)).collect();
                let results = ledger.commit(&batch).expect("a working disk");
                assert!(results.iter().all(Result::is_ok), "every post is stored");
                commits += 1;
                ledger.checkpoint(&mut checkpoints, results.len());
            }
            let seconds = began_at.elapsed().as_secs_f64();
            let posts = f64::from(size) * f64::from(commits);
            let processor_us = Duration::from_nanos(processor_ns() - before_ns).as_secs_f64() * 1e6;
            let len = f64::from(u32::try_from(len_of(directory.path()) - before_len).expect("seconds fill no disk"));
            println!(
                "{:>6} {size:>6} {:>10.0} {:>14.0} {:>16.1} {:>14.0}",
                rooms.len(),
                posts / seconds,
                seconds * 1e6 / f64::from(commits),
                processor_us / posts,
                len / posts
            );
        }
    }
}

/// What the disk takes to keep a page, in microseconds: the median.
fn fsync_us(directory: &Path) -> f64 {
    let mut file = std::fs::File::create(directory.join("fsync")).expect("a file");
    let mut times: Vec<Duration> = (0..FSYNC_COUNT)
        .map(|_| {
            let began_at = Instant::now();
            file.rewind().and_then(|()| file.write_all(&[7; 4_096])).and_then(|()| file.sync_data()).expect("a working disk");
            began_at.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// The database's length after a checkpoint.
fn len_of(directory: &Path) -> u64 {
    Checkpointer::open(directory).expect("a second connection").run().expect("a checkpoint");
    directory.join("udpchat.db").metadata().expect("a database").len()
}

/// How long this thread has been on a processor, in nanoseconds.
fn processor_ns() -> u64 {
    let read = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    read.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// Makes commands with ids of their own.
struct Commands {
    count: u64,
    actor: Actor,
}

impl Commands {
    fn command(&mut self, action: Action) -> Command {
        self.count += 1;
        let [random @ .., _, _, _, _, _, _] = u128::from(self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes();
        let id = RequestId::at(1_772_358_731_204 + self.count, random);
        let time_ms = 1_772_358_731_204 + self.count;
        Command { actor: self.actor, id, fingerprint: [0; 32], time_ms, salt: [7; 16], action }
    }

    fn run(&mut self, ledger: &mut Ledger, action: Action) -> Outcome {
        let command = self.command(action);
        ledger.commit(&[command]).expect("a working disk").remove(0).expect("not refused")
    }

    fn post(&mut self, rooms: &[LogId]) -> Command {
        let text = Text::parse(format!("message {} of an ordinary length, as people write them", self.count)).expect("a text");
        let room = rooms[usize::try_from(self.count).expect("few") % rooms.len()];
        self.command(Action::Post(Draft::plain(Target::Log(room), text)))
    }
}

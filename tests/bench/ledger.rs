//! How many posts a second the ledger commits: one by one, and in batches with one fsync each.
//!
//! `cargo bench --bench ledger [-- DIR]`; DIR chooses the disk to measure, by default that of the system's temporary files.

use std::time::{Duration, Instant};
use udpchat::chat::{Action, Actor, Command, Draft, Outcome};
use udpchat::message::{DeviceName, LogId, Reply, RequestId, RoomName, Target, Text, UserName, Visibility};
use udpchat::server::Ledger;

/// How long each size of batch is measured.
const TIME: Duration = Duration::from_secs(2);

fn main() {
    let parent = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let parent = parent.map_or_else(std::env::temp_dir, Into::into);
    let directory = tempfile::tempdir_in(parent).expect("a directory to measure in");
    let mut ledger = Ledger::open(directory.path()).expect("a new ledger");
    let mut commands = Commands { count: 0, actor: Actor::Stranger { key: [1; 32] }, room: LogId(0) };
    let register = Action::Register {
        name: UserName::parse("alice").expect("a name"),
        password_hash: String::new(),
        device: DeviceName::lenient("bench"),
        invitation: None,
    };
    let Reply::Account(account) = commands.run(&mut ledger, register).reply else { panic!("registered") };
    commands.actor = Actor::Member { user: account.user, device: account.device };
    let name = RoomName::parse("#bench").expect("a name");
    let create = Action::CreateRoom(udpchat::chat::NewRoom {
        name,
        password_hash: None,
        visibility: Visibility::Public,
        template: udpchat::message::Template::Plain,
        changes: udpchat::message::GoodChanges::default(),
    });
    let Reply::Stored(created) = commands.run(&mut ledger, create).reply else { panic!("created") };
    commands.room = created.log;

    println!("{:>10} {:>12} {:>16} {:>14}", "batch", "posts/s", "µs a commit", "commits");
    for size in [1, 10, 100, 1_000] {
        let (start, mut commits) = (Instant::now(), 0_u32);
        while start.elapsed() < TIME {
            let batch: Vec<Command> = (0..size).map(|_| commands.post()).collect();
            let results = ledger.commit(&batch).expect("a working disk");
            assert!(results.iter().all(Result::is_ok), "every post is stored");
            commits += 1;
        }
        let seconds = start.elapsed().as_secs_f64();
        let commits = f64::from(commits);
        println!("{size:>10} {:>12.0} {:>16.0} {commits:>14}", f64::from(size) * commits / seconds, seconds * 1e6 / commits);
    }
}

/// Makes commands with ids of their own.
struct Commands {
    count: u64,
    actor: Actor,
    room: LogId,
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

    fn post(&mut self) -> Command {
        let text = Text::parse(format!("message {} of an ordinary length, as people write them", self.count)).expect("a text");
        self.command(Action::Post(Draft::plain(Target::Log(self.room), text)))
    }
}

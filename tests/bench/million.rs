//! What a server with a million messages takes: to fill, to index, to turn a page of history, to search, to forget the words of a
//! deleted message, to start.
//!
//! `cargo bench --bench million [-- [COUNT] [DIR]]`; COUNT is how many messages, DIR chooses the disk, by default that of the
//! system's temporary files. Times are those of the calls; beside them stands the processor's time of the same thread, which
//! other work on the machine does not lengthen.

use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};
use udpchat::chat::{self, Action, Actor, ChoreTry, Command, Draft, NewRoom, PAGE_LEN_MAX};
use udpchat::message::{
    DeviceName, GoodChanges, HistoryFrom, HistoryRequest, LogId, Mark, Reply, RequestId, RoomName, SearchRequest, Seq, Target,
    Template, Text, UserId, UserName, Visibility,
};
use udpchat::server::{IndexState, Ledger};
use udpchat::store::{Checkpointer, Reader};

/// Rooms beside the big one; each gets a thousandth of the messages.
const SMALL_ROOM_COUNT: u64 = 100;

/// Posts in one transaction.
const BATCH: u64 = 1_000;

/// How often each question is asked.
const ASKED_COUNT: u64 = 200;

/// Words of ordinary messages, the first ones the more frequent.
const WORD_COUNT: u64 = 5_000;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    let count: u64 = args.next().map_or(1_000_000, |count| count.parse().expect("a number of messages"));
    let parent = args.next().map_or_else(std::env::temp_dir, Into::into);
    let directory = tempfile::tempdir_in(parent).expect("a directory to measure in");
    let filled = fill(directory.path(), count);
    let reader = Reader::open(directory.path()).expect("a reader");
    println!("\n{:<52} {:>10} {:>10} {:>12}", "question", "median ms", "worst ms", "cpu mean ms");
    pages(&reader, &filled);
    searches(&reader, &filled);
    drop(reader);
    forget(directory.path(), &filled);
    start(directory.path());
}

/// What was made.
struct Filled {
    user: UserId,
    actor: Actor,
    big: LogId,
    head: u64,
}

/// Numbers that look random and are the same in every run.
fn scattered(number: u64) -> u64 {
    let mixed = (number ^ (number >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 32)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 20
}

/// A message of an ordinary length; every hundredth is Chinese, every hundred thousandth has a word that no other has.
fn text(number: u64) -> String {
    if number % 100 == 99 {
        return format!("今天部署第{number}号服务器完成，请大家检查");
    }
    // Squaring makes small numbers, the frequent words, more frequent.
    let word = |place| {
        let chance = scattered(number * 16 + place) % 1_000;
        format!("word{}", chance * chance * WORD_COUNT / 1_000_000)
    };
    let words: Vec<String> = (0..8).map(word).collect();
    let rare = if number % 100_000 == 50_001 { " zebra" } else { "" };
    format!("the message {number} {}{rare}", words.join(" "))
}

fn fill(directory: &Path, count: u64) -> Filled {
    let mut ledger = Ledger::open(directory).expect("a new ledger");
    let mut made_count = 0_u64;
    let mut command = |actor, action| {
        made_count += 1;
        let mut random = [0; 10];
        random[..8].copy_from_slice(&scattered(made_count).to_be_bytes());
        let time_ms = 1_772_358_731_204 + made_count;
        Command { actor, id: RequestId::at(time_ms, random), fingerprint: [0; 32], time_ms, salt: [7; 16], action }
    };
    let mut run = |command: Command| ledger.commit(&[command]).expect("a working disk").remove(0).expect("not refused").reply;
    let name = UserName::parse("alice").expect("a name");
    let device = DeviceName::lenient("bench");
    let register = Action::Register { name, password_hash: String::new(), invitation: None, device };
    let Reply::Account(account) = run(command(Actor::Stranger { key: [1; 32] }, register)) else { panic!("registered") };
    let actor = Actor::Member { user: account.user, device: account.device };
    let mut create = |name: String| {
        let name = RoomName::parse(&name).expect("a name");
        let visibility = Visibility::Public;
        let (template, changes) = (Template::Plain, GoodChanges::default());
        let create = Action::CreateRoom(NewRoom { name, password_hash: None, visibility, template, changes });
        let Reply::Stored(created) = run(command(actor, create)) else { panic!("created") };
        created.log
    };
    let big = create("#big".to_owned());
    let small: Vec<LogId> = (0..SMALL_ROOM_COUNT).map(|number| create(format!("#small{number}"))).collect();
    let (began_at, before_ns) = (Instant::now(), processor_ns());
    let mut number = 0;
    while number < count {
        let batch: Vec<Command> = (number..count.min(number + BATCH))
            .map(|number| {
                let is_small = number.is_multiple_of(10);
                let log = if is_small { small[(number / 10 % SMALL_ROOM_COUNT) as usize] } else { big };
                command(actor, Action::Post(Draft::plain(Target::Log(log), Text::parse(text(number)).expect("a text"))))
            })
            .collect();
        number += batch.len() as u64;
        let results = ledger.commit(&batch).expect("a working disk");
        assert!(results.iter().all(Result::is_ok), "every post is stored");
        checkpoint(directory);
    }
    let stored_len = len_of(directory);
    println!("{count} messages stored: {}", rate(count, began_at, before_ns, stored_len));
    let (began_at, before_ns) = (Instant::now(), processor_ns());
    while ledger.index().expect("a working disk") == IndexState::Behind {}
    checkpoint(directory);
    println!("and indexed: {}", rate(count, began_at, before_ns, len_of(directory) - stored_len));
    let head = count - count.div_ceil(10) + 2;
    Filled { user: account.user, actor, big, head }
}

fn checkpoint(directory: &Path) {
    Checkpointer::open(directory).expect("a second connection").run().expect("a checkpoint");
}

fn len_of(directory: &Path) -> u64 {
    directory.join("udpchat.db").metadata().expect("a database").len()
}

/// A number that is small enough to be exact.
fn float(number: u64) -> f64 {
    Duration::from_nanos(number).as_secs_f64() * 1e9
}

/// What `count` messages have taken since then.
fn rate(count: u64, began_at: Instant, before_ns: u64, len: u64) -> String {
    let seconds = began_at.elapsed().as_secs_f64();
    let (a_second, processor_us) = (float(count) / seconds, float(processor_ns() - before_ns) / 1e3 / float(count));
    format!("{seconds:.1} s, {a_second:.0} a second; each {processor_us:.1} µs of processor, {} bytes of disk", len / count)
}

/// Asks a question often and prints how long it took.
fn ask(what: impl Display, mut question: impl FnMut(u64)) {
    question(0);
    let before = processor_ns();
    let mut times: Vec<Duration> = (0..ASKED_COUNT)
        .map(|number| {
            let began_at = Instant::now();
            question(number);
            began_at.elapsed()
        })
        .collect();
    let processor_ms = float(processor_ns() - before) / float(ASKED_COUNT) / 1e6;
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, worst) = (ms(times[times.len() / 2]), ms(times[times.len() - 1]));
    println!("{what:<52} {median:>10.2} {worst:>10.2} {processor_ms:>12.2}");
}

/// How long this thread has been on a processor, in nanoseconds.
fn processor_ns() -> u64 {
    let read = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    read.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

fn pages(reader: &Reader, filled: &Filled) {
    let page = |from| {
        let request = HistoryRequest { log: Target::Log(filled.big), from, count: 100 };
        let page = chat::history(reader, filled.user, &request, PAGE_LEN_MAX).expect("a working disk").expect("a member");
        assert_eq!(page.events.len(), 100);
    };
    ask("the newest 100 messages", |_| page(HistoryFrom::Last));
    let somewhere = |number| Seq(200 + scattered(number) % (filled.head - 400));
    ask("100 messages around any place", |number| page(HistoryFrom::Around(somewhere(number))));
    ask("100 messages behind any place", |number| page(HistoryFrom::After(somewhere(number))));
    ask("the list of 101 rooms", |_| {
        let listed = chat::memberships(reader, filled.user, None).expect("a working disk");
        assert_eq!(listed.memberships.len(), 101);
    });
}

fn searches(reader: &Reader, filled: &Filled) {
    let search = |words: &str, log, is_found: bool| {
        let request = SearchRequest { words: words.to_owned(), log, before: None, count: 20 };
        let page = chat::search(reader, filled.user, &request, PAGE_LEN_MAX).expect("a working disk").expect("a member");
        assert_eq!(!page.hits.is_empty(), is_found, "{words}");
    };
    let questions = [
        ("the", true),
        ("zebra", true),
        ("nowhere", false),
        ("word0 word1", true),
        ("messages word4990", true),
        ("word4990 word4991 word4992 word4993", false),
        ("部署", true),
        ("今天部署第", true),
        ("今", true),
    ];
    for (words, is_found) in questions {
        ask(format!("search \"{words}\" in all 101 rooms"), |_| search(words, None, is_found));
        ask(format!("search \"{words}\" in the big one"), |_| search(words, Some(Target::Log(filled.big)), is_found));
    }
}

/// How long the ledger is busy with each step of writing the index anew, after a message was deleted.
fn forget(directory: &Path, filled: &Filled) {
    let mut ledger = Ledger::open(directory).expect("a ledger");
    let delete = Action::Mark { log: Target::Log(filled.big), seq: Seq(filled.head / 2), mark: Mark::Delete };
    let chore = Action::Chore { what: ChoreTry::Run, guest_days: 0 };
    let begun_ms = 1_800_000_000_000;
    for (actor, time_ms, action) in [(filled.actor, begun_ms, delete), (Actor::Server, begun_ms + chat::FORGET_DELAY_MS, chore)] {
        let id = RequestId::at(time_ms, [9; 10]);
        let command = Command { actor, id, fingerprint: [0; 32], time_ms, salt: [7; 16], action };
        ledger.commit(&[command]).expect("a working disk").remove(0).expect("not refused");
    }
    let before_ns = processor_ns();
    let mut times = Vec::new();
    loop {
        let began_at = Instant::now();
        let state = ledger.index().expect("a working disk");
        times.push(began_at.elapsed());
        checkpoint(directory);
        if state != IndexState::Behind {
            break;
        }
    }
    let processor_ms = float(processor_ns() - before_ns) / 1e6;
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, worst) = (ms(times[times.len() / 2]), ms(times[times.len() - 1]));
    let (step_count, all) = (times.len(), ms(times.iter().sum()));
    println!(
        "\nthe index forgets in {step_count} steps of {median:.1} ms, {worst:.1} ms at the most, {all:.0} ms in all \
         ({processor_ms:.0} ms of processor, checkpoints included)"
    );
}

/// From the program's start to its saying where it listens.
fn start(directory: &Path) {
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let began_at = Instant::now();
            let mut server = Process::new(env!("CARGO_BIN_EXE_udpchat"))
                .args(["--listen", "127.0.0.1:0", "--data"])
                .arg(directory)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("the server starts");
            let out = BufReader::new(server.stdout.take().expect("piped"));
            let says = out.lines().any(|line| line.is_ok_and(|line| line.starts_with("connect  ")));
            let time = began_at.elapsed();
            assert!(says, "it says how to connect");
            server.kill().expect("it is ours");
            server.wait().expect("it ends");
            time
        })
        .collect();
    times.sort();
    println!("\nthe server takes connections {:.0} ms after its start", times[times.len() / 2].as_secs_f64() * 1e3);
}

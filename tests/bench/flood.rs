//! What a flood of strangers costs those who are in: a real server, ten people who talk, and 50,000 handshakes a second that
//! nobody means, from made-up addresses, with some junk between them.
//!
//! `cargo bench --bench flood`, as root on Linux: it makes a network namespace of its own in which all of 10.0.0.0/8 is local, so that each
//! datagram can come from another address and what the server answers comes back and is counted. It prints the people's
//! latency without and with the flood, the server's memory before and after, and how many bytes it could be made to send.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use udpchat::crypto::{Dice, PublicKey, SecretKey};
use udpchat::socket::{Arrivals, LeaveFrom, Socket};
use udpchat::transport::{Config, Endpoint, Time};

/// Handshakes that the flood begins each second.
const INITS_PER_S: u32 = 50_000;

/// Datagrams a second that are nothing at all.
const JUNK_PER_S: u32 = 5_000;

/// Different INIT packets; each comes from ever new addresses, which makes it another handshake.
const INIT_COUNT: usize = 512;

/// The conversation that is measured: two rooms of five, a hundred messages a second, for so many seconds.
const TALK_SECS: u32 = 15;
const TALK_RATE: u32 = 100;

/// Nobody else is in the namespace.
const SERVER: &str = "127.0.0.1:4747";

fn main() {
    if std::env::args().nth(1).as_deref() == Some("inside") {
        return measure();
    }
    let namespace = format!("udpchat-flood-{}", std::process::id());
    if !run("ip", &["netns", "add", &namespace]) {
        println!("no network namespace can be made here, so nothing is measured: it takes Linux, root and the program `ip`");
        return;
    }
    let inside = |args: &[&str]| run("ip", &[&["netns", "exec", &namespace], args].concat());
    let own = std::env::current_exe().expect("this program has a path");
    let own = own.to_str().expect("a path that can be written");
    let went_well = inside(&["ip", "link", "set", "lo", "up"])
        && inside(&["ip", "route", "add", "local", "10.0.0.0/8", "dev", "lo"])
        && inside(&[own, "inside"]);
    run("ip", &["netns", "del", &namespace]);
    assert!(went_well, "what failed stands above");
}

fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).status().is_ok_and(|status| status.success())
}

/// Both conversations, each with a server of its own.
fn measure() {
    let calm = converse(Weather::Calm);
    let flooded = converse(Weather::Flood);
    println!("{:<12} {:>9} {:>9} {:>9}   {:>11} {:>11}", "", "p50 µs", "p99 µs", "p99.9 µs", "KiB before", "KiB after");
    for (name, talk) in [("calm", &calm), ("flood", &flooded)] {
        let [p50, p99, p999] = talk.latencies;
        println!("{name:<12} {p50:>9} {p99:>9} {p999:>9}   {:>11} {:>11}", talk.memory_before, talk.memory_after);
    }
    let flood = flooded.flood.as_ref().expect("the second one was flooded");
    let Flooded { sent_count, sent_len, back_count, back_len } = *flood;
    println!("flood        {sent_count} datagrams of {sent_len} bytes sent, {back_count} of {back_len} bytes came back");
    println!("p99          {:.2} × (at most 2)", ratio(flooded.latencies[1], calm.latencies[1]));
    println!("reflected    {:.3} × (at most 1)", ratio(back_len, sent_len));
    println!("memory       {} KiB more (calm: {})", flooded.memory_growth(), calm.memory_growth());
}

fn ratio(part: u64, whole: u64) -> f64 {
    let as_float =
        |count: u64| f64::from(u32::try_from(count / 1_000).unwrap_or(u32::MAX)) + f64::from((count % 1_000) as u32) / 1_000.0;
    as_float(part) / as_float(whole.max(1))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Calm,
    Flood,
}

/// What came of a conversation.
struct Talk {
    /// Its 50th, 99th and 99.9th percentile in microseconds.
    latencies: [u64; 3],
    /// Of the server, in KiB, when everybody was in and at the end.
    memory_before: u64,
    memory_after: u64,
    flood: Option<Flooded>,
}

impl Talk {
    fn memory_growth(&self) -> i64 {
        self.memory_after.cast_signed() - self.memory_before.cast_signed()
    }
}

/// A process that ends with its owner.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn converse(weather: Weather) -> Talk {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let mut server = Command::new(env!("CARGO_BIN_EXE_udpchat"));
    server.args(["--data", &path("data"), "--listen", SERVER, "--guests", "--log", "error"]).stdout(Stdio::piped());
    let mut server = Program(server.spawn().expect("the server starts"));
    let key = key(&mut server.0);

    let mut bench = Command::new(env!("CARGO_BIN_EXE_udpchat-cli"));
    bench.args(["bench", "--home", &path("home"), "--server", &format!("udpchat://{SERVER}?key={key}")]);
    bench.args(["--rooms", "2", "--members", "5", "--size", "100"]);
    bench.args(["--rate", &TALK_RATE.to_string(), "--messages", &(TALK_RATE * TALK_SECS).to_string()]);
    let mut bench = Program(bench.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the load starts"));
    // The first line that counts deliveries says that everybody is in.
    let mut progress = BufReader::new(bench.0.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let said = progress.find(|line| line.contains("deliveries"));
    assert!(said.is_some(), "the people came in");
    let memory_before = memory(&server.0);
    let ends = Arc::new(AtomicBool::new(false));
    let flood = (weather == Weather::Flood).then(|| {
        let ends = Arc::clone(&ends);
        std::thread::spawn(move || flood(key, &ends))
    });
    progress.for_each(drop);
    let figures = std::io::read_to_string(bench.0.stdout.take().expect("piped")).expect("text");
    ends.store(true, Ordering::Relaxed);
    let flood = flood.map(JoinHandle::join).map(|joined| joined.expect("the flood flowed"));
    let latencies = ["p50_us", "p99_us", "p999_us"].map(|name| figure(&figures, name));
    Talk { latencies, memory_before, memory_after: memory(&server.0), flood }
}

/// The server's key, from what it says when it starts.
fn key(server: &mut Child) -> PublicKey {
    let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let key = lines.find_map(|line| line.split_once("?key=").map(|(_, key)| key.trim_end_matches('\'').parse()));
    key.expect("the server says how to connect").expect("a key")
}

/// One number of the load's figures.
fn figure(figures: &str, name: &str) -> u64 {
    let value = figures.split_once(&format!("\"{name}\":")).map(|(_, rest)| rest.split([',', '}']).next());
    value.flatten().and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} in {figures}"))
}

/// Resident memory in KiB.
fn memory(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// What a flood sent and got back.
#[derive(Default)]
struct Flooded {
    sent_count: u64,
    sent_len: u64,
    back_count: u64,
    back_len: u64,
}

fn flood(server_key: PublicKey, ends: &AtomicBool) -> Flooded {
    let mut dice = Dice::from_seed([7; 32]);
    let server: SocketAddr = SERVER.parse().expect("an address");
    let inits = inits(server, server_key, &mut dice);
    let mut socket = Socket::bind("0.0.0.0:6666".parse().expect("an address"), LeaveFrom::AskedAt).expect("a socket");
    let mut flooded = Flooded::default();
    let begun = Instant::now();
    while !ends.load(Ordering::Relaxed) {
        let due = u64::try_from(begun.elapsed().as_micros()).expect("short") * u64::from(INITS_PER_S + JUNK_PER_S) / 1_000_000;
        while flooded.sent_count < due {
            let is_junk = dice.u32() % (INITS_PER_S + JUNK_PER_S) < JUNK_PER_S;
            let junk: [u8; 32] = dice.array();
            let datagram = if is_junk { &junk[..] } else { &inits[dice.u32() as usize % inits.len()] };
            let [_, a, b, c] = dice.u32().to_be_bytes();
            socket.queue(server, Some(IpAddr::from(Ipv4Addr::new(10, a, b, c))), datagram);
            assert!(socket.flush().expect("a working socket"), "loopback takes what it is given");
            flooded.sent_count += 1;
            flooded.sent_len += datagram.len() as u64;
        }
        let mut each = |_, _, bytes: &mut [u8]| {
            flooded.back_count += 1;
            flooded.back_len += bytes.len() as u64;
        };
        while socket.receive(&mut each).expect("a working socket") == Arrivals::Batch {}
        std::thread::sleep(Duration::from_millis(1));
    }
    flooded
}

/// Openings as a client that knows the server's key makes them.
fn inits(server: SocketAddr, key: PublicKey, dice: &mut Dice) -> Vec<Vec<u8>> {
    let now = Time::default();
    let mut clients = Endpoint::client(Config::client(), dice.fork(), now);
    let device = SecretKey::generate(dice);
    let mut made = Vec::new();
    for _ in 0..INIT_COUNT {
        clients.connect(now, server, &device, Some(key));
        let mut datagram = Vec::new();
        while clients.poll_transmit(now, &mut datagram).is_some() {
            made.push(datagram.clone());
        }
    }
    made
}

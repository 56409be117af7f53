//! Paths whose links carry less than a conversation's datagrams: a server, a router and a client in three network namespaces.
//!
//! Only root can make namespaces; for everybody else these tests say so and pass.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::person::{PASSWORD, url};
use super::program::{Ended, Program};

const IP: &str = "/sbin/ip";

/// Three namespaces in a row.
struct Row {
    name: String,
}

impl Row {
    /// The link between router and server carries this many bytes; none if the system does not let us.
    fn with_link(mtu: u32) -> Option<Self> {
        let row = Self { name: format!("udpchat{}m{mtu}", std::process::id()) };
        let steps = [
            "netns add NAMEs".to_owned(),
            "netns add NAMEr".to_owned(),
            "netns add NAMEc".to_owned(),
            "-n NAMEr link add left type veth peer name right netns NAMEs".to_owned(),
            "-n NAMEr link add near type veth peer name far netns NAMEc".to_owned(),
            format!("-n NAMEr link set left mtu {mtu} up"),
            format!("-n NAMEs link set right mtu {mtu} up"),
            "-n NAMEr link set near up".to_owned(),
            "-n NAMEc link set far up".to_owned(),
            "-n NAMEr addr add 10.0.1.1/24 dev left".to_owned(),
            "-n NAMEs addr add 10.0.1.2/24 dev right".to_owned(),
            "-n NAMEr addr add 10.0.2.1/24 dev near".to_owned(),
            "-n NAMEc addr add 10.0.2.2/24 dev far".to_owned(),
            "-n NAMEs route add default via 10.0.1.1".to_owned(),
            "-n NAMEc route add default via 10.0.2.1".to_owned(),
        ];
        for step in steps {
            let words: Vec<String> = step.split(' ').map(|word| word.replace("NAME", &row.name)).collect();
            match Command::new(IP).args(&words).output() {
                Ok(done) if done.status.success() => {}
                other => {
                    println!("skipped: no network namespaces here: ip {}: {other:?}", words.join(" "));
                    return None;
                }
            }
        }
        row.shell('r', "echo 1 > /proc/sys/net/ipv4/ip_forward");
        Some(row)
    }

    fn shell(&self, place: char, command: &str) -> String {
        let done = Command::new(IP).args(["netns", "exec", &format!("{}{place}", self.name), "sh", "-c", command]).output();
        let done = done.expect("the namespace is ours");
        assert!(done.status.success(), "{command}: {done:?}");
        String::from_utf8(done.stdout).expect("text")
    }

    fn start(&self, place: char, program: &str, args: &[&str], folder: &Path) -> Program {
        let namespace = format!("{}{place}", self.name);
        let all: Vec<&str> = ["netns", "exec", &namespace, program].iter().chain(args).copied().collect();
        Program::start(IP, all, folder)
    }

    /// How many pieces anybody made of datagrams that were too long.
    fn piece_count(&self) -> u64 {
        ['s', 'r', 'c'].iter().map(|place| self.pieces_at(*place)).sum()
    }

    fn pieces_at(&self, place: char) -> u64 {
        let told = self.shell(place, "grep ^Ip: /proc/net/snmp");
        let (names, counts) = told.trim().split_once('\n').expect("names and counts");
        let at = names.split(' ').position(|name| name == "FragCreates").expect("it is counted");
        counts.split(' ').nth(at).and_then(|count| count.parse().ok()).expect("a number")
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        for place in ["s", "r", "c"] {
            drop(Command::new(IP).args(["netns", "del", &format!("{}{place}", self.name)]).output());
        }
    }
}

/// A conversation over a link of this many bytes: how many pieces were made of datagrams.
fn talk_over(mtu: u32) -> Option<u64> {
    let row = Row::with_link(mtu)?;
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("server");
    let listen = ["--data", data.to_str().expect("text"), "--listen", "10.0.1.2:4747"];
    let mut server = row.start('s', env!("CARGO_BIN_EXE_udpchat"), &listen, folder.path());
    server.wait_for("connect  ");
    let line = server.out.iter().find(|line| line.starts_with("connect  ")).expect("waited for").clone();
    let key = line.split_once("?key=").expect("it has the key").1.trim_end_matches('\'').to_owned();
    let url = url("alice", "10.0.1.2:4747".parse::<SocketAddr>().expect("an address"), Some(&key));
    let run = |input: &str, args: &[&str]| -> Ended {
        let all: Vec<&str> = ["--home", "."].iter().chain(args).copied().collect();
        let mut program = row.start('c', env!("CARGO_BIN_EXE_udpchat-cli"), &all, folder.path());
        program.feed(input.to_owned());
        program.end()
    };
    run(&format!("{PASSWORD}\n"), &["register", &url, "--password-stdin"]).well();
    run("", &["create", "#ops"]).well();
    let text = "x".repeat(10_000);
    run(&text, &["send", "#ops", "-"]).well();
    let heard = run("", &["history", "#ops", "-n", "10", "--json"]).well();
    assert!(heard.out.iter().any(|line| line.contains(&text)), "the whole text comes back");
    Some(row.piece_count())
}

#[test]
fn long_datagrams_are_lost_on_a_narrow_link_and_short_ones_carry_the_conversation() {
    if let Some(pieces) = talk_over(600) {
        assert_eq!(pieces, 0, "nothing was cut");
    }
}

#[test]
fn on_a_link_that_carries_not_even_those_they_are_cut_into_pieces() {
    if let Some(pieces) = talk_over(400) {
        assert!(pieces > 0, "and nothing else could have come through");
    }
}

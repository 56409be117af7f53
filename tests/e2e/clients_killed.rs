//! kill -9 of a client while it sends: what it had accepted goes with the next command, once and in order.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::person::Person;
use super::relay::{Faults, Relay};
use super::world::World;

/// The texts in the outbox of a person's only profile that have no outcome yet.
fn unsent(person: &Person) -> Vec<String> {
    let profiles = std::fs::read_dir(person.home().join("profiles")).unwrap();
    let databases: Vec<PathBuf> = profiles.map(|entry| entry.unwrap().path().join("client.db")).collect();
    assert_eq!(databases.len(), 1);
    let database = Connection::open_with_flags(&databases[0], OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    let mut rows = database.prepare("SELECT text FROM outbox WHERE outcome IS NULL ORDER BY place").unwrap();
    rows.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn lines(range: std::ops::RangeInclusive<usize>) -> Vec<String> {
    range.map(|number| format!("line {number}\n")).collect()
}

#[test]
fn a_client_killed_at_work_loses_and_doubles_nothing() {
    let world = World::new();
    // Answers are long on their way, so that a kill finds messages that are stored and not told.
    let relay = Relay::start(world.server.address, Faults::late(Duration::from_millis(10)), 5);
    let alice = world.person_through(relay.address, "alice");
    alice.run(&["create", "#log"]).well();
    for round in 1..=3 {
        let mut sender = alice.start(&["send", "#log", "-", "--lines"]);
        sender.feed_slowly(lines(1..=2_000), Duration::from_micros(200));
        sender.wait_until("some lines are stored", |sender| sender.out.len() >= 100);
        sender.kill();
        let kept = unsent(&alice);
        let mark = format!("round {round}");
        alice.run(&["send", "#log", &mark]).well();
        let texts = alice.history("#log").texts();
        let round_texts: Vec<&String> = texts.iter().rev().skip(1).take_while(|text| !text.starts_with("round")).collect();
        let stored: Vec<String> = round_texts.into_iter().rev().cloned().collect();
        assert_eq!(texts.last(), Some(&mark));
        assert!(stored.len() >= 100);
        // The first so many lines, each once and in order: up to the last that the outbox had.
        let expected: Vec<String> = (1..=stored.len()).map(|number| format!("line {number}")).collect();
        assert_eq!(stored, expected);
        assert!(!kept.is_empty(), "it was killed too late");
        assert!(stored.ends_with(&kept), "{kept:?} was kept, {} stored", stored.len());
        assert!(unsent(&alice).is_empty());
    }
}

#[test]
fn what_a_killed_client_could_not_send_waits_for_the_next_command() {
    let world = World::new();
    let relay = Relay::start(world.server.address, Faults::NONE, 3);
    let alice = world.person_through(relay.address, "alice");
    alice.run(&["create", "#log"]).well();
    let mut sender = alice.start(&["send", "#log", "-", "--lines"]);
    sender.type_in(&lines(1..=50).concat());
    sender.wait_until("the first lines are stored", |sender| sender.out.len() == 50);
    relay.set_cut(true);
    sender.type_in(&lines(51..=300).concat());
    let expected: Vec<String> = (51..=300).map(|number| format!("line {number}")).collect();
    let until = std::time::Instant::now() + super::program::DEADLINE;
    while unsent(&alice) != expected {
        assert!(std::time::Instant::now() < until, "the lines are not kept: {:?}", unsent(&alice));
        std::thread::sleep(Duration::from_millis(5));
    }
    sender.kill();
    assert_eq!(sender.out.len(), 50);
    assert_eq!(unsent(&alice), expected);
    relay.set_cut(false);
    alice.run(&["send", "#log", "last"]).well();
    let mut all: Vec<String> = (1..=300).map(|number| format!("line {number}")).collect();
    all.push("last".to_owned());
    assert_eq!(alice.history("#log").texts(), all);
    assert!(unsent(&alice).is_empty());
}

#[test]
fn commands_of_one_person_at_the_same_time_keep_each_ones_order() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#log"]).well();
    let senders = ["a", "b", "c"].map(|name| {
        let mut sender = alice.start(&["send", "#log", "-", "--lines"]);
        sender.feed_slowly((1..=100).map(|number| format!("{name} {number}\n")).collect(), Duration::from_micros(500));
        sender
    });
    for sender in senders {
        assert_eq!(sender.end().well().out.len(), 100);
    }
    let texts = alice.history("#log").texts();
    assert_eq!(texts.len(), 300);
    for name in ["a", "b", "c"] {
        let own: Vec<&String> = texts.iter().filter(|text| text.starts_with(name)).collect();
        let expected: Vec<String> = (1..=100).map(|number| format!("{name} {number}")).collect();
        assert!(own.into_iter().eq(&expected), "{texts:?}");
    }
}

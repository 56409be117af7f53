//! Many messages through a network that loses, doubles and reorders.

use std::collections::BTreeMap;
use std::time::Instant;

use super::program::Posted;
use super::relay::{Faults, Relay};
use super::world::World;

/// The texts of each author, in the order of the log.
fn by_author(posts: &[Posted]) -> BTreeMap<&str, Vec<&str>> {
    let mut authors: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for post in posts {
        authors.entry(&post.author).or_default().push(&post.text);
    }
    authors
}

/// So many lines of an author.
fn lines(name: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{name} {number}")).collect()
}

#[test]
fn a_fifth_lost_each_way_costs_no_message() {
    let world = World::new();
    let relay = Relay::start(world.server.address, Faults::lossy(20), 1);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.person_through(relay.address, name));
    alice.run(&["create", "#ops"]).well();
    for person in [&bob, &carol] {
        person.run(&["join", "#ops"]).well();
    }
    let mut follower = carol.follow("#ops");
    let senders = [("alice", &alice), ("bob", &bob)].map(|(name, person)| {
        let mut sender = person.start(&["send", "#ops", "-", "--lines"]);
        sender.feed(lines(name, 200).join("\n"));
        sender
    });
    for sender in senders {
        assert_eq!(sender.end().well().out.len(), 200);
    }
    follower.wait_for_posts(400);
    let seen = follower.posts();
    assert!(seen.windows(2).all(|pair| pair[1].prev == pair[0].seq), "a hole or a double: {seen:#?}");
    let authors = by_author(&seen);
    for name in ["alice", "bob"] {
        assert_eq!(authors[name], lines(name, 200));
    }
    assert_eq!(carol.history("#ops").posts(), seen);
    assert_eq!(follower.posts().len(), 400);
    let [lost, doubled, held] = relay.fault_counts();
    assert!(lost > 20 && doubled > 0 && held > 0, "{lost} lost, {doubled} doubled, {held} held back");
}

#[test]
fn ten_people_send_a_thousand_lines_each_through_loss() {
    let world = World::new();
    let relay = Relay::start(world.server.address, Faults::lossy(10), 2);
    let names: Vec<String> = (0..10).map(|number| format!("sender{number}")).collect();
    let people: Vec<_> = names.iter().map(|name| world.person_through(relay.address, name)).collect();
    people[0].run(&["create", "#flood"]).well();
    for person in &people[1..] {
        person.run(&["join", "#flood"]).well();
    }
    let start = Instant::now();
    let senders: Vec<_> = names
        .iter()
        .zip(&people)
        .map(|(name, person)| {
            let mut sender = person.start(&["send", "#flood", "-", "--lines"]);
            sender.feed(lines(name, 1_000).join("\n"));
            sender
        })
        .collect();
    for sender in senders {
        assert_eq!(sender.end().well().out.len(), 1_000);
    }
    let took = start.elapsed();
    let [lost, ..] = relay.fault_counts();
    eprintln!("10 senders × 1,000 lines, 10 % lost each way ({lost} datagrams): {took:?}");
    let history = people[0].history("#flood").posts();
    assert_eq!(history.len(), 10_000);
    let authors = by_author(&history);
    for name in &names {
        assert_eq!(authors[name.as_str()], lines(name, 1_000));
    }
}

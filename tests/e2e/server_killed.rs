//! kill -9 of the server while people write: what was told as stored is there, once, and nobody has to do anything.

use std::collections::BTreeMap;
use std::time::Duration;

use super::program::json;
use super::relay::{Faults, Relay};
use super::world::World;

const LINE_COUNT: usize = 500;

#[test]
fn senders_and_followers_go_through_five_kills_by_themselves() {
    let mut world = World::restartable();
    // Answers are long on their way, so that a kill finds messages that are stored and not told.
    let relay = Relay::start(world.server.address, Faults::late(Duration::from_millis(25)), 4);
    let names = ["alice", "bob", "carol"];
    let people = names.map(|name| world.person_through(relay.address, name));
    let reader = world.person_through(relay.address, "reader");
    people[0].run(&["create", "#ops"]).well();
    for person in people[1..].iter().chain([&reader]) {
        person.run(&["join", "#ops"]).well();
    }
    let mut follower = reader.follow("#ops");
    let mut senders: Vec<_> = names
        .iter()
        .zip(&people)
        .map(|(name, person)| {
            let mut sender = person.start(&["send", "#ops", "-", "--lines", "--json"]);
            let lines = (1..=LINE_COUNT).map(|number| format!("{name} {number}\n")).collect();
            sender.feed_slowly(lines, Duration::from_millis(4));
            sender
        })
        .collect();
    for kill in 0..5 {
        // Each sender has come further since the last kill, and more is on its way.
        for sender in &mut senders {
            sender.wait_until("lines are stored", |sender| sender.out.len() >= 30 + 80 * kill);
        }
        world.kill_and_restart_server();
    }
    let mut told: BTreeMap<u64, (String, String)> = BTreeMap::new();
    for (name, sender) in names.iter().zip(senders) {
        let ended = sender.end().well();
        assert_eq!(ended.out.len(), LINE_COUNT);
        for (index, line) in ended.out.iter().enumerate() {
            let value = json(line);
            let (seq, id) = (value["seq"].as_u64().unwrap(), value["id"].as_str().unwrap().to_owned());
            assert!(told.insert(seq, (id, format!("{name} {}", index + 1))).is_none(), "two messages at {seq}");
        }
    }
    let history = reader.history("#ops").posts();
    let stored: BTreeMap<u64, (String, String)> =
        history.iter().map(|post| (post.seq, (post.id.clone(), post.text.clone()))).collect();
    assert_eq!(history.len(), 3 * LINE_COUNT);
    // Every message is where its sender was told, and nothing else is there; so each sender's order is kept if seqs rise.
    assert_eq!(stored, told);
    for name in names {
        let texts: Vec<&str> = history.iter().filter(|post| post.author == name).map(|post| post.text.as_str()).collect();
        let lines: Vec<String> = (1..=LINE_COUNT).map(|number| format!("{name} {number}")).collect();
        assert_eq!(texts, lines);
    }
    follower.wait_for_posts(history.len());
    assert_eq!(follower.posts(), history);
}

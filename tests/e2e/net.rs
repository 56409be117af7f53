//! `net`: what people and programs learn about the way to the server.

use super::program::json;
use super::world::World;

#[test]
fn the_way_to_the_server_is_shown_once_or_watched_until_ctrl_c() {
    let world = World::new();
    let alice = world.person("alice");
    let out = alice.run(&["net"]).well().out;
    assert!(out.iter().any(|line| line.starts_with("round trip") && line.contains(" ms, +/- ")), "{out:?}");
    let ended = alice.run(&["net", "--json"]).well();
    let line = json(ended.only_line());
    assert_eq!(
        (&line["type"], &line["online"], &line["connections"], &line["unsent"]),
        (&"net".into(), &true.into(), &1.into(), &0.into())
    );
    // Eight questions, each with an answer.
    for key in ["rtt_us", "rtt_min_us", "connect_us"] {
        assert!(line[key].as_u64().is_some_and(|span| (1..5_000_000).contains(&span)), "{key}: {line}");
    }
    assert!(line["packets_received"].as_u64() > Some(8), "{line}");

    let mut watcher = alice.start(&["net", "--watch", "--json"]);
    watcher.wait_until("three lines", |watcher| watcher.out.len() >= 3);
    watcher.interrupt();
    let lines = watcher.end().with_status(130).json();
    let received: Vec<u64> = lines.iter().map(|line| line["packets_received"].as_u64().unwrap()).collect();
    assert!(received.windows(2).all(|two| two[0] < two[1]), "each line is about a further round trip: {received:?}");
    let shown = alice.run(&["net", "--watch", "--timeout", "1.5"]).well().out;
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(shown[0].contains("rtt ms"), "{shown:?}");

    let mut talk = alice.start(&[]);
    talk.type_in("/net\n");
    talk.wait_for("round trip");
    talk.type_in("/quit\n");
    talk.end().with_status(0);
}

//! The conversation without a terminal: lines in, lines out.

use super::world::World;

#[test]
fn a_conversation_goes_through_pipes() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    alice.run(&["send", "#ops", "said before"]).well();

    let mut talk = bob.start(&[]);
    talk.type_in("/join #ops\n");
    talk.wait_for("joined #ops");
    talk.wait_for("alice: said before");
    talk.type_in("hello from a pipe\n//not a command\n/who\n");
    talk.wait_for("bob: hello from a pipe");
    talk.wait_for("bob: /not a command");
    talk.wait_for("@alice  owner");
    alice.run(&["send", "#ops", "I hear you"]).well();
    talk.wait_for("alice: I hear you");
    alice.run(&["send", "@bob", "between us"]).well();
    talk.wait_for("@alice 2 alice: between us");
    talk.type_in("/msg @alice and back\n/jion #x\n/rooms\n");
    talk.wait_for("#ops  2 members  joined");
    talk.wait_until("the slip is remarked", |talk| talk.err.iter().any(|line| line.contains("did you mean /join")));
    talk.type_in("/quit\n");
    let ended = talk.end().with_status(0);
    for text in ["said before", "hello from a pipe", "I hear you", "between us"] {
        assert_eq!(ended.out.iter().filter(|line| line.contains(text)).count(), 1, "{text} in {ended:#?}");
    }
    assert_eq!(alice.history("#ops").texts(), ["said before", "hello from a pipe", "/not a command", "I hear you"]);
    assert_eq!(alice.history("@bob").texts(), ["between us", "and back"]);
}

#[test]
fn what_is_written_before_the_input_ends_is_stored() {
    let world = World::new();
    let alice = world.person("alice");
    let ended = alice.run_with("/create #notes\none\ntwo\n/quit\nnever read\n", &[]).with_status(0);
    assert!(ended.out.iter().any(|line| line.contains("created #notes")), "{ended:?}");
    assert_eq!(alice.history("#notes").texts(), ["one", "two"]);
    // A wrong room takes no text.
    let lost = alice.run_with("into the void\n", &[]).with_status(0);
    assert!(lost.err.iter().any(|line| line.contains("no room")), "{lost:?}");
}

#[test]
fn a_conversation_goes_on_when_the_server_comes_back() {
    let mut world = World::restartable();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    let mut talk = bob.start(&[]);
    talk.type_in("/join #ops\n");
    talk.wait_for("joined #ops");
    world.server.program.kill();
    talk.type_in("written while it was away\n");
    world.restart_server();
    talk.wait_for("bob: written while it was away");
    alice.run(&["send", "#ops", "welcome back"]).well();
    talk.wait_for("alice: welcome back");
    talk.type_in("/quit\n");
    talk.end().with_status(0);
    assert_eq!(alice.history("#ops").texts(), ["written while it was away", "welcome back"]);
}

#[test]
fn a_room_that_is_not_to_be_had_takes_no_text() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    let mut talk = bob.start(&[]);
    talk.type_in("/create #mine\n");
    talk.wait_for("created #mine");
    talk.type_in("/create #ops\n");
    talk.wait_until("it is taken", |talk| talk.err.iter().any(|line| line.contains("there is a room #ops already")));
    talk.type_in("still here\n");
    talk.wait_for("bob: still here");
    alice.run(&["join", "#mine"]).well();
    talk.type_in("/leave\n");
    talk.wait_until("owners stay", |talk| talk.err.iter().any(|line| line.contains("you own #mine")));
    talk.type_in("and here\n/quit\n");
    talk.end().with_status(0);
    assert_eq!(alice.history("#mine").texts(), ["still here", "and here"]);
}

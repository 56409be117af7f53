//! Looks at a room in the conversation: read markers, settings, reports, what moderators did, tickets.

use super::world::World;

#[test]
fn a_person_looks_at_the_room_without_leaving_the_conversation() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops", "--topic", "tea"]).well();
    alice.run(&["create", "#desk", "--template", "ticket"]).well();
    bob.run(&["join", "#ops"]).well();
    let sent = bob.run(&["send", "#ops", "buy gold"]).well();
    let seq = sent.only_line().split(' ').next_back().unwrap().to_owned();
    let mut talk = alice.start(&[]);
    talk.type_in("/reports\n");
    talk.wait_until("there is no room", |talk| talk.err.iter().any(|line| line.contains("/join #room first")));
    talk.type_in("/join #ops\n");
    talk.wait_for("bob: buy gold");
    talk.type_in("/room\n");
    talk.wait_for("tea");
    talk.type_in("/reports\n");
    talk.wait_until("nothing yet", |talk| talk.err.iter().any(|line| line.contains("nothing is reported")));
    talk.type_in(&format!("/report {seq} spam\n"));
    talk.wait_until("done", |talk| talk.err.iter().any(|line| line.ends_with("done")));
    talk.type_in("/reports\n");
    talk.wait_for("reported by @alice: spam");
    talk.type_in("/mute @bob 60\n");
    talk.wait_for("muted in #ops");
    let before = talk.out.len();
    talk.type_in("/audit\n");
    talk.wait_until("the mute is shown", |talk| talk.out[before..].iter().any(|line| line.contains("muted @bob")));
    let mut desk = bob.start(&[]);
    desk.type_in("/ticket #desk\n");
    desk.wait_for("opened #");
    desk.type_in("/quit\n");
    desk.end().with_status(0);
    talk.type_in("/quit\n");
    talk.end().with_status(0);
}

#[test]
fn a_room_is_marked_as_read_and_a_message_as_unread() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    bob.run(&["join", "#ops"]).well();
    let sent = bob.run(&["send", "#ops", "tea?"]).well();
    let seq = sent.only_line().split(' ').next_back().unwrap().to_owned();
    let mut talk = alice.start(&[]);
    talk.type_in("/join #ops\n");
    talk.wait_for("bob: tea?");
    // A marker moves once in two seconds: until then each try is answered with a refusal.
    for command in [format!("/unread {seq}\n"), "/read\n".to_owned()] {
        let part = if command.starts_with("/unread") { "; 1 unread" } else { "; 0 unread" };
        let mut is_marked = false;
        while !is_marked {
            let (out, err) = (talk.out.len(), talk.err.len());
            talk.type_in(&command);
            talk.wait_until("an answer", |talk| talk.out.len() > out || talk.err.len() > err);
            is_marked = talk.out.iter().any(|line| line.ends_with(part));
            assert!(is_marked || talk.err.len() < 10_000, "{talk:?}");
        }
    }
    talk.type_in("/quit\n");
    talk.end().with_status(0);
}

//! The first day: everything that somebody does who has just been given the line to connect with.

use super::person::{PASSWORD, Person, url};
use super::program::json;
use super::world::World;

#[test]
fn two_newcomers_meet_in_a_room() {
    let world = World::new();
    // Somebody who was given no key, and believes the one that the server shows.
    let alice = Person::new(world.folder().join("alice"), url("alice", world.server.address, None));
    let bob = Person::new(world.folder().join("bob"), url("bob", world.server.address, None));
    let address = world.server.address;
    let key = world.server.fingerprint();
    for (person, name, number) in [(&alice, "alice", 1), (&bob, "bob", 2)] {
        let registered = person.run_with("correct horse\n", &["--trust", "register", &person.url, "--password-stdin"]).well();
        assert_eq!(registered.only_line(), format!("@{name} on {address} (user {number}, device {number}, server key {key})"));
    }

    assert_eq!(alice.run(&["create", "#ops"]).well().only_line(), "created #ops");
    assert_eq!(bob.run(&["join", "#ops"]).well().only_line(), "joined #ops");
    assert_eq!(bob.run(&["join", "#OPS"]).well().only_line(), "joined #ops", "once more is no failure");
    assert_eq!(alice.run(&["send", "#ops", "hello 你好 👋"]).well().only_line(), "#ops 4");

    let tail = bob.run(&["tail", "#ops", "--json"]).well();
    let kinds: Vec<String> = tail.json().iter().map(|line| line["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["created", "joined", "joined", "posted"]);
    let line = &tail.out[3];
    let value = json(line);
    let (room, id, time) = (&value["room_id"], value["id"].as_str().unwrap(), value["time"].as_str().unwrap());
    assert_eq!(
        *line,
        format!(
            r##"{{"v":1,"type":"posted","room":"#ops","room_id":{room},"seq":4,"prev":3,"id":"{id}","author":"alice","author_id":1,"time":"{time}","text":"hello 你好 👋","reply_to":null,"mentions":[],"edited":false,"deleted":false}}"##
        )
    );
    assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");

    let people_see = bob.run(&["tail", "#ops", "-n", "1"]).well();
    assert!(people_see.only_line().ends_with("#ops 4 alice: hello 你好 👋"), "{people_see:?}");

    assert_eq!(bob.run(&["rooms"]).well().only_line(), "#ops  2 members  joined");
    assert_eq!(bob.run(&["rooms", "nothing"]).well().out, Vec::<String>::new());
    assert_eq!(bob.run(&["who", "#ops"]).well().out, ["@alice  owner", "@bob  online"]);
    let me = bob.run(&["whoami", "--json"]).well().json();
    assert_eq!(
        (me[0]["type"].as_str(), me[0]["user"].as_str(), me[0]["user_id"].as_u64()),
        (Some("account"), Some("bob"), Some(2))
    );

    assert_eq!(bob.run(&["leave", "#ops"]).well().only_line(), "left #ops");
    bob.run(&["tail", "#ops"]).saying(4, "not a member");
    bob.run(&["send", "#ops", "still here?"]).saying(4, "not a member");
    assert_eq!(alice.run(&["who", "#ops"]).well().out, ["@alice  owner  online"]);
    assert_eq!(alice.history("#ops").texts(), ["hello 你好 👋"]);
}

#[test]
fn a_direct_message_opens_a_conversation_of_two() {
    let world = World::new();
    let (alice, bob, eve) = (world.person("alice"), world.person("bob"), world.person("eve"));
    assert_eq!(alice.run(&["send", "@bob", "psst"]).well().only_line(), "@bob 2");
    let seen = bob.run(&["tail", "@alice", "--json"]).well();
    assert_eq!(seen.texts(), ["psst"]);
    assert_eq!(seen.json()[1]["room"], "@alice", "to each it is named after the other");
    assert_eq!(bob.run(&["send", "@alice", "what?"]).well().only_line(), "@alice 3");
    assert_eq!(alice.history("@bob").texts(), ["psst", "what?"]);
    assert!(eve.run(&["history", "@alice", "--json"]).texts().is_empty());
    alice.run(&["send", "@nobody", "anyone?"]).saying(1, "nobody");
    alice.run(&["send", "@alice", "me"]).saying(1, "two people");
}

#[test]
fn history_is_read_from_any_place() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#log"]).well();
    let lines: Vec<String> = (1..=600).map(|number| format!("line {number}")).collect();
    let sent = alice.run_with(&lines.join("\n"), &["send", "#log", "-", "--lines"]).well();
    assert_eq!((sent.out.len(), sent.out[0].as_str(), sent.out[599].as_str()), (600, "#log 3", "#log 602"));

    let texts = |args: &[&str]| {
        let mut all = vec!["history", "#log", "--json"];
        all.extend(args);
        alice.run(&all).well().texts()
    };
    assert_eq!(texts(&["-n", "3"]), ["line 598", "line 599", "line 600"]);
    assert_eq!(texts(&["-n", "2", "--before", "13"]), ["line 9", "line 10"]);
    assert_eq!(texts(&["-n", "2", "--after", "12"]), ["line 11", "line 12"]);
    let around = texts(&["-n", "5", "--around", "12"]);
    assert!(around.contains(&"line 10".to_owned()) && (3..=5).contains(&around.len()), "{around:?}");
    assert_eq!(texts(&["-n", "1000"]).len(), 600, "more than a page");
    assert_eq!(texts(&["-n", "5", "--after", "602"]), Vec::<String>::new());
    assert_eq!(alice.run(&["tail", "#log", "-n", "2", "--json"]).well().texts(), ["line 599", "line 600"]);
}

#[test]
fn standard_input_is_one_message_or_one_a_line() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#log"]).well();
    assert_eq!(alice.run_with("a\n  b\n", &["send", "#log", "-"]).well().only_line(), "#log 3");
    assert_eq!(alice.run_with("one\n\n# two\r\nthree", &["send", "#log", "-", "--lines"]).well().out.len(), 3);
    assert_eq!(alice.history("#log").texts(), ["a\n  b", "one", "# two", "three"]);
    let sent = alice.run(&["send", "#log", "said", "in", "words", "--json"]).well();
    let value = json(sent.only_line());
    assert_eq!((value["type"].as_str(), value["room"].as_str()), (Some("sent"), Some("#log")));
    assert_eq!((value["seq"].as_u64(), value["state"].as_str()), (Some(7), Some("stored")));
    assert_eq!(alice.history("#log").posts().last().unwrap().id, value["id"].as_str().unwrap());
    // A line that cannot be sent does not stop the others, and is not forgotten.
    let mixed = alice.run_with("good\nbad \u{1b}[2J\ngood too\n", &["send", "#log", "-", "--lines"]).with_status(1);
    assert!(mixed.err.len() == 1 && mixed.err[0].contains("line 2"), "{mixed:?}");
    assert_eq!(mixed.out.len(), 2);
}

#[test]
fn a_room_with_a_password_opens_to_those_who_know_it() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run_with("open sesame\n", &["create", "#cave", "--password-stdin"]).well();
    bob.run(&["join", "#cave"]).saying(4, "password");
    bob.run_with("open barley\n", &["join", "#cave", "--password-stdin"]).saying(4, "password");
    assert_eq!(bob.run(&["rooms"]).well().only_line(), "#cave  1 member  password");
    bob.run(&["tail", "#cave"]).saying(4, "not a member");
    bob.run_with("open sesame\n", &["join", "#cave", "--password-stdin"]).well();
    assert_eq!(bob.run(&["who", "#cave"]).well().out.len(), 2);
}

#[test]
fn an_unlisted_room_is_found_by_those_who_know_its_name() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#den", "--private"]).well();
    alice.run(&["send", "#den", "before you came"]).well();
    assert!(bob.run(&["rooms"]).well().out.is_empty());
    bob.run(&["tail", "#den"]).saying(1, "no such room");
    bob.run(&["join", "#den"]).well();
    alice.run(&["send", "#den", "welcome"]).well();
    assert_eq!(bob.history("#den").texts(), ["welcome"], "what was before is not for those who came later");
    assert!(bob.run(&["rooms", "--mine"]).well().only_line().starts_with("#den"));
}

#[test]
fn guests_come_where_guests_are_let_in() {
    let open = World::with(&["--guests"]);
    let visitor = open.newcomer("visitor", "visitor");
    let come = visitor.run(&["register", "--guest", &visitor.url]).well();
    assert!(come.only_line().starts_with("@visitor on ") && come.only_line().contains(", a guest,"), "{come:?}");
    visitor.run(&["create", "#desk"]).well();
    assert_eq!(visitor.run(&["send", "#desk", "hello?"]).well().only_line(), "#desk 3");

    let closed = World::new();
    let visitor = closed.newcomer("visitor", "visitor");
    visitor.run(&["register", "--guest", &visitor.url]).saying(4, "guest");
    visitor.run(&["whoami"]).saying(4, "logged in");
    visitor.register(PASSWORD).well();
}

#[test]
fn lines_are_sent_as_they_come_and_seen_as_they_come() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#log"]).well();
    alice.run(&["tail", "-f", "#log", "--timeout", "0.2"]).well();
    let mut follower = alice.follow("#log");
    let mut sender = alice.start(&["send", "#log", "-", "--lines"]);
    for number in 1..=5 {
        sender.type_in(&format!("line {number}\n"));
        sender.wait_for(&format!("#log {}", number + 2));
        follower.wait_for(&format!("line {number}"));
    }
    sender.end().well();
}

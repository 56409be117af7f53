//! What is done with messages through the real program: several lines, mentions, answers, edits, deletions, reactions, pins,
//! threads, payloads.

use serde_json::Value;

use super::person::Person;
use super::program::Ended;
use super::world::World;

/// Alice owns `#ops`, Bob (and whoever else is named) is in it.
fn people_in_ops(world: &World, names: &[&str]) -> Vec<Person> {
    let people: Vec<Person> = names.iter().map(|name| world.person(name)).collect();
    people[0].run(&["create", "#ops"]).well();
    people[1..].iter().for_each(|person| {
        person.run(&["join", "#ops"]).well();
    });
    people
}

fn json(ended: &Ended) -> Vec<Value> {
    ended.out.iter().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The position of a message that is sent with these words behind `send #ops`.
fn send(person: &Person, words: &[&str]) -> String {
    let sent = person.run(&[&["send", "--json", "#ops"], words].concat()).well();
    json(&sent)[0]["seq"].to_string()
}

fn message(person: &Person, seq: &str) -> Value {
    let around = person.run(&["history", "#ops", "--json", "--around", seq, "-n", "100"]).well();
    json(&around).into_iter().find(|line| line["seq"].as_u64() == seq.parse().ok()).expect("it is there")
}

#[test]
fn a_message_of_several_lines_arrives_as_it_was_written() {
    let world = World::new();
    let people = people_in_ops(&world, &["alice", "bob"]);
    let mut follower = people[1].follow("#ops");
    let text = "first line\n\tset in\n\n最后一行 👋";
    people[0].run_with(&format!("{text}\n"), &["send", "#ops", "-"]).well();
    follower.wait_for("最后一行");
    let told: Value = serde_json::from_str(follower.out.iter().find(|line| line.contains("最后")).unwrap()).unwrap();
    assert_eq!(told["text"], text);
    let shown = people[1].run(&["tail", "#ops", "-n", "1"]).well();
    assert_eq!(shown.out.len(), 4, "{shown:?}");
    assert!(shown.out[0].ends_with("alice: first line") && shown.out[3].ends_with("    最后一行 👋"), "{shown:?}");
    let turned = people[0].run(&["send", "#ops", "a\u{202e}b"]).with_status(1);
    assert!(turned.err.iter().any(|line| line.contains("U+202E")), "{turned:?}");
}

#[test]
fn a_name_in_a_chinese_text_is_a_mention() {
    let world = World::new();
    let people = people_in_ops(&world, &["alice", "小明"]);
    let who = json(&people[0].run(&["who", "#ops", "--json"]).well());
    let id = who.iter().find(|member| member["user"] == "小明").unwrap()["user_id"].clone();
    let seq = send(&people[0], &["今天@小明部署完成"]);
    assert_eq!(message(&people[1], &seq)["mentions"], Value::from(vec![id]));
    let nobody = send(&people[0], &["mail me: joe@小红.example"]);
    assert_eq!(message(&people[1], &nobody)["mentions"], Value::from(Vec::<u64>::new()));
}

#[test]
fn a_message_is_answered_edited_reacted_to_and_pinned() {
    let world = World::new();
    let people = people_in_ops(&world, &["alice", "bob"]);
    let (alice, bob) = (&people[0], &people[1]);
    let mut follower = alice.follow("#ops");
    let question = send(bob, &["how does teh build work?"]);
    bob.run(&["edit", "#ops", &question, "how does the build work?"]).well();
    let answer = send(alice, &["--reply-to", &question, "with cargo"]);
    bob.run(&["react", "#ops", &answer, "👍"]).well();
    let pinned = alice.run(&["pin", "#ops", &question]).well();
    assert_eq!(pinned.out, [format!("pinned #ops {question}")]);
    bob.run(&["pin", "#ops", &answer]).with_status(4);
    alice.run(&["edit", "#ops", &question, "mine now"]).with_status(4);

    let told = message(bob, &question);
    assert_eq!((&told["text"], &told["edited"]), (&"how does the build work?".into(), &true.into()));
    assert_eq!((&told["pinned"], &told["replies"], &told["resolved"]), (&true.into(), &1.into(), &false.into()));
    let told = message(bob, &answer);
    assert_eq!(told["reply_to"].to_string(), question);
    assert_eq!((&told["reactions"][0]["reaction"], &told["reactions"][0]["own"]), (&"👍".into(), &true.into()));
    let shown = bob.run(&["pins", "#ops"]).well();
    assert!(shown.out[0].ends_with("bob: how does the build work?  [edited, pinned, 1 answer]"), "{shown:?}");

    let open = bob.run(&["threads", "#ops", "--open", "--json"]).well();
    assert_eq!(json(&open)[0]["seq"].to_string(), question);
    bob.run(&["resolve", "#ops", &question]).well();
    assert_eq!(bob.run(&["threads", "#ops", "--open"]).well().out.len(), 0);
    assert_eq!(bob.run(&["threads", "#ops"]).well().out.len(), 1);
    bob.run(&["reopen", "#ops", &question]).well();
    bob.run(&["unreact", "#ops", &answer, "👍"]).well();
    alice.run(&["unpin", "#ops", &question]).well();
    follower.wait_for(r#""type":"unpinned""#);
    let kinds: Vec<String> = follower
        .out
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .filter(|kind| kind != "state")
        .collect();
    let expected = ["posted", "edited", "posted", "reacted", "pinned", "resolved", "reopened", "unreacted", "unpinned"];
    assert_eq!(kinds, expected, "a follower is told each event as it is");
}

#[test]
fn a_deleted_message_is_gone_for_everybody() {
    let world = World::new();
    let people = people_in_ops(&world, &["alice", "bob", "carol"]);
    let mut follower = people[2].follow("#ops");
    let seq = send(&people[1], &["sekrit"]);
    people[1].run(&["edit", "#ops", &seq, "still sekrit"]).well();
    people[2].run(&["delete", "#ops", &seq]).with_status(4);
    let deleted = people[0].run(&["delete", "#ops", &seq, "--json"]).well();
    assert_eq!((&json(&deleted)[0]["type"], json(&deleted)[0]["post"].to_string()), (&"deleted".into(), seq.clone()));
    follower.wait_for(r#""type":"deleted""#);
    let told: Value = serde_json::from_str(follower.out.last().unwrap()).unwrap();
    assert_eq!((&told["author"], told["post"].to_string()), (&"alice".into(), seq.clone()));
    for person in &people {
        let all = person.history("#ops");
        assert!(!all.out.iter().any(|line| line.contains("sekrit")), "{all:?}");
        assert_eq!(message(person, &seq)["deleted"], true);
    }
    let again = people[1].run(&["edit", "#ops", &seq, "back"]).with_status(1);
    assert!(again.err.iter().any(|line| line.contains("was deleted")), "{again:?}");
}

#[test]
fn a_message_carries_what_programs_know() {
    let world = World::new();
    let people = people_in_ops(&world, &["alice", "bob"]);
    let words = ["--payload-kind", "homework", "--payload", r#"{"due":"2026-12-01","读":3}"#, "read chapter 3"];
    let seq = send(&people[0], &words);
    let told = message(&people[1], &seq);
    assert_eq!((&told["text"], &told["payload"]["kind"]), (&"read chapter 3".into(), &"homework".into()));
    assert_eq!((&told["payload"]["content"]["due"], &told["payload"]["content"]["读"]), (&"2026-12-01".into(), &3.into()));
    let shown = people[1].run(&["tail", "#ops", "-n", "1"]).well();
    assert!(shown.out[0].ends_with("alice: read chapter 3  [homework]"), "{shown:?}");
    let bad = people[0].run(&["send", "#ops", "--payload-kind", "homework", "--payload", "{due}", "x"]).with_status(1);
    assert!(bad.err.iter().any(|line| line.contains("not JSON")), "{bad:?}");
}

#[test]
fn in_the_conversation_slash_commands_do_the_same() {
    let world = World::new();
    let people = people_in_ops(&world, &["alice", "bob"]);
    let seq = send(&people[1], &["a question"]);
    let mut talk = people[0].start(&[]);
    talk.type_in("/join #ops\n");
    talk.wait_for("bob: a question");
    talk.type_in(&format!("/reply {seq} an anser\n"));
    talk.wait_for(&format!("alice (to {seq}): an anser"));
    let answer = (seq.parse::<u64>().unwrap() + 1).to_string();
    talk.type_in(&format!("/edit {answer} an answer\n/react {seq} 👍\n/pin {seq}\n/resolve {seq}\n/pins\n"));
    talk.wait_for("a question  [👍, pinned, 1 answer, resolved]");
    talk.type_in(&format!("/delete {answer}\n"));
    talk.wait_for(&format!("deleted #ops {answer}"));
    talk.type_in("/delete 999\n/react\n");
    talk.wait_until("what is wrong is said", |talk| {
        let said = |text: &str| talk.err.iter().any(|line| line.contains(text));
        said("there is no message 999") && said("/react SEQ EMOJI")
    });
    talk.type_in("/quit\n");
    talk.end().with_status(0);
    assert_eq!(message(&people[1], &answer)["deleted"], true);
}

#[test]
fn a_sender_waits_until_all_devices_have_the_message() {
    let world = World::new();
    let people = people_in_ops(&world, &["alice", "bob"]);
    let (alice, bob) = (&people[0], &people[1]);
    // Nobody listens: the message is stored, and the sender is told how far it came.
    let missed = alice.run(&["--timeout", "2", "--json", "send", "#ops", "--wait", "delivered", "early"]).with_status(7);
    assert_eq!(json(&missed)[0]["state"], "stored");
    assert!(missed.err.iter().any(|line| line.contains("delivered to 0 of 1 devices")), "{missed:?}");
    let mut follower = bob.follow("#ops");
    let sent = alice.run(&["--json", "send", "#ops", "--wait", "delivered", "hello"]).well();
    assert_eq!(json(&sent)[0]["state"], "delivered");
    follower.wait_for("hello");
    let unread = alice.run(&["--timeout", "2", "--json", "send", "#ops", "--wait", "read", "read me"]).with_status(7);
    assert!(unread.err.iter().any(|line| line.contains("read by 0 of 1")), "{unread:?}");
    // A marker that moves while the sender waits is seen.
    let waiting = alice.start(&["--json", "send", "#ops", "--wait", "read", "have you seen this?"]);
    follower.wait_for("have you seen this?");
    bob.run(&["read", "#ops"]).well();
    assert_eq!(json(&waiting.end().well())[0]["state"], "read");
    // So is an answer: who writes has read.
    let waiting = alice.start(&["--json", "send", "#ops", "--wait", "read", "and this?"]);
    follower.wait_for("and this?");
    bob.run(&["send", "#ops", "yes"]).well();
    assert_eq!(json(&waiting.end().well())[0]["state"], "read");
    assert_eq!(alice.history("#ops").texts(), ["early", "hello", "read me", "have you seen this?", "and this?", "yes"]);
    // Alone in a room there is nobody to wait for.
    alice.run(&["create", "#notes"]).well();
    alice.run(&["send", "#notes", "--wait", "read", "to myself"]).well();
}

#[test]
fn a_message_is_posted_later() {
    let world = World::new();
    let people = people_in_ops(&world, &["alice", "bob"]);
    let (alice, bob) = (&people[0], &people[1]);
    let mut follower = bob.follow("#ops");
    let never = json(&alice.run(&["send", "#ops", "--json", "--in", "1d", "never"]).well());
    let number = never[0]["number"].to_string();
    alice.run(&["send", "#ops", "--in", "1s", "soon"]).well();
    follower.wait_for(r#""text":"soon""#);
    let waiting = json(&alice.run(&["scheduled", "--json"]).well());
    assert_eq!((waiting.len(), &waiting[0]["text"], &waiting[0]["room"]), (1, &"never".into(), &"#ops".into()));
    alice.run(&["scheduled", "cancel", &number]).well();
    assert_eq!(alice.run(&["scheduled"]).well().out.len(), 0);
    alice.run(&["send", "#ops", "--at", "2020-01-01T00:00Z", "past"]).with_status(1);
    alice.run(&["send", "#osp", "--in", "1h", "astray"]).with_status(1);
    alice.run(&["send", "#ops", "--at", "soon", "x"]).with_status(2);
    assert_eq!(bob.history("#ops").texts(), ["soon"]);
    let mut talk = bob.start(&[]);
    talk.type_in("/join #ops\n/later 1d tea\n/scheduled\n");
    talk.wait_for("  #ops  tea");
    talk.type_in("/later 2s gone\n/leave\n");
    talk.wait_for("a message for #ops was not posted: you are not a member");
    talk.type_in("/quit\n");
}

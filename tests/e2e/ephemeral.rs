//! What is told and never stored, through the real programs: presence, typing, values, messages that are being written.

use super::at_terminal::Terminal;
use super::person::{PASSWORD, Person};
use super::program::{Program, json};
use super::world::World;

fn watch(person: &Person, room: &str) -> Program {
    let mut watcher = person.start(&["latest", room, "--watch", "--json"]);
    watcher.wait_for(r#""state":"online""#);
    watcher
}

#[test]
fn values_are_told_to_who_looks_and_gone_when_nobody_does() {
    let world = World::new();
    let (alice, bob, carol) = (world.person("alice"), world.person("bob"), world.person("carol"));
    alice.run(&["create", "#hall"]).well();
    alice.run(&["latest", "#hall", "alice", "nobody looks"]).well();
    for person in [&bob, &carol] {
        person.run(&["join", "#hall"]).well();
    }
    let mut bobs = watch(&bob, "#hall");
    alice.run(&["latest", "#hall", "alice", "1,2"]).well();
    bobs.wait_for(r#""key":"alice","value":"1,2""#);
    let mut carols = watch(&carol, "#hall");
    carols.wait_for(r#""key":"alice","value":"1,2""#);
    let line = carols.out.iter().find(|line| line.contains("1,2")).expect("waited for");
    let value = json(line);
    assert_eq!((&value["type"], &value["room"], &value["author"]), (&"latest".into(), &"#hall".into(), &"alice".into()));
    alice.run_with("3,4\n5,6\n7,8\n", &["latest", "#hall", "alice", "-"]).well();
    bobs.wait_for(r#""value":"7,8""#);
    assert!(!bobs.out.iter().any(|line| line.contains("nobody looks")));
    alice.run(&["latest", "#hall", "", "x"]).saying(1, "a key has 1 to 64 bytes");
    bob.run(&["leave", "#hall"]).well();
    bob.run(&["latest", "#hall", "k", "v"]).saying(4, "join it first");
}

#[test]
fn presence_is_told_over_two_devices_and_typing_while_it_lasts() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#hall"]).well();
    bob.run(&["join", "#hall"]).well();
    let phone = world.newcomer("alice", "phone");
    phone.log_in(PASSWORD).well();
    let mut watcher = watch(&bob, "#hall");
    let mut laptops = alice.start(&[]);
    laptops.type_in("/join #hall\n");
    watcher.wait_for(r#""type":"presence","user":"alice","user_id":1,"presence":"online""#);
    laptops.type_in("/away at lunch\n");
    watcher.wait_for(r#""presence":"away","text":"at lunch""#);
    let out = bob.run(&["who", "#hall"]).well().out;
    assert!(out.contains(&"@alice  owner  away".to_owned()), "{out:?}");

    let mut phones = Terminal::start(&phone, &[]);
    phones.wait_for("/help");
    phones.press("/join #hall\n");
    phones.wait_for("#hall> ");
    let online_count = |watcher: &Program| watcher.out.iter().filter(|line| line.contains(r#""presence":"online""#)).count();
    watcher.wait_until("online again", |watcher| online_count(watcher) == 2);
    phones.press("hel");
    watcher.wait_for(r##"{"v":1,"type":"typing","room":"#hall","##);
    phones.press("lo\n");
    phones.wait_for("alice: hello");
    phones.press("/quit\n");
    assert_eq!(phones.end().1, Some(0));
    laptops.type_in("/quit\n");
    laptops.end().with_status(0);
    watcher.wait_for(r#""presence":"offline","last_seen":""#);
}

#[test]
fn a_streamed_message_is_shown_while_it_is_written_and_stored_once() {
    let world = World::new();
    let (bot, bob) = (world.person("robot"), world.person("bob"));
    bot.run(&["create", "#hall"]).well();
    bob.run(&["join", "#hall"]).well();
    let mut watcher = watch(&bob, "#hall");
    let mut talk = bob.start(&[]);
    talk.type_in("/join #hall\n");
    talk.wait_for("joined #hall");
    let mut stream = bot.start(&["send", "#hall", "-", "--stream"]);
    stream.type_in("so far ");
    watcher.wait_for(r#""value":"so far ""#);
    talk.wait_for("robot is writing in #hall: so far");
    stream.type_in("so 好");
    watcher.wait_for(r#""value":"so far so 好""#);
    let ended = stream.end().with_status(0);
    assert!(ended.only_line().starts_with("#hall "), "{ended:?}");
    watcher.wait_for(r#""value":"""#);
    talk.wait_for("robot: so far so 好");
    talk.type_in("/quit\n");
    talk.end().with_status(0);
    let posts = bob.history("#hall").posts();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0].text, "so far so 好");
    let draft = watcher.out.iter().find(|line| line.contains("so far so")).expect("waited for");
    assert_eq!(json(draft)["key"], format!("draft:{}", posts[0].id));
    bot.run(&["send", "#hall", "hello", "--stream"]).saying(2, "--stream goes with -");
}

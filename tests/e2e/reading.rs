//! Reading beside the conversation: searching, read markers, export, proof.

use std::path::Path;

use super::person::{PASSWORD, Person};
use super::world::World;

#[test]
fn a_message_is_found_by_its_words_in_any_language() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    for text in ["Deployed it", "今天部署完成", "lunch?"] {
        alice.run(&["send", "#ops", text]).well();
    }
    bob.run(&["join", "#ops"]).well();
    bob.run(&["send", "@alice", "deploys are my secret"]).well();
    let newest = alice.run(&["search", "deploy", "--json"]).well().texts();
    assert_eq!(newest, ["deploys are my secret", "Deployed it"], "what is stored is found");
    assert_eq!(bob.run(&["search", "部署", "--room", "#ops", "--json"]).well().texts(), ["今天部署完成"]);
    assert_eq!(bob.run(&["search", "deploy", "--room", "#ops", "-n", "1", "--json"]).well().texts(), ["Deployed it"]);
    bob.run(&["search", "nowhere"]).saying(0, "nothing was found");
    bob.run(&["search", "?!"]).with_status(1);
    bob.run(&["leave", "#ops"]).well();
    assert_eq!(bob.run(&["search", "deploy", "--json"]).well().texts(), ["deploys are my secret"]);

    let mut talk = alice.start(&[]);
    talk.type_in("/search DEPLOY\n");
    talk.wait_for("bob: deploys are my secret");
    talk.type_in("/search nowhere\n");
    talk.wait_until("it says so", |talk| talk.err.iter().any(|line| line.contains("nothing was found")));
    talk.type_in("/quit\n");
    let ended = talk.end().with_status(0);
    assert!(ended.out.iter().any(|line| line.contains("alice: Deployed it")), "{ended:?}");
}

/// The unread messages of `#ops`, as the list of one's rooms says.
fn unread(person: &Person) -> u64 {
    let listed = person.run(&["rooms", "--mine", "--json"]).well();
    let line = listed.out.iter().find(|line| line.contains(r##""room":"#ops""##)).expect("it is listed");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    line["unread"].as_u64().expect("a number")
}

#[test]
fn two_devices_agree_on_what_is_unread() {
    let world = World::new();
    let (alice, laptop) = (world.person("alice"), world.person("bob"));
    let phone = world.newcomer("bob", "phone");
    phone.log_in(PASSWORD).well();
    alice.run(&["create", "#ops"]).well();
    laptop.run(&["join", "#ops"]).well();
    for text in ["one", "two", "three"] {
        alice.run(&["send", "#ops", text]).well();
    }
    assert_eq!([unread(&laptop), unread(&phone), unread(&alice)], [3, 3, 0]);
    phone.run(&["read", "#ops", "5"]).well();
    assert_eq!([unread(&laptop), unread(&phone)], [1, 1]);
    // So soon after the other one it waits its turn by itself.
    laptop.run(&["read", "#ops"]).well();
    assert_eq!([unread(&laptop), unread(&phone)], [0, 0]);
    phone.run(&["unread", "#ops", "4"]).well();
    assert_eq!([unread(&laptop), unread(&phone)], [3, 3]);
    // What is shown is read.
    let mut talk = laptop.start(&[]);
    talk.type_in("/join #ops\n");
    talk.wait_for("alice: three");
    alice.run(&["send", "#ops", "four"]).well();
    talk.wait_for("alice: four");
    talk.type_in("/quit\n");
    talk.end().with_status(0);
    assert_eq!(unread(&phone), 0);
    phone.run(&["read", "#nowhere"]).with_status(1);
}

#[test]
fn unread_messages_that_mention_their_reader_are_counted() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    bob.run(&["join", "#ops"]).well();
    for text in ["hello", "@bob: look", "今天@bob部署"] {
        alice.run(&["send", "#ops", text]).well();
    }
    assert!(bob.run(&["rooms", "--mine"]).well().only_line().ends_with("  3 unread, 2 mention you"));
    let mut talk = bob.start(&[]);
    talk.wait_until("it says so", |talk| talk.err.iter().any(|line| line.contains("#ops: 3 unread, 2 mention you")));
    talk.type_in("/quit\n");
    talk.end().with_status(0);
    let marked = bob.run(&["--json", "unread", "#ops", "6"]).well();
    let marked: serde_json::Value = serde_json::from_str(marked.only_line()).expect("JSON");
    assert_eq!((&marked["unread"], &marked["mentions"]), (&1.into(), &1.into()));
    assert!(bob.run(&["read", "#ops"]).well().only_line().ends_with("; 0 unread"));
}

#[test]
fn an_export_is_everything_in_order_and_goes_on_where_it_was() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    let lines: Vec<String> = (0..1_200).map(|number| format!("line {number}")).collect();
    alice.run_with(&lines.join("\n"), &["send", "#ops", "-", "--lines"]).well();
    let whole = alice.run(&["export", "#ops"]).well();
    assert_eq!(whole.texts(), lines);
    assert!(whole.out.last().expect("lines").contains(r#""type":"complete""#), "{:?}", whole.out.last());
    assert!(whole.out.last().expect("lines").contains(r#""seq":1202"#));
    let rest = alice.run(&["export", "#ops", "--after", "1200"]).well();
    assert_eq!(rest.texts(), &lines[1_198..]);
    let text = alice.run(&["export", "#ops", "--after", "1201", "--text"]).well();
    assert!(text.out[0].ends_with("#ops 1202 alice: line 1199") && text.out[1].starts_with("-- #ops is complete"), "{text:?}");
    bob.run(&["export", "#ops"]).with_status(4);
}

/// Runs SQL on the server's database while the server is down.
fn tamper(world: &World, sql: &str) {
    let database = rusqlite::Connection::open(world.folder().join("D/udpchat.db")).expect("a database");
    database.execute_batch(sql).expect("it is not locked");
}

#[test]
fn a_changed_event_and_a_missing_one_are_named() {
    let mut world = World::restartable();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    let lines: Vec<String> = (0..700).map(|number| format!("line {number}")).collect();
    alice.run_with(&lines.join("\n"), &["send", "#ops", "-", "--lines"]).well();
    let proved = alice.run(&["verify", "#ops"]).well();
    assert!(proved.out[0].starts_with("#ops is whole up to 702: 702 events; hash "), "{proved:?}");
    world.server.program.kill();
    tamper(
        &world,
        "UPDATE events SET body = CAST(substr(body, 1, length(body) - 1) || x'21' AS BLOB)
         WHERE log = (SELECT id FROM logs WHERE name = 'ops') AND seq = 603",
    );
    world.restart_server();
    let broken = alice.run(&["verify", "#ops"]).with_status(1);
    assert!(broken.err[0].contains("event 603 of #ops was changed"), "{broken:?}");
    world.server.program.kill();
    tamper(&world, "DELETE FROM events WHERE log = (SELECT id FROM logs WHERE name = 'ops') AND seq = 100");
    world.restart_server();
    let holed = alice.run(&["verify", "#ops"]).with_status(1);
    assert!(holed.err[0].contains("hole in #ops behind 99"), "{holed:?}");
}

#[test]
fn a_server_that_was_set_back_is_noticed_by_those_who_read_on_and_those_who_verify() {
    let mut world = World::restartable();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    alice.run(&["send", "#ops", "before the copy"]).well();
    keep_copy(&mut world);
    alice.run(&["send", "#ops", "after the copy"]).well();
    alice.run(&["verify", "#ops"]).well();
    let mut follower = alice.follow("#ops");
    set_back(&mut world);
    follower.wait_until("it says so", |follower| follower.err.iter().any(|line| line.contains("restored from an older copy")));
    follower.end().with_status(1);
    let rewound = alice.run(&["verify", "#ops"]).with_status(1);
    assert!(rewound.err[0].contains("it ends at 3, but 4 was read there before"), "{rewound:?}");
    alice.run(&["send", "#ops", "another fourth"]).well();
    let forked = alice.run(&["verify", "#ops"]).with_status(1);
    assert!(forked.err[0].contains("what it has up to 4 is not what was read there before"), "{forked:?}");
    alice.run(&["verify", "#ops", "--anew"]).well();
    alice.run(&["verify", "#ops"]).well();
}

#[test]
fn who_reads_once_after_a_server_was_set_back_is_told() {
    let mut world = World::restartable();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    alice.run(&["send", "#ops", "before the copy"]).well();
    keep_copy(&mut world);
    alice.run(&["send", "#ops", "after the copy"]).well();
    assert!(alice.run(&["tail", "#ops"]).well().err.is_empty());
    set_back(&mut world);
    for words in [["tail", "#ops"], ["history", "#ops"]] {
        let told = alice.run(&words).with_status(0);
        assert!(told.err[0].contains("it ends at 3, but 4 was read there before"), "{told:?}");
    }
    alice.run(&["send", "#ops", "another fourth"]).well();
    let told = alice.run(&["tail", "#ops"]).with_status(0);
    assert!(told.err[0].contains("what it has up to 4 is not what was read there before"), "{told:?}");
    alice.run(&["verify", "#ops", "--anew"]).well();
    assert!(alice.run(&["tail", "#ops"]).well().err.is_empty());
}

/// Keeps a copy of the server's directory as it is now.
fn keep_copy(world: &mut World) {
    world.server.program.kill();
    copy_folder(&world.folder().join("D"), &world.folder().join("copy"));
    world.restart_server();
}

/// Puts the copy in the place of the server's directory.
fn set_back(world: &mut World) {
    world.server.program.kill();
    let live = world.folder().join("D");
    std::fs::remove_dir_all(&live).expect("ours");
    copy_folder(&world.folder().join("copy"), &live);
    world.restart_server();
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for file in std::fs::read_dir(from).expect("it is there").map(Result::unwrap) {
        let copy = to.join(file.file_name());
        if file.path().is_dir() {
            copy_folder(&file.path(), &copy);
        } else {
            std::fs::copy(file.path(), copy).expect("a copy");
        }
    }
}

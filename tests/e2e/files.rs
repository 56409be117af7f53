//! Files: they arrive as they were sent, go on where they were after kill -9 of either side, and reach members only.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::program::{DEADLINE, json};
use super::relay::{Faults, Relay};
use super::world::World;

/// Bytes that no two parts of are equal.
fn content(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let next = |state: &mut u32| {
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        state.to_be_bytes()[1]
    };
    (0..len).map(|_| next(&mut state)).collect()
}

/// Bytes of files that are on their way to the server.
fn partial_len(folder: &Path) -> u64 {
    let entries = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
    let users = entries(folder.join("D/files/partial"));
    users.flat_map(|user| entries(user.path())).filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < until, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_file_arrives_as_it_was_sent_and_for_members_only() {
    let world = World::new();
    let (alice, bob, eve) = (world.person("alice"), world.person("bob"), world.person("eve"));
    alice.run(&["create", "#ops"]).well();
    bob.run(&["join", "#ops"]).well();
    let bytes = content(300_000);
    fs::write(alice.home().join("bericht 小.pdf"), &bytes).unwrap();
    let sent = alice.run(&["send", "#ops", "--file", "bericht 小.pdf", "--json", "the", "report"]).well();
    let seq = json(sent.only_line())["seq"].to_string();
    let shown = bob.history("#ops").json();
    let post = shown.last().unwrap();
    assert_eq!((&post["text"], &post["file"]["name"]), (&"the report".into(), &"bericht 小.pdf".into()));
    assert_eq!((&post["file"]["len"], &post["file"]["media"]), (&300_000.into(), &"application/pdf".into()));
    bob.run(&["get", "#ops", &seq]).well();
    assert_eq!(fs::read(bob.home().join("bericht 小.pdf")).unwrap(), bytes);
    // Nothing that is there is replaced unasked.
    fs::write(bob.home().join("mine"), "mine").unwrap();
    bob.run(&["get", "#ops", &seq, "--output", "mine"]).saying(1, "--force");
    assert_eq!(fs::read(bob.home().join("mine")).unwrap(), b"mine");
    bob.run(&["get", "#ops", &seq, "--output", "mine", "--force"]).well();
    assert_eq!(fs::read(bob.home().join("mine")).unwrap(), bytes);
    // Without a text the name is the text; an empty file is a file.
    fs::write(alice.home().join("empty.txt"), "").unwrap();
    let sent = alice.run(&["send", "#ops", "--file", "empty.txt", "--json"]).well();
    let empty_seq = json(sent.only_line())["seq"].to_string();
    assert_eq!(bob.run(&["get", "#ops", &empty_seq, "--output", "-"]).well().out.len(), 0);
    assert_eq!(bob.history("#ops").texts().last().unwrap(), "empty.txt");
    // Who is no member gets nothing, and a message without a file has none.
    eve.run(&["get", "#ops", &seq, "--output", "-"]).with_status(4);
    bob.run(&["send", "#ops", "no file"]).well();
    bob.run(&["get", "#ops", "1", "--output", "-"]).saying(1, "no file");
    assert_eq!(partial_len(&world.folder()), 0, "what served is gone");
}

#[test]
fn files_are_sent_and_fetched_within_a_conversation() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    let bytes = content(200_000);
    fs::write(alice.home().join("my tea.txt"), &bytes).unwrap();
    fs::write(alice.home().join("short"), "short").unwrap();
    let mut talk = alice.start(&[]);
    talk.type_in("/upload short\n");
    talk.wait_until("there is no room", |talk| talk.err.iter().any(|line| line.contains("/join #room first")));
    talk.type_in("/create #ops\n");
    talk.wait_for("created #ops");
    talk.type_in("/upload \"my tea.txt\" first flush\n/upload short\n/upload nowhere\nand a line\n");
    talk.wait_for("first flush");
    talk.wait_for("file short, 5 bytes");
    talk.wait_for("and a line");
    talk.wait_until("it is said", |talk| talk.err.iter().any(|line| line.contains("! nowhere: ")));
    bob.run(&["join", "#ops"]).well();
    let shown = bob.history("#ops").json();
    let with_file = |name: &str| shown.iter().find(|line| line["file"]["name"] == name).map(|line| line["seq"].to_string());
    let (tea, short) = (with_file("my tea.txt").expect("it is there"), with_file("short").expect("it is there"));
    assert_eq!(bob.history("#ops").texts().len(), 3);
    let mut reader = bob.start(&[]);
    reader.type_in(&format!("/join #ops\n/get {tea}\n/get {short} under another name\n/get 1\n"));
    reader.wait_until("there is none", |reader| reader.err.iter().any(|line| line.contains("there is no file at this place")));
    reader.type_in("/quit\n");
    reader.end().with_status(0);
    assert_eq!(fs::read(bob.home().join("my tea.txt")).unwrap(), bytes);
    assert_eq!(fs::read(bob.home().join("under another name")).unwrap(), b"short");
    // What was asked for before the input ends is done.
    let input = format!("/join #ops\n/upload \"my tea.txt\" again\n/get {short}\n");
    alice.run(&["delete", "#ops", &tea]).well();
    talk.type_in("/quit\n");
    talk.end().with_status(0);
    fs::remove_file(alice.home().join("short")).unwrap();
    alice.run_with(&input, &[]).with_status(0);
    assert_eq!(fs::read(alice.home().join("short")).unwrap(), b"short");
    assert_eq!(alice.history("#ops").texts().last().unwrap(), "again");
    bob.run(&["get", "#ops", &tea, "--output", "gone"]).saying(1, "there is no file");
}

#[test]
fn a_person_talks_on_while_a_very_large_file_is_prepared() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    // Reading it would take minutes, so that nothing here depends on who is quicker.
    let huge = fs::File::create(alice.home().join("huge")).unwrap();
    huge.set_len(64 << 30).unwrap();
    let mut talk = alice.start(&[]);
    talk.type_in("/join #ops\n/upload huge\nmeanwhile\n");
    talk.wait_for("alice: meanwhile");
    talk.wait_until("it is said", |talk| talk.err.iter().any(|line| line.ends_with("preparing huge")));
    talk.kill();
    // What the server does not want is refused when it was read.
    let long = fs::File::create(alice.home().join("long")).unwrap();
    long.set_len(9 << 20).unwrap();
    let mut talk = alice.start(&[]);
    talk.type_in("/join #ops\n/upload long\n");
    talk.wait_until("it is refused", |talk| talk.err.iter().any(|line| line.contains("takes at most")));
    talk.type_in("/quit\n");
    talk.end().with_status(0);
}

#[test]
fn what_is_too_long_or_too_much_is_refused() {
    let mut world = World::restartable();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    world.server.program.kill();
    let limits = "[limits]\nfile_len_max = 1000\nfiles_per_user_len_max = 1500\n";
    fs::write(world.folder().join("D/udpchat.toml"), limits).unwrap();
    world.restart_server();
    fs::write(alice.home().join("long"), content(1_001)).unwrap();
    fs::write(alice.home().join("fits"), content(1_000)).unwrap();
    fs::write(alice.home().join("more"), content(501)).unwrap();
    alice.run(&["send", "#ops", "--file", "long"]).saying(1, "takes at most 1000");
    let with_key = ["send", "#ops", "--file", "fits", "--id", "report-1", "--json"];
    let first = alice.run(&with_key).well();
    // A script that did not hear the outcome tries again: what is stored is no reason to refuse it.
    assert_eq!(alice.run(&with_key).well().only_line(), first.only_line());
    alice.run(&["send", "#ops", "--file", "more"]).saying(1, "delete messages with files");
    alice.run(&["send", "#ops", "--file", "nowhere"]).saying(1, "nowhere");
}

#[test]
fn sending_goes_on_where_it_was_after_kills_of_both_sides() {
    let mut world = World::restartable();
    let relay = Relay::start(world.server.address, Faults::late(Duration::from_millis(10)), 7);
    let alice = world.person_through(relay.address, "alice");
    alice.run(&["create", "#ops"]).well();
    let bytes = content(6_000_000);
    fs::write(alice.home().join("big"), &bytes).unwrap();
    let folder = world.folder();
    let mut sender = alice.start(&["send", "#ops", "--file", "big", "--json"]);
    wait_until("some of it is there", || partial_len(&folder) > 200_000);
    sender.kill();
    let before = partial_len(&folder);
    assert!((200_000..6_000_000).contains(&before), "it is on its way: {before}");
    let sender = alice.start(&["send", "#ops", "--file", "big", "--json"]);
    wait_until("more of it is there", || partial_len(&folder) > before + 200_000);
    world.server.program.kill();
    assert!(partial_len(&folder) >= before, "what was there is kept");
    world.restart_server();
    let sent = sender.end().well();
    let seq = json(sent.only_line())["seq"].to_string();
    alice.run(&["get", "#ops", &seq, "--output", "back"]).well();
    assert_eq!(fs::read(alice.home().join("back")).unwrap(), bytes);
    assert_eq!(alice.history("#ops").posts().len(), 1);
}

#[test]
fn fetching_goes_on_where_it_was_after_a_kill() {
    let world = World::new();
    let relay = Relay::start(world.server.address, Faults::late(Duration::from_millis(5)), 8);
    let alice = world.person_through(relay.address, "alice");
    alice.run(&["create", "#ops"]).well();
    let bytes = content(3_000_000);
    fs::write(alice.home().join("big"), &bytes).unwrap();
    let sent = alice.run(&["send", "#ops", "--file", "big", "--json"]).well();
    let seq = json(sent.only_line())["seq"].to_string();
    let part_len = || {
        let files = fs::read_dir(alice.home()).unwrap().flatten();
        let part = files.filter(|file| file.file_name().to_string_lossy().ends_with(".udpchat-part")).last();
        part.and_then(|file| file.metadata().ok()).map_or(0, |file| file.len())
    };
    let mut getter = alice.start(&["get", "#ops", &seq, "--output", "back"]);
    wait_until("some of it is there", || part_len() > 200_000);
    getter.kill();
    assert!((200_000..3_000_000).contains(&part_len()));
    assert!(!alice.home().join("back").exists(), "half a file has no name");
    alice.run(&["get", "#ops", &seq, "--output", "back"]).well();
    assert_eq!(fs::read(alice.home().join("back")).unwrap(), bytes);
    assert_eq!(part_len(), 0);
}

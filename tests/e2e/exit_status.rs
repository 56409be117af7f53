//! What scripts depend on: how each command ends.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::person::{PASSWORD, Person, url};
use super::world::World;

#[test]
fn a_name_belongs_to_one_person() {
    let world = World::new();
    world.person("alice");
    let other = world.newcomer("Alice", "other");
    other.register("battery staple").saying(1, "taken");
    let look_alike = world.newcomer("\u{430}lice", "look-alike");
    look_alike.register("battery staple").with_status(2);
    let again = world.newcomer("bob", "bob");
    again.register("short").saying(1, "8 to 256");
}

#[test]
fn a_wrong_command_line_is_status_2() {
    let world = World::new();
    let alice = world.person("alice");
    for (args, hint) in [
        (&["frobnicate"][..], "--help"),
        (&["send", "ops", "no sign"], "'#ops'"),
        (&["send"], "in quotes"),
        (&["send", "#ops"], "TEXT"),
        (&["send", "#ops", "text", "--lines"], "--lines goes with -"),
        (&["register", &alice.url], "--password-stdin"),
    ] {
        let ended = alice.run(args).with_status(2);
        assert!(ended.out.is_empty() && ended.err.iter().any(|line| line.contains(hint)), "no {hint:?} in {ended:#?}");
    }
}

#[test]
fn help_and_version_need_nothing_and_leave_nothing() {
    let world = World::new();
    let nobody = world.newcomer("nobody", "nobody");
    for args in [&["--help"][..], &["send", "--help"], &["--version"]] {
        assert!(!nobody.run(args).well().out.is_empty());
    }
    nobody.run(&["whoami"]).saying(4, "register");
    assert_eq!(std::fs::read_dir(nobody.home()).unwrap().count(), 0);
}

#[test]
fn what_is_not_there_or_not_allowed_has_its_status_and_sentence() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["send", "#ops", "too early"]).saying(1, "#ops");
    alice.run(&["create", "#ops"]).well();
    alice.run(&["send", "#ops", "\u{1b}[2J"]).saying(1, "U+001B");
    alice.run(&["send", "#ops", " "]).saying(1, "needs some text");
    bob.run(&["create", "#OPS"]).saying(1, "there is a room already");
    bob.run(&["join", "#opps"]).saying(1, "there is no room #opps");
    bob.run(&["send", "#ops", "let me in"]).saying(4, "not a member");
    bob.run(&["tail", "#ops"]).saying(4, "not a member");
    bob.run(&["join", "#ops"]).well();
    alice.run(&["leave", "#ops"]).saying(1, "you own #ops");
}

#[test]
fn an_id_makes_sending_again_harmless() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    for _ in 0..2 {
        assert_eq!(alice.run(&["send", "--id", "k1", "#ops", "once"]).well().only_line(), "#ops 3");
    }
    assert_eq!(alice.run(&["send", "--id", "k1", "#OPS", "once"]).well().only_line(), "#ops 3", "it is the same room");
    alice.run(&["send", "--id", "k1", "#ops", "something else"]).saying(1, "id");
    for _ in 0..2 {
        let sent = alice.run_with("one\ntwo\n", &["send", "--id", "batch", "#ops", "-", "--lines"]).well();
        assert_eq!(sent.out, ["#ops 4", "#ops 5"]);
    }
    assert_eq!(alice.history("#ops").texts(), ["once", "one", "two"]);
}

#[test]
fn a_message_for_a_server_that_is_away_goes_with_the_next_command() {
    let mut world = World::restartable();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    world.server.program.kill();
    let start = Instant::now();
    alice.run(&["--timeout", "2", "send", "#ops", "kept"]).saying(3, "1 message stays in the outbox");
    assert!((2..6).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    alice.run(&["--timeout", "0.5", "whoami"]).saying(3, "was not reached");
    let lines = alice.run_with("a\nb\n", &["--timeout", "0.5", "send", "#ops", "-", "--lines"]).with_status(3);
    assert!(lines.err[0].contains("3 messages stay in the outbox"), "{lines:?}");

    world.restart_server();
    alice.run(&["whoami"]).well();
    assert_eq!(alice.history("#ops").texts(), ["kept", "a", "b"]);
    assert_eq!(alice.run(&["send", "#ops", "new"]).well().only_line(), "#ops 6");
    assert_eq!(alice.history("#ops").texts(), ["kept", "a", "b", "new"]);
}

#[test]
fn sending_lines_for_a_time_ends_by_itself() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    let mut sending = alice.start(&["--timeout", "2", "send", "#ops", "-", "--lines"]);
    sending.feed_slowly(vec!["in time\n".to_owned(), "too late\n".to_owned()], Duration::from_secs(6));
    assert_eq!(sending.end().well().only_line(), "#ops 3");
    assert_eq!(alice.history("#ops").texts(), ["in time"]);
}

#[test]
fn what_is_sent_is_sent_though_nobody_reads_where_it_is() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    let mut sending = Command::new(env!("CARGO_BIN_EXE_udpchat-cli"))
        .args(["--home", ".", "send", "#ops", "-", "--lines"])
        .current_dir(alice.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is built");
    drop(sending.stdout.take());
    let mut lines = sending.stdin.take().expect("it is piped");
    for text in ["one", "two", "three"] {
        writeln!(lines, "{text}").expect("it still reads");
        std::thread::sleep(Duration::from_millis(300));
    }
    drop(lines);
    assert!(sending.wait().expect("it is a child of ours").success());
    assert_eq!(alice.history("#ops").texts(), ["one", "two", "three"]);
}

#[test]
fn an_unknown_key_is_not_trusted_without_asking() {
    let world = World::new();
    let alice = Person::new(world.folder().join("alice"), url("alice", world.server.address, None));
    let untrusting = alice.register(PASSWORD);
    assert!(untrusting.err.iter().any(|line| line.contains(&world.server.key)), "{untrusting:?}");
    untrusting.with_status(5);
    // What the line to connect with says is enough.
    let informed = world.newcomer("alice", "informed");
    informed.register(PASSWORD).well();
    // A key that somebody else made is no key of this server.
    let other = World::new();
    let misled = Person::new(world.folder().join("misled"), url("bob", world.server.address, Some(&other.server.key)));
    let ended = misled.run_with("correct horse\n", &["--trust", "--timeout", "5", "register", &misled.url, "--password-stdin"]);
    ended.saying(5, "key");
}

#[test]
fn a_changed_key_is_never_trusted() {
    let mut world = World::restartable();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    world.server.program.kill();
    let listen = world.server.address.to_string();
    let impostor = super::world::Server::start(&world.folder(), &["--data", "impostor", "--listen", &listen]);
    assert_ne!(impostor.key, world.server.key);
    for args in [&["whoami"][..], &["--trust", "whoami"], &["--trust", "send", "#ops", "secret"]] {
        let start = Instant::now();
        alice.run(args).saying(5, "its key is");
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
    drop(impostor);
    world.restart_server();
    alice.run(&["whoami"]).well();
    assert_eq!(alice.history("#ops").texts(), ["secret"], "it waited for the right server");
}

//! Bots by `follow`: each message once, over restarts and kills.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::person::Person;
use super::world::World;

/// Alice and a bot in `#ops`.
fn alice_and_bot(world: &World) -> (Person, Person) {
    let (alice, bot) = (world.person("alice"), world.person("bot"));
    alice.run(&["create", "#ops"]).well();
    bot.run(&["join", "#ops"]).well();
    (alice, bot)
}

/// Makes a program of the bot's.
fn write_program(bot: &Person, name: &str, script: &str) {
    let path = bot.home().join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_cursor_goes_on_where_it_was() {
    let world = World::new();
    let (alice, bot) = alice_and_bot(&world);
    for text in ["one", "two"] {
        alice.run(&["send", "#ops", text]).well();
    }
    bot.run(&["send", "#ops", "my own"]).well();
    let follow = |more: &[&str]| {
        let line = [&["follow", "#ops", "--json", "--timeout", "1"], more].concat();
        bot.run(&line).well().texts()
    };
    assert_eq!(follow(&["--cursor", "c"]), ["one", "two"], "others' messages, from the first on");
    assert!(follow(&["--cursor", "c"]).is_empty());
    alice.run(&["send", "#ops", "three"]).well();
    alice.run(&["react", "#ops", "4", "👍"]).well();
    assert_eq!(follow(&["--cursor", "c"]), ["three"]);
    assert_eq!(follow(&["--cursor", "all", "--all", "--from", "5"]), ["two", "my own", "three"]);
    assert!(follow(&["--cursor", "late", "--from", "now"]).is_empty());
    alice.run(&["send", "#ops", "four"]).well();
    assert_eq!(follow(&["--cursor", "late"]), ["four"], "now was when the cursor was made");
    bot.run(&["follow", "#ops"]).with_status(2);
    bot.run(&["follow", "#ops", "--cursor", "c", "--from", "here"]).with_status(2);
    bot.run(&["follow", "#nowhere", "--cursor", "c"]).with_status(1);
}

#[test]
fn a_program_is_run_for_each_message_and_its_answer_sent() {
    let world = World::new();
    let (alice, bot) = alice_and_bot(&world);
    let script = r#"read text
case "$text" in quiet) ;; *) echo "$UDPCHAT_AUTHOR said $text in $UDPCHAT_ROOM at $UDPCHAT_SEQ";; esac"#;
    write_program(&bot, "answer", script);
    let _running = bot.start(&["follow", "#ops", "--cursor", "c", "--exec", "./answer"]);
    let mut reader = alice.follow("#ops");
    alice.run(&["send", "#ops", "hello"]).well();
    reader.wait_for("alice said hello in #ops at 4");
    alice.run(&["send", "#ops", "quiet"]).well();
    alice.run(&["send", "#ops", "bye"]).well();
    reader.wait_for("alice said bye in #ops at 7");
    let texts = ["hello", "alice said hello in #ops at 4", "quiet", "bye", "alice said bye in #ops at 7"];
    assert_eq!(alice.history("#ops").texts(), texts);
}

#[test]
fn a_message_whose_program_failed_is_tried_again_and_none_is_left_out() {
    let world = World::new();
    let (alice, bot) = alice_and_bot(&world);
    for text in ["one", "two", "three"] {
        alice.run(&["send", "#ops", text]).well();
    }
    write_program(&bot, "answer", r#"read text; test "$text" != two || exit 7; echo "re: $text""#);
    let follow = ["follow", "#ops", "--cursor", "c", "--exec", "./answer", "--timeout", "2"];
    let failed = bot.run(&follow).with_status(1);
    assert!(failed.err[0].contains("at #ops 5; the next start tries again"), "{failed:?}");
    assert_eq!(alice.history("#ops").texts(), ["one", "two", "three", "re: one"]);
    write_program(&bot, "answer", r#"read text; echo "re: $text""#);
    bot.run(&follow).well();
    assert_eq!(alice.history("#ops").texts(), ["one", "two", "three", "re: one", "re: two", "re: three"]);
    bot.run(&["follow", "#ops", "--cursor", "d", "--exec", "./nothing"]).saying(1, "./nothing: ");
}

#[test]
fn a_bot_that_is_killed_again_and_again_answers_each_message_once() {
    let world = World::new();
    let (alice, bot) = alice_and_bot(&world);
    let texts: Vec<String> = (0..30).map(|number| format!("message {number}")).collect();
    alice.run_with(&texts.join("\n"), &["send", "#ops", "-", "--lines"]).well();
    // No two runs print the same.
    write_program(&bot, "answer", r#"read text; echo "$$ re: $text""#);
    let mut reader = alice.follow("#ops");
    let follow = ["follow", "#ops", "--cursor", "c", "--exec", "./answer"];
    for kill in 0..4 {
        let mut running = bot.start(&follow);
        reader.wait_for_posts(kill * 5 + 3);
        running.kill();
    }
    let mut running = bot.start(&follow);
    reader.wait_for("re: message 29");
    running.kill();
    let all = alice.history("#ops").texts();
    let answers: Vec<&str> = all.iter().filter_map(|text| text.split_once(" re: ")).map(|(_, text)| text).collect();
    assert_eq!(answers, texts);
}

//! Bots: a token, a room where the bot answers, and what it is refused.

use super::person::{PASSWORD, Person};
use super::world::World;

/// The bot's own device, which has logged in with this token.
fn bot(world: &World, name: &str, token: &str) -> Person {
    let device = world.newcomer(name, &format!("{name}-device"));
    device.run(&["login", &device.url, "--token", token]).well();
    device
}

#[test]
fn a_bot_answers_in_its_room_and_is_refused_in_another() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    for room in ["#desk", "#private"] {
        alice.run(&["create", room]).well();
        bob.run(&["join", room]).well();
    }
    let token = alice.run(&["bot", "create", "helper", "--room", "#desk"]).well().only_line().to_owned();
    let helper = bot(&world, "helper", &token);
    assert!(helper.run(&["whoami"]).well().only_line().contains(", a bot"));
    world.newcomer("helper", "thief").run(&["login", &helper.url, "--token", &token]).saying(4, "it was used");
    helper.run(&["join", "#desk"]).well();
    helper.run(&["join", "#private"]).saying(4, "did not let this device in there");

    // The bot: a loop over JSON lines.
    let mut follower = helper.follow("#desk");
    bob.run(&["send", "#desk", "is anybody there?"]).well();
    follower.wait_for("is anybody there?");
    helper.run(&["send", "#desk", "I am, but I am a bot"]).well();
    assert_eq!(alice.history("#desk").texts(), ["is anybody there?", "I am, but I am a bot"]);

    for args in [
        &["send", "#private", "hello"][..],
        &["send", "@alice", "hello"],
        &["send", "#private", "--in", "1h", "hello"],
        &["tail", "#private"],
        &["history", "@alice"],
        &["who", "#private"],
        &["search", "hello"],
        &["search", "hello", "--room", "#private"],
        &["create", "#mine"],
        &["devices"],
        &["bot", "list"],
        &["kick", "#desk", "@bob"],
        &["pin", "#desk", "4"],
    ] {
        let ended = helper.run(args).with_status(4);
        assert!(ended.err.iter().any(|line| line.contains("bot")), "{args:?}: {ended:?}");
    }
    helper.run(&["search", "anybody", "--room", "#desk"]).well();
}

#[test]
fn everybody_sees_who_is_a_bot_and_whose() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#desk"]).well();
    bob.run(&["join", "#desk"]).well();
    let token = alice.run(&["bot", "create", "@helper", "--everywhere", "--right", "post", "--json"]).well();
    let token: serde_json::Value = serde_json::from_str(token.only_line()).unwrap();
    assert_eq!((&token["type"], &token["bot"]), (&"bot_token".into(), &"helper".into()));
    let waiting = alice.run(&["bot", "list"]).well().out;
    assert!(waiting[1].starts_with("    a token  post everywhere  good until "), "{waiting:?}");
    let helper = bot(&world, "helper", token["token"].as_str().unwrap());
    helper.run(&["join", "#desk"]).well();
    helper.run(&["send", "#desk", "beep"]).well();
    helper.run(&["tail", "#desk"]).saying(4, "did not let this device read");
    let members = bob.run(&["who", "#desk"]).well().out;
    assert!(members[2].starts_with("@helper  bot"), "{members:?}");
    assert!(bob.run(&["whois", "@helper"]).well().only_line().contains("  bot of @alice  "));
    let profile = bob.run(&["whois", "@helper", "--json"]).well();
    let profile: serde_json::Value = serde_json::from_str(profile.only_line()).unwrap();
    assert_eq!((&profile["owner"], &profile["guest"]), (&"alice".into(), &false.into()));
    assert!(alice.run(&["bot", "list"]).well().out[1].contains("  post everywhere  last seen "));
    bob.run(&["bot", "revoke", "helper"]).saying(1, "you have no bot");
    bob.run(&["bot", "create", "helper", "--everywhere"]).saying(1, "is taken");
    bob.run(&["bot", "create", "other"]).with_status(2);
}

#[test]
fn a_revoked_bot_is_cut_off_at_once_and_comes_back_with_another_token() {
    let world = World::new();
    let alice = world.person("alice");
    let mut talk = alice.start(&[]);
    talk.type_in("/create #desk\n/newbot helper #desk\n");
    let token = |line: &str| line.len() == 19 && line.split('-').count() == 4;
    talk.wait_until("there is a token", |talk| talk.out.iter().any(|line| token(line)));
    let first = talk.out.iter().find(|line| token(line)).unwrap().clone();
    let helper = bot(&world, "helper", &first);
    helper.run(&["join", "#desk"]).well();
    let mut follower = helper.follow("#desk");
    talk.type_in("/bots\n");
    talk.wait_for("read, post in #desk");
    talk.type_in("/revokebot helper\n");
    follower.wait_until("told so", |program| program.err.iter().any(|line| line.contains("logged out")));
    helper.run(&["whoami"]).with_status(4);
    talk.type_in("/quit\n");
    let second = alice.run(&["bot", "token", "helper", "--room", "#desk"]).well().only_line().to_owned();
    helper.run(&["login", &helper.url, "--token", &second]).well();
    helper.run(&["send", "#desk", "back"]).well();
    alice.log_in(PASSWORD).well();
}

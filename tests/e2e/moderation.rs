//! Keeping order: rooms that are set, people who are let in, kept out and slowed down, and what they see of it.

use super::program::json;
use super::world::World;

#[test]
fn only_moderators_post_in_an_announcement_room() {
    let world = World::new();
    let (alice, bob, carol) = (world.person("alice"), world.person("bob"), world.person("carol"));
    alice.run(&["create", "#news", "--announce", "--topic", "what is new"]).well();
    bob.run(&["join", "#news"]).well();
    carol.run(&["join", "#news"]).well();
    bob.run(&["send", "#news", "may I?"]).saying(4, "only moderators post");
    alice.run(&["send", "#news", "first news"]).well();
    assert_eq!(alice.run(&["role", "#news", "@bob", "moderator"]).well().only_line(), "role given in #news");
    bob.run(&["send", "#news", "second news"]).well();
    assert_eq!(carol.history("#news").texts(), ["first news", "second news"]);
    let shown = carol.run(&["room", "#news"]).well().out.join("\n");
    assert!(shown.contains("topic what is new") && shown.contains("posting moderators"), "{shown}");
    let settings = json(carol.run(&["room", "#news", "--json"]).well().only_line());
    assert_eq!((settings["posting"].as_str(), settings["members"].as_u64()), (Some("moderators"), Some(3)));
    carol.run(&["room", "#news", "--posting", "everyone"]).saying(4, "only the owner and the moderators");
    bob.run(&["room", "#news", "--posting", "everyone"]).saying(4, "only the owner");
    let audit = alice.run(&["audit", "#news"]).well().out.join("\n");
    assert!(audit.contains("alice set posting moderators") && audit.contains("alice made @bob moderator"), "{audit}");
    bob.run(&["audit", "#news"]).well();
    carol.run(&["audit", "#news"]).saying(4, "moderators");
}

#[test]
fn an_invitation_is_the_only_way_into_an_invite_only_room() {
    let world = World::new();
    let (alice, bob, eve) = (world.person("alice"), world.person("bob"), world.person("eve"));
    alice.run(&["create", "#den", "--invite-only"]).well();
    bob.run(&["join", "#den"]).saying(4, "invited");
    assert_eq!(alice.run(&["invite", "#den", "@bob"]).well().only_line(), "invited to #den");
    assert_eq!(bob.run(&["join", "#den"]).well().only_line(), "joined #den");
    eve.run(&["join", "#den"]).saying(4, "invited");
    assert!(eve.run(&["rooms"]).well().out.is_empty());
    // Its owner goes, and leaves it to another.
    alice.run(&["leave", "#den"]).saying(1, "give it to somebody");
    alice.run(&["role", "#den", "@bob", "owner"]).well();
    alice.run(&["leave", "#den"]).well();
    assert_eq!(bob.run(&["who", "#den"]).well().only_line(), "@bob  owner  online");
}

#[test]
fn a_ban_ends_a_follow_and_keeps_the_banned_one_out() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    bob.run(&["join", "#ops"]).well();
    let mut follower = bob.follow("#ops");
    alice.run(&["send", "#ops", "still among us"]).well();
    follower.wait_for("still among us");
    assert_eq!(alice.run(&["ban", "#ops", "@bob", "too", "loud"]).well().only_line(), "banned from #ops");
    let ended = follower.end();
    alice.run(&["send", "#ops", "now that they are gone"]).well();
    assert!(ended.out.iter().any(|line| line.contains(r#""type":"banned""#) && line.contains("too loud")), "{ended:?}");
    assert!(!ended.out.iter().any(|line| line.contains("now that they are gone")));
    bob.run(&["tail", "#ops"]).saying(4, "not a member");
    bob.run(&["join", "#ops"]).saying(4, "banned");
    alice.run(&["unban", "#ops", "@bob"]).well();
    bob.run(&["join", "#ops"]).well();
}

#[test]
fn muted_and_kicked_people_are_told_so() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    bob.run(&["join", "#ops"]).well();
    alice.run(&["mute", "#ops", "@bob", "--for", "600"]).well();
    bob.run(&["send", "#ops", "mm"]).saying(4, "not write");
    alice.run(&["unmute", "#ops", "@bob"]).well();
    let line = bob.run(&["send", "#ops", "something rude"]).well().only_line().to_owned();
    let seq = line.rsplit(' ').next().unwrap().to_owned();
    let carol = world.person("carol");
    carol.run(&["join", "#ops"]).well();
    let (mut owner, mut bystander) = (alice.start(&["--json"]), bob.start(&["--json"]));
    for talk in [&mut owner, &mut bystander] {
        talk.type_in("/join #ops\n");
        talk.wait_for("something rude");
    }
    carol.run(&["report", "#ops", &seq, "rude"]).well();
    owner.wait_for(r#""type":"post_reported""#);
    let told = owner.out.iter().find(|line| line.contains("post_reported")).expect("it was told");
    assert!(told.contains(r#""author":"carol""#) && told.contains(r#""name":"ops","other_id":"#), "{told}");
    assert!(!told.contains("rude"), "why is in the list");
    alice.run(&["send", "#ops", "calm down"]).well();
    bystander.wait_for("calm down");
    bystander.type_in("/quit\n");
    assert!(!bystander.end().with_status(0).out.iter().any(|line| line.contains("reported")));
    owner.type_in("/quit\n");
    owner.end().with_status(0);
    let reports = alice.run(&["reports", "#ops"]).well();
    assert_eq!(reports.only_line(), format!("{seq} by @bob, reported by @carol: rude"));
    carol.run(&["reports", "#ops"]).saying(4, "moderators");
    alice.run(&["kick", "#ops", "@bob"]).well();
    bob.run(&["send", "#ops", "hey"]).saying(4, "not a member");
    bob.run(&["join", "#ops"]).well();
}

#[test]
fn retention_erases_texts_and_leaves_their_places() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#log"]).well();
    let mut follower = alice.follow("#log");
    for text in ["one", "two", "three"] {
        alice.run(&["send", "#log", text]).well();
    }
    alice.run(&["room", "#log", "--retain-posts", "1"]).well();
    follower.wait_for(r#""type":"range_erased""#);
    assert_eq!(alice.history("#log").texts(), ["three"]);
    let kinds: Vec<String> = alice.history("#log").json().iter().map(|line| line["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["created", "joined", "erased", "erased", "posted", "settings_changed", "range_erased"]);
    let people_see = alice.run(&["tail", "#log"]).well().out.join("\n");
    assert!(people_see.contains("a message of alice was erased"), "{people_see}");
}

#[test]
fn rooms_are_found_by_tag_and_word_until_they_are_archived() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#rust", "--tag", "Code", "--tag", "help", "--topic", "the language"]).well();
    alice.run(&["create", "#garden"]).well();
    let found = |args: &[&str]| {
        let mut all = vec!["rooms", "--json"];
        all.extend(args);
        let lines = bob.run(&all).well().json();
        lines.iter().map(|line| line["room"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--tag", "code"]), ["#rust"]);
    assert_eq!(found(&["LANGUAGE"]), ["#rust"]);
    assert_eq!(found(&[]), ["#garden", "#rust"]);
    assert!(bob.run(&["rooms"]).well().out[1].contains("+code  +help  the language"));
    alice.run(&["archive", "#rust"]).well();
    assert_eq!((found(&[]), found(&["--archived"])), (vec!["#garden".to_owned()], vec!["#rust".to_owned()]));
    alice.run(&["send", "#rust", "late"]).saying(1, "archived");
    alice.run(&["archive", "#rust", "--undo"]).well();
    alice.run(&["send", "#rust", "back"]).well();
}

#[test]
fn the_messages_of_an_ignored_person_are_not_shown_to_people() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    bob.run(&["join", "#ops"]).well();
    alice.run(&["ignore", "@bob"]).well();
    assert_eq!(alice.run(&["ignored"]).well().only_line(), "@bob");
    bob.run(&["send", "#ops", "listen to me"]).well();
    bob.run(&["send", "@alice", "psst"]).saying(4, "takes no messages from you");
    bob.run(&["edit", "#ops", "4", "listen now"]).well();
    assert!(!alice.run(&["tail", "#ops"]).well().out.join("\n").contains("listen"));
    assert_eq!(alice.history("#ops").texts(), ["listen now"], "programs get all");
    assert!(alice.run(&["--json", "history", "#ops"]).well().out.join("\n").contains(r#""ignored":true"#));
    alice.run(&["unignore", "@bob"]).well();
    assert!(alice.run(&["tail", "#ops"]).well().out.join("\n").contains("listen now"));
}

#[test]
fn a_visitor_and_the_staff_meet_in_a_ticket() {
    let world = World::new();
    let (owner, helper, visitor) = (world.person("owner"), world.person("helper"), world.person("visitor"));
    owner.run(&["create", "#desk", "--template", "ticket"]).well();
    owner.run(&["invite", "#desk", "@helper"]).well();
    helper.run(&["join", "#desk"]).well();
    assert_eq!(visitor.run(&["ticket", "#desk"]).well().only_line(), "opened #desk-visitor");
    let told = owner.run(&["inbox", "-n", "1"]).well();
    assert!(told.only_line().ends_with("visitor invites you to #desk-visitor; join it if you like"), "{told:?}");
    let told = owner.run(&["inbox", "-n", "1", "--json"]).well();
    assert!(told.only_line().contains(r#""type":"invited_to""#), "{told:?}");
    visitor.run(&["send", "#desk-visitor", "it is broken"]).well();
    helper.run(&["join", "#desk-visitor"]).well();
    helper.run(&["room", "#desk-visitor", "--ticket", "assigned"]).well();
    helper.run(&["send", "#desk-visitor", "I look at it"]).well();
    assert_eq!(visitor.history("#desk-visitor").texts(), ["it is broken", "I look at it"]);
    helper.run(&["room", "#desk-visitor", "--ticket", "resolved"]).well();
    assert!(visitor.run(&["room", "#desk-visitor"]).well().out.join("\n").contains("ticket resolved"));
}

#[test]
fn slow_mode_makes_members_wait() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    bob.run(&["join", "#ops"]).well();
    alice.run(&["room", "#ops", "--slow", "3600"]).well();
    bob.run(&["send", "#ops", "one"]).well();
    bob.run(&["send", "#ops", "two"]).saying(6, "slow mode");
    // It keeps nobody else waiting, and is not sent again by itself.
    bob.run(&["send", "@alice", "they want me to wait"]).well();
    alice.run(&["send", "#ops", "not I"]).well();
    assert_eq!(alice.history("#ops").texts(), ["one", "not I"]);
}

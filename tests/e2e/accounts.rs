//! Who may come and who one is: registration modes, the first admin, invitations, devices, profiles.

use super::person::PASSWORD;
use super::world::World;

/// The code that the server printed at its start.
fn claim_code(world: &World) -> String {
    let line = world.server.program.out.iter().find(|line| line.contains("udpchat-cli claim"));
    line.expect("a first start prints it").rsplit(' ').next().expect("it ends the line").to_owned()
}

#[test]
fn the_first_admin_claims_with_the_printed_code_once() {
    let mut world = World::restartable();
    let code = claim_code(&world);
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    bob.run(&["claim", "aaaa-aaaa-aaaa-aaaa"]).saying(4, "not the code");
    bob.run(&["claim", "short"]).with_status(2);
    bob.run(&["invitation"]).saying(4, "admins");
    assert!(alice.run(&["claim", &code.to_uppercase()]).well().only_line().contains(", admin,"));
    bob.run(&["claim", &code]).saying(4, "it was used");
    assert!(alice.run(&["whoami"]).well().only_line().contains(", admin,"));
    world.kill_and_restart_server();
    assert!(!world.server.program.out.iter().any(|line| line.contains("claim")), "only the first start prints it");
    assert!(alice.run(&["whoami"]).well().only_line().contains(", admin,"));
}

#[test]
fn a_server_by_invitation_takes_who_has_one() {
    let world = World::with(&["--registration", "invite"]);
    let admin = world.newcomer("root", "root");
    admin.register(PASSWORD).saying(4, "by invitation");
    let register = |person: &super::person::Person, code: &str| {
        person.run_with("correct horse\n", &["register", &person.url, "--password-stdin", "--invitation", code])
    };
    let claim = claim_code(&world);
    assert!(register(&admin, &claim).well().only_line().contains(", admin,"));
    let invitation = admin.run(&["invitation", "--uses", "1", "--days", "2"]).well().only_line().to_owned();
    let (bob, carol) = (world.newcomer("bob", "bob"), world.newcomer("carol", "carol"));
    register(&bob, "aaaa-aaaa-aaaa-aaaa").saying(4, "used up or too old");
    register(&bob, &invitation).well();
    register(&carol, &invitation).saying(4, "used up or too old");
    bob.run(&["whoami"]).well();
    admin.run(&["invitation", "--uses", "0"]).saying(1, "1 to 10000 uses");
}

#[test]
fn a_closed_server_takes_nobody_and_lets_everybody_back_in() {
    let world = World::with(&["--registration", "closed"]);
    let root = world.newcomer("root", "root");
    let claim = claim_code(&world);
    root.run_with("correct horse\n", &["register", &root.url, "--password-stdin", "--invitation", &claim]).well();
    world.newcomer("bob", "bob").register(PASSWORD).saying(4, "nobody can register");
    let phone = world.newcomer("root", "phone");
    phone.log_in(PASSWORD).well();
    root.run(&["whoami"]).well();
}

#[test]
fn a_device_is_logged_out_from_another_one() {
    let world = World::new();
    let alice = world.person("alice");
    let phone = world.newcomer("alice", "phone");
    phone.log_in(PASSWORD).well();
    let listed = alice.run(&["devices"]).well().out;
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(listed[0].starts_with("1  ") && listed[0].ends_with("online  this one"), "{listed:?}");
    phone.run(&["create", "#ops"]).well();
    let mut follower = phone.follow("#ops");
    assert_eq!(alice.run(&["devices", "revoke", "2"]).well().only_line(), "device 2 is logged out");
    follower.wait_until("told so", |program| program.err.iter().any(|line| line.contains("logged out")));
    phone.run(&["whoami"]).saying(4, "log in");
    alice.run(&["devices", "revoke", "2"]).saying(1, "no device 2");
    alice.run(&["devices", "revoke", "1"]).saying(1, "log out instead");
    assert_eq!(alice.run(&["devices"]).well().out.len(), 1);
}

#[test]
fn people_say_something_about_themselves() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("小明"));
    bob.run(&["profile", "--about", "喜欢登山", "--tag", "Rust", "--tag", "音乐"]).well();
    let seen = alice.run(&["whois", "@小明"]).well().out;
    assert!(seen[0].starts_with("@小明  since "), "{seen:?}");
    assert_eq!(seen[1..], ["    喜欢登山", "    rust, 音乐"]);
    let json: serde_json::Value = serde_json::from_str(alice.run(&["whois", "@小明", "--json"]).well().only_line()).unwrap();
    assert_eq!((&json["type"], &json["about"], &json["tags"][1]), (&"profile".into(), &"喜欢登山".into(), &"音乐".into()));
    alice.run(&["profile", "--tag", "two words"]).saying(1, "no tag");
    alice.run(&["profile", "--about", &"x".repeat(201)]).saying(1, "at most 200");
    alice.run(&["whois", "@nobody"]).saying(1, "no user");
    bob.run(&["profile", "--about", "", "--no-tags"]).well();
    assert_eq!(alice.run(&["whois", "@小明"]).well().out.len(), 1);
}

#[test]
fn names_that_pose_as_others_are_refused_with_the_reason() {
    let world = World::new();
    world.person("alice");
    world.newcomer("a1ice", "look-alike").register(PASSWORD).saying(1, "looks like @alice");
    // The client says so before it connects.
    world.newcomer("\u{430}lice", "mixed").register(PASSWORD).with_status(2);
}

#[test]
fn guessing_is_slowed_with_status_6_and_known_devices_do_not_notice() {
    let world = World::new();
    let alice = world.person("alice");
    let phone = world.newcomer("alice", "phone");
    for _ in 0..5 {
        phone.log_in("wrong horse").saying(4, "wrong");
    }
    phone.log_in("wrong horse").saying(6, "try again in");
    phone.log_in(PASSWORD).saying(6, "too many wrong passwords");
    alice.run(&["whoami"]).well();
    alice.run(&["create", "#ops"]).well();
    // Other accounts have their own.
    world.person("bob");
}

#[test]
fn an_admin_disables_an_account_and_enables_it_again() {
    let mut world = World::restartable();
    let code = claim_code(&world);
    let (admin, bob) = (world.person("admin"), world.person("bob"));
    admin.run(&["claim", &code]).well();
    admin.run(&["create", "#ops"]).well();
    bob.run(&["join", "#ops"]).well();
    let mut follower = bob.follow("#ops");
    bob.run(&["disable", "@admin"]).saying(4, "only the server's admins");
    admin.run(&["disable", "@admin"]).saying(4, "an admin of this server");
    let disabled = admin.run(&["--json", "disable", "@bob"]).well();
    assert_eq!(disabled.only_line(), r#"{"v":1,"type":"account_disabled","user":"bob"}"#);
    follower.wait_until("told so", |program| program.err.iter().any(|line| line.contains("this account was disabled")));
    follower.end().with_status(4);
    bob.run(&["tail", "#ops"]).saying(4, "disabled");
    admin.run(&["send", "#ops", "meanwhile"]).well();
    world.kill_and_restart_server();
    let told = bob.run(&["whoami"]).saying(4, "disabled");
    assert!(!told.err.iter().any(|line| line.contains("log in")), "that would not help: {told:?}");
    bob.run(&["send", "#ops", "for later"]).saying(4, "1 message");
    let mut talk = admin.start(&[]);
    talk.type_in("/enable @bob\n");
    talk.type_in("/quit\n");
    talk.end().with_status(0);
    // What was written meanwhile was kept, and goes with the next command.
    bob.run(&["send", "#ops", "back"]).well();
    assert_eq!(bob.history("#ops").texts(), ["meanwhile", "for later", "back"]);
}

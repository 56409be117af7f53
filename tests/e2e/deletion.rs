//! The end of an account, through the programs: asked for twice, at once for the devices, and in the end nothing is left that
//! was not meant to stay.

use super::person::PASSWORD;
use super::world::World;

const ASKED: &str = "correct horse\n";

#[test]
fn an_account_ends_and_what_it_wrote_is_erased() {
    let mut world = World::restartable();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    let phone = world.newcomer("alice", "phone");
    phone.log_in(PASSWORD).well();
    alice.run(&["create", "#ops"]).well();
    bob.run(&["join", "#ops"]).well();
    alice.run(&["send", "#ops", "a secret of mine"]).well();
    alice.run(&["send", "@bob", "between us"]).well();
    bob.run(&["send", "#ops", "bob's"]).well();
    let mut follower = phone.follow("#ops");
    let mut witness = bob.follow("#ops");

    alice.run_with(ASKED, &["delete-account", "--password-stdin"]).saying(2, "--yes");
    alice.run_with("battery staple\n", &["delete-account", "--yes", "--password-stdin"]).saying(4, "the password is wrong");
    let ended = alice.run_with(ASKED, &["--json", "delete-account", "--erase", "--yes", "--password-stdin"]).well();
    assert_eq!(ended.only_line(), r#"{"v":1,"type":"account_deleted"}"#);

    // The devices hear of it at once, the room step by step.
    follower.wait_until("told so", |program| program.err.iter().any(|line| line.contains("deleted")));
    phone.run(&["whoami"]).saying(4, "deleted");
    witness.wait_for(r#""type":"role_changed""#);
    witness.wait_for(r#""type":"left""#);
    witness.wait_for(r#""type":"range_erased""#);
    let told = bob.run(&["history", "#ops"]).well().out.join("\n");
    assert!(!told.contains("secret") && told.contains("bob's"), "{told}");
    assert!(told.contains("alice wrote from 4 to 4 was erased"), "{told}");
    bob.run(&["send", "@alice", "there?"]).saying(1, "deleted");
    bob.run(&["whois", "@alice"]).saying(1, "deleted");
    bob.run(&["room", "#ops", "--topic", "mine now"]).well();
    bob.run(&["verify", "#ops"]).well();

    // The name is nobody's, whatever is done; the same home makes another account.
    world.newcomer("alice", "other").register(PASSWORD).saying(1, "taken");
    alice.log_in(PASSWORD).saying(4, "wrong");
    world.kill_and_restart_server();
    phone.run(&["whoami"]).saying(4, "deleted");
    bob.run(&["send", "#ops", "all is well"]).well();
}

#[test]
fn a_guest_ends_without_a_password_and_what_was_written_stays() {
    let world = World::with(&["--guests"]);
    let bob = world.person("bob");
    bob.run(&["create", "#ops"]).well();
    let guest = world.newcomer("visitor", "visitor");
    guest.run(&["register", &guest.url, "--guest"]).well();
    guest.run(&["join", "#ops"]).well();
    guest.run(&["send", "#ops", "I was here"]).well();
    let mut witness = bob.follow("#ops");
    assert_eq!(guest.run(&["delete-account", "--yes"]).well().only_line(), "the account is deleted");
    witness.wait_for(r#""type":"left""#);
    assert!(bob.run(&["history", "#ops"]).well().out.join("\n").contains("I was here"));
    guest.run(&["whoami"]).with_status(4);
}

//! Proving who one is: passwords, several devices, logging out.

use super::person::PASSWORD;
use super::world::World;

#[test]
fn a_second_device_logs_in_with_the_password_and_then_without() {
    let world = World::new();
    let alice = world.person("alice");
    let phone = world.newcomer("alice", "phone");
    phone.log_in("wrong horse").saying(4, "wrong");
    phone.run(&["whoami"]).saying(4, "logged in");
    phone.log_in(PASSWORD).well();
    assert!(phone.run(&["whoami"]).well().only_line().contains("(user 1, device 2,"));
    assert!(alice.run(&["whoami"]).well().only_line().contains("(user 1, device 1,"));
    assert!(phone.run(&["login", &phone.url]).well().only_line().contains("device 2"), "its key says enough");
    // Nobody by that name: the same answer as for a wrong password.
    let stranger = world.newcomer("nobody", "stranger");
    stranger.log_in(PASSWORD).saying(4, "the name or the password is wrong");
}

#[test]
fn a_changed_password_ends_the_old_one_and_the_other_devices() {
    let world = World::new();
    let alice = world.person("alice");
    let phone = world.newcomer("alice", "phone");
    phone.log_in(PASSWORD).well();
    alice.run_with("wrong horse\nbattery staple\n", &["passwd", "--password-stdin"]).saying(4, "wrong");
    alice.run_with("correct horse\nshort\n", &["passwd", "--password-stdin"]).saying(1, "8 to 256");
    let changed = alice.run_with("correct horse\nbattery staple\n", &["passwd", "--password-stdin"]).well();
    assert_eq!(changed.only_line(), "the password is changed");
    alice.run(&["whoami"]).well();
    phone.run(&["whoami"]).saying(4, "log in");
    phone.log_in(PASSWORD).saying(4, "wrong");
    phone.log_in("battery staple").well();
    phone.run_with("battery staple\ncorrect horse\n", &["passwd", "--password-stdin", "--keep-devices"]).well();
    alice.run(&["whoami"]).well();
}

#[test]
fn whoever_logs_out_needs_the_password_again() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    assert_eq!(alice.run(&["logout"]).well().only_line(), "logged out");
    alice.run(&["send", "#ops", "am I here?"]).with_status(4);
    alice.log_in(PASSWORD).well();
    assert_eq!(alice.run(&["send", "#ops", "again"]).well().only_line(), "#ops 3");
}

#[test]
fn a_profile_is_chosen_by_name_or_server() {
    let world = World::new();
    let other = World::new();
    let alice = world.person("alice");
    // The same person under another name elsewhere, in the same home.
    let url = super::person::url("alicia", other.server.address, Some(&other.server.key));
    alice.run_with("correct horse\n", &["register", &url, "--password-stdin"]).well();
    assert!(alice.run(&["whoami"]).well().only_line().starts_with("@alicia on "), "the last one is the usual one");
    let profile = format!("alice@{}", world.server.address);
    assert!(alice.run(&["--profile", &profile, "whoami"]).well().only_line().starts_with("@alice on "));
    let server = format!("udpchat://{}", world.server.address);
    assert!(alice.run(&["--server", &server, "whoami"]).well().only_line().starts_with("@alice on "));
}

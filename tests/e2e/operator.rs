//! What an operator meets: starting, stopping, mistakes, and strangers who send rubbish.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;

use udpchat::crypto::Dice;

use super::program::json;
use super::world::{Server, World};

#[test]
fn a_second_server_leaves_the_data_of_the_first_alone() {
    let world = World::new();
    world.run_server(&["--data", "D", "--listen", "127.0.0.1:0"]).saying(1, "another udpchat server uses D");
    world.person("alice");
}

#[test]
fn a_port_in_use_is_said_so() {
    let world = World::new();
    let listen = world.server.address.to_string();
    let ended = world.run_server(&["--data", "other", "--listen", &listen]);
    assert!(ended.err.iter().any(|line| line.contains(&listen) && line.contains("in use")), "{ended:?}");
    ended.with_status(1);
}

#[test]
fn a_directory_that_cannot_be_written_is_said_so() {
    let world = World::new();
    fs::write(world.folder().join("file"), "").unwrap();
    let ended = world.run_server(&["--data", "file/D", "--listen", "127.0.0.1:0"]);
    assert!(ended.err.iter().any(|line| line.contains("file/D")), "{ended:?}");
    ended.with_status(1);

    let closed = world.folder().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    // To the superuser it is not closed.
    if fs::write(closed.join("probe"), "").is_err() {
        let ended = world.run_server(&["--data", "closed/D", "--listen", "127.0.0.1:0"]);
        assert!(ended.err.iter().any(|line| line.contains("closed/D")), "{ended:?}");
        ended.with_status(1);
    }
}

#[test]
fn a_setting_that_does_not_exist_is_refused_with_the_nearest() {
    let world = World::new();
    let data = world.folder().join("configured");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("udpchat.toml"), "gests = true\n").unwrap();
    let args = ["--data", "configured", "--listen", "127.0.0.1:0"];
    world.run_server(&args).saying(1, "there is no setting `gests`; did you mean `guests`?");
    fs::write(data.join("udpchat.toml"), "guests = true\n").unwrap();
    let server = Server::start(&world.folder(), &args);
    assert!(server.program.out.iter().any(|line| line.starts_with("people ") && line.contains("guests")));
}

#[test]
fn a_server_that_is_told_to_end_ends_well_and_comes_back_with_everything() {
    let mut world = World::restartable();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    alice.run(&["send", "#ops", "before"]).well();
    let mut follower = alice.follow("#ops");
    world.server.program.terminate();
    world.server.program.wait_for_end().with_status(0);
    world.restart_server();
    alice.run(&["send", "#ops", "after"]).well();
    follower.wait_for_posts(1);
    assert_eq!(follower.posts()[0].text, "after");
    let states: Vec<_> = follower.out.iter().filter_map(|line| json(line)["state"].as_str().map(str::to_owned)).collect();
    assert_eq!(states[..3], ["caught_up", "offline", "online"]);
    assert_eq!(alice.history("#ops").texts(), ["before", "after"]);
}

#[test]
fn rubbish_from_strangers_disturbs_nobody() {
    let world = World::new();
    let alice = world.person("alice");
    alice.run(&["create", "#ops"]).well();
    let mut follower = alice.follow("#ops");
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.connect(world.server.address).unwrap();
    let mut dice = Dice::from_seed([7; 32]);
    let mut send_rubbish = |count: u64| {
        for number in 0..count {
            let len = usize::try_from(dice.below(1_500)).unwrap();
            let mut rubbish: Vec<u8> = (0..len).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
            // Every first byte that a datagram can have, and then some.
            if let Some(first) = rubbish.first_mut() {
                *first = u8::try_from(number % 256).unwrap();
            }
            stranger.send(&rubbish).unwrap();
        }
    };
    send_rubbish(2_000);
    assert_eq!(alice.run(&["send", "#ops", "still here"]).well().only_line(), "#ops 3");
    send_rubbish(2_000);
    world.person("bob").run(&["join", "#ops"]).well();
    assert_eq!(alice.run(&["send", "#ops", "and here"]).well().only_line(), "#ops 5");
    follower.wait_for_posts(2);
    assert_eq!(follower.posts().len(), 2);
}

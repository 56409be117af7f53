//! The server's process is killed and comes back, with its disk and without its memory.

use udpchat::client::ClientEvent;
use udpchat::message::{FollowFrom, LogId, Reply, Target};
use udpchat::transport::{CloseReason, Micros};

use super::net::Faults;
use super::world::World;

const LEG: Micros = Micros::from_millis(25);

/// Ten people in a room, all following it; the log.
fn ten_in_a_room(world: &mut World) -> LogId {
    world.work_delay_max = Micros::ZERO;
    let owner = world.register("person0");
    let Reply::Stored(stored) = world.create(owner, "#ops") else { panic!("no room") };
    for number in 1..10 {
        let who = world.register(&format!("person{number}"));
        assert!(matches!(world.join(who, "#ops"), Reply::Stored(_)));
    }
    for who in 0..10 {
        world.follow(who, Target::Log(stored.log), FollowFrom::Start);
    }
    world.drive_for(Micros::from_secs(2));
    stored.log
}

fn online_count(world: &World, who: usize) -> usize {
    world.people[who].events.iter().filter(|event| matches!(event, ClientEvent::Online { .. })).count()
}

fn lost_by(world: &World, who: usize) -> Vec<CloseReason> {
    let reason = |event: &ClientEvent| match event {
        ClientEvent::Offline { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    world.people[who].events.iter().filter_map(reason).collect()
}

#[test]
fn after_a_restart_each_client_is_back_within_two_round_trips_of_its_first_packet() {
    for down_ms in [20, 500, 5_000, 60_000] {
        let mut world = World::on_good_network(down_ms);
        let log = ten_in_a_room(&mut world);
        world.kill_server();
        world.drive_for(Micros::from_millis(down_ms));
        world.start_server();
        let mut taken = Vec::new();
        for who in 0..10 {
            // The first packet after the return is this one, unless a probe was quicker.
            let start = world.now;
            world.write(who, "#ops", &format!("still here {who}"));
            assert!(world.drive(Micros::from_secs(60), |world| online_count(world, who) == 2), "{:?}", lost_by(&world, who));
            taken.push((world.now - start).as_millis());
            assert_eq!(lost_by(&world, who), [CloseReason::Reset], "told by a reset, not by silence");
            world.drive_for(Micros::from_millis(130));
        }
        println!("down for {down_ms} ms, round trip 50 ms: back after {taken:?} ms");
        // One round trip for the reset, one for the handshake, half of one for the first packet with the new keys and half for
        // the greeting.
        assert!(taken.iter().all(|taken| *taken <= 150), "{taken:?}");
        let all = |world: &mut World| (0..10).all(|who| world.texts(who, log).len() == 10);
        assert!(world.drive(Micros::from_secs(60), all));
    }
}

#[test]
fn clients_that_were_silent_come_back_with_their_next_keepalive() {
    let mut world = World::on_good_network(9);
    let log = ten_in_a_room(&mut world);
    world.kill_server();
    world.drive_for(Micros::from_secs(1));
    world.start_server();
    world.drive_for(Micros::from_secs(21));
    for who in 0..10 {
        assert_eq!(online_count(&world, who), 2, "{who}");
    }
    world.write(3, "#ops", "all there?");
    world.drive_for(Micros::from_millis(60));
    assert!((0..10).all(|who| world.texts(who, log) == ["all there?"]));
}

#[test]
pub fn a_restart_on_a_bad_network_loses_nothing() {
    for seed in 0..10 {
        let mut world = World::new(seed, Faults::none(LEG));
        let log = ten_in_a_room(&mut world);
        world.net.set_faults(Faults { duplicate: 100, ..Faults::lossy(LEG, 300) });
        for round in 0..5 {
            for who in 0..10 {
                world.write(who, "#ops", &format!("{round} {who}"));
            }
            world.drive_for(Micros::from_millis(70));
            world.kill_server();
            world.drive_for(Micros::from_millis(600));
            world.start_server();
            world.drive_for(Micros::from_secs(5));
        }
        let all = |world: &mut World| (0..10).all(|who| world.texts(who, log).len() == 50);
        assert!(world.drive(Micros::from_secs(120), all), "seed {seed}");
        for who in 0..10 {
            assert!(world.people[who].broken.is_empty(), "seed {seed}: {:?}", world.people[who].broken);
        }
    }
}

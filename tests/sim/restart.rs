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
fn clients_that_had_nothing_to_say_are_greeted_three_round_trips_after_their_first_packet() {
    for down_ms in [20, 500, 5_000] {
        let mut world = World::on_good_network(down_ms);
        let log = ten_in_a_room(&mut world);
        world.kill_server();
        world.drive_for(Micros::from_millis(down_ms));
        world.start_server();
        let mut taken = Vec::new();
        for who in 0..10 {
            let start = world.now;
            world.write(who, "#ops", &format!("still here {who}"));
            assert!(world.drive(Micros::from_secs(60), |world| online_count(world, who) == 2), "{:?}", lost_by(&world, who));
            taken.push((world.now - start).as_millis());
            assert_eq!(lost_by(&world, who), [CloseReason::Reset], "told by a reset, not by silence");
            world.drive_for(Micros::from_millis(130));
        }
        println!("idle, down for {down_ms} ms, round trip 50 ms: greeted after {taken:?} ms");
        // One round trip for the reset, one for the handshake, half of one for the first packet with the new keys and half for
        // the greeting.
        assert!(taken.iter().all(|taken| *taken <= 150), "{taken:?}");
        let all = |world: &mut World| (0..10).all(|who| world.texts(who, log).len() == 10);
        assert!(world.drive(Micros::from_secs(60), all));
    }
}

/// How long after its first packet after the return each of ten people, who wrote while the server was away, knows that the line
/// is stored, in milliseconds.
fn back_after(seed: u64, down: Micros) -> Vec<u64> {
    let mut world = World::on_good_network(seed);
    let log = ten_in_a_room(&mut world);
    world.kill_server();
    for who in 0..10 {
        world.drive_for(Micros::from_millis(seed % 7));
        world.write(who, "#ops", &format!("hello? {who}"));
    }
    world.drive_for(down);
    world.start_server();
    let sent = |world: &World, who: usize| world.net.sent_by(world.people[who].address.ip()).0;
    let before: Vec<u64> = (0..10).map(|who| sent(&world, who)).collect();
    let (mut first_at, mut stored_at) = (vec![None; 10], vec![None; 10]);
    let all_back = |world: &mut World| {
        for who in 0..10 {
            if sent(world, who) > before[who] {
                first_at[who].get_or_insert(world.now);
            }
            if !world.people[who].outcomes.is_empty() {
                stored_at[who].get_or_insert(world.now);
            }
        }
        stored_at.iter().all(Option::is_some)
    };
    assert!(world.drive(Micros::from_secs(10), all_back), "seed {seed}");
    let all = |world: &mut World| (0..10).all(|who| world.texts(who, log).len() == 10);
    assert!(world.drive(Micros::from_secs(10), all), "seed {seed}");
    for who in 0..10 {
        assert!(world.people[who].broken.is_empty(), "seed {seed}: {:?}", world.people[who].broken);
    }
    first_at.iter().zip(&stored_at).map(|(first, stored)| (stored.unwrap() - first.unwrap()).as_millis()).collect()
}

#[test]
fn whoever_waits_for_the_server_is_greeted_two_round_trips_after_the_first_packet_after_its_return() {
    for down_ms in [700, 1_500, 5_000, 20_000, 60_000] {
        let mut taken: Vec<u64> = (0..20).flat_map(|seed| back_after(seed, Micros::from_millis(down_ms + 53 * seed))).collect();
        taken.sort_unstable();
        let (median, worst) = (taken[taken.len() / 2], taken[taken.len() - 1]);
        println!("waiting, down for {down_ms} ms, round trip 50 ms: line stored after {median} ms, at worst {worst} ms");
        // The line itself takes one round trip, from the greeting on; an attempt goes a moment after the packet beside it.
        assert!(worst <= 150 + 6, "{taken:?}");
    }
}

#[test]
fn a_minute_without_a_network_costs_no_connection_and_few_bytes() {
    let mut world = World::on_good_network(4);
    let log = ten_in_a_room(&mut world);
    let (connections, handshakes) = (world.connection_count(), world.handshake_count());
    world.net.set_faults(Faults::lossy(LEG, 1_000));
    let sent = |world: &World| -> u64 { (0..10).map(|who| world.net.sent_by(world.people[who].address.ip()).1).sum() };
    let before = sent(&world);
    for who in 0..10 {
        world.write(who, "#ops", &format!("hello? {who}"));
    }
    world.drive_for(Micros::from_secs(60));
    let each = (sent(&world) - before) / 10;
    println!("a minute without a network: {each} bytes from each client");
    assert!(each <= 70_000, "{each}");
    world.net.set_faults(Faults::none(LEG));
    let all = |world: &mut World| (0..10).all(|who| world.texts(who, log).len() == 10);
    assert!(world.drive(Micros::from_secs(2), all));
    world.drive_for(Micros::from_secs(12));
    assert!((0..10).all(|who| lost_by(&world, who).is_empty()));
    assert_eq!((world.connection_count(), world.handshake_count()), (connections, handshakes), "the old connections go on");
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

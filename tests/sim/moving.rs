//! Clients on the move: addresses that die under a socket, machines that sleep, keys that are renewed while people talk.

use udpchat::client::ClientEvent;
use udpchat::message::{FollowFrom, LogId, Reply, Target};
use udpchat::transport::{Config, Micros};

use super::net::{Faults, Loss};
use super::world::World;

const LEG: Micros = Micros::from_millis(25);
const MINUTE: Micros = Micros::from_secs(60);

fn millis(millis: u64) -> Micros {
    Micros::from_millis(millis)
}

/// Alice and Bob in `#ops`, both following it.
fn two_in_a_room(world: &mut World) -> (usize, usize, LogId) {
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let Reply::Stored(stored) = world.create(alice, "#ops") else { panic!("no room") };
    assert!(matches!(world.join(bob, "#ops"), Reply::Stored(_)));
    for person in [alice, bob] {
        world.follow(person, Target::Log(stored.log), FollowFrom::Start);
    }
    (alice, bob, stored.log)
}

/// Cuts the address that a client has now off from the server, for good.
fn kill_address(world: &mut World, who: usize) {
    let (server, address) = (world.server_address, world.people[who].address);
    world.net.set_cut(server, address, true);
}

fn offline_count(world: &World, who: usize) -> usize {
    world.people[who].events.iter().filter(|event| matches!(event, ClientEvent::Offline { .. })).count()
}

#[test]
fn a_client_whose_address_dies_speaks_through_another_socket() {
    let mut stalls = Vec::new();
    for seed in 0..100 {
        let mut world = World::on_good_network(seed);
        world.work_delay_max = Micros::ZERO;
        let (alice, bob, log) = two_in_a_room(&mut world);
        for line in 0..10 {
            world.write(alice, "#ops", &format!("before {line}"));
            world.drive_for(millis(300 + seed));
        }
        kill_address(&mut world, alice);
        world.write(alice, "#ops", "after");
        let start = world.now;
        let heard = |world: &mut World| world.texts(bob, log).last().is_some_and(|text| text == "after");
        assert!(world.drive(MINUTE, heard), "seed {seed}: not heard");
        // Without a fault it takes a leg to the server and one to Bob.
        stalls.push((world.now - start).as_millis().saturating_sub(50));
        assert_eq!(world.people[alice].socket_wishes, 1);
        assert_eq!(offline_count(&world, alice), 0, "the session survives");
        world.drive_for(Micros::from_secs(5));
        assert_eq!(world.people[alice].address_before, None, "the socket before is closed");
    }
    stalls.sort_unstable();
    let (p50, p99) = (stalls[stalls.len() / 2], stalls[stalls.len() * 99 / 100]);
    println!("an address dies, round trip 50 ms: stall p50 {p50} p99 {p99} ms");
    assert!(p99 <= 300, "two round trips and 200 ms: {p99}");
}

#[test]
fn sockets_are_not_used_up_while_the_network_is_gone() {
    let mut world = World::on_good_network(2);
    let (alice, bob, log) = two_in_a_room(&mut world);
    world.net.set_faults(Faults { loss: Loss::Independent(1_000), ..Faults::none(LEG) });
    world.write(alice, "#ops", "into the void");
    world.drive_for(MINUTE);
    let wishes = world.people[alice].socket_wishes;
    assert!((3..=8).contains(&wishes), "{wishes} sockets in a minute");
    assert_eq!(offline_count(&world, alice), 0);
    world.net.set_faults(Faults::none(LEG));
    let start = world.now;
    assert!(world.drive(MINUTE, |world| world.texts(bob, log) == ["into the void"]));
    assert!((world.now - start).as_millis() <= 2_000, "{:?}", world.now - start);
}

#[test]
fn a_port_that_changes_unnoticed_interrupts_nobody() {
    for host_moves in [false, true] {
        let mut world = World::on_good_network(3);
        let (alice, bob, log) = two_in_a_room(&mut world);
        for line in 0..20 {
            world.move_client(alice, host_moves);
            world.write(alice, "#ops", &format!("line {line}"));
            world.drive_for(Micros::from_secs(1));
        }
        assert_eq!(world.texts(bob, log).len(), 20);
        assert_eq!(world.texts(alice, log).len(), 20);
        assert_eq!((offline_count(&world, alice), world.people[alice].socket_wishes), (0, 0));
    }
}

#[test]
fn a_machine_that_slept_goes_on_where_it_was() {
    for slept in [10, 100, 1_000, 10_000] {
        let mut world = World::on_good_network(4);
        let (alice, bob, log) = two_in_a_room(&mut world);
        world.drive_for(Micros::from_secs(3));
        world.suspend(alice);
        world.write(bob, "#ops", "are you there?");
        world.drive_for(Micros::from_secs(slept));
        let start = world.now;
        world.resume(alice);
        world.write(alice, "#ops", "back again");
        let caught_up = |world: &mut World| world.texts(alice, log) == ["are you there?", "back again"];
        assert!(world.drive(MINUTE, caught_up), "{:?}", world.texts(alice, log));
        println!("slept {slept} s: caught up after {} ms", (world.now - start).as_millis());
        assert!((world.now - start).as_millis() <= 2_000);
    }
}

/// Both write all the time while Alice's keys are renewed again and again; nothing is lost, doubled or late.
fn talk_over_fresh_keys(seed: u64, config: Config, faults: Faults) -> (World, usize) {
    let mut world = World::new(seed, faults);
    world.client_config = config;
    let (alice, bob, log) = two_in_a_room(&mut world);
    let mut written = Vec::new();
    for line in 0..200 {
        let (who, text) = ([alice, bob][line % 2], format!("line {line}"));
        world.write(who, "#ops", &text);
        written.push(text);
        world.drive_for(millis(100));
    }
    let all = |world: &mut World| [alice, bob].iter().all(|who| world.texts(*who, log).len() >= 200);
    assert!(world.drive(MINUTE, all), "seed {seed}: something is missing");
    world.drive_for(Micros::from_secs(10));
    for who in [alice, bob] {
        let mut texts = world.texts(who, log);
        assert_eq!(texts.len(), 200, "seed {seed}: nothing twice");
        texts.sort();
        written.sort();
        assert_eq!(texts, written, "seed {seed}");
        assert!(world.people[who].broken.is_empty(), "seed {seed}: {:?}", world.people[who].broken);
        assert_eq!(world.people[who].outcomes.len(), 100, "seed {seed}: each message has its outcome");
    }
    (world, alice)
}

#[test]
fn keys_that_are_old_are_replaced_while_people_talk() {
    for seed in 0..10 {
        let config = Config { key_lifetime: Micros::from_secs(2), ..Config::client() };
        let (world, alice) = talk_over_fresh_keys(seed, config, Faults::none(LEG));
        assert_eq!(offline_count(&world, alice), 0, "nobody notices");
        let online = world.people[alice].events.iter().filter(|event| matches!(event, ClientEvent::Online { .. })).count();
        assert_eq!(online, 1);
        let connections = world.handshake_count();
        assert!(connections >= 16, "{connections} connections of two people in 20 s");
        assert!(world.connection_count() <= 4, "old connections end: {}", world.connection_count());
    }
}

#[test]
fn keys_that_sealed_enough_packets_are_replaced() {
    for seed in 0..10 {
        let config = Config { key_packet_count_max: 100, ..Config::client() };
        let (world, alice) = talk_over_fresh_keys(seed, config, Faults::none(LEG));
        assert_eq!(offline_count(&world, alice), 0);
        assert!(world.handshake_count() >= 6, "{}", world.handshake_count());
    }
}

#[test]
fn fresh_keys_come_about_on_a_bad_network_too() {
    for seed in 0..20 {
        let config = Config { key_lifetime: Micros::from_secs(2), ..Config::client() };
        let faults = Faults { duplicate: 100, reorder: 100, reorder_delay: millis(60), ..Faults::lossy(LEG, 200) };
        let (world, _) = talk_over_fresh_keys(seed, config, faults);
        assert!(world.handshake_count() >= 6, "{}", world.handshake_count());
    }
}

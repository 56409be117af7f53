//! What an authentic peer may make the server hold or do, and what happens when it wants more.

use std::net::SocketAddr;
use std::sync::Arc;

use udpchat::crypto::{Dice, SecretKey};
use udpchat::message::{FollowFrom, HistoryFrom, HistoryRequest, Reply, Request, Target};
use udpchat::server::Holds;
use udpchat::transport::{
    Admission, Caps, CloseCode, Config, Counters, INITIAL_CREDIT_LEN, Micros, STREAM_GAPS_MAX, UNPROVEN_MOVE_COUNT_MAX,
};
use udpchat::wire::{ConnectionId, Frame, HandshakePacket, StreamId, put_ack};

use super::net::Faults;
use super::pair::Pair;
use super::rogue::Rogue;
use super::stranger::{ask, opening};
use super::talk::{Side, Talk};
use super::world::World;

const LEG: Micros = Micros::from_millis(25);

/// An acknowledgement of everything up to `largest`.
fn ack_all(largest: u64) -> Vec<u8> {
    let mut plain = Vec::new();
    assert!(put_ack(&mut plain, 0, 100, [(0, largest)].into_iter()));
    plain
}

#[test]
pub fn who_acknowledges_what_was_never_sent_is_shown_out() {
    for largest in [1_000, 1 << 40] {
        let mut pair = Pair::on_good_network(1);
        let mut rogue = Rogue::enter(&mut pair);
        rogue.say_plain(&mut pair, ack_all(largest));
        assert!(rogue.is_shown_out(&mut pair, CloseCode::Protocol), "{largest}");
    }
}

/// Lets the server send a message of a megabyte to somebody who answers each packet at once with what `told` makes of the
/// largest number so far; whether the server bears it.
fn download(told: impl Fn(&[u64]) -> Vec<u8>) -> bool {
    let mut pair = Pair::on_good_network(2);
    let mut rogue = Rogue::enter(&mut pair);
    let text: Arc<[u8]> = vec![7; 60_000].into();
    let mut heard: Vec<u64> = Vec::new();
    let mut to_come: Vec<(u64, Vec<u8>)> = Vec::new();
    for _ in 0..400 {
        let now = pair.now;
        let Some(mut connection) = pair.server.connection(rogue.handle) else { return false };
        while connection.send(now, StreamId::BULK, &text).is_ok() {}
        drop(connection);
        let credit = Frame::Credit { stream: StreamId::BULK, limit: 1 << 40 };
        to_come.extend(rogue.say(&mut pair, &[credit]));
        heard.extend(to_come.drain(..).map(|(number, _)| number));
        heard.sort_unstable();
        to_come.extend(rogue.say_plain(&mut pair, told(&heard)));
        if rogue.is_shown_out(&mut pair, CloseCode::Protocol) {
            return false;
        }
        pair.now = pair.now + Micros::from_millis(5);
        pair.server.handle_timeout(pair.now);
    }
    true
}

#[test]
pub fn who_acknowledges_a_number_that_was_left_out_is_shown_out() {
    let honest = |heard: &[u64]| {
        let runs = heard.chunk_by(|low, high| low + 1 == *high).map(|run| (run[0], run[run.len() - 1]));
        let runs: Vec<_> = runs.collect();
        let mut plain = Vec::new();
        assert!(put_ack(&mut plain, 0, 200, runs.iter().rev().copied()));
        plain
    };
    assert!(download(honest), "who says what arrived gets everything");
    assert!(!download(|heard| ack_all(heard[heard.len() - 1])), "who also says what cannot have arrived does not");
}

#[test]
pub fn who_sends_beyond_the_credit_is_shown_out() {
    for offset in [u64::from(INITIAL_CREDIT_LEN), 1 << 40] {
        let mut pair = Pair::on_good_network(3);
        let mut rogue = Rogue::enter(&mut pair);
        rogue.say(&mut pair, &[Frame::Data { stream: StreamId::Chat, offset, bytes: b"x" }]);
        assert!(rogue.is_shown_out(&mut pair, CloseCode::Limit), "{offset}");
    }
}

#[test]
pub fn a_hole_too_many_is_dropped_and_counted_and_may_come_again() {
    let mut pair = Pair::on_good_network(4);
    let mut rogue = Rogue::enter(&mut pair);
    let byte = |hole: usize| Frame::Data { stream: StreamId::Chat, offset: 2 * hole as u64, bytes: b"x" };
    for hole in 1..=STREAM_GAPS_MAX {
        rogue.say(&mut pair, &[byte(hole)]);
    }
    assert_eq!(pair.server.counters().dropped_no_room, 0);
    rogue.say(&mut pair, &[byte(STREAM_GAPS_MAX + 1)]);
    assert_eq!(pair.server.counters().dropped_no_room, 1);
    assert!(pair.server.connection(rogue.handle).is_some(), "it is no crime: networks lose much");
    rogue.say(&mut pair, &[Frame::Data { stream: StreamId::Chat, offset: 0, bytes: &[1; 4] }]);
    rogue.say(&mut pair, &[byte(STREAM_GAPS_MAX + 1)]);
    assert_eq!(pair.server.counters().dropped_no_room, 1);
}

#[test]
pub fn what_was_opened_before_is_not_opened_again() {
    let mut pair = Pair::on_good_network(5);
    let (client, server) = pair.connect();
    let (text, home): (Arc<[u8]>, _) = (Arc::from(*b"once"), pair.client_address);
    for _ in 0..20 {
        let now = pair.now;
        pair.client.connection(client).unwrap().send(now, StreamId::Chat, &text).unwrap();
        pair.drive_for(Micros::from_millis(200));
    }
    let before = pair.server.counters();
    let data: Vec<Vec<u8>> = pair.server_log.iter().filter(|bytes| bytes[0] == 0x40).cloned().collect();
    for bytes in &data {
        assert!(ask(&mut pair, home, bytes).is_empty(), "nothing is said to what was heard before");
    }
    let after = pair.server.counters();
    assert_eq!(after.packets_opened, before.packets_opened);
    assert_eq!(after.dropped_replayed - before.dropped_replayed, data.len() as u64);
    let now = pair.now;
    let mut connection = pair.server.connection(server).unwrap();
    assert_eq!(std::iter::from_fn(|| connection.recv(now, StreamId::Chat)).count(), 20);
}

#[test]
pub fn a_cookie_is_good_at_the_address_it_was_sent_to() {
    let admission = Admission { unproven_rate: 0, ..Admission::DEFAULT };
    let mut pair = Pair::with_configs(6, Faults::none(LEG), Config::client(), Config { admission, ..Config::server() });
    let mut dice = Dice::from_seed([6; 32]);
    let (client_id, device) = (ConnectionId([6; 8]), SecretKey::generate(&mut dice));
    let at = |host: u8, port: u16| SocketAddr::from(([203, 0, 113, host], port));
    let mut knock = |pair: &mut Pair, from: SocketAddr, cookie| {
        let (_, init) = opening(&mut dice, client_id, &device, &pair.server_key, cookie);
        ask(pair, from, &init).remove(0)
    };
    let answer = knock(&mut pair, at(1, 1_000), None);
    let Ok(HandshakePacket::Retry(retry)) = HandshakePacket::decode(&answer) else { panic!("no RETRY") };
    for elsewhere in [at(2, 1_000), at(1, 1_001)] {
        let answer = knock(&mut pair, elsewhere, Some(retry.cookie));
        assert!(matches!(HandshakePacket::decode(&answer), Ok(HandshakePacket::Retry(_))), "{elsewhere}");
        assert_eq!(pair.server.connection_count(), 0);
    }
    let answer = knock(&mut pair, at(1, 1_000), Some(retry.cookie));
    assert!(matches!(HandshakePacket::decode(&answer), Ok(HandshakePacket::Resp(_))));
}

#[test]
fn more_moves_without_proof_than_a_walk_makes_are_not_followed_and_counted() {
    let mut pair = Pair::on_good_network(7);
    let mut rogue = Rogue::enter(&mut pair);
    for port in 1..=40 {
        pair.now = pair.now + Micros::from_secs(1);
        rogue.address.set_port(port);
        let sealed = rogue.seal(rogue.next, vec![1]);
        rogue.next += 1;
        let from = udpchat::transport::Path { remote: rogue.address, local: Some(pair.server_address.ip()) };
        pair.server.handle_datagram(pair.now, from, &mut sealed.clone());
        pair.server.handle_timeout(pair.now);
        pair.settle();
    }
    let caps = pair.server.counters().connections.caps;
    assert_eq!(caps.moves_refused, 40 - u64::from(UNPROVEN_MOVE_COUNT_MAX));
    assert!(caps.sends_held > 0, "and none of the addresses gets more than its share: {caps:?}");
}

/// Everything that a cap counts, which for honest peers is nothing. Only an address that is new may have to wait for its proof:
/// clients take another socket after a silence, and 60 % loss both ways is often silence.
fn assert_no_cap_was_met(who: &str, counters: &Counters) {
    let caps = counters.connections.caps;
    assert_eq!(caps, Caps { sends_held: caps.sends_held, ..Caps::default() }, "{who}");
    assert!(caps.sends_held == 0 || counters.connections.path_moves > 0, "{who}: {caps:?}");
    let dropped = [
        counters.dropped_limit,
        counters.dropped_half_open,
        counters.dropped_connections,
        counters.dropped_answers,
        counters.dropped_no_room,
        counters.dropped_crowded,
        counters.device_limit_closes,
    ];
    assert_eq!(dropped, [0; 7], "{who}");
}

#[test]
fn an_honest_pair_meets_no_cap_at_sixty_percent_loss() {
    for seed in 0..5 {
        let mut talk = Talk::new(seed, Faults::lossy(LEG, 600));
        for line in 0..600 {
            for side in [Side::Client, Side::Server] {
                talk.say(side, StreamId::Chat, 100).unwrap();
                if line % 100 == 0 {
                    talk.say(side, StreamId::BULK, 20_000).unwrap();
                }
            }
            talk.pass(Micros::from_millis(100));
        }
        assert!(talk.finish(Micros::from_secs(120)), "seed {seed}");
        assert_no_cap_was_met("client", &talk.pair.client.counters());
        assert_no_cap_was_met("server", &talk.pair.server.counters());
    }
}

#[test]
fn honest_people_meet_no_cap_at_sixty_percent_loss() {
    for seed in 0..3 {
        let mut world = World::on_good_network(seed);
        let people: Vec<usize> = ["alice", "bob", "carol"].iter().map(|name| world.register(name)).collect();
        let Reply::Stored(stored) = world.create(people[0], "#ops") else { panic!("no room") };
        for who in &people {
            if *who != people[0] {
                world.join(*who, "#ops");
            }
            world.follow(*who, Target::Log(stored.log), FollowFrom::Start);
        }
        world.net.set_faults(Faults::lossy(LEG, 600));
        for line in 0..60 {
            for who in &people {
                world.write(*who, "#ops", &format!("{who} says {line}"));
            }
            world.drive_for(Micros::from_secs(1));
        }
        let heard = |world: &mut World| (0..3).all(|who| world.texts(who, stored.log).len() == 180);
        assert!(world.drive(Micros::from_secs(120), heard), "seed {seed}");
        let (counters, holds) = world.server_counts();
        assert_no_cap_was_met("server", &counters);
        assert_eq!(holds, Holds::default(), "seed {seed}");
    }
}

#[test]
fn a_page_of_history_ends_before_it_is_too_long() {
    let mut world = World::on_good_network(8);
    let alice = world.register("alice");
    let Reply::Stored(stored) = world.create(alice, "#ops") else { panic!("no room") };
    for _ in 0..10 {
        world.write(alice, "#ops", &"x".repeat(10_000));
    }
    assert!(world.drive(Micros::from_secs(60), |world| world.people[alice].outcomes.len() == 10));
    let request = HistoryRequest { log: Target::Log(stored.log), from: HistoryFrom::Last, count: 500 };
    let Reply::Page(page) = world.ask(alice, &Request::History(request)) else { panic!("no page") };
    let len: usize = page.events.iter().map(|told| told.event.len()).sum();
    assert!((30_000..=40 * 1_024).contains(&len) && page.more, "{len} bytes");
}

//! Many on one socket: turns, floods, caps, and a client whose address changes.

use std::net::SocketAddr;
use std::sync::Arc;

use udpchat::crypto::{Dice, Initiator, PublicKey, SUITE, SecretKey, mac1};
use udpchat::transport::{ANSWER_COUNT_MAX, CloseCode, CloseReason, ConnectionHandle, Event, Micros, Path, StreamId};
use udpchat::wire::{ConnectionId, HandshakePacket, Hello, Init, MAGIC, VERSION};

use super::net::Faults;
use super::pair::Pair;

const LEG: Micros = Micros::from_millis(25);

/// Sends one chat message from the client and returns when the server has it.
fn say(pair: &mut Pair, client: ConnectionHandle, server: ConnectionHandle, text: &str, limit: Micros) -> Option<Micros> {
    let start = pair.now;
    pair.client.connection(client)?.send(pair.now, StreamId::Chat, &Arc::from(text.as_bytes())).ok()?;
    let mut heard = None;
    pair.drive(limit, |pair| {
        let now = pair.now;
        heard = pair.server.connection(server).and_then(|mut connection| connection.recv(now, StreamId::Chat));
        heard.is_some()
    });
    assert_eq!(heard?, text.as_bytes());
    Some(pair.now - start)
}

#[test]
fn connections_with_much_to_send_take_turns() {
    let mut pair = Pair::on_good_network(1);
    let handles: Vec<_> = (0..3).map(|_| pair.connect()).collect();
    pair.drive_for(Micros::from_secs(1));
    let bulk: Arc<[u8]> = Arc::from(vec![7; 60_000]);
    for (_, server) in &handles {
        pair.server.connection(*server).unwrap().send(pair.now, StreamId::BULK, &bulk).unwrap();
    }
    let (mut order, mut buf) = (Vec::new(), Vec::new());
    while pair.server.poll_transmit(pair.now, &mut buf).is_some() {
        order.push(buf[1..9].to_vec());
    }
    let turns: Vec<usize> = order.chunk_by(|left, right| left == right).map(<[_]>::len).collect();
    assert!(turns.len() >= 3 && turns.iter().all(|turn| *turn <= 10), "{turns:?}");
    let first_three: std::collections::BTreeSet<_> =
        order.chunk_by(|left, right| left == right).take(3).map(|turn| &turn[0]).collect();
    assert_eq!(first_three.len(), 3, "each has a turn before one has a second");
}

#[test]
fn answers_to_strangers_that_nobody_sends_are_capped() {
    let mut pair = Pair::on_good_network(2);
    let hello = Hello { client_id: ConnectionId([1; 8]), attempt: 0, packet_len: 512 };
    let bytes = HandshakePacket::Hello(hello).encode();
    let path = Path { remote: "203.0.113.9:99".parse().unwrap(), local: Some(pair.server_address.ip()) };
    for _ in 0..ANSWER_COUNT_MAX + 100 {
        pair.server.handle_datagram(pair.now, path, &mut bytes.clone());
    }
    let mut buf = Vec::new();
    let sent = std::iter::from_fn(|| pair.server.poll_transmit(pair.now, &mut buf)).count();
    assert_eq!(sent, ANSWER_COUNT_MAX);
    assert_eq!(pair.server.counters().dropped_answers, 100);
}

/// An INIT whose `mac1` is right and whose Noise message is not.
fn hollow_init(dice: &mut Dice, server: &PublicKey, noise: &[u8]) -> Vec<u8> {
    let client_id = ConnectionId(dice.array());
    let mut init = Init { client_id, suite: SUITE, attempt: 0, cookie: None, noise, mac1: [0; 16], packet_len: 512 };
    init.mac1 = mac1(server, &init.authenticated());
    HandshakePacket::Init(init).encode()
}

#[test]
fn a_flood_of_openings_neither_grows_the_server_nor_delays_the_connected() {
    let mut pair = Pair::on_good_network(3);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    let calm = say(&mut pair, client, server, "before", Micros::from_secs(1)).unwrap();
    let mut dice = Dice::from_seed([3; 32]);
    let prologue = [&MAGIC[..], &[VERSION, SUITE], &[0; 8]].concat();
    let (_, noise) = Initiator::new(&pair.device, &pair.server_key, &prologue, &mut dice).unwrap();
    let before = pair.server.counters();
    for _ in 0..50 {
        // A thousand openings in each 20 ms, from addresses that nobody has.
        for _ in 0..1_000 {
            let stranger = SocketAddr::from((dice.array::<4>(), 4_444));
            let init = hollow_init(&mut dice, &pair.server_key, &noise);
            pair.net.send(pair.now, stranger, pair.server_address, &init);
        }
        pair.drive_for(Micros::from_millis(20));
    }
    let disturbed = say(&mut pair, client, server, "during", Micros::from_secs(1)).unwrap();
    assert_eq!(disturbed, calm);
    assert_eq!(pair.server.connection_count(), 1);
    let counters = pair.server.counters();
    let judged = counters.dropped_forged - before.dropped_forged;
    assert!((200..=420).contains(&judged), "public-key work for few: {judged}");
    assert!(counters.retries_sent >= 40_000);
    let flood = pair.traffic.iter().filter(|(address, _)| address.port() == 4_444);
    for (address, traffic) in flood {
        assert!(traffic.sent <= traffic.received, "{address}: {traffic:?}");
    }
}

#[test]
fn a_client_that_moves_is_followed_at_once() {
    let mut pair = Pair::on_good_network(4);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    for moved_to in ["198.51.100.1:6000", "203.0.113.50:6000"] {
        pair.client_address = moved_to.parse().unwrap();
        pair.client.on_local_path_changed(pair.now);
        let taken = say(&mut pair, client, server, "still me", Micros::from_secs(2)).unwrap();
        assert!(taken.as_millis() <= 50, "{taken:?}");
        assert!(pair.server_told(server).contains(&Event::PathChanged(pair.client_address)));
        assert_eq!(pair.server.connection(server).unwrap().path().remote, pair.client_address);
        pair.drive_for(Micros::from_secs(2));
        assert!(say(&mut pair, client, server, "and still", Micros::from_secs(1)).is_some());
    }
}

#[test]
fn a_client_whose_port_changes_unnoticed_is_followed_by_its_next_packet() {
    let mut pair = Pair::on_good_network(5);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(5));
    pair.client_address = "198.51.100.1:6001".parse().unwrap();
    assert!(say(&mut pair, client, server, "new port", Micros::from_secs(1)).is_some());
    pair.drive_for(Micros::from_secs(200));
    assert!(say(&mut pair, client, server, "kept alive", Micros::from_secs(1)).is_some());
}

#[test]
fn a_client_that_moves_while_connecting_connects_from_its_new_address() {
    for seed in 0..50 {
        let mut pair = Pair::new(seed, Faults::lossy(LEG, 300));
        let client = pair.begin();
        pair.drive_for(Micros::from_millis(10 * seed % 80));
        pair.client_address = "203.0.113.50:6000".parse().unwrap();
        pair.client.on_local_path_changed(pair.now);
        assert!(pair.drive(Micros::from_secs(20), |pair| !pair.server_events.is_empty()), "seed {seed}");
        let server = pair.server_events[0].1;
        assert!(say(&mut pair, client, server, "hello", Micros::from_secs(20)).is_some(), "seed {seed}");
    }
}

#[test]
fn a_reset_after_a_farewell_is_not_told_as_a_second_end() {
    let mut pair = Pair::on_good_network(6);
    let (client, _) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    pair.kill_server();
    pair.drive_for(Micros::from_millis(10));
    pair.start_server();
    pair.client.close(pair.now, client, CloseCode::Done, "bye");
    pair.drive_for(Micros::from_secs(5));
    let ends: Vec<_> = pair.client_told(client).into_iter().filter(|event| matches!(event, Event::Closed(_))).collect();
    assert_eq!(ends, [Event::Closed(CloseReason::Local { code: CloseCode::Done })]);
    assert_eq!(pair.client.connection_count(), 0);
}

#[test]
fn a_handle_of_a_connection_that_is_gone_finds_nothing() {
    let mut pair = Pair::on_good_network(7);
    let (client, server) = pair.connect();
    pair.client.close(pair.now, client, CloseCode::Done, "");
    pair.drive_for(Micros::from_secs(5));
    assert!(pair.client.connection(client).is_none());
    assert!(pair.server.connection(server).is_none());
    pair.server.close(pair.now, server, CloseCode::Done, "");
    pair.client.trust_server_key(pair.now, client);
    pair.drive_for(Micros::from_secs(1));
    assert_eq!(pair.server.poll_timeout(), None);
}

#[test]
fn two_devices_are_told_apart_and_a_device_may_connect_twice() {
    let mut pair = Pair::on_good_network(8);
    let (_, first) = pair.connect();
    let (_, second) = pair.connect();
    let first_device = pair.device.public();
    pair.device = SecretKey::generate(&mut Dice::from_seed([8; 32]));
    let (_, third) = pair.connect();
    let mut peer = |handle| pair.server.connection(handle).unwrap().peer();
    assert_eq!([peer(first), peer(second)], [first_device; 2]);
    assert_ne!(peer(third), first_device);
    assert_eq!(pair.server.connection_count(), 3);
}

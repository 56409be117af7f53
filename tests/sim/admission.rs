//! What a server does for strangers, and what it does not: proofs of address, caps, budgets, silence.

use std::net::SocketAddr;

use udpchat::crypto::{Dice, SecretKey};
use udpchat::transport::{
    Admission, CloseCode, CloseReason, Config, Event, HALF_OPEN_COUNT_MAX, HALF_OPEN_TIMEOUT, HelloPolicy, Micros,
};
use udpchat::wire::{ConnectionId, Foreign, HandshakePacket, Header, Hello, HelloReply};

use super::net::Faults;
use super::pair::Pair;
use super::stranger::{address, ask, closed, init};

const LEG: Micros = Micros::from_millis(25);

#[test]
fn beyond_two_hundred_openings_a_second_strangers_must_prove_their_address() {
    let mut pair = Pair::on_good_network(12);
    let mut dice = Dice::from_seed([12; 32]);
    for port in 1..=200 {
        let (_, init) = init(&mut dice, &pair.device, &pair.server_key, None);
        let answers = ask(&mut pair, SocketAddr::from(([203, 0, 113, 9], port)), &init);
        assert!(matches!(HandshakePacket::decode(&answers[0]), Ok(HandshakePacket::Resp(_))));
    }
    let (_, bytes) = init(&mut dice, &pair.device, &pair.server_key, None);
    let answers = ask(&mut pair, address("203.0.113.9:201"), &bytes);
    let Ok(HandshakePacket::Retry(retry)) = HandshakePacket::decode(&answers[0]) else { panic!("no RETRY") };
    assert_eq!(pair.server.connection_count(), 200, "a RETRY leaves nothing behind");
    assert!(retry.cookie.iter().any(|byte| *byte != 0));
}

#[test]
fn an_honest_client_proves_its_address_in_one_round_trip_more() {
    let admission = Admission { unproven_rate: 0, ..Admission::DEFAULT };
    let mut pair = Pair::with_configs(29, Faults::none(LEG), Config::client(), Config { admission, ..Config::server() });
    let start = pair.now;
    let (client, _) = pair.connect();
    assert_eq!(pair.client_told(client), [Event::Connected { peer: pair.server_key }]);
    assert_eq!((pair.client_events[0].0 - start).as_millis(), 100);
}

#[test]
pub fn strangers_alone_cannot_fill_the_half_open_table_and_full_means_silence() {
    let admission = Admission { unproven_rate: 100_000, handshake_rate: 100_000, ..Admission::DEFAULT };
    let config = Config { admission, ..Config::server() };
    let mut pair = Pair::with_configs(13, Faults::none(LEG), Config::client(), config);
    let mut dice = Dice::from_seed([13; 32]);
    let from = |index: usize| SocketAddr::from(([203, 0, 113, 9], u16::try_from(index + 1).unwrap()));
    for index in 0..HALF_OPEN_COUNT_MAX {
        let (_, init) = init(&mut dice, &pair.device, &pair.server_key, None);
        assert_eq!(ask(&mut pair, from(index), &init).len(), 1);
    }
    let (_, init) = init(&mut dice, &pair.device, &pair.server_key, None);
    assert!(ask(&mut pair, from(HALF_OPEN_COUNT_MAX), &init).is_empty());
    assert_eq!(pair.server.connection_count(), HALF_OPEN_COUNT_MAX);
    assert_eq!(pair.server.counters().dropped_half_open, 1);
    let default = Admission::DEFAULT;
    let unproven = u64::from(default.unproven_rate) * (HALF_OPEN_TIMEOUT.as_millis() / 1_000 + 1);
    assert!(unproven < HALF_OPEN_COUNT_MAX as u64, "by default unproven openings cannot fill the table");

    // They run out, and honest clients are served again.
    pair.drive_for(HALF_OPEN_TIMEOUT);
    assert_eq!(pair.server.connection_count(), 0);
    pair.connect();
}

#[test]
fn a_connection_table_that_is_full_means_silence() {
    let config = Config { admission: Admission { connection_count_max: 3, ..Admission::DEFAULT }, ..Config::server() };
    let mut pair = Pair::with_configs(14, Faults::none(LEG), Config::client(), config);
    for _ in 0..3 {
        pair.connect();
    }
    let client = pair.begin();
    pair.drive_for(Micros::from_secs(31));
    assert_eq!(pair.client_told(client), [Event::Closed(CloseReason::HandshakeTimeout)]);
    assert_eq!(pair.server.connection_count(), 3);
    assert!(pair.server.counters().dropped_connections > 0);
}

#[test]
fn a_device_that_opens_a_ninth_connection_loses_its_oldest() {
    let mut pair = Pair::on_good_network(15);
    let handles: Vec<_> = (0..9).map(|_| pair.connect()).collect();
    pair.drive_for(Micros::from_secs(1));
    let reason = closed(&pair.client_told(handles[0].0));
    assert!(matches!(reason, Some(CloseReason::Peer { code: CloseCode::Limit, .. })), "{reason:?}");
    assert_eq!(closed(&pair.server_told(handles[0].1)), Some(CloseReason::Local { code: CloseCode::Limit }));
    for (client, _) in &handles[1..] {
        assert_eq!(closed(&pair.client_told(*client)), None);
    }
    assert_eq!(pair.server.counters().device_limit_closes, 1);
    assert_eq!(pair.server.counters().connections.caps.limit_closes, 1);
}

#[test]
fn a_stranger_never_gets_more_bytes_than_he_sent() {
    for seed in 0..30 {
        let faults = Faults { duplicate: 200, corrupt: 100, ..Faults::lossy(LEG, 300) };
        let mut pair = Pair::new(seed, faults);
        pair.begin();
        let client_address = pair.client_address;
        pair.drive(Micros::from_secs(30), |pair| {
            let traffic = pair.traffic.get(&client_address).copied().unwrap_or_default();
            if pair.server_events.is_empty() {
                assert!(traffic.sent <= traffic.received, "seed {seed}: {traffic:?}");
            }
            !pair.server_events.is_empty()
        });
    }
    let mut pair = Pair::on_good_network(16);
    let (mut dice, client_id) = (Dice::from_seed([16; 32]), ConnectionId([1; 8]));
    let rest = [0; 498];
    let mut openings = vec![
        HandshakePacket::Hello(Hello { client_id, attempt: 0, packet_len: 512 }).encode(),
        HandshakePacket::Foreign(Foreign { kind: 0x80, version: 2, client_id, rest: &rest }).encode(),
    ];
    for _ in 0..300 {
        openings.push(init(&mut dice, &pair.device, &pair.server_key, None).1);
    }
    for opening in openings {
        let answers = ask(&mut pair, address("203.0.113.9:99"), &opening);
        let said: usize = answers.iter().map(Vec::len).sum();
        assert!(said < opening.len() && answers.len() == 1, "{said}");
    }
}

#[test]
fn garbage_meets_silence() {
    let mut pair = Pair::on_good_network(17);
    let (_, server) = pair.connect();
    let from = address("203.0.113.9:99");
    let mut dice = Dice::from_seed([17; 32]);
    let told = pair.server_events.len();
    for index in 0..20_000_u64 {
        let len = usize::try_from(dice.below(1_600)).unwrap();
        let mut bytes = vec![0; len];
        dice.fill(&mut bytes);
        if let Some(first) = bytes.first_mut().filter(|_| index % 2 == 0) {
            *first = [0x40, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85][usize::try_from(dice.below(7)).unwrap()];
        }
        assert!(ask(&mut pair, from, &bytes).is_empty());
    }
    // A right checksum is not enough: the ID's tag must be right too.
    for _ in 0..1_000 {
        let header = Header { connection_id: ConnectionId(dice.array()), packet_number_low: dice.u32() };
        assert!(ask(&mut pair, from, &[&header.encode()[..], &[0; 40]].concat()).is_empty());
    }
    pair.settle();
    assert_eq!(pair.server_events.len(), told);
    assert!(pair.server.connection(server).is_some());
    let counters = pair.server.counters();
    assert!(counters.dropped_malformed >= 19_990, "{counters:?}");
    assert_eq!(counters.dropped_unknown, 1_000);
}

#[test]
fn a_damaged_init_is_silently_dropped_before_any_work() {
    let mut pair = Pair::on_good_network(18);
    let mut dice = Dice::from_seed([18; 32]);
    let stranger = SecretKey::generate(&mut dice);
    let (_, wrong_server) = init(&mut dice, &stranger, &stranger.public(), None);
    assert!(ask(&mut pair, address("203.0.113.9:99"), &wrong_server).is_empty());
    assert_eq!(pair.server.counters().dropped_forged, 1);
    assert_eq!(pair.server.connection_count(), 0);
}

#[test]
fn a_silent_server_does_not_exist_for_those_who_lack_its_key() {
    let admission = Admission { hello: HelloPolicy::Silent, ..Admission::DEFAULT };
    let mut pair = Pair::with_configs(19, Faults::none(LEG), Config::client(), Config { admission, ..Config::server() });
    let client_id = ConnectionId([1; 8]);
    let rest = [0; 600];
    let from = address("203.0.113.9:99");
    let hello = HandshakePacket::Hello(Hello { client_id, attempt: 0, packet_len: 1_200 }).encode();
    let foreign = HandshakePacket::Foreign(Foreign { kind: 0x82, version: 9, client_id, rest: &rest }).encode();
    assert!(ask(&mut pair, from, &hello).is_empty());
    assert!(ask(&mut pair, from, &foreign).is_empty());
    pair.connect();
}

#[test]
fn a_server_does_not_take_what_only_servers_send() {
    let mut pair = Pair::on_good_network(20);
    let client_id = ConnectionId([1; 8]);
    let reply = HelloReply { client_id, attempt: 0, server_key: [1; 32], cookie: [2; 24] };
    assert!(ask(&mut pair, address("203.0.113.9:99"), &HandshakePacket::HelloReply(reply).encode()).is_empty());
    assert_eq!(pair.server.counters().dropped_unexpected, 1);
}

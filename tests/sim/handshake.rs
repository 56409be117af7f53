//! How two strangers meet: known key and first contact, loss, damage, replays and forgeries.

use std::collections::BTreeSet;

use udpchat::crypto::{Dice, PublicKey, SecretKey};
use udpchat::transport::{
    Admission, CloseCode, CloseReason, Config, ConnectionHandle, Event, HALF_OPEN_TIMEOUT, Micros, Path, Time,
};
use udpchat::wire::{ConnectionId, Foreign, HandshakePacket, Resp, VERSION, Versions};

use super::net::{Faults, Loss};
use super::pair::Pair;
use super::stranger::{address, ask, closed, init};

const LEG: Micros = Micros::from_millis(25);

/// Runs until the server got something and returns it.
fn next_to_server(pair: &mut Pair) -> Vec<u8> {
    let seen = pair.server_log.len();
    assert!(pair.drive(Micros::from_secs(1), |pair| pair.server_log.len() > seen));
    pair.server_log[seen].clone()
}

#[test]
fn a_known_key_connects_in_one_round_trip() {
    let mut pair = Pair::on_good_network(1);
    let start = pair.now;
    let (client, server) = pair.connect();
    let at = |events: &[(Time, ConnectionHandle, Event)]| (events[0].0 - start).as_millis();
    assert_eq!(pair.client_told(client), [Event::Connected { peer: pair.server_key }]);
    assert_eq!(pair.server_told(server), [Event::Connected { peer: pair.device.public() }]);
    assert_eq!(at(&pair.client_events), 50);
    assert_eq!(at(&pair.server_events), 75);
    let rtt = pair.client.connection(client).unwrap().rtt();
    assert!((49..=60).contains(&rtt.as_millis()), "seeded by the handshake: {rtt:?}");
}

#[test]
fn a_first_contact_asks_for_the_key_and_waits_for_trust() {
    let mut pair = Pair::on_good_network(2);
    let client = pair.client.connect(pair.now, pair.server_address, &pair.device, None);
    pair.drive_for(Micros::from_secs(60));
    assert_eq!(pair.client_told(client), [Event::ServerKey { key: pair.server_key }]);
    assert!(pair.client.connection(client).is_none());
    assert_eq!(pair.server.connection_count(), 0, "a HELLO leaves nothing behind");
    pair.client.trust_server_key(pair.now, client);
    assert!(pair.drive(Micros::from_secs(1), |pair| pair.server_events.len() == 1));
    assert_eq!(pair.client_told(client)[1], Event::Connected { peer: pair.server_key });
}

#[test]
fn a_key_that_is_not_trusted_can_be_declined() {
    let mut pair = Pair::on_good_network(3);
    let client = pair.client.connect(pair.now, pair.server_address, &pair.device, None);
    pair.drive_for(Micros::from_secs(1));
    pair.client.close(pair.now, client, CloseCode::Done, "");
    pair.drive_for(Micros::from_secs(1));
    assert_eq!(closed(&pair.client_told(client)), Some(CloseReason::Local { code: CloseCode::Done }));
    assert_eq!(pair.client.connection_count(), 0);
    assert_eq!(pair.server.counters().handshakes_begun, 0);
}

fn handshake_times(loss: u64, count: u64) -> Vec<u64> {
    let mut times: Vec<u64> = (0..count)
        .map(|seed| {
            let mut pair = Pair::new(seed, Faults::lossy(LEG, loss));
            let start = pair.now;
            let (client, _) = pair.connect();
            assert!(closed(&pair.client_told(client)).is_none(), "seed {seed}");
            (pair.now - start).as_millis()
        })
        .collect();
    times.sort_unstable();
    times
}

#[test]
fn a_handshake_survives_thirty_percent_loss() {
    let times = handshake_times(300, 200);
    println!("30 % loss: p50 {} ms, p99 {} ms, max {} ms", times[100], times[197], times[199]);
    assert!(times[197] <= 5_000, "{times:?}");
}

#[test]
fn a_handshake_survives_sixty_percent_loss() {
    let times = handshake_times(600, 200);
    println!("60 % loss: p50 {} ms, p99 {} ms, max {} ms", times[100], times[197], times[199]);
    assert!(times[197] <= 15_000, "{times:?}");
}

#[test]
fn a_handshake_survives_damage_duplicates_and_disorder() {
    for seed in 0..100 {
        let faults = Faults {
            jitter: Micros::from_millis(300),
            reorder: 200,
            reorder_delay: Micros::from_millis(700),
            duplicate: 300,
            corrupt: 300,
            ..Faults::lossy(LEG, 100)
        };
        let mut pair = Pair::new(seed, faults);
        let (client, _) = pair.connect();
        pair.drive_for(Micros::from_secs(30));
        assert_eq!(closed(&pair.client_told(client)), None, "seed {seed}");
        let peers: BTreeSet<PublicKey> = pair
            .server_events
            .iter()
            .filter_map(|(_, _, event)| if let Event::Connected { peer } = event { Some(*peer) } else { None })
            .collect();
        assert_eq!(peers.len(), 1, "seed {seed}");
        assert_eq!(pair.server_events.len(), 1, "one connection, whatever was doubled: seed {seed}");
        assert_eq!(pair.server.connection_count(), 1, "seed {seed}");
    }
}

#[test]
fn nobody_answers_and_the_client_gives_up_after_thirty_seconds() {
    let mut pair = Pair::new(5, Faults::lossy(LEG, 1_000));
    let start = pair.now;
    let client = pair.begin();
    pair.drive_for(Micros::from_secs(60));
    assert_eq!(pair.client_told(client), [Event::Closed(CloseReason::HandshakeTimeout)]);
    assert_eq!((pair.client_events[0].0 - start).as_millis(), 30_000);
    assert_eq!(pair.client.connection_count(), 0);
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn a_handshake_begun_in_a_dead_spot_completes_when_the_network_returns() {
    let mut pair = Pair::new(30, Faults::lossy(LEG, 1_000));
    pair.begin();
    pair.drive_for(Micros::from_secs(20));
    pair.net.set_faults(Faults::none(LEG));
    assert!(pair.drive(Micros::from_millis(500), |pair| pair.server_events.len() == 1));
}

#[test]
fn handshakes_hold_under_proof_of_address_and_loss() {
    for seed in 0..100 {
        let admission = Admission { unproven_rate: 0, ..Admission::DEFAULT };
        let config = Config { admission, ..Config::server() };
        let mut pair = Pair::with_configs(seed, Faults::lossy(LEG, 300), Config::client(), config);
        let client = pair.client.connect(pair.now, pair.server_address, &pair.device, None);
        let is_asked = |pair: &mut Pair| !pair.client_told(client).is_empty();
        assert!(pair.drive(Micros::from_secs(20), is_asked), "seed {seed}");
        pair.client.trust_server_key(pair.now, client);
        assert!(pair.drive(Micros::from_secs(20), |pair| pair.server_events.len() == 1), "seed {seed}");
    }
}

#[test]
fn a_repeated_init_gets_the_same_answer_and_costs_one_place() {
    let mut pair = Pair::on_good_network(6);
    let mut dice = Dice::from_seed([6; 32]);
    let (_, init) = init(&mut dice, &pair.device, &pair.server_key, None);
    let from = address("203.0.113.9:99");
    let first = ask(&mut pair, from, &init);
    assert_eq!(first.len(), 1);
    for _ in 0..50 {
        assert_eq!(ask(&mut pair, from, &init), first);
    }
    assert_eq!(pair.server.connection_count(), 1);
    assert_eq!(pair.server.counters().handshakes_begun, 1);
}

#[test]
fn a_replayed_init_connects_nobody_and_is_forgotten() {
    let mut pair = Pair::on_good_network(7);
    pair.connect();
    let recorded = pair.server_log[0].clone();
    let thief = address("203.0.113.9:99");
    assert_eq!(ask(&mut pair, thief, &recorded).len(), 1);
    assert_eq!(pair.server.connection_count(), 2);
    pair.drive_for(HALF_OPEN_TIMEOUT + Micros::from_secs(1));
    assert_eq!(pair.server.connection_count(), 1);
    assert_eq!(pair.server_events.len(), 1);
    assert_eq!(pair.server.counters().handshakes_expired, 1);
}

#[test]
fn a_forged_resp_is_ignored_and_the_true_one_counts() {
    let mut pair = Pair::on_good_network(8);
    let client = pair.begin();
    let bytes = next_to_server(&mut pair);
    let Ok(HandshakePacket::Init(sent)) = HandshakePacket::decode(&bytes) else { panic!("no INIT") };
    let noise = [0x55; 72];
    let forged = HandshakePacket::Resp(Resp { client_id: sent.client_id, attempt: 0, noise: &noise }).encode();
    let path = Path { remote: pair.server_address, local: None };
    pair.client.handle_datagram(pair.now, path, &mut forged.clone());
    assert_eq!(pair.client.counters().dropped_forged, 1);
    assert!(pair.drive(Micros::from_secs(1), |pair| !pair.server_events.is_empty()));
    assert_eq!(pair.client_told(client), [Event::Connected { peer: pair.server_key }]);
}

#[test]
fn a_resp_from_another_address_is_ignored() {
    let mut pair = Pair::on_good_network(9);
    let client = pair.begin();
    let bytes = next_to_server(&mut pair);
    let from = pair.client_address;
    let answer = ask(&mut pair, from, &bytes);
    let elsewhere = Path { remote: address("203.0.113.9:7777"), local: None };
    pair.client.handle_datagram(pair.now, elsewhere, &mut answer[0].clone());
    assert!(pair.client.connection(client).is_none());
}

#[test]
fn another_version_is_told_ours() {
    let mut pair = Pair::on_good_network(10);
    let client_id = ConnectionId([1; 8]);
    let rest = [0; 600];
    for kind in [0x80, 0x82] {
        let foreign = HandshakePacket::Foreign(Foreign { kind, version: 9, client_id, rest: &rest }).encode();
        let answers = ask(&mut pair, address("203.0.113.9:99"), &foreign);
        let expected = HandshakePacket::Versions(Versions { client_id, supported: vec![VERSION] }).encode();
        assert_eq!(answers, [expected]);
    }
    assert_eq!(pair.server.connection_count(), 0);
}

#[test]
fn a_client_of_an_old_version_learns_that_it_is_old() {
    let mut pair = Pair::on_good_network(11);
    let client = pair.begin();
    let bytes = next_to_server(&mut pair);
    let Ok(HandshakePacket::Init(sent)) = HandshakePacket::decode(&bytes) else { panic!("no INIT") };
    let path = Path { remote: pair.server_address, local: None };
    let versions = HandshakePacket::Versions(Versions { client_id: sent.client_id, supported: vec![7, 8] });
    pair.client.handle_datagram(pair.now, path, &mut versions.encode());
    pair.settle();
    assert_eq!(pair.client_told(client), [Event::Closed(CloseReason::VersionMismatch { supported: vec![7, 8] })]);
    assert_eq!(pair.client.connection_count(), 0);
}

#[test]
fn many_connections_share_one_socket() {
    let mut pair = Pair::new(27, Faults::lossy(LEG, 50));
    let mut dice = Dice::from_seed([27; 32]);
    let devices: Vec<SecretKey> = (0..100).map(|_| SecretKey::generate(&mut dice)).collect();
    let handles: Vec<_> =
        devices.iter().map(|device| pair.client.connect(pair.now, pair.server_address, device, Some(pair.server_key))).collect();
    assert!(pair.drive(Micros::from_secs(20), |pair| pair.server_events.len() == 100));
    let peers: BTreeSet<PublicKey> = pair
        .server_events
        .iter()
        .filter_map(|(_, _, event)| if let Event::Connected { peer } = event { Some(*peer) } else { None })
        .collect();
    assert_eq!(peers, devices.iter().map(SecretKey::public).collect());
    assert!(handles.iter().all(|handle| closed(&pair.client_told(*handle)).is_none()));
}

#[test]
fn the_same_seed_replays_byte_for_byte() {
    let run = |seed| {
        let faults = Faults { loss: Loss::Bursts { rate: 300, mean_len: 3 }, ..Faults::none(LEG) };
        let mut pair = Pair::new(seed, faults);
        pair.connect();
        pair.drive_for(Micros::from_secs(30));
        pair.net.trace_hash()
    };
    assert_eq!(run(28), run(28));
    assert_ne!(run(28), run(29));
}

//! How connections end: resets after a restart, silence, farewells.

use std::sync::Arc;

use udpchat::crypto::Dice;
use udpchat::transport::{Admission, CloseCode, CloseReason, HALF_OPEN_TIMEOUT, Micros, Path, RESET_LEN};
use udpchat::wire::{ConnectionId, Header, StreamId};

use super::pair::Pair;
use super::stranger::{address, ask, closed};

#[test]
fn a_restarted_server_tells_its_old_clients_at_once() {
    let mut pair = Pair::on_good_network(21);
    let (client, _) = pair.connect();
    pair.drive_for(Micros::from_secs(2));
    pair.kill_server();
    pair.drive_for(Micros::from_secs(5));
    pair.start_server();
    let start = pair.now;
    pair.client.connection(client).unwrap().send(pair.now, StreamId::Chat, &Arc::from(*b"still there?")).unwrap();
    assert!(pair.drive(Micros::from_secs(1), |pair| closed(&pair.client_told(client)).is_some()));
    assert_eq!(closed(&pair.client_told(client)), Some(CloseReason::Reset));
    assert_eq!((pair.now - start).as_millis(), 50, "one round trip after its first packet");
    assert_eq!(pair.client.connection_count(), 0);
    pair.connect();
}

#[test]
fn a_reset_is_shorter_than_its_cause_so_that_no_two_ends_reset_each_other_for_ever() {
    let mut pair = Pair::on_good_network(22);
    pair.connect();
    pair.drive_for(Micros::from_secs(1));
    let packet = pair.server_log.iter().rev().find(|bytes| bytes[0] == 0x40).unwrap().clone();
    pair.start_server();
    let from = address("203.0.113.9:99");
    let long = [&packet[..17], &[0; 40]].concat();
    let answers = ask(&mut pair, from, &long);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].len(), RESET_LEN);
    assert!(Header::decode(&answers[0]).is_ok(), "it looks like a data packet");
    assert!(ask(&mut pair, from, &long[..RESET_LEN]).is_empty());
    assert!(ask(&mut pair, from, &answers[0]).is_empty());
    let (mut sent, limit) = (1, Admission::DEFAULT.reset_rate);
    while !ask(&mut pair, from, &long).is_empty() {
        sent += 1;
    }
    assert_eq!(sent, limit, "so many a second and no more");
}

#[test]
pub fn a_reset_for_another_connection_or_a_made_up_one_ends_nothing() {
    let mut pair = Pair::on_good_network(23);
    let (client, _) = pair.connect();
    let path = Path { remote: pair.server_address, local: None };
    let mut dice = Dice::from_seed([23; 32]);
    for _ in 0..1_000 {
        let header = Header { connection_id: ConnectionId(dice.array()), packet_number_low: dice.u32() };
        let mut bytes = [&header.encode()[..], &dice.array::<16>()].concat();
        pair.client.handle_datagram(pair.now, path, &mut bytes);
    }
    pair.settle();
    assert_eq!(closed(&pair.client_told(client)), None);
}

#[test]
fn an_idle_connection_is_kept_alive_and_a_dead_one_ends() {
    let mut pair = Pair::on_good_network(24);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(600));
    assert_eq!(closed(&pair.client_told(client)), None, "the client's keepalive");
    assert_eq!(closed(&pair.server_told(server)), None);
    pair.net.set_cut(pair.client_address, pair.server_address, true);
    pair.drive_for(Micros::from_secs(130));
    assert_eq!(closed(&pair.client_told(client)), Some(CloseReason::IdleTimeout));
    assert_eq!(closed(&pair.server_told(server)), Some(CloseReason::IdleTimeout));
    assert_eq!((pair.client.connection_count(), pair.server.connection_count()), (0, 0));
    assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None), "nothing is left to wait for");
}

#[test]
fn a_polite_farewell_is_heard_and_leaves_nothing() {
    let mut pair = Pair::on_good_network(25);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    pair.server.close_all(pair.now, CloseCode::Restarting, "back soon");
    pair.drive_for(Micros::from_secs(5));
    let reason = CloseReason::Peer { code: CloseCode::Restarting, reason: "back soon".into() };
    assert_eq!(closed(&pair.client_told(client)), Some(reason));
    assert_eq!(closed(&pair.server_told(server)), Some(CloseReason::Local { code: CloseCode::Restarting }));
    assert_eq!((pair.client.connection_count(), pair.server.connection_count()), (0, 0));
}

#[test]
fn a_client_that_closes_while_its_opening_is_under_way_leaves_nothing() {
    let mut pair = Pair::on_good_network(26);
    let client = pair.begin();
    pair.client.close(pair.now, client, CloseCode::Done, "");
    pair.drive_for(HALF_OPEN_TIMEOUT + Micros::from_secs(1));
    assert_eq!(closed(&pair.client_told(client)), Some(CloseReason::Local { code: CloseCode::Done }));
    assert_eq!((pair.client.connection_count(), pair.server.connection_count()), (0, 0));
    assert!(pair.server_events.is_empty());
}

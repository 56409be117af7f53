//! What an authentic peer may make the server hold or do, and what happens when it wants more.

use std::net::SocketAddr;
use std::sync::Arc;

use udpchat::crypto::{Dice, SecretKey};
use udpchat::transport::{Admission, CloseCode, Config, INITIAL_CREDIT_LEN, Micros, STREAM_GAPS_MAX};
use udpchat::wire::{ConnectionId, Frame, HandshakePacket, StreamId, put_ack};

use super::net::Faults;
use super::pair::Pair;
use super::rogue::Rogue;
use super::stranger::{ask, opening};

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

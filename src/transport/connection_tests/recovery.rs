//! What a connection does about loss, reordering and full paths, packet by packet.

use super::super::{CloseCode, CloseReason, SKIP_FLIGHT_MIN, StreamId};
use super::link::{Fate, Link, message, ms};
use crate::crypto::PacketKeys;
use crate::wire::{ConnectionId, Header, put_ack};

/// Bulk from the server, as much as its queue takes.
fn fill_bulk(link: &mut Link) {
    let bytes = message(&[0; 60_000]);
    while link.server.connection.send(link.now, StreamId::BULK, &bytes).is_ok() {}
}

#[test]
fn a_line_is_repeated_after_three_milliseconds_and_not_if_it_arrived() {
    let mut link = Link::connected();
    let from = link.now;
    link.say(StreamId::Chat, b"hello");
    link.run(ms(2));
    assert_eq!(link.sent_since(from).0, 1);
    link.run(ms(1));
    assert_eq!(link.sent_since(from).0, 2);
    link.run(ms(1_000));
    let counts = link.client.connection.stats().counts;
    assert_eq!((counts.copies_sent, counts.probes_sent, counts.bytes_resent), (1, 0, 0));
    assert!(counts.redundant_bytes_sent >= 6 + 33, "{}", counts.redundant_bytes_sent);
    assert_eq!(link.server.chat(), [b"hello"]);

    link.delay = ms(1);
    let (from, before) = (link.now, counts.copies_sent);
    link.say(StreamId::Chat, b"near");
    link.run(ms(1_000));
    assert_eq!(link.client.connection.stats().counts.copies_sent, before, "it was acknowledged before");
    assert_eq!(link.sent_since(from).0, 1);
}

#[test]
fn a_long_message_is_not_repeated() {
    let mut link = Link::connected();
    link.say(StreamId::Chat, &[7; 400]);
    link.run(ms(1_000));
    assert_eq!(link.client.connection.stats().counts.copies_sent, 0);
}

#[test]
fn a_copy_rides_on_the_next_packet() {
    let mut link = Link::connected();
    let from = link.now;
    link.say(StreamId::Chat, b"one");
    link.run(ms(2));
    link.say(StreamId::Chat, b"two");
    assert_eq!(link.sent_since(from).0, 2);
    assert_eq!(link.client.connection.stats().counts.copies_sent, 1, "of the first, in the packet of the second");
    link.run(ms(500));
    assert_eq!(link.client.connection.stats().counts.copies_sent, 2);
}

#[test]
fn a_window_is_spread_over_the_round_trip() {
    let mut link = Link::connected();
    let from = link.now;
    fill_bulk(&mut link);
    link.run(ms(49));
    let times: Vec<u64> = link
        .seen
        .iter()
        .filter(|(at, to_server, _)| *at >= from && !to_server)
        .map(|(at, ..)| (*at - from).as_millis())
        .collect();
    assert!(times.iter().filter(|at| **at == 0).count() <= 11, "a burst is ten packets: {times:?}");
    link.run(ms(1_000));
    let from = link.now;
    link.run(ms(50));
    let mut counts = [0; 50];
    for (at, ..) in link.seen.iter().filter(|(at, to_server, _)| *at >= from && !to_server) {
        counts[usize::try_from((*at - from).as_millis()).unwrap().min(49)] += 1;
    }
    let total: u32 = counts.iter().sum();
    assert!(counts.iter().max().unwrap() * 8 <= total.max(80), "{counts:?}");
}

#[test]
fn a_reduction_for_packets_that_were_only_late_is_undone() {
    let mut link = Link::connected();
    fill_bulk(&mut link);
    link.run(ms(400));
    fill_bulk(&mut link);
    let before = link.server.connection.stats();
    assert!(before.counts.packets_lost == 0 && before.congestion_window_len > 50_000);
    // A whole flight is late by more than the packets after it take.
    let base = link.count;
    link.rule = Box::new(move |passing| {
        if !passing.to_server && (base + 1..base + 60).contains(&passing.count) { Fate::Late(ms(30)) } else { Fate::Deliver }
    });
    link.run(ms(90));
    link.run(ms(200));
    let after = link.server.connection.stats();
    assert!(after.counts.losses_spurious >= 10, "{}", after.counts.losses_spurious);
    assert!(
        after.congestion_window_len >= before.congestion_window_len,
        "{} {}",
        before.congestion_window_len,
        after.congestion_window_len
    );
}

#[test]
fn numbers_are_left_out_while_many_packets_are_in_flight_and_never_in_a_chat() {
    let mut link = Link::connected();
    for _ in 0..50 {
        link.say(StreamId::Chat, b"hello");
        link.run(ms(20));
    }
    let stats = link.client.connection.stats();
    assert_eq!(stats.next_packet_number, stats.counts.packets_sent);
    for _ in 0..40 {
        fill_bulk(&mut link);
        link.run(ms(50));
    }
    let stats = link.server.connection.stats();
    let skipped = stats.next_packet_number - stats.counts.packets_sent;
    assert!(
        (5..stats.counts.packets_sent / SKIP_FLIGHT_MIN as u64).contains(&skipped),
        "{skipped} of {}",
        stats.counts.packets_sent
    );
    assert!(link.server.closed().is_none() && link.client.closed().is_none(), "an honest peer names none of them");
    assert!(!link.client.bulk().is_empty());
}

#[test]
fn a_peer_that_acknowledges_what_it_has_not_received_is_shown_out() {
    let mut link = Link::connected();
    let keys = PacketKeys::new(&[1; 32], &[2; 32]);
    fill_bulk(&mut link);
    link.run(ms(400));
    link.rule = Box::new(|_| Fate::Drop);
    let mut closed = false;
    for number in 1_000.. {
        fill_bulk(&mut link);
        link.run(ms(20));
        let mut plain = Vec::new();
        let largest = link.server.connection.stats().next_packet_number - 1;
        assert!(put_ack(&mut plain, 0, 100, [(0, largest)].into_iter()));
        let header = Header { connection_id: ConnectionId([2; 8]), packet_number_low: number };
        let mut bytes = header.encode().to_vec();
        let tag = keys.seal.seal(u64::from(number), &bytes, &mut plain);
        bytes.extend(plain);
        bytes.extend(tag);
        let from = link.client_addr;
        link.deliver(true, from, bytes);
        link.flush();
        if let Some(reason) = link.server.closed() {
            assert_eq!(*reason, CloseReason::Local { code: CloseCode::Protocol });
            closed = true;
            break;
        }
        assert!(number < 1_100, "it was never found out");
    }
    assert!(closed);
}

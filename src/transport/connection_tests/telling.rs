//! Messages come through once and in order, whatever the link does, and nobody is flooded.

use super::super::{ConnectionEvent, INITIAL_CREDIT_LEN, MESSAGE_LEN_MAX, Micros, SendError, StreamId};
use super::link::{Fate, Link, chance, message, ms};

fn numbered(count: usize, len: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| (0..len).map(|at| (n * 7 + at) as u8).collect()).collect()
}

#[test]
fn a_message_takes_one_way_and_one_packet() {
    let mut link = Link::clean();
    let from = link.now;
    link.say(StreamId::Chat, b"hello");
    link.run(ms(25));
    assert_eq!(link.server.chat(), [b"hello"]);
    assert_eq!(link.server.events, [ConnectionEvent::Readable(StreamId::Chat)]);
    link.run(ms(1_000));
    assert_eq!(link.sent_since(from), (1, 1), "the message and its acknowledgement");
    assert_eq!(link.client.connection.unacked_len(StreamId::Chat), 0);
}

#[test]
fn messages_of_a_turn_share_a_packet() {
    let mut link = Link::connected();
    let from = link.now;
    let messages = numbered(10, 40);
    for bytes in &messages {
        link.client.connection.send(link.now, StreamId::Chat, &message(bytes)).unwrap();
    }
    link.run(ms(200));
    assert_eq!(link.server.chat(), messages);
    assert_eq!(link.sent_since(from).0, 1);
}

#[test]
fn the_longest_message_comes_through_in_pieces() {
    for len in [MESSAGE_LEN_MAX, MESSAGE_LEN_MAX - 1, 20_000] {
        let mut link = Link::connected();
        let bytes = numbered(1, len).remove(0);
        link.say(StreamId::Chat, &bytes);
        link.say(StreamId::Chat, b"after it");
        link.run(ms(2_000));
        assert_eq!(link.server.chat(), [bytes, b"after it".to_vec()]);
    }
}

#[test]
fn both_streams_and_directions_at_once_keep_their_orders() {
    let mut link = Link::connected();
    let messages = numbered(40, 700);
    for bytes in &messages {
        for stream in StreamId::all() {
            link.client.connection.send(link.now, stream, &message(bytes)).unwrap();
            link.server.connection.send(link.now, stream, &message(bytes)).unwrap();
        }
    }
    link.run(ms(5_000));
    for end in [&link.client, &link.server] {
        assert_eq!(end.chat(), messages);
        assert_eq!(end.bulk(), messages);
    }
}

#[test]
fn chat_does_not_wait_for_bulk() {
    let mut link = Link::connected();
    link.server.connection.send(link.now, StreamId::BULK, &message(&[0; 60_000])).unwrap();
    link.run(ms(5));
    link.server.connection.send(link.now, StreamId::Chat, &message(b"quick")).unwrap();
    link.run(ms(80));
    assert_eq!(link.client.chat(), [b"quick"]);
    assert!(link.client.bulk().is_empty());
}

#[test]
fn loss_disorder_copies_and_damage_change_nothing_but_the_time() {
    for seed in 0..40 {
        let mut link = Link::new();
        let mut dice = chance(seed);
        link.rule = Box::new(move |passing| match dice(100) {
            0..=24 => Fate::Drop,
            25..=44 => Fate::Late(ms(dice(60))),
            45..=54 => Fate::Twice,
            55..=59 => Fate::Damage(passing.len / 2 + passing.count as usize % 7),
            _ => Fate::Deliver,
        });
        let messages = numbered(60, 150);
        for bytes in &messages {
            link.client.connection.send(link.now, StreamId::Chat, &message(bytes)).unwrap();
            link.server.connection.send(link.now, StreamId::BULK, &message(bytes)).unwrap();
            link.run(ms(10));
        }
        link.run(ms(20_000));
        assert_eq!(link.server.chat(), messages, "seed {seed}");
        assert_eq!(link.client.bulk(), messages, "seed {seed}");
        assert_eq!(link.client.connection.unacked_len(StreamId::Chat), 0, "seed {seed}");
        assert_eq!(link.server.connection.unacked_len(StreamId::BULK), 0, "seed {seed}");
        assert_eq!(link.client.connection.stats().in_flight_len, 0, "seed {seed}");
    }
}

#[test]
fn the_last_packet_lost_is_recovered_by_a_probe() {
    let mut link = Link::connected();
    let from = link.now;
    let mut lost_count = 0;
    link.rule = Box::new(move |passing| {
        lost_count += u32::from(passing.to_server);
        if passing.to_server && lost_count <= 2 { Fate::Drop } else { Fate::Deliver }
    });
    link.say(StreamId::Chat, b"hello");
    let probe_at = from + link.client.connection.rtt() + ms(120);
    while link.server.chat().is_empty() {
        link.run(Micros::from_millis(1));
        assert!(link.now < probe_at + ms(26), "srtt + 4 rttvar, then one way");
    }
    link.run(ms(500));
    assert_eq!(link.client.connection.stats().counts.probes_sent, 2);
    assert_eq!(link.server.chat().len(), 1);
}

#[test]
fn a_lost_acknowledgement_is_repaired_by_the_next() {
    let mut link = Link::connected();
    let mut lost = 0;
    link.rule = Box::new(move |passing| {
        if !passing.to_server && lost == 0 {
            lost += 1;
            return Fate::Drop;
        }
        Fate::Deliver
    });
    link.say(StreamId::Chat, b"one");
    link.run(ms(30));
    link.say(StreamId::Chat, b"two");
    link.run(ms(60));
    assert_eq!(link.client.connection.unacked_len(StreamId::Chat), 0);
    assert_eq!(link.client.connection.stats().counts.bytes_resent, 0);
}

#[test]
fn a_hole_is_filled_after_three_later_packets_without_a_probe() {
    let mut link = Link::connected();
    let base = link.count;
    link.rule = Box::new(move |passing| if passing.count == base + 1 { Fate::Drop } else { Fate::Deliver });
    for n in 0..5_u8 {
        link.say(StreamId::Chat, &[n]);
    }
    link.run(ms(76));
    assert_eq!(link.server.chat(), [[0], [1], [2], [3], [4]]);
    assert_eq!(link.client.connection.stats().counts.probes_sent, 0);
    assert_eq!(link.client.connection.stats().counts.packets_lost, 1);
}

#[test]
fn a_reader_that_stops_blocks_the_writer_until_it_reads_again() {
    let mut link = Link::connected();
    link.server.reads = false;
    let messages = numbered(400, 999);
    let mut queued = 0;
    while link.client.connection.send(link.now, StreamId::Chat, &message(&messages[queued])).is_ok() {
        queued += 1;
    }
    assert_eq!(link.client.connection.send(link.now, StreamId::Chat, &message(&messages[0])), Err(SendError::Blocked));
    link.run(ms(10_000));
    let sent_len = link.client.connection.stats().unacked_len;
    assert!(sent_len > 200_000, "only the credit was taken: {sent_len} wait");
    assert_eq!(link.client.connection.queued_len(StreamId::Chat), queued * 1_001 - INITIAL_CREDIT_LEN as usize);
    let from = link.now;
    link.run(ms(10_000));
    assert_eq!(link.sent_since(from), (0, 0), "both wait in silence");
    assert!(link.client.closed().is_none());

    link.server.reads = true;
    link.run(ms(10_000));
    assert_eq!(link.server.chat(), &messages[..queued]);
    assert!(link.client.events.contains(&ConnectionEvent::Writable(StreamId::Chat)));
}

#[test]
fn a_stream_that_is_not_read_does_not_hold_the_other_back() {
    let mut link = Link::connected();
    link.client.reads = false;
    for _ in 0..200 {
        link.server.connection.send(link.now, StreamId::BULK, &message(&[0; 1_000])).unwrap();
    }
    link.run(ms(5_000));
    link.server.connection.send(link.now, StreamId::Chat, &message(b"hello")).unwrap();
    link.run(ms(30));
    let now = link.now;
    assert_eq!(link.client.connection.recv(now, StreamId::Chat), Some(b"hello".to_vec()));
}

#[test]
fn lost_credit_is_given_again() {
    for seed in 0..20 {
        let mut link = Link::new();
        let mut dice = chance(seed);
        link.rule = Box::new(move |_| if dice(100) < 40 { Fate::Drop } else { Fate::Deliver });
        let bytes = numbered(1, MESSAGE_LEN_MAX).remove(0);
        link.say(StreamId::Chat, &bytes);
        link.run(ms(60_000));
        assert_eq!(link.server.chat(), [bytes], "seed {seed}");
    }
}

#[test]
fn a_raised_window_lets_the_peer_send_further() {
    let mut link = Link::connected();
    link.server.reads = false;
    let now = link.now;
    link.server.connection.raise_credit(now, StreamId::Chat, 100_000);
    link.run(ms(200));
    for _ in 0..90 {
        link.say(StreamId::Chat, &[0; 1_000]);
    }
    link.run(ms(5_000));
    assert_eq!(link.client.connection.unacked_len(StreamId::Chat), 0);
}

#[test]
fn a_long_transfer_fills_the_path_and_resends_little() {
    let mut link = Link::connected();
    let base = link.count;
    link.rule = Box::new(move |passing| if (passing.count - base) % 200 == 199 { Fate::Drop } else { Fate::Deliver });
    let bytes = vec![5; 60_000];
    let mut queued = 0;
    let from = link.now;
    while queued < 50 {
        while queued < 50 && link.server.connection.send(link.now, StreamId::BULK, &message(&bytes)).is_ok() {
            queued += 1;
        }
        link.run(ms(10));
        assert!(link.now - from < ms(30_000));
    }
    link.run(ms(2_000));
    assert_eq!(link.client.bulk().len(), 50);
    let stats = link.server.connection.stats();
    assert!(stats.counts.bytes_resent < 3_000_000 / 50, "{}", stats.counts.bytes_resent);
}

#[test]
fn too_much_for_one_message_is_refused() {
    let mut link = Link::connected();
    let now = link.now;
    let refused = link.client.connection.send(now, StreamId::Chat, &message(&vec![0; MESSAGE_LEN_MAX + 1]));
    assert_eq!(refused, Err(SendError::TooLong));
}

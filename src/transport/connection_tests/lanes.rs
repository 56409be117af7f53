//! Several bulk streams beside chat: who gets what, and what each may do without the others.

use super::super::{
    BulkStream, CloseCode, CloseReason, Config, ConnectionEvent, LATEST_LEN_MAX, LATEST_WAITING_MAX, LatestKey, SendError,
    StreamId,
};
use super::hostile::{Rogue, take};
use super::link::{Fate, Link, chance, message, ms};
use crate::wire::{Frame, Slot};

fn bulk(number: u8) -> StreamId {
    StreamId::Bulk(BulkStream::new(number).unwrap())
}

#[test]
fn a_server_takes_no_bulk_before_it_agrees_to_any() {
    let mut link = Link::with(&Config::client(), &Config::server());
    link.run(ms(500));
    link.say(bulk(3), b"upload");
    link.run(ms(2_000));
    assert!(link.server.received[3].is_empty() && link.server.closed().is_none());
    let now = link.now;
    link.server.connection.raise_credit(now, bulk(3), 1_000);
    link.run(ms(200));
    assert_eq!(link.server.received[3], [b"upload"]);
    assert_eq!(link.client.connection.unacked_len(bulk(3)), 0);
}

#[test]
fn bulk_that_a_server_did_not_agree_to_closes() {
    let mut link = Link::with(&Config::client(), &Config::server());
    link.run(ms(500));
    let bytes = Rogue::new().frame(&Frame::Data { stream: bulk(8), offset: 0, bytes: b"x" });
    take(&mut link, bytes).unwrap();
    link.flush();
    assert_eq!(link.server.closed(), Some(&CloseReason::Local { code: CloseCode::Limit }));
}

#[test]
fn all_streams_at_once_deliver_everything_in_order_on_a_bad_link() {
    let mut link = Link::connected();
    let mut dice = chance(3);
    link.rule = Box::new(move |_| match dice(10) {
        0 | 1 => Fate::Drop,
        2 => Fate::Late(ms(dice(40))),
        3 => Fate::Twice,
        _ => Fate::Deliver,
    });
    let messages: Vec<Vec<u8>> = (1..30_u8).map(|n| vec![n; usize::from(n) * 120]).collect();
    for bytes in &messages {
        for stream in StreamId::all() {
            link.client.connection.send(link.now, stream, &message(bytes)).unwrap();
            link.server.connection.send(link.now, stream, &message(bytes)).unwrap();
        }
    }
    link.run(ms(60_000));
    for stream in StreamId::all() {
        let at = usize::from(stream.number());
        assert_eq!(link.server.received[at], messages, "{stream:?}");
        assert_eq!(link.client.received[at], messages, "{stream:?}");
    }
    assert_eq!(link.client.connection.stats().unacked_len, 0);
}

#[test]
fn streams_share_the_link_packet_by_packet() {
    let mut link = Link::connected();
    // Most on the first stream, and it is the first to come.
    for (number, count) in [(1, 18), (4, 6), (7, 6)] {
        for _ in 0..count {
            link.server.connection.send(link.now, bulk(number), &message(&[number; 1_000])).unwrap();
        }
    }
    let mut seen = Vec::new();
    while link.client.received[4].len() < 6 || link.client.received[7].len() < 6 {
        link.run(ms(1));
        seen = [1, 4, 7].map(|at| link.client.received[at].len()).to_vec();
        let all_have_more = seen.iter().all(|count| *count < 6);
        assert!(!all_have_more || seen.iter().max().unwrap() - seen.iter().min().unwrap() <= 1, "{seen:?}");
    }
    assert!(seen[0] <= 12, "{seen:?}");
    link.run(ms(1_000));
    assert_eq!(link.client.received[1].len(), 18);
}

#[test]
fn an_owner_is_asked_for_more_when_a_stream_has_sent_what_it_had() {
    let mut link = Link::with(&Config { bulk_window_len: 20 * 1_024, ..Config::client() }, &Config::server());
    link.run(ms(500));
    link.server.events.clear();
    for number in [1, 2] {
        link.server.connection.send(link.now, bulk(number), &message(&[0; 20_000])).unwrap();
    }
    // The client takes so much ahead of its reader, so the stream waits for credit with all of this.
    link.server.connection.send(link.now, bulk(2), &message(&[0; 60_000])).unwrap();
    link.client.reads = false;
    link.server.connection.notify_below(bulk(1), 0);
    link.server.connection.notify_below(bulk(2), 10_000);
    link.run(ms(500));
    let writable = |number| ConnectionEvent::Writable(bulk(number));
    assert_eq!(link.server.events, [writable(1)], "the other one still has more than it said");
    link.client.reads = true;
    link.flush();
    link.run(ms(500));
    assert_eq!(link.server.events, [writable(1), writable(2)]);
}

#[test]
fn a_connection_that_never_used_bulk_holds_nothing_for_it() {
    let link = Link::connected();
    let connection = &link.server.connection;
    assert_eq!((connection.sending.bulk().count(), connection.receiving.bulk().count()), (0, 0));
    assert!(size_of_val(connection) <= 1_600, "{}", size_of_val(connection));
}

fn latest(link: &mut Link, key: u64, value: &[u8]) {
    link.client.connection.send_latest(link.now, LatestKey(key), &message(value)).unwrap();
}

/// Everything that the server's owner has not taken.
fn taken(link: &mut Link) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| link.server.connection.recv_latest()).collect()
}

#[test]
fn only_the_newest_value_of_a_key_goes_out() {
    let mut link = Link::connected();
    for value in 0..100 {
        latest(&mut link, 1, &[value]);
    }
    latest(&mut link, 2, b"another");
    link.run(ms(30));
    assert_eq!(link.server.events, [ConnectionEvent::Latest]);
    assert_eq!(taken(&mut link), [&[99][..], b"another"]);
    assert_eq!(link.client.connection.stats().counts.latest_sent, 2);
}

#[test]
fn a_lost_value_is_gone_and_nobody_probes_for_it() {
    let mut link = Link::clean();
    let from = link.now;
    link.rule = Box::new(|passing| if passing.to_server { Fate::Drop } else { Fate::Deliver });
    latest(&mut link, 1, b"typing");
    link.run(ms(5_000));
    assert_eq!(link.sent_since(from), (1, 0));
    assert!(taken(&mut link).is_empty());
    assert_eq!(link.client.connection.stats().in_flight_len, 0, "and it takes nothing from the window");
    link.rule = Box::new(|_| Fate::Deliver);
    latest(&mut link, 1, b"still typing");
    link.run(ms(100));
    assert_eq!(taken(&mut link), [b"still typing"]);
}

#[test]
fn whatever_the_link_does_no_value_comes_after_a_newer_one_nor_twice() {
    for seed in 0..20 {
        let mut link = Link::connected();
        let mut dice = chance(seed);
        link.rule = Box::new(move |_| match dice(10) {
            0..3 => Fate::Drop,
            3..6 => Fate::Late(ms(dice(80))),
            6 => Fate::Twice,
            7 => Fate::Damage(dice(100) as usize),
            _ => Fate::Deliver,
        });
        let mut newest = [None; 5];
        let mut heard_count = 0;
        for version in 0..200_u8 {
            for key in 0..5 {
                latest(&mut link, u64::from(key), &[key, version]);
            }
            link.flush();
            link.run(ms(10));
            for value in taken(&mut link) {
                let newest = &mut newest[usize::from(value[0])];
                assert!(newest.is_none_or(|newest| newest < value[1]), "seed {seed}: {} after {newest:?}", value[1]);
                *newest = Some(value[1]);
                heard_count += 1;
            }
        }
        assert!(heard_count > 200, "seed {seed}: {heard_count}");
    }
}

#[test]
fn values_find_room_beside_chat_and_bulk_and_leave_it() {
    let mut link = Link::connected();
    for stream in [StreamId::Chat, bulk(1)] {
        while link.server.connection.send(link.now, stream, &message(&[0; 1_000])).is_ok() {}
    }
    for step in 0..200_u8 {
        for key in 0..8 {
            link.server.connection.send_latest(link.now, LatestKey(key), &message(&[step; 400])).unwrap();
        }
        link.run(ms(5));
    }
    link.run(ms(3_000));
    let mut newest = Vec::new();
    while let Some(value) = link.client.connection.recv_latest() {
        newest.push(value[0]);
    }
    assert_eq!(newest[newest.len() - 8..], [199; 8]);
    assert_eq!(link.server.connection.stats().unacked_len, 0);
}

#[test]
fn a_value_goes_out_in_the_smallest_datagrams_too() {
    let mut link = Link::connected();
    // Losses that leave many gaps make the acknowledgement long, and copies repeat it in every packet.
    let mut dice = chance(9);
    link.rule = Box::new(move |passing| if passing.len > 512 || dice(3) == 0 { Fate::Drop } else { Fate::Deliver });
    let mut heard_count = 0;
    for step in 0..300_u16 {
        if step % 3 == 0 {
            link.server.connection.send(link.now, StreamId::Chat, &message(&[1; 40])).unwrap();
            link.say(StreamId::Chat, &[1; 40]);
        }
        latest(&mut link, u64::from(step % 7), &[7; 400]);
        link.flush();
        link.run(ms(20));
        heard_count += taken(&mut link).len();
    }
    assert!(heard_count > 100, "{heard_count}");
}

#[test]
fn a_peer_that_invents_slots_or_sends_too_much_is_shown_out() {
    let mut long = vec![0x0a, 0, 0x41, 0x91];
    long.extend([0; 401]);
    for plain in [&[0x0a, 64, 1, 0][..], &[0x0a, 255, 0], &[0x0a, 3, 2, 0], &long] {
        let mut link = Link::connected();
        let bytes = Rogue::new().packet(plain);
        take(&mut link, bytes).unwrap();
        link.flush();
        assert_eq!(link.server.closed(), Some(&CloseReason::Local { code: CloseCode::Frame }), "{plain:x?}");
    }
}

#[test]
fn a_flood_of_values_costs_the_newest_and_no_more() {
    let mut link = Link::connected();
    let mut rogue = Rogue::new();
    for step in 0..2_000_u16 {
        let slot = Slot::new((step % 64) as u8).unwrap();
        let bytes = rogue.frame(&Frame::Latest { slot, bytes: &step.to_be_bytes() });
        take(&mut link, bytes).unwrap();
    }
    let values = taken(&mut link);
    assert_eq!(values.len(), LATEST_WAITING_MAX);
    assert_eq!(values[LATEST_WAITING_MAX - 1], 1_999_u16.to_be_bytes());
    let long = message(&[0; LATEST_LEN_MAX + 1]);
    let now = link.now;
    assert_eq!(link.server.connection.send_latest(now, LatestKey(1), &long), Err(SendError::TooLong));
    link.server.connection.close(now, CloseCode::Done, "");
    assert_eq!(link.server.connection.send_latest(now, LatestKey(1), &message(b"")), Err(SendError::Closed));
}

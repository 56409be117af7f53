//! Several bulk streams beside chat: who gets what, and what each may do without the others.

use super::super::{BulkStream, CloseCode, CloseReason, Config, ConnectionEvent, StreamId};
use super::hostile::{Rogue, take};
use super::link::{Fate, Link, chance, message, ms};
use crate::wire::Frame;

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

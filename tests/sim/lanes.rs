//! Several bulk streams beside chat, over whole endpoints and a network with a rate.

use std::sync::Arc;

use udpchat::transport::{BulkStream, LatestKey, Micros, StreamId};

use super::net::{Bottleneck, Faults};
use super::talk::{Side, Talk};

const LEG: Micros = Micros::from_millis(25);

const fn ms(millis: u64) -> Micros {
    Micros::from_millis(millis)
}

fn bulk(number: u8) -> StreamId {
    StreamId::Bulk(BulkStream::new(number).unwrap())
}

/// A while in which these streams always have more, and a line of chat is said every 50 ms. How slow was the slowest but one
/// of a hundred lines?
fn chat_p99(talk: &mut Talk, full: &[StreamId]) -> Micros {
    let before = talk.lane(Side::Server, StreamId::Chat).said.len();
    for step in 0..1_000 {
        for stream in full {
            while talk.say(Side::Server, *stream, 16_000).is_ok() {}
        }
        if step % 5 == 0 {
            talk.say(Side::Server, StreamId::Chat, 100).unwrap();
        }
        talk.pass(ms(10));
    }
    talk.pass(ms(200));
    let lane = talk.lane(Side::Server, StreamId::Chat);
    let mut spans: Vec<_> = lane.said.iter().zip(&lane.heard_at).skip(before).map(|((said, _), heard)| *heard - *said).collect();
    spans.sort();
    assert_eq!(spans.len(), 200);
    spans[198]
}

#[test]
fn chat_is_hardly_later_beside_three_full_bulk_streams() {
    let line = Bottleneck { bytes_per_sec: 12_500_000, queue_len_max: 312_500 };
    let mut talk = Talk::new(3, Faults { bottleneck: Some(line), ..Faults::none(LEG) });
    let alone = chat_p99(&mut talk, &[]);
    // The streams find their rate first.
    chat_p99(&mut talk, &[bulk(1), bulk(2), bulk(3)]);
    let beside = chat_p99(&mut talk, &[bulk(1), bulk(2), bulk(3)]);
    println!("p99 alone {alone:?}, beside bulk {beside:?}");
    assert!(beside <= alone + ms(5), "alone {alone:?}, beside bulk {beside:?}");
}

#[test]
fn a_page_does_not_wait_behind_an_export() {
    let line = Bottleneck { bytes_per_sec: 250_000, queue_len_max: 15_000 };
    let mut talk = Talk::new(4, Faults { bottleneck: Some(line), ..Faults::none(LEG) });
    while talk.say(Side::Server, bulk(3), 60_000).is_ok() {}
    talk.pass(Micros::from_secs(2));
    for _ in 0..5 {
        talk.say(Side::Server, bulk(1), 30_000).unwrap();
        talk.pass(ms(900));
        let page = talk.lane(Side::Server, bulk(1));
        assert!(page.is_all_heard(), "30 KB of 250 KB/s, shared with one other stream");
    }
    assert!(!talk.lane(Side::Server, bulk(3)).is_all_heard(), "the export went on all the while");
}

#[test]
fn streams_that_are_always_full_get_the_same_share() {
    let line = Bottleneck { bytes_per_sec: 2_500_000, queue_len_max: 125_000 };
    let mut talk = Talk::new(5, Faults { bottleneck: Some(line), ..Faults::lossy(LEG, 5) });
    let streams = [1, 2, 5, 8].map(bulk);
    for _ in 0..500 {
        for stream in streams {
            while talk.say(Side::Server, stream, 16_000).is_ok() {}
        }
        talk.pass(ms(20));
    }
    let heard = streams.map(|stream| talk.lane(Side::Server, stream).heard_at.len());
    println!("messages of 16,000 bytes: {heard:?}");
    let (least, most) = (heard.iter().min().unwrap(), heard.iter().max().unwrap());
    assert!(heard.iter().sum::<usize>() * 16_000 >= 8 * 2_500_000, "they fill the path together: {heard:?}");
    assert!(most * 10 <= least * 11, "{heard:?}");
}

#[test]
fn a_stream_that_nobody_reads_holds_no_other() {
    let mut talk = Talk::new(6, Faults::lossy(LEG, 50));
    talk.set_reads(Side::Client, bulk(1), false);
    while talk.say(Side::Client, bulk(1), 1_000).is_ok() {}
    for _ in 0..20 {
        talk.say(Side::Client, bulk(2), 3_000).unwrap();
        talk.say(Side::Client, StreamId::Chat, 100).unwrap();
        talk.pass(ms(100));
    }
    talk.pass(Micros::from_secs(3));
    assert!(talk.lane(Side::Client, bulk(2)).is_all_heard() && talk.lane(Side::Client, StreamId::Chat).is_all_heard());
    talk.set_reads(Side::Client, bulk(1), true);
    // The server of these tests grants 20 KB of each stream ahead of its reader.
    assert!(talk.finish(Micros::from_secs(120)));
}

#[test]
fn a_storm_of_latest_values_delays_no_chat_and_leaves_bulk_its_share() {
    let line = Bottleneck { bytes_per_sec: 250_000, queue_len_max: 15_000 };
    let mut talk = Talk::new(7, Faults { bottleneck: Some(line), ..Faults::none(LEG) });
    let value: Arc<[u8]> = Arc::from([7; 400]);
    let storm = |talk: &mut Talk, millis: u64| {
        for step in 0..millis {
            let now = talk.pair.now;
            let mut connection = talk.pair.server.connection(talk.server).unwrap();
            for key in 0..8 {
                connection.send_latest(now, LatestKey(key), &value).unwrap();
            }
            drop(connection);
            while talk.say(Side::Server, bulk(1), 1_000).is_ok() {}
            if step % 50 == 0 {
                talk.say(Side::Server, StreamId::Chat, 100).unwrap();
            }
            talk.pass(ms(1));
        }
    };
    // Three megabytes a second of values are wanted where a quarter of one passes.
    storm(&mut talk, 2_000);
    let before = talk.lane(Side::Server, bulk(1)).heard_at.len();
    storm(&mut talk, 10_000);
    let bulk_len = (talk.lane(Side::Server, bulk(1)).heard_at.len() - before) * 1_000;
    let latencies = talk.lane(Side::Server, StreamId::Chat).latencies();
    let p99 = latencies[latencies.len() * 99 / 100];
    let sent = talk.stats(Side::Server).counts.latest_sent;
    println!("bulk {bulk_len} of 2,500,000 bytes, {sent} values, chat p99 {p99:?}");
    assert!(bulk_len >= 100_000, "{bulk_len}");
    assert!(sent >= 2_000, "{sent}");
    assert!(p99 <= LEG + ms(75), "the leg and a full queue: {p99:?}");
}

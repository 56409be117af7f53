//! What is done against loss and what it costs: copies of lines, bulk beside chat, full and noisy paths.

use udpchat::transport::{COPY_RATE, Micros, StreamId};

use super::net::{Bottleneck, Faults};
use super::talk::{Side, Talk};

const SIDES: [Side; 2] = [Side::Client, Side::Server];

const LEG: Micros = Micros::from_millis(25);

fn ms(millis: u64) -> Micros {
    Micros::from_millis(millis)
}

/// Both ends say a line each, so many times.
fn chat(talk: &mut Talk, count: usize, pause: Micros) {
    for _ in 0..count {
        for side in SIDES {
            talk.say(side, StreamId::Chat, 100).unwrap();
        }
        talk.pass(pause);
    }
}

/// Bytes of bulk per second that pass in a while; the sender always has more.
fn bulk_rate(talk: &mut Talk, side: Side, while_secs: u64, chat_every: Option<usize>) -> u64 {
    let heard = |talk: &Talk| talk.lane(side, StreamId::BULK).heard_at.len() as u64;
    let before = heard(talk);
    for step in 0..while_secs * 200 {
        while talk.say(side, StreamId::BULK, 16_000).is_ok() {}
        if chat_every.is_some_and(|every| (step as usize).is_multiple_of(every)) {
            talk.say(side, StreamId::Chat, 100).unwrap();
        }
        talk.pass(ms(5));
    }
    (heard(talk) - before) * 16_000 / while_secs
}

#[test]
fn a_clean_network_pays_for_no_copies() {
    let mut talk = Talk::clean(1, Faults::none(LEG));
    let before = SIDES.map(|side| talk.stats(side).counts.redundant_bytes_sent);
    assert!(before.iter().all(|bytes| *bytes > 0), "at first it was not known to be clean");
    chat(&mut talk, 200, ms(100));
    assert_eq!(SIDES.map(|side| talk.stats(side).counts.redundant_bytes_sent), before);
}

#[test]
fn a_lost_line_is_there_a_moment_later_by_its_copy() {
    for side in SIDES {
        let mut talk = Talk::new(2, Faults::none(LEG));
        chat(&mut talk, 10, ms(100));
        let (client, server) = (talk.pair.client_address, talk.pair.server_address);
        let (from, to) = if side == Side::Client { (client, server) } else { (server, client) };
        talk.pair.net.set_link(from, to, Some(Faults::lossy(LEG, 1_000)));
        talk.say(side, StreamId::Chat, 100).unwrap();
        talk.pair.net.set_link(from, to, None);
        assert!(talk.finish(Micros::from_secs(1)));
        assert_eq!(talk.lane(side, StreamId::Chat).latencies().last(), Some(&ms(28)), "{side:?}");
        talk.pass(ms(500));
        assert!(talk.stats(side).counts.probes_sent <= 2, "the acknowledgement of the copy ends it");
    }
}

#[test]
fn the_more_a_network_loses_the_more_copies_are_sent() {
    for (loss, copies) in [(10, 2..=2), (100, 3..=4), (250, 4..=4)] {
        let mut talk = Talk::clean(3, Faults::none(LEG));
        talk.pair.net.set_faults(Faults::lossy(LEG, loss));
        chat(&mut talk, 300, ms(100));
        for side in SIDES {
            let stats = talk.stats(side);
            assert!(copies.contains(&stats.copies), "{loss}: {} copies, {} lost", stats.copies, stats.loss_per_mille);
        }
        talk.pair.net.set_faults(Faults::none(LEG));
        chat(&mut talk, 400, ms(100));
        assert_eq!(SIDES.map(|side| talk.stats(side).copies), [1, 1], "{loss}: it is clean again");
    }
}

#[test]
pub fn copies_keep_to_their_budget() {
    let mut talk = Talk::new(4, Faults::lossy(LEG, 250));
    chat(&mut talk, 4_000, ms(5));
    assert!(talk.finish(Micros::from_secs(10)));
    let secs = talk.pair.now.as_micros() / 1_000_000;
    for side in SIDES {
        let bytes = talk.stats(side).counts.redundant_bytes_sent;
        assert!(bytes <= (secs + 1) * COPY_RATE, "{side:?}: {bytes} bytes in {secs} s");
        assert!(bytes >= secs * COPY_RATE / 2, "{side:?}: {bytes} bytes in {secs} s");
    }
}

#[test]
fn no_copies_are_sent_into_a_full_network() {
    let narrow = Bottleneck { bytes_per_sec: 125_000, queue_len_max: 20_000 };
    let mut talk = Talk::new(5, Faults { bottleneck: Some(narrow), ..Faults::none(LEG) });
    bulk_rate(&mut talk, Side::Server, 5, None);
    let before = talk.stats(Side::Server).counts;
    bulk_rate(&mut talk, Side::Server, 10, Some(20));
    let after = talk.stats(Side::Server).counts;
    let (lines, copies) = (100, after.copies_sent - before.copies_sent);
    assert!(after.packets_lost > before.packets_lost, "the queue overflows now and then");
    assert!(copies <= lines / 4, "{copies} copies of {lines} lines");
}

#[test]
fn a_noisy_path_that_is_not_full_is_used() {
    let wide = Bottleneck { bytes_per_sec: 2_500_000, queue_len_max: 125_000 };
    for loss in [1, 10] {
        let mut talk = Talk::new(6, Faults { bottleneck: Some(wide), ..Faults::lossy(LEG, loss) });
        bulk_rate(&mut talk, Side::Server, 3, None);
        let rate = bulk_rate(&mut talk, Side::Server, 10, None);
        println!("loss {loss}/1000: {rate} of 2,500,000 bytes a second");
        assert!(rate >= 2_000_000, "loss {loss}: {rate}");
    }
}

#[test]
fn a_line_of_100_mbit_is_filled() {
    let line = Bottleneck { bytes_per_sec: 12_500_000, queue_len_max: 312_500 };
    let mut talk = Talk::new(11, Faults { bottleneck: Some(line), ..Faults::lossy(LEG, 1) });
    bulk_rate(&mut talk, Side::Server, 2, None);
    let rate = bulk_rate(&mut talk, Side::Server, 3, None);
    let with_chat = bulk_rate(&mut talk, Side::Server, 5, Some(4));
    let latencies = talk.lane(Side::Server, StreamId::Chat).latencies();
    let (p95, slowest) = (latencies[latencies.len() * 95 / 100], latencies[latencies.len() - 1]);
    println!("{rate} of 12,500,000 bytes of bulk a second, {with_chat} beside chat: p95 {p95:?}, slowest {slowest:?}");
    assert!(rate >= 11_250_000, "{rate}");
    assert!(p95 <= LEG + ms(5), "no line waits behind bulk: {p95:?}");
    assert!(slowest <= LEG + ms(75), "a lost one is there a round trip later: {slowest:?}");
}

#[test]
fn chat_beside_bulk_is_hardly_later_and_leaves_bulk_most_of_the_path() {
    let wide = Bottleneck { bytes_per_sec: 2_500_000, queue_len_max: 125_000 };
    let mut talk = Talk::new(7, Faults { bottleneck: Some(wide), ..Faults::lossy(LEG, 1) });
    let rate = bulk_rate(&mut talk, Side::Server, 10, Some(10));
    let latencies = talk.lane(Side::Server, StreamId::Chat).latencies();
    let p99 = latencies[latencies.len() * 99 / 100];
    println!("{rate} bytes of bulk a second, chat p99 {p99:?}");
    assert!(p99 <= LEG + ms(55), "the leg and a full queue: {p99:?}");
    assert!(rate >= 1_800_000, "{rate}");
}

#[test]
fn a_flood_of_chat_leaves_bulk_a_tenth() {
    let narrow = Bottleneck { bytes_per_sec: 250_000, queue_len_max: 15_000 };
    let mut talk = Talk::new(8, Faults { bottleneck: Some(narrow), ..Faults::none(LEG) });
    for _ in 0..4_000 {
        while talk.say(Side::Server, StreamId::BULK, 1_000).is_ok() {}
        while talk.say(Side::Server, StreamId::Chat, 1_000).is_ok() {}
        talk.pass(ms(5));
    }
    let [chat, bulk] = [StreamId::Chat, StreamId::BULK].map(|stream| talk.lane(Side::Server, stream).heard_at.len());
    println!("chat {chat}, bulk {bulk}");
    assert!(bulk * 25 >= chat, "chat {chat}, bulk {bulk}");
    assert!(bulk * 5 <= chat, "chat {chat}, bulk {bulk}");
}

#[test]
fn reordering_alone_is_learned_and_costs_no_rate() {
    let line = Bottleneck { bytes_per_sec: 2_500_000, queue_len_max: 125_000 };
    let faults = Faults { reorder: 200, reorder_delay: ms(4), bottleneck: Some(line), ..Faults::none(LEG) };
    let mut talk = Talk::new(9, faults);
    bulk_rate(&mut talk, Side::Server, 3, None);
    let before = talk.stats(Side::Server).counts;
    let rate = bulk_rate(&mut talk, Side::Server, 5, None);
    let after = talk.stats(Side::Server).counts;
    let (lost, spurious) = (after.packets_lost - before.packets_lost, after.losses_spurious - before.losses_spurious);
    println!("{rate} bytes a second, {lost} given up, {spurious} of them came");
    assert!(lost * 50 <= after.packets_sent - before.packets_sent, "{lost}");
    assert!(rate >= 1_800_000, "{rate}");
}

#[test]
fn the_endpoint_knows_what_all_its_connections_counted() {
    let mut talk = Talk::new(10, Faults::lossy(LEG, 200));
    chat(&mut talk, 100, ms(50));
    let ours = talk.stats(Side::Server).counts;
    assert!(ours.copies_sent > 0 && ours.packets_lost > 0);
    assert_eq!(talk.pair.server.counters().connections, ours);
    let now = talk.pair.now;
    talk.pair.net.set_faults(Faults::none(LEG));
    talk.pair.server.close(now, talk.server, udpchat::transport::CloseCode::Done, "");
    talk.pass(Micros::from_secs(5));
    assert_eq!(talk.pair.server.connection_count(), 0);
    assert!(talk.pair.server.counters().connections.packets_sent > ours.packets_sent);
}

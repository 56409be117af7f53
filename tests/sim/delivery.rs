//! What is said is heard once and in order, whatever the network does, and how soon.

use udpchat::transport::{CloseReason, Event, Micros, SendError, StreamId};

use super::net::{Faults, Loss};
use super::talk::{Side, Talk};

const SIDES: [Side; 2] = [Side::Client, Side::Server];

fn ms(millis: u64) -> Micros {
    Micros::from_millis(millis)
}

const LEG: Micros = Micros::from_millis(25);

fn good() -> Faults {
    Faults::none(LEG)
}

fn is_over(talk: &Talk) -> bool {
    let events = talk.pair.client_events.iter().chain(&talk.pair.server_events);
    events.into_iter().any(|(_, _, event)| matches!(event, Event::Closed(_)))
}

#[test]
fn loss_copies_disorder_and_damage_change_nothing_but_the_time() {
    for seed in 0..20 {
        let faults = Faults {
            loss: if seed % 2 == 0 { Loss::Independent(150) } else { Loss::Bursts { rate: 150, mean_len: 4 } },
            jitter: ms(20),
            reorder: 100,
            reorder_delay: ms(70),
            duplicate: 100,
            corrupt: 50,
            ..good()
        };
        let mut talk = Talk::new(seed, faults);
        for count in 0..100 {
            for side in SIDES {
                talk.say(side, StreamId::Chat, 20 + count % 200).unwrap();
                if count % 10 == 0 {
                    talk.say(side, StreamId::BULK, 4_000).unwrap();
                }
            }
            talk.pass(ms(20));
        }
        assert!(talk.finish(Micros::from_secs(20)), "seed {seed}");
        talk.pass(Micros::from_secs(3));
        assert!(!is_over(&talk));
        let mut end = talk.pair.client.connection(talk.client).unwrap();
        assert_eq!(end.stats().unacked_len, 0, "seed {seed}");
        assert_eq!(end.stats().in_flight_len, 0, "seed {seed}");
    }
}

#[test]
fn the_same_seed_is_the_same_conversation() {
    let run = || {
        let mut talk = Talk::new(5, Faults { jitter: ms(10), ..Faults::lossy(LEG, 200) });
        for _ in 0..50 {
            for side in SIDES {
                talk.say(side, StreamId::Chat, 100).unwrap();
            }
            talk.pass(ms(15));
        }
        assert!(talk.finish(Micros::from_secs(20)));
        talk.pair.net.trace_hash()
    };
    assert_eq!(run(), run());
}

#[test]
fn on_a_good_network_each_message_takes_one_leg_and_few_packets() {
    let mut talk = Talk::clean(1, good());
    let (client, server) = (talk.pair.client_address, talk.pair.server_address);
    let before = talk.pair.net.counts(client, server).sent + talk.pair.net.counts(server, client).sent;
    for _ in 0..100 {
        talk.say(Side::Client, StreamId::Chat, 100).unwrap();
        talk.pass(ms(200));
    }
    assert!(talk.lane(Side::Client, StreamId::Chat).latencies().iter().all(|latency| *latency == LEG));
    let after = talk.pair.net.counts(client, server).sent + talk.pair.net.counts(server, client).sent;
    // A packet and its acknowledgement each; every 24th acknowledgement asks to be acknowledged, and so does a CREDIT.
    assert!(after - before <= 212, "{}", after - before);
    let mut end = talk.pair.client.connection(talk.client).unwrap();
    assert_eq!((end.stats().counts.bytes_resent, end.stats().counts.probes_sent), (0, 0));
}

#[test]
fn a_lost_acknowledgement_is_repaired_by_the_next() {
    let mut talk = Talk::new(2, good());
    talk.pass(ms(500));
    let (client, server) = (talk.pair.client_address, talk.pair.server_address);
    talk.say(Side::Client, StreamId::Chat, 100).unwrap();
    talk.pair.net.set_link(server, client, Some(Faults::lossy(LEG, 1_000)));
    talk.pass(ms(30));
    talk.pair.net.set_link(server, client, None);
    talk.say(Side::Client, StreamId::Chat, 100).unwrap();
    talk.pass(ms(60));
    let mut end = talk.pair.client.connection(talk.client).unwrap();
    assert_eq!((end.stats().unacked_len, end.stats().counts.bytes_resent), (0, 0));
}

#[test]
pub fn the_last_packet_lost_is_recovered_by_a_probe_within_its_bound() {
    for side in SIDES {
        let mut talk = Talk::clean(3, good());
        let (from, to) = match side {
            Side::Client => (talk.pair.client_address, talk.pair.server_address),
            Side::Server => (talk.pair.server_address, talk.pair.client_address),
        };
        talk.pair.net.set_link(from, to, Some(Faults::lossy(LEG, 1_000)));
        talk.say(side, StreamId::Chat, 100).unwrap();
        talk.pair.net.set_link(from, to, None);
        assert!(talk.finish(Micros::from_secs(2)));
        let slowest = talk.lane(side, StreamId::Chat).latencies().pop().unwrap();
        // A round trip and four deviations, which a steady path has brought to almost nothing, then one leg.
        assert!(slowest >= ms(75) && slowest <= ms(95), "{side:?} {slowest:?}");
    }
}

#[test]
fn both_streams_share_a_narrow_path_and_chat_stays_quick() {
    let narrow = super::net::Bottleneck { bytes_per_sec: 250_000, queue_len_max: 15_000 };
    let mut talk = Talk::new(4, Faults { bottleneck: Some(narrow), ..good() });
    for round in 0..200 {
        while talk.lane(Side::Server, StreamId::BULK).said.len() < 15 && talk.say(Side::Server, StreamId::BULK, 60_000).is_ok() {}
        if round % 5 == 0 {
            talk.say(Side::Server, StreamId::Chat, 100).unwrap();
        }
        talk.pass(ms(20));
    }
    assert!(talk.finish(Micros::from_secs(20)));
    let chat = talk.lane(Side::Server, StreamId::Chat).latencies();
    // The leg and at most the router's queue of 60 ms; a loss behind it costs a round trip more.
    assert!(chat[chat.len() / 2] <= ms(25 + 65), "{:?}", chat[chat.len() / 2]);
    let bulk = talk.lane(Side::Server, StreamId::BULK);
    let span = *bulk.heard_at.last().unwrap() - bulk.said[0].0;
    let rate = bulk.said.iter().map(|(_, message)| message.len() as u64).sum::<u64>() * 1_000 / span.as_millis();
    assert!(rate > 175_000, "{rate} of 250,000 bytes a second");
}

#[test]
fn a_reader_that_stops_holds_its_writer_and_nobody_else() {
    let mut talk = Talk::new(5, Faults::lossy(LEG, 50));
    talk.set_reads(Side::Client, StreamId::BULK, false);
    let refused = loop {
        if let Err(refused) = talk.say(Side::Client, StreamId::BULK, 1_000) {
            break refused;
        }
    };
    assert_eq!(refused, SendError::Blocked);
    for _ in 0..50 {
        talk.say(Side::Client, StreamId::Chat, 100).unwrap();
        talk.pass(ms(50));
    }
    talk.pass(Micros::from_secs(2));
    assert!(talk.lane(Side::Client, StreamId::Chat).is_all_heard());
    let waiting = talk.pair.client.connection(talk.client).unwrap().queued_len(StreamId::BULK);
    assert!(waiting > 200_000, "no more than the credit was sent: {waiting} wait");
    talk.set_reads(Side::Client, StreamId::BULK, true);
    assert!(talk.finish(Micros::from_secs(20)));
    let told = talk.pair.client_told(talk.client);
    assert!(told.contains(&Event::Writable(StreamId::BULK)), "{told:?}");
}

#[test]
fn a_minute_without_a_network_is_survived_and_over_within_two_seconds() {
    for seed in 0..5 {
        let mut talk = Talk::new(seed, good());
        talk.pass(ms(300));
        let (client, server) = (talk.pair.client_address, talk.pair.server_address);
        talk.pair.net.set_cut(client, server, true);
        for side in SIDES {
            talk.say(side, StreamId::Chat, 100).unwrap();
        }
        talk.pass(Micros::from_secs(60));
        assert!(!is_over(&talk));
        talk.pair.net.set_cut(client, server, false);
        assert!(talk.finish(ms(2_000)), "seed {seed}");
        // And nothing of the slowness stays.
        talk.say(Side::Client, StreamId::Chat, 100).unwrap();
        assert!(talk.finish(LEG));
    }
}

#[test]
fn a_silent_network_ends_the_connection_on_both_sides() {
    let mut talk = Talk::new(6, good());
    let (client, server) = (talk.pair.client_address, talk.pair.server_address);
    talk.pair.net.set_cut(client, server, true);
    talk.pass(Micros::from_secs(200));
    assert!(talk.pair.client_told(talk.client).contains(&Event::Closed(CloseReason::IdleTimeout)));
    assert!(talk.pair.server_told(talk.server).contains(&Event::Closed(CloseReason::IdleTimeout)));
    assert_eq!(talk.pair.server.connection_count(), 0);
}

#[test]
fn another_port_in_the_middle_of_a_conversation_is_hardly_felt() {
    for seed in 0..10 {
        let mut talk = Talk::new(seed, Faults::lossy(LEG, if seed % 2 == 0 { 0 } else { 50 }));
        for count in 0..60 {
            if count == 30 {
                talk.pair.client_address.set_port(6_000 + seed as u16);
            }
            for side in SIDES {
                talk.say(side, StreamId::Chat, 100).unwrap();
            }
            talk.pass(ms(50));
        }
        assert!(talk.finish(Micros::from_secs(5)), "seed {seed}");
        assert!(!is_over(&talk));
        let slowest = talk.lane(Side::Server, StreamId::Chat).latencies().pop().unwrap();
        assert!(seed % 2 == 1 || slowest <= ms(2 * 50 + 200), "seed {seed}: {slowest:?}");
        let moved = Event::PathChanged(talk.pair.client_address);
        assert!(talk.pair.server_told(talk.server).contains(&moved));
    }
}

#[test]
fn a_client_that_knows_of_its_new_address_is_reached_there_at_once() {
    let mut talk = Talk::new(7, good());
    for _ in 0..10 {
        talk.say(Side::Server, StreamId::Chat, 100).unwrap();
        talk.pass(ms(100));
    }
    talk.pair.client_address = "203.0.113.9:4444".parse().unwrap();
    talk.say(Side::Server, StreamId::Chat, 100).unwrap();
    let now = talk.pair.now;
    talk.pair.client.on_local_path_changed(now);
    assert!(talk.finish(ms(2 * 50 + 200)), "two round trips and 200 ms");
    for _ in 0..10 {
        talk.say(Side::Server, StreamId::Chat, 2_000).unwrap();
        talk.pass(ms(100));
    }
    assert!(talk.finish(ms(200)));
}

#[test]
fn a_network_that_loses_in_one_direction_only_is_no_harder() {
    for (seed, lossy) in [(8, Side::Client), (9, Side::Server)] {
        let mut talk = Talk::new(seed, good());
        let (client, server) = (talk.pair.client_address, talk.pair.server_address);
        let (from, to) = if lossy == Side::Client { (client, server) } else { (server, client) };
        talk.pair.net.set_link(from, to, Some(Faults::lossy(LEG, 400)));
        for _ in 0..100 {
            for side in SIDES {
                talk.say(side, StreamId::Chat, 100).unwrap();
            }
            talk.pass(ms(30));
        }
        assert!(talk.finish(Micros::from_secs(10)), "{lossy:?}");
        let quiet = if lossy == Side::Client { Side::Server } else { Side::Client };
        let median = talk.lane(quiet, StreamId::Chat).latencies()[50];
        assert_eq!(median, LEG, "the good direction does not suffer");
    }
}

#[test]
pub fn the_longest_messages_pass_a_bad_network() {
    for seed in 0..5 {
        let mut talk = Talk::new(seed, Faults { jitter: ms(30), ..Faults::lossy(LEG, 200) });
        for side in SIDES {
            for stream in StreamId::all() {
                talk.say(side, stream, 65_536).unwrap();
                talk.say(side, stream, 0).unwrap();
            }
        }
        assert!(talk.finish(Micros::from_secs(60)), "seed {seed}");
    }
}

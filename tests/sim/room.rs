//! The load that the transport is made for: ten people in a room, each of whom speaks once a second, and a server that
//! passes every line on to the others.
//!
//! `cargo test --test sim room -- --nocapture` prints how long a line takes from its writer to each of its readers.

use std::collections::BTreeMap;
use std::sync::Arc;

use udpchat::crypto::{Dice, SecretKey};
use udpchat::transport::{ConnectionHandle, Counts, Micros, StreamId, Time};

use super::net::Faults;
use super::pair::Pair;

/// People in the room. Each has a connection of its own; they share an address.
const PEOPLE_COUNT: usize = 10;

/// Seconds of conversation before anything is measured, so that everybody knows the network.
const WARM_UP_SECS: u64 = 20;

/// Seconds that are measured: 10 lines each, heard by 9.
const MEASURED_SECS: u64 = 120;

/// Bytes of a line.
const LINE_LEN: usize = 100;

/// One way.
const LEG: Micros = Micros::from_millis(25);

struct Room {
    pair: Pair,
    /// Each person's connection, as the person and as the server know it.
    people: Vec<(ConnectionHandle, ConnectionHandle)>,
    said_at: Vec<Time>,
    /// The last line that each person heard of each speaker.
    last_heard: BTreeMap<(usize, u8), u32>,
    /// Of each delivery: when the line was said, and how long it took.
    deliveries: Vec<(Time, Micros)>,
}

impl Room {
    fn new(seed: u64, loss: u64) -> Self {
        let mut pair = Pair::new(seed, Faults::none(LEG));
        let mut dice = Dice::from_seed([seed as u8; 32]);
        let people = (0..PEOPLE_COUNT)
            .map(|_| {
                pair.device = SecretKey::generate(&mut dice);
                pair.connect()
            })
            .collect();
        pair.net.set_faults(Faults::lossy(LEG, loss));
        Self { pair, people, said_at: Vec::new(), last_heard: BTreeMap::new(), deliveries: Vec::new() }
    }

    /// The next person says the next line.
    fn say(&mut self) {
        let speaker = self.said_at.len() % PEOPLE_COUNT;
        let mut line = vec![speaker as u8; LINE_LEN];
        line[1..5].copy_from_slice(&(self.said_at.len() as u32).to_be_bytes());
        let now = self.pair.now;
        self.said_at.push(now);
        let mut end = self.pair.client.connection(self.people[speaker].0).expect("connected");
        end.send(now, StreamId::Chat, &Arc::from(line)).expect("room in the queue");
        drop(end);
        self.pair.settle();
    }

    fn pass(&mut self, span: Micros) {
        let (people, said_at) = (&self.people, &self.said_at);
        let (last_heard, deliveries) = (&mut self.last_heard, &mut self.deliveries);
        self.pair.drive(span, |pair| {
            let now = pair.now;
            let mut came = Vec::new();
            for (speaker, (_, handle)) in people.iter().enumerate() {
                while let Some(line) = pair.server.connection(*handle).and_then(|mut end| end.recv(now, StreamId::Chat)) {
                    came.push((speaker, Arc::<[u8]>::from(line)));
                }
            }
            for (speaker, line) in &came {
                for (reader, (_, handle)) in people.iter().enumerate().filter(|(reader, _)| reader != speaker) {
                    let mut end = pair.server.connection(*handle).expect("connected");
                    end.send(now, StreamId::Chat, line).unwrap_or_else(|error| panic!("{reader}: {error}"));
                }
            }
            for (reader, (handle, _)) in people.iter().enumerate() {
                while let Some(line) = pair.client.connection(*handle).and_then(|mut end| end.recv(now, StreamId::Chat)) {
                    let count = u32::from_be_bytes(line[1..5].try_into().unwrap());
                    let before = last_heard.insert((reader, line[0]), count);
                    let expected = before.map_or(u32::from(line[0]), |before| before + PEOPLE_COUNT as u32);
                    assert_eq!(count, expected, "every line once and in order");
                    let said = said_at[count as usize];
                    deliveries.push((said, now - said));
                }
            }
            if !came.is_empty() {
                pair.settle();
            }
            false
        });
    }

    /// What all connections of both ends counted.
    fn counts(&mut self) -> Counts {
        let mut all = Counts::default();
        for (client, server) in self.people.clone() {
            let ends =
                [self.pair.client.connection(client).unwrap().stats(), self.pair.server.connection(server).unwrap().stats()];
            for stats in ends {
                all.packets_sent += stats.counts.packets_sent;
                all.bytes_sent += stats.counts.bytes_sent;
                all.probes_sent += stats.counts.probes_sent;
                all.bytes_resent += stats.counts.bytes_resent;
            }
        }
        all
    }

    /// Quantiles of the measured time in tenths of milliseconds, and what was sent for 100 bytes delivered.
    fn run(&mut self) -> ([u64; 4], u64) {
        for _ in 0..WARM_UP_SECS * 10 {
            self.say();
            self.pass(Micros::from_millis(100));
        }
        let measured_from = self.pair.now;
        let before = self.counts();
        for _ in 0..MEASURED_SECS * 10 {
            self.say();
            self.pass(Micros::from_millis(100));
        }
        self.pass(Micros::from_secs(10));
        assert_eq!(self.deliveries.len(), self.said_at.len() * (PEOPLE_COUNT - 1), "everything was heard");
        let after = self.counts();
        let measured = self.deliveries.iter().filter(|(said, _)| *said >= measured_from);
        let mut latencies: Vec<u64> = measured.map(|(_, latency)| latency.as_micros() / 100).collect();
        latencies.sort_unstable();
        let quantiles = [500, 990, 999, 1_000].map(|at| latencies[(latencies.len() * at / 1_000).min(latencies.len() - 1)]);
        // A line is delivered to the server and from there to nine.
        let delivered = latencies.len() * LINE_LEN * PEOPLE_COUNT / (PEOPLE_COUNT - 1);
        (quantiles, (after.bytes_sent - before.bytes_sent) * 100 / delivered as u64)
    }
}

#[test]
fn a_room_of_ten_hears_each_line_in_time() {
    println!("loss |    p50     p99   p99.9     max  ms, two legs | bytes sent for 100");
    // Loss in thousandths, and the 99th and 99.9th percentile in milliseconds.
    let goals = [(0, 52, 54), (10, 60, 110), (50, 70, 130), (200, 110, 250)];
    let rows = std::thread::scope(|scope| {
        let runs = goals.map(|(loss, _, _)| scope.spawn(move || Room::new(loss + 1, loss).run()));
        runs.map(|run| run.join().unwrap())
    });
    for ((loss, _, _), ([p50, p99, p999, max], bytes_per_100)) in goals.iter().zip(rows) {
        let ms = |tenths: u64| format!("{}.{}", tenths / 10, tenths % 10);
        println!(
            "{:>2} % | {:>6} {:>7} {:>7} {:>7}             | {bytes_per_100:>5}",
            loss / 10,
            ms(p50),
            ms(p99),
            ms(p999),
            ms(max)
        );
    }
    for ((loss, p99_max, p999_max), ([_, p99, p999, _], _)) in goals.iter().zip(rows) {
        assert!(p99 <= p99_max * 10, "{loss}: p99 {p99} over {p99_max}0");
        assert!(p999 <= p999_max * 10, "{loss}: p99.9 {p999} over {p999_max}0");
    }
}

//! One conversation on every kind of bad network: everything heard once and in order, and how long it took.
//!
//! `cargo test --test sim grid -- --nocapture` prints the table, so that a change in recovery shows as numbers in review.

use udpchat::transport::{Micros, StreamId};

use super::net::{Faults, Loss};
use super::talk::{Side, Talk};

/// Messages in each direction.
const MESSAGE_COUNT: usize = 500;

/// Bytes in each.
const MESSAGE_LEN: usize = 100;

/// Datagrams lost in a row, on average, where losses come in bursts.
const BURST_LEN: u64 = 3;

/// A kind of network.
#[derive(Debug, Clone, Copy)]
struct Kind {
    loss_percent: u64,
    rtt_ms: u64,
    bursts: bool,
    /// Reorders 10 %, doubles 5 % and damages 2 % of all datagrams.
    rough: bool,
}

/// What a cell yields: quantiles in milliseconds.
struct Row {
    p50: u64,
    p99: u64,
    p999: u64,
    max: u64,
    /// Bytes on the wire, both directions, acknowledgements and copies included, per hundred bytes delivered.
    bytes_per_100: u64,
}

impl Kind {
    fn faults(self) -> Faults {
        let delay = Micros::from_millis(self.rtt_ms).part(2);
        let rate = self.loss_percent * 10;
        let loss = if self.bursts { Loss::Bursts { rate, mean_len: BURST_LEN } } else { Loss::Independent(rate) };
        let faults = Faults { loss, ..Faults::none(delay) };
        if !self.rough {
            return faults;
        }
        Faults { reorder: 100, reorder_delay: delay, duplicate: 50, corrupt: 20, ..faults }
    }

    fn run(self) -> Row {
        // The handshake has its own tests: it happens before the network turns bad.
        let seed = self.loss_percent * 1_000 + self.rtt_ms;
        let mut talk = Talk::new(seed, Faults::none(self.faults().delay));
        talk.pass(Micros::from_millis(self.rtt_ms * 2));
        talk.pair.net.set_faults(self.faults());
        let sent_before = bytes_sent(&talk);
        for _ in 0..MESSAGE_COUNT {
            for side in [Side::Client, Side::Server] {
                talk.say(side, StreamId::Chat, MESSAGE_LEN).unwrap();
            }
            talk.pass(Micros::from_millis(100));
        }
        assert!(talk.finish(Micros::from_secs(60)), "{self:?}: not everything was heard");
        let sent = bytes_sent(&talk) - sent_before;
        let mut latencies: Vec<u64> = [Side::Client, Side::Server]
            .into_iter()
            .flat_map(|side| talk.lane(side, StreamId::Chat).latencies())
            .map(Micros::as_millis)
            .collect();
        latencies.sort_unstable();
        let quantile = |thousandths: usize| latencies[(latencies.len() * thousandths / 1_000).min(latencies.len() - 1)];
        Row {
            p50: quantile(500),
            p99: quantile(990),
            p999: quantile(999),
            max: quantile(1_000),
            bytes_per_100: sent * 100 / (MESSAGE_COUNT * MESSAGE_LEN * 2) as u64,
        }
    }

    /// What the 99th percentile and the slowest message may take, in milliseconds.
    fn bounds(self) -> (u64, u64) {
        let (leg, rtt) = (self.rtt_ms.div_ceil(2), self.rtt_ms);
        match (self.loss_percent, self.rough) {
            (0, false) => (leg, leg),
            (0..=5, _) => (leg + rtt * 3 / 2 + 20, leg + rtt * 4 + 80),
            (20, _) => (leg + rtt * 2 + 30, leg + rtt * 6 + 100),
            _ => (leg + rtt * 4 + 100, leg + rtt * 8 + 300),
        }
    }
}

fn bytes_sent(talk: &Talk) -> u64 {
    let (client, server) = (talk.pair.client_address, talk.pair.server_address);
    talk.pair.net.counts(client, server).bytes_sent + talk.pair.net.counts(server, client).bytes_sent
}

/// All kinds, the gentle ones first.
fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for rough in [false, true] {
        for bursts in [false, true] {
            for loss_percent in [0, 1, 5, 20, 40, 60] {
                for rtt_ms in [5, 50, 300] {
                    if loss_percent > 0 || !bursts {
                        kinds.push(Kind { loss_percent, rtt_ms, bursts, rough });
                    }
                }
            }
        }
    }
    kinds
}

#[test]
fn grid_of_networks() {
    let kinds = kinds();
    let (left, right) = kinds.split_at(kinds.len() / 2);
    let run_all = |kinds: &[Kind]| kinds.iter().map(|kind| kind.run()).collect::<Vec<Row>>();
    let rows = std::thread::scope(|scope| {
        let right = scope.spawn(|| run_all(right));
        let mut rows = run_all(left);
        rows.extend(right.join().unwrap());
        rows
    });
    println!("loss   rtt  losses network |   p50    p99  p99.9    max  ms | bytes sent for 100");
    for (kind, row) in kinds.iter().zip(&rows) {
        let losses = if kind.bursts { "bursts" } else { "single" };
        let network = if kind.rough { "rough" } else { "plain" };
        println!(
            "{:>3} % {:>4} {losses:>7} {network:>7} | {:>5} {:>6} {:>6} {:>6}     | {:>5}",
            kind.loss_percent, kind.rtt_ms, row.p50, row.p99, row.p999, row.max, row.bytes_per_100
        );
    }
    for (kind, row) in kinds.iter().zip(&rows) {
        let (p99_max, max_max) = kind.bounds();
        assert!(row.p99 <= p99_max, "{kind:?}: p99 {} over {p99_max}", row.p99);
        assert!(row.max <= max_max, "{kind:?}: max {} over {max_max}", row.max);
    }
}

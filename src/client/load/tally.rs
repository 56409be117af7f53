//! What was delivered, how late, and whether it was each message once and in order.

use super::latencies::Latencies;
use crate::message::Seq;
use crate::transport::{Micros, Time};

/// Most gaps that one member's log is watched for; a server with more is broken, and the rest counts as lost.
const GAP_COUNT_MAX: usize = 256;

/// What all guests together have seen.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Messages at members other than their sender, each once.
    pub deliveries: u64,
    /// Events that came again.
    pub duplicated: u64,
    /// Events that came behind a later one.
    pub out_of_order: u64,
    /// From the send time in the text to the delivery.
    pub latencies: Latencies,
    /// When the first message was sent.
    pub began_at: Option<Time>,
    /// When the last delivery was made.
    pub last_at: Option<Time>,
}

impl Tally {
    /// From the first message sent to the last delivery.
    #[must_use]
    pub fn elapsed(&self) -> Micros {
        match (self.began_at, self.last_at) {
            (Some(began_at), Some(last_at)) => last_at - began_at,
            _ => Micros::ZERO,
        }
    }

    pub(super) fn deliver(&mut self, now: Time, sent_at: Time) {
        self.deliveries += 1;
        self.latencies.add(now - sent_at);
        self.last_at = Some(now);
    }
}

/// How an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    InOrder,
    OutOfOrder,
    Duplicate,
}

/// One member's place in its log, and what it has missed. Every event names the one before it, so that a gap shows at once.
#[derive(Debug, Default)]
pub(super) struct Watch {
    last: Seq,
    /// Events after the first and up to the second of each pair were passed over.
    gaps: Vec<(Seq, Seq)>,
    /// Of those, the ones that came later.
    late: Vec<Seq>,
}

impl Watch {
    /// Watches from behind this event on.
    pub(super) fn behind(last: Seq) -> Self {
        Self { last, ..Self::default() }
    }

    pub(super) fn see(&mut self, prev: Seq, seq: Seq) -> Arrival {
        if seq > self.last {
            if prev > self.last && self.gaps.len() < GAP_COUNT_MAX {
                self.gaps.push((self.last, prev));
            }
            self.last = seq;
            return Arrival::InOrder;
        }
        let was_missed = self.gaps.iter().any(|(after, to)| (*after < seq) && (seq <= *to));
        if was_missed && !self.late.contains(&seq) && self.late.len() < GAP_COUNT_MAX {
            self.late.push(seq);
            return Arrival::OutOfOrder;
        }
        Arrival::Duplicate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_may_count_in_steps() {
        let mut watch = Watch::behind(Seq(4));
        assert_eq!(watch.see(Seq(4), Seq(9)), Arrival::InOrder);
        assert_eq!(watch.see(Seq(9), Seq(10)), Arrival::InOrder);
        assert_eq!(watch.see(Seq(9), Seq(10)), Arrival::Duplicate);
        assert_eq!(watch.see(Seq(1), Seq(3)), Arrival::Duplicate, "older than the watch");
    }

    #[test]
    fn what_was_passed_over_comes_late_once() {
        let mut watch = Watch::behind(Seq(0));
        assert_eq!(watch.see(Seq(0), Seq(1)), Arrival::InOrder);
        assert_eq!(watch.see(Seq(3), Seq(4)), Arrival::InOrder);
        assert_eq!(watch.see(Seq(2), Seq(3)), Arrival::OutOfOrder);
        assert_eq!(watch.see(Seq(2), Seq(3)), Arrival::Duplicate);
        assert_eq!(watch.see(Seq(1), Seq(2)), Arrival::OutOfOrder);
    }

    #[test]
    fn a_broken_server_does_not_fill_the_watch() {
        let mut watch = Watch::behind(Seq(0));
        for seq in 1..2_000 {
            watch.see(Seq(10 * seq - 1), Seq(10 * seq));
        }
        for seq in 1..2_000 {
            watch.see(Seq(0), Seq(10 * seq - 1));
        }
        assert_eq!((watch.gaps.len(), watch.late.len()), (GAP_COUNT_MAX, GAP_COUNT_MAX));
    }
}

//! Which packets are lost (RFC 9002 section 6.1): three later ones were acknowledged, or one was and it is long ago.
//!
//! On a path that reorders both are taken back: each packet that was given up too early teaches how late packets come.

use super::rtt::Rtt;
use super::sent_packets::{Fate, SentPacket, SentPackets};
use super::time::{Micros, Time};

/// How many numbers later the acknowledged packet must be (RFC 9002 section 6.1.1).
pub const PACKET_THRESHOLD: u64 = 3;

/// The most that reordering raises it to.
pub const PACKET_THRESHOLD_MAX: u64 = 20;

/// What reordering taught is forgotten after so long without more of it.
const REORDER_MEMORY: Micros = Micros::from_secs(60);

/// Timers are not finer than this (RFC 9002 section 6.1.2).
const GRANULARITY: Micros = Micros::from_millis(1);

/// Loss detection of one direction.
#[derive(Debug)]
pub(super) struct LossDetector {
    largest_acked: Option<u64>,
    packet_threshold: u64,
    /// When a packet that was given up last arrived after all, if that still counts.
    reordered_at: Option<Time>,
    /// When the next packet counts as lost by time alone.
    loss_at: Option<Time>,
}

/// A pass over the sent packets, and what it has seen so far.
#[derive(Debug)]
pub(super) struct LossPass {
    now: Time,
    next: u64,
    loss_delay: Micros,
    persistent_delay: Micros,
    /// When the first packet of the present run of losses was sent; an acknowledged packet ends a run.
    run_since: Option<Time>,
    /// When the newest lost packet was sent.
    pub newest_sent_at: Option<Time>,
    /// Whether a run of losses lasted so long that nothing is known about the path any more.
    pub persistent: bool,
}

impl LossDetector {
    /// Nothing acknowledged yet.
    pub const fn new() -> Self {
        Self { largest_acked: None, packet_threshold: PACKET_THRESHOLD, reordered_at: None, loss_at: None }
    }

    /// When [`Self::begin`] should be called though no acknowledgement came.
    pub const fn deadline(&self) -> Option<Time> {
        self.loss_at
    }

    /// The largest number that an ACK frame named.
    pub const fn largest_acked(&self) -> Option<u64> {
        self.largest_acked
    }

    /// The packet `number` was given up and arrived after all; to be told before [`Self::on_acked`] of the same ACK frame.
    pub fn on_spurious(&mut self, now: Time, number: u64) {
        let depth = self.largest_acked.unwrap_or(number).saturating_sub(number).saturating_add(1);
        self.packet_threshold = self.packet_threshold.max(depth.min(PACKET_THRESHOLD_MAX));
        self.reordered_at = Some(now);
    }

    /// An ACK frame named `number`.
    pub fn on_acked(&mut self, number: u64) {
        self.largest_acked = self.largest_acked.max(Some(number));
    }

    /// Begins a pass; to be driven with [`Self::next_lost`] until it yields nothing.
    /// `persistent_delay` is the span of losses that RFC 9002 section 7.6 calls persistent congestion.
    pub fn begin(&mut self, now: Time, sent: &SentPackets, rtt: &Rtt, persistent_delay: Micros) -> LossPass {
        self.loss_at = None;
        if self.reordered_at.is_some_and(|at| at + REORDER_MEMORY < now) {
            self.packet_threshold = PACKET_THRESHOLD;
            self.reordered_at = None;
        }
        // Nine eighths of a round trip (RFC 9002 section 6.1.2), ten on a path that reorders.
        let eighths = if self.reordered_at.is_some() { 10 } else { 9 };
        LossPass {
            now,
            next: sent.first_number(),
            loss_delay: rtt.cautious().times(eighths).part(8).max(GRANULARITY),
            persistent_delay,
            run_since: None,
            newest_sent_at: None,
            persistent: false,
        }
    }

    /// The next packet that is lost, already marked so.
    pub fn next_lost(&mut self, pass: &mut LossPass, sent: &mut SentPackets) -> Option<SentPacket> {
        let largest = self.largest_acked?;
        while pass.next < largest {
            let number = pass.next;
            pass.next = number.saturating_add(1);
            let packet = *sent.packet(number)?;
            match packet.fate {
                Fate::Settled => pass.run_since = None,
                Fate::Lost | Fate::Spare | Fate::Skipped => {}
                Fate::InFlight => {
                    let late_at = packet.sent_at + pass.loss_delay;
                    let passed = largest.saturating_sub(number) >= self.packet_threshold;
                    if passed || late_at <= pass.now {
                        sent.lose(number);
                        if packet.carried.eliciting {
                            let since = *pass.run_since.get_or_insert(packet.sent_at);
                            pass.persistent |= packet.sent_at - since > pass.persistent_delay;
                            pass.newest_sent_at = pass.newest_sent_at.max(Some(packet.sent_at));
                        }
                        return Some(packet);
                    }
                    if packet.carried.eliciting {
                        self.loss_at = Some(self.loss_at.map_or(late_at, |at| at.min(late_at)));
                    }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::sent_packets::Carried;
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    /// Packets sent a millisecond apart on a path of 80 ms.
    fn world(count: u64) -> (LossDetector, SentPackets, Rtt) {
        let mut sent = SentPackets::new();
        for number in 0..count {
            sent.push(at(number), 100, Carried::asking());
        }
        (LossDetector::new(), sent, Rtt::new(Some(Micros::from_millis(80))))
    }

    fn lost(detector: &mut LossDetector, sent: &mut SentPackets, rtt: &Rtt, now: Time) -> (Vec<Time>, bool) {
        let mut pass = detector.begin(now, sent, rtt, Micros::from_millis(300));
        let mut found = Vec::new();
        while let Some(packet) = detector.next_lost(&mut pass, sent) {
            found.push(packet.sent_at);
        }
        assert_eq!(pass.newest_sent_at, found.last().copied());
        (found, pass.persistent)
    }

    #[test]
    fn three_numbers_later_is_lost_two_is_not() {
        let (mut detector, mut sent, rtt) = world(5);
        sent.acknowledge(3);
        detector.on_acked(3);
        assert_eq!(lost(&mut detector, &mut sent, &rtt, at(60)).0, [at(0)]);
        assert_eq!(detector.deadline(), Some(at(1 + 90)), "9/8 of 80 ms after it was sent");
    }

    #[test]
    fn time_decides_when_numbers_do_not() {
        let (mut detector, mut sent, rtt) = world(2);
        sent.acknowledge(1);
        detector.on_acked(1);
        assert!(lost(&mut detector, &mut sent, &rtt, at(89)).0.is_empty());
        assert_eq!(detector.deadline(), Some(at(90)));
        assert_eq!(lost(&mut detector, &mut sent, &rtt, at(90)).0, [at(0)]);
        assert_eq!(detector.deadline(), None);
    }

    #[test]
    fn packets_after_the_largest_acknowledged_are_never_lost() {
        let (mut detector, mut sent, rtt) = world(9);
        assert!(lost(&mut detector, &mut sent, &rtt, at(9_000)).0.is_empty());
        sent.acknowledge(0);
        detector.on_acked(0);
        assert!(lost(&mut detector, &mut sent, &rtt, at(9_000)).0.is_empty());
        assert_eq!(detector.deadline(), None);
    }

    #[test]
    fn a_long_run_of_losses_is_persistent_unless_something_came_through() {
        for (came_through, persistent) in [(None, true), (Some(200), false)] {
            let (mut detector, mut sent, rtt) = world(400);
            came_through.map(|number| sent.acknowledge(number));
            sent.acknowledge(399);
            detector.on_acked(399);
            assert_eq!(lost(&mut detector, &mut sent, &rtt, at(500)).1, persistent);
        }
    }

    #[test]
    fn a_path_that_reorders_is_given_more_time_until_it_has_been_in_order_for_a_minute() {
        let (mut detector, mut sent, rtt) = world(40);
        sent.acknowledge(7);
        detector.on_acked(7);
        assert_eq!(lost(&mut detector, &mut sent, &rtt, at(60)).0.len(), 5);
        assert_eq!(sent.acknowledge(0).map(|packet| packet.fate), Some(Fate::Lost));
        detector.on_spurious(at(61), 0);
        sent.acknowledge(20);
        detector.on_acked(20);
        assert_eq!(lost(&mut detector, &mut sent, &rtt, at(61)).0.len(), 7, "eight numbers later: 5, 6 and 8 to 12");
        assert_eq!(detector.deadline(), Some(at(13 + 100)), "10/8 of 80 ms");
        assert!(lost(&mut detector, &mut sent, &rtt, at(62)).0.is_empty());
        let after = at(61 + 60_001);
        sent.push(after, 100, Carried::asking());
        for _ in 0..4 {
            sent.push(after, 100, Carried::asking());
        }
        sent.acknowledge(43);
        detector.on_acked(43);
        lost(&mut detector, &mut sent, &rtt, after);
        assert!(sent.lose(40).is_none(), "three numbers later again");
    }

    #[test]
    fn the_threshold_has_a_limit() {
        let (mut detector, _, _) = world(1);
        detector.on_acked(5_000);
        detector.on_spurious(at(0), 1);
        assert_eq!(detector.packet_threshold, PACKET_THRESHOLD_MAX);
    }
}

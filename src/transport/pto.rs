//! When no acknowledgement comes: how long to wait, and how many probes to send (RFC 9002 section 6.2, thin flows).
//!
//! Nearly every lost packet of a chat is the last one in flight, so no later packet can betray its loss: this timer decides
//! how a bad network feels. It therefore waits without the peer's ack delay where that was waived, sends two probes, and
//! grows only after three tries.

use super::ack::ACK_DELAY_MAX;
use super::rtt::Rtt;
use super::time::{Micros, Time};

/// Probes per expiry.
pub const PROBE_COUNT: u8 = 2;

/// Expiries before the interval doubles.
pub const PROBE_PATIENCE_COUNT: u32 = 3;

/// The longest interval between probes: after a blackout the conversation goes on within a second.
pub const PROBE_INTERVAL_MAX: Micros = Micros::from_secs(1);

/// Whether an ack-eliciting packet asked to be acknowledged at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AckRequest {
    /// It carried `ACK_NOW`.
    AtOnce,
    /// The peer may hold its acknowledgement back.
    Usual,
}

/// The probe timer of one connection.
///
/// It waits for the oldest packet in flight. RFC 9002 waits for the newest, but then somebody who writes steadily puts the
/// timer off with every line, and the first line that was lost waits until he pauses.
#[derive(Debug)]
pub(super) struct ProbeTimer {
    /// Expiries since the last acknowledgement.
    count: u32,
    probes_due: u8,
    /// No packet is waited for since earlier than this: the last expiry.
    not_before: Time,
    /// Whether anything was heard since then.
    is_heard: bool,
}

impl ProbeTimer {
    /// Nothing sent yet.
    pub const fn new() -> Self {
        Self { count: 0, probes_due: 0, not_before: Time::from_micros(0), is_heard: false }
    }

    /// When it expires, given when the oldest ack-eliciting packet in flight was sent and what it asked for.
    pub fn deadline(&self, rtt: &Rtt, oldest_sent_at: Time, request: AckRequest) -> Time {
        oldest_sent_at.max(self.not_before) + self.interval(rtt, request)
    }

    /// How many probes must be sent, whatever the congestion window says.
    pub const fn probes_due(&self) -> u8 {
        self.probes_due
    }

    /// How often it expired since the last acknowledgement.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// It expired.
    pub const fn on_expired(&mut self, now: Time) {
        // A network that still brings something is not gone; to wait longer and longer would only make it seem so.
        if !self.is_heard || self.count <= PROBE_PATIENCE_COUNT {
            self.count = self.count.saturating_add(1);
        }
        self.is_heard = false;
        self.probes_due = PROBE_COUNT;
        self.not_before = now;
    }

    /// An authentic packet came.
    pub const fn on_heard(&mut self) {
        self.is_heard = true;
    }

    /// An ack-eliciting packet was sent.
    pub const fn on_sent(&mut self) {
        self.probes_due = self.probes_due.saturating_sub(1);
    }

    /// Something was newly acknowledged.
    pub const fn on_acked(&mut self) {
        self.count = 0;
        self.probes_due = 0;
    }

    /// The peer is reached by another way now: what the back-off was for is gone. What is overdue by the first interval is
    /// sent at once.
    pub const fn on_path_moved(&mut self) {
        self.count = 0;
    }

    fn interval(&self, rtt: &Rtt, request: AckRequest) -> Micros {
        let held_back = match request {
            AckRequest::AtOnce => Micros::ZERO,
            AckRequest::Usual => ACK_DELAY_MAX,
        };
        let doublings = self.count.saturating_sub(PROBE_PATIENCE_COUNT.saturating_sub(1)).min(20);
        (rtt.probe_timeout() + held_back).times(1 << doublings).min(PROBE_INTERVAL_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    #[test]
    fn three_equal_waits_then_doubling_up_to_a_second() {
        // 50 ms with a deviation of 25 ms: 150 ms.
        let rtt = Rtt::new(Some(Micros::from_millis(50)));
        let mut timer = ProbeTimer::new();
        let mut waits = Vec::new();
        let mut now = at(0);
        for _ in 0..7 {
            let deadline = timer.deadline(&rtt, at(0), AckRequest::AtOnce);
            waits.push((deadline - now).as_millis());
            now = deadline;
            timer.on_expired(now);
            assert_eq!(timer.probes_due(), 2);
        }
        assert_eq!(waits, [150, 150, 150, 300, 600, 1_000, 1_000]);
        timer.on_acked();
        assert_eq!(timer.probes_due(), 0);
        assert_eq!((timer.deadline(&rtt, now, AckRequest::AtOnce) - now).as_millis(), 150);
    }

    #[test]
    fn while_anything_is_heard_the_wait_is_at_most_four_times_the_first() {
        let rtt = Rtt::new(Some(Micros::from_millis(50)));
        let mut timer = ProbeTimer::new();
        let mut now = at(0);
        for _ in 0..20 {
            let deadline = timer.deadline(&rtt, at(0), AckRequest::AtOnce);
            assert!((deadline - now).as_millis() <= 600);
            now = deadline;
            timer.on_heard();
            timer.on_expired(now);
        }
        for _ in 0..2 {
            now = timer.deadline(&rtt, at(0), AckRequest::AtOnce);
            timer.on_expired(now);
        }
        assert_eq!((timer.deadline(&rtt, at(0), AckRequest::AtOnce) - now).as_millis(), 1_000);
    }

    #[test]
    fn the_peers_ack_delay_counts_unless_it_was_waived() {
        let rtt = Rtt::new(Some(Micros::from_millis(50)));
        let timer = ProbeTimer::new();
        assert_eq!(timer.deadline(&rtt, at(0), AckRequest::Usual), at(175));
        assert_eq!(timer.deadline(&rtt, at(10), AckRequest::AtOnce), at(160));
    }

    #[test]
    fn another_path_ends_the_back_off() {
        let rtt = Rtt::new(Some(Micros::from_millis(50)));
        let mut timer = ProbeTimer::new();
        for second in 0..9 {
            timer.on_expired(at(second * 1_000));
        }
        assert_eq!(timer.deadline(&rtt, at(0), AckRequest::AtOnce), at(9_000));
        timer.on_path_moved();
        assert_eq!(timer.deadline(&rtt, at(0), AckRequest::AtOnce), at(8_150));
    }

    #[test]
    fn each_packet_sent_is_a_probe_less_due() {
        let mut timer = ProbeTimer::new();
        timer.on_expired(at(0));
        timer.on_sent();
        assert_eq!(timer.probes_due(), 1);
        timer.on_sent();
        timer.on_sent();
        assert_eq!(timer.probes_due(), 0);
    }
}

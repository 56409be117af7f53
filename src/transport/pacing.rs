//! Spreads packets over the round trip, so that a window's worth does not arrive at a router's queue at once.
//!
//! A token bucket kept as a debt of time: each packet costs the time that it takes at the paced rate, and time pays it back.
//! Acknowledgements, probes and copies are exempt: they are few, and late ones are worth nothing.

use super::congestion::Congestion;
use super::rtt::Rtt;
use super::time::{Micros, Time};

/// Below this round trip a window passes faster than timers tick.
const PACED_RTT_MIN: Micros = Micros::from_millis(2);

/// How many packets may go out at once.
pub const BURST_PACKET_COUNT: u64 = 10;

/// The packet of which a burst has so many, in bytes.
const PACKET_LEN: u64 = 1_200;

/// Who wants to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Somebody waits for it: may overdraw the bucket by a packet.
    Interactive,
    /// It can wait.
    Bulk,
}

/// The paced rate: the window in four fifths of a round trip, in half of one while the window doubles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    rtt: Micros,
    window_len: u64,
    is_doubling: bool,
}

impl Pace {
    /// The rate of a path.
    pub fn new(rtt: &Rtt, congestion: &Congestion) -> Self {
        Self { rtt: rtt.smoothed(), window_len: congestion.window_len(), is_doubling: congestion.is_slow_start() }
    }

    /// The nanoseconds that `len` bytes take.
    fn cost(self, len: u64) -> u64 {
        if self.rtt < PACED_RTT_MIN {
            return 0;
        }
        let (times, parts) = if self.is_doubling { (500, 1) } else { (4_000, 5) };
        let nanos = len.saturating_mul(self.rtt.as_micros()).saturating_mul(times);
        nanos.checked_div(self.window_len.saturating_mul(parts)).unwrap_or_default()
    }
}

/// The bucket of one connection.
#[derive(Debug)]
pub(super) struct Pacer {
    /// Nanoseconds of sending that were used and not paid back at `at`.
    debt: u64,
    at: Time,
    held_until: Option<Time>,
}

impl Pacer {
    /// A full bucket.
    pub const fn new() -> Self {
        Self { debt: 0, at: Time::from_micros(0), held_until: None }
    }

    /// When something that was held back may go.
    pub const fn held_until(&self) -> Option<Time> {
        self.held_until
    }

    /// Nothing is held back any more, or it will be asked for again.
    pub const fn release(&mut self) {
        self.held_until = None;
    }

    /// Whether a packet may go out now; if not, remembers when.
    pub fn allows(&mut self, now: Time, pace: Pace, urgency: Urgency) -> bool {
        self.debt = self.debt.saturating_sub((now - self.at).as_micros().saturating_mul(1_000));
        self.at = self.at.max(now);
        let count = match urgency {
            Urgency::Interactive => BURST_PACKET_COUNT,
            Urgency::Bulk => BURST_PACKET_COUNT.saturating_sub(1),
        };
        let excess = self.debt.saturating_sub(pace.cost(PACKET_LEN.saturating_mul(count)));
        if excess > 0 {
            let until = self.at + Micros::new(excess.div_ceil(1_000));
            self.held_until = Some(self.held_until.map_or(until, |at| at.min(until)));
        }
        excess == 0
    }

    /// A packet that had to ask went out.
    pub fn on_sent(&mut self, pace: Pace, len: u64) {
        self.debt = self.debt.saturating_add(pace.cost(len));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { rtt: Micros::from_millis(50), window_len: 60_000, is_doubling: false };

    fn at(micros: u64) -> Time {
        Time::from_micros(1_000_000 + micros)
    }

    /// How many full packets go out in a time, asking at every timer.
    fn sent(pacer: &mut Pacer, pace: Pace, from: u64, span: u64) -> u64 {
        let (mut now, mut count) = (at(from), 0);
        loop {
            pacer.release();
            while pacer.allows(now, pace, Urgency::Bulk) && count < 100_000 {
                pacer.on_sent(pace, PACKET_LEN);
                count += 1;
            }
            match pacer.held_until() {
                Some(next) if next <= at(from + span) => {
                    assert!(next > now, "the timer is never in the past");
                    now = next;
                }
                _ => return count,
            }
        }
    }

    #[test]
    fn a_burst_and_then_five_quarters_of_a_window_in_a_round_trip() {
        let mut pacer = Pacer::new();
        assert_eq!(sent(&mut pacer, PACE, 0, 0), 10);
        // 60,000 bytes in 40 ms: a packet in 800 µs.
        assert_eq!(sent(&mut pacer, PACE, 0, 40_000), 50);
    }

    #[test]
    fn a_window_that_doubles_is_sent_in_half_a_round_trip() {
        let mut pacer = Pacer::new();
        let pace = Pace { is_doubling: true, ..PACE };
        assert_eq!(sent(&mut pacer, pace, 0, 25_000), 10 + 50);
    }

    #[test]
    fn somebody_who_waits_may_overdraw_by_one_packet() {
        let mut pacer = Pacer::new();
        sent(&mut pacer, PACE, 0, 0);
        assert!(!pacer.allows(at(0), PACE, Urgency::Bulk));
        assert!(pacer.allows(at(0), PACE, Urgency::Interactive));
        pacer.on_sent(PACE, 100);
        assert!(!pacer.allows(at(0), PACE, Urgency::Interactive));
        assert_eq!(pacer.held_until(), Some(at(67)), "100 bytes at the paced rate");
    }

    #[test]
    fn a_fast_path_is_not_paced() {
        let mut pacer = Pacer::new();
        let pace = Pace { rtt: Micros::new(1_999), ..PACE };
        assert_eq!(sent(&mut pacer, pace, 0, 0), 100_000);
    }

    #[test]
    fn an_idle_time_saves_no_more_than_a_burst() {
        let mut pacer = Pacer::new();
        sent(&mut pacer, PACE, 0, 100_000);
        assert_eq!(sent(&mut pacer, PACE, 9_000_000, 0), 10);
    }
}

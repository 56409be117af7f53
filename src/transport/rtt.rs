//! How long a packet and its acknowledgement take (RFC 9002 section 5), in whole microseconds.

use super::time::{Micros, Time};

/// Assumed until the first sample. RFC 9002 section 6.2.2 says 333 ms; chat servers are nearer than that.
pub const INITIAL_RTT: Micros = Micros::from_millis(250);

/// The smallest round trip is that of the last one or two such spans, so that a path that became longer is not taken for a
/// full one for ever.
const MIN_SPAN: Micros = Micros::from_secs(60);

/// The smallest of the last one or two such groups of samples says whether the path's queues are full now.
const GROUP_COUNT: u8 = 8;

/// Bounds of what is taken for a queue.
const QUEUE_MIN: Micros = Micros::from_millis(2);
const QUEUE_MAX: Micros = Micros::from_millis(16);

/// Less than this above the smallest round trip is no queue.
const INFLATION_MIN: Micros = Micros::from_millis(5);

/// The smoothed estimate of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rtt {
    smoothed: Micros,
    var: Micros,
    latest: Micros,
    sampled: bool,
    /// The smallest samples of the running and of the last span.
    min: Lowest,
    min_since: Time,
    /// The smallest samples of the running and of the last group.
    recent: Lowest,
    recent_count: u8,
}

/// A running minimum and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lowest {
    running: Micros,
    before: Micros,
}

impl Lowest {
    const fn new(sample: Micros) -> Self {
        Self { running: sample, before: sample }
    }

    fn on_sample(&mut self, sample: Micros, begins: bool) {
        if begins {
            *self = Self { running: sample, before: self.running };
        }
        self.running = self.running.min(sample);
    }

    fn value(self) -> Micros {
        self.running.min(self.before)
    }
}

impl Rtt {
    /// Starts from a sample that the handshake took, or from a guess.
    pub fn new(handshake: Option<Micros>) -> Self {
        match handshake {
            Some(sample) => Self { sampled: true, ..Self::starting(sample) },
            None => Self::starting(INITIAL_RTT),
        }
    }

    fn starting(value: Micros) -> Self {
        Self {
            smoothed: value,
            var: value.part(2),
            latest: value,
            sampled: false,
            min: Lowest::new(value),
            min_since: Time::from_micros(0),
            recent: Lowest::new(value),
            recent_count: 0,
        }
    }

    /// Replaces the guess by a better one: the first real sample still counts alone. A no-op once there was a sample.
    pub fn on_hint(&mut self, hint: Micros) {
        if !self.sampled {
            *self = Self::starting(hint);
        }
    }

    /// Takes in a sample: the time since the newly acknowledged packet was sent, and how long the peer says it held the
    /// acknowledgement back, already capped by the caller.
    pub fn on_sample(&mut self, now: Time, sample: Micros, ack_delay: Micros) {
        self.latest = sample;
        if !self.sampled {
            *self = Self { sampled: true, min_since: now, ..Self::starting(sample) };
            return;
        }
        let span_ends = now - self.min_since > MIN_SPAN;
        self.min.on_sample(sample, span_ends);
        if span_ends {
            self.min_since = now;
        }
        // The peer's delay is believed only as far as it leaves a possible round trip (RFC 9002 section 5.3).
        let adjusted = if sample >= self.min() + ack_delay { sample - ack_delay } else { sample };
        let off = if adjusted > self.smoothed { adjusted - self.smoothed } else { self.smoothed - adjusted };
        self.var = (self.var.times(3) + off).part(4);
        self.smoothed = (self.smoothed.times(7) + adjusted).part(8);
        self.recent_count = self.recent_count.saturating_add(1);
        let group_ends = self.recent_count >= GROUP_COUNT;
        self.recent.on_sample(adjusted, group_ends);
        if group_ends {
            self.recent_count = 0;
        }
    }

    /// Whether a queue stands on the path, however short: a twentieth of a round trip, 2 to 16 ms.
    pub fn has_queue(&self) -> bool {
        let margin = self.min().part(20).max(QUEUE_MIN).min(QUEUE_MAX);
        self.recent.value() > self.min() + margin
    }

    /// The thousandths of the present round trip that are not spent in queues.
    pub fn clear_per_mille(&self) -> u64 {
        self.min().times(1_000).as_micros().checked_div(self.recent.value().as_micros()).unwrap_or(1_000)
    }

    /// Whether the path's queues are filling up: even the quickest of the last samples are well above the smallest.
    pub fn is_inflated(&self) -> bool {
        let margin = self.min().part(4).max(INFLATION_MIN).max(self.var.times(2));
        self.recent.value() > self.min() + margin
    }

    /// The smoothed round-trip time.
    pub const fn smoothed(&self) -> Micros {
        self.smoothed
    }

    /// The smoothed deviation.
    pub const fn var(&self) -> Micros {
        self.var
    }

    /// The smallest sample of the last minutes.
    pub fn min(&self) -> Micros {
        self.min.value()
    }

    /// The larger of the newest sample and the smoothed time, which loss detection goes by (RFC 9002 section 6.1.2).
    pub fn cautious(&self) -> Micros {
        self.smoothed.max(self.latest)
    }

    /// How long to wait for an acknowledgement that is sent at once: srtt + max(4 rttvar, 1 ms) (RFC 9002 section 6.2.1).
    pub fn probe_timeout(&self) -> Micros {
        self.smoothed + self.var.times(4).max(Micros::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Micros {
        Micros::from_millis(millis)
    }

    fn at(millis: u64) -> Time {
        Time::from_micros(1_000_000 + millis * 1_000)
    }

    #[test]
    fn the_first_sample_sets_everything() {
        let mut rtt = Rtt::new(None);
        assert_eq!(rtt.probe_timeout(), ms(750));
        rtt.on_sample(at(0), ms(300), ms(100));
        assert_eq!((rtt.smoothed(), rtt.var(), rtt.min()), (ms(300), ms(150), ms(300)));
    }

    #[test]
    fn later_samples_follow_the_formulas_of_rfc_9002() {
        // The numbers of quic-go's and quiche's tests for section 5.3: 300 (100 held), 350 (50 held), 200 (300 said held).
        let mut rtt = Rtt::new(None);
        rtt.on_sample(at(0), ms(300), ms(100));
        rtt.on_sample(at(0), ms(350), ms(50));
        assert_eq!(rtt.smoothed(), ms(300));
        assert_eq!(rtt.var(), Micros::new(112_500));
        rtt.on_sample(at(0), ms(200), ms(300));
        assert_eq!(rtt.min(), ms(200));
        assert_eq!(rtt.smoothed(), Micros::new(287_500));
        assert_eq!(rtt.cautious(), Micros::new(287_500));
    }

    #[test]
    fn a_delay_that_leaves_less_than_the_smallest_round_trip_is_not_believed() {
        let mut rtt = Rtt::new(Some(ms(50)));
        rtt.on_sample(at(0), ms(60), ms(25));
        // 60 − 25 would be 35, below the smallest: 60 counts as it is.
        assert_eq!(rtt.smoothed(), Micros::new(51_250));
    }

    #[test]
    fn a_handshake_sample_replaces_the_guess() {
        let rtt = Rtt::new(Some(ms(40)));
        assert_eq!((rtt.smoothed(), rtt.var(), rtt.min()), (ms(40), ms(20), ms(40)));
        assert_eq!(rtt.probe_timeout(), ms(120));
    }

    #[test]
    fn a_hint_is_forgotten_with_the_first_sample() {
        let mut rtt = Rtt::new(None);
        rtt.on_hint(ms(400));
        assert_eq!((rtt.smoothed(), rtt.probe_timeout()), (ms(400), ms(1_200)));
        rtt.on_sample(at(0), ms(10), Micros::ZERO);
        assert_eq!((rtt.smoothed(), rtt.min()), (ms(10), ms(10)));
        rtt.on_hint(ms(400));
        assert_eq!(rtt.smoothed(), ms(10));
    }

    #[test]
    fn a_steady_path_keeps_a_millisecond_of_slack() {
        let mut rtt = Rtt::new(None);
        for _ in 0..200 {
            rtt.on_sample(at(0), ms(10), Micros::ZERO);
        }
        assert!(rtt.probe_timeout() >= rtt.smoothed() + ms(1));
        assert!(rtt.probe_timeout() < rtt.smoothed() + ms(2));
    }

    #[test]
    fn a_queue_that_fills_inflates_and_a_single_late_answer_does_not() {
        let mut rtt = Rtt::new(Some(ms(50)));
        for n in 0..40 {
            rtt.on_sample(at(n), ms(if n % 5 == 0 { 120 } else { 50 }), Micros::ZERO);
            assert!(!rtt.is_inflated() && !rtt.has_queue(), "jitter: {n}");
            assert_eq!(rtt.clear_per_mille(), 1_000);
        }
        for n in 0..64 {
            rtt.on_sample(at(100 + n), ms(50 + n.min(40)), Micros::ZERO);
        }
        assert!(rtt.is_inflated() && rtt.has_queue());
        assert_eq!(rtt.clear_per_mille(), 555, "50 of 90 ms");
        for n in 0..16 {
            rtt.on_sample(at(200 + n), ms(51), Micros::ZERO);
        }
        assert!(!rtt.is_inflated());
    }

    #[test]
    fn a_path_that_became_longer_is_believed_after_two_minutes() {
        let mut rtt = Rtt::new(Some(ms(50)));
        for second in 0..240 {
            rtt.on_sample(at(second * 1_000), ms(if second < 60 { 50 } else { 150 }), Micros::ZERO);
            assert!((60..90).contains(&second) || rtt.is_inflated() == (90..121).contains(&second), "{second}");
        }
        assert_eq!(rtt.min(), ms(150));
        assert!(!rtt.is_inflated());
    }
}

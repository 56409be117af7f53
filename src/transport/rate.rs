//! A token bucket: how often something may happen, with a burst on top. Integers only.

use super::time::Time;

/// Units in one token, so that a microsecond at one token per second is one unit.
const UNITS: u64 = 1_000_000;

/// Allows `per_second` uses a second and `burst` at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct RateLimit {
    per_second: u32,
    burst: u32,
    level: u64,
    filled_at: Time,
}

impl RateLimit {
    /// A full bucket.
    pub(super) fn new(per_second: u32, burst: u32, now: Time) -> Self {
        Self { per_second, burst, level: u64::from(burst).saturating_mul(UNITS), filled_at: now }
    }

    /// Takes one token if there is one.
    pub(super) fn take(&mut self, now: Time) -> bool {
        let gained = (now - self.filled_at).as_micros().saturating_mul(u64::from(self.per_second));
        self.level = self.level.saturating_add(gained).min(u64::from(self.burst).saturating_mul(UNITS));
        self.filled_at = self.filled_at.max(now);
        match self.level.checked_sub(UNITS) {
            Some(level) => {
                self.level = level;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let start = Time::from_micros(5_000_000);
        let mut limit = RateLimit::new(200, 10, start);
        assert_eq!((0..50).filter(|_| limit.take(start)).count(), 10);
        let passed = (0..1_000_000).step_by(100).filter(|micros| limit.take(Time::from_micros(5_000_000 + micros))).count();
        assert!((199..=200).contains(&passed), "{passed}");
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut limit = RateLimit::new(200, 1, Time::from_micros(1_000_000));
        assert!(limit.take(Time::from_micros(1_000_000)));
        assert!(!limit.take(Time::from_micros(0)));
        assert!(!limit.take(Time::from_micros(1_000_000)));
    }
}

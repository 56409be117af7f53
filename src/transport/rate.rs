//! How much of something may be done in a time: what is spent comes back at a steady rate. Integers only.

use super::time::{Micros, Time};

/// A rate, and how far it may be run ahead of.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// So much a second; 0: nothing ever.
    pub per_s: u64,
    /// The spending of so long may come at once.
    pub burst: Micros,
}

impl Rate {
    /// So much a second, of which `burst` may come at once.
    pub(super) fn with_burst(per_s: u32, burst: u32) -> Self {
        let burst_micros = u64::from(burst).saturating_mul(1_000_000).checked_div(u64::from(per_s)).unwrap_or_default();
        Self { per_s: u64::from(per_s), burst: Micros::new(burst_micros) }
    }
}

/// What is left to one spender: the generic cell rate algorithm, which keeps one instant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    /// When everything that was spent has come back.
    paid_at: Time,
}

impl Budget {
    /// Spends `cost`, if there is as much.
    pub fn take(&mut self, now: Time, cost: u64, rate: Rate) -> bool {
        let Some(span) = cost.saturating_mul(1_000_000).checked_div(rate.per_s) else { return false };
        let paid_at = self.paid_at.max(now) + Micros::new(span);
        let fits = paid_at <= now + rate.burst;
        if fits {
            self.paid_at = paid_at;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let rate = Rate { per_s: 10, burst: Micros::from_secs(2) };
        let (mut budget, start) = (Budget::default(), Time::from_micros(5_000_000));
        assert_eq!((0..100).filter(|_| budget.take(start, 1, rate)).count(), 20);
        let later = start + Micros::from_secs(1);
        assert_eq!((0..100).filter(|_| budget.take(later, 1, rate)).count(), 10);
        assert!(!budget.take(later + Micros::from_secs(60), 21, rate), "more than a burst is never had");
    }

    #[test]
    fn a_burst_is_counted_in_what_is_spent() {
        let rate = Rate::with_burst(200, 10);
        let mut budget = Budget::default();
        assert_eq!((0..50).filter(|_| budget.take(Time::from_micros(5_000_000), 1, rate)).count(), 10);
        let passed = (0..1_000_000).step_by(100).filter(|micros| budget.take(Time::from_micros(5_000_000 + micros), 1, rate));
        let passed = passed.count();
        assert!((199..=200).contains(&passed), "{passed}");
        assert!(!Budget::default().take(Time::from_micros(5_000_000), 1, Rate::with_burst(0, 10)), "no rate, nothing");
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let (mut budget, rate) = (Budget::default(), Rate::with_burst(200, 1));
        assert!(budget.take(Time::from_micros(1_000_000), 1, rate));
        assert!(!budget.take(Time::from_micros(0), 1, rate));
        assert!(!budget.take(Time::from_micros(1_000_000), 1, rate));
    }
}

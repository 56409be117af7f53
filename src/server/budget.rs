//! How much of something may be done in a time: what is spent comes back at a steady rate.

use crate::transport::{Micros, Time};

/// A rate, and how far it may be run ahead of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// So much a second.
    pub(super) per_s: u64,
    /// The spending of so long may come at once.
    pub(super) burst: Micros,
}

/// What is left to one spender.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Budget {
    /// When everything that was spent has come back.
    paid_at: Time,
}

impl Budget {
    /// Spends `cost`, if there is as much.
    pub(super) fn take(&mut self, now: Time, cost: u64, rate: Rate) -> bool {
        let paid_at = self.paid_at.max(now) + Micros::new(cost.saturating_mul(1_000_000) / rate.per_s);
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
}

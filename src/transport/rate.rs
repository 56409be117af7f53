//! How much of something may be done in a time: what is spent comes back at a steady rate. Integers only.

use super::time::{Micros, Time};

/// A rate, and how far it may be run ahead of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So much comes back in each span; 0: nothing ever.
    count: u64,
    span: Micros,
    /// The spending of so long may come at once.
    burst: Micros,
}

impl Rate {
    /// `count` in each `span`, of which `burst` may come at once.
    #[must_use]
    pub const fn new(count: u32, span: Micros, burst: u32) -> Self {
        let rate = Self { count: count as u64, span, burst: Micros::ZERO };
        let burst = match rate.cost_span(burst as u64) {
            Some(burst) => burst,
            None => Micros::ZERO,
        };
        Self { burst, ..rate }
    }

    /// So much a second, of which `burst` may come at once.
    #[must_use]
    pub const fn per_second(count: u32, burst: u32) -> Self {
        Self::new(count, Micros::from_secs(1), burst)
    }

    /// How long `cost` takes to come back.
    const fn cost_span(self, cost: u64) -> Option<Micros> {
        match self.span.times(cost).as_micros().checked_div(self.count) {
            Some(micros) => Some(Micros::new(micros)),
            None => None,
        }
    }
}

/// What is left to one spender: the generic cell rate algorithm (ITU-T I.371, annex A), which keeps one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// When everything that was spent has come back.
    paid_at: Time,
}

impl Budget {
    /// Spends `cost`, if there is as much.
    ///
    /// # Errors
    /// How long until there is as much; [`Micros::MAX`] when that never comes.
    pub fn take(&mut self, now: Time, cost: u64, rate: Rate) -> Result<(), Micros> {
        let Some(span) = rate.cost_span(cost).filter(|span| *span <= rate.burst) else { return Err(Micros::MAX) };
        let paid_at = self.paid_at.max(now) + span;
        let wait = paid_at - (now + rate.burst);
        if wait > Micros::ZERO {
            return Err(wait);
        }
        self.paid_at = paid_at;
        Ok(())
    }

    /// Gives back what was spent, as if it had not been.
    pub fn give_back(&mut self, cost: u64, rate: Rate) {
        self.paid_at = self.paid_at - rate.cost_span(cost).unwrap_or_default();
    }

    /// Whether everything that was spent has come back.
    #[must_use]
    pub fn is_full(self, now: Time) -> bool {
        self.paid_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = Micros::from_secs(1);

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let rate = Rate::per_second(10, 20);
        let (mut budget, start) = (Budget::default(), Time::from_micros(5_000_000));
        assert_eq!((0..100).filter(|_| budget.take(start, 1, rate).is_ok()).count(), 20);
        assert_eq!(budget.take(start, 1, rate), Err(Micros::from_millis(100)));
        assert_eq!(budget.take(start + Micros::from_millis(40), 2, rate), Err(Micros::from_millis(160)));
        let later = start + SECOND;
        assert_eq!((0..100).filter(|_| budget.take(later, 1, rate).is_ok()).count(), 10);
        assert_eq!(budget.take(later + Micros::from_secs(60), 21, rate), Err(Micros::MAX), "more than a burst is never had");
    }

    #[test]
    fn a_burst_is_counted_in_what_is_spent() {
        let rate = Rate::per_second(200, 10);
        let mut budget = Budget::default();
        assert_eq!((0..50).filter(|_| budget.take(Time::from_micros(5_000_000), 1, rate).is_ok()).count(), 10);
        let times = (0..1_000_000).step_by(100).map(|micros| Time::from_micros(5_000_000 + micros));
        let passed = times.filter(|at| budget.take(*at, 1, rate).is_ok()).count();
        assert!((199..=200).contains(&passed), "{passed}");
        let nothing = Rate::per_second(0, 10);
        assert_eq!(Budget::default().take(Time::from_micros(5_000_000), 1, nothing), Err(Micros::MAX));
    }

    #[test]
    fn a_rate_may_be_slower_than_one_a_second() {
        let rate = Rate::new(120, Micros::from_secs(3_600), 5);
        let (mut budget, start) = (Budget::default(), Time::from_micros(5_000_000));
        assert_eq!((0..50).filter(|_| budget.take(start, 1, rate).is_ok()).count(), 5);
        assert_eq!(budget.take(start, 1, rate), Err(Micros::from_secs(30)));
        assert_eq!((0..50).filter(|_| budget.take(start + Micros::from_secs(30), 1, rate).is_ok()).count(), 1);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let (rate, now) = (Rate::per_second(10, 3), Time::from_micros(7));
        let mut budget = Budget::default();
        for _ in 0..100 {
            budget.take(now, 1, rate).unwrap();
            budget.give_back(1, rate);
        }
        assert!(budget.is_full(now));
        budget.take(now, 1, rate).unwrap();
        assert!(!budget.is_full(now) && budget.is_full(now + Micros::from_millis(100)));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let (mut budget, rate) = (Budget::default(), Rate::per_second(200, 1));
        assert!(budget.take(Time::from_micros(1_000_000), 1, rate).is_ok());
        assert!(budget.take(Time::from_micros(0), 1, rate).is_err());
        assert!(budget.take(Time::from_micros(1_000_000), 1, rate).is_err());
    }
}

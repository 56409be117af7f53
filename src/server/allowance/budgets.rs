//! Budgets by whom they belong to, in a table of fixed size.
//!
//! A full budget says nothing, so it is forgotten when room is needed. Should a flood fill the table all the same, those who
//! have no place in it share one budget: the rate holds, and who has a place is not touched.

use crate::transport::{Budget, Micros, Rate, Time};
use std::collections::HashMap;
use std::hash::Hash;

/// Most owners with a budget of their own in one table: 65,536, at 32 bytes each about 2 MiB.
pub(super) const OWNERS_MAX: usize = 1 << 16;

/// How long after one search for full budgets the next may follow; a search takes about a millisecond.
const SWEEP_INTERVAL: Micros = Micros::from_secs(1);

/// One rate, with a budget for each owner.
#[derive(Debug)]
pub(super) struct Budgets<K> {
    rate: Rate,
    owned: HashMap<K, Budget>,
    shared: Budget,
    sweep_at: Time,
}

impl<K: Copy + Eq + Hash> Budgets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, owned: HashMap::new(), shared: Budget::default(), sweep_at: Time::default() }
    }

    /// Takes one use of `owner`'s.
    ///
    /// # Errors
    /// How long until there is one.
    pub(super) fn take(&mut self, now: Time, owner: K) -> Result<(), Micros> {
        if self.owned.len() >= OWNERS_MAX && !self.owned.contains_key(&owner) {
            if now >= self.sweep_at {
                self.sweep_at = now + SWEEP_INTERVAL;
                self.owned.retain(|_, budget| !budget.is_full(now));
            }
            if self.owned.len() >= OWNERS_MAX {
                return self.shared.take(now, 1, self.rate);
            }
        }
        self.owned.entry(owner).or_default().take(now, 1, self.rate)
    }

    /// Whether `owner` has used nothing lately.
    pub(super) fn is_full(&self, now: Time, owner: K) -> bool {
        self.owned.get(&owner).is_none_or(|budget| budget.is_full(now))
    }

    /// Gives one use back to `owner`.
    pub(super) fn give_back(&mut self, owner: K) {
        match self.owned.get_mut(&owner) {
            Some(budget) => budget.give_back(1, self.rate),
            None => self.shared.give_back(1, self.rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::new(1, Micros::from_secs(60), 2);

    #[test]
    fn each_owner_pays_for_itself() {
        let mut budgets = Budgets::new(RATE);
        let now = Time::from_micros(1);
        assert_eq!((0..5).filter(|_| budgets.take(now, 1).is_ok()).count(), 2);
        assert_eq!((0..5).filter(|_| budgets.take(now, 2).is_ok()).count(), 2);
        budgets.give_back(1);
        assert!(budgets.take(now, 1).is_ok() && budgets.take(now, 1).is_err());
    }

    #[test]
    fn a_flood_of_owners_takes_no_more_room_and_no_place() {
        let mut budgets = Budgets::new(RATE);
        let now = Time::from_micros(1);
        for owner in 0..OWNERS_MAX {
            budgets.take(now, owner).unwrap();
        }
        // Newcomers share one budget now, and those in the table keep theirs.
        let newcomers = OWNERS_MAX..OWNERS_MAX + 1_000;
        assert_eq!(newcomers.clone().filter(|owner| budgets.take(now, *owner).is_ok()).count(), 2);
        assert!(budgets.take(now, 7).is_ok());
        assert_eq!(budgets.owned.len(), OWNERS_MAX);
        // Once they are full again, the old ones make room.
        let later = now + Micros::from_secs(61);
        assert_eq!(newcomers.clone().filter(|owner| budgets.take(later, *owner).is_ok()).count(), newcomers.len());
        assert!(budgets.owned.len() <= 1_001);
    }
}

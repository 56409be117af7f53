//! From where an account's known devices come: whoever logs in from there is not held up by strangers who guess elsewhere.

use super::origin::Prefix;
use crate::transport::{Micros, Time};
use std::collections::HashMap;

/// Most pairs of account and prefix that are remembered.
pub(super) const HOMES_MAX: usize = 1 << 16;

/// Most prefixes of one account that are remembered, so that a user who is in a thousand networks takes nobody else's place; the
/// one that was seen longest ago goes.
const HOMES_PER_ACCOUNT_MAX: usize = 16;

/// How long a place is an account's home after a device of it was seen there.
const HOME_TIMEOUT: Micros = Micros::from_secs(30 * 86_400);

/// Places of accounts, by the hash of the account's name, with when a device was last seen there.
#[derive(Debug, Default)]
pub(super) struct Homes {
    by_account: HashMap<u64, Vec<(Prefix, Time)>>,
    /// How many pairs there are.
    count: usize,
    sweep_at: Time,
}

impl Homes {
    /// A device of the account came from there.
    pub(super) fn see(&mut self, now: Time, account: u64, prefix: Prefix) {
        if let Some(homes) = self.by_account.get_mut(&account) {
            let at = match homes.iter().position(|(home, _)| *home == prefix) {
                None if homes.len() >= HOMES_PER_ACCOUNT_MAX => (0..homes.len()).min_by_key(|at| homes[*at].1),
                found => found,
            };
            if let Some(home) = at.and_then(|at| homes.get_mut(at)) {
                *home = (prefix, now);
                return;
            }
        }
        if self.count >= HOMES_MAX && now >= self.sweep_at {
            self.sweep_at = now + Micros::from_secs(1);
            self.sweep(now);
        }
        if self.count < HOMES_MAX {
            // Nearly all have one, and room for one is all they get.
            self.by_account.entry(account).or_insert_with(|| Vec::with_capacity(1)).push((prefix, now));
            self.count += 1;
        }
    }

    /// Whether a device of the account came from there lately.
    pub(super) fn has(&self, now: Time, account: u64, prefix: Prefix) -> bool {
        let mut homes = self.by_account.get(&account).into_iter().flatten();
        homes.any(|(home, seen_at)| *home == prefix && now - *seen_at < HOME_TIMEOUT)
    }

    /// Forgets what was not seen for too long.
    fn sweep(&mut self, now: Time) {
        self.by_account.retain(|_, homes| {
            homes.retain(|(_, seen_at)| now - *seen_at < HOME_TIMEOUT);
            !homes.is_empty()
        });
        self.count = self.by_account.values().map(Vec::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::super::origin::Origin;
    use super::*;

    fn prefix(network: u8) -> Prefix {
        Origin::of(format!("192.0.{network}.1").parse().unwrap()).prefix
    }

    #[test]
    fn a_user_in_very_many_networks_takes_nobody_elses_place() {
        let mut homes = Homes::default();
        let mut now = Time::from_micros(1);
        homes.see(now, 1, prefix(0));
        for network in 0..=255 {
            now = now + Micros::from_secs(1);
            homes.see(now, 2, prefix(network));
            // The user is at home every day, and that is not forgotten over the journeys.
            homes.see(now, 2, prefix(7));
        }
        assert_eq!(homes.count, 1 + HOMES_PER_ACCOUNT_MAX);
        assert_eq!(homes.by_account[&2].len(), HOMES_PER_ACCOUNT_MAX);
        let held: Vec<u8> = (0..=255).filter(|network| homes.has(now, 2, prefix(*network))).collect();
        assert_eq!(held, [7].into_iter().chain(241..=255).collect::<Vec<_>>(), "the others were seen longest ago");
        assert!(homes.has(now, 1, prefix(0)));
    }

    #[test]
    fn a_home_is_remembered_for_a_month_and_there_are_so_many() {
        let prefix = prefix(2);
        let mut homes = Homes::default();
        let now = Time::from_micros(1);
        for account in 0..HOMES_MAX as u64 + 10 {
            homes.see(now, account, prefix);
        }
        assert_eq!(homes.count, HOMES_MAX);
        assert!(homes.has(now, 7, prefix) && !homes.has(now, HOMES_MAX as u64, prefix));
        let later = now + HOME_TIMEOUT;
        assert!(!homes.has(later, 7, prefix));
        homes.see(later, HOMES_MAX as u64, prefix);
        assert_eq!((homes.count, homes.by_account.len()), (1, 1));
    }
}

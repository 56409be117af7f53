//! From where an account's known devices come: whoever logs in from there is not held up by strangers who guess elsewhere.

use super::origin::Prefix;
use crate::transport::{Micros, Time};
use std::collections::HashMap;

/// Most pairs of account and prefix that are remembered.
pub(super) const HOMES_MAX: usize = 1 << 16;

/// How long a place is an account's home after a device of it was seen there.
const HOME_TIMEOUT: Micros = Micros::from_secs(30 * 86_400);

/// Places of accounts, by the hash of the account's name.
#[derive(Debug, Default)]
pub(super) struct Homes {
    seen: HashMap<(u64, Prefix), Time>,
    sweep_at: Time,
}

impl Homes {
    /// A device of the account came from there.
    pub(super) fn see(&mut self, now: Time, account: u64, prefix: Prefix) {
        if self.seen.len() >= HOMES_MAX && !self.seen.contains_key(&(account, prefix)) {
            if now >= self.sweep_at {
                self.sweep_at = now + Micros::from_secs(1);
                self.seen.retain(|_, seen_at| now - *seen_at < HOME_TIMEOUT);
            }
            if self.seen.len() >= HOMES_MAX {
                return;
            }
        }
        self.seen.insert((account, prefix), now);
    }

    /// Whether a device of the account came from there lately.
    pub(super) fn has(&self, now: Time, account: u64, prefix: Prefix) -> bool {
        self.seen.get(&(account, prefix)).is_some_and(|seen_at| now - *seen_at < HOME_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::super::origin::Origin;
    use super::*;

    #[test]
    fn a_home_is_remembered_for_a_month_and_there_are_so_many() {
        let prefix = Origin::of("192.0.2.1".parse().unwrap()).prefix;
        let mut homes = Homes::default();
        let now = Time::from_micros(1);
        for account in 0..HOMES_MAX as u64 + 10 {
            homes.see(now, account, prefix);
        }
        assert_eq!(homes.seen.len(), HOMES_MAX);
        assert!(homes.has(now, 7, prefix) && !homes.has(now, HOMES_MAX as u64, prefix));
        let later = now + HOME_TIMEOUT;
        assert!(!homes.has(later, 7, prefix));
        homes.see(later, HOMES_MAX as u64, prefix);
        assert_eq!(homes.seen.len(), 1);
    }
}

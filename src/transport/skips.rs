//! Packet numbers that are never used, so that a peer who acknowledges what it has not received is found out.
//!
//! Such a peer would make us send faster than its path carries (RFC 9000 section 21.4). Only worth it with many packets in
//! flight; a chat skips nothing.

/// Numbers are skipped only with more packets in flight than this.
pub const SKIP_FLIGHT_MIN: usize = 32;

/// The numbers skipped by one connection. One at a time: the next is chosen when the peer has acknowledged something later.
#[derive(Debug, Default)]
pub(super) struct Skips {
    /// The next number to skip.
    planned: Option<u64>,
    /// The last one skipped.
    latest: Option<u64>,
}

impl Skips {
    /// Nothing skipped.
    pub const fn new() -> Self {
        Self { planned: None, latest: None }
    }

    /// Whether the number `next` is to be left out. A window holds about `window_count` packets; `dice` yields a number that
    /// the peer cannot guess, from the one of the last skip.
    pub fn skips(&mut self, next: u64, window_count: u64, largest_acked: Option<u64>, dice: impl FnOnce(u64) -> u64) -> bool {
        if self.latest.is_some_and(|latest| largest_acked.is_none_or(|largest| largest <= latest)) {
            return false;
        }
        let Some(planned) = self.planned else {
            // Somewhere between half a window and two windows from here.
            let spread = window_count.saturating_mul(3).div_ceil(2).max(1);
            let chance = dice(self.latest.map_or(0, |latest| latest.saturating_add(1))).checked_rem(spread).unwrap_or_default();
            self.planned = Some(next.saturating_add(window_count / 2).saturating_add(chance));
            return false;
        };
        if next < planned {
            return false;
        }
        self.latest = Some(next);
        self.planned = None;
        true
    }

    /// Whether a run of acknowledged numbers names the one that was left out.
    pub fn is_named(&self, low: u64, high: u64) -> bool {
        self.latest.is_some_and(|latest| low <= latest && latest <= high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_between_half_a_window_and_two_windows_is_left_out() {
        for chance in 0..200 {
            let mut skips = Skips::new();
            let skipped = (10..1_000).find(|next| skips.skips(*next, 100, Some(5), |_| chance)).unwrap();
            assert!((60..=210).contains(&skipped), "{skipped}");
            assert!(skips.is_named(skipped, skipped) && skips.is_named(0, 1_000));
            assert!(!skips.is_named(0, skipped - 1) && !skips.is_named(skipped + 1, 1_000));
        }
    }

    #[test]
    fn the_next_waits_until_the_last_was_passed_by_an_acknowledgement() {
        let mut skips = Skips::new();
        let first = (0..1_000).find(|next| skips.skips(*next, 100, None, |_| 7)).unwrap();
        assert_eq!(first, 57);
        assert!((58..5_000).all(|next| !skips.skips(next, 100, Some(first), |_| 7)));
        assert!((5_000..6_000).any(|next| skips.skips(next, 100, Some(first + 1), |_| 7)));
    }
}

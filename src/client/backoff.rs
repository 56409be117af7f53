//! How long to wait before the next try: at once after a good connection, then twice as long each time, never the same for
//! two clients, so that a restarted server does not meet all of them in one moment.
//!
//! Only a connection that has stood for a while was a good one: a server that greets and then ends it, because a profile has
//! too many, is not asked again and again at once.

use crate::crypto::Dice;
use crate::transport::{CloseReason, Micros, Time};

/// Longest first wait, after a good connection.
const FIRST_DELAY_MAX: Micros = Micros::from_millis(250);

/// The wait after the first failure; doubles with each further one.
const DELAY_MIN: Micros = Micros::from_millis(500);

/// Longest wait.
const DELAY_MAX: Micros = Micros::from_secs(30);

/// A connection that has stood this long was a good one.
const GOOD_AFTER: Micros = Micros::from_secs(10);

/// The failures so far.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Since the server last greeted.
    failure_count: u32,
    /// Since the last good connection.
    loss_count: u32,
    online_since: Option<Time>,
}

impl Backoff {
    /// The server has greeted, perhaps on a connection with fresh keys beside the one before.
    pub(super) fn on_online(&mut self, now: Time) {
        self.failure_count = 0;
        self.online_since.get_or_insert(now);
    }

    /// A connection is lost or did not come about: how long to wait for the next try.
    pub(super) fn on_lost(&mut self, now: Time, reason: &CloseReason, dice: &mut Dice) -> Micros {
        if self.online_since.take().is_some_and(|since| now - since >= GOOD_AFTER) {
            self.loss_count = 0;
        }
        // A server that has lost its memory is there, and after a long silence one try at once is due.
        let is_lone = self.loss_count == 0 && matches!(reason, CloseReason::Reset | CloseReason::IdleTimeout);
        let retry_delay = if is_lone { Micros::ZERO } else { delay(self.loss_count, dice) };
        self.loss_count = self.loss_count.saturating_add(1);
        self.failure_count = self.failure_count.saturating_add(1);
        retry_delay
    }

    /// How many tries failed in a row.
    pub(super) fn failure_count(&self) -> u32 {
        self.failure_count
    }
}

/// The wait after `loss_count` failures in a row: half of it fixed, half of it by chance.
fn delay(loss_count: u32, dice: &mut Dice) -> Micros {
    let Some(doublings) = loss_count.checked_sub(1) else {
        return Micros::new(dice.below(FIRST_DELAY_MAX.as_micros()));
    };
    let whole = DELAY_MIN.times(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(DELAY_MAX);
    let half = whole.part(2);
    half + Micros::new(dice.below(half.as_micros().saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute_and_scatter() {
        let mut dice = Dice::from_seed([5; 32]);
        for _ in 0..100 {
            assert!(delay(0, &mut dice) < FIRST_DELAY_MAX);
            assert!((250..=500).contains(&delay(1, &mut dice).as_millis()));
            assert!((1_000..=2_000).contains(&delay(3, &mut dice).as_millis()));
            for many in [7, 64, 65, u32::MAX] {
                assert!((15_000..=30_000).contains(&delay(many, &mut dice).as_millis()));
            }
        }
        assert_ne!(delay(9, &mut dice), delay(9, &mut dice));
    }

    #[test]
    fn a_connection_that_ends_at_once_again_and_again_is_not_made_in_haste() {
        let mut dice = Dice::from_seed([6; 32]);
        let (mut backoff, mut now) = (Backoff::default(), Time::default());
        let mut last = Micros::ZERO;
        for _ in 0..10 {
            backoff.on_online(now);
            now = now + Micros::from_millis(100);
            last = backoff.on_lost(now, &CloseReason::Reset, &mut dice);
            assert_eq!(backoff.failure_count(), 1, "each time it was reached");
        }
        assert!(last >= Micros::from_secs(15), "{last:?}");
        backoff.on_online(now);
        let delay = backoff.on_lost(now + GOOD_AFTER, &CloseReason::Reset, &mut dice);
        assert_eq!(delay, Micros::ZERO, "after a good one all is as before");
    }
}

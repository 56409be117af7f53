//! Which packet numbers were opened already: a sliding window of bits (the idea of RFC 6479).
//!
//! A number counts as seen only after its packet's seal verified, hence two steps: [`ReplayWindow::check`] before opening,
//! [`ReplayWindow::commit`] after. Otherwise a forger could make us refuse the genuine packet.

/// How many numbers behind the largest are still told apart.
pub const REPLAY_WINDOW: u64 = 1_024;

const WORD_BITS: u64 = 64;
const WORDS: usize = 16;
/// The same count as [`WORDS`], for arithmetic on packet numbers.
const WORD_COUNT: u64 = REPLAY_WINDOW / WORD_BITS;

/// What is known about a packet number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Not opened yet.
    Fresh,
    /// Opened before: a duplicate or a replay.
    Seen,
    /// So old that it cannot be told; refused like a replay.
    TooOld,
}

/// The last [`REPLAY_WINDOW`] numbers of one direction, as a ring of bits.
#[derive(Debug, Clone)]
pub struct ReplayWindow {
    /// One above the largest committed number; zero when there is none.
    next: u64,
    bits: [u64; WORDS],
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplayWindow {
    /// A window in which every number is fresh.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: 0, bits: [0; WORDS] }
    }

    /// The largest number committed so far.
    #[must_use]
    pub const fn largest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    /// Whether `number` may be opened. Changes nothing.
    #[must_use]
    pub fn check(&self, number: u64) -> Freshness {
        if number >= self.next {
            Freshness::Fresh
        } else if self.next.saturating_sub(number) > REPLAY_WINDOW {
            Freshness::TooOld
        } else if self.word(number) & mask(number) == 0 {
            Freshness::Fresh
        } else {
            Freshness::Seen
        }
    }

    /// Marks `number` as seen; to be called once its seal verified. A number too old to be told apart is left alone.
    pub fn commit(&mut self, number: u64) {
        if self.check(number) == Freshness::TooOld {
            return;
        }
        if number >= self.next {
            self.clear_between(self.next, number);
            self.next = number.saturating_add(1);
        }
        if let Some(word) = self.bits.get_mut(index(number)) {
            *word |= mask(number);
        }
    }

    /// Forgets what stood in the places that the numbers `from..=to` take over.
    fn clear_between(&mut self, from: u64, to: u64) {
        if to.saturating_sub(from) >= REPLAY_WINDOW {
            self.bits = [0; WORDS];
            return;
        }
        let mut number = from;
        while number <= to {
            // Whole words at a time where the run covers them, else bit by bit.
            let whole = number.is_multiple_of(WORD_BITS) && to.saturating_sub(number) >= WORD_BITS.saturating_sub(1);
            let (keep, step) = if whole { (0, WORD_BITS) } else { (!mask(number), 1) };
            if let Some(word) = self.bits.get_mut(index(number)) {
                *word &= keep;
            }
            number = number.saturating_add(step);
        }
    }

    fn word(&self, number: u64) -> u64 {
        self.bits.get(index(number)).copied().unwrap_or_default()
    }
}

fn mask(number: u64) -> u64 {
    1 << (number % WORD_BITS)
}

fn index(number: u64) -> usize {
    usize::try_from((number / WORD_BITS) % WORD_COUNT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The same rule, said with a set that forgets nothing.
    #[derive(Default)]
    struct Model(BTreeSet<u64>);

    impl Model {
        fn check(&self, number: u64) -> Freshness {
            match self.0.last() {
                Some(&largest) if number + REPLAY_WINDOW <= largest => Freshness::TooOld,
                _ if self.0.contains(&number) => Freshness::Seen,
                _ => Freshness::Fresh,
            }
        }

        fn commit(&mut self, number: u64) {
            if self.check(number) != Freshness::TooOld {
                self.0.insert(number);
            }
        }
    }

    #[test]
    fn agrees_with_a_set_for_every_pair_of_jumps_over_the_window() {
        // After two commits at every pair of distances that straddle words and window, every number near them is compared.
        let jumps = [1, 2, 63, 64, 65, 127, 128, 1_022, 1_023, 1_024, 1_025, 1_087, 1_088, 2_048, 5_000];
        for start in [0, 1, 63, 64, 1_023, 1_024, 70_001] {
            for first in jumps {
                for second in jumps {
                    let (mut window, mut model) = (ReplayWindow::new(), Model::default());
                    for number in [start, start + first, start + first + second] {
                        window.commit(number);
                        model.commit(number);
                    }
                    for number in 0..=(start + first + second + 2).min(9_000) {
                        assert_eq!(window.check(number), model.check(number), "{start} {first} {second}: {number}");
                    }
                }
            }
        }
    }

    #[test]
    fn agrees_with_a_set_for_every_order_of_six_numbers() {
        let numbers = [0_u64, 1, 63, 64, 1_023, 1_087];
        let mut orders = vec![vec![]];
        for _ in 0..numbers.len() {
            orders = orders
                .iter()
                .flat_map(|order: &Vec<u64>| numbers.iter().filter(|n| !order.contains(n)).map(|n| [&order[..], &[*n]].concat()))
                .collect();
        }
        assert_eq!(orders.len(), 720);
        for order in orders {
            let (mut window, mut model) = (ReplayWindow::new(), Model::default());
            for &number in &order {
                window.commit(number);
                model.commit(number);
                for other in 0..1_200 {
                    assert_eq!(window.check(other), model.check(other), "{order:?}: {other}");
                }
            }
        }
    }

    #[test]
    fn the_last_number_of_all_is_handled() {
        let mut window = ReplayWindow::new();
        window.commit(u64::MAX - 1);
        assert_eq!(window.check(u64::MAX - 1), Freshness::Seen);
        assert_eq!(window.check(u64::MAX - REPLAY_WINDOW), Freshness::Fresh);
        assert_eq!(window.check(0), Freshness::TooOld);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_on_random_walks(steps in proptest::collection::vec((-1_500_i64..1_500, any::<bool>()), 1..200)) {
            let (mut window, mut model) = (ReplayWindow::new(), Model::default());
            let mut at = 2_000_u64;
            for (step, commit) in steps {
                at = at.saturating_add_signed(step);
                prop_assert_eq!(window.check(at), model.check(at));
                if commit {
                    window.commit(at);
                    model.commit(at);
                }
                prop_assert_eq!(window.largest(), model.0.last().copied());
            }
        }
    }
}

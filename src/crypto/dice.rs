//! The one source of randomness: a seeded `ChaCha12` stream that is handed to whoever needs keys, names or salts.
//!
//! A program seeds it from the operating system once; a test seeds it with 32 bytes and gets the same run again, keys
//! included. Nothing else in the library asks for entropy.

use std::io;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use zeroize::Zeroizing;

/// A stream of random bytes. Not cloned, because two equal streams would make equal keys; [`Dice::fork`] splits it.
pub struct Dice(ChaCha12Rng);

impl std::fmt::Debug for Dice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dice")
    }
}

impl Dice {
    /// Dice that roll the same for the same seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// Dice seeded by the operating system.
    ///
    /// # Errors
    /// If the operating system has no entropy to give.
    pub fn from_os() -> io::Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(io::Error::other)?;
        Ok(Self::from_seed(*seed))
    }

    /// Independent dice, seeded by these.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.array())
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// `N` random bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A random integer.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A random integer.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A random integer from 0 to `end` − 1, 0 for an `end` of 0. The bias is below 2^−64 × `end`: fine for jitter and games of
    /// chance in tests, not used for keys.
    pub fn below(&mut self, end: u64) -> u64 {
        let scaled = u128::from(self.u64()).saturating_mul(u128::from(end)) >> 64;
        u64::try_from(scaled).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays() {
        let mut left = Dice::from_seed([7; 32]);
        let mut right = Dice::from_seed([7; 32]);
        assert_eq!(left.array::<40>(), right.array::<40>());
        assert_eq!(left.fork().u64(), right.fork().u64());
        assert_ne!(left.fork().u64(), left.u64());
    }

    #[test]
    fn below_stays_below_and_reaches_all() {
        let mut dice = Dice::from_seed([1; 32]);
        let mut seen = [0; 6];
        for _ in 0..600 {
            seen[usize::try_from(dice.below(6)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
        assert_eq!(dice.below(0), 0);
    }

    #[test]
    fn the_operating_system_gives_a_seed() {
        assert_ne!(Dice::from_os().unwrap().u64(), Dice::from_os().unwrap().u64());
    }
}

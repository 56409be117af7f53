//! Instants and spans in whole microseconds.
//!
//! The transport never reads a clock: whoever drives it hands `now` in. Integers only, so that a seed replays bit for bit on
//! every machine; arithmetic saturates, so that a strange clock can make a timer early or late but never wrap.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Add, Sub};

/// An instant: microseconds since a start that the driver chose. Kept one higher, so that a missing one takes no more room:
/// a connection waits for many things, most of them never.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(NonZeroU64);

/// A span of time in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(u64);

impl Time {
    /// The instant `micros` after the driver's start.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(micros))
    }

    /// Microseconds since the driver's start.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0.get().saturating_sub(1)
    }
}

impl Micros {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// For ever.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `micros` microseconds.
    #[must_use]
    pub const fn new(micros: u64) -> Self {
        Self(micros)
    }

    /// A span of `millis` milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// A span of `secs` seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// The span in microseconds.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The span in whole milliseconds, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// `factor` times as long.
    #[must_use]
    pub const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// One `parts`th of it; the whole of it for zero parts.
    #[must_use]
    pub const fn part(self, parts: u64) -> Self {
        match self.0.checked_div(parts) {
            Some(micros) => Self(micros),
            None => self,
        }
    }
}

impl Default for Time {
    /// The driver's start.
    fn default() -> Self {
        Self::from_micros(0)
    }
}

impl Add<Micros> for Time {
    type Output = Self;
    fn add(self, span: Micros) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Micros> for Time {
    type Output = Self;
    fn sub(self, span: Micros) -> Self {
        Self::from_micros(self.as_micros().saturating_sub(span.0))
    }
}

impl Sub for Time {
    type Output = Micros;
    /// The span from `earlier` to `self`, zero if `earlier` is later.
    fn sub(self, earlier: Self) -> Micros {
        Micros(self.as_micros().saturating_sub(earlier.as_micros()))
    }
}

impl Add for Micros {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Micros {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}µs", self.as_micros())
    }
}

impl fmt::Debug for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}µs", self.0)
    }
}

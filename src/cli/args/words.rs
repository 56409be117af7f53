//! Words that several commands take: rooms, people, times.

use super::super::moment::Moment;
use crate::message::{NameError, RoomName, Target, UserName};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use thiserror::Error;

/// A room's name, written with `#`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room(pub RoomName);

/// A person, written with `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person(pub UserName);

/// A room or a person, written with `#` or `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversation {
    /// `#room`
    Room(RoomName),
    /// `@user`
    User(UserName),
}

/// A span of time that is more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

/// A time to come: so much later, or a moment of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// So many milliseconds from now.
    In(u64),
    /// In milliseconds since 1970 (UTC).
    At(u64),
}

/// Why a word of the command line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WordError {
    /// Neither `#` nor `@` stands before it.
    #[error("a room is given with #, a person with @, in quotes: '#{0}' or '@{0}'")]
    NoSign(String),
    /// It is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It is no time.
    #[error("a time is a number of seconds above 0, such as 5 or 0.5")]
    Seconds,
    /// It is no time to come.
    #[error("a time is 2026-12-01T09:00Z")]
    Moment,
    /// It is no span of time.
    #[error("a span of time is 30s, 10m, 2h or 7d")]
    Span,
    /// It is no place to begin.
    #[error("a beginning is start, now or a position")]
    Beginning,
    /// It is neither.
    #[error("when is 30s, 10m, 2h, 7d or 2026-12-01T09:00Z")]
    When,
}

impl FromStr for Room {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        if !word.starts_with('#') {
            return Err(WordError::NoSign(word.trim_start_matches('@').to_owned()));
        }
        Ok(Self(RoomName::parse(word)?))
    }
}

impl FromStr for Person {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        if !word.starts_with('@') {
            return Err(WordError::NoSign(word.trim_start_matches('#').to_owned()));
        }
        Ok(Self(UserName::parse(word)?))
    }
}

impl FromStr for Conversation {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        match word.chars().next() {
            Some('#') => Ok(Self::Room(RoomName::parse(word)?)),
            Some('@') => Ok(Self::User(UserName::parse(word)?)),
            _ => Err(WordError::NoSign(word.to_owned())),
        }
    }
}

impl Conversation {
    /// As a request names it.
    #[must_use]
    pub fn target(&self) -> Target {
        match self {
            Self::Room(name) => Target::Room(name.to_string()),
            Self::User(name) => Target::User(name.to_string()),
        }
    }

    /// The same for all ways to write the name, with its `#` or `@`.
    #[must_use]
    pub fn skeleton(&self) -> String {
        match self {
            Self::Room(name) => format!("#{}", name.skeleton()),
            Self::User(name) => format!("@{}", name.skeleton()),
        }
    }
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(name) => fmt::Display::fmt(name, f),
            Self::User(name) => fmt::Display::fmt(name, f),
        }
    }
}

impl FromStr for Time {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        Self::span(word).or_else(|_| Self::moment(word)).map_err(|_| WordError::When)
    }
}

impl Time {
    /// Reads a moment of the calendar, in UTC.
    ///
    /// # Errors
    /// [`WordError::Moment`] if it is none.
    pub fn moment(word: &str) -> Result<Self, WordError> {
        Moment::parse(word).map(|moment| Self::At(moment.ms())).ok_or(WordError::Moment)
    }

    /// Reads how much later.
    ///
    /// # Errors
    /// [`WordError::Span`] if it is no span.
    pub fn span(word: &str) -> Result<Self, WordError> {
        let unit_ms: u64 = match word.chars().next_back() {
            Some('s') => 1_000,
            Some('m') => 60_000,
            Some('h') => 3_600_000,
            Some('d') => 86_400_000,
            _ => return Err(WordError::Span),
        };
        let digits = word.get(..word.len() - 1).filter(|digits| digits.chars().all(|c| c.is_ascii_digit()));
        let count: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or(WordError::Span)?;
        count.checked_mul(unit_ms).map(Self::In).ok_or(WordError::Span)
    }

    /// The time, in milliseconds since 1970 (UTC), if it is now `now_ms`.
    #[must_use]
    pub fn at_ms(self, now_ms: u64) -> u64 {
        match self {
            Self::At(at_ms) => at_ms,
            Self::In(delay_ms) => now_ms.saturating_add(delay_ms),
        }
    }
}

impl FromStr for Seconds {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        let seconds: f64 = word.strip_suffix('s').unwrap_or(word).parse().map_err(|_| WordError::Seconds)?;
        let span = Duration::try_from_secs_f64(seconds).map_err(|_| WordError::Seconds)?;
        if span.is_zero() { Err(WordError::Seconds) } else { Ok(Self(span)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_span_or_a_moment() {
        let time = |word: &str| word.parse::<Time>();
        assert_eq!((time("30s"), time("2h")), (Ok(Time::In(30_000)), Ok(Time::In(7_200_000))));
        assert_eq!(time("2026-03-01T09:52Z"), Ok(Time::At(1_772_358_720_000)));
        assert_eq!((Time::In(5).at_ms(7), Time::At(5).at_ms(7), Time::In(u64::MAX).at_ms(7)), (12, 5, u64::MAX));
        for word in ["", "s", "+5m", "-5m", "5", "5w", "5 m", "soon", "99999999999999999d", "1.5h", "5é"] {
            assert_eq!(time(word), Err(WordError::When), "{word}");
        }
        assert_eq!((Time::moment("30s"), Time::span("2026-03-01T09:52Z")), (Err(WordError::Moment), Err(WordError::Span)));
    }
}

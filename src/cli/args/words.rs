//! Words that several commands take: rooms, people, times.

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

impl FromStr for Seconds {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        let seconds: f64 = word.strip_suffix('s').unwrap_or(word).parse().map_err(|_| WordError::Seconds)?;
        let span = Duration::try_from_secs_f64(seconds).map_err(|_| WordError::Seconds)?;
        if span.is_zero() { Err(WordError::Seconds) } else { Ok(Self(span)) }
    }
}

//! Profiles: what people say about themselves to everybody who is logged in.

use super::account::{AccountKind, ServerRole};
use super::id::{RequestId, UserId};
use super::settings::fold_tag;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// Longest line about oneself, in characters.
pub const ABOUT_CHARS_MAX: usize = 200;

/// Most tags of a profile.
pub const PROFILE_TAGS_MAX: usize = 10;

/// How much of a wrong tag an error repeats, in characters.
const TAG_CHARS_SHOWN: usize = 32;

/// What the asker wants to say about themselves; what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetProfile {
    /// The request's id.
    pub id: RequestId,
    /// One line; an empty one takes it away.
    pub about: Option<String>,
    /// Interests; an empty list takes them away.
    pub tags: Option<Vec<String>>,
}

/// Somebody, as everybody who is logged in may see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The user.
    pub user: UserId,
    /// The user's name, without `@`.
    pub name: String,
    /// What kind of account it is.
    pub kind: AccountKind,
    /// What the user may do on the whole server.
    pub role: ServerRole,
    /// The line about themselves; may be empty.
    pub about: String,
    /// Interests, in their order.
    pub tags: Vec<String>,
    /// When the account was made, in milliseconds since 1970 (UTC).
    pub created_ms: u64,
    /// Whether a device of the user is connected.
    pub online: bool,
    /// Whose bot it is: the name, without `@`; `None` for who is no bot.
    pub owner: Option<String>,
}

/// Why a profile is refused, in words for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProfileTextError {
    /// More than [`ABOUT_CHARS_MAX`] characters.
    #[error("the line about you has at most {ABOUT_CHARS_MAX} characters")]
    AboutTooLong,
    /// It has a newline, a control or an override of the writing direction.
    #[error("the line about you is one line without control characters")]
    AboutControl,
    /// More than [`PROFILE_TAGS_MAX`].
    #[error("a profile has at most {PROFILE_TAGS_MAX} tags")]
    TooManyTags,
    /// This one is empty, too long, or more than letters, digits and `-`.
    #[error("{0:?} is no tag: a tag has 1 to 32 letters or digits of any script, and -")]
    Tag(String),
}

/// A line about oneself: at most [`ABOUT_CHARS_MAX`] characters in NFC, no newline, nothing that drives a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About(String);

/// Interests: at most [`PROFILE_TAGS_MAX`], each folded like the tags of rooms, in their order and without repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags(BTreeSet<String>);

impl About {
    /// Checks `typed`, cut of white space at its ends.
    ///
    /// # Errors
    /// [`ProfileTextError`] says what is wrong.
    pub fn parse(typed: &str) -> Result<Self, ProfileTextError> {
        // Before normalizing, so that a flood of text costs nothing.
        if typed.len() > ABOUT_CHARS_MAX.saturating_mul(4) {
            return Err(ProfileTextError::AboutTooLong);
        }
        let about: String = typed.trim().nfc().collect();
        if about.chars().count() > ABOUT_CHARS_MAX {
            return Err(ProfileTextError::AboutTooLong);
        }
        let turns = |c: char| matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if about.chars().any(|c| c.is_control() || turns(c)) {
            return Err(ProfileTextError::AboutControl);
        }
        Ok(Self(about))
    }

    /// The line; may be empty.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tags {
    /// Checks `typed`; a `#` before a tag is taken off.
    ///
    /// # Errors
    /// [`ProfileTextError`] says what is wrong.
    pub fn parse(typed: &[String]) -> Result<Self, ProfileTextError> {
        if typed.len() > PROFILE_TAGS_MAX {
            return Err(ProfileTextError::TooManyTags);
        }
        typed.iter().map(|tag| tag_of(tag)).collect::<Result<_, _>>().map(Self)
    }

    /// The tags, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// As one text, for keeping: no tag contains a space.
    #[must_use]
    pub fn joined(&self) -> String {
        self.iter().collect::<Vec<_>>().join(" ")
    }
}

fn tag_of(typed: &str) -> Result<String, ProfileTextError> {
    let wrong = || ProfileTextError::Tag(typed.chars().take(TAG_CHARS_SHOWN).collect());
    fold_tag(typed.strip_prefix('#').unwrap_or(typed)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_about_oneself_is_one_line() {
        assert_eq!(About::parse("  喜欢登山, climbing 👋 ").unwrap().as_str(), "喜欢登山, climbing 👋");
        assert_eq!(About::parse("").unwrap().as_str(), "");
        for line in ["a\nb", "\u{1b}[2J", "a\u{202e}b", "a\u{2028}b"] {
            assert_eq!(About::parse(line), Err(ProfileTextError::AboutControl), "{line:?}");
        }
        assert!(About::parse(&"字".repeat(ABOUT_CHARS_MAX)).is_ok());
        assert_eq!(About::parse(&"字".repeat(ABOUT_CHARS_MAX + 1)), Err(ProfileTextError::AboutTooLong));
        assert_eq!(About::parse(&"x".repeat(1_000_000)), Err(ProfileTextError::AboutTooLong));
    }

    #[test]
    fn tags_are_words_without_repeats() {
        let typed = |tags: &[&str]| Tags::parse(&tags.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(typed(&["#Rust", "音乐", "rust"]).unwrap().joined(), "rust 音乐");
        for tag in ["", "#", "two words", "a\u{200b}b", &"x".repeat(33)] {
            assert!(matches!(typed(&[tag]), Err(ProfileTextError::Tag(_))), "{tag:?}");
        }
        let many: Vec<String> = (0..=PROFILE_TAGS_MAX).map(|number| format!("t{number}")).collect();
        assert_eq!(Tags::parse(&many), Err(ProfileTextError::TooManyTags));
        assert!(Tags::parse(&many[1..]).is_ok());
    }
}

//! What people write, and the passwords they write it behind, checked once at the edge.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroize;

/// Longest message text, in bytes of UTF-8.
pub const TEXT_LEN_MAX: usize = 16 * 1024;

/// Shortest password, in bytes.
pub const PASSWORD_LEN_MIN: usize = 8;

/// Longest password, in bytes; a longer one is refused, never cut.
pub const PASSWORD_LEN_MAX: usize = 256;

/// Why a text is refused, in words for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextError {
    /// Nothing, or only white space.
    #[error("a message needs some text")]
    Empty,
    /// Above 16 KiB.
    #[error("a message has at most {TEXT_LEN_MAX} bytes; this one has {0}")]
    TooLong(usize),
    /// A control character other than newline and tab.
    #[error("a message cannot contain the control character U+{:04X}", u32::from(*.0))]
    Control(char),
    /// A character that turns the writing direction of what follows around.
    #[error("a message cannot contain U+{:04X}, which turns the writing direction of what follows around", u32::from(*.0))]
    Direction(char),
}

/// Why a reaction is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReactionError {
    /// Nothing, or more than 32 bytes.
    #[error("a reaction is an emoji or a short word: 1 to {REACTION_LEN_MAX} bytes")]
    Length,
    /// White space, a control character or one that turns the writing direction around.
    #[error("a reaction cannot contain U+{:04X}", u32::from(*.0))]
    Character(char),
}

/// Longest reaction, in bytes of UTF-8: room for the longest emoji sequences and a short word.
const REACTION_LEN_MAX: usize = 32;

/// What somebody shows about a message instead of answering it: an emoji or a short word, in NFC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reaction(String);

impl Reaction {
    /// Checks `typed`.
    ///
    /// # Errors
    /// [`ReactionError`] says what is wrong.
    pub fn parse(typed: &str) -> Result<Self, ReactionError> {
        // Before normalizing, so that a flood of text costs nothing.
        if typed.len() > REACTION_LEN_MAX {
            return Err(ReactionError::Length);
        }
        let reaction: String = typed.nfc().collect();
        if let Some(stray) = reaction.chars().find(|c| c.is_whitespace() || c.is_control() || turns_direction(*c)) {
            return Err(ReactionError::Character(stray));
        }
        if reaction.is_empty() || reaction.len() > REACTION_LEN_MAX {
            return Err(ReactionError::Length);
        }
        Ok(Self(reaction))
    }

    /// The reaction.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message's text: valid UTF-8, 1 byte to 16 KiB, no control characters but newline and tab, nothing that turns the writing
/// direction of what follows around. The marks that only help a line of two directions (U+200E, U+200F, U+061C) stand.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// Checks `typed`.
    ///
    /// # Errors
    /// [`TextError`] says what is wrong.
    pub fn parse(typed: impl Into<String>) -> Result<Self, TextError> {
        let typed = typed.into();
        if typed.len() > TEXT_LEN_MAX {
            return Err(TextError::TooLong(typed.len()));
        }
        if let Some(control) = typed.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            return Err(TextError::Control(control));
        }
        if let Some(turn) = typed.chars().find(|c| turns_direction(*c)) {
            return Err(TextError::Direction(turn));
        }
        if typed.chars().all(char::is_whitespace) {
            return Err(TextError::Empty);
        }
        Ok(Self(typed))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Embeddings, overrides and isolates (UAX #9 section 2): left open, they turn around what follows, also the next person's
/// line.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Never logged: a message's text belongs to the people who read it.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// A password in the clear, on its way to the hash: wiped from memory when dropped, never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Takes a password as typed; its length is judged by [`Password::has_good_len`].
    #[must_use]
    pub fn new(typed: String) -> Self {
        Self(typed)
    }

    /// Whether it has 8 to 256 bytes.
    #[must_use]
    pub fn has_good_len(&self) -> bool {
        (PASSWORD_LEN_MIN..=PASSWORD_LEN_MAX).contains(&self.0.len())
    }

    /// The bytes to hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_texts_pass_unchanged() {
        for text in ["hello 你好 👋", "two\nlines\tand a tab", " padded ", "عربي\u{200f}!"] {
            assert_eq!(Text::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_could_drive_a_terminal_is_refused() {
        assert_eq!(Text::parse("\u{1b}[2J"), Err(TextError::Control('\u{1b}')));
        assert_eq!(Text::parse("a\u{9b}b"), Err(TextError::Control('\u{9b}')));
        for turn in ['\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}'] {
            assert_eq!(Text::parse(format!("a{turn}b")), Err(TextError::Direction(turn)));
        }
        assert_eq!(Text::parse(" \n"), Err(TextError::Empty));
        assert_eq!(Text::parse("x".repeat(16_385)), Err(TextError::TooLong(16_385)));
    }

    #[test]
    fn a_reaction_is_an_emoji_or_a_short_word() {
        for reaction in ["👍", "👩\u{200d}👩\u{200d}👧\u{200d}👦", "+1", "收到", "é"] {
            assert_eq!(Reaction::parse(reaction).unwrap().as_str(), reaction);
        }
        assert_eq!(Reaction::parse("e\u{301}").unwrap().as_str(), "é", "one way to write it");
        assert_eq!(Reaction::parse(""), Err(ReactionError::Length));
        assert_eq!(Reaction::parse(&"x".repeat(33)), Err(ReactionError::Length));
        for stray in [' ', '\n', '\u{1b}', '\u{202e}'] {
            assert_eq!(Reaction::parse(&format!("a{stray}")), Err(ReactionError::Character(stray)));
        }
    }

    #[test]
    fn secrets_do_not_show() {
        assert_eq!(format!("{:?}", Password::new("hunter2hunter2".into())), "Password(…)");
        assert_eq!(format!("{:?}", Text::parse("private").unwrap()), "Text(7 bytes)");
    }
}

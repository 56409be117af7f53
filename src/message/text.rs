//! What people write, and the passwords they write it behind, checked once at the edge.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroize;

/// Longest message text, in bytes of UTF-8.
const TEXT_LEN_MAX: usize = 16 * 1024;

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
    /// A control character other than newline and tab, or an override of the writing direction.
    #[error("a message cannot contain the control character U+{:04X}", u32::from(*.0))]
    Control(char),
}

/// A message's text: valid UTF-8, 1 byte to 16 KiB, no control characters but newline and tab.
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
        if let Some(control) = typed.chars().find(|c| is_forbidden(*c)) {
            return Err(TextError::Control(control));
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

/// Controls can drive a terminal; U+202D and U+202E turn the text that follows around, also the next person's line.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202d}' | '\u{202e}')
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
        for text in ["hello 你好 👋", "two\nlines\tand a tab", " padded ", "عربي \u{2066}x\u{2069}"] {
            assert_eq!(Text::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_could_drive_a_terminal_is_refused() {
        assert_eq!(Text::parse("\u{1b}[2J"), Err(TextError::Control('\u{1b}')));
        assert_eq!(Text::parse("a\u{9b}b"), Err(TextError::Control('\u{9b}')));
        assert_eq!(Text::parse("a\u{202e}b"), Err(TextError::Control('\u{202e}')));
        assert_eq!(Text::parse(" \n"), Err(TextError::Empty));
        assert_eq!(Text::parse("x".repeat(16_385)), Err(TextError::TooLong(16_385)));
    }

    #[test]
    fn secrets_do_not_show() {
        assert_eq!(format!("{:?}", Password::new("hunter2hunter2".into())), "Password(…)");
        assert_eq!(format!("{:?}", Text::parse("private").unwrap()), "Text(7 bytes)");
    }
}

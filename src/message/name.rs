//! Names of people, rooms and devices, checked once at the edge.
//!
//! A name is kept as typed (in NFC) and is unique by its *skeleton*: case folded, then with every character that looks like
//! another replaced by one representative (UTS #39 section 4). So `Alice`, `alice` and a Cyrillic look-alike are one name.

use std::fmt;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};

/// Longest name, in characters.
const CHARS_MAX: usize = 32;

/// Longest name, in bytes of UTF-8.
const LEN_MAX: usize = 96;

/// The Unicode version whose confusables make the skeletons; a database records the one it was made with.
pub const UNICODE_VERSION: (u64, u64, u64) = unicode_security::UNICODE_VERSION;

/// Why a name is refused, in words for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing was typed.
    #[error("a name needs at least one character")]
    Empty,
    /// More than 32 characters or 96 bytes.
    #[error("a name has at most {CHARS_MAX} characters and {LEN_MAX} bytes")]
    TooLong,
    /// A character that is invisible, a space, a symbol or not recommended in identifiers (UTS #39).
    #[error("a name cannot contain {0:?}; use letters and digits of any script, and . _ - inside")]
    Character(char),
    /// Letters of scripts that can pose as each other.
    #[error("a name cannot mix letters of scripts that look alike, such as Latin and Cyrillic; use one script")]
    MixedScripts,
    /// Capitals that all look like Latin ones, of a name whose small letters do not.
    #[error("a name cannot be made of capitals that all look like Latin letters; write it in small letters")]
    LikeLatin,
    /// The first or last character is punctuation.
    #[error("a name begins and ends with a letter or digit")]
    Edge,
    /// Something other than `#` stands before a room's name.
    #[error("a room's name begins with #")]
    NoHash,
}

/// The name of a user, without the `@` that people write before it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

/// The name of a room, without the `#` that people write before it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName(String);

/// What a user calls one of their devices: up to 32 characters, anything visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceName(String);

impl UserName {
    /// Checks `typed`, with or without a leading `@`.
    ///
    /// # Errors
    /// [`NameError`] says what is wrong.
    pub fn parse(typed: &str) -> Result<Self, NameError> {
        checked(typed.strip_prefix('@').unwrap_or(typed)).map(Self)
    }

    /// The name as typed, in NFC.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes the name unique.
    #[must_use]
    pub fn skeleton(&self) -> String {
        skeleton(&self.0)
    }
}

impl RoomName {
    /// Checks `typed`, which begins with `#`.
    ///
    /// # Errors
    /// [`NameError`] says what is wrong.
    pub fn parse(typed: &str) -> Result<Self, NameError> {
        checked(typed.strip_prefix('#').ok_or(NameError::NoHash)?).map(Self)
    }

    /// The name as typed, in NFC, without `#`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes the name unique.
    #[must_use]
    pub fn skeleton(&self) -> String {
        skeleton(&self.0)
    }
}

impl DeviceName {
    /// Takes what is visible of `typed`, cut to 32 characters; `device` if nothing is.
    #[must_use]
    pub fn lenient(typed: &str) -> Self {
        let visible: String =
            typed.nfc().filter(|c| c.identifier_allowed() || matches!(c, ' ' | '-' | '_' | '.')).take(CHARS_MAX).collect();
        let visible = visible.trim();
        Self(if visible.is_empty() { "device".to_owned() } else { visible.to_owned() })
    }

    /// The name as kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Debug for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn checked(typed: &str) -> Result<String, NameError> {
    // Before normalizing, so that a flood of text costs nothing.
    if typed.len() > LEN_MAX {
        return Err(NameError::TooLong);
    }
    let name: String = typed.nfc().collect();
    if name.len() > LEN_MAX || name.chars().count() > CHARS_MAX {
        return Err(NameError::TooLong);
    }
    if let Some(stray) = name.chars().find(|c| !c.identifier_allowed() && !matches!(c, '-' | '_' | '.')) {
        return Err(NameError::Character(stray));
    }
    let (Some(first), Some(last)) = (name.chars().next(), name.chars().next_back()) else {
        return Err(NameError::Empty);
    };
    // The last character may be a combining mark, which no letter test knows; punctuation is what must not stand there.
    if !first.is_alphanumeric() || matches!(last, '-' | '_' | '.') {
        return Err(NameError::Edge);
    }
    // The three signs belong to no script, and UTS #39 would count them as none that is allowed.
    let letters: String = name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect();
    if !letters.as_str().check_restriction_level(RestrictionLevel::ModeratelyRestrictive) {
        return Err(NameError::MixedScripts);
    }
    if poses_as_latin(&name) {
        return Err(NameError::LikeLatin);
    }
    Ok(name)
}

/// Whether the name, as it stands, looks like one of Latin letters, and another skeleton is kept of it: small letters look
/// different from capitals, and names are compared by small ones.
fn poses_as_latin(name: &str) -> bool {
    let looks: String = unicode_security::confusable_detection::skeleton(name).collect();
    !name.is_ascii() && looks.is_ascii() && skeleton(&looks) != skeleton(name)
}

fn skeleton(name: &str) -> String {
    let folded = caseless::default_case_fold_str(name);
    let looks: String = unicode_security::confusable_detection::skeleton(&folded).collect();
    // A representative can be an upper-case letter or itself confusable after folding: fold once more.
    let refolded = caseless::default_case_fold_str(&looks);
    unicode_security::confusable_detection::skeleton(&refolded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(typed: &str) -> Result<String, NameError> {
        UserName::parse(typed).map(|name| name.as_str().to_owned())
    }

    #[test]
    fn names_of_many_scripts_are_welcome() {
        for name in ["alice", "Émile", "小明", "さくら", "Ελένη", "नमस्ते", "bob_2", "a.b-c"] {
            assert_eq!(user(name), Ok(name.to_owned()), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_seen_or_told_apart_is_refused() {
        assert_eq!(user(""), Err(NameError::Empty));
        assert_eq!(user("a b"), Err(NameError::Character(' ')));
        assert_eq!(user("a\u{200b}b"), Err(NameError::Character('\u{200b}')));
        assert_eq!(user("a\u{202e}b"), Err(NameError::Character('\u{202e}')));
        assert_eq!(user("a\nb"), Err(NameError::Character('\n')));
        assert_eq!(user("-a"), Err(NameError::Edge));
        assert_eq!(user("a."), Err(NameError::Edge));
        assert_eq!(user(&"a".repeat(33)), Err(NameError::TooLong));
        assert_eq!(user(&"a".repeat(1_000_000)), Err(NameError::TooLong));
        assert_eq!(RoomName::parse("ops"), Err(NameError::NoHash));
    }

    #[test]
    fn look_alikes_share_a_skeleton() {
        let skeleton = |name: &str| UserName::parse(name).unwrap().skeleton();
        assert_eq!(skeleton("Alice"), skeleton("alice"));
        assert_eq!(skeleton("\u{441}\u{43e}\u{441}\u{43e}"), skeleton("coco")); // all Cyrillic
        assert_eq!(skeleton("\u{430}\u{435}\u{43e}\u{440}"), skeleton("AEOP"));
        assert_eq!(skeleton("b0b"), skeleton("bob"));
        assert_eq!(skeleton("rnary"), skeleton("mary"));
        assert_eq!(skeleton("stra\u{df}e"), skeleton("STRASSE"));
        assert_eq!(skeleton("PAYPAL"), skeleton("paypal"));
        assert_eq!(skeleton("e\u{301}mile"), skeleton("émile"));
        assert_ne!(skeleton("alice"), skeleton("alicia"));
        assert_ne!(skeleton("小明"), skeleton("小红"));
    }

    #[test]
    fn scripts_that_pose_as_each_other_are_not_mixed() {
        for name in ["\u{430}lice", "p\u{430}ypal", "\u{3b1}lice", "ali\u{0441}e-2"] {
            assert_eq!(user(name), Err(NameError::MixedScripts), "{name}");
        }
        for name in ["小明bob", "bob小明", "李3_x", "さくらABC", "カタ仮名", "한국abc", "bob_สวัสดี"] {
            assert_eq!(user(name), Ok(name.to_owned()), "{name}");
        }
    }

    #[test]
    fn capitals_that_pose_as_latin_ones_are_refused() {
        for name in ["\u{391}\u{39d}\u{39d}\u{391}", "\u{412}\u{41e}\u{412}", "\u{41d}\u{410}\u{422}-2", "\u{392}\u{3bf}"] {
            assert_eq!(user(name), Err(NameError::LikeLatin), "{name}");
        }
        // The same letters where nobody takes them for Latin ones, or where the small ones look the same.
        for name in ["Ελένη", "ΕΛΕΝΗ", "Αννα", "Боб", "САША", "\u{421}\u{41e}\u{421}\u{41e}", "ANNA"] {
            assert_eq!(user(name), Ok(name.to_owned()), "{name}");
        }
    }

    #[test]
    fn full_width_ligatures_and_invisible_joiners_are_no_letters() {
        for stray in ['\u{ff41}', '\u{fb01}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{ad}', '\u{1d41a}'] {
            assert_eq!(user(&format!("a{stray}b")), Err(NameError::Character(stray)), "{stray:?}");
        }
    }

    #[test]
    fn a_device_name_is_made_presentable() {
        assert_eq!(DeviceName::lenient("  my\u{1b} laptop ").as_str(), "my laptop");
        assert_eq!(DeviceName::lenient("\u{7}").as_str(), "device");
    }
}

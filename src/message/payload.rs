//! What a message carries beside its text for programs: a kind, and JSON of that kind.
//!
//! Who does not know the kind shows the text; so homework, a vote or a hand-over between bots needs no new kind of event. The
//! server checks that it is JSON, once, and never looks inside.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest kind, in bytes.
const KIND_LEN_MAX: usize = 64;

/// Longest content, in bytes.
const JSON_LEN_MAX: usize = 16 * 1024;

/// Why a payload is refused, in words for the person whose program made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// The kind is no name.
    #[error("a payload's kind has 1 to {KIND_LEN_MAX} of a-z, A-Z, 0-9, '.', '-', '_' and '/'")]
    Kind,
    /// Above 16 KiB.
    #[error("a payload has at most {JSON_LEN_MAX} bytes of JSON; this one has {0}")]
    TooLong(usize),
    /// It does not read as JSON, or its lists are nested too deep to be read by everybody.
    #[error("the payload is not JSON: line {line}, column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
}

/// A payload as it travels and is kept; whoever takes one from outside checks it with [`Payload::check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// What programs know it by, such as `homework`.
    pub kind: String,
    /// The content: JSON.
    pub json: String,
}

impl Payload {
    /// Whether it may be stored.
    ///
    /// # Errors
    /// [`PayloadError`] says what is wrong.
    pub fn check(&self) -> Result<(), PayloadError> {
        let is_named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
        if self.kind.is_empty() || self.kind.len() > KIND_LEN_MAX || !self.kind.chars().all(is_named) {
            return Err(PayloadError::Kind);
        }
        if self.json.len() > JSON_LEN_MAX {
            return Err(PayloadError::TooLong(self.json.len()));
        }
        match serde_json::from_str::<serde_json::Value>(&self.json) {
            Ok(_) => Ok(()),
            Err(error) => Err(PayloadError::NotJson { line: error.line(), column: error.column() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, json: impl Into<String>) -> Result<(), PayloadError> {
        Payload { kind: kind.into(), json: json.into() }.check()
    }

    #[test]
    fn a_payload_is_a_kind_and_json() {
        assert_eq!(check("homework", r#"{"due":"2026-12-01"}"#), Ok(()));
        assert_eq!(check("org.example/vote-2", "[1, null, \"是\"]"), Ok(()));
        for kind in ["", "two words", "homework\n", "作业", &"x".repeat(65)] {
            assert_eq!(check(kind, "{}"), Err(PayloadError::Kind), "{kind}");
        }
        assert_eq!(check("k", "{"), Err(PayloadError::NotJson { line: 1, column: 1 }));
        assert_eq!(check("k", ""), Err(PayloadError::NotJson { line: 1, column: 0 }));
        assert!(check("k", "[".repeat(10_000)).is_err(), "nested without end");
        assert_eq!(check("k", format!("\"{}\"", "x".repeat(16_383))), Err(PayloadError::TooLong(16_385)));
    }
}

//! Codes that people hand each other: invitations, and the one that makes the first admin.
//!
//! A code is 80 random bits in base32, in groups of four. The server keeps and compares only its hash, so that who reads the
//! database finds no code that works. Layout: protocol.md, "Codes".

use super::id::RequestId;
use blake2::{Blake2s256, Digest};
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Random bytes in a code.
pub const CODE_LEN: usize = 10;

/// Longest text that can be a code, in bytes: with a sign between any two characters.
const TEXT_LEN_MAX: usize = 64;

/// Something that is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a code has 16 letters and digits, such as abcd-efgh-ijkl-mn23")]
pub struct CodeError;

/// A code, in the clear.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code([u8; CODE_LEN]);

/// What is kept of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CodeHash(pub [u8; 32]);

/// An invitation to be made; its code was made by the asker and stays there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeInvitation {
    /// The request's id.
    pub id: RequestId,
    /// The hash of its code.
    pub code: CodeHash,
    /// How many people may register with it.
    pub uses: u32,
    /// For how many days.
    pub days: u32,
}

impl Code {
    /// The code of these random bytes.
    #[must_use]
    pub fn new(random: [u8; CODE_LEN]) -> Self {
        Self(random)
    }

    /// BLAKE2s("udpchat code" ‖ the code's bytes).
    #[must_use]
    pub fn hash(&self) -> CodeHash {
        CodeHash(Blake2s256::new().chain_update(b"udpchat code").chain_update(self.0).finalize().into())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = BASE32_NOPAD.encode(&self.0).to_lowercase();
        let groups: Vec<String> = letters.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
        f.write_str(&groups.join("-"))
    }
}

/// Never logged: whoever has it may use it.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

impl FromStr for Code {
    type Err = CodeError;

    /// Reads a code as people type it: in either case, with or without the signs between its groups.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        if text.len() > TEXT_LEN_MAX {
            return Err(CodeError);
        }
        let letters: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_uppercase()).collect();
        let bytes = BASE32_NOPAD.decode(letters.as_bytes()).map_err(|_| CodeError)?;
        bytes.try_into().map(Self).map_err(|_| CodeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_however_it_is_typed() {
        let code = Code::new([7; CODE_LEN]);
        assert_eq!(code.to_string(), "a4dq-obyh-a4dq-obyh");
        for typed in ["a4dq-obyh-a4dq-obyh", "A4DQOBYHA4DQOBYH", " a4dq obyh a4dq obyh "] {
            assert_eq!(typed.parse(), Ok(code), "{typed:?}");
        }
        for wrong in ["", "a4dq", "a4dq-obyh-a4dq-obyh-a", "a4dq-obyh-a4dq-obyé", &"a".repeat(1_000_000)] {
            assert_eq!(wrong.parse::<Code>(), Err(CodeError));
        }
    }

    #[test]
    fn a_code_does_not_show() {
        assert_eq!(format!("{:?}", Code::new([7; CODE_LEN])), "Code(…)");
        assert_ne!(Code::new([7; CODE_LEN]).hash(), Code::new([8; CODE_LEN]).hash());
    }
}

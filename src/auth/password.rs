//! argon2id (RFC 9106): a password in, a PHC string out, and the check of one against the other.
//!
//! A hash costs the server about 20 ms and 19 MiB on purpose. The same work is done for a user who does not exist, so that
//! neither the answer nor its delay tells who does. Nothing here reads a clock or dice: the salt is handed in.

use argon2::password_hash::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

/// Length of a password's salt, in bytes (RFC 9106 section 3.1 recommends 16).
pub const SALT_LEN: usize = 16;

/// A password's bytes, wiped from memory when dropped.
pub type Secret = Zeroizing<Vec<u8>>;

/// What hashing costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashing {
    /// Memory, in KiB; at least 8 for each lane.
    pub memory_kib: u32,
    /// Passes over the memory; at least 1.
    pub pass_count: u32,
    /// Lanes; at least 1.
    pub lane_count: u32,
}

/// Something to be done with a password.
#[derive(Clone)]
pub enum Task {
    /// Hash a new password.
    Hash {
        /// The password.
        password: Secret,
        /// Fresh random bytes.
        salt: [u8; SALT_LEN],
    },
    /// Check a password.
    Verify {
        /// The password.
        password: Secret,
        /// The PHC string kept for the user; `None` if there is no such user or the user has no password.
        kept: Option<String>,
    },
    /// Check a password and, if it is right, hash the one that replaces it.
    Replace {
        /// The password in force.
        old: Secret,
        /// The PHC string kept for the user.
        kept: Option<String>,
        /// The new password.
        new: Secret,
        /// Fresh random bytes.
        salt: [u8; SALT_LEN],
    },
}

/// What came of a [`Task`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The new password's PHC string.
    Hashed(String),
    /// The password is right.
    Right,
    /// The password is wrong, or there is none to compare with.
    Wrong,
}

impl Hashing {
    /// What the server uses: 19 MiB, two passes, one lane (the OWASP Password Storage Cheat Sheet's first choice for argon2id).
    pub const STANDARD: Self = Self { memory_kib: 19 * 1024, pass_count: 2, lane_count: 1 };

    /// The least argon2 takes, for simulations and tests; protects nothing.
    pub const CHEAPEST: Self = Self { memory_kib: 8, pass_count: 1, lane_count: 1 };

    fn params(self) -> Params {
        let params = Params::new(self.memory_kib, self.pass_count, self.lane_count, None);
        params.expect("the hashing parameters are within argon2's bounds")
    }
}

/// Does tasks, one at a time, in memory that it keeps: 19 MiB with the standard cost.
///
/// The memory is kept because glibc's allocator, before version 2.38, does not find aligned blocks of this size again once they
/// are freed on a thread other than the first: every password cost another 19 MiB.
#[derive(Debug)]
pub struct Hasher {
    hashing: Hashing,
    memory: Vec<Block>,
}

impl Hasher {
    /// A hasher that makes hashes of this cost; it takes its memory with the first task.
    #[must_use]
    pub fn new(hashing: Hashing) -> Self {
        Self { hashing, memory: Vec::new() }
    }

    /// Does the task, on this thread.
    ///
    /// # Panics
    /// If the cost is below argon2's least.
    #[must_use]
    pub fn perform(&mut self, task: &Task) -> Verdict {
        match task {
            Task::Hash { password, salt } => Verdict::Hashed(self.hash(password, salt)),
            Task::Verify { password, kept } => self.judge(password, kept.as_deref()),
            Task::Replace { old, kept, new, salt } => match self.judge(old, kept.as_deref()) {
                Verdict::Right => Verdict::Hashed(self.hash(new, salt)),
                wrong => wrong,
            },
        }
    }

    /// The PHC string of `password` under `salt`.
    ///
    /// # Panics
    /// If the cost is below argon2's least.
    #[must_use]
    pub fn hash(&mut self, password: &[u8], salt: &[u8; SALT_LEN]) -> String {
        let params = self.hashing.params();
        let encoded = data_encoding::BASE64_NOPAD.encode(salt);
        let phc = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).expect("argon2's parameters have a PHC form"),
            salt: Some(Salt::from_b64(&encoded).expect("16 bytes are a salt")),
            hash: self.output(params, password, salt),
        };
        assert!(phc.hash.is_some(), "16 bytes of salt and a password below 4 GiB can be hashed");
        phc.to_string()
    }

    /// Whether `password` is the one that `kept` was made from, with the parameters that `kept` names. A string that is no
    /// PHC string of argon2id fits no password.
    #[must_use]
    pub fn verify(&mut self, password: &[u8], kept: &str) -> bool {
        let Ok(kept) = PasswordHash::new(kept) else { return false };
        let (Ok(params), Some(salt), true) = (Params::try_from(&kept), kept.salt, kept.algorithm == ARGON2ID_IDENT) else {
            return false;
        };
        let mut buffer = [0; Salt::MAX_LENGTH];
        let Ok(salt) = salt.decode_b64(&mut buffer) else { return false };
        // The comparison takes the same time wherever the two differ.
        kept.hash.is_some() && self.output(params, password, salt) == kept.hash
    }

    fn judge(&mut self, password: &[u8], kept: Option<&str>) -> Verdict {
        match kept {
            Some(kept) if self.verify(password, kept) => Verdict::Right,
            Some(_) => Verdict::Wrong,
            None => {
                // The same work as a check, its result thrown away.
                let _ = self.hash(password, &[0; SALT_LEN]);
                Verdict::Wrong
            }
        }
    }

    fn output(&mut self, params: Params, password: &[u8], salt: &[u8]) -> Option<Output> {
        self.memory.resize(self.memory.len().max(params.block_count()), Block::default());
        let len = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let memory = &mut self.memory;
        Output::init_with(len, |out| Ok(argon2.hash_password_into_with_memory(password, salt, out, memory)?)).ok()
    }
}

/// Never shows a password.
impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hash { .. } => "Hash(…)",
            Self::Verify { .. } => "Verify(…)",
            Self::Replace { .. } => "Replace(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Zeroizing::new(text.as_bytes().to_vec())
    }

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let mut cheap = Hasher::new(Hashing::CHEAPEST);
        let kept = cheap.hash(b"correct horse", &[7; SALT_LEN]);
        assert!(kept.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(cheap.verify(b"correct horse", &kept));
        assert!(!cheap.verify(b"correct horsf", &kept));
        assert!(!cheap.verify(b"correct horse", "no hash at all"));
        assert_ne!(kept, cheap.hash(b"correct horse", &[8; SALT_LEN]));
    }

    #[test]
    fn a_hash_names_its_cost_so_that_old_ones_are_still_checked() {
        let mut costly = Hasher::new(Hashing { memory_kib: 16, pass_count: 2, lane_count: 1 });
        let kept = costly.hash(b"correct horse", &[7; SALT_LEN]);
        assert!(Hasher::new(Hashing::CHEAPEST).verify(b"correct horse", &kept));
    }

    #[test]
    fn the_standard_cost_is_what_the_documents_promise() {
        let kept = Hasher::new(Hashing::STANDARD).hash(b"correct horse", &[7; SALT_LEN]);
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
    }

    #[test]
    fn nobody_to_compare_with_is_as_wrong_as_a_wrong_password() {
        let mut cheap = Hasher::new(Hashing::CHEAPEST);
        let kept = cheap.hash(b"correct horse", &[7; SALT_LEN]);
        let mut verify = |password: &str, kept: Option<String>| cheap.perform(&Task::Verify { password: secret(password), kept });
        assert_eq!(verify("correct horse", Some(kept.clone())), Verdict::Right);
        assert_eq!(verify("wrong", Some(kept)), Verdict::Wrong);
        assert_eq!(verify("correct horse", None), Verdict::Wrong);
    }

    #[test]
    fn a_password_is_replaced_by_who_knows_the_old_one() {
        let mut cheap = Hasher::new(Hashing::CHEAPEST);
        let kept = Some(cheap.hash(b"old password", &[7; SALT_LEN]));
        let replace = |cheap: &mut Hasher, old: &str| {
            let task = Task::Replace { old: secret(old), kept: kept.clone(), new: secret("new password"), salt: [9; SALT_LEN] };
            cheap.perform(&task)
        };
        let new = cheap.hash(b"new password", &[9; SALT_LEN]);
        assert_eq!(replace(&mut cheap, "old password"), Verdict::Hashed(new));
        assert_eq!(replace(&mut cheap, "guess"), Verdict::Wrong);
    }
}

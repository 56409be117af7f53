//! Long-lived X25519 key pairs: who a device or a server is.
//!
//! A public key is written as 52 letters of lower-case base32; people compare the 16-letter fingerprint. A secret key lives
//! in a file of its own that only its owner can read, and is wiped from memory when dropped.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use thiserror::Error;
use zeroize::Zeroizing;

use super::cookie::keyed_hash;
use super::dice::Dice;
use super::key_file::{self, KeyFileError};
use super::noise_suite::public_of;

/// Length of a public or secret key in bytes.
pub const KEY_LEN: usize = 32;

/// Key of the hash behind [`PublicKey::fingerprint`]: keeps it apart from every other use of the hash.
const FINGERPRINT_KEY: &[u8; 32] = b"udpchat fingerprint of a key\0\0\0\0";

/// The half of a key pair that may be shown to everybody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; KEY_LEN]);

/// The half of a key pair that never leaves its machine.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; KEY_LEN]>);

/// A public key that cannot be read: it needs 52 letters of base32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a public key is 52 letters and digits of base32")]
pub struct PublicKeyError;

impl SecretKey {
    /// A new key.
    #[must_use]
    pub fn generate(dice: &mut Dice) -> Self {
        Self(Zeroizing::new(dice.array()))
    }

    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key's bytes, for the handshake and the key file.
    pub(super) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(public_of(&self.0))
    }

    /// Reads the key at `path`, or makes one and writes it there, mode 0600, synced to disk before it is returned.
    ///
    /// # Errors
    /// [`KeyFileError`]: the file is readable by others, is not a key, or the disk refuses.
    pub fn load_or_create(path: &Path, dice: &mut Dice) -> Result<Self, KeyFileError> {
        if let Some(key) = Self::load(path)? {
            return Ok(key);
        }
        let mut text = Zeroizing::new(BASE32_NOPAD.encode(Self::generate(dice).bytes()));
        text.make_ascii_lowercase();
        text.push('\n');
        key_file::create(path, text.as_bytes())?;
        // Another process may have been quicker: the key is what the file has.
        Self::load(path)?.ok_or_else(|| KeyFileError::Malformed(path.to_path_buf()))
    }

    fn load(path: &Path) -> Result<Option<Self>, KeyFileError> {
        let Some(text) = key_file::read(path)? else { return Ok(None) };
        let bytes = decode(std::str::from_utf8(&text).unwrap_or_default().trim_end());
        bytes.map(Self::from_bytes).map(Some).ok_or_else(|| KeyFileError::Malformed(path.to_path_buf()))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl PublicKey {
    /// 16 letters in four groups for people to compare, such as `k3vd-n2qf-7xya-w5tu`: 80 bits of a hash of the key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = keyed_hash(FINGERPRINT_KEY, &[&self.0]);
        let letters = BASE32_NOPAD.encode(hash.get(..10).unwrap_or_default()).to_ascii_lowercase();
        let groups: Vec<String> = letters.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
        groups.join("-")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        decode(text).map(Self).ok_or(PublicKeyError)
    }
}

/// 32 bytes from base32 in either case.
fn decode(text: &str) -> Option<[u8; KEY_LEN]> {
    let upper = Zeroizing::new(text.to_ascii_uppercase());
    let bytes = Zeroizing::new(BASE32_NOPAD.decode(upper.as_bytes()).ok()?);
    bytes.as_slice().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_reads_back_in_either_case() {
        let key = SecretKey::generate(&mut Dice::from_seed([3; 32])).public();
        let text = key.to_string();
        assert_eq!(text.len(), 52);
        assert_eq!(text.parse(), Ok(key));
        assert_eq!(text.to_uppercase().parse(), Ok(key));
        assert_eq!("abc".parse::<PublicKey>(), Err(PublicKeyError));
        assert_eq!(key.fingerprint().len(), 19);
    }

    #[test]
    fn the_example_of_rfc_7748_gives_the_printed_public_key() {
        // Section 6.1, Bob.
        let bytes = |text: &str| -> [u8; 32] { data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap() };
        let secret = SecretKey::from_bytes(bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        let public = PublicKey(bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
        assert_eq!(secret.public(), public);
    }

    #[test]
    fn debug_output_shows_no_secret() {
        assert_eq!(format!("{:?}", SecretKey::from_bytes([9; 32])), "SecretKey(..)");
    }

    #[test]
    fn the_same_file_gives_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("device.key");
        let mut dice = Dice::from_seed([1; 32]);
        let first = SecretKey::load_or_create(&path, &mut dice).unwrap();
        let second = SecretKey::load_or_create(&path, &mut dice).unwrap();
        assert_eq!(first.public(), second.public());
        std::fs::write(&path, "not a key").unwrap();
        assert!(matches!(SecretKey::load_or_create(&path, &mut dice), Err(KeyFileError::Malformed(_))));
    }
}

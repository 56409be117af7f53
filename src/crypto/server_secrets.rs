//! What a server must keep across restarts: its identity, the keys behind connection IDs and resets, and how often it booted.
//!
//! Because the keys survive and the boot counter moves, a restarted server recognises the packets of connections it has
//! forgotten and can tell their clients so.

use std::path::Path;

use zeroize::Zeroizing;

use super::dice::Dice;
use super::identity::SecretKey;
use super::key_file::{self, KeyFileError};

/// File of the server's identity in its data directory.
const IDENTITY_FILE: &str = "identity.key";

/// File of the other secrets: layout byte, reset key 32, connection ID key 16, boot counter.
const SECRETS_FILE: &str = "secrets";

/// First byte of [`SECRETS_FILE`].
const LAYOUT: u8 = 1;

/// The secrets of one server.
#[derive(Debug)]
pub struct ServerSecrets {
    /// Who the server is.
    pub identity: SecretKey,
    /// Makes connection IDs and reset tokens.
    pub(super) derived: DerivedKeys,
    /// How often the server was started, modulo 256.
    pub boot: u8,
}

/// The keys that only this server uses.
pub(super) struct DerivedKeys {
    /// Behind reset tokens.
    pub(super) reset_key: Zeroizing<[u8; 32]>,
    /// Behind the tags of connection IDs.
    pub(super) connection_id_key: Zeroizing<[u8; 16]>,
}

impl std::fmt::Debug for DerivedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DerivedKeys(..)")
    }
}

impl ServerSecrets {
    /// Loads the secrets from the data directory `dir`, or makes them, and counts one boot more; on disk before it returns.
    ///
    /// # Errors
    /// [`KeyFileError`]: a file is readable by others or damaged, or the disk refuses.
    pub fn open(dir: &Path, dice: &mut Dice) -> Result<Self, KeyFileError> {
        let identity = SecretKey::load_or_create(&dir.join(IDENTITY_FILE), dice)?;
        let path = dir.join(SECRETS_FILE);
        let (derived, boot) = match key_file::read(&path)? {
            None => (DerivedKeys::generate(dice), 0),
            Some(bytes) => read(&bytes).ok_or_else(|| KeyFileError::Malformed(path.clone()))?,
        };
        let secrets = Self { identity, derived, boot: boot.wrapping_add(1) };
        let mut bytes = Zeroizing::new(vec![LAYOUT]);
        bytes.extend_from_slice(secrets.derived.reset_key.as_slice());
        bytes.extend_from_slice(secrets.derived.connection_id_key.as_slice());
        bytes.push(secrets.boot);
        key_file::write(&path, &bytes)?;
        Ok(secrets)
    }

    /// Secrets that live in memory only: the same `dice` give the same keys, `boot` says which start of the server it is.
    #[must_use]
    pub fn in_memory(dice: &mut Dice, boot: u8) -> Self {
        Self { identity: SecretKey::generate(dice), derived: DerivedKeys::generate(dice), boot }
    }

    /// Secrets that are known beforehand, such as those of protocol.md's examples.
    #[must_use]
    pub fn from_keys(identity: SecretKey, reset_key: [u8; 32], connection_id_key: [u8; 16], boot: u8) -> Self {
        Self { identity, derived: DerivedKeys::new(reset_key, connection_id_key), boot }
    }
}

impl DerivedKeys {
    fn new(reset_key: [u8; 32], connection_id_key: [u8; 16]) -> Self {
        Self { reset_key: Zeroizing::new(reset_key), connection_id_key: Zeroizing::new(connection_id_key) }
    }

    fn generate(dice: &mut Dice) -> Self {
        Self::new(dice.array(), dice.array())
    }
}

fn read(bytes: &[u8]) -> Option<(DerivedKeys, u8)> {
    let (&layout, rest) = bytes.split_first()?;
    let (&reset_key, rest) = rest.split_first_chunk::<32>()?;
    let (&connection_id_key, rest) = rest.split_first_chunk::<16>()?;
    match rest {
        [boot] if layout == LAYOUT => Some((DerivedKeys::new(reset_key, connection_id_key), *boot)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_keeps_the_keys_and_counts_the_boot() {
        let dir = tempfile::tempdir().unwrap();
        let mut dice = Dice::from_seed([5; 32]);
        let first = ServerSecrets::open(dir.path(), &mut dice).unwrap();
        assert_eq!(first.boot, 1);
        for boot in 2..=300_u32 {
            let again = ServerSecrets::open(dir.path(), &mut dice).unwrap();
            assert_eq!(again.identity.public(), first.identity.public());
            assert_eq!(again.derived.reset_key, first.derived.reset_key);
            assert_eq!(again.derived.connection_id_key, first.derived.connection_id_key);
            assert_eq!(u32::from(again.boot), boot % 256);
        }
    }

    #[test]
    fn a_damaged_file_is_refused_rather_than_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let mut dice = Dice::from_seed([5; 32]);
        ServerSecrets::open(dir.path(), &mut dice).unwrap();
        let path = dir.path().join(SECRETS_FILE);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..49]).unwrap();
        assert!(matches!(ServerSecrets::open(dir.path(), &mut dice), Err(KeyFileError::Malformed(_))));
    }
}

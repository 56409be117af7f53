//! The server's names for its connections, and the tokens that take them back.
//!
//! A name holds the connection's place in a table, so that no lookup by hash is needed, and a keyed tag, so that made-up
//! names die before a key is touched. Layout: slot 24 bits, boot 8, generation 8, tag 24 (protocol.md, "Connection IDs").

use siphasher::sip::SipHasher24;
use subtle::ConstantTimeEq;

use super::cookie::keyed_hash;
use super::server_secrets::ServerSecrets;

/// Number of slots that a connection ID can name: 2^24.
pub const SLOT_COUNT_MAX: u32 = 1 << 24;

/// What a server's connection ID says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionName {
    /// Place in the server's table, below [`SLOT_COUNT_MAX`].
    pub slot: u32,
    /// Boot counter of the server that made it.
    pub boot: u8,
    /// How often the slot was given away, modulo 256.
    pub generation: u8,
}

impl ServerSecrets {
    /// The connection ID with this name, made in this boot.
    ///
    /// # Panics
    /// If `slot` is not below [`SLOT_COUNT_MAX`]: the table is never that long.
    #[must_use]
    pub fn connection_id(&self, slot: u32, generation: u8) -> [u8; 8] {
        assert!(slot < SLOT_COUNT_MAX, "a slot has 24 bits");
        let [_, s0, s1, s2] = slot.to_be_bytes();
        let [t0, t1, t2] = self.tag([s0, s1, s2, self.boot, generation]);
        [s0, s1, s2, self.boot, generation, t0, t1, t2]
    }

    /// Reads a connection ID; `None` if this server never made it, in any boot.
    #[must_use]
    pub fn connection_name(&self, id: [u8; 8]) -> Option<ConnectionName> {
        let [s0, s1, s2, boot, generation, t0, t1, t2] = id;
        let tag = self.tag([s0, s1, s2, boot, generation]);
        bool::from(tag.ct_eq(&[t0, t1, t2])).then(|| ConnectionName {
            slot: u32::from_be_bytes([0, s0, s1, s2]),
            boot,
            generation,
        })
    }

    /// The token that ends the connection with this ID when its server has forgotten it.
    #[must_use]
    pub fn reset_token(&self, id: [u8; 8]) -> [u8; 16] {
        keyed_hash(&self.derived.reset_key, &[&id])
    }

    fn tag(&self, name: [u8; 5]) -> [u8; 3] {
        let [t0, t1, t2, ..] = SipHasher24::new_with_key(&self.derived.connection_id_key).hash(&name).to_be_bytes();
        [t0, t1, t2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Dice;

    fn secrets(boot: u8) -> ServerSecrets {
        ServerSecrets::in_memory(&mut Dice::from_seed([4; 32]), boot)
    }

    #[test]
    fn a_name_survives_its_id_and_a_restart() {
        let id = secrets(7).connection_id(0x00ab_cdef, 9);
        let name = ConnectionName { slot: 0x00ab_cdef, boot: 7, generation: 9 };
        assert_eq!(secrets(7).connection_name(id), Some(name));
        assert_eq!(secrets(8).connection_name(id), Some(name));
        assert_eq!(secrets(8).reset_token(id), secrets(7).reset_token(id));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let secrets = secrets(7);
        let id = secrets.connection_id(3, 9);
        for bit in 0..64 {
            let mut forged = id;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(secrets.connection_name(forged), None, "bit {bit}");
        }
    }

    #[test]
    fn tokens_differ_between_ids() {
        let secrets = secrets(7);
        assert_ne!(secrets.reset_token(secrets.connection_id(1, 0)), secrets.reset_token(secrets.connection_id(1, 1)));
    }
}

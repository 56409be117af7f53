//! The clear header in front of every data packet, and the packet number hidden in its low 32 bits.
//!
//! Seventeen bytes: flags, connection ID, packet number, CRC32 (protocol.md, "Data packets"). The checksum lets junk die
//! before a table or a key is touched; it protects nothing, because the seal covers these bytes as associated data.

use super::codec::{DecodeError, Reader, VARINT_MAX};

/// First bytes of every checksum and of the handshake's prologue: names the protocol.
pub const MAGIC: &[u8; 7] = b"udpchat";

/// The version of the protocol that this code speaks.
pub const VERSION: u8 = 1;

/// Length of the clear header of a data packet, in bytes.
pub const HEADER_LEN: usize = 17;

/// Length of the seal's tag that ends a data packet, in bytes.
pub const TAG_LEN: usize = 16;

/// How much of the header its checksum covers, in bytes: everything before it.
const CHECKED_LEN: usize = 13;

/// First byte of a data packet. The low six bits are reserved and must be zero.
pub const DATA_FLAGS: u8 = 0x40;

/// Names one connection to one of its two ends; made by the end that receives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub [u8; 8]);

/// The clear part of a data packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The receiver's name for the connection.
    pub connection_id: ConnectionId,
    /// Low 32 bits of the packet number; [`expand_packet_number`] finds the rest.
    pub packet_number_low: u32,
}

impl Header {
    /// Reads the first [`HEADER_LEN`] bytes of a datagram.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], [`DecodeError::UnknownKind`] or [`DecodeError::Checksum`]; the datagram is then dropped.
    pub fn decode(datagram: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(datagram);
        let checked = reader.clone().bytes(CHECKED_LEN)?;
        if reader.u8()? != DATA_FLAGS {
            return Err(DecodeError::UnknownKind);
        }
        let connection_id = ConnectionId(reader.array()?);
        let packet_number_low = reader.u32()?;
        if reader.u32()? != checksum(&[checked]) {
            return Err(DecodeError::Checksum);
        }
        Ok(Self { connection_id, packet_number_low })
    }

    /// The header's bytes, checksum included.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let checked = [DATA_FLAGS].into_iter().chain(self.connection_id.0).chain(self.packet_number_low.to_be_bytes());
        let mut bytes = [0; HEADER_LEN];
        bytes.iter_mut().zip(checked).for_each(|(to, from)| *to = from);
        if let Some((checked, crc)) = bytes.split_first_chunk_mut::<CHECKED_LEN>() {
            crc.copy_from_slice(&checksum(&[checked]).to_be_bytes());
        }
        bytes
    }
}

/// CRC32 (ISO-HDLC) over [`MAGIC`], [`VERSION`] and then `parts`, so that a stray protocol or another version never matches.
#[must_use]
pub fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed());
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// The checksum's state after magic and version, computed on first use.
fn seed() -> u32 {
    static SEED: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *SEED.get_or_init(|| {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(MAGIC);
        hasher.update(&[VERSION]);
        hasher.finalize()
    })
}

/// The full packet number whose low 32 bits are `low` and that lies nearest to `largest + 1` (RFC 9000 appendix A.3).
///
/// `largest` is the largest packet number opened so far, if any. The result is at most 2^62 − 1.
#[must_use]
pub fn expand_packet_number(largest: Option<u64>, low: u32) -> u64 {
    const WINDOW: u64 = 1 << 32;
    const HALF: u64 = WINDOW / 2;
    let expected = largest.map_or(0, |largest| largest.saturating_add(1));
    let candidate = (expected & !(WINDOW - 1)) | u64::from(low);
    if candidate.saturating_add(HALF) <= expected && candidate <= VARINT_MAX - WINDOW {
        candidate.saturating_add(WINDOW)
    } else if candidate > expected.saturating_add(HALF) && candidate >= WINDOW {
        candidate.saturating_sub(WINDOW)
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: Header = Header { connection_id: ConnectionId(*b"\x01\x02\x03\x04\x05\x06\x07\x08"), packet_number_low: 9 };

    #[test]
    fn any_flipped_bit_is_noticed() {
        let bytes = HEADER.encode();
        assert_eq!(Header::decode(&bytes), Ok(HEADER));
        for bit in 0..HEADER_LEN * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_example_of_rfc_9000_expands_as_printed() {
        // Appendix A.3's example has 16 bits on the wire; ours has 32, with the same rule.
        assert_eq!(expand_packet_number(Some(0xa82f_30ea_0000), 0x9b32), 0xa82f_30ea_0000 & !0xffff_ffff | 0x1_0000_9b32);
        assert_eq!(expand_packet_number(None, 0), 0);
        assert_eq!(expand_packet_number(Some(u64::from(u32::MAX)), 0), 1 << 32);
    }

    proptest! {
        #[test]
        fn numbers_within_half_the_window_expand_exactly(largest in 0..VARINT_MAX / 2, ahead in -(1_i64 << 31) + 2..(1_i64 << 31)) {
            let number = largest.saturating_add(1).saturating_add_signed(ahead);
            prop_assert_eq!(expand_packet_number(Some(largest), number as u32), number);
        }
    }
}

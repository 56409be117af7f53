//! Reading and writing the integers that packets are made of.
//!
//! A [`Reader`] walks over borrowed bytes and never looks past their end; every read either yields a value or a
//! [`DecodeError`]. Variable-length integers are those of RFC 9000 section 16, with one rule more: only the shortest form is
//! accepted, so that whatever decodes encodes again to the same bytes.

use thiserror::Error;

/// The largest value a variable-length integer can hold: 2^62 − 1 (RFC 9000 section 16).
pub const VARINT_MAX: u64 = (1 << 62) - 1;

/// Why bytes from the network could not be read. Carries no text, so that refusing junk costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes end before the value does.
    #[error("the bytes end too early")]
    Truncated,
    /// Bytes are left over after the value.
    #[error("bytes are left over")]
    Trailing,
    /// A variable-length integer is longer than it needs to be.
    #[error("an integer is not in its shortest form")]
    NotCanonical,
    /// The first byte names no packet kind of this protocol, or a reserved bit is set.
    #[error("unknown packet kind")]
    UnknownKind,
    /// A frame type that this version does not have.
    #[error("unknown frame type")]
    UnknownFrame,
    /// The CRC32 does not match.
    #[error("checksum mismatch")]
    Checksum,
    /// A field holds a value outside its range.
    #[error("a value is out of range")]
    OutOfRange,
}

/// A cursor over borrowed bytes; all integers are big-endian.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not read yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether every byte was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The bytes not read yet, without moving on.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] at the end.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    /// The next two bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array::<2>().map(u16::from_be_bytes)
    }

    /// The next four bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array::<4>().map(u32::from_be_bytes)
    }

    /// The next eight bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if fewer are left.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array::<8>().map(u64::from_be_bytes)
    }

    /// A variable-length integer, at most [`VARINT_MAX`].
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if it is cut off, [`DecodeError::NotCanonical`] if a shorter form exists.
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        let first = *self.rest.first().ok_or(DecodeError::Truncated)?;
        let (value, len) = match first >> 6 {
            0 => (u64::from(self.u8()?), 1),
            1 => (u64::from(self.u16()? & 0x3fff), 2),
            2 => (u64::from(self.u32()? & 0x3fff_ffff), 4),
            _ => (self.u64()? & VARINT_MAX, 8),
        };
        if varint_len(value) == len { Ok(value) } else { Err(DecodeError::NotCanonical) }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] if bytes are left.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

/// How many bytes [`put_varint`] writes for `value`: 1, 2, 4 or 8.
#[must_use]
pub fn varint_len(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Appends `value` in its shortest form.
///
/// # Panics
/// If `value` is above [`VARINT_MAX`]: every caller counts bytes or packets, and no connection lives that long.
pub fn put_varint(out: &mut Vec<u8>, value: u64) {
    assert!(value <= VARINT_MAX, "a varint holds at most 62 bits");
    let bytes = value.to_be_bytes();
    let (len, mark) = match varint_len(value) {
        1 => (1, 0x00),
        2 => (2, 0x40),
        4 => (4, 0x80),
        _ => (8, 0xc0),
    };
    let start = out.len();
    out.extend(bytes.iter().skip(8_usize.saturating_sub(len)));
    if let Some(first) = out.get_mut(start) {
        *first |= mark;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_rfc_9000_read_as_printed() {
        for (bytes, value) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ] {
            assert_eq!(Reader::new(bytes).varint(), Ok(value));
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn a_longer_form_than_needed_is_refused() {
        assert_eq!(Reader::new(&[0x40, 0x25]).varint(), Err(DecodeError::NotCanonical));
        assert_eq!(Reader::new(&[0x80, 0, 0, 1]).varint(), Err(DecodeError::NotCanonical));
    }

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut reader = Reader::new(&[1, 2]);
        assert_eq!(reader.u32(), Err(DecodeError::Truncated));
        assert_eq!(reader.u16(), Ok(0x0102));
        assert_eq!(reader.varint(), Err(DecodeError::Truncated));
        assert_eq!(reader.finish(), Ok(()));
    }

    proptest! {
        #[test]
        fn every_varint_round_trips(value in 0..=VARINT_MAX, shift in 0..62_u32) {
            let value = value >> shift;
            let mut out = Vec::new();
            put_varint(&mut out, value);
            prop_assert_eq!(out.len(), varint_len(value));
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint(), Ok(value));
            prop_assert!(reader.is_empty());
        }
    }
}

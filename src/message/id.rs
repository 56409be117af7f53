//! The numbers that name things. Each kind is a type of its own, so that a room is never taken for a person.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A user: an account or a guest. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserId(pub u64);

/// One key of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceId(pub u64);

/// A log: a room, a direct conversation or a user's own log. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogId(pub u64);

/// An event's place in its log. Grows within a log, from 1, and need not be dense; 0 is before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Seq(pub u64);

/// Names one state-changing request of one user for ever: repeating the request under the same id changes nothing more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// An id in the shape of a UUIDv7 (RFC 9562 section 5.7): 48 bits of `time_ms` since 1970, then `random`.
    #[must_use]
    pub fn at(time_ms: u64, random: [u8; 10]) -> Self {
        let [_, _, t0, t1, t2, t3, t4, t5] = time_ms.to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        Self([t0, t1, t2, t3, t4, t5, 0x70 | (r0 & 0x0f), r1, 0x80 | (r2 & 0x3f), r3, r4, r5, r6, r7, r8, r9])
    }

    /// The id that stands for the caller's own `key` in `room`: the first 16 bytes of BLAKE2s("udpchat id" ‖ room ‖ 0 ‖ key).
    /// `room` is the name's skeleton behind its `#` or `@`, so that every way to write the name makes the same id.
    #[must_use]
    pub fn for_key(room: &str, key: &str) -> Self {
        use blake2::Digest;
        let mut hasher = blake2::Blake2s256::new();
        hasher.update(b"udpchat id");
        hasher.update(room.as_bytes());
        hasher.update([0]);
        hasher.update(key.as_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        let mut id = [0; 16];
        id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self(id)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RequestId {
    type Err = data_encoding::DecodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong_len = data_encoding::DecodeError { position: text.len(), kind: data_encoding::DecodeKind::Length };
        data_encoding::HEXLOWER.decode(text.as_bytes())?.try_into().map(Self).map_err(|_| wrong_len)
    }
}

macro_rules! shown_as_number {
    ($($kind:ident)*) => { $(
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )* };
}

shown_as_number!(UserId DeviceId LogId Seq);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_id_has_the_shape_of_a_uuid_v7() {
        let id = RequestId::at(0x0102_0304_0506, [0xff; 10]);
        assert_eq!(id.to_string(), "0102030405067fffbfffffffffffffff");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_key_names_one_id_per_room() {
        assert_eq!(RequestId::for_key("#ops", "k1"), RequestId::for_key("#ops", "k1"));
        assert_ne!(RequestId::for_key("#ops", "k1"), RequestId::for_key("#opsk", "1"));
    }
}

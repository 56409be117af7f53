//! Events: what logs are made of, byte for byte.
//!
//! An event is kept and sent as the bytes first written. Its head is laid out by hand and fixed; its body is opaque to the
//! chain, so that erasing body and salt leaves a tombstone that still proves its place:
//! hash(n) = BLAKE2s(hash(n − 1) ‖ head ‖ BLAKE2s(body)). Layouts, genesis and a worked example: protocol.md, "Events".

use super::body::{EventBody, SALT_LEN, body_hash, read_body};
use super::bytes::Bytes;
use super::id::{DeviceId, LogId, RequestId, Seq, UserId};
use blake2::{Blake2s256, Digest};

/// Length of an event's head, in bytes.
pub const HEAD_LEN: usize = 65;

/// First byte of every head: the layout's version.
const HEAD_VERSION: u8 = 1;

const FORM_ERASED: u8 = 0;
pub(super) const FORM_WHOLE: u8 = 1;

/// The chain's hash at one event.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventHash(pub [u8; 32]);

/// The fixed part of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The log it belongs to.
    pub log: LogId,
    /// Its place in the log.
    pub seq: Seq,
    /// The place of the event before it; 0 for the first.
    pub prev: Seq,
    /// When it was ordered, in milliseconds since 1970 (UTC); never falls within a log.
    pub time_ms: u64,
    /// Who caused it.
    pub author: UserId,
    /// From which device.
    pub device: DeviceId,
    /// The id of the request that caused it.
    pub id: RequestId,
}

/// One entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The fixed part.
    pub head: Head,
    /// The body's bytes ([`body_bytes`](super::body_bytes)), or their hash if they were erased.
    pub body: Result<Vec<u8>, [u8; 32]>,
}

impl EventHash {
    /// The hash before the first event of `log`: BLAKE2s("udpchat log" ‖ log id, 8 bytes).
    #[must_use]
    pub fn genesis(log: LogId) -> Self {
        let mut hasher = Blake2s256::new();
        hasher.update(b"udpchat log");
        hasher.update(log.0.to_be_bytes());
        Self(hasher.finalize().into())
    }

    /// The hash after an event with this head and body hash.
    #[must_use]
    pub fn then(&self, head: &[u8; HEAD_LEN], body_hash: &[u8; 32]) -> Self {
        let mut hasher = Blake2s256::new();
        hasher.update(self.0);
        hasher.update(head);
        hasher.update(body_hash);
        Self(hasher.finalize().into())
    }
}

impl std::fmt::Debug for EventHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl Head {
    /// The head's bytes: version 1, then log, seq, prev, time, author, device, eight bytes each, then the id.
    #[must_use]
    pub fn encode(&self) -> [u8; HEAD_LEN] {
        let numbers = [self.log.0, self.seq.0, self.prev.0, self.time_ms, self.author.0, self.device.0];
        let mut bytes = [HEAD_VERSION; HEAD_LEN];
        let content = numbers.iter().flat_map(|number| number.to_be_bytes()).chain(self.id.0);
        bytes.iter_mut().skip(1).zip(content).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Reads a head; `None` if its version is unknown.
    #[must_use]
    pub fn decode(bytes: &[u8; HEAD_LEN]) -> Option<Self> {
        let mut rest = Bytes(bytes);
        if rest.u8()? != HEAD_VERSION {
            return None;
        }
        Some(Self {
            log: LogId(rest.u64()?),
            seq: Seq(rest.u64()?),
            prev: Seq(rest.u64()?),
            time_ms: rest.u64()?,
            author: UserId(rest.u64()?),
            device: DeviceId(rest.u64()?),
            id: RequestId(rest.array()?),
        })
    }
}

impl Event {
    /// The event as it travels: head, one byte form, then the body or, erased, the body's hash.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Self::join(&self.head.encode(), self.body.as_ref().map(Vec::as_slice))
    }

    /// [`Event::encode`] from parts as they are kept.
    #[must_use]
    pub fn join(head: &[u8; HEAD_LEN], body: Result<&[u8], &[u8; 32]>) -> Vec<u8> {
        let (form, rest) = match body {
            Ok(body) => (FORM_WHOLE, body),
            Err(hash) => (FORM_ERASED, hash.as_slice()),
        };
        let mut out = Vec::with_capacity(HEAD_LEN.saturating_add(1).saturating_add(rest.len()));
        out.extend_from_slice(head);
        out.push(form);
        out.extend_from_slice(rest);
        out
    }

    /// Reads an event's bytes; `None` if they are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_LEN>()?;
        let (form, rest) = rest.split_first()?;
        let body = match *form {
            FORM_WHOLE if rest.len() >= 2_usize.saturating_add(SALT_LEN) => Ok(rest.to_vec()),
            FORM_ERASED => Err(rest.try_into().ok()?),
            _ => return None,
        };
        Some(Self { head: Head::decode(head)?, body })
    }

    /// The chain's hash after this event, given the hash before it.
    #[must_use]
    pub fn hash_after(&self, before: &EventHash) -> EventHash {
        let body = match &self.body {
            Ok(body) => body_hash(body),
            Err(hash) => *hash,
        };
        before.then(&self.head.encode(), &body)
    }

    /// What the event says. A body that does not read as its kind counts as unknown: it is shown as such and never stops a
    /// reader.
    #[must_use]
    pub fn content(&self) -> EventBody {
        match &self.body {
            Ok(body) => read_body(body),
            Err(_) => EventBody::Erased,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::body_bytes;
    use super::*;
    use proptest::prelude::*;

    const HEAD: Head = Head {
        log: LogId(7),
        seq: Seq(2),
        prev: Seq(1),
        time_ms: 1_772_358_731_204,
        author: UserId(3),
        device: DeviceId(4),
        id: RequestId([0xab; 16]),
    };

    #[test]
    fn erasing_a_body_keeps_the_chain() {
        let whole = Event { head: HEAD, body: Ok(body_bytes(&EventBody::Joined, &[1; 16])) };
        let erased = Event { head: HEAD, body: Err(body_hash(whole.body.as_ref().unwrap())) };
        let genesis = EventHash::genesis(LogId(7));
        assert_eq!(whole.hash_after(&genesis), erased.hash_after(&genesis));
        assert_eq!(Event::decode(&erased.encode()), Some(erased.clone()));
        assert_eq!(erased.content(), EventBody::Erased);
        assert_ne!(whole.hash_after(&genesis), whole.hash_after(&EventHash::genesis(LogId(8))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(event) = Event::decode(&bytes) {
                prop_assert_eq!(event.encode(), bytes);
                let _ = event.content();
            }
        }
    }
}

//! Reading logs: where to begin, and what comes.

use super::id::{LogId, Seq};
use super::posting::Overlay;
use super::request::Target;
use serde::{Deserialize, Serialize};

/// Where a follower begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FollowFrom {
    /// At the first event that the asker may read.
    Start,
    /// Behind the newest event.
    Now,
    /// Behind the event at this position, whose hash the asker has.
    After(Seq, [u8; 32]),
}

/// A log to be streamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowRequest {
    /// Which log.
    pub log: Target,
    /// Where to begin.
    pub from: FollowFrom,
}

/// Which page of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HistoryFrom {
    /// The newest events.
    Last,
    /// The newest events before this position.
    Before(Seq),
    /// The oldest events after this position.
    After(Seq),
    /// Half of the page up to and including this position, the other half after it.
    Around(Seq),
}

/// One page of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRequest {
    /// Which log.
    pub log: Target,
    /// Which page.
    pub from: HistoryFrom,
    /// How many events at most; the server may send fewer.
    pub count: u16,
}

/// One log that the asker is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The log.
    pub log: LogId,
    /// What the asker calls it: `#room` or `@user`.
    pub room: String,
    /// The newest event's place.
    pub head: Seq,
    /// Up to where the asker has read.
    pub read: Seq,
    /// How many messages are behind that.
    pub unread_count: u64,
    /// How many of them name the asker, at most [`MENTIONS_COUNTED_MAX`](super::MENTIONS_COUNTED_MAX).
    pub mention_count: u32,
}

/// A page of the logs that the asker is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipPage {
    /// In the order of their ids.
    pub memberships: Vec<Membership>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// A follow that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Following {
    /// The log.
    pub log: LogId,
    /// What the asker calls it.
    pub room: String,
    /// The position behind which events will come.
    pub after: Seq,
    /// The chain's hash at that position, from which the follower checks on.
    pub hash: [u8; 32],
    /// The newest event's place when the follow began.
    pub head: Seq,
}

/// An event as it is told: the bytes first written, and what they need to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The author's name, without `@`, as it is now.
    pub author: String,
    /// [`super::Event::encode`].
    #[serde(with = "serde_bytes_vec")]
    pub event: Vec<u8>,
}

/// A page of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPage {
    /// The log.
    pub log: LogId,
    /// What the asker calls it.
    pub room: String,
    /// In the order of the log.
    pub events: Vec<Told>,
    /// What became of the messages among them; none for one that nothing happened to.
    pub overlays: Vec<Overlay>,
    /// The position and hash behind which the events come; a follow may go on from the last event by checking the chain.
    pub after: Seq,
    /// The chain's hash at `after`.
    pub hash: [u8; 32],
    /// Whether the log has more events in the direction asked for.
    pub more: bool,
}

/// Byte strings as one length and one copy, where serde's own way goes byte by byte.
pub(super) mod serde_bytes_vec {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub(in super::super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        from.deserialize_byte_buf(Bytes)
    }
}

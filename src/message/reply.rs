//! What the server answers. Numbers and layouts: protocol.md, "Replies".

use super::codec::messages;
use super::id::{DeviceId, LogId, Seq, UserId};
use super::refusal::Refusal;
use serde::{Deserialize, Serialize};

messages! {
    /// The one answer to a request.
    tagged Reply {
        /// It is done; there is nothing to add.
        0x4000 Done,
        /// No, and why.
        0x4001 Refused(Refusal),
        /// The server does not know this type of request.
        0x4002 Unsupported,
        /// The user and device that the connection belongs to.
        0x4010 Account(Account),
        /// An event was stored: room made, joined or left, message posted.
        0x4020 Stored(Stored),
        /// Public rooms.
        0x4021 Rooms(RoomPage),
        /// Members of a room.
        0x4022 Members(MemberPage),
        /// The logs the asker is a member of.
        0x4023 Memberships(MembershipPage),
        /// The log is followed now; its events come as notices.
        0x4030 Following(Following),
        /// One page of a log; comes on the bulk stream.
        0x4031 Page(EventPage),
    }
}

/// A user and the device that speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// The user's name, without `@`.
    pub name: String,
    /// Whether the user is a guest.
    pub guest: bool,
    /// The user's own log.
    pub own_log: LogId,
}

/// Where an event was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The log.
    pub log: LogId,
    /// What the log is called by the asker: `#room` or `@user`.
    pub room: String,
    /// The event's place in it.
    pub seq: Seq,
    /// When, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
}

/// One public room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// The room.
    pub log: LogId,
    /// Its name, with `#`.
    pub name: String,
    /// How many members it has.
    pub member_count: u32,
    /// Whether joining needs a password.
    pub locked: bool,
    /// Whether the asker is a member.
    pub joined: bool,
}

/// A page of public rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPage {
    /// In the order of their names.
    pub rooms: Vec<RoomSummary>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Made the room or was handed it.
    Owner,
    /// Keeps order.
    Moderator,
    /// Reads and writes.
    Member,
}

/// One member of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// The user's name, without `@`.
    pub name: String,
    /// What the member may do.
    pub role: Role,
    /// Whether a device of the user is connected.
    pub online: bool,
}

/// A page of members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberPage {
    /// The room.
    pub log: LogId,
    /// What the asker calls it.
    pub room: String,
    /// In the order of their ids.
    pub members: Vec<Member>,
    /// Whether there are more behind the last one.
    pub more: bool,
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
    /// The position and hash behind which the events come; a follow may go on from the last event by checking the chain.
    pub after: Seq,
    /// The chain's hash at `after`.
    pub hash: [u8; 32],
    /// Whether the log has more events in the direction asked for.
    pub more: bool,
}

/// Byte strings as one length and one copy, where serde's own way goes byte by byte.
mod serde_bytes_vec {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
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

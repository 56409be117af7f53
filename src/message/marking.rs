//! Read markers: how far a user has read, on all of the user's devices.

use super::id::{LogId, RequestId, Seq};
use super::request::Target;
use serde::{Deserialize, Serialize};

/// Mentions are counted up to this many: more than 99 are nobody's business one by one.
pub const MENTIONS_COUNTED_MAX: u32 = 100;

/// A marker to be moved, forward or back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRead {
    /// The request's id.
    pub id: RequestId,
    /// Which log.
    pub log: Target,
    /// Everything up to this place counts as read, what comes behind it as unread.
    pub seq: Seq,
}

/// Where a marker is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// The log.
    pub log: LogId,
    /// What the asker calls it: `#room` or `@user`.
    pub room: String,
    /// The place.
    pub seq: Seq,
    /// How many messages are behind it.
    pub unread_count: u64,
    /// How many of them name the asker, at most [`MENTIONS_COUNTED_MAX`].
    pub mention_count: u32,
}

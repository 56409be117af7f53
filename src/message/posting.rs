//! Messages to be written, and where they were stored.

use super::id::{LogId, RequestId, Seq};
use super::request::Target;
use serde::{Deserialize, Serialize};

/// A message to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostRequest {
    /// The request's id, which becomes the event's.
    pub id: RequestId,
    /// Where to; a direct conversation is made by its first message.
    pub to: Target,
    /// The text, 1 byte to 16 KiB.
    pub text: String,
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

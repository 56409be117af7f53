//! What is told at once and never stored: who is there, who is typing, and values of which only the newest counts.
//!
//! On the latest-value lane go the same messages as on the chat stream (protocol.md, "What is not stored"). Each says itself what
//! it is of and how new it is, so that it does not matter by which way and in which order they come.

use super::id::{LogId, RequestId, UserId};
use serde::{Deserialize, Serialize};

/// Longest key of a value, in bytes.
pub const KEY_LEN_MAX: usize = 64;

/// Longest key and value together, in bytes: beside the longest name of an author they fit a slot of the lane.
pub const VALUE_LEN_MAX: usize = 256;

/// Logs that one session has in view at a time.
pub const VIEWS_MAX: usize = 8;

/// Longest text of who is away, in bytes.
pub const AWAY_LEN_MAX: usize = 128;

/// What keys of messages that are still being written begin with; the message's request id follows, in hex.
const DRAFT_KEY: &str = "draft:";

/// A new value in a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetLatest {
    /// The log.
    pub log: LogId,
    /// What it is a value of; 1 byte to [`KEY_LEN_MAX`].
    pub key: String,
    /// The value; an empty one takes the key away.
    pub value: String,
    /// Grows with every value of the session: an older one that comes late is passed over.
    pub stamp: u64,
}

impl SetLatest {
    /// Whether key and value have lengths that they can have.
    #[must_use]
    pub fn has_good_len(&self) -> bool {
        let key_len = self.key.len();
        (1..=KEY_LEN_MAX).contains(&key_len) && key_len.saturating_add(self.value.len()) <= VALUE_LEN_MAX
    }
}

/// A value as those hear it who have its log in view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// The log.
    pub log: LogId,
    /// Who set it.
    pub author: UserId,
    /// The author's name, without `@`.
    pub name: String,
    /// What it is a value of.
    pub key: String,
    /// The value; an empty one takes the key away.
    pub value: String,
    /// Grows with every value on this connection: of one key, the greatest is the newest.
    pub stamp: u64,
}

impl Latest {
    /// The message that is being written, if the value is a part of one.
    #[must_use]
    pub fn draft(&self) -> Option<RequestId> {
        self.key.strip_prefix(DRAFT_KEY)?.parse().ok()
    }
}

/// The key under which the author of this message shows what is there of it already.
#[must_use]
pub fn draft_key(id: RequestId) -> String {
    format!("{DRAFT_KEY}{id}")
}

/// Somebody is typing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// Where.
    pub log: LogId,
    /// Who.
    pub user: UserId,
    /// Their name, without `@`.
    pub name: String,
}

/// Whether somebody is there, over all their devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Availability {
    /// No device is connected.
    Offline,
    /// A device is connected, and its user has not said otherwise.
    Online,
    /// The user has said at each connected device to be away.
    Away,
}

/// Whether somebody is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who.
    pub user: UserId,
    /// Their name, without `@`.
    pub name: String,
    /// Whether they are there.
    pub availability: Availability,
    /// What they say about being away; else empty.
    pub text: String,
    /// The server's clock, in milliseconds since 1970 (UTC): of who is offline, when they were last seen.
    pub time_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::super::{Notice, Request};
    use super::*;

    /// The transport's cap on a latest value, which this floor does not see.
    const LANE_LEN_MAX: usize = 400;

    #[test]
    fn the_longest_value_of_the_longest_name_fits_the_lane() {
        let (key, value) = ("k".repeat(KEY_LEN_MAX), "v".repeat(VALUE_LEN_MAX - KEY_LEN_MAX));
        let set = SetLatest { log: LogId(u64::MAX), key: key.clone(), value: value.clone(), stamp: u64::MAX };
        assert!(set.has_good_len());
        assert!(Request::SetLatest(set.clone()).encode(0).len() <= LANE_LEN_MAX);
        assert!(!SetLatest { value: format!("{value}v"), ..set.clone() }.has_good_len());
        assert!(!SetLatest { key: format!("{key}k"), value: String::new(), ..set.clone() }.has_good_len());
        assert!(!SetLatest { key: String::new(), ..set }.has_good_len());
        let (log, author, stamp) = (LogId(u64::MAX), UserId(u64::MAX), u64::MAX);
        let told = Latest { log, author, name: "n".repeat(96), key, value, stamp };
        let len = Notice::Latest(told).encode().len();
        assert!(len <= LANE_LEN_MAX, "{len} bytes");
    }

    #[test]
    fn a_draft_names_the_message_it_becomes() {
        let id = RequestId([0xab; 16]);
        let (log, author, name) = (LogId(1), UserId(2), String::new());
        let told = Latest { log, author, name, key: draft_key(id), value: "so far".into(), stamp: 1 };
        assert_eq!(told.draft(), Some(id));
        assert_eq!(Latest { key: "draft:".into(), ..told }.draft(), None);
    }
}

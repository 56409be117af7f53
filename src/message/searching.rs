//! Searching: what is looked for, and what was found.

use super::id::{LogId, Seq};
use super::posting::Overlay;
use super::reading::Told;
use super::request::Target;
use serde::{Deserialize, Serialize};

/// A search over one log, or over all that the asker is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchRequest {
    /// What is looked for: messages that have all these words.
    pub words: String,
    /// Where; everywhere if it is not said.
    pub log: Option<Target>,
    /// Only what is older than this place: the `next` of the page before.
    pub before: Option<SearchPlace>,
    /// How many messages at most; the server may send fewer.
    pub count: u16,
}

/// A place in the order of what is found: by time, then log, then place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SearchPlace {
    /// The message's time, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
    /// Its log.
    pub log: LogId,
    /// Its place there.
    pub seq: Seq,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchHit {
    /// What the asker calls its log: `#room` or `@user`.
    pub room: String,
    /// The message.
    pub told: Told,
    /// What became of it since, as in a page of history.
    pub overlay: Option<Overlay>,
}

/// A page of what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchPage {
    /// The newest first.
    pub hits: Vec<SearchHit>,
    /// Where to go on; `None` if there is nothing more to look through. A page without hits may have one.
    pub next: Option<SearchPlace>,
}

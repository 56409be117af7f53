//! Messages to be posted later.

use super::id::RequestId;
use super::posting::PostRequest;
use serde::{Deserialize, Serialize};

/// A message to be posted later, in its author's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRequest {
    /// The message; its id is the request's, and becomes the event's.
    pub post: PostRequest,
    /// When, in milliseconds since 1970 (UTC).
    pub at_ms: u64,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledPost {
    /// Names it while it waits.
    pub number: u64,
    /// The message as it was asked for.
    pub post: PostRequest,
    /// When it is posted, in milliseconds since 1970 (UTC).
    pub at_ms: u64,
}

/// A page of the asker's messages that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledPage {
    /// In the order of their numbers.
    pub posts: Vec<ScheduledPost>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// A waiting message that is not wanted any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelScheduled {
    /// The request's id.
    pub id: RequestId,
    /// [`ScheduledPost::number`].
    pub number: u64,
}

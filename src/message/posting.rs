//! Messages to be written, changed and marked, where they were stored, and what became of them.

use super::id::{LogId, RequestId, Seq, UserId};
use super::payload::Payload;
use super::reading::Told;
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
    /// The message of the same log that it answers.
    pub reply_to: Option<Seq>,
    /// What it carries for programs.
    pub payload: Option<Payload>,
}

/// A message's text, to be replaced by its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditRequest {
    /// The request's id.
    pub id: RequestId,
    /// The log.
    pub log: Target,
    /// The message's place.
    pub seq: Seq,
    /// The new text, 1 byte to 16 KiB.
    pub text: String,
}

/// Something to be done about a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRequest {
    /// The request's id.
    pub id: RequestId,
    /// The log.
    pub log: Target,
    /// The message's place.
    pub seq: Seq,
    /// What.
    pub mark: Mark,
}

/// What is done about a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// Its text and those of its edits are erased for good; by its author or a moderator.
    Delete,
    /// This reaction is shown under it.
    React(String),
    /// The asker's reaction is taken back.
    Unreact(String),
    /// It is kept in sight; by moderators, in a conversation by both.
    Pin,
    /// It no longer is.
    Unpin,
    /// The question is answered; by its author or a moderator.
    Resolve,
    /// It is open again.
    Reopen,
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

/// What became of a message since it was written, as far as the reader may know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// The message's place.
    pub seq: Seq,
    /// Its newest text, if it was edited.
    pub edit: Option<NewestEdit>,
    /// The reactions to it, the first one first.
    pub reactions: Vec<ReactionCount>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// How many messages answer it or its answers; those that were deleted do not count.
    pub reply_count: u32,
    /// Whether it was resolved and not reopened.
    pub resolved: bool,
}

/// A message's newest text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestEdit {
    /// The place of the event that brought it.
    pub seq: Seq,
    /// The text.
    pub text: String,
    /// The users it names.
    pub mentions: Vec<UserId>,
}

/// One reaction to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionCount {
    /// An emoji or a short word.
    pub reaction: String,
    /// How many users show it.
    pub count: u32,
    /// Whether the reader is one of them.
    pub own: bool,
}

/// Which messages are to be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListKind {
    /// The pinned ones.
    Pinned,
    /// Those that were answered or resolved: the beginnings of threads.
    Threads,
    /// Those of [`ListKind::Threads`] that are not resolved.
    OpenThreads,
}

/// A page of messages picked out of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickRequest {
    /// The log.
    pub log: Target,
    /// Which of its messages.
    pub kind: ListKind,
    /// Those behind this place; 0 for the first page.
    pub after: Seq,
}

/// Who has a message by now; everybody but its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The log.
    pub log: LogId,
    /// The message's place.
    pub seq: Seq,
    /// How many devices it is for: not revoked, and seen within 30 days.
    pub device_count: u32,
    /// How many of them have acknowledged it.
    pub delivered_count: u32,
    /// How many users it is for.
    pub reader_count: u32,
    /// How many of them have read up to it.
    pub read_count: u32,
}

/// Messages picked out of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickPage {
    /// The log.
    pub log: LogId,
    /// What the asker calls it.
    pub room: String,
    /// In the order of the log.
    pub posts: Vec<Told>,
    /// What became of them; none for one that nothing happened to.
    pub overlays: Vec<Overlay>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

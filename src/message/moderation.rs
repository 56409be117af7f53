//! Keeping order: what moderators do to members, what members report to them, and whom a user ignores.

use super::id::{LogId, RequestId, Seq, UserId};
use super::request::Target;
use super::room::Role;
use serde::{Deserialize, Serialize};

/// Longest mute, in seconds: a year.
pub const MUTE_S_MAX: u32 = 366 * 86_400;

/// What is done to somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// They may come in, past a password too, and are told so.
    Invite,
    /// They are put out and may come again; for this reason, which may be empty.
    Kick(String),
    /// They are put out and may not come again; for this reason, which may be empty.
    Ban(String),
    /// They may come again.
    Unban,
    /// They may not write for so many seconds; 0: they may again.
    Mute(u32),
    /// They have this role from now on. A new owner's predecessor becomes a moderator.
    Role(Role),
}

/// Something to be done to somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moderate {
    /// The request's id.
    pub id: RequestId,
    /// The room.
    pub room: Target,
    /// Whom it concerns; with or without `@`.
    pub user: String,
    /// What is done.
    pub deed: Deed,
}

/// A message that the moderators should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportMessage {
    /// The request's id.
    pub id: RequestId,
    /// The room.
    pub room: Target,
    /// The message's place.
    pub seq: Seq,
    /// Why; one line, may be empty.
    pub reason: String,
}

/// A report, as moderators read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The message's place.
    pub seq: Seq,
    /// Who wrote the message.
    pub author: String,
    /// Who reported it.
    pub reporter: String,
    /// Why.
    pub reason: String,
    /// When, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
}

/// A page of reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPage {
    /// The room.
    pub log: LogId,
    /// What the asker calls it.
    pub room: String,
    /// By the messages' places, then by reporters.
    pub reports: Vec<Report>,
    /// Whether there are more, about messages behind the last one's.
    pub more: bool,
}

/// Somebody whose messages are not wanted, or are wanted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignore {
    /// The request's id.
    pub id: RequestId,
    /// Whom; with or without `@`.
    pub user: String,
    /// Whether their messages are wanted.
    pub wish: Wish,
}

/// Whether somebody's messages are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// No.
    Ignore,
    /// Yes.
    Hear,
}

/// Somebody who is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredUser {
    /// The user.
    pub user: UserId,
    /// The user's name, without `@`.
    pub name: String,
}

/// Which public rooms are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSearch {
    /// What stands in the name or the topic; none for all.
    pub text: Option<String>,
    /// A tag; none for all.
    pub tag: Option<String>,
    /// Archived rooms instead of living ones.
    pub archived: bool,
    /// Only rooms behind this name, without `#`.
    pub after: Option<String>,
}

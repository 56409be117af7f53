//! Rooms and their members: what is asked about them and answered.

use super::account::AccountKind;
use super::ephemeral::Availability;
use super::id::{LogId, RequestId, UserId};
use super::settings::{RoomChanges, Template, Visibility};
use super::text::Password;
use serde::{Deserialize, Serialize};

/// A room to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateRoom {
    /// The request's id.
    pub id: RequestId,
    /// The room's name, with its `#`.
    pub name: String,
    /// What joining will need, if anything.
    pub password: Option<Password>,
    /// Who may find it.
    pub visibility: Visibility,
    /// What it is for.
    pub template: Template,
    /// What else it is set to from the start; its visibility is not said twice.
    pub changes: RoomChanges,
}

/// A room to be joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRoom {
    /// The request's id.
    pub id: RequestId,
    /// The room's name, with its `#`.
    pub name: String,
    /// The room's password, if it has one.
    pub password: Option<Password>,
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
    /// What it is about.
    pub topic: String,
    /// What it is found by.
    pub tags: Vec<String>,
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
    /// Whether the user is there.
    pub availability: Availability,
    /// What kind of account it is.
    pub kind: AccountKind,
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

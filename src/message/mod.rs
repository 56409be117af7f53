//! What client and server say to each other: names, ids, requests, replies, notices and the events that logs are made of.
//!
//! This floor knows people and their words, never packets, connections or SQL. Everything from outside is parsed once, here,
//! into types that cannot be wrong. The layouts are in protocol.md, "Messages" and "Events".

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]

mod codec;
mod event;
mod glance;
mod id;
mod name;
mod notice;
mod refusal;
mod reply;
mod request;
mod text;

pub use codec::{BODY_LEN_MAX, MessageError};
pub use event::{Event, EventBody, EventHash, HEAD_LEN, Head, Post, RoomKind, SALT_LEN, Salt, body_bytes, body_hash};
pub use glance::Glance;
pub use id::{DeviceId, LogId, RequestId, Seq, UserId};
pub use name::{DeviceName, NameError, RoomName, UNICODE_VERSION, UserName};
pub use notice::{Hidden, Notice, Welcome};
pub use refusal::{Refusal, RefusalClass, RefusalCode};
pub use reply::{
    Account, EventPage, Following, Member, MemberPage, Membership, MembershipPage, Reply, Role, RoomPage, RoomSummary, Stored,
    Told,
};
pub use request::{
    ChangePassword, CreateRoom, Credentials, FollowFrom, FollowRequest, GuestRequest, HistoryFrom, HistoryRequest, JoinRoom,
    PostRequest, Request, Target, Visibility,
};
pub use text::{PASSWORD_LEN_MAX, PASSWORD_LEN_MIN, Password, Text, TextError};

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

mod account;
mod account_state;
mod body;
mod bot;
mod bytes;
mod code;
mod codec;
mod device;
mod ephemeral;
mod event;
mod filing;
mod glance;
mod id;
mod marking;
mod moderation;
mod name;
mod notice;
mod payload;
mod posting;
mod profile;
mod reading;
mod refusal;
mod reply;
mod request;
mod room;
mod room_event;
mod scheduled;
mod searching;
mod settings;
mod text;
mod words;

pub use account::{
    Account, AccountKind, ChangePassword, Credentials, DeleteAccount, GuestRequest, Registration, ServerRole, Texts,
};
pub use account_state::{AccountState, SetAccountState};
pub use body::{Edit, EventBody, Post, RoomKind, SALT_LEN, Salt, body_bytes, body_hash};
pub use bot::{
    BindBot, BotKey, BotPage, BotSummary, BotToken, GoodScope, Reach, RevokeBot, Right, RightSet, SCOPE_ROOMS_MAX, Scope,
    ScopeError,
};
pub use code::{CODE_LEN, Code, CodeError, CodeHash, MakeInvitation};
pub use codec::{BODY_LEN_MAX, MessageError};
pub use device::{DeviceSummary, RevokeDevice};
pub use ephemeral::{
    AWAY_LEN_MAX, Availability, KEY_LEN_MAX, Latest, Presence, SetLatest, Typing, VALUE_LEN_MAX, VIEWS_MAX, draft_key,
};
pub use event::{Event, EventHash, HEAD_LEN, Head};
pub use filing::{
    Attachment, FILE_CHUNK_LEN_MAX, FILE_NAME_LEN_MAX, FILE_PIECE_LEN_MAX, FileChunk, FileHash, FileHasher, FileOffer, FilePiece,
    FileRead, PostFile, file_name, hex,
};
pub use glance::Glance;
pub use id::{DeviceId, LogId, RequestId, Seq, UserId};
pub use marking::{MENTIONS_COUNTED_MAX, MarkRead, Marked};
pub use moderation::{Deed, Ignore, IgnoredUser, MUTE_S_MAX, Moderate, Report, ReportMessage, ReportPage, RoomSearch, Wish};
pub use name::{DeviceName, NameError, RoomName, UNICODE_VERSION, UserName};
pub use notice::{Hidden, Notice, Welcome};
pub use payload::{Payload, PayloadError};
pub use posting::{
    EditRequest, ListKind, Mark, MarkRequest, NewestEdit, Overlay, PickPage, PickRequest, PostRequest, ReactionCount, Receipt,
    Stored,
};
pub use profile::{ABOUT_CHARS_MAX, About, PROFILE_TAGS_MAX, Profile, ProfileTextError, SetProfile, Tags};
pub use reading::{
    EventPage, FollowFrom, FollowRequest, Following, HistoryFrom, HistoryRequest, Membership, MembershipPage, Told,
};
pub use refusal::{Refusal, RefusalClass, RefusalCode};
pub use reply::Reply;
pub use request::{Request, Target};
pub use room::{CreateRoom, JoinRoom, Member, MemberPage, Role, RoomPage, RoomSummary};
pub use room_event::{Concerned, PutOut, RoomEvent, Setting};
pub use scheduled::{CancelScheduled, ScheduleRequest, ScheduledPage, ScheduledPost};
pub use searching::{SearchHit, SearchPage, SearchPlace, SearchRequest};
pub use settings::{
    Archived, ChangeRoom, GoodChanges, History, PasswordChange, Phrase, Posting, RETAIN_DAYS_MAX, RETAIN_POSTS_MAX, RoomChanges,
    RoomSettings, SLOW_S_MAX, TAGS_MAX, TOPIC_LEN_MAX, Template, TicketState, Visibility, fold_tag,
};
pub use text::{PASSWORD_LEN_MAX, PASSWORD_LEN_MIN, Password, Reaction, ReactionError, TEXT_LEN_MAX, Text, TextError};
pub use words::{SEARCH_LEN_MAX, Sought, words_of};

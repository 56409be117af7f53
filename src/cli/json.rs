//! Lines for programs: one JSON object each, with the version first. Fields are only ever added.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Serialize;

use super::bot_lines;
use super::human::must_be_spelled_out;
use super::json_post::{FileFields, PostFields};
use super::line::{Deed, Line, LinkState};
use super::log_json;
use super::moment::Moment;
use super::net_lines;
use super::people_json::{self, presence_word};
use super::room_event::{self, RoomFields};
use super::scheduled_json;
use crate::message::{AccountState, Availability, Event, EventBody, Overlay, PutOut, Receipt, RoomKind, Seq, Stored, UserId};

/// The version of these lines, in every one of them.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Versioned<T: Serialize> {
    v: u32,
    r#type: &'static str,
    #[serde(flatten)]
    rest: T,
}

/// What every event has.
#[derive(Serialize)]
struct EventLine<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    room: &'a str,
    room_id: u64,
    seq: u64,
    prev: u64,
    id: String,
    author: &'a str,
    author_id: u64,
    time: String,
    #[serde(flatten)]
    body: BodyFields,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ignored: bool,
}

/// What only some kinds of events have.
#[derive(Serialize)]
#[serde(untagged)]
enum BodyFields {
    Nothing {},
    Posted(Box<PostFields>),
    Edited { post: u64, text: String, mentions: Vec<u64> },
    NotPosted { other: String, reason: String },
    AboutPost { post: u64 },
    Reaction { post: u64, reaction: String },
    Room(Box<RoomFields>),
    Created { kind: &'static str, name: String },
    Other { name: String, other_id: u64 },
    PutOut { name: String, other_id: u64, how: &'static str, reason: String },
    OtherUser { name: String, other_id: u64, user_id: u64 },
    Device { device_id: u64, name: Option<String> },
    PostReported { name: String, other_id: u64, post: u64 },
    ReadMarker { other_id: u64, read: u64 },
    Unknown { kind: u16 },
    Erased { deleted: bool },
}

#[derive(Serialize)]
struct RoomPlace<'a> {
    room: &'a str,
    room_id: u64,
    seq: u64,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    post: Option<u64>,
}

#[derive(Serialize)]
struct Sent<'a> {
    room: &'a str,
    room_id: u64,
    seq: u64,
    id: String,
    time: String,
    state: &'static str,
}

#[derive(Serialize)]
struct ReceiptLine<'a> {
    room: &'a str,
    room_id: u64,
    seq: u64,
    delivered: u32,
    devices: u32,
    read: u32,
    readers: u32,
}

#[derive(Serialize)]
struct PublicRoom<'a> {
    room: &'a str,
    room_id: u64,
    members: u32,
    password: bool,
    joined: bool,
    topic: &'a str,
    tags: &'a [String],
}

#[derive(Serialize)]
struct Membership<'a> {
    room: &'a str,
    room_id: u64,
    head: u64,
    read: u64,
    unread: u64,
    mentions: u32,
}

#[derive(Serialize)]
struct TypingLine<'a> {
    room: &'a str,
    room_id: u64,
    user: &'a str,
    user_id: u64,
}

#[derive(Serialize)]
struct LatestLine<'a> {
    room: &'a str,
    room_id: u64,
    author: &'a str,
    author_id: u64,
    key: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct PresenceLine<'a> {
    user: &'a str,
    user_id: u64,
    presence: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
}

#[derive(Serialize)]
struct DeviceLine<'a> {
    device_id: u64,
    name: &'a str,
    last_seen: String,
    online: bool,
    this: bool,
}

#[derive(Serialize)]
struct DeviceGone {
    device_id: u64,
}

#[derive(Serialize)]
struct WhoseAccount<'a> {
    user: &'a str,
}

fn account_state(state: AccountState) -> &'static str {
    match state {
        AccountState::Disabled => "account_disabled",
        AccountState::Enabled => "account_enabled",
    }
}

#[derive(Serialize)]
struct InvitationLine<'a> {
    code: &'a str,
    uses: u32,
    days: u32,
}

#[derive(Serialize)]
struct LinkLine<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
}

#[derive(Serialize)]
struct Gap<'a> {
    room: &'a str,
    room_id: u64,
    to: u64,
}

#[derive(Serialize)]
struct ReportLine<'a> {
    room: &'a str,
    seq: u64,
    author: &'a str,
    reporter: &'a str,
    reason: &'a str,
    time: String,
}

#[derive(Serialize)]
struct IgnoredLine<'a> {
    user: &'a str,
    user_id: u64,
}

#[derive(Serialize)]
struct Nothing {}

/// The line, without its newline. What `ignored` did is marked.
#[must_use]
pub fn write(line: &Line<'_>, ignored: &BTreeSet<UserId>) -> String {
    match line {
        Line::Event { room, author, event, overlay } => {
            event_line(room, author, event, *overlay, ignored.contains(&event.head.author))
        }
        Line::Gap { room, log, to } => versioned("gap", Gap { room, room_id: log.0, to: to.0 }),
        Line::Complete { .. } | Line::Verified { .. } | Line::ReadTo(_) => log_json::write(line),
        Line::Sent { stored, id, level } => versioned(
            "sent",
            Sent {
                room: &stored.room,
                room_id: stored.log.0,
                seq: stored.seq.0,
                id: id.to_string(),
                time: Moment::from_ms(stored.time_ms).rfc_3339(),
                state: level.word(),
            },
        ),
        Line::Scheduled(_) | Line::Canceled(_) => scheduled_json::write(line),
        Line::Receipt { room, receipt } => receipt_line(room, receipt),
        Line::Did { deed, stored } => deed_line(*deed, stored, None),
        Line::Marked { deed, post, stored } => deed_line(*deed, stored, Some(*post)),
        Line::Room(room) => versioned(
            "room",
            PublicRoom {
                room: &room.name,
                room_id: room.log.0,
                members: room.member_count,
                password: room.locked,
                joined: room.joined,
                topic: &room.topic,
                tags: &room.tags,
            },
        ),
        Line::Settings(settings) => versioned("room_settings", room_event::all_fields(settings)),
        Line::Report { room, report } => versioned(
            "report",
            ReportLine {
                room,
                seq: report.seq.0,
                author: &report.author,
                reporter: &report.reporter,
                reason: &report.reason,
                time: Moment::from_ms(report.time_ms).rfc_3339(),
            },
        ),
        Line::Fetched { file, path } => versioned("fetched", FileFields::new(file, Some((*path).to_owned()))),
        Line::Ignored(user) => versioned("ignored", IgnoredLine { user: &user.name, user_id: user.user.0 }),
        Line::Noted { kind, .. } => versioned(kind, Nothing {}),
        Line::Membership(membership) => {
            let (room, room_id, head) = (&membership.room, membership.log.0, membership.head.0);
            let (read, unread, mentions) = (membership.read.0, membership.unread_count, membership.mention_count);
            versioned("membership", Membership { room, room_id, head, read, unread, mentions })
        }
        Line::Member { .. } | Line::Account { .. } | Line::Profile(_) => people_json::write(line),
        Line::Typing { .. } | Line::Latest { .. } | Line::Presence(_) => ephemeral_line(line),
        Line::Device { device, is_this } => {
            let last_seen = Moment::from_ms(device.last_seen_ms).rfc_3339();
            let (device_id, name) = (device.device.0, &device.name);
            versioned("device", DeviceLine { device_id, name, last_seen, online: device.online, this: *is_this })
        }
        Line::AccountState { user, state } => versioned(account_state(*state), WhoseAccount { user }),
        Line::DeviceRevoked(device) => versioned("device_revoked", DeviceGone { device_id: device.0 }),
        Line::Invitation { code, uses, days } => versioned("invitation", InvitationLine { code, uses: *uses, days: *days }),
        Line::AccountDeleted => versioned("account_deleted", Nothing {}),
        Line::BotToken { .. } | Line::Bot(_) | Line::BotRevoked(_) => bot_lines::json(line),
        Line::PasswordChanged => versioned("password_changed", Nothing {}),
        Line::SignedOut => versioned("signed_out", Nothing {}),
        Line::Net(quality) | Line::NetRow(quality) => net_lines::json(quality),
        Line::State(state) => versioned("state", state_fields(*state)),
    }
}

/// A line of what is not stored.
fn ephemeral_line(line: &Line<'_>) -> String {
    match line {
        Line::Typing { room, typing } => {
            let (room_id, user, user_id) = (typing.log.0, typing.name.as_str(), typing.user.0);
            versioned("typing", TypingLine { room, room_id, user, user_id })
        }
        Line::Latest { room, latest } => {
            let (room_id, author, author_id) = (latest.log.0, latest.name.as_str(), latest.author.0);
            versioned("latest", LatestLine { room, room_id, author, author_id, key: &latest.key, value: &latest.value })
        }
        Line::Presence(presence) => {
            let is_offline = presence.availability == Availability::Offline;
            let last_seen = is_offline.then(|| Moment::from_ms(presence.time_ms).rfc_3339());
            let (user, user_id, text) = (presence.name.as_str(), presence.user.0, presence.text.as_str());
            versioned("presence", PresenceLine { user, user_id, presence: presence_word(presence.availability), text, last_seen })
        }
        _ => unreachable!("the caller has looked"),
    }
}

fn state_fields(state: LinkState<'_>) -> LinkLine<'_> {
    match state {
        LinkState::Online => LinkLine { state: "online", reason: None, room: None, seq: None },
        LinkState::Offline(why) => LinkLine { state: "offline", reason: Some(why), room: None, seq: None },
        LinkState::CaughtUp(room, at) => LinkLine { state: "caught_up", reason: None, room: Some(room), seq: Some(at.0) },
    }
}

fn deed_line(deed: Deed, stored: &Stored, post: Option<Seq>) -> String {
    let (kind, time) = (deed.words().0, Moment::from_ms(stored.time_ms).rfc_3339());
    let (room, room_id, seq, post) = (stored.room.as_str(), stored.log.0, stored.seq.0, post.map(|post| post.0));
    versioned(kind, RoomPlace { room, room_id, seq, time, post })
}

fn receipt_line(room: &str, receipt: &Receipt) -> String {
    let line = ReceiptLine {
        room,
        room_id: receipt.log.0,
        seq: receipt.seq.0,
        delivered: receipt.delivered_count,
        devices: receipt.device_count,
        read: receipt.read_count,
        readers: receipt.reader_count,
    };
    versioned("receipt", line)
}

fn event_line(room: &str, author: &str, event: &Event, overlay: Option<&Overlay>, ignored: bool) -> String {
    let (kind, body) = body_fields(event.content(), overlay);
    let head = &event.head;
    let line = EventLine {
        room,
        room_id: head.log.0,
        seq: head.seq.0,
        prev: head.prev.0,
        id: head.id.to_string(),
        author,
        author_id: head.author.0,
        time: Moment::from_ms(head.time_ms).rfc_3339(),
        body,
        ignored,
    };
    versioned(kind, line)
}

fn body_fields(body: EventBody, overlay: Option<&Overlay>) -> (&'static str, BodyFields) {
    let about = |post: Seq| BodyFields::AboutPost { post: post.0 };
    match body {
        EventBody::Posted(post) => ("posted", BodyFields::Posted(Box::new(PostFields::new(post, overlay)))),
        EventBody::Edited(edit) => {
            let mentions = edit.mentions.iter().map(|user| user.0).collect();
            ("edited", BodyFields::Edited { post: edit.post.0, text: edit.text, mentions })
        }
        EventBody::Deleted(post) => ("deleted", about(post)),
        EventBody::Reacted(post, reaction) => ("reacted", BodyFields::Reaction { post: post.0, reaction }),
        EventBody::Unreacted(post, reaction) => ("unreacted", BodyFields::Reaction { post: post.0, reaction }),
        EventBody::Pinned(post) => ("pinned", about(post)),
        EventBody::Unpinned(post) => ("unpinned", about(post)),
        EventBody::Resolved(post) => ("resolved", about(post)),
        EventBody::Reopened(post) => ("reopened", about(post)),
        EventBody::Created(RoomKind::Room, name) => ("created", BodyFields::Created { kind: "room", name }),
        EventBody::Created(RoomKind::Direct, name) => ("created", BodyFields::Created { kind: "direct", name }),
        EventBody::Joined => ("joined", BodyFields::Nothing {}),
        EventBody::Left => ("left", BodyFields::Nothing {}),
        EventBody::Room(event) => {
            let (kind, fields) = room_event::fields(event);
            (kind, BodyFields::Room(Box::new(fields)))
        }
        EventBody::RoomEntered(log, name) => ("room_entered", BodyFields::Other { name, other_id: log.0 }),
        EventBody::RoomLeft(log, name) => ("room_left", BodyFields::Other { name, other_id: log.0 }),
        EventBody::NotPosted(other, reason) => ("not_posted", BodyFields::NotPosted { other, reason }),
        EventBody::DirectOpened(log, user, name) => {
            ("direct_opened", BodyFields::OtherUser { name, other_id: log.0, user_id: user.0 })
        }
        EventBody::DeviceAdded(device, name) => ("device_added", BodyFields::Device { device_id: device.0, name: Some(name) }),
        EventBody::PostReported(log, name, seq) => {
            ("post_reported", BodyFields::PostReported { name, other_id: log.0, post: seq.0 })
        }
        EventBody::ReadMarker(log, seq) => ("read_marker", BodyFields::ReadMarker { other_id: log.0, read: seq.0 }),
        EventBody::DeviceRevoked(device) => ("device_revoked", BodyFields::Device { device_id: device.0, name: None }),
        EventBody::InvitedTo(log, name) => ("invited_to", BodyFields::Other { name, other_id: log.0 }),
        EventBody::PutOutOf(log, name, how, reason) => {
            let how = match how {
                PutOut::Kicked => "kicked",
                PutOut::Banned => "banned",
            };
            ("put_out_of", BodyFields::PutOut { name, other_id: log.0, how, reason })
        }
        EventBody::Unknown(kind) => ("unknown", BodyFields::Unknown { kind }),
        EventBody::Erased => ("erased", BodyFields::Erased { deleted: true }),
    }
}

pub(super) fn versioned<T: Serialize>(kind: &'static str, rest: T) -> String {
    let written = serde_json::to_string(&Versioned { v: VERSION, r#type: kind, rest });
    let Ok(written) = written else { unreachable!("lines are made of numbers, texts and lists") };
    escaped(&written)
}

/// JSON lets most controls stand; here they are escaped, because these lines are also looked at on terminals. They can only
/// stand inside strings, where `\u` says the same.
fn escaped(json: &str) -> String {
    if !json.chars().any(must_be_spelled_out) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if must_be_spelled_out(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

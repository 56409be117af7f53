//! Lines for programs: one JSON object each, with the version first. Fields are only ever added.

use std::fmt::Write;

use serde::Serialize;

use super::human::must_be_spelled_out;
use super::line::{Line, LinkState};
use super::moment::Moment;
use super::room_event::{self, RoomFields};
use crate::message::{AccountKind, Availability, Event, EventBody, PutOut, Role, RoomKind, ServerRole};

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
}

/// What only some kinds of events have.
#[derive(Serialize)]
#[serde(untagged)]
enum BodyFields {
    Nothing {},
    Posted { text: String, reply_to: Option<u64>, mentions: Vec<u64>, edited: bool, deleted: bool },
    Created { kind: &'static str, name: String },
    Room(Box<RoomFields>),
    Other { name: String, other_id: u64 },
    PutOut { name: String, other_id: u64, how: &'static str, reason: String },
    OtherUser { name: String, other_id: u64, user_id: u64 },
    Device { device_id: u64, name: Option<String> },
    Unknown { kind: u16 },
    Erased { deleted: bool },
}

#[derive(Serialize)]
struct RoomPlace<'a> {
    room: &'a str,
    room_id: u64,
    seq: u64,
    time: String,
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
}

#[derive(Serialize)]
struct Member<'a> {
    room: &'a str,
    user: &'a str,
    user_id: u64,
    role: &'static str,
    online: bool,
    presence: &'static str,
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
struct AccountLine<'a> {
    user: &'a str,
    user_id: u64,
    device_id: u64,
    guest: bool,
    admin: bool,
    server: &'a str,
    server_key: Option<String>,
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
struct ProfileLine<'a> {
    user: &'a str,
    user_id: u64,
    guest: bool,
    admin: bool,
    about: &'a str,
    tags: &'a [String],
    since: String,
    online: bool,
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

/// The line, without its newline.
#[must_use]
pub fn write(line: &Line<'_>) -> String {
    match line {
        Line::Event { room, author, event } => event_line(room, author, event),
        Line::Gap { room, log, to } => versioned("gap", Gap { room, room_id: log.0, to: to.0 }),
        Line::Sent { stored, id } => versioned(
            "sent",
            Sent {
                room: &stored.room,
                room_id: stored.log.0,
                seq: stored.seq.0,
                id: id.to_string(),
                time: Moment::from_ms(stored.time_ms).rfc_3339(),
                state: "stored",
            },
        ),
        Line::Did { deed, stored } => {
            let kind = deed.words().0;
            let time = Moment::from_ms(stored.time_ms).rfc_3339();
            versioned(kind, RoomPlace { room: &stored.room, room_id: stored.log.0, seq: stored.seq.0, time })
        }
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
        Line::Ignored(user) => versioned("ignored", IgnoredLine { user: &user.name, user_id: user.user.0 }),
        Line::Noted { kind, .. } => versioned(kind, Nothing {}),
        Line::Membership(membership) => {
            versioned("membership", Membership { room: &membership.room, room_id: membership.log.0, head: membership.head.0 })
        }
        Line::Member { room, member } => {
            let role = match member.role {
                Role::Owner => "owner",
                Role::Moderator => "moderator",
                Role::Member => "member",
            };
            let online = member.availability != Availability::Offline;
            let presence = presence_word(member.availability);
            versioned("member", Member { room, user: &member.name, user_id: member.user.0, role, online, presence })
        }
        Line::Typing { .. } | Line::Latest { .. } | Line::Presence(_) => ephemeral_line(line),
        Line::Account { account, server, key } => versioned(
            "account",
            AccountLine {
                user: &account.name,
                user_id: account.user.0,
                device_id: account.device.0,
                guest: account.is_guest(),
                admin: account.role == ServerRole::Admin,
                server,
                server_key: key.map(|key| key.to_string()),
            },
        ),
        Line::Device { device, is_this } => {
            let last_seen = Moment::from_ms(device.last_seen_ms).rfc_3339();
            let (device_id, name) = (device.device.0, &device.name);
            versioned("device", DeviceLine { device_id, name, last_seen, online: device.online, this: *is_this })
        }
        Line::DeviceRevoked(device) => versioned("device_revoked", DeviceGone { device_id: device.0 }),
        Line::Profile(profile) => versioned(
            "profile",
            ProfileLine {
                user: &profile.name,
                user_id: profile.user.0,
                guest: profile.kind == AccountKind::Guest,
                admin: profile.role == ServerRole::Admin,
                about: &profile.about,
                tags: &profile.tags,
                since: Moment::from_ms(profile.created_ms).rfc_3339(),
                online: profile.online,
            },
        ),
        Line::Invitation { code, uses, days } => versioned("invitation", InvitationLine { code, uses: *uses, days: *days }),
        Line::PasswordChanged => versioned("password_changed", Nothing {}),
        Line::SignedOut => versioned("signed_out", Nothing {}),
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

fn presence_word(availability: Availability) -> &'static str {
    match availability {
        Availability::Offline => "offline",
        Availability::Online => "online",
        Availability::Away => "away",
    }
}

fn state_fields(state: LinkState<'_>) -> LinkLine<'_> {
    match state {
        LinkState::Online => LinkLine { state: "online", reason: None, room: None, seq: None },
        LinkState::Offline(why) => LinkLine { state: "offline", reason: Some(why), room: None, seq: None },
        LinkState::CaughtUp(room, at) => LinkLine { state: "caught_up", reason: None, room: Some(room), seq: Some(at.0) },
    }
}

fn event_line(room: &str, author: &str, event: &Event) -> String {
    let (kind, body) = body_fields(event.content());
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
    };
    versioned(kind, line)
}

fn body_fields(body: EventBody) -> (&'static str, BodyFields) {
    match body {
        EventBody::Posted(post) => {
            let reply_to = post.reply_to.map(|seq| seq.0);
            let mentions = post.mentions.iter().map(|user| user.0).collect();
            ("posted", BodyFields::Posted { text: post.text, reply_to, mentions, edited: false, deleted: false })
        }
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
        EventBody::DirectOpened(log, user, name) => {
            ("direct_opened", BodyFields::OtherUser { name, other_id: log.0, user_id: user.0 })
        }
        EventBody::DeviceAdded(device, name) => ("device_added", BodyFields::Device { device_id: device.0, name: Some(name) }),
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

fn versioned<T: Serialize>(kind: &'static str, rest: T) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{DeviceId, Head, LogId, Post, RequestId, Seq, Stored, UserId, body_bytes};

    fn event(body: &EventBody) -> Event {
        let head = Head {
            log: LogId(7),
            seq: Seq(1_842),
            prev: Seq(1_841),
            time_ms: 1_772_358_731_204,
            author: UserId(3),
            device: DeviceId(4),
            id: RequestId([0xab; 16]),
        };
        Event { head, body: Ok(body_bytes(body, &[0; 16])) }
    }

    #[test]
    fn a_message_is_the_line_that_scripts_depend_on() {
        let event = event(&EventBody::Posted(Post { text: "…".into(), reply_to: None, mentions: vec![] }));
        assert_eq!(
            write(&Line::Event { room: "#ops", author: "bob", event: &event }),
            r##"{"v":1,"type":"posted","room":"#ops","room_id":7,"seq":1842,"prev":1841,"id":"abababababababababababababababab","author":"bob","author_id":3,"time":"2026-03-01T09:52:11.204Z","text":"…","reply_to":null,"mentions":[],"edited":false,"deleted":false}"##
        );
    }

    #[test]
    fn a_sent_message_names_its_place_and_id() {
        let stored = Stored { log: LogId(7), room: "#ops".into(), seq: Seq(42), time_ms: 0 };
        let line = write(&Line::Sent { stored: &stored, id: RequestId([1; 16]) });
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["v"], &read["type"], &read["room"]), (&1.into(), &"sent".into(), &"#ops".into()));
        assert_eq!((&read["seq"], &read["state"]), (&42.into(), &"stored".into()));
        assert_eq!(read["id"], "01010101010101010101010101010101");
    }

    #[test]
    fn every_kind_of_event_is_one_line_of_json() {
        for body in [
            EventBody::Created(RoomKind::Room, "ops".into()),
            EventBody::Joined,
            EventBody::Left,
            EventBody::RoomEntered(LogId(1), "ops".into()),
            EventBody::DirectOpened(LogId(1), UserId(2), "bob".into()),
            EventBody::DeviceAdded(DeviceId(1), "laptop".into()),
            EventBody::DeviceRevoked(DeviceId(1)),
        ] {
            let event = event(&body);
            let line = write(&Line::Event { room: "", author: "bob", event: &event });
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&read["v"], &read["seq"]), (&1.into(), &1_842.into()), "{line}");
            assert!(!line.contains('\n'));
        }
    }

    #[test]
    fn what_could_drive_a_terminal_is_escaped_and_reads_back() {
        let text = "a\u{1b}[0m\u{9b}1m\u{7f}\u{202e}\n\"\\";
        let event = event(&EventBody::Posted(Post { text: text.into(), reply_to: Some(Seq(1)), mentions: vec![UserId(9)] }));
        let line = write(&Line::Event { room: "#ops", author: "bob", event: &event });
        assert!(!line.chars().any(must_be_spelled_out), "{line:?}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["text"], text);
        assert_eq!((&read["reply_to"], &read["mentions"][0]), (&1.into(), &9.into()));
    }
}

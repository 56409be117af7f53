//! What events say: the bodies, kind by kind, and their bytes.
//!
//! A body is kind, salt and content; the chain sees only its hash, so that erasing it leaves the chain whole. A kind that this
//! version does not know, or a body that does not read, is shown as such and stops nobody. Layouts: protocol.md, "Events".

use super::bytes::{Bytes, put_text};
use super::filing::Attachment;
use super::id::{DeviceId, LogId, Seq, UserId};
use super::payload::Payload;
use super::room_event::{PutOut, RoomEvent};
use blake2::{Blake2s256, Digest};

/// Length of a body's salt, in bytes: enough that an erased text cannot be guessed back from its hash.
pub const SALT_LEN: usize = 16;

/// Random bytes in front of a body's content.
pub type Salt = [u8; SALT_LEN];

/// What kind of log a `Created` event began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomKind {
    /// A named room.
    Room,
    /// A conversation of two.
    Direct,
}

/// A message's content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Post {
    /// The text.
    pub text: String,
    /// The message it answers.
    pub reply_to: Option<Seq>,
    /// The users it names.
    pub mentions: Vec<UserId>,
    /// The file it brings.
    pub file: Option<Attachment>,
    /// What it carries for programs.
    pub payload: Option<Payload>,
    /// The message with which its thread began, if that is not the one it answers.
    pub thread: Option<Seq>,
}

/// A message's new text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The message's place.
    pub post: Seq,
    /// The text.
    pub text: String,
    /// The users it names.
    pub mentions: Vec<UserId>,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventBody {
    /// The log was made. For a room: its name, without `#`.
    Created(RoomKind, String),
    /// The author became a member.
    Joined,
    /// The author's membership ended.
    Left,
    /// The author wrote.
    Posted(Post),
    /// Something else happened in a room.
    Room(RoomEvent),
    /// The author replaced the text of their own message.
    Edited(Edit),
    /// The text of the message at this place, and of its edits, was erased; by the author of this event.
    Deleted(Seq),
    /// The author shows this reaction to the message at this place.
    Reacted(Seq, String),
    /// The author took the reaction back.
    Unreacted(Seq, String),
    /// The message at this place is kept in sight.
    Pinned(Seq),
    /// It no longer is.
    Unpinned(Seq),
    /// The question at this place is answered.
    Resolved(Seq),
    /// It is open again.
    Reopened(Seq),
    /// Own log: the user became a member of a room; its name, without `#`.
    RoomEntered(LogId, String),
    /// Own log: the user's membership of a room ended; its name, without `#`.
    RoomLeft(LogId, String),
    /// Own log: a direct conversation with this user began; the user's name, without `@`.
    DirectOpened(LogId, UserId, String),
    /// Own log: a message that was to be posted later was not; where to, and why.
    NotPosted(String, String),
    /// Own log: a device was bound to the user; its name.
    DeviceAdded(DeviceId, String),
    /// Own log: a device was revoked.
    DeviceRevoked(DeviceId),
    /// Own log: the event's author invited the user to a room; its name, without `#`.
    InvitedTo(LogId, String),
    /// Own log: the event's author put the user out of a room; its name, without `#`, and the reason.
    PutOutOf(LogId, String, PutOut, String),
    /// Own log: the event's author reported the message at this place of a room that the user keeps order in; the room's name,
    /// without `#`.
    PostReported(LogId, String, Seq),
    /// Own log: the user has read a log up to this place.
    ReadMarker(LogId, Seq),
    /// A kind that this version does not know, shown as such.
    Unknown(u16),
    /// The body was erased.
    Erased,
}

impl Post {
    /// The message with which the thread began that an answer belongs to; `None` for a message that answers none.
    #[must_use]
    pub fn root(&self) -> Option<Seq> {
        self.thread.or(self.reply_to)
    }
}

/// BLAKE2s of a body's bytes.
#[must_use]
pub fn body_hash(body: &[u8]) -> [u8; 32] {
    Blake2s256::digest(body).into()
}

impl EventBody {
    const CREATED: u16 = 1;
    const JOINED: u16 = 2;
    const LEFT: u16 = 3;
    pub(super) const POSTED: u16 = 10;
    const EDITED: u16 = 11;
    const DELETED: u16 = 12;
    const REACTED: u16 = 13;
    const UNREACTED: u16 = 14;
    const PINNED: u16 = 15;
    const UNPINNED: u16 = 16;
    const RESOLVED: u16 = 17;
    const REOPENED: u16 = 18;
    const ROOM_ENTERED: u16 = 100;
    const ROOM_LEFT: u16 = 101;
    const DIRECT_OPENED: u16 = 102;
    const DEVICE_ADDED: u16 = 103;
    const DEVICE_REVOKED: u16 = 104;
    const INVITED_TO: u16 = 105;
    const PUT_OUT_OF: u16 = 108;
    const POST_REPORTED: u16 = 109;
    const NOT_POSTED: u16 = 120;
    const READ_MARKER: u16 = 107;

    /// What a body's bytes say; what does not read counts as unknown.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        read_body(body)
    }

    /// The kind's number; 0 for an erased body.
    #[must_use]
    pub fn kind(&self) -> u16 {
        match self {
            Self::Created(..) => Self::CREATED,
            Self::Joined => Self::JOINED,
            Self::Left => Self::LEFT,
            Self::Posted(_) => Self::POSTED,
            Self::Room(event) => event.kind(),
            Self::Edited(_) => Self::EDITED,
            Self::Deleted(_) => Self::DELETED,
            Self::Reacted(..) => Self::REACTED,
            Self::Unreacted(..) => Self::UNREACTED,
            Self::Pinned(_) => Self::PINNED,
            Self::Unpinned(_) => Self::UNPINNED,
            Self::Resolved(_) => Self::RESOLVED,
            Self::Reopened(_) => Self::REOPENED,
            Self::RoomEntered(..) => Self::ROOM_ENTERED,
            Self::RoomLeft(..) => Self::ROOM_LEFT,
            Self::DirectOpened(..) => Self::DIRECT_OPENED,
            Self::NotPosted(..) => Self::NOT_POSTED,
            Self::DeviceAdded(..) => Self::DEVICE_ADDED,
            Self::DeviceRevoked(_) => Self::DEVICE_REVOKED,
            Self::InvitedTo(..) => Self::INVITED_TO,
            Self::PutOutOf(..) => Self::PUT_OUT_OF,
            Self::PostReported(..) => Self::POST_REPORTED,
            Self::ReadMarker(..) => Self::READ_MARKER,
            Self::Unknown(kind) => *kind,
            Self::Erased => 0,
        }
    }
}

/// A part of a post that is not its text: tag, u16 length, bytes, in rising order of tags. Unknown parts are passed over.
const PART_REPLY_TO: u8 = 1;
const PART_MENTIONS: u8 = 2;
const PART_PAYLOAD: u8 = 3;
const PART_FILE: u8 = 4;
const PART_THREAD: u8 = 5;

/// A body's bytes: kind, two bytes; salt; content.
///
/// # Panics
/// For [`EventBody::Unknown`] and [`EventBody::Erased`], which are read and never written.
#[must_use]
pub fn body_bytes(body: &EventBody, salt: &Salt) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&body.kind().to_be_bytes());
    out.extend_from_slice(salt);
    match body {
        EventBody::Created(kind, name) => {
            out.push(match kind {
                RoomKind::Room => 0,
                RoomKind::Direct => 1,
            });
            put_text(&mut out, name);
        }
        EventBody::Joined | EventBody::Left => {}
        EventBody::Posted(post) => put_post(&mut out, post),
        EventBody::Room(event) => event.put(&mut out),
        EventBody::Edited(edit) => {
            out.extend_from_slice(&edit.post.0.to_be_bytes());
            put_text(&mut out, &edit.text);
            put_mentions(&mut out, &edit.mentions);
        }
        EventBody::Reacted(post, reaction) | EventBody::Unreacted(post, reaction) => {
            out.extend_from_slice(&post.0.to_be_bytes());
            put_text(&mut out, reaction);
        }
        EventBody::Deleted(post)
        | EventBody::Pinned(post)
        | EventBody::Unpinned(post)
        | EventBody::Resolved(post)
        | EventBody::Reopened(post) => out.extend_from_slice(&post.0.to_be_bytes()),
        EventBody::RoomEntered(log, name) | EventBody::RoomLeft(log, name) | EventBody::InvitedTo(log, name) => {
            out.extend_from_slice(&log.0.to_be_bytes());
            put_text(&mut out, name);
        }
        EventBody::DirectOpened(log, user, name) => {
            out.extend_from_slice(&log.0.to_be_bytes());
            out.extend_from_slice(&user.0.to_be_bytes());
            put_text(&mut out, name);
        }
        EventBody::NotPosted(room, why) => {
            put_text(&mut out, room);
            put_text(&mut out, why);
        }
        EventBody::DeviceAdded(device, name) => {
            out.extend_from_slice(&device.0.to_be_bytes());
            put_text(&mut out, name);
        }
        EventBody::DeviceRevoked(device) => out.extend_from_slice(&device.0.to_be_bytes()),
        EventBody::PutOutOf(log, name, how, reason) => {
            out.extend_from_slice(&log.0.to_be_bytes());
            put_text(&mut out, name);
            out.push(match how {
                PutOut::Kicked => 0,
                PutOut::Banned => 1,
            });
            put_text(&mut out, reason);
        }
        EventBody::PostReported(log, name, seq) => {
            out.extend_from_slice(&log.0.to_be_bytes());
            put_text(&mut out, name);
            out.extend_from_slice(&seq.0.to_be_bytes());
        }
        EventBody::ReadMarker(log, seq) => {
            out.extend_from_slice(&log.0.to_be_bytes());
            out.extend_from_slice(&seq.0.to_be_bytes());
        }
        EventBody::Unknown(_) | EventBody::Erased => unreachable!("only known bodies are written"),
    }
    out
}

fn put_post(out: &mut Vec<u8>, post: &Post) {
    put_text(out, &post.text);
    if let Some(seq) = post.reply_to {
        put_part(out, PART_REPLY_TO, &seq.0.to_be_bytes());
    }
    put_mentions(out, &post.mentions);
    if let Some(payload) = &post.payload {
        let mut content = Vec::new();
        put_text(&mut content, &payload.kind);
        put_text(&mut content, &payload.json);
        put_part(out, PART_PAYLOAD, &content);
    }
    if let Some(file) = &post.file {
        let mut content = Vec::new();
        put_text(&mut content, &file.name);
        put_text(&mut content, &file.media);
        content.extend_from_slice(&file.len.to_be_bytes());
        content.extend_from_slice(&file.hash);
        put_part(out, PART_FILE, &content);
    }
    if let Some(root) = post.thread {
        put_part(out, PART_THREAD, &root.0.to_be_bytes());
    }
}

fn put_mentions(out: &mut Vec<u8>, mentions: &[UserId]) {
    if !mentions.is_empty() {
        let users: Vec<u8> = mentions.iter().flat_map(|user| user.0.to_be_bytes()).collect();
        put_part(out, PART_MENTIONS, &users);
    }
}

fn put_part(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    let len = u16::try_from(content.len());
    assert!(len.is_ok(), "a part of a post is below 64 KiB");
    out.push(tag);
    out.extend_from_slice(&len.unwrap_or_default().to_be_bytes());
    out.extend_from_slice(content);
}

pub(super) fn read_body(body: &[u8]) -> EventBody {
    let mut rest = Bytes(body);
    let Some(kind) = rest.u16() else { return EventBody::Unknown(0) };
    let read = rest.array::<SALT_LEN>().and_then(|_| read_content(kind, &mut rest));
    match read {
        Some(content) if rest.0.is_empty() => content,
        _ => EventBody::Unknown(kind),
    }
}

fn read_content(kind: u16, rest: &mut Bytes<'_>) -> Option<EventBody> {
    Some(match kind {
        EventBody::CREATED => {
            let kind = match rest.u8()? {
                0 => RoomKind::Room,
                1 => RoomKind::Direct,
                _ => return None,
            };
            EventBody::Created(kind, rest.text()?)
        }
        EventBody::JOINED => EventBody::Joined,
        EventBody::LEFT => EventBody::Left,
        EventBody::POSTED => EventBody::Posted(read_post(rest)?),
        EventBody::EDITED => {
            let post = Seq(rest.u64()?);
            // An edit has the parts of a post; those that it cannot change are passed over.
            let Post { text, mentions, .. } = read_post(rest)?;
            EventBody::Edited(Edit { post, text, mentions })
        }
        EventBody::DELETED => EventBody::Deleted(Seq(rest.u64()?)),
        EventBody::REACTED => EventBody::Reacted(Seq(rest.u64()?), rest.text()?),
        EventBody::UNREACTED => EventBody::Unreacted(Seq(rest.u64()?), rest.text()?),
        EventBody::PINNED => EventBody::Pinned(Seq(rest.u64()?)),
        EventBody::UNPINNED => EventBody::Unpinned(Seq(rest.u64()?)),
        EventBody::RESOLVED => EventBody::Resolved(Seq(rest.u64()?)),
        EventBody::REOPENED => EventBody::Reopened(Seq(rest.u64()?)),
        EventBody::ROOM_ENTERED => EventBody::RoomEntered(LogId(rest.u64()?), rest.text()?),
        EventBody::ROOM_LEFT => EventBody::RoomLeft(LogId(rest.u64()?), rest.text()?),
        EventBody::DIRECT_OPENED => EventBody::DirectOpened(LogId(rest.u64()?), UserId(rest.u64()?), rest.text()?),
        EventBody::NOT_POSTED => EventBody::NotPosted(rest.text()?, rest.text()?),
        EventBody::DEVICE_ADDED => EventBody::DeviceAdded(DeviceId(rest.u64()?), rest.text()?),
        EventBody::DEVICE_REVOKED => EventBody::DeviceRevoked(DeviceId(rest.u64()?)),
        EventBody::INVITED_TO => EventBody::InvitedTo(LogId(rest.u64()?), rest.text()?),
        EventBody::PUT_OUT_OF => {
            let (log, name) = (LogId(rest.u64()?), rest.text()?);
            let how = match rest.u8()? {
                0 => PutOut::Kicked,
                1 => PutOut::Banned,
                _ => return None,
            };
            EventBody::PutOutOf(log, name, how, rest.text()?)
        }
        EventBody::POST_REPORTED => EventBody::PostReported(LogId(rest.u64()?), rest.text()?, Seq(rest.u64()?)),
        EventBody::READ_MARKER => EventBody::ReadMarker(LogId(rest.u64()?), Seq(rest.u64()?)),
        other => EventBody::Room(RoomEvent::read(other, rest)?),
    })
}

fn read_post(rest: &mut Bytes<'_>) -> Option<Post> {
    let mut post = Post { text: rest.text()?, ..Post::default() };
    let mut last_tag = 0;
    while !rest.0.is_empty() {
        let tag = rest.u8()?;
        let len = rest.u16()?;
        let mut part = Bytes(rest.take(usize::from(len))?);
        if tag <= last_tag {
            return None;
        }
        last_tag = tag;
        match tag {
            PART_REPLY_TO => post.reply_to = Some(Seq(part.u64()?)),
            PART_MENTIONS => {
                while !part.0.is_empty() {
                    post.mentions.push(UserId(part.u64()?));
                }
            }
            PART_PAYLOAD => post.payload = Some(Payload { kind: part.text()?, json: part.text()? }),
            PART_THREAD => post.thread = Some(Seq(part.u64()?)),
            PART_FILE => {
                let (name, media) = (part.text()?, part.text()?);
                post.file = Some(Attachment { name, media, len: part.u64()?, hash: part.array()? });
            }
            _ => continue,
        }
        if !part.0.is_empty() {
            return None;
        }
    }
    Some(post)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies() -> Vec<EventBody> {
        vec![
            EventBody::Created(RoomKind::Room, "ops".into()),
            EventBody::Joined,
            EventBody::Left,
            EventBody::Posted(Post { text: "hi".into(), ..Post::default() }),
            EventBody::Posted(Post {
                text: "你好".into(),
                reply_to: Some(Seq(1)),
                mentions: vec![UserId(1), UserId(9)],
                payload: Some(Payload { kind: "k".into(), json: "{}".into() }),
                thread: Some(Seq(1)),
                file: None,
            }),
            EventBody::Edited(Edit { post: Seq(3), text: "你们好".into(), mentions: vec![UserId(1)] }),
            EventBody::Deleted(Seq(3)),
            EventBody::PostReported(LogId(7), "ops".into(), Seq(3)),
            EventBody::Reacted(Seq(3), "👍".into()),
            EventBody::Unreacted(Seq(3), "👍".into()),
            EventBody::Pinned(Seq(3)),
            EventBody::Unpinned(Seq(3)),
            EventBody::Resolved(Seq(3)),
            EventBody::Reopened(Seq(3)),
            EventBody::Posted(Post {
                text: "see".into(),
                file: Some(Attachment { name: "a.txt".into(), media: "text/plain".into(), len: 5, hash: [7; 32] }),
                ..Post::default()
            }),
            EventBody::RoomEntered(LogId(7), "ops".into()),
            EventBody::RoomLeft(LogId(7), "ops".into()),
            EventBody::DirectOpened(LogId(8), UserId(2), "bob".into()),
            EventBody::NotPosted("#ops".into(), "because".into()),
            EventBody::DeviceAdded(DeviceId(4), "laptop".into()),
            EventBody::DeviceRevoked(DeviceId(4)),
            EventBody::InvitedTo(LogId(7), "ops".into()),
            EventBody::PutOutOf(LogId(7), "ops".into(), PutOut::Banned, "noise".into()),
        ]
    }

    #[test]
    fn every_kind_reads_back() {
        for body in bodies() {
            assert_eq!(read_body(&body_bytes(&body, &[1; 16])), body);
        }
    }

    #[test]
    fn an_unknown_kind_or_a_poisoned_body_is_shown_as_such() {
        let mut unknown = vec![0x7f, 0xff];
        unknown.extend([0; 16]);
        assert_eq!(read_body(&unknown), EventBody::Unknown(0x7fff));
        let mut poisoned = body_bytes(&EventBody::Joined, &[0; 16]);
        poisoned.push(1);
        assert_eq!(read_body(&poisoned), EventBody::Unknown(2));
    }

    #[test]
    fn a_part_of_a_later_version_is_passed_over() {
        let mut body = body_bytes(&EventBody::Posted(Post { text: "x".into(), ..Post::default() }), &[0; 16]);
        put_part(&mut body, 200, b"later");
        assert_eq!(read_body(&body), EventBody::Posted(Post { text: "x".into(), ..Post::default() }));
    }
}

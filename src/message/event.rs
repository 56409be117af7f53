//! Events: what logs are made of, byte for byte.
//!
//! An event is kept and sent as the bytes first written. Its head is laid out by hand and fixed; its body is opaque to the
//! chain, so that erasing body and salt leaves a tombstone that still proves its place:
//! hash(n) = BLAKE2s(hash(n − 1) ‖ head ‖ BLAKE2s(body)). Layouts, genesis and a worked example: protocol.md, "Events".

use super::id::{DeviceId, LogId, RequestId, Seq, UserId};
use blake2::{Blake2s256, Digest};

/// Length of an event's head, in bytes.
pub const HEAD_LEN: usize = 65;

/// Length of a body's salt, in bytes: enough that an erased text cannot be guessed back from its hash.
pub const SALT_LEN: usize = 16;

/// First byte of every head: the layout's version.
const HEAD_VERSION: u8 = 1;

const FORM_ERASED: u8 = 0;
pub(super) const FORM_WHOLE: u8 = 1;

/// Random bytes in front of a body's content.
pub type Salt = [u8; SALT_LEN];

/// The chain's hash at one event.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventHash(pub [u8; 32]);

/// The fixed part of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The log it belongs to.
    pub log: LogId,
    /// Its place in the log.
    pub seq: Seq,
    /// The place of the event before it; 0 for the first.
    pub prev: Seq,
    /// When it was ordered, in milliseconds since 1970 (UTC); never falls within a log.
    pub time_ms: u64,
    /// Who caused it.
    pub author: UserId,
    /// From which device.
    pub device: DeviceId,
    /// The id of the request that caused it.
    pub id: RequestId,
}

/// One entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The fixed part.
    pub head: Head,
    /// The body's bytes ([`body_bytes`]), or their hash if they were erased.
    pub body: Result<Vec<u8>, [u8; 32]>,
}

/// What kind of log a `Created` event began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomKind {
    /// A named room.
    Room,
    /// A conversation of two.
    Direct,
}

/// A message's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The text.
    pub text: String,
    /// The message it answers.
    pub reply_to: Option<Seq>,
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
    /// Own log: the user became a member of a room; its name, without `#`.
    RoomEntered(LogId, String),
    /// Own log: the user's membership of a room ended; its name, without `#`.
    RoomLeft(LogId, String),
    /// Own log: a direct conversation with this user began; the user's name, without `@`.
    DirectOpened(LogId, UserId, String),
    /// Own log: a device was bound to the user; its name.
    DeviceAdded(DeviceId, String),
    /// Own log: a device was revoked.
    DeviceRevoked(DeviceId),
    /// A kind that this version does not know, shown as such.
    Unknown(u16),
    /// The body was erased.
    Erased,
}

impl EventHash {
    /// The hash before the first event of `log`: BLAKE2s("udpchat log" ‖ log id, 8 bytes).
    #[must_use]
    pub fn genesis(log: LogId) -> Self {
        let mut hasher = Blake2s256::new();
        hasher.update(b"udpchat log");
        hasher.update(log.0.to_be_bytes());
        Self(hasher.finalize().into())
    }

    /// The hash after an event with this head and body hash.
    #[must_use]
    pub fn then(&self, head: &[u8; HEAD_LEN], body_hash: &[u8; 32]) -> Self {
        let mut hasher = Blake2s256::new();
        hasher.update(self.0);
        hasher.update(head);
        hasher.update(body_hash);
        Self(hasher.finalize().into())
    }
}

impl std::fmt::Debug for EventHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// BLAKE2s of a body's bytes.
#[must_use]
pub fn body_hash(body: &[u8]) -> [u8; 32] {
    Blake2s256::digest(body).into()
}

impl Head {
    /// The head's bytes: version 1, then log, seq, prev, time, author, device, eight bytes each, then the id.
    #[must_use]
    pub fn encode(&self) -> [u8; HEAD_LEN] {
        let numbers = [self.log.0, self.seq.0, self.prev.0, self.time_ms, self.author.0, self.device.0];
        let mut bytes = [HEAD_VERSION; HEAD_LEN];
        let content = numbers.iter().flat_map(|number| number.to_be_bytes()).chain(self.id.0);
        bytes.iter_mut().skip(1).zip(content).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Reads a head; `None` if its version is unknown.
    #[must_use]
    pub fn decode(bytes: &[u8; HEAD_LEN]) -> Option<Self> {
        let mut rest = Bytes(bytes);
        if rest.u8()? != HEAD_VERSION {
            return None;
        }
        Some(Self {
            log: LogId(rest.u64()?),
            seq: Seq(rest.u64()?),
            prev: Seq(rest.u64()?),
            time_ms: rest.u64()?,
            author: UserId(rest.u64()?),
            device: DeviceId(rest.u64()?),
            id: RequestId(rest.array()?),
        })
    }
}

impl Event {
    /// The event as it travels: head, one byte form, then the body or, erased, the body's hash.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Self::join(&self.head.encode(), self.body.as_ref().map(Vec::as_slice))
    }

    /// [`Event::encode`] from parts as they are kept.
    #[must_use]
    pub fn join(head: &[u8; HEAD_LEN], body: Result<&[u8], &[u8; 32]>) -> Vec<u8> {
        let (form, rest) = match body {
            Ok(body) => (FORM_WHOLE, body),
            Err(hash) => (FORM_ERASED, hash.as_slice()),
        };
        let mut out = Vec::with_capacity(HEAD_LEN.saturating_add(1).saturating_add(rest.len()));
        out.extend_from_slice(head);
        out.push(form);
        out.extend_from_slice(rest);
        out
    }

    /// Reads an event's bytes; `None` if they are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_LEN>()?;
        let (form, rest) = rest.split_first()?;
        let body = match *form {
            FORM_WHOLE if rest.len() >= 2_usize.saturating_add(SALT_LEN) => Ok(rest.to_vec()),
            FORM_ERASED => Err(rest.try_into().ok()?),
            _ => return None,
        };
        Some(Self { head: Head::decode(head)?, body })
    }

    /// The chain's hash after this event, given the hash before it.
    #[must_use]
    pub fn hash_after(&self, before: &EventHash) -> EventHash {
        let body = match &self.body {
            Ok(body) => body_hash(body),
            Err(hash) => *hash,
        };
        before.then(&self.head.encode(), &body)
    }

    /// What the event says. A body that does not read as its kind counts as unknown: it is shown as such and never stops a
    /// reader.
    #[must_use]
    pub fn content(&self) -> EventBody {
        match &self.body {
            Ok(body) => read_body(body),
            Err(_) => EventBody::Erased,
        }
    }
}

impl EventBody {
    const CREATED: u16 = 1;
    const JOINED: u16 = 2;
    const LEFT: u16 = 3;
    pub(super) const POSTED: u16 = 10;
    const ROOM_ENTERED: u16 = 100;
    const ROOM_LEFT: u16 = 101;
    const DIRECT_OPENED: u16 = 102;
    const DEVICE_ADDED: u16 = 103;
    const DEVICE_REVOKED: u16 = 104;

    /// The kind's number; 0 for an erased body.
    #[must_use]
    pub fn kind(&self) -> u16 {
        match self {
            Self::Created(..) => Self::CREATED,
            Self::Joined => Self::JOINED,
            Self::Left => Self::LEFT,
            Self::Posted(_) => Self::POSTED,
            Self::RoomEntered(..) => Self::ROOM_ENTERED,
            Self::RoomLeft(..) => Self::ROOM_LEFT,
            Self::DirectOpened(..) => Self::DIRECT_OPENED,
            Self::DeviceAdded(..) => Self::DEVICE_ADDED,
            Self::DeviceRevoked(_) => Self::DEVICE_REVOKED,
            Self::Unknown(kind) => *kind,
            Self::Erased => 0,
        }
    }
}

/// A part of a post that is not its text: tag, u16 length, bytes, in rising order of tags. Unknown parts are passed over.
const PART_REPLY_TO: u8 = 1;
const PART_MENTIONS: u8 = 2;

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
        EventBody::RoomEntered(log, name) | EventBody::RoomLeft(log, name) => {
            out.extend_from_slice(&log.0.to_be_bytes());
            put_text(&mut out, name);
        }
        EventBody::DirectOpened(log, user, name) => {
            out.extend_from_slice(&log.0.to_be_bytes());
            out.extend_from_slice(&user.0.to_be_bytes());
            put_text(&mut out, name);
        }
        EventBody::DeviceAdded(device, name) => {
            out.extend_from_slice(&device.0.to_be_bytes());
            put_text(&mut out, name);
        }
        EventBody::DeviceRevoked(device) => out.extend_from_slice(&device.0.to_be_bytes()),
        EventBody::Unknown(_) | EventBody::Erased => unreachable!("only known bodies are written"),
    }
    out
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let len = u16::try_from(text.len());
    assert!(len.is_ok(), "names and texts are far below 64 KiB");
    out.extend_from_slice(&len.unwrap_or_default().to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_post(out: &mut Vec<u8>, post: &Post) {
    put_text(out, &post.text);
    if let Some(seq) = post.reply_to {
        put_part(out, PART_REPLY_TO, &seq.0.to_be_bytes());
    }
    if !post.mentions.is_empty() {
        let users: Vec<u8> = post.mentions.iter().flat_map(|user| user.0.to_be_bytes()).collect();
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

fn read_body(body: &[u8]) -> EventBody {
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
        EventBody::ROOM_ENTERED => EventBody::RoomEntered(LogId(rest.u64()?), rest.text()?),
        EventBody::ROOM_LEFT => EventBody::RoomLeft(LogId(rest.u64()?), rest.text()?),
        EventBody::DIRECT_OPENED => EventBody::DirectOpened(LogId(rest.u64()?), UserId(rest.u64()?), rest.text()?),
        EventBody::DEVICE_ADDED => EventBody::DeviceAdded(DeviceId(rest.u64()?), rest.text()?),
        EventBody::DEVICE_REVOKED => EventBody::DeviceRevoked(DeviceId(rest.u64()?)),
        _ => return None,
    })
}

fn read_post(rest: &mut Bytes<'_>) -> Option<Post> {
    let mut post = Post { text: rest.text()?, reply_to: None, mentions: Vec::new() };
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
            _ => continue,
        }
        if !part.0.is_empty() {
            return None;
        }
    }
    Some(post)
}

/// A cursor over an event's bytes. This floor knows no packets, so it has its own few lines instead of the wire's reader.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array::<2>().map(u16::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array::<8>().map(u64::from_be_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let len = self.u16()?;
        String::from_utf8(self.take(usize::from(len))?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: Head = Head {
        log: LogId(7),
        seq: Seq(2),
        prev: Seq(1),
        time_ms: 1_772_358_731_204,
        author: UserId(3),
        device: DeviceId(4),
        id: RequestId([0xab; 16]),
    };

    fn bodies() -> Vec<EventBody> {
        vec![
            EventBody::Created(RoomKind::Room, "ops".into()),
            EventBody::Joined,
            EventBody::Left,
            EventBody::Posted(Post { text: "hi".into(), reply_to: None, mentions: vec![] }),
            EventBody::Posted(Post { text: "你好".into(), reply_to: Some(Seq(1)), mentions: vec![UserId(1), UserId(9)] }),
            EventBody::RoomEntered(LogId(7), "ops".into()),
            EventBody::RoomLeft(LogId(7), "ops".into()),
            EventBody::DirectOpened(LogId(8), UserId(2), "bob".into()),
            EventBody::DeviceAdded(DeviceId(4), "laptop".into()),
            EventBody::DeviceRevoked(DeviceId(4)),
        ]
    }

    #[test]
    fn every_kind_reads_back() {
        for body in bodies() {
            let event = Event { head: HEAD, body: Ok(body_bytes(&body, &[1; 16])) };
            let read = Event::decode(&event.encode()).unwrap();
            assert_eq!(read, event);
            assert_eq!(read.content(), body);
        }
    }

    #[test]
    fn erasing_a_body_keeps_the_chain() {
        let whole = Event { head: HEAD, body: Ok(body_bytes(&EventBody::Joined, &[1; 16])) };
        let erased = Event { head: HEAD, body: Err(body_hash(whole.body.as_ref().unwrap())) };
        let genesis = EventHash::genesis(LogId(7));
        assert_eq!(whole.hash_after(&genesis), erased.hash_after(&genesis));
        assert_eq!(Event::decode(&erased.encode()), Some(erased.clone()));
        assert_eq!(erased.content(), EventBody::Erased);
        assert_ne!(whole.hash_after(&genesis), whole.hash_after(&EventHash::genesis(LogId(8))));
    }

    #[test]
    fn an_unknown_kind_or_a_poisoned_body_is_shown_as_such() {
        let mut unknown = vec![0x7f, 0xff];
        unknown.extend([0; 16]);
        assert_eq!(Event { head: HEAD, body: Ok(unknown) }.content(), EventBody::Unknown(0x7fff));
        let mut poisoned = body_bytes(&EventBody::Joined, &[0; 16]);
        poisoned.push(1);
        assert_eq!(Event { head: HEAD, body: Ok(poisoned) }.content(), EventBody::Unknown(2));
    }

    #[test]
    fn a_part_of_a_later_version_is_passed_over() {
        let mut body = body_bytes(&EventBody::Posted(Post { text: "x".into(), reply_to: None, mentions: vec![] }), &[0; 16]);
        put_part(&mut body, 200, b"later");
        assert_eq!(read_body(&body), EventBody::Posted(Post { text: "x".into(), reply_to: None, mentions: vec![] }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(event) = Event::decode(&bytes) {
                prop_assert_eq!(event.encode(), bytes);
                let _ = event.content();
            }
        }
    }
}

//! What happens in a room beside coming, going and writing: moderation, settings, erasing. Layouts: protocol.md, "Events".

use super::bytes::{Bytes, put_text};
use super::id::{Seq, UserId};
use super::room::Role;
use super::settings::{Archived, History, Posting, TicketState, Visibility};

/// A user whom somebody did something to, with the name at that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concerned {
    /// Who.
    pub user: UserId,
    /// The name, without `@`.
    pub name: String,
}

/// One setting with its new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// Who finds the room.
    Visibility(Visibility),
    /// Who may post.
    Posting(Posting),
    /// What of its past members read.
    History(History),
    /// Seconds between two posts of one member; 0 for none.
    Slow(u32),
    /// Days after which posts are erased; 0 for never.
    RetainDays(u32),
    /// How many of the newest posts are kept; 0 for all.
    RetainPosts(u32),
    /// What it is found by.
    Tags(Vec<String>),
    /// Whether joining needs a password from now on; never the password.
    Locked(bool),
    /// How far a ticket is.
    Ticket(TicketState),
}

/// How a membership was ended by somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOut {
    /// The user may come again.
    Kicked,
    /// The user may not.
    Banned,
}

/// What happened in a room. The event's author did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomEvent {
    /// Somebody was invited.
    Invited(Concerned),
    /// Somebody was put out, for this reason, and may come again.
    Kicked(Concerned, String),
    /// Somebody was put out if they were in, for this reason, and may not come again.
    Banned(Concerned, String),
    /// Somebody may come again.
    Unbanned(Concerned),
    /// A member's role is another one.
    RoleChanged(Concerned, Role),
    /// A member may not write until then, in milliseconds since 1970 (UTC); 0: may again.
    Muted(Concerned, u64),
    /// The room is about something else.
    Topic(String),
    /// The room is set differently.
    Settings(Vec<Setting>),
    /// The bodies of messages from the first place to the last were erased: all of them, or those of one author.
    RangeErased(Seq, Seq, Option<UserId>),
    /// The room takes nothing any more, or does again.
    Archived(Archived),
}

const VISIBILITY: u8 = 1;
const POSTING: u8 = 2;
const HISTORY: u8 = 3;
const SLOW: u8 = 4;
const RETAIN_DAYS: u8 = 5;
const RETAIN_POSTS: u8 = 6;
const TAGS: u8 = 7;
const LOCKED: u8 = 8;
const TICKET: u8 = 9;

impl RoomEvent {
    const INVITED: u16 = 4;
    const KICKED: u16 = 5;
    const BANNED: u16 = 6;
    const UNBANNED: u16 = 7;
    const ROLE_CHANGED: u16 = 8;
    const MUTED: u16 = 9;
    const TOPIC: u16 = 20;
    const SETTINGS: u16 = 21;
    const RANGE_ERASED: u16 = 22;
    const ARCHIVED: u16 = 23;

    /// The kind's number.
    #[must_use]
    pub fn kind(&self) -> u16 {
        match self {
            Self::Invited(_) => Self::INVITED,
            Self::Kicked(..) => Self::KICKED,
            Self::Banned(..) => Self::BANNED,
            Self::Unbanned(_) => Self::UNBANNED,
            Self::RoleChanged(..) => Self::ROLE_CHANGED,
            Self::Muted(..) => Self::MUTED,
            Self::Topic(_) => Self::TOPIC,
            Self::Settings(_) => Self::SETTINGS,
            Self::RangeErased(..) => Self::RANGE_ERASED,
            Self::Archived(_) => Self::ARCHIVED,
        }
    }

    /// Whether events of this kind are what moderators did, for the audit.
    #[must_use]
    pub fn is_moderation(kind: u16) -> bool {
        (Self::INVITED..=Self::MUTED).contains(&kind) || (Self::TOPIC..=Self::ARCHIVED).contains(&kind)
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Invited(who) | Self::Unbanned(who) => put_concerned(out, who),
            Self::Kicked(who, reason) | Self::Banned(who, reason) => {
                put_concerned(out, who);
                put_text(out, reason);
            }
            Self::RoleChanged(who, role) => {
                put_concerned(out, who);
                out.push(match role {
                    Role::Owner => 0,
                    Role::Moderator => 1,
                    Role::Member => 2,
                });
            }
            Self::Muted(who, until_ms) => {
                put_concerned(out, who);
                out.extend_from_slice(&until_ms.to_be_bytes());
            }
            Self::Topic(topic) => put_text(out, topic),
            Self::Settings(settings) => settings.iter().for_each(|setting| put_setting(out, setting)),
            Self::RangeErased(first, last, author) => {
                for number in [first.0, last.0, author.map_or(0, |author| author.0)] {
                    out.extend_from_slice(&number.to_be_bytes());
                }
            }
            Self::Archived(archived) => out.push(u8::from(*archived == Archived::Yes)),
        }
    }

    /// Reads the content of one of these kinds; `None` for another kind, or if it does not read.
    pub(super) fn read(kind: u16, rest: &mut Bytes<'_>) -> Option<Self> {
        Some(match kind {
            Self::INVITED => Self::Invited(concerned(rest)?),
            Self::KICKED => Self::Kicked(concerned(rest)?, rest.text()?),
            Self::BANNED => Self::Banned(concerned(rest)?, rest.text()?),
            Self::UNBANNED => Self::Unbanned(concerned(rest)?),
            Self::ROLE_CHANGED => {
                let who = concerned(rest)?;
                let role = match rest.u8()? {
                    0 => Role::Owner,
                    1 => Role::Moderator,
                    2 => Role::Member,
                    _ => return None,
                };
                Self::RoleChanged(who, role)
            }
            Self::MUTED => Self::Muted(concerned(rest)?, rest.u64()?),
            Self::TOPIC => Self::Topic(rest.text()?),
            Self::SETTINGS => Self::Settings(settings(rest)?),
            Self::RANGE_ERASED => {
                let (first, last, author) = (Seq(rest.u64()?), Seq(rest.u64()?), rest.u64()?);
                Self::RangeErased(first, last, Some(UserId(author)).filter(|author| author.0 != 0))
            }
            Self::ARCHIVED => Self::Archived(if flag(rest)? { Archived::Yes } else { Archived::No }),
            _ => return None,
        })
    }
}

fn put_concerned(out: &mut Vec<u8>, who: &Concerned) {
    out.extend_from_slice(&who.user.0.to_be_bytes());
    put_text(out, &who.name);
}

fn concerned(rest: &mut Bytes<'_>) -> Option<Concerned> {
    Some(Concerned { user: UserId(rest.u64()?), name: rest.text()? })
}

fn flag(rest: &mut Bytes<'_>) -> Option<bool> {
    match rest.u8()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn put_setting(out: &mut Vec<u8>, setting: &Setting) {
    let (tag, value): (u8, Vec<u8>) = match setting {
        Setting::Visibility(visibility) => {
            let value = match visibility {
                Visibility::Public => 0,
                Visibility::Unlisted => 1,
                Visibility::InviteOnly => 2,
            };
            (VISIBILITY, vec![value])
        }
        Setting::Posting(posting) => (POSTING, vec![u8::from(*posting == Posting::Moderators)]),
        Setting::History(history) => (HISTORY, vec![u8::from(*history == History::SinceJoin)]),
        Setting::Slow(seconds) => (SLOW, seconds.to_be_bytes().to_vec()),
        Setting::RetainDays(days) => (RETAIN_DAYS, days.to_be_bytes().to_vec()),
        Setting::RetainPosts(count) => (RETAIN_POSTS, count.to_be_bytes().to_vec()),
        Setting::Tags(tags) => {
            let mut value = Vec::new();
            for tag in tags {
                put_text(&mut value, tag);
            }
            (TAGS, value)
        }
        Setting::Locked(locked) => (LOCKED, vec![u8::from(*locked)]),
        Setting::Ticket(state) => {
            let value = match state {
                TicketState::Open => 0,
                TicketState::Assigned => 1,
                TicketState::Resolved => 2,
            };
            (TICKET, vec![value])
        }
    };
    let len = u16::try_from(value.len());
    assert!(len.is_ok(), "a setting is a few hundred bytes");
    out.push(tag);
    out.extend_from_slice(&len.unwrap_or_default().to_be_bytes());
    out.extend_from_slice(&value);
}

/// Settings of a later version are passed over.
fn settings(rest: &mut Bytes<'_>) -> Option<Vec<Setting>> {
    let mut settings = Vec::new();
    while !rest.0.is_empty() {
        let tag = rest.u8()?;
        let len = rest.u16()?;
        let mut value = Bytes(rest.take(usize::from(len))?);
        let setting = match tag {
            VISIBILITY => Setting::Visibility(match value.u8()? {
                0 => Visibility::Public,
                1 => Visibility::Unlisted,
                2 => Visibility::InviteOnly,
                _ => return None,
            }),
            POSTING => Setting::Posting(if flag(&mut value)? { Posting::Moderators } else { Posting::Everyone }),
            HISTORY => Setting::History(if flag(&mut value)? { History::SinceJoin } else { History::All }),
            SLOW => Setting::Slow(value.u32()?),
            RETAIN_DAYS => Setting::RetainDays(value.u32()?),
            RETAIN_POSTS => Setting::RetainPosts(value.u32()?),
            TAGS => {
                let mut tags = Vec::new();
                while !value.0.is_empty() {
                    tags.push(value.text()?);
                }
                Setting::Tags(tags)
            }
            LOCKED => Setting::Locked(flag(&mut value)?),
            TICKET => Setting::Ticket(match value.u8()? {
                0 => TicketState::Open,
                1 => TicketState::Assigned,
                2 => TicketState::Resolved,
                _ => return None,
            }),
            _ => continue,
        };
        if !value.0.is_empty() {
            return None;
        }
        settings.push(setting);
    }
    Some(settings)
}

#[cfg(test)]
mod tests {
    use super::super::body::{EventBody, body_bytes, read_body};
    use super::*;

    fn events() -> Vec<RoomEvent> {
        let bob = || Concerned { user: UserId(2), name: "bob".into() };
        vec![
            RoomEvent::Invited(bob()),
            RoomEvent::Kicked(bob(), "noise".into()),
            RoomEvent::Banned(bob(), String::new()),
            RoomEvent::Unbanned(bob()),
            RoomEvent::RoleChanged(bob(), Role::Moderator),
            RoomEvent::Muted(bob(), 1_772_358_731_204),
            RoomEvent::Topic("weather 天气".into()),
            RoomEvent::Settings(vec![
                Setting::Visibility(Visibility::InviteOnly),
                Setting::Posting(Posting::Moderators),
                Setting::History(History::SinceJoin),
                Setting::Slow(30),
                Setting::RetainDays(7),
                Setting::RetainPosts(1_000),
                Setting::Tags(vec!["rust".into(), "客服".into()]),
                Setting::Locked(true),
                Setting::Ticket(TicketState::Resolved),
            ]),
            RoomEvent::RangeErased(Seq(3), Seq(900), None),
            RoomEvent::RangeErased(Seq(3), Seq(900), Some(UserId(4))),
            RoomEvent::Archived(Archived::Yes),
        ]
    }

    #[test]
    fn every_kind_reads_back_and_none_is_longer_or_shorter() {
        for event in events() {
            let kind = event.kind();
            assert!(RoomEvent::is_moderation(kind));
            let body = EventBody::Room(event);
            let bytes = body_bytes(&body, &[1; 16]);
            assert_eq!(read_body(&bytes), body);
            let longer = [&bytes[..], &[9]].concat();
            assert_eq!(read_body(&longer), EventBody::Unknown(kind));
        }
        assert!(!RoomEvent::is_moderation(2) && !RoomEvent::is_moderation(10));
    }

    #[test]
    fn a_setting_of_a_later_version_is_passed_over() {
        let mut bytes = body_bytes(&EventBody::Room(RoomEvent::Settings(vec![Setting::Slow(5)])), &[0; 16]);
        bytes.extend([200, 0, 2, 1, 1]);
        assert_eq!(read_body(&bytes), EventBody::Room(RoomEvent::Settings(vec![Setting::Slow(5)])));
    }
}

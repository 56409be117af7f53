//! Keeping order in a room: invite, put out, ban, mute, give roles; and what members may do against each other: report and
//! ignore.
//!
//! Everything that moderators do is an event of the room's log, so that the log is the audit, and takes effect at that event:
//! who is put out may read up to it and no further.

use super::command::Change;
use super::deletion::not_gone;
use super::rights::Rights;
use super::rooms::stored;
use super::target::{Place, find, known_user};
use super::turn::{Ruled, Speaker, Turn, refuse};
use super::visible::View;
use crate::message::{
    Archived, Concerned, Deed, EventBody, MUTE_S_MAX, Phrase, PutOut, RefusalCode, Reply, Role, RoomEvent, Seq, Target, UserName,
    Visibility, Wish,
};
use crate::store::{DoorList, LogHead, LogKind, Tables, User};

/// Most users that a room bans at a time; and most that are invited and have not come.
pub const DOOR_LIST_MAX: u64 = 1_000;

/// Most users that one user ignores: with the longest names there are, all of them fit one reply.
pub const IGNORED_MAX: usize = 400;

/// Reports of one room that are kept; the oldest make way.
pub const REPORTS_MAX: u64 = 1_000;

/// Reports of one member in one room that are kept; the oldest make way.
pub const REPORTS_PER_MEMBER_MAX: u64 = 20;

/// Most moderators of a room who are told of a report, the owner among them.
pub const REPORT_TOLD_MAX: usize = 32;

/// Of one member's reports in one room, moderators are told of so many within this time as are kept.
const REPORTS_TOLD_MS: u64 = 3_600_000;

/// Does something to somebody in a room.
pub(super) fn moderate(turn: &mut Turn<'_>, speaker: &Speaker, room: &Target, typed: &str, deed: &Deed) -> Ruled<Reply> {
    let place = find(turn.db.tables(), speaker.user.id, room)?;
    let rights = Rights::of_member(turn.db.tables(), speaker.user.id, &place, turn.command.time_ms)?;
    let LogKind::Room { name, visibility, password_hash } = &place.log.kind else {
        return refuse(RefusalCode::NoSuchRoom, format!("{} is not a room; nobody keeps order in it", place.called));
    };
    let user = named(turn.db.tables(), typed)?;
    not_gone(&user)?;
    if user.id == speaker.user.id {
        return refuse(RefusalCode::SelfMessage, "this is for others; to end your own membership, leave");
    }
    let is_open = *visibility != Visibility::InviteOnly && password_hash.is_none();
    if !(is_open && *deed == Deed::Invite) {
        rights.may_moderate()?;
    }
    if place.log.settings.archived == Archived::Yes {
        return refuse(RefusalCode::ArchivedRoom, format!("{} is archived; nothing happens in it", place.called));
    }
    let membership = turn.db.tables().open_span(place.id(), user.id)?;
    if let Some(membership) = membership
        && *deed != Deed::Invite
    {
        rights.may_act_on(membership.role)?;
    }
    let is_member = membership.is_some();
    let head = match deed {
        Deed::Invite => invite(turn, speaker, &place, &user, is_member)?,
        Deed::Kick(reason) => put_out(turn, speaker, (&place, name), &user, is_member, (PutOut::Kicked, reason))?,
        Deed::Ban(reason) => put_out(turn, speaker, (&place, name), &user, is_member, (PutOut::Banned, reason))?,
        Deed::Unban => {
            if !turn.db.unlist(DoorList::Banned, place.id(), user.id)? {
                return refuse(RefusalCode::NotInRoom, format!("@{} is not banned from {}", user.name, place.called));
            }
            turn.append(&place.log.head, speaker, &EventBody::Room(RoomEvent::Unbanned(concerned(&user))))?
        }
        Deed::Mute(_) | Deed::Role(_) if !is_member => return not_in_room(&place, &user),
        Deed::Mute(seconds) => mute(turn, speaker, &place, &user, *seconds)?,
        Deed::Role(role) => {
            rights.may_own()?;
            give_role(turn, speaker, &place, &user, *role)?
        }
    };
    Ok(stored(place.called, &head))
}

fn invite(turn: &mut Turn<'_>, speaker: &Speaker, place: &Place, user: &User, is_member: bool) -> Ruled<LogHead> {
    let (log, tables) = (place.id(), turn.db.tables());
    if is_member {
        return refuse(RefusalCode::BadSetting, format!("@{} is in {} already", user.name, place.called));
    }
    if tables.is_listed(DoorList::Banned, log, user.id)? {
        return refuse(RefusalCode::Banned, format!("@{} is banned from {}; unban first", user.name, place.called));
    }
    if tables.ignores(user.id, speaker.user.id)? {
        return ignored(user);
    }
    if tables.is_listed(DoorList::Invited, log, user.id)? {
        return Ok(place.log.head);
    }
    room_on(tables, DoorList::Invited, place)?;
    turn.db.list(DoorList::Invited, log, user.id)?;
    tell_invited(turn, speaker, place.log.head, place, user)
}

/// The invited one hears of it in their own log, the room in its.
pub(super) fn tell_invited(turn: &mut Turn<'_>, speaker: &Speaker, head: LogHead, place: &Place, user: &User) -> Ruled<LogHead> {
    let name = place.called.trim_start_matches('#').to_owned();
    let head = turn.append(&head, speaker, &EventBody::Room(RoomEvent::Invited(concerned(user))))?;
    turn.append_own(user, speaker, &EventBody::InvitedTo(head.log, name))?;
    Ok(head)
}

fn put_out(
    turn: &mut Turn<'_>,
    speaker: &Speaker,
    (place, name): (&Place, &str),
    user: &User,
    is_member: bool,
    (how, reason): (PutOut, &str),
) -> Ruled<LogHead> {
    let log = place.id();
    let reason = match Phrase::parse(reason) {
        Some(reason) => reason.as_str().to_owned(),
        None => return refuse(RefusalCode::BadSetting, "a reason is one line of at most 512 bytes"),
    };
    let event = match how {
        PutOut::Kicked if !is_member => return not_in_room(place, user),
        PutOut::Kicked => RoomEvent::Kicked(concerned(user), reason.clone()),
        PutOut::Banned => {
            room_on(turn.db.tables(), DoorList::Banned, place)?;
            turn.db.list(DoorList::Banned, log, user.id)?;
            turn.db.unlist(DoorList::Invited, log, user.id)?;
            RoomEvent::Banned(concerned(user), reason.clone())
        }
    };
    let head = turn.append(&place.log.head, speaker, &EventBody::Room(event))?;
    if is_member {
        turn.db.leave_room(log, user.id, head.seq)?;
        turn.append_own(user, speaker, &EventBody::PutOutOf(log, name.to_owned(), how, reason))?;
        turn.change(Change::Left { log, user: user.id });
    }
    Ok(head)
}

fn mute(turn: &mut Turn<'_>, speaker: &Speaker, place: &Place, user: &User, seconds: u32) -> Ruled<LogHead> {
    if seconds > MUTE_S_MAX {
        return refuse(RefusalCode::OutOfRange, "nobody is muted for more than a year; ban or kick them");
    }
    let until_ms = if seconds == 0 { 0 } else { turn.command.time_ms + u64::from(seconds) * 1_000 };
    turn.db.set_muted(place.id(), user.id, until_ms)?;
    Ok(turn.append(&place.log.head, speaker, &EventBody::Room(RoomEvent::Muted(concerned(user), until_ms)))?)
}

fn give_role(turn: &mut Turn<'_>, speaker: &Speaker, place: &Place, user: &User, role: Role) -> Ruled<LogHead> {
    let log = place.id();
    turn.db.set_role(log, user.id, role)?;
    let head = turn.append(&place.log.head, speaker, &EventBody::Room(RoomEvent::RoleChanged(concerned(user), role)))?;
    if role != Role::Owner {
        return Ok(head);
    }
    turn.db.set_role(log, speaker.user.id, Role::Moderator)?;
    let before = RoomEvent::RoleChanged(concerned(&speaker.user), Role::Moderator);
    Ok(turn.append(&head, speaker, &EventBody::Room(before))?)
}

/// Shows a message to the moderators, who hear of it in their own logs. A report again tells nobody, and neither do more of one
/// member's than are kept.
pub(super) fn report(turn: &mut Turn<'_>, speaker: &Speaker, room: &Target, seq: Seq, reason: &Phrase) -> Ruled<Reply> {
    let place = find(turn.db.tables(), speaker.user.id, room)?;
    let view = View::of_member(turn.db.tables(), speaker.user.id, &place)?;
    let is_readable = view.ranges.iter().any(|range| range.from <= seq && range.to.is_none_or(|to| seq <= to));
    let LogKind::Room { name, .. } = &place.log.kind else {
        return refuse(RefusalCode::NoSuchRoom, "only rooms have moderators to report to; ignore whom you do not want to hear");
    };
    if !is_readable || turn.db.tables().event(place.id(), seq)?.is_none() {
        return refuse(RefusalCode::OutOfRange, format!("there is no message {seq} in {}", place.called));
    }
    let (message, reporter, now_ms) = ((place.id(), seq), speaker.user.id, turn.command.time_ms);
    let since_ms = now_ms.saturating_sub(REPORTS_TOLD_MS);
    let (is_known, lately_count) = turn.db.tables().reported(message, reporter, since_ms)?;
    turn.db.add_report(message, reporter, (reason.as_str(), now_ms), (REPORTS_PER_MEMBER_MAX, REPORTS_MAX))?;
    if !is_known && lately_count < REPORTS_PER_MEMBER_MAX {
        for keeper in turn.db.tables().keepers(place.id(), reporter, REPORT_TOLD_MAX)? {
            let keeper = known_user(turn.db.tables(), keeper)?;
            turn.append_own(&keeper, speaker, &EventBody::PostReported(place.id(), name.clone(), seq))?;
        }
    }
    Ok(Reply::Done)
}

/// Hears somebody no more, or again.
pub(super) fn ignore(turn: &mut Turn<'_>, speaker: &Speaker, typed: &str, wish: Wish) -> Ruled<Reply> {
    let user = named(turn.db.tables(), typed)?;
    match wish {
        Wish::Ignore if user.id == speaker.user.id => {
            return refuse(RefusalCode::SelfMessage, "nobody can ignore themselves");
        }
        Wish::Ignore => {
            if turn.db.tables().ignored(speaker.user.id, IGNORED_MAX)?.len() >= IGNORED_MAX {
                return refuse(RefusalCode::LimitReached, format!("you ignore {IGNORED_MAX} people, the most there may be"));
            }
            turn.db.ignore(speaker.user.id, user.id)?;
        }
        Wish::Hear => turn.db.hear(speaker.user.id, user.id)?,
    }
    Ok(Reply::Done)
}

/// Says that a user does not want to hear the asker.
pub(super) fn ignored<T>(user: &User) -> Ruled<T> {
    refuse(RefusalCode::Ignored, format!("@{} takes no messages from you", user.name))
}

fn room_on(tables: &Tables, list: DoorList, place: &Place) -> Ruled<()> {
    if tables.listed_count(list, place.id())? < DOOR_LIST_MAX {
        return Ok(());
    }
    let what = match list {
        DoorList::Invited => "invitations that wait",
        DoorList::Banned => "bans",
    };
    refuse(RefusalCode::LimitReached, format!("{} has {DOOR_LIST_MAX} {what}, the most there may be", place.called))
}

fn not_in_room<T>(place: &Place, user: &User) -> Ruled<T> {
    refuse(RefusalCode::NotInRoom, format!("@{} is not in {}", user.name, place.called))
}

fn concerned(user: &User) -> Concerned {
    Concerned { user: user.id, name: user.name.clone() }
}

/// The user of this name.
pub(super) fn named(tables: &Tables, typed: &str) -> Ruled<User> {
    let name = match UserName::parse(typed) {
        Ok(name) => name,
        Err(error) => return refuse(RefusalCode::BadName, error.to_string()),
    };
    match tables.user_by_skeleton(&name.skeleton())? {
        Some(user) => Ok(user),
        None => refuse(RefusalCode::NoSuchUser, format!("there is no user {name}")),
    }
}

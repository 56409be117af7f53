//! Rooms: create, join, leave.

use super::command::{Change, NewRoom};
use super::settings;
use super::target::{Place, find, not_member, room};
use super::tickets;
use super::turn::{Ruled, Speaker, Turn, refuse};
use crate::message::{
    Archived, EventBody, Posting, RefusalCode, Reply, Role, RoomKind, RoomName, Setting, Stored, Target, Template, Visibility,
};
use crate::store::{DoorList, LogHead, LogKind, StoreError, UserCount};

/// Most rooms that a user is a member of at once.
pub const ROOMS_JOINED_MAX: u64 = 1_000;

/// Most rooms that a user makes.
pub const ROOMS_CREATED_MAX: u64 = 1_000;

/// Most memberships of one user in one room, ended ones included: each is a span that every read goes through.
pub const SPANS_MAX: usize = 1_000;

/// Makes a room; the speaker is its owner and first member.
pub(super) fn create(turn: &mut Turn<'_>, speaker: &Speaker, wish: &NewRoom) -> Ruled<Reply> {
    let NewRoom { name, password_hash, visibility, template, changes } = wish;
    if let Some(holder) = turn.db.tables().room_by_skeleton(&name.skeleton())? {
        let sentence = match &holder.kind {
            LogKind::Room { name: held, .. } if held == name.as_str() => format!("there is a room {name} already"),
            _ => format!("there is a room already whose name looks like {name}"),
        };
        return refuse(RefusalCode::RoomTaken, sentence);
    }
    room_for_a_new_one(speaker)?;
    let history_all = *visibility == Visibility::Public || *template != Template::Plain;
    let head = turn.db.add_room(name, *visibility, password_hash.as_deref(), history_all, turn.command.time_ms)?;
    turn.db.set_template(head.log, *template, None)?;
    turn.db.count_up(speaker.user.id, UserCount::RoomsCreated)?;
    let made = turn.append(&head, speaker, &EventBody::Created(RoomKind::Room, name.as_str().to_owned()))?;
    let joined = enter(turn, speaker, &made, name.as_str(), Role::Owner)?;
    let mut changes = changes.clone();
    let says_who_posts = changes.settings.iter().any(|setting| matches!(setting, Setting::Posting(_)));
    if *template == Template::Class && !says_who_posts {
        changes.settings.push(Setting::Posting(Posting::Moderators));
    }
    settings::apply(turn, speaker, joined, None, &changes)?;
    Ok(stored(name.to_string(), &made))
}

/// Refuses who has made, or is in, as many rooms as there may be.
pub(super) fn room_for_a_new_one(speaker: &Speaker) -> Ruled<()> {
    if speaker.user.rooms_created >= ROOMS_CREATED_MAX {
        return refuse(RefusalCode::LimitReached, format!("you have made {ROOMS_CREATED_MAX} rooms, the most there may be"));
    }
    room_for_one_more(speaker)
}

/// Makes the speaker a member. Joining again while a member brings the place of the first joining.
pub(super) fn join(turn: &mut Turn<'_>, speaker: &Speaker, name: &RoomName, verified: Option<&str>) -> Ruled<Reply> {
    let place = room(turn.db.tables(), name)?;
    let log = place.id();
    if let Some(open) = turn.db.tables().open_span(log, speaker.user.id)? {
        let joined = turn.db.tables().event(log, open.from)?.ok_or(StoreError::Damaged("a span begins at no event"))?;
        let time_ms = super::reading::head_of(&joined)?.time_ms;
        return Ok(Reply::Stored(Stored { log, room: place.called, seq: open.from, time_ms }));
    }
    let LogKind::Room { name, password_hash, visibility } = &place.log.kind else { unreachable!("found by a room's name") };
    let user = speaker.user.id;
    if turn.db.tables().is_listed(DoorList::Banned, log, user)? {
        return refuse(RefusalCode::Banned, format!("you are banned from {}", place.called));
    }
    let is_staff = tickets::is_staff(turn.db.tables(), place.log.settings.desk, user)?;
    let is_invited = turn.db.tables().is_listed(DoorList::Invited, log, user)? || is_staff;
    if *visibility == Visibility::InviteOnly && !is_invited {
        return refuse(RefusalCode::InviteOnly, format!("{} is for those who were invited", place.called));
    }
    if place.log.settings.archived == Archived::Yes {
        return refuse(RefusalCode::ArchivedRoom, format!("{} is archived and takes nobody in any more", place.called));
    }
    if !is_invited && password_hash.is_some() && password_hash.as_deref() != verified {
        let sentence = match verified {
            None => format!("{} needs a password, and none or a wrong one was given", place.called),
            Some(_) => format!("the password of {} was changed just now; try again", place.called),
        };
        return refuse(RefusalCode::WrongRoomPassword, sentence);
    }
    room_for_one_more(speaker)?;
    if turn.db.tables().spans(log, speaker.user.id)?.len() >= SPANS_MAX {
        return refuse(RefusalCode::LimitReached, format!("you have joined {} too often", place.called));
    }
    // A room that everybody left would otherwise stay without an owner for ever.
    let role = match place.log.member_count {
        0 => Role::Owner,
        _ if is_staff => Role::Moderator,
        _ => Role::Member,
    };
    turn.db.unlist(DoorList::Invited, log, user)?;
    let joined = enter(turn, speaker, &place.log.head, name, role)?;
    Ok(stored(place.called, &joined))
}

/// Ends the speaker's membership.
pub(super) fn leave(turn: &mut Turn<'_>, speaker: &Speaker, target: &Target) -> Ruled<Reply> {
    let Place { log, called } = find(turn.db.tables(), speaker.user.id, target)?;
    let LogKind::Room { name, .. } = &log.kind else {
        return refuse(RefusalCode::NoSuchRoom, format!("{called} is not a room; only rooms are left"));
    };
    let id = log.head.log;
    let Some(open) = turn.db.tables().open_span(id, speaker.user.id)? else {
        let spans = turn.db.tables().spans(id, speaker.user.id)?;
        return not_member(&Place { log, called }, &spans);
    };
    if open.role == Role::Owner && log.member_count > 1 {
        let sentence = format!("you own {called} and cannot leave it while others are in it; give it to somebody first");
        return refuse(RefusalCode::OwnerStays, sentence);
    }
    let left = turn.append(&log.head, speaker, &EventBody::Left)?;
    turn.db.leave_room(id, speaker.user.id, left.seq)?;
    turn.append_own(&speaker.user, speaker, &EventBody::RoomLeft(id, name.clone()))?;
    turn.change(Change::Left { log: id, user: speaker.user.id });
    Ok(stored(called, &left))
}

/// The reply that says where an event is, from the log's head after it.
pub(super) fn stored(called: String, at: &LogHead) -> Reply {
    Reply::Stored(Stored { log: at.log, room: called, seq: at.seq, time_ms: at.time_ms })
}

/// Makes the speaker a member, and tells the room and the speaker's own log.
pub(super) fn enter(turn: &mut Turn<'_>, speaker: &Speaker, head: &LogHead, name: &str, role: Role) -> Ruled<LogHead> {
    let joined = turn.append(head, speaker, &EventBody::Joined)?;
    turn.db.enter_room(joined.log, speaker.user.id, joined.seq, role)?;
    turn.db.has_read(speaker.user.id, &joined, None)?;
    turn.append_own(&speaker.user, speaker, &EventBody::RoomEntered(joined.log, name.to_owned()))?;
    turn.change(Change::Entered { log: joined.log, user: speaker.user.id });
    Ok(joined)
}

fn room_for_one_more(speaker: &Speaker) -> Ruled<()> {
    if speaker.user.rooms_joined >= ROOMS_JOINED_MAX {
        let sentence = format!("you are in {ROOMS_JOINED_MAX} rooms, the most there may be; leave one first");
        return refuse(RefusalCode::LimitReached, sentence);
    }
    Ok(())
}

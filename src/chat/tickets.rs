//! Tickets: at a desk, a room of the template, each visitor has one room of their own with the desk's staff.
//!
//! The desk's members are the staff. They may come into every ticket of the desk, where they are moderators; some of them are
//! invited, so that they hear of it.

use super::moderation::tell_invited;
use super::rooms::{self, stored};
use super::target::{Place, find, known_user};
use super::turn::{Ruled, Speaker, Turn, refuse};
use super::visible::View;
use crate::message::{
    Archived, EventBody, LogId, RefusalCode, Reply, Role, RoomEvent, RoomKind, RoomName, Setting, Target, Template, TicketState,
    UserId, Visibility,
};
use crate::store::{DoorList, LogHead, LogKind, StoreError, Tables, User, UserCount};

/// Staff who are told of a new ticket; the others find it when they look.
const TOLD_STAFF_MAX: usize = 15;

/// Opens the speaker's ticket at a desk: makes it, or opens it again.
pub(super) fn open(turn: &mut Turn<'_>, speaker: &Speaker, desk: &Target) -> Ruled<Reply> {
    let is_named = matches!(desk, Target::Room(_));
    let desk = find(turn.db.tables(), speaker.user.id, desk)?;
    let LogKind::Room { name: desk_name, visibility, .. } = &desk.log.kind else { return no_desk(&desk.called) };
    // Who guesses a number must not learn the name of a hidden room.
    if !is_named && *visibility != Visibility::Public {
        View::of_member(turn.db.tables(), speaker.user.id, &desk)?;
    }
    let settings = &desk.log.settings;
    if settings.template != Template::Ticket || settings.desk.is_some() || settings.archived == Archived::Yes {
        return no_desk(&desk.called);
    }
    let name = ticket_name(desk_name, desk.id(), &speaker.user);
    if let Some(log) = turn.db.tables().room_by_skeleton(&name.skeleton())? {
        let is_own = turn.db.tables().open_span(log.head.log, speaker.user.id)?.is_some();
        if !is_own || log.settings.desk != Some(desk.id()) {
            return refuse(RefusalCode::RoomTaken, format!("there is a room {name} already that is not your ticket"));
        }
        let head = match log.settings.ticket {
            TicketState::Resolved => set_state(turn, speaker, &log.head, TicketState::Open)?,
            TicketState::Open | TicketState::Assigned => log.head,
        };
        return Ok(stored(name.to_string(), &head));
    }
    if turn.db.tables().is_listed(DoorList::Banned, desk.id(), speaker.user.id)? {
        return refuse(RefusalCode::Banned, format!("you are banned from {}", desk.called));
    }
    rooms::room_for_a_new_one(speaker)?;
    let head = turn.db.add_room(&name, Visibility::InviteOnly, None, true, turn.command.time_ms)?;
    turn.db.set_template(head.log, Template::Ticket, Some(desk.id()))?;
    turn.db.count_up(speaker.user.id, UserCount::RoomsCreated)?;
    let head = turn.append(&head, speaker, &EventBody::Created(RoomKind::Room, name.as_str().to_owned()))?;
    let joined = rooms::enter(turn, speaker, &head, name.as_str(), Role::Member)?;
    let log = turn.db.tables().log(joined.log)?.ok_or(StoreError::Damaged("a room is gone that was just made"))?;
    let place = Place { log, called: name.to_string() };
    let mut head = joined;
    let staff = turn.db.tables().members(desk.id(), UserId(0), TOLD_STAFF_MAX + 1)?;
    for member in staff.iter().filter(|member| member.user != speaker.user.id).take(TOLD_STAFF_MAX) {
        let user = known_user(turn.db.tables(), member.user)?;
        turn.db.list(DoorList::Invited, head.log, user.id)?;
        head = tell_invited(turn, speaker, head, &place, &user)?;
    }
    Ok(stored(place.called, &head))
}

/// Whether the user is of the staff of the desk that a ticket belongs to.
pub(super) fn is_staff(tables: &Tables, desk: Option<LogId>, user: UserId) -> Result<bool, StoreError> {
    match desk {
        Some(desk) => Ok(tables.open_span(desk, user)?.is_some()),
        None => Ok(false),
    }
}

fn set_state(turn: &mut Turn<'_>, speaker: &Speaker, head: &LogHead, state: TicketState) -> Ruled<LogHead> {
    turn.db.set_setting(head.log, &Setting::Ticket(state))?;
    Ok(turn.append(head, speaker, &EventBody::Room(RoomEvent::Settings(vec![Setting::Ticket(state)])))?)
}

/// `#desk-visitor`, or with the numbers of both where that would be too long.
fn ticket_name(desk: &str, log: LogId, user: &User) -> RoomName {
    let by_name = RoomName::parse(&format!("#{desk}-{}", user.name));
    let by_number = || RoomName::parse(&format!("#ticket{log}-{}", user.id));
    match by_name.or_else(|_| by_number()) {
        Ok(name) => name,
        Err(_) => unreachable!("a number is a good name"),
    }
}

fn no_desk<T>(called: &str) -> Ruled<T> {
    refuse(RefusalCode::BadSetting, format!("{called} is no desk; a desk is a room made with the template ticket"))
}

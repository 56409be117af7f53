//! create, join, leave, rooms, who.

use super::super::args::{Conversation, Create, Join, Room};
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::line::{Deed, Line};
use super::super::prompt::{self, PasswordSource};
use super::super::session::{Session, accepted, unexpected};
use crate::message::{
    CreateRoom, JoinRoom, MarkRead, Password, Posting, RefusalCode, Reply, Request, RoomChanges, RoomSearch, Seq, Target,
    Template, Visibility,
};
use std::time::Duration;

/// A room's name in lower case is compared with what was asked for, so that case does not matter.
fn matches(name: &str, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| name.to_lowercase().contains(&wanted.to_lowercase()))
}

pub(super) fn create(context: &mut Context, args: &Create) -> Result<(), Failure> {
    let what = format!("password of {}", args.room.0);
    let password = match (args.password_stdin, args.password) {
        (true, _) => Some(prompt::new_password(PasswordSource::Stdin, &what)?),
        (false, true) => Some(prompt::new_password(PasswordSource::Prompt, &what)?),
        (false, false) => None,
    };
    let template = args.template.into();
    let visibility = match (args.invite_only || template == Template::Ticket, args.private) {
        (true, _) => Visibility::InviteOnly,
        (false, true) => Visibility::Unlisted,
        (false, false) => Visibility::Public,
    };
    let changes = RoomChanges {
        topic: args.topic.clone(),
        tags: Some(args.tags.clone()).filter(|tags| !tags.is_empty()),
        posting: args.announce.then_some(Posting::Moderators),
        ..RoomChanges::default()
    };
    let mut session = Session::open(context)?;
    let id = session.new_id();
    let request = Request::CreateRoom(CreateRoom { id, name: args.room.0.to_string(), password, visibility, template, changes });
    let reply = session.ask(&request)?;
    print_deed(context, Deed::Created, reply)?;
    session.finish();
    Ok(())
}

pub(super) fn join(context: &mut Context, args: &Join) -> Result<(), Failure> {
    let what = format!("password of {}", args.room.0);
    let password = if args.password_stdin { Some(prompt::password(PasswordSource::Stdin, &what)?) } else { None };
    let mut session = Session::open(context)?;
    let is_without = password.is_none();
    let mut reply = try_join(&mut session, &args.room, password)?;
    if let Reply::Refused(refusal) = &reply
        && refusal.code() == RefusalCode::WrongRoomPassword
        && is_without
    {
        if !prompt::somebody_is_there() {
            let sentence = format!("{} (use --password-stdin)", refusal.sentence);
            return Err(Failure::new(Exit::Denied, sentence));
        }
        let password = prompt::password(PasswordSource::Prompt, &what)?;
        reply = try_join(&mut session, &args.room, Some(password))?;
    }
    print_deed(context, Deed::Joined, accepted(reply)?)?;
    session.finish();
    Ok(())
}

/// The answer as it is: that a password is missing may be mended.
fn try_join(session: &mut Session, room: &Room, password: Option<Password>) -> Result<Reply, Failure> {
    let id = session.new_id();
    let request = Request::JoinRoom(JoinRoom { id, name: room.0.to_string(), password });
    session.ask_plainly(&request)
}

pub(super) fn leave(context: &mut Context, room: &Room) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let id = session.new_id();
    let reply = session.ask(&Request::LeaveRoom((id, Target::Room(room.0.to_string()))))?;
    print_deed(context, Deed::Left, reply)?;
    session.finish();
    Ok(())
}

fn print_deed(context: &mut Context, deed: Deed, reply: Reply) -> Result<(), Failure> {
    let Reply::Stored(stored) = reply else { return Err(unexpected()) };
    Ok(context.output.line(&Line::Did { deed, stored: &stored })?)
}

pub(super) fn public(context: &mut Context, mut search: RoomSearch) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    loop {
        let Reply::Rooms(page) = session.ask(&Request::ListRooms(search.clone()))? else { return Err(unexpected()) };
        for room in &page.rooms {
            context.output.line(&Line::Room(room))?;
        }
        let Some(last) = page.rooms.last().filter(|_| page.more) else { break };
        search.after = Some(last.name.trim_start_matches('#').to_owned());
    }
    session.finish();
    Ok(())
}

pub(super) fn mine(context: &mut Context, wanted: Option<&str>) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let mut after = None;
    loop {
        let Reply::Memberships(page) = session.ask(&Request::Memberships(after))? else { return Err(unexpected()) };
        for membership in page.memberships.iter().filter(|membership| matches(&membership.room, wanted)) {
            context.output.line(&Line::Membership(membership))?;
        }
        let Some(last) = page.memberships.last().filter(|_| page.more) else { break };
        after = Some(last.log);
    }
    session.finish();
    Ok(())
}

/// Moves the read marker. Another device may have moved it just now: then this waits its turn.
pub(super) fn mark_read(context: &mut Context, room: &Conversation, seq: u64) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let marked = loop {
        let request = MarkRead { id: session.new_id(), log: room.target(), seq: Seq(seq) };
        match session.ask_plainly(&Request::MarkRead(request))? {
            Reply::Refused(refusal) if refusal.code() == RefusalCode::TooMany => {
                std::thread::sleep(Duration::from_millis(refusal.retry_after_ms.into()));
            }
            reply => match accepted(reply)? {
                Reply::Marked(marked) => break marked,
                _ => return Err(unexpected()),
            },
        }
    };
    context.output.line(&Line::ReadTo(&marked))?;
    session.finish();
    Ok(())
}

pub(super) fn who(context: &mut Context, room: &Conversation) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let mut after = 0;
    loop {
        let Reply::Members(page) = session.ask(&Request::Who((room.target(), after)))? else { return Err(unexpected()) };
        for member in &page.members {
            context.output.line(&Line::Member { room: &page.room, member })?;
        }
        let Some(last) = page.members.last().filter(|_| page.more) else { break };
        after = last.user.0;
    }
    session.finish();
    Ok(())
}

//! room, invite, kick, ban, unban, mute, unmute, role, archive, report, reports, audit, ignore, unignore, ignored, ticket.

use super::super::args::{ArchiveArgs, InRoom, ReportArgs, Room, RoomArgs, Who};
use super::super::context::Context;
use super::super::exit::Failure;
use super::super::line::{Deed, Line};
use super::super::prompt::{self, PasswordSource};
use super::super::session::{Session, unexpected};
use crate::message::{
    ChangeRoom, Deed as Doing, Event, Ignore, Moderate, PasswordChange, Reply, ReportMessage, Request, RoomChanges, Seq, Target,
    Wish,
};

pub(super) fn room(context: &mut Context, args: &RoomArgs) -> Result<(), Failure> {
    let what = format!("new password of {}", args.room.0);
    let password = match (args.password_stdin, args.no_password) {
        (true, _) => PasswordChange::Set(prompt::new_password(PasswordSource::Stdin, &what)?),
        (false, true) => PasswordChange::Remove,
        (false, false) => PasswordChange::Keep,
    };
    let changes = args.changes();
    if changes == RoomChanges::default() && password == PasswordChange::Keep {
        return show(context, &args.room);
    }
    change(context, &args.room, password, changes)
}

fn show(context: &mut Context, room: &Room) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let Reply::RoomSettings(settings) = session.ask(&Request::RoomSettings(target(room)))? else { return Err(unexpected()) };
    context.output.line(&Line::Settings(&settings))?;
    session.finish();
    Ok(())
}

fn change(context: &mut Context, room: &Room, password: PasswordChange, changes: RoomChanges) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let id = session.new_id();
    let request = Request::ChangeRoom(ChangeRoom { id, room: target(room), password, changes });
    did(context, session, &request, Deed::Changed)
}

pub(super) fn archive(context: &mut Context, args: &ArchiveArgs) -> Result<(), Failure> {
    change(context, &args.room, PasswordChange::Keep, args.changes())
}

pub(super) fn moderate(context: &mut Context, whom: &InRoom, doing: Doing) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let deed = Deed::of(&doing);
    let id = session.new_id();
    let request = Request::Moderate(Moderate { id, room: target(&whom.room), user: whom.user.to_string(), deed: doing });
    did(context, session, &request, deed)
}

pub(super) fn ticket(context: &mut Context, desk: &Room) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let id = session.new_id();
    did(context, session, &Request::OpenTicket((id, target(desk))), Deed::TicketOpened)
}

fn did(context: &mut Context, mut session: Session, request: &Request, deed: Deed) -> Result<(), Failure> {
    let Reply::Stored(stored) = session.ask(request)? else { return Err(unexpected()) };
    context.output.line(&Line::Did { deed, stored: &stored })?;
    session.finish();
    Ok(())
}

pub(super) fn report(context: &mut Context, args: &ReportArgs) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let id = session.new_id();
    let (room, seq, reason) = (target(&args.room), Seq(args.seq), args.reason.join(" "));
    session.ask(&Request::ReportMessage(ReportMessage { id, room, seq, reason }))?;
    context.output.line(&Line::Noted { kind: "reported", what: "reported to the moderators" })?;
    session.finish();
    Ok(())
}

pub(super) fn reports(context: &mut Context, room: &Room) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let mut after = Seq(0);
    loop {
        let Reply::Reports(page) = session.ask(&Request::Reports((target(room), after)))? else { return Err(unexpected()) };
        for report in &page.reports {
            context.output.line(&Line::Report { room: &page.room, report })?;
        }
        let Some(last) = page.reports.last().filter(|_| page.more) else { break };
        after = last.seq;
    }
    session.finish();
    Ok(())
}

/// Everything that moderators did, oldest first.
pub(super) fn audit(context: &mut Context, room: &Room) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let mut pages = Vec::new();
    let mut before = Seq(0);
    loop {
        let Reply::Page(page) = session.ask(&Request::Audit((target(room), before)))? else { return Err(unexpected()) };
        let (more, next) = (page.more, Seq(page.after.0.saturating_add(1)));
        pages.push(page);
        if !more {
            break;
        }
        before = next;
    }
    for page in pages.iter().rev() {
        for told in &page.events {
            let Some(event) = Event::decode(&told.event) else { return Err(unexpected()) };
            context.output.line(&Line::Event { room: &page.room, author: &told.author, event: &event, overlay: None })?;
        }
    }
    session.finish();
    Ok(())
}

pub(super) fn ignore(context: &mut Context, user: &Who, wish: Wish) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let id = session.new_id();
    session.ask(&Request::Ignore(Ignore { id, user: user.to_string(), wish }))?;
    let line = match wish {
        Wish::Ignore => Line::Noted { kind: "ignoring", what: "you hear them no more" },
        Wish::Hear => Line::Noted { kind: "hearing", what: "you hear them again" },
    };
    context.output.line(&line)?;
    session.finish();
    Ok(())
}

pub(super) fn ignored(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let Reply::Ignored(people) = session.ask(&Request::Ignored)? else { return Err(unexpected()) };
    for user in &people {
        context.output.line(&Line::Ignored(user))?;
    }
    session.finish();
    Ok(())
}

fn target(room: &Room) -> Target {
    Target::Room(room.0.to_string())
}

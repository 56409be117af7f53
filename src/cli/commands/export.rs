//! export: everything of a log that the user may read, exactly and in order, one page in memory at a time.

use super::super::args::{Conversation, Export};
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::human::Style;
use super::super::line::Line;
use super::super::output::{Format, Output};
use super::super::session::{Session, unexpected};
use crate::message::{Event, EventPage, HistoryFrom, HistoryRequest, Reply, Request, Seq};

/// Most events of one page (protocol.md, "Requests").
const PAGE_COUNT: u16 = 500;

/// The page of what stands behind `at`, at most `count` events.
pub(super) fn page_behind(session: &mut Session, room: &Conversation, at: Seq, count: u16) -> Result<EventPage, Failure> {
    let request = HistoryRequest { log: room.target(), from: HistoryFrom::After(at), count };
    match session.ask(&Request::History(request))? {
        Reply::Page(page) => Ok(page),
        _ => Err(unexpected()),
    }
}

/// The events of a page, or a failure if one does not read.
pub(super) fn events_of(page: &EventPage) -> Result<Vec<(&str, Event)>, Failure> {
    let read = |told: &'_ crate::message::Told| Event::decode(&told.event);
    let events: Option<Vec<Event>> = page.events.iter().map(read).collect();
    let Some(events) = events else {
        return Err(Failure::new(Exit::Refused, "the server sent an event that this version cannot read; a newer one may"));
    };
    Ok(page.events.iter().map(|told| told.author.as_str()).zip(events).collect())
}

pub(super) fn export(context: &mut Context, args: &Export) -> Result<(), Failure> {
    context.output = Output::stdout(if args.text { Format::Human(Style::Full) } else { Format::Json });
    let mut session = Session::open(context)?;
    let mut at = Seq(args.after.unwrap_or(0));
    let mut event_count = 0;
    loop {
        let page = page_behind(&mut session, &args.room, at, PAGE_COUNT)?;
        let events = events_of(&page)?;
        if page.after > at && !events.is_empty() {
            context.output.line(&Line::Gap { room: &page.room, log: page.log, to: page.after })?;
        }
        for (author, event) in &events {
            let overlay = page.overlays.iter().find(|overlay| overlay.seq == event.head.seq);
            context.output.line(&Line::Event { room: &page.room, author, event, overlay })?;
        }
        event_count += u64::try_from(events.len()).unwrap_or(u64::MAX);
        at = events.last().map_or(at, |(_, last)| last.head.seq);
        if !page.more || events.is_empty() {
            context.output.line(&Line::Complete { room: &page.room, log: page.log, to: at, event_count })?;
            break;
        }
    }
    session.finish();
    Ok(())
}

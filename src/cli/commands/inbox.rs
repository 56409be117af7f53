//! inbox: what concerns the user and no room they are in: invitations, tickets, reports, devices, being put out.

use std::collections::VecDeque;

use super::super::args::Inbox;
use super::super::context::Context;
use super::super::exit::Failure;
use super::super::line::Line;
use super::super::session::{Session, unexpected};
use super::export::events_of;
use super::reading::{follow, is_news};
use super::seen::Seen;
use crate::message::{Event, FollowFrom, HistoryFrom, HistoryRequest, Reply, Request, Seq, Target};

/// Most events of one page (protocol.md, "Requests").
const PAGE_COUNT: u16 = 500;

pub(super) fn inbox(context: &mut Context, args: &Inbox) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let mut seen = Seen::open(&session)?;
    let wanted_count = usize::try_from(args.count).unwrap_or(usize::MAX);
    let mut news: VecDeque<(String, Event)> = VecDeque::new();
    let (mut from, mut newest) = (HistoryFrom::Last, None);
    loop {
        let request = HistoryRequest { log: Target::Own, from, count: PAGE_COUNT };
        let Reply::Page(page) = session.ask(&Request::History(request))? else { return Err(unexpected()) };
        let events = events_of(&page)?;
        newest.get_or_insert((
            FollowFrom::After(page.after, page.hash),
            events.last().map_or(page.after, |(_, last)| last.head.seq),
        ));
        let first = events.first().map(|(_, event)| event.head.seq);
        for (author, event) in events.into_iter().rev().filter(|(_, event)| is_news(event)) {
            if news.len() < wanted_count {
                news.push_front((author.to_owned(), event));
            }
        }
        match first {
            Some(first) if page.more && news.len() < wanted_count => from = HistoryFrom::Before(first),
            _ => break,
        }
    }
    for (author, event) in &news {
        context.output.line(&Line::Event { room: "", author, event, overlay: None })?;
    }
    if args.follow {
        let (from, printed) = newest.unwrap_or((FollowFrom::Start, Seq(0)));
        follow(context, &mut session, &mut seen, Target::Own, from, printed)?;
    }
    session.finish();
    Ok(())
}

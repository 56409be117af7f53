//! search.

use super::super::args::Search;
use super::super::context::Context;
use super::super::exit::Failure;
use super::super::line::Line;
use super::super::session::{Session, unexpected};
use crate::message::{Event, Reply, Request, SearchRequest};

/// Most messages of one page (protocol.md, "Searching").
const PAGE_COUNT_MAX: u32 = 100;

pub(super) fn search(context: &mut Context, args: &Search) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let (mut missing_count, mut before, mut is_found) = (args.count, None, args.count == 0);
    while missing_count > 0 {
        let count = u16::try_from(missing_count.min(PAGE_COUNT_MAX)).unwrap_or(u16::MAX);
        let log = args.room.as_ref().map(super::super::args::Conversation::target);
        let request = SearchRequest { words: args.text.join(" "), log, before, count };
        let Reply::Found(page) = session.ask(&Request::Search(request))? else { return Err(unexpected()) };
        for hit in &page.hits {
            let Some(event) = Event::decode(&hit.told.event) else { continue };
            let overlay = hit.overlay.as_ref();
            is_found = true;
            context.output.line(&Line::Event { room: &hit.room, author: &hit.told.author, event: &event, overlay })?;
        }
        missing_count = missing_count.saturating_sub(u32::try_from(page.hits.len()).unwrap_or(u32::MAX));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    if !is_found && !context.output.is_json() {
        context.output.remark("nothing was found")?;
    }
    session.finish();
    Ok(())
}

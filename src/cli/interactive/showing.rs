//! Pages of messages as they go by in a conversation.

use super::super::exit::Failure;
use super::super::line::Line;
use super::super::output::Output;
use crate::message::{Event, EventPage, PickPage, ScheduledPage, SearchPage, Seq};

/// A page of history; what is not the reader's to read is drawn as a gap. Returns the last event's place.
pub(super) fn page(output: &mut Output, page: &EventPage) -> Result<Option<Seq>, Failure> {
    let mut before: Option<Seq> = None;
    for told in &page.events {
        let Some(event) = Event::decode(&told.event) else { continue };
        if before.is_some_and(|before| before != event.head.prev) {
            output.line(&Line::Gap { room: &page.room, log: page.log, to: event.head.prev })?;
        }
        let overlay = page.overlays.iter().find(|overlay| overlay.seq == event.head.seq);
        output.line(&Line::Event { room: &page.room, author: &told.author, event: &event, overlay })?;
        before = Some(event.head.seq);
    }
    Ok(before)
}

/// The oldest first, as everything that is read.
pub(super) fn found(output: &mut Output, page: &SearchPage) -> Result<(), Failure> {
    for hit in page.hits.iter().rev() {
        let Some(event) = Event::decode(&hit.told.event) else { continue };
        let overlay = hit.overlay.as_ref();
        output.line(&Line::Event { room: &hit.room, author: &hit.told.author, event: &event, overlay })?;
    }
    let remark = match (page.hits.is_empty(), page.next) {
        (true, None) => "nothing was found",
        (_, Some(_)) => "there may be more; udpchat-cli search goes on",
        (false, None) => return Ok(()),
    };
    Ok(output.remark(remark)?)
}

/// Messages that wait for their time.
pub(super) fn scheduled(output: &mut Output, page: &ScheduledPage) -> Result<(), Failure> {
    for post in &page.posts {
        output.line(&Line::Scheduled(post))?;
    }
    let remark = match (page.posts.is_empty(), page.more) {
        (true, _) => "no message of yours waits",
        (false, true) => "there are more; udpchat-cli scheduled lists all",
        (false, false) => return Ok(()),
    };
    Ok(output.remark(remark)?)
}

/// Messages picked out of a log.
pub(super) fn picked(output: &mut Output, page: &PickPage) -> Result<(), Failure> {
    for told in &page.posts {
        let Some(event) = Event::decode(&told.event) else { continue };
        let overlay = page.overlays.iter().find(|overlay| overlay.seq == event.head.seq);
        output.line(&Line::Event { room: &page.room, author: &told.author, event: &event, overlay })?;
    }
    let there_is = if page.more { "there are more; udpchat-cli lists all" } else { "there are no more" };
    Ok(output.remark(there_is)?)
}

//! tail and history.

use std::collections::VecDeque;

use super::super::args::{History, Tail};
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::line::{Line, LinkState};
use super::super::session::{Happening, Session, accepted, unexpected};
use super::seen::Seen;
use crate::client::{ClientEvent, Cursor, Followed};
use crate::message::{
    Event, EventBody, EventHash, EventPage, FollowFrom, FollowRequest, HistoryFrom, HistoryRequest, LogId, Overlay, Reply,
    Request, Seq, Target,
};

/// Most events of one page (protocol.md, "Requests").
const PAGE_COUNT_MAX: usize = 500;

/// An event with its author's name.
struct Shown {
    author: String,
    event: Event,
    overlay: Option<Overlay>,
}

pub(super) fn history(context: &mut Context, args: &History) -> Result<(), Failure> {
    let from = match (args.before, args.after, args.around) {
        (Some(before), _, _) => HistoryFrom::Before(Seq(before)),
        (_, Some(after), _) => HistoryFrom::After(Seq(after)),
        (_, _, Some(around)) => HistoryFrom::Around(Seq(around)),
        (None, None, None) => HistoryFrom::Last,
    };
    let mut session = Session::open(context)?;
    hide_ignored(context, &mut session)?;
    if args.count > 0 {
        let mut seen = Seen::open(&session)?;
        let read = Read::some(&mut session, &args.room.target(), from, args.count)?;
        read.print(context)?;
        if from == HistoryFrom::Last {
            read.meet(context, &mut seen)?;
        }
    }
    session.finish();
    Ok(())
}

pub(super) fn tail(context: &mut Context, args: &Tail) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    hide_ignored(context, &mut session)?;
    let mut seen = Seen::open(&session)?;
    let mut from = FollowFrom::Now;
    let mut printed = Seq(0);
    if args.count > 0 {
        let read = Read::some(&mut session, &args.room.target(), HistoryFrom::Last, args.count)?;
        read.print(context)?;
        read.meet(context, &mut seen)?;
        if let Some((_, after)) = read.newest_page {
            // What is behind this position is partly printed already; following from here checks the chain.
            from = FollowFrom::After(after.seq, after.hash.0);
            printed = read.events.back().map_or(after.seq, |shown| shown.event.head.seq);
        }
    }
    if args.follow {
        follow(context, &mut session, &mut seen, args.room.target(), from, printed)?;
    }
    session.finish();
    Ok(())
}

/// People are not shown the messages of those whom they ignore; programs get all, with a mark.
fn hide_ignored(context: &mut Context, session: &mut Session) -> Result<(), Failure> {
    let Reply::Ignored(people) = session.ask(&Request::Ignored)? else { return Err(unexpected()) };
    context.output.ignore(people.iter().map(|user| user.user));
    Ok(())
}

/// What was read of a log.
struct Read {
    room: String,
    events: VecDeque<Shown>,
    /// The log, and the position behind which the newest page's events come.
    newest_page: Option<(LogId, Cursor)>,
}

impl Read {
    /// Reads at most `count` events, in as many pages as that takes.
    fn some(session: &mut Session, log: &Target, from: HistoryFrom, count: u32) -> Result<Self, Failure> {
        let mut read = Self { room: String::new(), events: VecDeque::new(), newest_page: None };
        let mut next = from;
        loop {
            let missing_count = usize::try_from(count).unwrap_or(usize::MAX).saturating_sub(read.events.len());
            let page_count = u16::try_from(missing_count.min(PAGE_COUNT_MAX)).unwrap_or(u16::MAX);
            let request = HistoryRequest { log: log.clone(), from: next, count: page_count };
            let Reply::Page(page) = accepted(session.ask_plainly(&Request::History(request))?)? else {
                return Err(unexpected());
            };
            let more = page.more;
            let read_count = read.events.len();
            read.take(page, next);
            // A page of which nothing can be read leads no further.
            if !more || read.events.len() == read_count || read.events.len() >= usize::try_from(count).unwrap_or(usize::MAX) {
                return Ok(read);
            }
            next = match (next, read.events.front(), read.events.back()) {
                (HistoryFrom::Last | HistoryFrom::Before(_), Some(first), _) => HistoryFrom::Before(first.event.head.seq),
                (HistoryFrom::After(_), _, Some(last)) => HistoryFrom::After(last.event.head.seq),
                _ => return Ok(read),
            };
        }
    }

    fn take(&mut self, page: EventPage, from: HistoryFrom) {
        self.room = page.room;
        self.newest_page.get_or_insert((page.log, Cursor { seq: page.after, hash: EventHash(page.hash) }));
        let overlays = page.overlays;
        let decoded = page.events.into_iter().filter_map(|told| {
            let event = Event::decode(&told.event)?;
            let overlay = overlays.iter().find(|overlay| overlay.seq == event.head.seq).cloned();
            Some(Shown { author: told.author, event, overlay })
        });
        match from {
            HistoryFrom::Before(_) => {
                let mut earlier: VecDeque<Shown> = decoded.collect();
                earlier.append(&mut self.events);
                self.events = earlier;
            }
            HistoryFrom::Last | HistoryFrom::After(_) | HistoryFrom::Around(_) => self.events.extend(decoded),
        }
    }

    /// Says if the log was set back since it was last read.
    fn meet(&self, context: &mut Context, seen: &mut Seen) -> Result<(), Failure> {
        let Some((log, after)) = self.newest_page else { return Ok(()) };
        let events = self.events.iter().map(|shown| &shown.event).filter(|event| event.head.seq > after.seq);
        if let Some(sentence) = seen.meet(&self.room, log, after, events)? {
            context.output.remark(&sentence)?;
        }
        Ok(())
    }

    fn print(&self, context: &mut Context) -> Result<(), Failure> {
        let mut before: Option<Seq> = None;
        for Shown { author, event, overlay } in &self.events {
            if before.is_some_and(|before| before != event.head.prev) {
                context.output.line(&Line::Gap { room: &self.room, log: event.head.log, to: event.head.prev })?;
            }
            context.output.line(&Line::Event { room: &self.room, author, event, overlay: overlay.as_ref() })?;
            before = Some(event.head.seq);
        }
        Ok(())
    }
}

/// Whether an event is of interest by itself: how far one has read is told where unread messages are counted.
pub(super) fn is_news(event: &Event) -> bool {
    !matches!(event.content(), EventBody::ReadMarker(..))
}

/// Prints what comes behind `printed`, until the time given by `--timeout` is over, else for ever.
pub(super) fn follow(
    context: &mut Context,
    session: &mut Session,
    seen: &mut Seen,
    log: Target,
    from: FollowFrom,
    mut printed: Seq,
) -> Result<(), Failure> {
    let (client, now) = session.client();
    let tag = client.follow(now, FollowRequest { log, from });
    session.be_patient();
    let mut followed: Option<LogId> = None;
    let mut is_lost = false;
    loop {
        let event = match session.next()? {
            Happening::Event(event) => *event,
            Happening::Woken => continue,
            Happening::TimeIsUp if is_lost => {
                return Err(Failure::new(Exit::Unreached, "the connection was lost and did not come back in time"));
            }
            Happening::TimeIsUp => return Ok(()),
        };
        match event {
            ClientEvent::Reply { tag: answered, reply } if answered == tag => {
                let Reply::Following(following) = accepted(reply)? else { return Err(unexpected()) };
                followed = Some(following.log);
                // From here on there is nothing to wait for but what people write.
                session.be_calm();
            }
            ClientEvent::Event(told) if told.event.head.seq > printed => {
                printed = told.event.head.seq;
                let Followed { log, room, author, event, cursor } = &*told;
                seen.advance(*log, cursor)?;
                if is_news(event) {
                    context.output.line(&Line::Event { room, author, event, overlay: None })?;
                }
            }
            ClientEvent::Hidden { log, room, cursor } if cursor.seq > printed => {
                printed = cursor.seq;
                context.output.line(&Line::Gap { room: &room, log, to: cursor.seq })?;
            }
            ClientEvent::Offline { reason, failure_count, .. } => {
                is_lost = true;
                if failure_count == 1 {
                    state(context, LinkState::Offline(&reason.to_string()))?;
                }
            }
            ClientEvent::Online { .. } => {
                is_lost = false;
                state(context, LinkState::Online)?;
            }
            ClientEvent::CaughtUp { room, at, .. } if context.output.is_json() => {
                state(context, LinkState::CaughtUp(&room, at))?;
            }
            ClientEvent::Unfollowed { log, refusal, .. } if followed == Some(log) => return Err(refusal.into()),
            ClientEvent::Forked { room, at, .. } => {
                let sentence = format!(
                    "the server no longer has {room} as it was at {at}: it was restored from an older copy. Run the command again"
                );
                return Err(Failure::new(Exit::Refused, sentence));
            }
            ClientEvent::Broken { room, at, .. } => {
                let sentence = format!("the server left out events of {room} behind {at}; do not rely on it");
                return Err(Failure::new(Exit::Refused, sentence));
            }
            _ => {}
        }
    }
}

/// To programs as a line, to people as a remark beside the output.
pub(super) fn state(context: &mut Context, state: LinkState<'_>) -> Result<(), Failure> {
    if context.output.is_json() {
        return Ok(context.output.line(&Line::State(state))?);
    }
    let text = super::super::human::write(&Line::State(state), super::super::human::Style::Short);
    Ok(context.output.remark(text.trim_start_matches("-- "))?)
}

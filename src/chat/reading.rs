//! Reading a log: how a follow begins, what comes after a cursor, and pages of history.
//!
//! All of it goes through [`View`](super::visible::View), so that no byte of a log reaches anybody who may not read it there.

use super::overlay::{Overlays, overlay_len};
use super::target::{Place, find, not_member};
use super::told::{notice, told_of};
use super::turn::{Ruled, refuse, settle};
use super::visible::View;
use crate::message::{
    EventPage, FollowFrom, FollowRequest, Following, Head, HistoryFrom, HistoryRequest, LogId, Refusal, RefusalCode, Seq, Target,
    Told, UserId,
};
use crate::store::{Direction, KeptEvent, Reader, Span, StoreError, Tables};
use std::sync::Arc;

/// Most events on a page, of a follow or of history.
pub const EVENTS_PAGE: usize = 500;

/// Most bytes on a page of history, so that the page fits one message.
pub const PAGE_LEN_MAX: usize = 60_000;

/// What an event on a page takes beside its name and bytes: lengths, type.
const OVERHEAD_LEN: usize = 8;

/// How a follow begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// It begins.
    Following(Following),
    /// The log does not have the follower's position with the follower's hash.
    Forked {
        /// The log.
        log: LogId,
        /// The follower's position.
        at: Seq,
    },
}

/// One thing that a follower is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowItem {
    /// The next event.
    Event {
        /// Its place.
        seq: Seq,
        /// The place of the event before it.
        prev: Seq,
        /// The whole notice, byte for byte that of [`NewEvent::told`](super::NewEvent::told).
        told: Arc<[u8]>,
    },
    /// What the follower may not read ends here.
    Hidden {
        /// The last hidden position.
        to: Seq,
        /// The chain's hash there.
        hash: [u8; 32],
    },
}

/// What comes after a follower's cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowPage {
    /// In the order of the log; empty only if the cursor is at `head`.
    pub items: Vec<FollowItem>,
    /// The newest position that the follower may reach now: the log's head, or where the follower left.
    pub head: Seq,
    /// Whether the follower is a member now. Who is not has nothing more to come after `head`.
    pub member: bool,
}

/// Where a follow of `request` begins. Only members follow.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal.
pub fn begin_follow(reader: &Reader, user: UserId, request: &FollowRequest) -> Result<Result<Beginning, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let place = find(tables, user, &request.log)?;
        let view = View::of_member(tables, user, &place)?;
        let log = place.id();
        let (after, hash) = match request.from {
            FollowFrom::Start => {
                let first = view.ranges.first().map_or(Seq(1), |first| first.from);
                tables.chain_at(log, before(first))?
            }
            FollowFrom::Now => tables.chain_at(log, place.head())?,
            FollowFrom::After(at, hash) => match tables.chain_at(log, at)? {
                (found, kept) if found == at && kept.0 == hash => (found, kept),
                _ => return Ok(Beginning::Forked { log, at }),
            },
        };
        let head = place.head();
        Ok(Beginning::Following(Following { log, room: place.called, after, hash: hash.0, head }))
    }))
}

/// What comes after the cursor `after`: at least one item if there is any, at most about `len_max` bytes. Who has left is led
/// to the leaving and then refused.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal if the user may not read on.
pub fn follow_page(
    reader: &Reader,
    user: UserId,
    log: LogId,
    after: Seq,
    len_max: usize,
) -> Result<Result<FollowPage, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let place = find(tables, user, &Target::Log(log))?;
        let view = View::of(tables, user, &place)?;
        let head = view.end(place.head());
        if !view.member && after >= head {
            return not_member(&place, &view.ranges);
        }
        let mut page = FollowPage { items: Vec::new(), head, member: view.member };
        let mut cursor = after;
        let mut budget = Budget::new(len_max, EVENTS_PAGE);
        for range in view.ranges.iter().filter(|range| range.to.is_none_or(|to| to > after)) {
            if range.from > next(cursor) {
                let (hidden_to, hash) = tables.chain_at(log, before(range.from))?;
                if hidden_to > cursor {
                    page.items.push(FollowItem::Hidden { to: hidden_to, hash: hash.0 });
                    cursor = hidden_to;
                }
            }
            for event in take(tables, log, clip(range, next(cursor), head), Direction::Forward, &mut budget)? {
                cursor = event.seq;
                page.items.push(FollowItem::Event { seq: event.seq, prev: event.prev, told: notice(told_of(&event)) });
            }
            if budget.is_spent() {
                break;
            }
        }
        Ok(page)
    }))
}

/// A page of history, at most `len_max` bytes and at least one event if there is any. A page never crosses what the user may
/// not read: it ends there, with `more` saying that there is more beyond.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal.
pub fn history(
    reader: &Reader,
    user: UserId,
    request: &HistoryRequest,
    len_max: usize,
) -> Result<Result<EventPage, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        if request.count == 0 {
            return refuse(RefusalCode::OutOfRange, "a page has at least one event");
        }
        let place = find(tables, user, &request.log)?;
        let view = View::of_member(tables, user, &place)?;
        let book = Book { tables, place: &place, view: &view, reader: user };
        let count = usize::from(request.count).min(EVENTS_PAGE);
        let len = len_max.min(PAGE_LEN_MAX);
        match request.from {
            HistoryFrom::Last => book.back_from(place.head(), &mut Budget::new(len, count)),
            HistoryFrom::Before(seq) => book.back_from(before(seq).min(place.head()), &mut Budget::new(len, count)),
            HistoryFrom::After(seq) => book.on_from(next(seq), &mut Budget::new(len, count)),
            HistoryFrom::Around(seq) => book.around(seq.min(place.head()), len, count),
        }
    }))
}

/// The fixed part of a kept event.
pub(super) fn head_of(event: &KeptEvent) -> Result<Head, StoreError> {
    Head::decode(&event.head).ok_or(StoreError::Damaged("an event's head does not read"))
}

/// One log, open to be read by one member.
struct Book<'a> {
    tables: &'a Tables,
    place: &'a Place,
    view: &'a View,
    reader: UserId,
}

impl Book<'_> {
    /// The newest events up to and including `last`.
    fn back_from(&self, last: Seq, budget: &mut Budget) -> Ruled<EventPage> {
        let range = self.view.ranges.iter().rev().find(|range| range.from <= last);
        let mut events = match range {
            Some(range) => self.take(range, (range.from, last), Direction::Backward, budget)?,
            None => Vec::new(),
        };
        events.reverse();
        let page = self.page(&events, last)?;
        let more = self.view.ranges.iter().any(|range| range.from <= page.after);
        Ok(EventPage { more: more && !events.is_empty(), ..page })
    }

    /// The oldest events from `first` on.
    fn on_from(&self, first: Seq, budget: &mut Budget) -> Ruled<EventPage> {
        let range = self.view.ranges.iter().find(|range| range.to.is_none_or(|to| to >= first));
        let events = match range {
            Some(range) => self.take(range, (first, self.place.head()), Direction::Forward, budget)?,
            None => Vec::new(),
        };
        let page = self.page(&events, before(first).min(self.place.head()))?;
        let last = events.last().map_or(page.after, |event| event.seq);
        Ok(EventPage { more: last < self.view.end(self.place.head()), ..page })
    }

    /// Half of the page up to and including `seq`, the other half after it.
    fn around(&self, seq: Seq, len: usize, count: usize) -> Ruled<EventPage> {
        let Some(range) = self.view.ranges.iter().rev().find(|range| range.from <= seq) else {
            return self.on_from(next(seq), &mut Budget::new(len, count));
        };
        let mut older = Budget::new(len / 2, count.div_ceil(2));
        let mut events = self.take(range, (range.from, seq), Direction::Backward, &mut older)?;
        events.reverse();
        let mut used: usize = events.iter().map(told_len).sum();
        used += self.overlays().of(&events)?.iter().map(overlay_len).sum::<usize>();
        let owed = events.is_empty();
        let mut newer = Budget { len: len.saturating_sub(used), count: count - events.len(), owed };
        events.extend(self.take(range, (next(seq), self.place.head()), Direction::Forward, &mut newer)?);
        let page = self.page(&events, seq)?;
        let last = events.last().map_or(page.after, |event| event.seq);
        Ok(EventPage { more: last < self.view.end(self.place.head()), ..page })
    }

    fn take(
        &self,
        range: &Span,
        (first, last): (Seq, Seq),
        direction: Direction,
        budget: &mut Budget,
    ) -> Result<Vec<KeptEvent>, StoreError> {
        let mut events = take(self.tables, self.place.id(), clip(range, first, last), direction, &mut budget.clone())?;
        let laid = self.overlays().of(&events)?;
        let laid_len = |seq: Seq| laid.iter().find(|overlay| overlay.seq == seq).map_or(0, overlay_len);
        // What is laid over the events is paid for too.
        let paid_count = events.iter().take_while(|event| budget.pays(told_len(event) + laid_len(event.seq))).count();
        events.truncate(paid_count);
        Ok(events)
    }

    fn overlays(&self) -> Overlays<'_> {
        Overlays { tables: self.tables, log: self.place.id(), reader: self.reader, view: self.view }
    }

    /// A page of these events; without any, one that stands at `empty_at`.
    fn page(&self, events: &[KeptEvent], empty_at: Seq) -> Ruled<EventPage> {
        let log = self.place.id();
        let (after, hash) = self.tables.chain_at(log, events.first().map_or(empty_at, |first| first.prev))?;
        let told: Vec<Told> = events.iter().map(told_of).collect();
        let overlays = self.overlays().of(events)?;
        Ok(EventPage { log, room: self.place.called.clone(), events: told, overlays, after, hash: hash.0, more: false })
    }
}

/// What a page may still take.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    len: usize,
    count: usize,
    /// Whether the next event is taken however long it is, so that every page gets somewhere.
    owed: bool,
}

impl Budget {
    pub(super) fn new(len: usize, count: usize) -> Self {
        Self { len, count, owed: true }
    }

    /// Takes an event of this length off, if it fits.
    pub(super) fn pays(&mut self, len: usize) -> bool {
        if self.count == 0 || (len > self.len && !self.owed) {
            self.count = 0;
            return false;
        }
        (self.len, self.count, self.owed) = (self.len.saturating_sub(len), self.count - 1, false);
        true
    }

    fn is_spent(&self) -> bool {
        self.count == 0
    }
}

/// Takes events until the budget is spent.
fn take(
    tables: &Tables,
    log: LogId,
    places: (Seq, Seq),
    direction: Direction,
    budget: &mut Budget,
) -> Result<Vec<KeptEvent>, StoreError> {
    let mut events = Vec::new();
    tables.events(log, places, direction, |event| {
        if !budget.pays(told_len(&event)) {
            return false;
        }
        events.push(event);
        !budget.is_spent()
    })?;
    Ok(events)
}

pub(super) fn told_len(event: &KeptEvent) -> usize {
    let body_len = match &event.body {
        Ok(body) => body.len(),
        Err(hash) => hash.len(),
    };
    event.author.len() + event.head.len() + body_len + OVERHEAD_LEN
}

/// The part of `range` from `first` to `last`.
pub(super) fn clip(range: &Span, first: Seq, last: Seq) -> (Seq, Seq) {
    (range.from.max(first), range.to.map_or(last, |to| to.min(last)))
}

pub(super) fn before(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(1))
}

fn next(seq: Seq) -> Seq {
    Seq(seq.0.saturating_add(1))
}

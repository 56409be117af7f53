//! Searching: which messages that the asker may read have the words.
//!
//! The index is only ever asked about stretches that the asker's [`View`] shows, and what it names is read again before it is
//! told; so neither a hit nor a count comes from what is hidden or erased. Over several logs the newest message is always the
//! next: each log keeps its own list of places, and only the first of each is read.
//!
//! The index follows the logs at a distance. What it has not taken in yet is read here, and judged by an index in memory, so that
//! a message is found as soon as it is stored.

use super::index::INDEX_STEP_MAX;
use super::overlay::{Overlays, overlay_len};
use super::reading::{before, clip, head_of, told_len};
use super::target::{Place, find};
use super::told::told_of;
use super::turn::{Ruled, refuse, settle};
use super::visible::View;
use crate::message::{
    EventBody, LogId, Refusal, RefusalCode, SearchHit, SearchPage, SearchPlace, SearchRequest, Seq, Sought, Target, UserId,
};
use crate::store::{KeptEvent, Reader, StoreError, Tables, TailIndex};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Most messages on a page.
pub const SEARCH_PAGE: usize = 100;

/// Most messages that are read for a page beyond the newest of each log: the index may name some that do not fit.
const LOOKED_AT_MAX: usize = 1_000;

/// Places that are asked of the index at a time.
const PLACES_MAX: usize = 32;

/// Most events of a search, over all logs, that are read because the index does not have them yet. It is rarely a step behind; if
/// it is further, after a long burst of messages, those in between are found when it has come to them.
pub(super) const TAIL_MAX: usize = 4 * INDEX_STEP_MAX;

/// Logs of a user that are listed at a time.
const LOGS_PAGE: usize = 500;

/// What the asker may read of what has the words, the newest first, at most about `len_max` bytes.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal.
pub fn search(
    reader: &Reader,
    user: UserId,
    request: &SearchRequest,
    len_max: usize,
) -> Result<Result<SearchPage, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let count_max = usize::from(request.count);
        if count_max == 0 || count_max > SEARCH_PAGE {
            return refuse(RefusalCode::OutOfRange, format!("a page of a search has 1 to {SEARCH_PAGE} messages"));
        }
        let Some(sought) = Sought::parse(&request.words) else {
            return refuse(RefusalCode::BadText, "there is no word in it to search for");
        };
        let (older_than, next) = (request.before, BTreeMap::new());
        let mut search = Search { tables, reader: user, sought: &sought, older_than, tail_budget: TAIL_MAX, tail: None, next };
        match &request.log {
            Some(target) => {
                let place = find(tables, user, target)?;
                let view = View::of_member(tables, user, &place)?;
                search.open(place, view)?;
            }
            None => search.open_all()?,
        }
        Ok(search.page(count_max, len_max)?)
    }))
}

/// One log with what the index says about it.
struct Shelf {
    place: Place,
    view: View,
    /// The next places, the newest first.
    places: VecDeque<Seq>,
    /// Up to where the index is to be asked next; 0 when it has said all.
    up_to: Seq,
    /// Messages whose newest text the index has not taken in yet, and whether it has the words.
    fresh: BTreeMap<Seq, bool>,
}

struct Search<'a> {
    tables: &'a Tables,
    reader: UserId,
    sought: &'a Sought,
    older_than: Option<SearchPlace>,
    /// How many events may still be read because the index does not have them.
    tail_budget: usize,
    /// What judges them.
    tail: Option<TailIndex>,
    /// The newest message of each log that is not looked at yet.
    next: BTreeMap<SearchPlace, (Shelf, KeptEvent)>,
}

impl Search<'_> {
    fn open_all(&mut self) -> Ruled<()> {
        let user = self.reader;
        let mut after = LogId(0);
        loop {
            let logs = self.tables.logs_of(user, after, LOGS_PAGE)?;
            for listed in &logs {
                let place = find(self.tables, user, &Target::Log(listed.log))?;
                let view = View::of_member(self.tables, user, &place)?;
                self.open(place, view)?;
            }
            match logs.last() {
                Some(last) if logs.len() == LOGS_PAGE => after = last.log,
                _ => return Ok(()),
            }
        }
    }

    fn open(&mut self, place: Place, view: View) -> Result<(), StoreError> {
        let up_to = match self.older_than {
            Some(older_than) => last_older(self.tables, &place, older_than)?,
            None => place.head(),
        };
        let fresh = self.fresh(&place)?;
        self.advance(Shelf { place, view, places: VecDeque::new(), up_to, fresh })
    }

    /// What was said at the end of a log, where the index has not come yet.
    fn fresh(&mut self, place: &Place) -> Result<BTreeMap<Seq, bool>, StoreError> {
        let (log, head) = (place.id(), place.log.head.seq);
        let after = self.tables.indexed_to(log)?.max(Seq(head.0.saturating_sub(self.tail_budget as u64)));
        let mut texts = BTreeMap::new();
        if after >= head {
            return Ok(BTreeMap::new());
        }
        self.tables.bodies_after(log, after, self.tail_budget, |seq, body| {
            self.tail_budget -= 1;
            match EventBody::read(body) {
                EventBody::Posted(post) => drop(texts.insert(seq, post.text)),
                EventBody::Edited(edit) => drop(texts.insert(edit.post, edit.text)),
                _ => {}
            }
        })?;
        if texts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let tail = match &mut self.tail {
            Some(tail) => tail,
            none => none.insert(self.tables.tail_index()?),
        };
        let matching = tail.matches(self.sought, log, &texts)?;
        Ok(texts.into_keys().map(|seq| (seq, matching.contains(&seq))).collect())
    }

    /// Puts a log behind the others by its next message, if it has one.
    fn advance(&mut self, mut log: Shelf) -> Result<(), StoreError> {
        loop {
            while let Some(seq) = log.places.pop_front() {
                // What the index names may be gone since.
                let Some(event) = self.tables.event(log.place.id(), seq)? else { continue };
                let place = SearchPlace { time_ms: head_of(&event)?.time_ms, log: log.place.id(), seq };
                self.next.insert(place, (log, event));
                return Ok(());
            }
            let Some(range) = log.view.ranges.iter().rev().find(|range| range.from <= log.up_to) else { return Ok(()) };
            let (first, last) = clip(range, Seq(1), log.up_to);
            let found = self.tables.matches(self.sought, log.place.id(), (first, last), PLACES_MAX)?;
            let oldest = match found.last() {
                Some(oldest) if found.len() == PLACES_MAX => *oldest,
                _ => first,
            };
            log.up_to = before(oldest);
            let mut named: BTreeSet<Seq> = found.into_iter().collect();
            for (seq, is_matching) in log.fresh.range(oldest..=last) {
                if *is_matching {
                    named.insert(*seq)
                } else {
                    named.remove(seq)
                };
            }
            log.places = named.into_iter().rev().collect();
        }
    }

    fn page(mut self, count_max: usize, len_max: usize) -> Result<SearchPage, StoreError> {
        let (mut hits, mut len, mut looked_at_count, mut last) = (Vec::new(), 0, 0, None);
        while hits.len() < count_max && looked_at_count < LOOKED_AT_MAX {
            let Some((place, (log, event))) = self.next.pop_last() else { break };
            looked_at_count += 1;
            if let Some(hit) = self.hit(&log, &event)? {
                len += told_len(&event) + log.place.called.len() + hit.overlay.as_ref().map_or(0, overlay_len);
                if len > len_max && !hits.is_empty() {
                    self.next.insert(place, (log, event));
                    break;
                }
                hits.push(hit);
            }
            last = Some(place);
            self.advance(log)?;
        }
        Ok(SearchPage { hits, next: if self.next.is_empty() { None } else { last } })
    }

    /// The message, if the reader may see the text that the index knows it by, and that has what is sought.
    fn hit(&self, log: &Shelf, event: &KeptEvent) -> Result<Option<SearchHit>, StoreError> {
        let Ok(EventBody::Posted(post)) = event.body.as_ref().map(|body| EventBody::read(body)) else { return Ok(None) };
        let id = log.place.id();
        // The index has the newest text only. To whom that is hidden, the message is not found by words they may not know.
        let newest = self.tables.edits(id, (event.seq, event.seq))?.last().copied();
        if newest.is_some_and(|(_, edit)| !log.view.shows(edit)) {
            return Ok(None);
        }
        let overlays = Overlays { tables: self.tables, log: id, reader: self.reader, view: &log.view };
        let overlay = overlays.of(std::slice::from_ref(event))?.pop();
        let text = overlay.as_ref().and_then(|overlay| overlay.edit.as_ref()).map_or(&post.text, |edit| &edit.text);
        let is_fitting = self.sought.fits(text);
        Ok(is_fitting.then(|| SearchHit { room: log.place.called.clone(), told: told_of(event), overlay }))
    }
}

/// The last place of a log that comes behind `older_than`. Time never falls within a log, so it is found by halving.
fn last_older(tables: &Tables, place: &Place, older_than: SearchPlace) -> Result<Seq, StoreError> {
    let log = place.id();
    if log == older_than.log {
        return Ok(before(older_than.seq).min(place.head()));
    }
    let is_older = |time_ms| time_ms < older_than.time_ms || (time_ms == older_than.time_ms && log < older_than.log);
    let head = place.log.head;
    if is_older(head.time_ms) {
        return Ok(head.seq);
    }
    // What is at or before `old` is older; what is at or behind `new` is not.
    let (mut old, mut new) = (0, head.seq.0);
    while old + 1 < new {
        let middle = old.midpoint(new);
        match tables.time_at(log, Seq(middle))? {
            Some((_, time_ms)) if is_older(time_ms) => old = middle,
            Some((seq, _)) => new = seq.0,
            None => old = middle,
        }
    }
    Ok(Seq(old))
}

//! verify: follows a log's chain of hashes from its first event to its newest, over what is hidden too, and holds it against
//! what this profile knew of the log before.
//!
//! The server tells the chain's hash at the beginning of each page; between two such places it is computed here from the
//! events. Where the two differ, the event is found by halving. A log that was rewound or rewritten as a whole has a sound chain;
//! what this profile has seen before tells.

use super::super::args::{Conversation, Verify};
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::line::Line;
use super::super::session::Session;
use super::export::{events_of, page_behind};
use super::seen::set_back;
use crate::client::{Cursor, Cursors};
use crate::message::{Event, EventHash, EventPage, LogId, Seq};

/// The name of this command's cursors.
const READER: &str = "verify";

/// Most events of one page (protocol.md, "Requests").
const PAGE_COUNT: u16 = 500;

/// A chain that is being followed.
struct Chain<'a> {
    session: &'a mut Session,
    room: &'a Conversation,
    log: LogId,
    at: Cursor,
    /// What this profile knew before, in rising order; what lies behind `at` is to come.
    known: Vec<Cursor>,
    checked_count: u64,
    hidden_count: u64,
}

pub(super) fn verify(context: &mut Context, args: &Verify) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let mut cursors = Cursors::open(&session.profile().database_path()?)?;
    let first = page_behind(&mut session, &args.room, Seq(0), PAGE_COUNT)?;
    let (log, called) = (first.log, first.room.clone());
    if args.anew {
        cursors.forget_log(log)?;
    }
    let known = cursors.of_log(log)?;
    let at = Cursor { seq: Seq(0), hash: EventHash::genesis(log) };
    let mut chain = Chain { session: &mut session, room: &args.room, log, at, known, checked_count: 0, hidden_count: 0 };
    chain.follow(first)?;
    let (at, event_count, hidden_count) = (chain.at, chain.checked_count, chain.hidden_count);
    cursors.advance(READER, log, &at)?;
    context.output.line(&Line::Verified { room: &called, log, to: at.seq, hash: at.hash, event_count, hidden_count })?;
    session.finish();
    Ok(())
}

impl Chain<'_> {
    /// From the first page to an empty one, whose hash is that of the newest event.
    fn follow(&mut self, first: EventPage) -> Result<(), Failure> {
        let mut page = first;
        loop {
            self.skip_to(&page)?;
            let steps: Vec<Cursor> = events_of(&page)?.iter().map(|(_, event)| self.step(event)).collect::<Result<_, _>>()?;
            let Some(last) = steps.last().copied() else { return self.end() };
            let next = page_behind(self.session, self.room, last.seq, PAGE_COUNT)?;
            let is_told = next.after == last.seq;
            // In front of a hidden stretch the server tells the hash of the place before the last only.
            let checked = if is_told { &steps[..] } else { &steps[..steps.len() - 1] };
            let is_sound = match checked.last() {
                Some(last) if is_told => next.hash == last.hash.0,
                Some(last) => self.is_hash(*last)?,
                None => true,
            };
            if !is_sound {
                return Err(self.find_break(checked)?);
            }
            for step in steps {
                self.compare(step)?;
            }
            page = next;
        }
    }

    /// To where a page begins: either here, or behind a stretch that is not ours to read.
    fn skip_to(&mut self, page: &EventPage) -> Result<(), Failure> {
        let told = Cursor { seq: page.after, hash: EventHash(page.hash) };
        if told.seq == self.at.seq {
            return if told.hash == self.at.hash { Ok(()) } else { Err(self.broken(told.seq)) };
        }
        if told.seq < self.at.seq {
            return Err(Failure::new(Exit::Refused, format!("the server told of {} twice; do not rely on it", told.seq)));
        }
        if page.events.is_empty() {
            return Ok(());
        }
        self.hidden_count += told.seq.0 - self.at.seq.0;
        self.at = told;
        self.compare(told)
    }

    /// The next event: it must name its place and the one before it.
    fn step(&mut self, event: &Event) -> Result<Cursor, Failure> {
        let head = &event.head;
        if head.log != self.log || head.prev != self.at.seq || head.seq <= head.prev {
            let sentence = format!("there is a hole in {} behind {}: what comes next is {}", self.room, self.at.seq, head.seq);
            return Err(Failure::new(Exit::Refused, sentence));
        }
        self.at = Cursor { seq: head.seq, hash: event.hash_after(&self.at.hash) };
        self.checked_count += 1;
        Ok(self.at)
    }

    /// Holds the chain at this place against what this profile knew of it, once its hash is known to be the server's.
    fn compare(&self, at: Cursor) -> Result<(), Failure> {
        let is_another = |known: &Cursor| known.seq == at.seq && known.hash != at.hash;
        if self.known.iter().any(is_another) {
            return Err(self.forked(&format!("what it has up to {} is not what was read there before", at.seq)));
        }
        Ok(())
    }

    /// Whether the server's chain has this hash at this place, which is not in front of a hidden stretch.
    fn is_hash(&mut self, at: Cursor) -> Result<bool, Failure> {
        let page = page_behind(self.session, self.room, at.seq, 1)?;
        Ok((page.after, page.hash) == (at.seq, at.hash.0))
    }

    /// Which of these events is not what the server's chain says: the first whose hash differs; the last one's does.
    fn find_break(&mut self, steps: &[Cursor]) -> Result<Failure, Failure> {
        let (mut good_count, mut bad_count) = (0, steps.len());
        while good_count + 1 < bad_count {
            let middle = good_count.midpoint(bad_count);
            if self.is_hash(steps[middle - 1])? {
                good_count = middle;
            } else {
                bad_count = middle;
            }
        }
        Ok(self.broken(steps[bad_count - 1].seq))
    }

    /// The end: what this profile knew of must not lie behind it.
    fn end(&mut self) -> Result<(), Failure> {
        match self.known.last() {
            Some(last) if last.seq > self.at.seq => {
                Err(self.forked(&format!("it ends at {}, but {} was read there before", self.at.seq, last.seq)))
            }
            _ => Ok(()),
        }
    }

    fn broken(&self, at: Seq) -> Failure {
        Failure::new(Exit::Refused, format!("event {at} of {} was changed after it was written", self.room))
    }

    fn forked(&self, what: &str) -> Failure {
        Failure::new(Exit::Refused, set_back(&self.room.to_string(), what))
    }
}

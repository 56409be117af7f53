//! Which messages the user was shown, told to the server a little later and together: a room's read marker moves at most once
//! in a while.

use std::collections::BTreeMap;

use super::client::Client;
use super::event::ClientEvent;
use super::requests::{Purpose, Requests, Tag};
use crate::message::{LogId, MarkRead, RefusalClass, Reply, Request, RequestId, Seq, Target};
use crate::transport::{Micros, Time};

/// How long after a message was shown the marker moves; what is shown meanwhile goes with it. The server takes one move of a
/// marker in this time (protocol.md, "Read markers").
const MARK_DELAY: Micros = Micros::from_secs(2);

/// A marker to be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) id: RequestId,
    pub(super) log: LogId,
    pub(super) seq: Seq,
}

/// The markers of all rooms.
#[derive(Debug, Default)]
pub(super) struct Marks {
    wanted: BTreeMap<LogId, (Mark, Time)>,
    asked: BTreeMap<Tag, Mark>,
    /// Up to where was asked for; what is shown again is no news.
    told: BTreeMap<LogId, Seq>,
}

impl Marks {
    /// Everything up to `mark` was shown.
    pub(super) fn want(&mut self, now: Time, mark: Mark) {
        if self.told.get(&mark.log).is_some_and(|told| mark.seq <= *told) {
            return;
        }
        let (wanted, _) = self.wanted.entry(mark.log).or_insert((mark, now + MARK_DELAY));
        if wanted.seq < mark.seq {
            *wanted = mark;
        }
    }

    /// There will be no more: what is wanted is due now.
    pub(super) fn hurry(&mut self, now: Time) {
        for (_, due_at) in self.wanted.values_mut() {
            *due_at = now;
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.wanted.values().map(|(_, due_at)| *due_at).min()
    }

    /// Asks for every marker whose time has come.
    pub(super) fn fill(&mut self, now: Time, requests: &mut Requests) {
        while let Some(mark) = self.next_due(now) {
            let request = MarkRead { id: mark.id, log: Target::Log(mark.log), seq: mark.seq };
            let tag = requests.add(&Request::MarkRead(request), Purpose::Mark);
            self.on_asked(tag, mark);
        }
    }

    fn next_due(&mut self, now: Time) -> Option<Mark> {
        let log = self.wanted.iter().find(|(_, (_, due_at))| *due_at <= now).map(|(log, _)| *log)?;
        self.wanted.remove(&log).map(|(mark, _)| mark)
    }

    fn on_asked(&mut self, tag: Tag, mark: Mark) {
        self.told.insert(mark.log, mark.seq);
        self.asked.insert(tag, mark);
    }

    pub(super) fn on_reply(&mut self, now: Time, tag: Tag, reply: &Reply) {
        let Some(mark) = self.asked.remove(&tag) else { return };
        // Another device has just moved it. Any other no concerns a room that is not the user's any more.
        if let Reply::Refused(refusal) = reply
            && refusal.class == RefusalClass::Rate
        {
            let delay = Micros::from_millis(refusal.retry_after_ms.into());
            self.wanted.entry(mark.log).or_insert((mark, now + delay));
        }
    }

    /// The connection is lost, and with it the answers.
    pub(super) fn on_lost(&mut self, now: Time) {
        for mark in std::mem::take(&mut self.asked).into_values() {
            self.wanted.entry(mark.log).or_insert((mark, now));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.asked.is_empty()
    }
}

impl Client {
    /// A marker was moved or not. Whoever waits for everything to be told looks again at each event.
    pub(super) fn on_marked(&mut self, now: Time, tag: Tag, reply: Reply) {
        self.marks.on_reply(now, tag, &reply);
        self.events.push_back(ClientEvent::Reply { tag, reply });
    }

    /// Everything of a log up to `seq` was shown to the user, who has read it: the server is told in a while, under `id` or under
    /// that of what is shown by then.
    pub fn mark_read(&mut self, now: Time, id: RequestId, log: LogId, seq: Seq) {
        self.marks.want(now, Mark { id, log, seq });
    }

    /// What was shown is told to the server at once, because nothing more will be.
    pub fn finish_marks(&mut self, now: Time) {
        self.marks.hurry(now);
        self.pump(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Refusal, RefusalCode};

    fn mark(log: u64, seq: u64) -> Mark {
        Mark { id: RequestId([7; 16]), log: LogId(log), seq: Seq(seq) }
    }

    fn tag() -> Tag {
        Requests::default().add(&Request::WhoAmI, Purpose::Mark)
    }

    #[test]
    fn what_is_shown_in_a_while_goes_as_one() {
        let mut marks = Marks::default();
        let now = Time::default();
        for seq in [3, 5, 4] {
            marks.want(now, mark(1, seq));
        }
        assert_eq!(marks.next_due(now), None);
        assert_eq!(marks.deadline(), Some(now + MARK_DELAY));
        assert_eq!(marks.next_due(now + MARK_DELAY), Some(mark(1, 5)));
        assert!(marks.is_empty());
        marks.want(now, mark(1, 6));
        marks.want(now, mark(2, 1));
        marks.hurry(now);
        assert_eq!((marks.next_due(now), marks.next_due(now)), (Some(mark(1, 6)), Some(mark(2, 1))));
    }

    #[test]
    fn a_marker_that_came_too_soon_or_was_lost_goes_again() {
        let mut marks = Marks::default();
        let now = Time::default();
        marks.on_asked(tag(), mark(1, 5));
        marks.on_reply(now, tag(), &Reply::Refused(Refusal::retry_after(RefusalCode::TooMany, "", 700)));
        assert_eq!(marks.deadline(), Some(now + Micros::from_millis(700)));
        let due = marks.next_due(now + MARK_DELAY).unwrap();
        marks.on_asked(tag(), due);
        marks.on_lost(now);
        assert_eq!(marks.next_due(now), Some(mark(1, 5)));
        marks.on_asked(tag(), mark(1, 5));
        marks.on_reply(now, tag(), &Reply::Refused(Refusal::new(RefusalCode::NotMember, "")));
        marks.want(now, mark(1, 5));
        assert!(marks.is_empty());
    }
}

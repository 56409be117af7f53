//! Who sees which part of a log.
//!
//! A member reads the spans of their membership; where the room's history is open to all, what was before too. Who has left
//! may still be told what was up to the leaving, and nothing after it.

use super::target::{Place, not_member};
use super::turn::Ruled;
use crate::message::{History, Seq, UserId};
use crate::store::{LogKind, Span, StoreError, Tables};

/// The parts of one log that one user may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    /// In rising order, without overlap.
    pub(super) ranges: Vec<Span>,
    /// Whether the user is a member now.
    pub(super) member: bool,
}

impl View {
    pub(super) fn of(tables: &Tables, user: UserId, place: &Place) -> Result<Self, StoreError> {
        match place.log.kind {
            // Only its owner finds it.
            LogKind::Own => Ok(Self { ranges: vec![Span { from: Seq(1), to: None }], member: true }),
            LogKind::Room { .. } | LogKind::Direct(..) => {
                Ok(Self::from_spans(tables.spans(place.id(), user)?, place.log.settings.history == History::All))
            }
        }
    }

    /// The view of a member; refuses anybody else.
    pub(super) fn of_member(tables: &Tables, user: UserId, place: &Place) -> Ruled<Self> {
        let view = Self::of(tables, user, place)?;
        if view.member { Ok(view) } else { not_member(place, &view.ranges) }
    }

    /// The last place that the user may read, in a log whose newest event is at `head`; 0 for none.
    pub(super) fn end(&self, head: Seq) -> Seq {
        self.ranges.last().map_or(Seq(0), |last| last.to.map_or(head, |to| to.min(head)))
    }

    /// Whether the user may read the event at this place.
    pub(super) fn shows(&self, seq: Seq) -> bool {
        self.ranges.iter().any(|range| range.from <= seq && range.to.is_none_or(|to| seq <= to))
    }

    fn from_spans(spans: Vec<Span>, history_all: bool) -> Self {
        let member = spans.last().is_some_and(|last| last.to.is_none());
        let ranges = match spans.last() {
            Some(last) if history_all => vec![Span { from: Seq(1), to: last.to }],
            _ => spans,
        };
        Self { ranges, member }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPANS: [Span; 2] = [Span { from: Seq(3), to: Some(Seq(5)) }, Span { from: Seq(9), to: None }];

    #[test]
    fn a_member_reads_the_spans_or_all() {
        let own = View::from_spans(SPANS.to_vec(), false);
        assert_eq!(own, View { ranges: SPANS.to_vec(), member: true });
        assert_eq!(own.end(Seq(20)), Seq(20));
        assert_eq!([2, 3, 5, 6, 8, 9, 99].map(|seq| own.shows(Seq(seq))), [false, true, true, false, false, true, true]);
        let all = View::from_spans(SPANS.to_vec(), true);
        assert_eq!(all, View { ranges: vec![Span { from: Seq(1), to: None }], member: true });
    }

    #[test]
    fn who_left_reads_to_the_leaving_and_no_further() {
        let left = View::from_spans(SPANS[..1].to_vec(), true);
        assert_eq!(left, View { ranges: vec![Span { from: Seq(1), to: Some(Seq(5)) }], member: false });
        assert_eq!(left.end(Seq(20)), Seq(5));
    }

    #[test]
    fn a_stranger_reads_nothing() {
        let none = View::from_spans(Vec::new(), true);
        assert_eq!((none.member, none.end(Seq(20))), (false, Seq(0)));
    }
}

//! The streams of one direction: chat is always there, a bulk stream from the first time that anybody uses it.
//!
//! Most connections never use one, and most of the others use one, so an idle connection does not pay for all of them.

use crate::wire::{BULK_STREAMS_MAX, BulkStream, StreamId};

/// A value for each stream that is in use.
#[derive(Debug)]
pub(super) struct Streams<T> {
    pub chat: T,
    /// In the order of their numbers; at most [`BULK_STREAMS_MAX`].
    bulk: Vec<(BulkStream, Box<T>)>,
}

impl<T> Streams<T> {
    /// Chat alone.
    pub const fn new(chat: T) -> Self {
        Self { chat, bulk: Vec::new() }
    }

    /// The one of `stream`, if it is in use.
    pub fn of(&self, stream: StreamId) -> Option<&T> {
        match stream {
            StreamId::Chat => Some(&self.chat),
            StreamId::Bulk(bulk) => self.bulk.iter().find(|(number, _)| *number == bulk).map(|(_, value)| &**value),
        }
    }

    /// The one of `stream`, to change, if it is in use.
    pub fn of_mut(&mut self, stream: StreamId) -> Option<&mut T> {
        match stream {
            StreamId::Chat => Some(&mut self.chat),
            StreamId::Bulk(bulk) => self.bulk.iter_mut().find(|(number, _)| *number == bulk).map(|(_, value)| &mut **value),
        }
    }

    /// The one of `stream`, to change; it is in use from now on.
    pub fn open(&mut self, stream: StreamId, fresh: impl FnOnce() -> T) -> &mut T {
        let StreamId::Bulk(bulk) = stream else { return &mut self.chat };
        let at = match self.bulk.binary_search_by_key(&bulk, |(number, _)| *number) {
            Ok(at) => at,
            Err(at) => {
                self.bulk.reserve_exact(1);
                self.bulk.insert(at, (bulk, Box::new(fresh())));
                assert!(self.bulk.len() <= usize::from(BULK_STREAMS_MAX), "each number stands once");
                at
            }
        };
        let Some((_, value)) = self.bulk.get_mut(at) else { unreachable!("found or put there") };
        value
    }

    /// The streams in use, the urgent one first.
    pub fn iter(&self) -> impl Iterator<Item = (StreamId, &T)> {
        let bulk = self.bulk.iter().map(|(number, value)| (StreamId::Bulk(*number), &**value));
        std::iter::once((StreamId::Chat, &self.chat)).chain(bulk)
    }

    /// The same, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (StreamId, &mut T)> {
        let bulk = self.bulk.iter_mut().map(|(number, value)| (StreamId::Bulk(*number), &mut **value));
        std::iter::once((StreamId::Chat, &mut self.chat)).chain(bulk)
    }

    /// The bulk streams in use.
    pub fn bulk(&self) -> impl Iterator<Item = (BulkStream, &T)> {
        self.bulk.iter().map(|(number, value)| (*number, &**value))
    }
}

/// The bulk stream whose turn comes `steps` after that of `last`.
pub(super) fn in_turn(last: BulkStream, steps: u8) -> BulkStream {
    let place = last.number().saturating_sub(1).saturating_add(steps);
    let place = place.checked_rem(BULK_STREAMS_MAX).unwrap_or_default();
    BulkStream::new(place.saturating_add(1)).unwrap_or(BulkStream::FIRST)
}

/// A set of streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StreamSet(u16);

impl StreamSet {
    /// Adds a stream.
    pub fn insert(&mut self, stream: StreamId) {
        self.0 |= 1 << stream.number();
    }

    /// Adds every stream of another set.
    pub const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Takes a stream out. Returns whether it was there.
    pub fn take(&mut self, stream: StreamId) -> bool {
        let before = self.0;
        self.0 &= !(1 << stream.number());
        self.0 != before
    }

    /// Whether there is no stream.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The streams, the urgent one first.
    pub fn iter(self) -> impl Iterator<Item = StreamId> {
        StreamId::all().filter(move |stream| self.0 & 1 << stream.number() != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_there_from_its_first_use_and_stands_at_its_number() {
        let mut streams = Streams::new(0);
        for bulk in [3, 1, 3, 8, 2] {
            *streams.open(StreamId::Bulk(BulkStream::new(bulk).unwrap()), || 0) += u32::from(bulk);
        }
        assert_eq!(
            streams.iter().map(|(stream, value)| (stream.number(), *value)).collect::<Vec<_>>(),
            [(0, 0), (1, 1), (2, 2), (3, 6), (8, 8)]
        );
        assert_eq!(streams.of(StreamId::Bulk(BulkStream::new(4).unwrap())), None);
    }

    #[test]
    fn every_bulk_stream_has_its_turn_once_in_a_round() {
        for last in BulkStream::all() {
            let round: Vec<_> = (1..=BULK_STREAMS_MAX).map(|steps| in_turn(last, steps)).collect();
            assert_eq!(round.last(), Some(&last));
            let mut sorted = round.clone();
            sorted.sort();
            assert_eq!(sorted, BulkStream::all().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_set_of_streams_holds_what_was_put_in() {
        let mut set = StreamSet::default();
        assert!(set.is_empty() && !set.take(StreamId::Chat));
        set.insert(StreamId::BULK);
        set.insert(StreamId::Chat);
        assert_eq!(set.iter().collect::<Vec<_>>(), [StreamId::Chat, StreamId::BULK]);
        assert!(set.take(StreamId::Chat) && !set.take(StreamId::Chat));
        let mut all = StreamSet::default();
        StreamId::all().for_each(|stream| all.insert(stream));
        all.add(set);
        assert_eq!(all.iter().count(), StreamId::COUNT);
    }
}

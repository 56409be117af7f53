//! The names of the ordered byte streams that a connection has in each direction.

use super::codec::{DecodeError, Reader};
use std::num::NonZeroU8;

/// How many bulk streams a connection has in each direction.
pub const BULK_STREAMS_MAX: u8 = 8;

/// One of the ordered byte streams of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamId {
    /// Requests, replies, notices and followed events; goes first.
    Chat,
    /// History, search, export and files; never in front of a chat line.
    Bulk(BulkStream),
}

/// The number of a bulk stream: 1 to [`BULK_STREAMS_MAX`]. They share what chat leaves of the path fairly, and what waits on
/// one of them delays no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BulkStream(NonZeroU8);

impl BulkStream {
    /// The first one.
    pub const FIRST: Self = Self(NonZeroU8::MIN);

    /// The one with this number, if there is one.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match NonZeroU8::new(number) {
            Some(number) if number.get() <= BULK_STREAMS_MAX => Some(Self(number)),
            _ => None,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0.get()
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=BULK_STREAMS_MAX).filter_map(Self::new)
    }
}

impl StreamId {
    /// How many streams there are.
    pub const COUNT: usize = 1 + BULK_STREAMS_MAX as usize;

    /// The first bulk stream, for those who need only one.
    pub const BULK: Self = Self::Bulk(BulkStream::FIRST);

    /// The stream's number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Chat => 0,
            Self::Bulk(bulk) => bulk.number(),
        }
    }

    /// The stream with this number, if there is one.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        if number == 0 { Some(Self::Chat) } else { BulkStream::new(number).map(Self::Bulk) }
    }

    /// All streams, the urgent one first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=BULK_STREAMS_MAX).filter_map(Self::from_number)
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::from_number(reader.u8()?).ok_or(DecodeError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_names_at_most_one_stream() {
        for number in 0..=u8::MAX {
            let stream = StreamId::from_number(number);
            assert_eq!(stream.map(StreamId::number), (number <= BULK_STREAMS_MAX).then_some(number));
        }
        assert_eq!(StreamId::all().count(), StreamId::COUNT);
        assert_eq!(size_of::<StreamId>(), 1);
    }
}

//! The receiving half of a stream: frames in any order in, whole messages out.
//!
//! Bytes wait in one ring until their message is whole and its owner asks for it; only then does the sender get credit for
//! more, so a reader that stops stops its sender. A message longer than the window moves out of the ring into a buffer of its
//! own as it comes, which grows with bytes that really arrived and ends at [`MESSAGE_LEN_MAX`].

use super::error::{CloseCode, PacketError};
use super::range_set::{RangeSet, Span};
use super::reassembly::Reach;
use super::send_stream::MESSAGE_LEN_MAX;
use std::collections::VecDeque;

/// The most holes in a stream. A packet that would make one more counts as lost.
pub const STREAM_GAPS_MAX: usize = 32;

/// An emptied ring with more room than this gives it back.
const IDLE_CAPACITY: usize = 128;

/// A message that is longer than the window.
#[derive(Debug)]
struct LongMessage {
    bytes: Vec<u8>,
    /// Bytes still to come.
    left_len: usize,
}

/// What stands at the front of the stream.
enum Front {
    /// Not even the length is there.
    Unknown,
    /// A message with this much prefix and this many bytes.
    Message { prefix_len: usize, len: usize },
}

/// The receiving half of one stream.
#[derive(Debug)]
pub(super) struct RecvStream {
    /// The bytes from `read` on, zeros where nothing arrived yet.
    ring: VecDeque<u8>,
    /// Everything below was handed on.
    read: u64,
    /// Everything below arrived.
    whole: u64,
    /// What arrived above `whole`.
    beyond: RangeSet,
    /// The credit given: the peer may send bytes below.
    limit: u64,
    window_len: u32,
    /// The credit should be told, again or because the peer waits for it.
    credit_wanted: bool,
    long: Option<Box<LongMessage>>,
}

impl RecvStream {
    /// An empty stream that takes `window_len` bytes ahead of its reader, at least the `limit` that its peer may send unasked.
    pub fn new(window_len: u32, limit: u32) -> Self {
        Self {
            ring: VecDeque::new(),
            read: 0,
            whole: 0,
            beyond: RangeSet::new(),
            limit: u64::from(limit),
            window_len: window_len.max(limit),
            credit_wanted: false,
            long: None,
        }
    }

    /// Whether the bytes of `span` may come (`Err`: they exceed the credit) and how many holes more they would make.
    pub fn check(&self, span: Span) -> Result<usize, CloseCode> {
        if span.end > self.limit && !planted!(CreditNotEnforced) {
            return Err(CloseCode::Limit);
        }
        let makes_hole = span.start > self.whole && self.beyond.adds_run(span);
        Ok(usize::from(makes_hole))
    }

    /// How far it reaches.
    pub fn reach(&self) -> Reach {
        Reach { whole: self.whole, end: self.read.saturating_add(u64::try_from(self.ring.len()).unwrap_or(u64::MAX)) }
    }

    /// What arrived beyond the first hole.
    pub const fn beyond(&self) -> &RangeSet {
        &self.beyond
    }

    /// Forgets what lies beyond the first hole, which nobody will fill any more.
    pub fn forget_beyond(&mut self) {
        self.ring.truncate(self.whole_len());
        self.ring.shrink_to_fit();
        self.beyond = RangeSet::new();
    }

    /// Whether so many holes more can be kept track of.
    pub fn has_room_for(&self, hole_count: usize) -> Result<(), PacketError> {
        let count = self.beyond.run_count().saturating_add(hole_count);
        if count > STREAM_GAPS_MAX && hole_count > 0 && !planted!(GapsWithoutCap) { Err(PacketError::NoRoom) } else { Ok(()) }
    }

    /// Takes in the bytes that begin at `offset`; [`Self::check`] has agreed. Returns whether a message is ready that was not.
    ///
    /// # Errors
    /// The code to close with if the stream holds something that is no length of a message.
    pub fn on_bytes(&mut self, offset: u64, bytes: &[u8]) -> Result<bool, CloseCode> {
        let end = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        assert!(end <= self.limit, "bytes beyond the credit are refused before");
        if end <= self.whole {
            return Ok(false);
        }
        self.place(offset, end, bytes);
        if offset > self.whole {
            self.beyond.insert(Span { start: offset, end });
            return Ok(false);
        }
        self.whole = end;
        while let Some(run) = self.beyond.first().filter(|run| run.start <= self.whole) {
            self.whole = self.whole.max(run.end);
            self.beyond.forget_first();
        }
        self.beyond.release();
        self.settle()?;
        Ok(self.is_readable())
    }

    /// The next whole message.
    ///
    /// # Errors
    /// The code to close with if what follows it is no length of a message.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, CloseCode> {
        if !self.is_readable() {
            return Ok(None);
        }
        let message = if let Some(long) = self.long.take() {
            long.bytes
        } else if let Front::Message { prefix_len, len } = self.front()? {
            self.skip(prefix_len);
            let mut message = Vec::with_capacity(len);
            self.take(len, &mut message);
            message
        } else {
            return Ok(None);
        };
        self.settle()?;
        if self.ring.is_empty() && self.ring.capacity() > IDLE_CAPACITY {
            self.ring = VecDeque::new();
        }
        Ok(Some(message))
    }

    /// Gives back the room of an empty ring, however little.
    pub fn release(&mut self) {
        if self.ring.is_empty() {
            self.ring = VecDeque::new();
        }
    }

    /// Takes `window_len` bytes ahead of the reader from now on, unless it was more before.
    pub fn raise_window(&mut self, window_len: u32) {
        self.window_len = self.window_len.max(window_len);
    }

    /// The peer waits at `limit`.
    pub const fn on_blocked(&mut self, limit: u64) {
        self.credit_wanted |= limit < self.next_limit();
    }

    /// The packet with the newest credit was lost.
    pub const fn on_credit_lost(&mut self) {
        self.credit_wanted = true;
    }

    /// Whether a CREDIT frame should go out: the peer waits, or a quarter of the window is free that it does not know of.
    pub fn wants_credit(&self) -> bool {
        let quarter = u64::from(self.window_len / 4);
        let next = self.next_limit();
        self.credit_wanted || next > self.limit && next >= self.limit.saturating_add(quarter)
    }

    /// Gives credit: the offset to put into the CREDIT frame.
    pub fn give_credit(&mut self) -> u64 {
        self.credit_wanted = false;
        self.limit = self.limit.max(self.next_limit());
        self.limit
    }

    /// Whether [`Self::next_message`] has one.
    pub fn is_readable(&self) -> bool {
        if let Some(long) = &self.long {
            return long.left_len == 0;
        }
        matches!(self.front(), Ok(Front::Message { prefix_len, len }) if self.whole_len() >= prefix_len.saturating_add(len))
    }

    /// Bytes that arrived in full order and were not handed on.
    fn whole_len(&self) -> usize {
        usize::try_from(self.whole.saturating_sub(self.read)).unwrap_or(usize::MAX)
    }

    const fn next_limit(&self) -> u64 {
        self.read.saturating_add(self.window_len as u64)
    }

    /// Writes bytes to their place in the ring.
    fn place(&mut self, offset: u64, end: u64, bytes: &[u8]) {
        let start = offset.max(self.whole);
        let skipped = usize::try_from(start.saturating_sub(offset)).unwrap_or(usize::MAX);
        let fresh = bytes.get(skipped..).unwrap_or_default();
        let at = usize::try_from(start.saturating_sub(self.read)).unwrap_or(usize::MAX);
        if at == self.ring.len() {
            self.ring.extend(fresh);
            return;
        }
        let needed = usize::try_from(end.saturating_sub(self.read)).unwrap_or(usize::MAX);
        if self.ring.len() < needed {
            self.ring.resize(needed, 0);
        }
        let (front, back) = self.ring.as_mut_slices();
        let in_front = front.len().saturating_sub(at).min(fresh.len());
        let (head, tail) = fresh.split_at(in_front);
        if let Some(place) = front.get_mut(at..at.saturating_add(in_front)) {
            place.copy_from_slice(head);
        }
        let back_at = at.saturating_add(in_front).saturating_sub(front.len());
        if let Some(place) = back.get_mut(back_at..back_at.saturating_add(tail.len())) {
            place.copy_from_slice(tail);
        }
    }

    /// Reads the length at the front without taking it.
    fn front(&self) -> Result<Front, CloseCode> {
        let byte = |at: usize| self.ring.get(at).copied().filter(|_| at < self.whole_len());
        let Some(first) = byte(0) else { return Ok(Front::Unknown) };
        let (prefix_len, mask, least) = match first >> 6 {
            0 => (1, 0x3f, 0),
            1 => (2, 0x3fff, 0x40),
            2 => (4, 0x3fff_ffff, 0x4000),
            _ => return Err(CloseCode::Limit),
        };
        let mut value = 0_u32;
        for at in 0..prefix_len {
            let Some(next) = byte(at) else { return Ok(Front::Unknown) };
            value = value << 8 | u32::from(next);
        }
        let len = usize::try_from(value & mask).unwrap_or(usize::MAX);
        if len < least {
            return Err(CloseCode::Frame);
        }
        if len > MESSAGE_LEN_MAX {
            return Err(CloseCode::Limit);
        }
        Ok(Front::Message { prefix_len, len })
    }

    /// Moves what can be moved of a message longer than the window, and notices when the credit ends within a message.
    fn settle(&mut self) -> Result<(), CloseCode> {
        if self.long.is_none() {
            let Front::Message { prefix_len, len } = self.front()? else { return Ok(()) };
            let framed_len = prefix_len.saturating_add(len);
            if framed_len <= usize::try_from(self.window_len).unwrap_or(usize::MAX) {
                self.credit_wanted |= self.read.saturating_add(u64::try_from(framed_len).unwrap_or(u64::MAX)) > self.limit;
                return Ok(());
            }
            self.skip(prefix_len);
            self.long = Some(Box::new(LongMessage { bytes: Vec::new(), left_len: len }));
        }
        if let Some(mut long) = self.long.take() {
            let len = long.left_len.min(self.whole_len());
            self.take(len, &mut long.bytes);
            long.left_len = long.left_len.saturating_sub(len);
            self.long = Some(long);
        }
        Ok(())
    }

    /// Moves the next `len` bytes, which arrived, to the end of `out`.
    fn take(&mut self, len: usize, out: &mut Vec<u8>) {
        let (front, back) = self.ring.as_slices();
        let in_front = front.len().min(len);
        out.extend_from_slice(front.get(..in_front).unwrap_or_default());
        out.extend_from_slice(back.get(..len.saturating_sub(in_front)).unwrap_or_default());
        self.skip(len);
    }

    /// Drops the next `len` bytes, which arrived.
    fn skip(&mut self, len: usize) {
        assert!(len <= self.whole_len() && len <= self.ring.len(), "only bytes that arrived are handed on");
        self.ring.drain(..len);
        self.read = self.read.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
    }
}

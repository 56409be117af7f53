//! The sending half of a stream: messages in, stream bytes out, as often as it takes.
//!
//! A stream is bytes with offsets; each message stands in it as `varint length ‖ bytes`. The messages themselves stay where
//! their owner put them (`Arc<[u8]>`), so an event that goes to a thousand followers is encoded once and each follower's
//! queue holds 24 bytes of it.

use super::error::SendError;
use super::range_set::{RangeSet, Span};
use std::collections::VecDeque;
use std::sync::Arc;

/// The longest message, in bytes.
pub const MESSAGE_LEN_MAX: usize = 65_536;

/// The most bytes of the chat stream that wait to be sent or acknowledged. Beyond it the owner must wait for `Writable`.
pub const SEND_QUEUE_LEN_MAX: usize = 256 * 1_024;

/// The same for a bulk stream: three round trips of 100 Mbit/s and 50 ms, since what waits behind a hole counts until it is filled.
pub const SEND_BULK_LEN_MAX: usize = 2 * 1_024 * 1_024;

/// The most messages that wait likewise, since the shortest cost more in the queue than on the wire.
pub const SEND_QUEUE_COUNT_MAX: usize = 4_096;

/// How far a stream may be sent before the first CREDIT frame, bulk to a server excepted, which begins with none; both ends know
/// it (protocol.md, "Credit").
pub const INITIAL_CREDIT_LEN: u32 = 20 * 1_024;

/// An emptied queue with more room than this gives it back, so that an idle connection is small.
const IDLE_CAPACITY: usize = 4;

/// A message in the stream.
#[derive(Debug)]
struct Piece {
    /// The offset of its length prefix.
    start: u64,
    message: Arc<[u8]>,
}

impl Piece {
    fn prefix(&self) -> Prefix {
        Prefix::new(self.message.len())
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(framed_len(self.message.len()))
    }
}

/// A length prefix: the varint of RFC 9000 section 16 without going through a buffer.
struct Prefix {
    bytes: [u8; 4],
    len: usize,
}

impl Prefix {
    fn new(message_len: usize) -> Self {
        let [_, b, c, d] = u32::try_from(message_len).unwrap_or(u32::MAX).to_be_bytes();
        match message_len {
            0..=0x3f => Self { bytes: [d, 0, 0, 0], len: 1 },
            0x40..=0x3fff => Self { bytes: [0x40 | c, d, 0, 0], len: 2 },
            _ => Self { bytes: [0x80, b, c, d], len: 4 },
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Stream bytes that a message of this length takes.
fn framed_len(message_len: usize) -> u64 {
    let prefix_len = Prefix::new(message_len).len;
    u64::try_from(message_len.saturating_add(prefix_len)).unwrap_or(u64::MAX)
}

/// The sending half of one stream.
#[derive(Debug)]
pub(super) struct SendStream {
    /// The most bytes that may wait.
    len_max: u64,
    pieces: VecDeque<Piece>,
    /// Everything below is acknowledged and forgotten.
    base: u64,
    /// Everything from here on was never sent.
    next: u64,
    /// Where the next message begins.
    end: u64,
    /// The peer takes bytes below this offset.
    limit: u64,
    /// Acknowledged out of order, above `base`.
    acked: RangeSet,
    /// Given up and to be sent again. Never overlaps `acked`.
    lost: RangeSet,
    /// The credit at which the peer was last told that we wait.
    blocked_told_at: Option<u64>,
    /// The owner was refused and waits for room.
    owner_waits: bool,
    /// The owner wants to hear when no more bytes than this are queued and unsent.
    notify_below: Option<u32>,
    /// The owner wants to hear when everything below this offset is acknowledged, or [`NEVER`]. An `Option` would cost every idle
    /// connection eight bytes more.
    notify_acked_to: u64,
}

/// An offset that no stream reaches.
const NEVER: u64 = u64::MAX;

impl SendStream {
    /// An empty stream in which so many bytes may wait, and whose peer takes bytes below `limit` unasked.
    pub const fn new(len_max: usize, limit: u32) -> Self {
        Self {
            len_max: len_max as u64,
            pieces: VecDeque::new(),
            base: 0,
            next: 0,
            end: 0,
            limit: limit as u64,
            acked: RangeSet::new(),
            lost: RangeSet::new(),
            blocked_told_at: None,
            owner_waits: false,
            notify_below: None,
            notify_acked_to: NEVER,
        }
    }

    /// Queues a message.
    ///
    /// # Errors
    /// [`SendError::TooLong`], or [`SendError::Blocked`] if the queue is full.
    pub fn queue(&mut self, message: &Arc<[u8]>) -> Result<(), SendError> {
        if message.len() > MESSAGE_LEN_MAX {
            return Err(SendError::TooLong);
        }
        let len = framed_len(message.len());
        if self.unacked_len().saturating_add(len) > self.len_max || self.pieces.len() >= SEND_QUEUE_COUNT_MAX {
            self.owner_waits = true;
            return Err(SendError::Blocked);
        }
        self.pieces.push_back(Piece { start: self.end, message: Arc::clone(message) });
        self.end = self.end.saturating_add(len);
        Ok(())
    }

    /// Bytes never sent yet.
    pub const fn queued_len(&self) -> u64 {
        self.end.saturating_sub(self.next)
    }

    /// Bytes not acknowledged yet, sent or not.
    pub const fn unacked_len(&self) -> u64 {
        self.end.saturating_sub(self.base)
    }

    /// The owner wants to hear when no more than `len` bytes are queued and unsent.
    pub const fn notify_below(&mut self, len: u32) {
        self.notify_below = Some(len);
    }

    /// The owner wants to hear when, of what is queued by now, no more than `len` bytes are unacknowledged.
    pub fn notify_acked_below(&mut self, len: u32) {
        self.notify_acked_to(self.end.saturating_sub(u64::from(len)));
    }

    /// The offset behind everything that was queued so far.
    pub const fn written_len(&self) -> u64 {
        self.end
    }

    /// The offset below which everything is acknowledged.
    pub const fn acked_len(&self) -> u64 {
        self.base
    }

    /// The owner wants to hear when everything below `offset` is acknowledged; of several offsets, the lowest.
    pub fn notify_acked_to(&mut self, offset: u64) {
        self.notify_acked_to = self.notify_acked_to.min(offset);
    }

    /// Whether what the owner waited for has come about; said once.
    pub fn take_drained(&mut self) -> bool {
        let sent = self.notify_below.take_if(|len| self.end.saturating_sub(self.next) <= u64::from(*len)).is_some();
        let acked = self.notify_acked_to <= self.base;
        if acked {
            self.notify_acked_to = NEVER;
        }
        sent || acked
    }

    /// Whether there is something that may be sent now: lost bytes, or new ones within the credit.
    pub fn is_sendable(&self) -> bool {
        !self.lost.is_empty() || self.next < self.end.min(self.limit)
    }

    /// The credit that keeps us from sending, if it does and the peer was not told.
    pub fn blocked_at(&self) -> Option<u64> {
        let waits = self.next < self.end && self.next >= self.limit;
        Some(self.limit).filter(|limit| waits && self.blocked_told_at != Some(*limit))
    }

    /// The peer is being told that we wait at `limit`.
    pub const fn on_blocked_told(&mut self, limit: u64) {
        self.blocked_told_at = Some(limit);
    }

    /// The packet that told it was lost.
    pub const fn on_blocked_lost(&mut self) {
        self.blocked_told_at = None;
    }

    /// The peer takes bytes below `limit`. Credit is never taken back; an older frame changes nothing.
    pub fn on_credit(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }

    /// Takes the next bytes to send, at most `len_max`: what was lost first, then what is new.
    pub fn take_next(&mut self, len_max: u64) -> Option<Sendable> {
        if len_max == 0 {
            return None;
        }
        if let Some(run) = self.lost.first() {
            let span = Span { start: run.start, end: run.end.min(run.start.saturating_add(len_max)) };
            self.lost.remove(span);
            self.lost.release();
            return Some(Sendable { span, again: true });
        }
        let end = self.end.min(self.limit).min(self.next.saturating_add(len_max));
        let span = Span { start: self.next, end };
        if span.len() == 0 {
            return None;
        }
        self.next = end;
        Some(Sendable { span, again: false })
    }

    /// The oldest bytes at or above `from` that were sent and not acknowledged, at most `len_max`, for a probe.
    pub fn take_unacked(&mut self, from: u64, len_max: u64) -> Option<Sendable> {
        let gap = self.acked.first_missing(Span { start: from.max(self.base), end: self.next })?;
        let span = Span { start: gap.start, end: gap.end.min(gap.start.saturating_add(len_max)) };
        if span.len() == 0 {
            return None;
        }
        self.lost.remove(span);
        Some(Sendable { span, again: true })
    }

    /// What of `span` was not acknowledged, from its first such byte to its end.
    pub fn missing_in(&self, span: Span) -> Option<Span> {
        let rest = Span { start: span.start.max(self.base), end: span.end.min(self.next) };
        self.acked.first_missing(rest).map(|gap| Span { start: gap.start, end: rest.end })
    }

    /// Appends the bytes of `span` to `out`.
    ///
    /// # Panics
    /// If `span` is not wholly queued: spans come from this stream and are copied before anything else happens.
    pub fn copy(&self, span: Span, out: &mut Vec<u8>) {
        let before = out.len();
        let first = self.pieces.partition_point(|piece| piece.end() <= span.start);
        for piece in self.pieces.iter().skip(first) {
            if piece.start >= span.end {
                break;
            }
            let prefix = piece.prefix();
            let body_at = piece.start.saturating_add(u64::try_from(prefix.len).unwrap_or(u64::MAX));
            out.extend_from_slice(overlap(prefix.bytes(), piece.start, span));
            out.extend_from_slice(overlap(&piece.message, body_at, span));
        }
        let copied = u64::try_from(out.len().saturating_sub(before)).unwrap_or(u64::MAX);
        assert!(copied == span.len(), "only queued bytes are sent");
    }

    /// The peer has the bytes of `span`. Returns whether a waiting owner may send again.
    pub fn on_acked(&mut self, span: Span) -> bool {
        self.lost.remove(span);
        self.lost.release();
        if span.start > self.base {
            self.acked.insert(span);
            return false;
        }
        if span.end <= self.base {
            return false;
        }
        self.base = span.end;
        while let Some(run) = self.acked.first().filter(|run| run.start <= self.base) {
            self.base = self.base.max(run.end);
            self.acked.forget_first();
        }
        self.acked.release();
        while self.pieces.front().is_some_and(|piece| piece.end() <= self.base) {
            self.pieces.pop_front();
        }
        if self.pieces.is_empty() && self.pieces.capacity() > IDLE_CAPACITY {
            self.pieces = VecDeque::new();
        }
        let has_room = self.unacked_len() <= self.len_max / 2 && self.pieces.len() <= SEND_QUEUE_COUNT_MAX / 2;
        std::mem::take(&mut self.owner_waits) && (has_room || self.keep_waiting())
    }

    /// A packet with the bytes of `span` was lost.
    pub fn on_lost(&mut self, span: Span) {
        let mut rest = Span { start: span.start.max(self.base), end: span.end };
        while let Some(gap) = self.acked.first_missing(rest).filter(|_| !planted!(LossForgotten)) {
            self.lost.insert(gap);
            rest.start = gap.end;
        }
    }

    /// Gives back the room of an empty queue, however little.
    pub fn release(&mut self) {
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
    }

    /// Puts the owner's wait back.
    const fn keep_waiting(&mut self) -> bool {
        self.owner_waits = true;
        false
    }
}

/// Stream bytes chosen to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sendable {
    pub span: Span,
    /// Whether they were sent before.
    pub again: bool,
}

/// The part of `bytes`, which begin at offset `at`, that lies in `span`.
fn overlap(bytes: &[u8], at: u64, span: Span) -> &[u8] {
    let place = |offset: u64| usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(place(span.start)..place(span.end)).unwrap_or_default()
}

#[cfg(test)]
#[path = "send_stream_tests.rs"]
mod tests;

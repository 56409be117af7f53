//! What arrives before its turn: how much of it a stream holds, and a stream by itself for tests from outside.
//!
//! Bytes beyond a hole wait in their stream's ring, the hole included. An endpoint counts them over all its connections, because
//! many peers with one hole each could otherwise fill it (protocol.md, "Streams"). A packet that lets no ring grow beyond its hole
//! is taken whatever the others hold: what fills the first hole of a stream always goes on.

use super::connection::Connection;
use super::error::CloseCode;
use super::range_set::{RangeSet, Span};
use super::recv_stream::RecvStream;

/// The most bytes beyond holes, holes included, over all connections of an endpoint. A packet that would exceed it counts as lost.
pub const REASSEMBLY_LEN_MAX: u64 = 64 * 1_024 * 1_024;

/// How far a stream reaches: what the frames of a packet would make of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    /// Everything below has arrived.
    pub whole: u64,
    /// The end of what has arrived at all.
    pub end: u64,
}

impl Reach {
    /// The bytes beyond the first hole and the holes between them.
    pub const fn beyond_len(self) -> u64 {
        self.end.saturating_sub(self.whole)
    }

    /// Adds the bytes of `span` to a stream that holds `beyond` besides.
    pub fn extend(&mut self, span: Span, beyond: &RangeSet) {
        self.end = self.end.max(span.end);
        if span.start <= self.whole && span.end > self.whole {
            self.whole = beyond.run_end_at(span.end).unwrap_or(span.end);
        }
    }
}

impl Connection {
    /// The bytes beyond holes in all streams, holes included.
    pub(super) fn beyond_len(&self) -> u64 {
        self.receiving.iter().fold(0, |sum, (_, stream)| stream.reach().beyond_len().saturating_add(sum))
    }
}

/// The receiving half of one stream without a connection around it, so that tests from outside can hold it against a plain
/// vector of bytes.
#[derive(Debug)]
pub struct Reassembly(RecvStream);

impl Reassembly {
    /// An empty stream that takes `window_len` bytes ahead of its reader.
    #[must_use]
    pub fn new(window_len: u32) -> Self {
        Self(RecvStream::new(window_len, window_len))
    }

    /// Takes bytes as a packet brings them. Returns whether they were taken: if not, they count as lost.
    ///
    /// # Errors
    /// The code to close with: bytes beyond the credit, or something that is no length of a message.
    pub fn on_bytes(&mut self, offset: u64, bytes: &[u8]) -> Result<bool, CloseCode> {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let hole_count = self.0.check(Span { start: offset, end: offset.saturating_add(len) })?;
        if self.0.has_room_for(hole_count).is_err() {
            return Ok(false);
        }
        self.0.on_bytes(offset, bytes).map(|_| true)
    }

    /// The next whole message.
    ///
    /// # Errors
    /// The code to close with if what follows it is no length of a message.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, CloseCode> {
        self.0.next_message()
    }

    /// Gives credit: the offset below which bytes are taken from now on.
    pub fn give_credit(&mut self) -> u64 {
        self.0.give_credit()
    }

    /// The bytes beyond the first hole, holes included.
    #[must_use]
    pub fn beyond_len(&self) -> u64 {
        self.0.reach().beyond_len()
    }
}

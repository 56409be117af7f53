//! What a connection has to tell its owner. Flags, not a queue: nothing here can grow, and saying a thing twice is once.

use super::error::CloseReason;
use super::streams::StreamSet;
use crate::wire::StreamId;

/// News for the owner of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// An authenticated packet came: the peer holds the keys.
    Confirmed,
    /// A whole message can be received. Said when bytes complete one, not again for what was left unread: read until
    /// nothing comes, or remember to come back.
    Readable(StreamId),
    /// After a refused send: half of the queue is free. Or the queue is as short as the owner asked to hear of.
    Writable(StreamId),
    /// Latest values can be received; at most [`LATEST_WAITING_MAX`](super::LATEST_WAITING_MAX) are kept.
    Latest,
    /// The peer's address is another one now.
    PathChanged,
    /// Client: several probes in a row went unanswered. Perhaps its address is nobody's any more.
    Silent,
    /// The connection ended; nothing is sent or received any more.
    Closed(CloseReason),
    /// The last packet that may come late has had its time: everything about the connection can be forgotten.
    Drained,
}

/// The events not yet polled.
#[expect(clippy::struct_excessive_bools, reason = "each is an event that is there or not, none excludes another")]
#[derive(Debug, Default)]
pub(super) struct Events {
    pub confirmed: bool,
    pub readable: StreamSet,
    pub writable: StreamSet,
    pub latest: bool,
    pub path_changed: bool,
    pub silent: bool,
    pub closed: Option<Box<CloseReason>>,
    pub drained: bool,
}

impl Events {
    /// Whether there is an event.
    pub const fn is_any(&self) -> bool {
        let streams = !self.readable.is_empty() || !self.writable.is_empty();
        self.confirmed || streams || self.latest || self.path_changed || self.silent || self.closed.is_some() || self.drained
    }

    /// The next event, in the order in which an owner can make sense of them.
    pub fn poll(&mut self) -> Option<ConnectionEvent> {
        if std::mem::take(&mut self.confirmed) {
            return Some(ConnectionEvent::Confirmed);
        }
        let mut streams = self.readable;
        streams.add(self.writable);
        if let Some(stream) = streams.iter().next() {
            let is_readable = self.readable.take(stream);
            if is_readable {
                return Some(ConnectionEvent::Readable(stream));
            }
            self.writable.take(stream);
            return Some(ConnectionEvent::Writable(stream));
        }
        if std::mem::take(&mut self.latest) {
            return Some(ConnectionEvent::Latest);
        }
        if std::mem::take(&mut self.path_changed) {
            return Some(ConnectionEvent::PathChanged);
        }
        if std::mem::take(&mut self.silent) {
            return Some(ConnectionEvent::Silent);
        }
        if let Some(reason) = self.closed.take() {
            return Some(ConnectionEvent::Closed(*reason));
        }
        std::mem::take(&mut self.drained).then_some(ConnectionEvent::Drained)
    }
}

//! The owner's hold on one connection: whatever he does with it, the endpoint learns that it may have to send.

use std::sync::Arc;

use super::endpoint::Endpoint;
use super::error::{CloseCode, SendError};
use super::latest::LatestKey;
use super::occupant::{Established, Peer};
use super::path::Path;
use super::slots::ConnectionHandle;
use super::state::Stage;
use super::stats::Stats;
use super::time::{Micros, Time};
use crate::crypto::PublicKey;
use crate::wire::StreamId;

/// A connection with keys, borrowed from its endpoint. When it is let go, the endpoint asks the connection anew what it
/// has to send, to tell and to wait for.
#[derive(Debug)]
pub struct ConnectionMut<'a> {
    endpoint: &'a mut Endpoint,
    handle: ConnectionHandle,
}

impl Endpoint {
    /// The connection with this handle, once it is connected and until it is forgotten.
    pub fn connection(&mut self, handle: ConnectionHandle) -> Option<ConnectionMut<'_>> {
        let occupant = self.slots.occupant(handle)?;
        let open = matches!(occupant.peer, Peer::Established(_)) && occupant.half_open.is_none();
        open.then_some(ConnectionMut { endpoint: self, handle })
    }
}

impl ConnectionMut<'_> {
    /// Queues a message; the bytes are shared, not copied.
    ///
    /// # Errors
    /// [`SendError`]: the queue is full (then [`Event::Writable`](super::Event::Writable) follows), the message is too long,
    /// or the connection is closing.
    pub fn send(&mut self, now: Time, stream: StreamId, message: &Arc<[u8]>) -> Result<(), SendError> {
        self.established().connection.send(now, stream, message)
    }

    /// The next whole message. Reading gives the peer credit; not reading holds it back.
    pub fn recv(&mut self, now: Time, stream: StreamId) -> Option<Vec<u8>> {
        self.established().connection.recv(now, stream)
    }

    /// Sends a value in the place of any older one of `key` that was not sent yet. It goes out at most once and may be lost; one
    /// that comes late is not told. The bytes are shared, not copied, so a value can go to many connections.
    ///
    /// # Errors
    /// [`SendError::TooLong`] above [`LATEST_LEN_MAX`](super::LATEST_LEN_MAX) bytes, [`SendError::Closed`].
    pub fn send_latest(&mut self, now: Time, key: LatestKey, value: &Arc<[u8]>) -> Result<(), SendError> {
        self.established().connection.send_latest(now, key, value)
    }

    /// The next latest value that came; says itself what it is of.
    pub fn recv_latest(&mut self) -> Option<Vec<u8>> {
        self.established().connection.recv_latest()
    }

    /// Bytes queued and not sent for the first time.
    #[must_use]
    pub fn queued_len(&mut self, stream: StreamId) -> usize {
        self.established().connection.queued_len(stream)
    }

    /// Asks for [`Event::Writable`](super::Event::Writable) once no more than `len` bytes of the stream are queued and unsent.
    pub fn notify_below(&mut self, stream: StreamId, len: usize) {
        self.established().connection.notify_below(stream, len);
    }

    /// Asks for [`Event::Writable`](super::Event::Writable) once no more than `len` bytes of the stream are unacknowledged.
    pub fn notify_acked_below(&mut self, stream: StreamId, len: usize) {
        self.established().connection.notify_acked_below(stream, len);
    }

    /// Bytes queued or sent and not acknowledged.
    #[must_use]
    pub fn unacked_len(&mut self, stream: StreamId) -> usize {
        self.established().connection.unacked_len(stream)
    }

    /// The offset behind everything that was queued on the stream so far.
    #[must_use]
    pub fn written_len(&mut self, stream: StreamId) -> u64 {
        self.established().connection.written_len(stream)
    }

    /// The offset below which everything on the stream is acknowledged.
    #[must_use]
    pub fn acked_len(&mut self, stream: StreamId) -> u64 {
        self.established().connection.acked_len(stream)
    }

    /// Asks for [`Event::Writable`](super::Event::Writable) once everything on the stream below `offset` is acknowledged; of
    /// several offsets, the lowest.
    pub fn notify_acked_to(&mut self, stream: StreamId, offset: u64) {
        self.established().connection.notify_acked_to(stream, offset);
    }

    /// Lets the peer send up to `window_len` bytes ahead of the reader from now on; never less than before.
    pub fn raise_credit(&mut self, now: Time, stream: StreamId, window_len: u32) {
        self.established().connection.raise_credit(now, stream, window_len);
    }

    /// Ends the connection and tells the peer why; what is queued is not sent any more.
    pub fn close(&mut self, now: Time, code: CloseCode, reason: &str) {
        self.established().connection.close(now, code, reason);
    }

    /// Asks the peer for a sign of life at once.
    pub fn ping(&mut self, now: Time) {
        self.established().connection.ping(now);
    }

    /// What the connection counts and estimates.
    #[must_use]
    pub fn stats(&mut self) -> Stats {
        self.established().connection.stats()
    }

    /// When the peer was heard last.
    #[must_use]
    pub fn heard_at(&mut self) -> Time {
        self.established().connection.heard_at
    }

    /// Smoothed round-trip time.
    #[must_use]
    pub fn rtt(&mut self) -> Micros {
        self.established().connection.rtt()
    }

    /// Where in its life the connection is.
    #[must_use]
    pub fn stage(&mut self) -> Stage {
        self.established().connection.stage()
    }

    /// Where the peer is, and which of our addresses it speaks to.
    #[must_use]
    pub fn path(&mut self) -> Path {
        self.established().connection.path()
    }

    /// The key that the peer has proven: the device's on a server, the server's on a client.
    #[must_use]
    pub fn peer(&mut self) -> PublicKey {
        self.established().peer
    }

    fn established(&mut self) -> &mut Established {
        match self.endpoint.slots.occupant_mut(self.handle).map(|occupant| &mut occupant.peer) {
            Some(Peer::Established(established)) => established,
            _ => unreachable!("the guard was made for a connection with keys and holds its endpoint"),
        }
    }
}

impl Drop for ConnectionMut<'_> {
    fn drop(&mut self) {
        self.endpoint.touch(self.handle);
    }
}

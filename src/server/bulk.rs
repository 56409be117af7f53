//! Which bulk stream carries an answer, and when the next one may be read.
//!
//! Long answers are pulled: a question whose answer goes on a bulk stream is handed to the readers only when a stream has sent
//! nearly all that was put into it before, so that nothing waits in memory beyond what is about to be sent. The asker finds its
//! answer by the tag, so the stream is chosen anew for each one: the one on which least is on its way. Questions for parts of
//! files wait beside all others, because a whole file is asked for ahead.

use super::server::{Now, REPLY_QUEUE_LEN_MAX, Server};
use super::session::{Lane, Received};
use super::steps::Asked;
use crate::message::{Reply, Request};
use crate::transport::{BulkStream, ConnectionHandle, ConnectionMut, StreamId};

/// The bulk streams for answers of one message, as pages of history are: those with numbers up to this. Streams above are for
/// what takes longer, so that a page never waits behind it.
const PAGE_STREAM_MAX: u8 = 2;

/// Bytes of a bulk stream that were never sent, up to which the next answer is read: some milliseconds of a fast path.
const BULK_QUEUE_LOW_LEN: usize = 16 * 1024;

/// The number of the bulk stream for parts of files.
const FILE_STREAM: u8 = 8;

/// Bytes of parts of files that one session may have unacknowledged before the next is read: enough for 40 Mbit/s at 50 ms.
const FILE_QUEUE_LEN_MAX: usize = 256 * 1024;

/// Parts of files that one session may have asked for and that wait for the stream; what is asked beyond them waits like any
/// other request, and others behind it.
pub(super) const FILE_READS_WAITING_MAX: usize = 32;

/// Longest request for a part of a file that is set aside, in bytes: none with a name that exists is longer.
const FILE_READ_LEN_MAX: usize = 256;

/// Whether the answer to a question for a page would be sent soon. If not, the connection says when to ask again.
pub(super) fn has_page_room(connection: &mut ConnectionMut<'_>) -> bool {
    let stream = page_stream(connection);
    has_room(connection, stream, REPLY_QUEUE_LEN_MAX)
}

/// The same for a part of a file.
pub(super) fn has_file_room(connection: &mut ConnectionMut<'_>) -> bool {
    has_room(connection, file_stream(), FILE_QUEUE_LEN_MAX)
}

fn file_stream() -> StreamId {
    BulkStream::new(FILE_STREAM).map_or(StreamId::BULK, StreamId::Bulk)
}

fn has_room(connection: &mut ConnectionMut<'_>, stream: StreamId, unacked_len_max: usize) -> bool {
    if connection.unacked_len(stream) > unacked_len_max {
        connection.notify_acked_below(stream, unacked_len_max);
        return false;
    }
    if connection.queued_len(stream) > BULK_QUEUE_LOW_LEN {
        connection.notify_below(stream, BULK_QUEUE_LOW_LEN);
        return false;
    }
    true
}

/// The stream for pages on which least is on its way.
fn page_stream(connection: &mut ConnectionMut<'_>) -> StreamId {
    let streams = (1..=PAGE_STREAM_MAX).filter_map(BulkStream::new).map(StreamId::Bulk);
    streams.min_by_key(|stream| connection.unacked_len(*stream)).unwrap_or(StreamId::BULK)
}

impl Server {
    /// Ends a request with a reply of one message on a bulk stream.
    pub(super) fn finish_on_bulk(&mut self, now: Now, asked: Asked, reply: &Reply) {
        if let Some(stream) = self.endpoint.connection(asked.session).map(|mut connection| page_stream(&mut connection)) {
            self.send(now, asked.session, stream, &reply.encode(asked.tag).into());
        }
        self.end(asked);
    }

    /// Ends a request with a part of a file.
    pub(super) fn finish_on_file_stream(&mut self, now: Now, asked: Asked, reply: &Reply) {
        self.send(now, asked.session, file_stream(), &reply.encode(asked.tag).into());
        self.end(asked);
    }

    /// Takes in a question for a part of a file, which is answered when its stream has room, whatever else is asked
    /// meanwhile; gives anything else back.
    pub(super) fn set_aside(&mut self, handle: ConnectionHandle, received: Received) -> Option<Received> {
        let is_short = matches!(received.request, Request::ReadFile(_)) && received.len <= FILE_READ_LEN_MAX;
        let session = self.sessions.get_mut(&handle).filter(|_| is_short);
        let Some(session) = session.filter(|session| session.file_reads.len() < FILE_READS_WAITING_MAX) else {
            return Some(received);
        };
        session.file_reads.push_back(received);
        None
    }

    /// Begins the questions for parts of files whose answers would be sent soon.
    pub(super) fn pump_file_reads(&mut self, now: Now, handle: ConnectionHandle) {
        while let Some(session) = self.sessions.get_mut(&handle) {
            // What runs alone would never come to run if others began before it again and again.
            if session.next.as_ref().is_some_and(|next| next.lane == Lane::Exclusive) {
                return;
            }
            let Some(received) = session.file_reads.pop_front() else { return };
            if self.may_begin(now, handle, &received) {
                self.begin(now, handle, received);
            } else {
                if let Some(session) = self.sessions.get_mut(&handle) {
                    session.file_reads.push_front(received);
                }
                return;
            }
        }
    }
}

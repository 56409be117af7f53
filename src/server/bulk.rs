//! Which bulk stream carries an answer, and when the next one may be read.
//!
//! Long answers are pulled: a question whose answer goes on a bulk stream is handed to the readers only when a stream has sent
//! nearly all that was put into it before, so that nothing waits in memory beyond what is about to be sent. The asker finds its
//! answer by the tag, so the stream is chosen anew for each one: the one on which least is on its way.

use super::server::{Now, REPLY_QUEUE_LEN_MAX, Server};
use super::steps::Asked;
use crate::message::Reply;
use crate::transport::{BulkStream, ConnectionMut, StreamId};

/// The bulk streams for answers of one message, as pages of history are: those with numbers up to this. Streams above are for
/// what takes longer, so that a page never waits behind it.
const PAGE_STREAM_MAX: u8 = 2;

/// Bytes of a bulk stream that were never sent, up to which the next answer is read: some milliseconds of a fast path.
const BULK_QUEUE_LOW_LEN: usize = 16 * 1024;

/// The number of the bulk stream for parts of files.
const FILE_STREAM: u8 = 8;

/// Whether the answer to a question for a page would be sent soon. If not, the connection says when to ask again.
pub(super) fn has_page_room(connection: &mut ConnectionMut<'_>) -> bool {
    let stream = page_stream(connection);
    has_room(connection, stream)
}

/// The same for a part of a file.
pub(super) fn has_file_room(connection: &mut ConnectionMut<'_>) -> bool {
    has_room(connection, file_stream())
}

fn file_stream() -> StreamId {
    BulkStream::new(FILE_STREAM).map_or(StreamId::BULK, StreamId::Bulk)
}

fn has_room(connection: &mut ConnectionMut<'_>, stream: StreamId) -> bool {
    if connection.unacked_len(stream) > REPLY_QUEUE_LEN_MAX {
        connection.notify_acked_below(stream, REPLY_QUEUE_LEN_MAX);
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
}

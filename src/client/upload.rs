//! Sends one file: offers it, sends what the server lacks in pieces on a bulk stream, and begins again where the server is
//! whenever the connection has changed.
//!
//! It reads no file itself: whoever drives it hands in the bytes that [`Upload::wanted`] names.

use std::collections::BTreeSet;

use super::client::Client;
use super::event::ClientEvent;
use super::requests::{Purpose, Tag};
use crate::message::{FILE_CHUNK_LEN_MAX, FileChunk, FileOffer, Refusal, RefusalCode, Reply, Request};
use crate::transport::{ConnectionHandle, StreamId, Time};

/// Pieces on their way at a time.
const IN_FLIGHT_COUNT_MAX: usize = 8;

/// Offers in a row that bring no progress.
const OFFER_COUNT_MAX: u32 = 16;

/// A file on its way to the server.
#[derive(Debug)]
pub struct Upload {
    offer: FileOffer,
    flow: Flow,
    /// How much the server has told to have.
    here_len: u64,
    /// Up to where pieces were sent.
    sent_len: u64,
    offer_count: u32,
}

#[derive(Debug)]
enum Flow {
    Offering(Tag),
    Sending(BTreeSet<Tag>),
    Whole,
}

/// How an upload is after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadState {
    /// On its way.
    Going,
    /// The server has the whole file, verified.
    Whole,
    /// The server does not take it.
    Refused(Refusal),
}

impl Upload {
    /// Offers the file.
    pub fn begin(client: &mut Client, now: Time, offer: FileOffer) -> Self {
        let tag = client.request(now, &Request::OfferFile(offer));
        Self { offer, flow: Flow::Offering(tag), here_len: 0, sent_len: 0, offer_count: 1 }
    }

    /// How many bytes the server has.
    #[must_use]
    pub fn here_len(&self) -> u64 {
        self.here_len
    }

    /// Which bytes are to be sent next, by offset and length; `None` if none are now.
    #[must_use]
    pub fn wanted(&self) -> Option<(u64, usize)> {
        let Flow::Sending(in_flight) = &self.flow else { return None };
        let left = self.offer.len.saturating_sub(self.sent_len);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(FILE_CHUNK_LEN_MAX);
        (in_flight.len() < IN_FLIGHT_COUNT_MAX && len > 0).then_some((self.sent_len, len))
    }

    /// Sends the bytes that are [`wanted`](Self::wanted).
    pub fn send(&mut self, client: &mut Client, now: Time, bytes: Vec<u8>) {
        let Flow::Sending(in_flight) = &mut self.flow else { return };
        let offset = self.sent_len;
        self.sent_len = self.sent_len.saturating_add(bytes.len() as u64);
        in_flight.insert(client.send_piece(now, FileChunk { offer: self.offer, offset, bytes }));
    }

    /// Takes in what the client told.
    pub fn handle_event(&mut self, client: &mut Client, now: Time, event: &ClientEvent) -> UploadState {
        match (event, &mut self.flow) {
            (ClientEvent::PiecesLost, Flow::Sending(_)) => self.offer_again(client, now),
            (ClientEvent::Reply { tag, reply }, Flow::Offering(asked)) if tag == asked => match reply {
                Reply::FileFrom(len) => {
                    (self.here_len, self.sent_len) = (*len, *len);
                    self.flow = if *len >= self.offer.len { Flow::Whole } else { Flow::Sending(BTreeSet::new()) };
                }
                other => return refused(other),
            },
            (ClientEvent::Reply { tag, reply }, Flow::Sending(in_flight)) if in_flight.contains(tag) => match reply {
                Reply::FileFrom(len) => {
                    in_flight.remove(tag);
                    self.here_len = self.here_len.max(*len);
                    self.offer_count = 0;
                    if *len >= self.offer.len {
                        self.flow = Flow::Whole;
                    }
                }
                Reply::Refused(refusal)
                    if matches!(refusal.code(), RefusalCode::BadPiece | RefusalCode::NotOffered)
                        && self.offer_count < OFFER_COUNT_MAX =>
                {
                    self.offer_again(client, now);
                }
                other => return refused(other),
            },
            _ => {}
        }
        if matches!(self.flow, Flow::Whole) { UploadState::Whole } else { UploadState::Going }
    }

    /// Asks how much is there, and goes on from that.
    fn offer_again(&mut self, client: &mut Client, now: Time) {
        self.offer_count = self.offer_count.saturating_add(1);
        self.flow = Flow::Offering(client.request(now, &Request::OfferFile(self.offer)));
    }
}

fn refused(reply: &Reply) -> UploadState {
    UploadState::Refused(match reply {
        Reply::Refused(refusal) => refusal.clone(),
        _ => Refusal::new(RefusalCode::FilesOff, "the server does not know files; it is older"),
    })
}

impl Client {
    /// Sends a piece of a file on a bulk stream. It is lost with the connection, which [`ClientEvent::PiecesLost`] tells.
    fn send_piece(&mut self, now: Time, chunk: FileChunk) -> Tag {
        let tag = self.requests.add(&Request::FileChunk(chunk), Purpose::Piece);
        self.pump(now);
        tag
    }

    /// Hands the transport what it takes, requests and pieces of files.
    pub(super) fn hand_over(&mut self, now: Time, handle: ConnectionHandle) {
        let Some(mut connection) = self.endpoint.connection(handle) else { return };
        // A full queue: `Writable` brings us back here.
        while let Some((tag, message)) = self.requests.next_to_send() {
            if connection.send(now, StreamId::Chat, message).is_err() {
                break;
            }
            self.requests.on_sent(tag);
        }
        while let Some((tag, message)) = self.requests.next_piece() {
            if connection.send(now, StreamId::BULK, message).is_err() {
                break;
            }
            self.requests.on_sent(tag);
        }
    }
}

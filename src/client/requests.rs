//! Which request an answer belongs to, and which requests are still to be sent or, after a lost connection, sent again.
//!
//! Requests are sent in the order they were made and keep that order when they are repeated. Repeating is harmless: reads
//! change nothing, and what changes something carries an id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::outbox::Place;
use crate::message::Request;

/// Most requests that wait for their answers; the server reads on only below this (protocol.md, "Requests").
const IN_FLIGHT_COUNT_MAX: usize = 64;

/// Names a request to its asker. On the wire it is cut to 32 bits, which tell the few in flight apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u64);

/// Who waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The program above.
    Asked,
    /// The program above; when it is done, the device belongs to nobody.
    SignOut,
    /// A follow. After a lost connection it is asked for anew, from where it is then.
    Follow,
    /// A message of the outbox.
    Post(Place),
    /// The outbox, which was halted.
    Resume,
    /// Nobody: it is said on this connection or not at all.
    Quiet,
    /// A read marker. After a lost connection it is asked for anew, with what was shown meanwhile.
    Mark,
    /// An upload. Pieces go on a bulk stream, and are lost with the connection.
    Piece,
}

#[derive(Debug)]
struct Pending {
    message: Arc<[u8]>,
    purpose: Purpose,
}

/// All requests without an answer.
#[derive(Debug, Default)]
pub(super) struct Requests {
    made_count: u64,
    pending: BTreeMap<Tag, Pending>,
    unsent: BTreeSet<Tag>,
    unsent_pieces: BTreeSet<Tag>,
    /// Whether a file was ever offered.
    has_uploads: bool,
}

impl Requests {
    /// Takes a request; it is sent behind all earlier ones.
    pub(super) fn add(&mut self, request: &Request, purpose: Purpose) -> Tag {
        self.made_count = self.made_count.wrapping_add(1);
        let tag = Tag(self.made_count);
        let message = request.encode(wire_tag(tag)).into();
        self.pending.insert(tag, Pending { message, purpose });
        let queue = if purpose == Purpose::Piece { &mut self.unsent_pieces } else { &mut self.unsent };
        queue.insert(tag);
        self.has_uploads |= matches!(request, Request::OfferFile(_));
        tag
    }

    /// The next request to send, if the server may be asked one more.
    pub(super) fn next_to_send(&self) -> Option<(Tag, &Arc<[u8]>)> {
        let in_flight_count = self.pending.len().saturating_sub(self.unsent_count());
        if in_flight_count >= IN_FLIGHT_COUNT_MAX {
            return None;
        }
        let tag = self.unsent.first()?;
        Some((*tag, &self.pending.get(tag)?.message))
    }

    /// The next piece of a file to send.
    pub(super) fn next_piece(&self) -> Option<(Tag, &Arc<[u8]>)> {
        let tag = self.unsent_pieces.first()?;
        Some((*tag, &self.pending.get(tag)?.message))
    }

    /// Whether a file was ever offered, so that somebody wants to know when the connection changes.
    pub(super) fn has_uploads(&self) -> bool {
        self.has_uploads
    }

    fn unsent_count(&self) -> usize {
        self.unsent.len().saturating_add(self.unsent_pieces.len())
    }

    /// The request is on its way.
    pub(super) fn on_sent(&mut self, tag: Tag) {
        self.unsent.remove(&tag);
        self.unsent_pieces.remove(&tag);
    }

    /// Takes out the request that is answered under `tag` on the wire, if there is one in flight.
    pub(super) fn on_answer(&mut self, tag: u32) -> Option<(Tag, Purpose)> {
        // Answers come nearly in order, so that the first ones looked at are the likely ones.
        let found = self.pending.keys().copied().find(|candidate| wire_tag(*candidate) == tag)?;
        if self.unsent.contains(&found) || self.unsent_pieces.contains(&found) {
            return None;
        }
        let pending = self.pending.remove(&found)?;
        Some((found, pending.purpose))
    }

    /// The connection is lost: everything without an answer is to be sent again, except what `is_stale` and
    /// pieces of files.
    pub(super) fn on_lost(&mut self, is_stale: impl Fn(Purpose) -> bool) {
        self.pending.retain(|_, pending| pending.purpose != Purpose::Piece && !is_stale(pending.purpose));
        self.unsent_pieces.clear();
        self.unsent = self.pending.keys().copied().collect();
    }

    /// Whether the server has been asked something that it has not answered.
    pub(super) fn is_answer_owed(&self) -> bool {
        self.pending.len() > self.unsent_count()
    }

    /// Whether nothing waits for an answer.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits tell the requests in flight apart")]
fn wire_tag(tag: Tag) -> u32 {
    tag.0 as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send_all(requests: &mut Requests) -> Vec<Tag> {
        let mut sent = Vec::new();
        while let Some((tag, _)) = requests.next_to_send() {
            requests.on_sent(tag);
            sent.push(tag);
        }
        sent
    }

    #[test]
    fn requests_leave_in_order_and_come_again_in_order() {
        let mut requests = Requests::default();
        let tags: Vec<Tag> = (0..4).map(|_| requests.add(&Request::WhoAmI, Purpose::Asked)).collect();
        let follow = requests.add(&Request::WhoAmI, Purpose::Follow);
        assert_eq!(send_all(&mut requests), [&tags[..], &[follow]].concat());
        assert_eq!(requests.on_answer(wire_tag(tags[1])), Some((tags[1], Purpose::Asked)));
        assert_eq!(requests.on_answer(wire_tag(tags[1])), None);
        requests.on_lost(|purpose| purpose == Purpose::Follow);
        let later = requests.add(&Request::WhoAmI, Purpose::Asked);
        assert_eq!(send_all(&mut requests), [tags[0], tags[2], tags[3], later]);
    }

    #[test]
    fn no_more_are_in_flight_than_the_server_reads() {
        let mut requests = Requests::default();
        let tags: Vec<Tag> = (0..=IN_FLIGHT_COUNT_MAX).map(|_| requests.add(&Request::WhoAmI, Purpose::Asked)).collect();
        assert_eq!(send_all(&mut requests).len(), IN_FLIGHT_COUNT_MAX);
        assert!(requests.on_answer(wire_tag(tags[3])).is_some());
        assert_eq!(send_all(&mut requests), tags[IN_FLIGHT_COUNT_MAX..]);
    }

    #[test]
    fn an_answer_to_what_was_not_asked_is_ignored() {
        let mut requests = Requests::default();
        let tag = requests.add(&Request::WhoAmI, Purpose::Asked);
        assert_eq!(requests.on_answer(wire_tag(tag)), None, "it was not sent yet");
        assert_eq!(requests.on_answer(99), None);
        assert!(!requests.is_empty());
    }
}

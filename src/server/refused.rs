//! What was refused on one of a device's connections is refused on its others.
//!
//! A client whose connection went silent sends what is unanswered again on another one. The server may still know the first,
//! and a copy that was delayed on its way can come there long after the client was told no: if somebody let the user in
//! meanwhile, a message would be stored that its author was told is not. So each connection remembers what the device's others
//! were refused, and of two copies the second begins when the first has its answer. The connection that was told no may ask
//! again, and so may every connection that begins afterwards.

use super::server::Server;
use super::session::{Lane, Received};
use super::steps::Asked;
use crate::message::Refusal;
use crate::transport::ConnectionHandle;
use std::collections::VecDeque;

/// Refusals that a session remembers of its device's others: twice what a session may have unanswered. The oldest give way.
const REFUSED_COUNT_MAX: usize = 128;

/// What others were refused, oldest first, each with its request's fingerprint.
#[derive(Debug, Default)]
pub(super) struct Refused(VecDeque<([u8; 32], Refusal)>);

impl Refused {
    /// Fails with the refusal of the request that has this fingerprint.
    pub(super) fn as_to(&self, fingerprint: &[u8; 32]) -> Result<(), Refusal> {
        match self.0.iter().find(|(refused, _)| refused == fingerprint) {
            Some((_, refusal)) => Err(refusal.clone()),
            None => Ok(()),
        }
    }

    fn remember(&mut self, fingerprint: [u8; 32], refusal: Refusal) {
        if self.0.len() >= REFUSED_COUNT_MAX {
            self.0.pop_front();
        }
        self.0.push_back((fingerprint, refusal));
    }
}

impl Server {
    /// The other connections of the session's device, oldest first.
    fn siblings(&self, handle: ConnectionHandle) -> impl Iterator<Item = ConnectionHandle> + use<'_> {
        let same_key = self.sessions.get(&handle).and_then(|session| self.by_key.get(&session.key));
        same_key.into_iter().flatten().copied().filter(move |other| *other != handle)
    }

    /// Whether another connection of the device waits for the answer to the same request. This one is woken when it has it.
    pub(super) fn is_under_way_elsewhere(&self, handle: ConnectionHandle, received: &Received) -> bool {
        let is_under_way = |other| self.sessions.get(&other).is_some_and(|other| other.is_under_way(&received.fingerprint));
        received.lane != Lane::Read && self.siblings(handle).any(is_under_way)
    }

    /// A command was refused: what may come of it on other connections of the device is too late.
    pub(super) fn refuse_copies(&mut self, asked: Asked, refusal: &Refusal) {
        if refusal.is_for_now() {
            return;
        }
        for other in self.siblings(asked.session).collect::<Vec<_>>() {
            if let Some(other) = self.sessions.get_mut(&other) {
                other.refused.remember(asked.fingerprint, refusal.clone());
            }
        }
    }

    /// A request of the session has its answer: the device's other connections may have waited for it.
    pub(super) fn wake_siblings(&mut self, handle: ConnectionHandle) {
        let waits = |other: &ConnectionHandle| self.sessions.get(other).is_some_and(|other| other.next.is_some());
        let waiting: Vec<_> = self.siblings(handle).filter(waits).collect();
        self.stalled.extend(waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::RefusalCode;

    #[test]
    fn so_many_refusals_are_remembered_and_the_oldest_gives_way() {
        let mut refused = Refused::default();
        for n in 0..=u8::try_from(REFUSED_COUNT_MAX).unwrap() {
            refused.remember([n; 32], Refusal::new(RefusalCode::NotMember, "join first"));
        }
        assert_eq!(refused.0.len(), REFUSED_COUNT_MAX);
        assert!(refused.as_to(&[0; 32]).is_ok() && refused.as_to(&[1; 32]).is_err());
    }
}

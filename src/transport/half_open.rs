//! Connections that a server has answered but that no data packet has confirmed yet.
//!
//! Until then the opening may have been a replay or come from a false address, so an entry is small, short-lived and few;
//! a repeated INIT gets the answer it got before, and no work is done twice.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::slots::ConnectionHandle;
use super::time::Micros;
use crate::wire::ConnectionId;

/// Most half-open connections of a server.
pub const HALF_OPEN_COUNT_MAX: usize = 4_096;

/// A half-open connection that hears nothing for so long is forgotten.
///
/// At 60 % loss in both directions a client is heard, by INIT or by probe, at least once in this time with a probability
/// above 99.9 %.
pub const HALF_OPEN_TIMEOUT: Micros = Micros::from_secs(10);

/// Who a half-open connection is: the client's ID and where it speaks from.
pub(super) type HalfOpenKey = (ConnectionId, SocketAddr);

/// One answered opening.
#[derive(Debug)]
pub(super) struct HalfOpen {
    /// The connection that waits.
    pub(super) handle: ConnectionHandle,
    /// What was answered; another message under the same key is not.
    pub(super) message1: Box<[u8]>,
    /// The answer.
    pub(super) message2: Box<[u8]>,
}

/// All answered openings, at most [`HALF_OPEN_COUNT_MAX`].
#[derive(Debug, Default)]
pub(super) struct HalfOpenTable {
    entries: BTreeMap<HalfOpenKey, HalfOpen>,
}

impl HalfOpenTable {
    /// Whether the table can take no more.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= HALF_OPEN_COUNT_MAX && !planted!(HalfOpenWithoutCap)
    }

    /// The opening with this key.
    pub(super) fn entry(&self, key: &HalfOpenKey) -> Option<&HalfOpen> {
        self.entries.get(key)
    }

    /// Remembers an answered opening.
    ///
    /// # Panics
    /// If the table is full or has the key: the caller looked.
    pub(super) fn insert(&mut self, key: HalfOpenKey, half_open: HalfOpen) {
        assert!(!self.is_full(), "the half-open table has room");
        let before = self.entries.insert(key, half_open);
        assert!(before.is_none(), "an opening is answered once");
    }

    /// Forgets an opening that was confirmed or ran out.
    pub(super) fn remove(&mut self, key: &HalfOpenKey) {
        self.entries.remove(key);
    }
}

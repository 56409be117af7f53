//! A connection that is begun beside another one which has fallen silent, in case that its server has forgotten it.
//!
//! Whether it is needed depends on what comes first, so its owner decides when it speaks: each of its attempts goes beside
//! something that the other connection sends.

use super::connecting::Connecting;
use super::endpoint::Endpoint;
use super::occupant::Peer;
use super::slots::ConnectionHandle;
use super::time::{Micros, Time};

impl Endpoint {
    /// Client: after its first attempt the connection makes another one only by [`Endpoint::attempt`], and never gives up.
    pub fn stand_by(&mut self, handle: ConnectionHandle) {
        self.with_connecting(handle, Connecting::stand_by);
    }

    /// Client: a connection without keys makes its next attempt at once.
    pub fn attempt(&mut self, now: Time, handle: ConnectionHandle) {
        self.with_connecting(handle, |connecting| connecting.attempt(now));
    }

    /// Client: a connection that stood by is wanted now, and goes on like one that was just begun. An attempt made less than `rtt` ago
    /// may still be answered.
    pub fn go_on(&mut self, now: Time, handle: ConnectionHandle, rtt: Micros) {
        self.with_connecting(handle, |connecting| connecting.go_on(now, rtt));
    }

    fn with_connecting(&mut self, handle: ConnectionHandle, change: impl FnOnce(&mut Connecting)) {
        if let Some(Peer::Connecting(connecting)) = self.slots.occupant_mut(handle).map(|occupant| &mut occupant.peer) {
            change(connecting);
        }
        self.touch(handle);
    }
}

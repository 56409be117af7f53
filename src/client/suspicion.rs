//! When nothing comes from the server any more: it may have been restarted and know this connection no more, or the network may
//! be gone. Whoever waits to be told loses a round trip, so a new connection is begun beside the one in use.
//!
//! Each of its attempts follows something that was sent on the connection in use, a little later: a server that still knows
//! that one answers there first, and the new one is given up before it costs the server anything. If the server greets on
//! the new one, everything moves over as to fresh keys; if it says that it has forgotten the old one, the new one is half way.

use super::client::Client;
use super::connecting::Attempts;
use super::link::{Arrival, Link};
use crate::crypto::{PublicKey, SecretKey};
use crate::transport::{CloseCode, CloseReason, ConnectionHandle, Endpoint, Micros, Time};

/// How long the server may owe an answer before it is asked for a sign of life. The transport has nothing to repeat once a
/// request is acknowledged, and a server that is killed between that and its answer would be missed only by the keep-alive.
pub(super) const ANSWER_DELAY: Micros = Micros::from_secs(1);

/// A server that was heard later than this is only slow.
const SUSPECT_AFTER: Micros = Micros::from_millis(500);

/// How much later than the packet beside it an attempt goes.
const ATTEMPT_DELAY: Micros = Micros::from_millis(5);

/// Round trips below this have acknowledgements that wait for up to 25 ms, and then resets are quick enough.
const FAST_RTT: Micros = Micros::from_millis(5);

/// The same on such a path.
const ATTEMPT_DELAY_FAST: Micros = Micros::from_millis(30);

/// Least time between two attempts.
const GAP_MIN: Micros = Micros::from_millis(50);

/// The same while more were made than are allowed: less than between two probes, which are a second apart by then.
const GAP_MAX: Micros = Micros::from_millis(900);

/// So many attempts are allowed, and three more every two seconds: with each probe, also after a change of the socket, but not with
/// each line of somebody who writes on and on.
const ALLOWED_COUNT: u64 = 10;

/// What is thought of the server behind the connection in use.
#[derive(Debug, Default)]
pub(super) enum Suspicion {
    /// That it is there.
    #[default]
    Calm,
    /// That it might not be, unless it is heard before `doubt_at`.
    Silent { heard_at: Time, doubt_at: Time },
    /// That it may have been restarted.
    Doubting(Box<Doubt>),
}

/// A doubt, with the connection that was begun because of it.
#[derive(Debug)]
pub(super) struct Doubt {
    heard_at: Time,
    /// The number that the next packet of the connection in use will have.
    next_number: u64,
    attempt_at: Option<Time>,
    last_attempt_at: Time,
    attempt_count: u64,
    begun_at: Time,
    /// Of the connection in use.
    rtt: Micros,
    fresh: Option<ConnectionHandle>,
}

impl Suspicion {
    /// When [`Suspicion::handle_timeout`] is wanted next.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self {
            Self::Calm => None,
            Self::Silent { doubt_at, .. } => Some(*doubt_at),
            Self::Doubting(doubt) => doubt.attempt_at,
        }
    }

    /// Whether the server may have been restarted.
    pub(super) fn is_doubt(&self) -> bool {
        matches!(self, Self::Doubting(_))
    }

    /// Whether `handle` is the connection that was begun.
    pub(super) fn is_fresh(&self, handle: ConnectionHandle) -> bool {
        matches!(self, Self::Doubting(doubt) if doubt.fresh == Some(handle))
    }

    /// Probes on the connection in use went unanswered.
    pub(super) fn on_silent(&mut self, now: Time, endpoint: &mut Endpoint, used: ConnectionHandle) {
        if let (Self::Calm, Some(mut connection)) = (&*self, endpoint.connection(used)) {
            let heard_at = connection.heard_at();
            *self = Self::Silent { heard_at, doubt_at: now.max(heard_at + SUSPECT_AFTER) };
        }
    }

    /// Ends the suspicion if the server was heard on the connection in use.
    pub(super) fn look(&mut self, now: Time, endpoint: &mut Endpoint, used: ConnectionHandle) {
        let before = match self {
            Self::Calm => return,
            Self::Silent { heard_at, .. } => *heard_at,
            Self::Doubting(doubt) => doubt.heard_at,
        };
        if endpoint.connection(used).is_some_and(|mut connection| connection.heard_at() > before) {
            self.abandon(now, endpoint);
        }
    }

    /// Does what is due: begins to doubt, makes an attempt.
    pub(super) fn handle_timeout(
        &mut self,
        now: Time,
        endpoint: &mut Endpoint,
        used: ConnectionHandle,
        device: &SecretKey,
        server: PublicKey,
    ) {
        self.look(now, endpoint, used);
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let Some((remote, stats)) =
            endpoint.connection(used).map(|mut connection| (connection.path().remote, connection.stats()))
        else {
            return;
        };
        if let Self::Silent { heard_at, .. } = self {
            tracing::debug!(%remote, "the server may have been restarted");
            let heard_at = *heard_at;
            *self = Self::Doubting(Box::new(Doubt {
                heard_at,
                next_number: stats.next_packet_number,
                attempt_at: None,
                last_attempt_at: now,
                attempt_count: 0,
                begun_at: now,
                rtt: stats.rtt,
                fresh: None,
            }));
        }
        let Self::Doubting(doubt) = self else { return };
        doubt.attempt_at = None;
        doubt.last_attempt_at = now;
        doubt.attempt_count = doubt.attempt_count.saturating_add(1);
        if let Some(fresh) = doubt.fresh {
            endpoint.attempt(now, fresh);
        } else {
            let fresh = endpoint.connect(now, remote, device, Some(server));
            endpoint.stand_by(fresh);
            doubt.fresh = Some(fresh);
        }
    }

    /// Something was sent, on the connection in use or another: an attempt follows what went on the one in use.
    pub(super) fn on_transmit(&mut self, now: Time, endpoint: &mut Endpoint, used: ConnectionHandle) {
        let Self::Doubting(doubt) = self else { return };
        let Some(mut connection) = endpoint.connection(used) else { return };
        let next_number = connection.stats().next_packet_number;
        if next_number > doubt.next_number {
            doubt.next_number = next_number;
            let delay = if doubt.rtt < FAST_RTT { ATTEMPT_DELAY_FAST } else { ATTEMPT_DELAY };
            let allowed_count = ALLOWED_COUNT.saturating_add((now - doubt.begun_at).as_millis().saturating_mul(3) / 2_000);
            let gap = if doubt.attempt_count < allowed_count { GAP_MIN } else { GAP_MAX };
            doubt.attempt_at.get_or_insert((now + delay).max(doubt.last_attempt_at + gap));
        }
    }

    /// The connection that was begun is over; another one follows with the next attempt.
    pub(super) fn on_failed(&mut self) {
        if let Self::Doubting(doubt) = self {
            doubt.fresh = None;
        }
    }

    /// Thinks no more of it, and gives up the connection that was begun.
    pub(super) fn abandon(&mut self, now: Time, endpoint: &mut Endpoint) {
        if let Self::Doubting(doubt) = std::mem::take(self)
            && let Some(fresh) = doubt.fresh
        {
            endpoint.close(now, fresh, CloseCode::Done, "");
        }
    }
}

impl Client {
    /// Asks for a sign of life when an answer has been owed for long.
    pub(super) fn ask_for_life(&mut self, now: Time) {
        let (Link::Greeting { handle, .. } | Link::Online { handle, .. }) = self.link else { return };
        if self.doubt_at.is_some_and(|at| at <= now) {
            self.doubt_at = Some(now + ANSWER_DELAY);
            // In doubt it is asked all the time, by probes.
            if !self.suspicion.is_doubt()
                && let Some(mut connection) = self.endpoint.connection(handle)
            {
                connection.ping(now);
            }
        }
    }

    /// The server has forgotten the connection in use: the one that was begun beside it is the next, if there is one.
    ///
    /// Returns whether there is.
    pub(super) fn go_on_with_fresh(&mut self, now: Time, reason: &CloseReason) -> bool {
        let Link::Online { key, .. } = self.link else { return false };
        if *reason != CloseReason::Reset {
            self.suspicion.abandon(now, &mut self.endpoint);
            return false;
        }
        let Suspicion::Doubting(doubt) = std::mem::take(&mut self.suspicion) else { return false };
        let Some(fresh) = doubt.fresh else { return false };
        if self.endpoint.connection(fresh).is_some() {
            self.on_connected(now, fresh, key, Arrival::Anew);
        } else {
            self.endpoint.go_on(now, fresh, doubt.rtt);
            self.link = Link::Connecting(Attempts::going_on(now, fresh));
        }
        true
    }
}

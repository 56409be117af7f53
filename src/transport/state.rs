//! The life of a connection, and the one door through which it goes on (RFC 9000 section 10).
//!
//! ```text
//! Handshaken ──first packet opened──▶ Established
//!      │                                   │
//!      ├──close()/rule broken──▶ Closing ──┼──peer's CLOSE──▶ Draining ──▶ Closed
//!      └──────────────────────── idle ─────┴──────────────────────────────▶
//! ```

use super::connection::Connection;
use super::error::{CloseCode, CloseReason};
use super::stats::count;
use super::time::{Micros, Time};
use super::trace::TraceEvent;
use tracing::debug;

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The keys are there, but no packet sealed with them has come yet.
    Handshaken,
    /// In use.
    Established,
    /// This end closed and repeats it to a peer that has not heard.
    Closing,
    /// The peer closed; late packets are waited out in silence.
    Draining,
    /// Over.
    Closed,
}

/// A stage with what belongs to it.
#[derive(Debug)]
pub(super) enum State {
    Handshaken,
    Established,
    Closing(Box<Closing>),
    Draining { until: Time },
    Closed,
}

/// Longest time for which a closed connection is kept, whatever the round trip: afterwards a reset says the same, and says it
/// to whatever address the peer has by then.
pub const CLOSING_DELAY_MAX: Micros = Micros::from_secs(3);

/// What is left of a connection that this end closed.
#[derive(Debug)]
pub(super) struct Closing {
    pub code: CloseCode,
    pub reason: String,
    pub until: Time,
    /// A CLOSE frame is to be sent.
    pub due: bool,
    /// Authentic packets that came since, to answer at a falling rate.
    pub heard_count: u32,
}

impl State {
    /// The stage without what belongs to it.
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Handshaken => Stage::Handshaken,
            Self::Established => Stage::Established,
            Self::Closing(_) => Stage::Closing,
            Self::Draining { .. } => Stage::Draining,
            Self::Closed => Stage::Closed,
        }
    }

    /// Whether messages pass.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Handshaken | Self::Established)
    }

    /// When the stage ends by itself.
    pub const fn deadline(&self) -> Option<Time> {
        match self {
            Self::Closing(closing) => Some(closing.until),
            Self::Draining { until } => Some(*until),
            Self::Handshaken | Self::Established | Self::Closed => None,
        }
    }
}

impl Closing {
    /// An authentic packet came: the peer may not have heard. Every second, fourth, eighth … is answered.
    pub const fn on_heard(&mut self) {
        self.heard_count = self.heard_count.saturating_add(1);
        self.due |= self.heard_count.is_power_of_two();
    }
}

impl Connection {
    /// The only place where the state changes.
    pub(super) fn enter(&mut self, next: State) {
        debug!(from = ?self.state.stage(), to = ?next.stage(), id = ?self.local_id, "connection");
        let (from, to) = (self.state.stage(), next.stage());
        self.trace.note(|| TraceEvent::Stage { from, to });
        let was_open = self.state.is_open();
        self.state = next;
        if was_open && !self.state.is_open() {
            self.release();
        }
        match self.state {
            State::Established => self.events.confirmed = true,
            State::Closed => self.events.drained = true,
            State::Handshaken | State::Closing(_) | State::Draining { .. } => {}
        }
    }

    /// Ends the connection from this end: CLOSE is sent, and repeated to a peer that goes on sending.
    pub(super) fn close_here(&mut self, now: Time, code: CloseCode, reason: &str) {
        if !self.state.is_open() {
            return;
        }
        if code == CloseCode::Limit {
            count(&mut self.counts.caps.limit_closes);
        }
        let until = now + self.closing_delay().min(CLOSING_DELAY_MAX);
        self.events.closed = Some(Box::new(CloseReason::Local { code }));
        let reason = reason.to_owned();
        self.enter(State::Closing(Box::new(Closing { code, reason, until, due: true, heard_count: 0 })));
    }

    /// The peer sent CLOSE. Who closed first stays the reason that the owner was told.
    pub(super) fn on_close(&mut self, now: Time, code: CloseCode, reason: &str) {
        let until = now + self.closing_delay().min(CLOSING_DELAY_MAX);
        if self.state.is_open() {
            self.events.closed = Some(Box::new(CloseReason::Peer { code, reason: reason.to_owned() }));
        }
        if !matches!(self.state, State::Draining { .. } | State::Closed) {
            self.enter(State::Draining { until });
        }
    }

    /// Nothing was heard for too long.
    pub(super) fn on_idle(&mut self) {
        self.events.closed = Some(Box::new(CloseReason::IdleTimeout));
        self.enter(State::Closed);
    }
}

//! One place in an endpoint's table: a connection in whatever state, and what the endpoint remembers about it.

use super::connecting::Connecting;
use super::connection::Connection;
use super::error::CloseReason;
use super::half_open::HalfOpenKey;
use super::state::Stage;
use super::time::Time;
use crate::crypto::PublicKey;
use crate::wire::ConnectionId;

/// A connection and its marks.
#[derive(Debug)]
pub(super) struct Occupant {
    /// The connection.
    pub(super) peer: Peer,
    /// This end's name for it.
    pub(super) local_id: ConnectionId,
    /// Client: ends a packet of a server that has forgotten the connection.
    pub(super) reset_token: Option<[u8; 16]>,
    /// Server: not confirmed yet.
    pub(super) half_open: Option<Unconfirmed>,
    /// Where its entry among the timers is.
    pub(super) armed_at: Option<Time>,
    /// Bytes beyond holes that the endpoint counts for it.
    pub(super) beyond_len: u64,
    /// It is in the transmit queue.
    pub(super) transmits: bool,
    /// It is in the event queue.
    pub(super) tells: bool,
    /// Datagrams sent since its turn began.
    pub(super) burst: usize,
}

/// The states of a connection as its endpoint sees them.
#[derive(Debug)]
pub(super) enum Peer {
    /// Client: no keys yet.
    Connecting(Box<Connecting>),
    /// There are keys.
    Established(Box<Established>),
    /// Over; its owner does not know yet.
    Ended(CloseReason),
}

/// A connection with keys.
#[derive(Debug)]
pub(super) struct Established {
    /// Its state machine.
    pub(super) connection: Connection,
    /// The key that the other end has proven.
    pub(super) peer: PublicKey,
    /// Its owner does not know of it yet.
    pub(super) is_news: bool,
}

/// What a server's connection has before its first packet opens.
#[derive(Debug)]
pub(super) struct Unconfirmed {
    /// Its entry in the half-open table.
    pub(super) key: HalfOpenKey,
    /// When it is forgotten.
    pub(super) expires_at: Time,
}

impl Occupant {
    /// A connection with no marks.
    pub(super) fn new(peer: Peer, local_id: ConnectionId) -> Self {
        Self {
            peer,
            local_id,
            reset_token: None,
            half_open: None,
            armed_at: None,
            beyond_len: 0,
            transmits: false,
            tells: false,
            burst: 0,
        }
    }

    /// When it next wants to be woken.
    pub(super) fn deadline(&self) -> Option<Time> {
        let own = match &self.peer {
            Peer::Connecting(connecting) => connecting.poll_timeout(),
            Peer::Established(established) => established.connection.poll_timeout(),
            Peer::Ended(_) => None,
        };
        let expires_at = self.half_open.as_ref().map(|half_open| half_open.expires_at);
        own.into_iter().chain(expires_at).min()
    }

    /// Whether there are keys and nobody has closed: afterwards its owner knows the end already.
    pub(super) fn is_open(&self) -> bool {
        match &self.peer {
            Peer::Established(established) => matches!(established.connection.stage(), Stage::Handshaken | Stage::Established),
            Peer::Connecting(_) | Peer::Ended(_) => false,
        }
    }

    /// Whether nobody confirmed it in time.
    pub(super) fn has_expired(&self, now: Time) -> bool {
        self.half_open.as_ref().is_some_and(|half_open| half_open.expires_at <= now)
    }
}

//! How far a client is on its way to its server.

use super::connecting::Attempts;
use super::renewal::Renewal;
use crate::crypto::PublicKey;
use crate::transport::{ConnectionHandle, Time};

/// The stages, as drawn at the client's door.
#[derive(Debug)]
pub(super) enum Link {
    Waiting { retry_at: Time },
    Connecting(Attempts),
    Untrusted { handle: ConnectionHandle },
    Greeting { handle: ConnectionHandle, key: PublicKey, arrival: Arrival },
    Online { handle: ConnectionHandle, key: PublicKey, renewal: Box<Renewal> },
    Stopped,
}

/// Why there is a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// There was none.
    Anew,
    /// It has fresh keys; whoever drives the client need not know.
    FreshKeys,
}

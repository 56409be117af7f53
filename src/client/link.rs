//! How far a client is on its way to its server.

use super::client::Client;
use super::connecting::Attempts;
use super::event::ClientEvent;
use super::renewal::Renewal;
use super::requests::Purpose;
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

impl Client {
    /// The connection in use is one no more: what it leaves unanswered is asked again on the next.
    pub(super) fn let_go(&mut self, now: Time) {
        self.doubt_at = None;
        let posts_go_again = self.sending.on_lost();
        self.requests.on_lost(|purpose| match purpose {
            Purpose::Follow | Purpose::Resume | Purpose::Quiet | Purpose::Mark => true,
            Purpose::Post(_) => !posts_go_again,
            Purpose::Asked | Purpose::SignOut | Purpose::Piece => false,
        });
        self.events.extend(self.requests.has_uploads().then_some(ClientEvent::PiecesLost));
        self.follows.on_lost();
        self.ephemeral.on_lost();
        self.marks.on_lost(now);
    }
}

//! What a client tells the program above it. A closed list: one `match` shows all that can happen.

use super::cursors::Cursor;
use super::database::LocalError;
use super::outbox::{Place, PostOutcome};
use super::requests::Tag;
use crate::crypto::PublicKey;
use crate::message::{Event, Latest, LogId, Presence, Receipt, Refusal, Reply, Seq, Typing, Welcome};
use crate::transport::{CloseReason, Micros};

/// Something happened.
#[derive(Debug)]
pub enum ClientEvent {
    /// The server was never met and says this is its key, unproven. Nothing goes on until
    /// [`Client::trust_server_key`](super::Client::trust_server_key).
    ServerKey(PublicKey),
    /// Whoever answers at the server's address does not have the key that the server had. The client goes on trying the known
    /// key; the answer is not proven.
    ServerKeyChanged {
        /// The key that is known.
        known: PublicKey,
        /// The key that was told.
        told: PublicKey,
    },
    /// The server has proven its key and greeted.
    Online {
        /// Its key.
        key: PublicKey,
        /// Its greeting.
        welcome: Welcome,
    },
    /// The connection is lost or did not come about; the client tries again on its own.
    Offline {
        /// Why.
        reason: CloseReason,
        /// How long until the next try.
        retry_delay: Micros,
        /// How many tries failed in a row.
        failure_count: u32,
    },
    /// The answer to a request.
    Reply {
        /// Which request.
        tag: Tag,
        /// The answer.
        reply: Reply,
    },
    /// A message of the outbox has its outcome and has left the outbox.
    Posted {
        /// Which message.
        place: Place,
        /// Whether this client put it in.
        own: bool,
        /// What became of it.
        outcome: PostOutcome,
    },
    /// The server takes no messages for now; they stay in the outbox, and the client tries again on its own.
    PostsHalted(Refusal),
    /// The next event of a followed log, in its place in the chain.
    Event(Box<Followed>),
    /// The user may not read the events of a followed log up to this position.
    Hidden {
        /// The log.
        log: LogId,
        /// What the user calls it.
        room: String,
        /// The position behind the hidden stretch, and the chain's hash there.
        cursor: Cursor,
    },
    /// A follow has everything up to this position; what comes now is live.
    CaughtUp {
        /// The log.
        log: LogId,
        /// What the user calls it.
        room: String,
        /// The position.
        at: Seq,
    },
    /// The server does not have the follower's position with the follower's hash: it was restored from an older copy. The
    /// follow has ended.
    Forked {
        /// The log.
        log: LogId,
        /// What the user calls it.
        room: String,
        /// The position.
        at: Seq,
    },
    /// The server left events out of a followed log or put them in the wrong order. The follow has ended.
    Broken {
        /// The log.
        log: LogId,
        /// What the user calls it.
        room: String,
        /// The last position that was right.
        at: Seq,
    },
    /// The server ended a follow.
    Unfollowed {
        /// The log.
        log: LogId,
        /// What the user calls it.
        room: String,
        /// Why.
        refusal: Refusal,
    },
    /// Somebody is typing in a log in view; it is told again while it lasts.
    Typing {
        /// What the user calls the log.
        room: String,
        /// Where and who.
        typing: Typing,
    },
    /// The newest value of a key in a log in view.
    Latest {
        /// What the user calls the log.
        room: String,
        /// The value.
        latest: Latest,
    },
    /// Whether somebody is there who follows a log in view; told when it may have changed.
    Presence(Presence),
    /// More devices or users have a message whose receipts were asked for. On a new connection they must be asked for again.
    Receipt(Receipt),
    /// The connection has changed: pieces of files without an answer are lost, and files have to be offered again.
    PiecesLost,
    /// The server reads this client's requests more slowly for a while.
    Slowed,
    /// The device no longer belongs to its user.
    SignedOut(Refusal),
    /// The outbox cannot be read or written; what is in it stays, and the client tries again on its own.
    OutboxFailed(LocalError),
}

/// An event of a followed log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The log.
    pub log: LogId,
    /// What the user calls it: `#room` or `@user`; empty for the own log.
    pub room: String,
    /// The author's name, without `@`.
    pub author: String,
    /// The event.
    pub event: Event,
    /// The follower's position after this event.
    pub cursor: Cursor,
}

//! Everything a command can print, as values: one list that the lines for people and the lines for programs both follow.

use crate::client::PublicKey;
use crate::message::{Account, Event, LogId, Member, Membership, RequestId, RoomSummary, Seq, Stored};

/// One line of output.
#[derive(Debug, Clone)]
pub enum Line<'a> {
    /// An event of a log.
    Event {
        /// What the user calls the log; empty for the own log.
        room: &'a str,
        /// The author's name, without `@`.
        author: &'a str,
        /// The event.
        event: &'a Event,
    },
    /// A stretch of a log that the user may not read, up to this position.
    Gap {
        /// What the user calls the log.
        room: &'a str,
        /// The log.
        log: LogId,
        /// The last position of the stretch.
        to: Seq,
    },
    /// A message that was sent.
    Sent {
        /// Where it is stored.
        stored: &'a Stored,
        /// Its id.
        id: RequestId,
    },
    /// A command that stored an event in a room.
    Did {
        /// What it did.
        deed: Deed,
        /// Where that is stored.
        stored: &'a Stored,
    },
    /// A public room.
    Room(&'a RoomSummary),
    /// A log the user is a member of.
    Membership(&'a Membership),
    /// A member of a room.
    Member {
        /// What the user calls the room.
        room: &'a str,
        /// The member.
        member: &'a Member,
    },
    /// The user and the device.
    Account {
        /// Who.
        account: &'a Account,
        /// `HOST:PORT`.
        server: &'a str,
        /// The server's proven key.
        key: Option<PublicKey>,
    },
    /// The password was changed.
    PasswordChanged,
    /// The device no longer belongs to the user.
    SignedOut,
    /// The connection's state changed.
    State(LinkState<'a>),
}

/// What a command did to a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Made it.
    Created,
    /// Became a member.
    Joined,
    /// Ended the membership.
    Left,
}

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState<'a> {
    /// It stands.
    Online,
    /// It is lost, for this reason.
    Offline(&'a str),
    /// Everything of this log up to the position is here; what comes now is live.
    CaughtUp(&'a str, Seq),
}

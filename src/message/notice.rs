//! What the server tells unasked. Numbers and layouts: protocol.md, "Notices".

use super::account::{Account, Registration};
use super::codec::messages;
use super::ephemeral::{Latest, Presence, Typing};
use super::id::{LogId, Seq};
use super::posting::Receipt;
use super::reading::Told;
use super::refusal::Refusal;
use serde::{Deserialize, Serialize};

messages! {
    /// Something the server tells without being asked. A client ignores types that it does not know.
    untagged Notice {
        /// The first message of every connection: who the server takes the connection's device for.
        0x8000 Welcome(Welcome),
        /// The next event of a followed log.
        0x8001 Event(Told),
        /// The follower may not read the events up to this position; the chain goes on from this hash.
        0x8002 Hidden(Hidden),
        /// The log does not have the follower's position with the follower's hash: it was restored from an older copy. The
        /// follow has ended.
        0x8003 Forked((LogId, Seq)),
        /// The follower has everything up to this position; what comes now is live.
        0x8004 CaughtUp((LogId, Seq)),
        /// The server ended a follow, and why.
        0x8005 Unfollowed((LogId, Refusal)),
        /// The session sends faster than its allowance; the server reads on when there is room.
        0x8006 Slowed,
        /// The device no longer belongs to its user; the connection closes.
        0x8007 SignedOut(Refusal),
        /// Whether somebody is there who follows a log that is in view.
        0x8010 Presence(Presence),
        /// The newest value of a key in a log that is in view; comes on the latest-value lane and on the chat stream.
        0x8011 Latest(Latest),
        /// Somebody is typing in a log that is in view; comes on the latest-value lane.
        0x8012 Typing(Typing),
        /// More devices or users have a message than was told before.
        0x8020 Receipt(Receipt),
    }
}

/// The server's greeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The server program and its version, for people.
    pub server: String,
    /// The user and device, if the device is bound to a user.
    pub account: Option<Account>,
    /// Why not, if it was bound and is no longer.
    pub refusal: Option<Refusal>,
    /// Whether the server takes guests.
    pub guests: bool,
    /// Who may register.
    pub registration: Registration,
    /// The server's clock, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
}

/// A stretch of a log that the follower may not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// The log.
    pub log: LogId,
    /// The last hidden position.
    pub to: Seq,
    /// The chain's hash at that position.
    pub hash: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_reads_back() {
        for notice in [
            Notice::Slowed,
            Notice::Event(Told { author: "bob".into(), event: vec![1, 2, 3] }),
            Notice::Hidden(Hidden { log: LogId(7), to: Seq(9), hash: [5; 32] }),
        ] {
            assert_eq!(Notice::decode(&notice.encode()), Ok(notice));
        }
    }
}

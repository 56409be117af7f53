//! Whose fault it was: why a packet was dropped, why a send was refused, why a connection ended.

use std::fmt;
use thiserror::Error;

/// Why a connection was closed, as a number on the wire (protocol.md, "Close codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// Nothing was wrong; the closer is done.
    Done,
    /// The peer broke a rule of the protocol.
    Protocol,
    /// A packet held bytes that are no frames.
    Frame,
    /// The peer exceeded a limit it knew.
    Limit,
    /// The closer failed.
    Internal,
    /// The server restarts; come back.
    Restarting,
    /// The device's key may no longer be used.
    Revoked,
    /// Nothing was heard for too long. Local only: nobody is there to be told.
    Idle,
    /// A code that this version does not know.
    Other(u16),
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub const fn to_u16(self) -> u16 {
        match self {
            Self::Done => 0,
            Self::Protocol => 1,
            Self::Frame => 2,
            Self::Limit => 3,
            Self::Internal => 4,
            Self::Restarting => 5,
            Self::Revoked => 6,
            Self::Idle => 7,
            Self::Other(code) => code,
        }
    }

    /// The code with this number.
    #[must_use]
    pub const fn from_u16(code: u16) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::Protocol,
            2 => Self::Frame,
            3 => Self::Limit,
            4 => Self::Internal,
            5 => Self::Restarting,
            6 => Self::Revoked,
            7 => Self::Idle,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Protocol => f.write_str("protocol broken"),
            Self::Frame => f.write_str("unreadable frame"),
            Self::Limit => f.write_str("limit exceeded"),
            Self::Internal => f.write_str("internal failure"),
            Self::Restarting => f.write_str("restarting"),
            Self::Revoked => f.write_str("device revoked"),
            Self::Idle => f.write_str("idle"),
            Self::Other(code) => write!(f, "code {code}"),
        }
    }
}

/// How a connection ended, as its owner learns it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The peer closed.
    #[error("closed by the peer: {code} {reason}")]
    Peer {
        /// Its code.
        code: CloseCode,
        /// Its words, at most 64 bytes, not to be trusted.
        reason: String,
    },
    /// This end closed, on its owner's word or because the peer broke a rule.
    #[error("closed here: {code}")]
    Local {
        /// The code that was sent.
        code: CloseCode,
    },
    /// Nothing authentic was heard for the idle timeout.
    #[error("nothing was heard for too long")]
    IdleTimeout,
    /// No connection came about.
    #[error("no answer")]
    HandshakeTimeout,
    /// The peer has lost its state (a restart) and said so with the connection's reset token.
    #[error("the peer does not know the connection any more")]
    Reset,
    /// The peer speaks other versions only.
    #[error("the peer speaks other versions of the protocol: {supported:?}")]
    VersionMismatch {
        /// The versions it named.
        supported: Vec<u8>,
    },
}

/// Why a message was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The send queue is full; `Writable` follows when half of it is free.
    #[error("the send queue is full")]
    Blocked,
    /// The message is longer than [`MESSAGE_LEN_MAX`](super::MESSAGE_LEN_MAX) bytes.
    #[error("the message is too long")]
    TooLong,
    /// The connection is closing or closed.
    #[error("the connection is closed")]
    Closed,
}

/// Why a packet had no effect. Whoever handed it in counts it and goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PacketError {
    /// Too short for a header and a seal.
    #[error("too short")]
    Short,
    /// The seal does not verify: forged, damaged, or made with other keys.
    #[error("the seal does not verify")]
    Forged,
    /// Opened before, or too old to tell.
    #[error("seen before")]
    Replayed,
    /// Authentic, but its bytes cannot be held now; as if lost.
    #[error("no room")]
    NoRoom,
    /// Authentic, but all connections together hold too many bytes beyond holes; as if lost.
    #[error("too much waits to be put in order")]
    Crowded,
    /// The connection has ended.
    #[error("the connection has ended")]
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_reads_back() {
        for code in 0..=u16::MAX {
            assert_eq!(CloseCode::from_u16(code).to_u16(), code);
        }
    }
}

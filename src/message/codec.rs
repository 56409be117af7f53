//! Messages ↔ bytes: a u16 type, for requests and replies a u32 tag, then the body through bincode.
//!
//! The type stands before the body, so that a receiver can answer what it does not know instead of breaking off; the tag
//! joins a reply to its request. bincode runs with a byte limit and refuses leftover bytes. It is met in this file only, so
//! that replacing it is work in this file only.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest message body, in bytes: the transport's cap on a message less type and tag.
pub const BODY_LEN_MAX: usize = 65_536 - 6;

/// Why bytes are no message. The sender is authenticated by now, so this is the peer's fault, never chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Shorter than type and tag.
    #[error("the message is cut off")]
    Truncated,
    /// A type that this version does not know; a request of it is answered `unsupported`, a notice ignored.
    #[error("unknown message type {kind:#06x}")]
    UnknownType {
        /// The type on the wire.
        kind: u16,
        /// The request's tag; 0 for a notice.
        tag: u32,
    },
    /// The body does not read as its type says, or bytes are left over.
    #[error("the body of message type {kind:#06x} is malformed")]
    Malformed {
        /// The type on the wire.
        kind: u16,
        /// The request's tag; 0 for a notice.
        tag: u32,
    },
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_big_endian().with_limit::<BODY_LEN_MAX>()
}

/// Appends `body`.
///
/// # Panics
/// If the body is longer than [`BODY_LEN_MAX`]: our own bodies are bounded by the types they are made of.
pub(super) fn put_body<T: Serialize>(out: &mut Vec<u8>, body: &T) {
    let start = out.len();
    let written = bincode::serde::encode_into_std_write(body, out, config());
    assert!(written.is_ok() && out.len().saturating_sub(start) <= BODY_LEN_MAX, "a message body fits its limit");
}

/// Reads a whole body; `None` if it is malformed or bytes are left over.
pub(super) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (value, used) = bincode::serde::decode_from_slice(bytes, config()).ok()?;
    (used == bytes.len()).then_some(value)
}

/// Reads a whole body whose parts stay where they are; `None` as for [`body`].
pub(super) fn borrowed_body<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (value, used) = bincode::serde::borrow_decode_from_slice(bytes, config()).ok()?;
    (used == bytes.len()).then_some(value)
}

/// Splits a message into its type and the rest.
pub(super) fn split_type(bytes: &[u8]) -> Result<(u16, &[u8]), MessageError> {
    let (kind, rest) = bytes.split_first_chunk::<2>().ok_or(MessageError::Truncated)?;
    Ok((u16::from_be_bytes(*kind), rest))
}

/// Splits a request or reply into its type, its tag and its body.
pub(super) fn split_tagged(bytes: &[u8]) -> Result<(u16, u32, &[u8]), MessageError> {
    let (kind, rest) = split_type(bytes)?;
    let (tag, body) = rest.split_first_chunk::<4>().ok_or(MessageError::Truncated)?;
    Ok((kind, u32::from_be_bytes(*tag), body))
}

/// Makes a closed enum of message bodies, each with its number on the wire.
///
/// `tagged` messages carry a u32 tag after their type (requests and replies), `untagged` ones do not (notices).
macro_rules! messages {
    ($(#[doc = $doc:literal])* tagged $enum:ident { $($(#[doc = $vdoc:literal])* $kind:literal $variant:ident $(($body:ty))?,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $enum { $($(#[doc = $vdoc])* $variant $(($body))?,)* }

        impl $enum {
            /// Every type of this enum with its number on the wire.
            pub const TYPES: &[(&str, u16)] = &[$((stringify!($variant), $kind),)*];

            /// The whole message under `tag`.
            #[must_use]
            pub fn encode(&self, tag: u32) -> Vec<u8> {
                let mut out = Vec::new();
                match self {
                    $(messages!(@pattern content $variant $($body)?) => {
                        out.extend_from_slice(&u16::to_be_bytes($kind));
                        out.extend_from_slice(&u32::to_be_bytes(tag));
                        messages!(@write out content $($body)?);
                    })*
                }
                out
            }

            /// Reads a whole message: its tag and what it says.
            ///
            /// # Errors
            /// [`$crate::message::MessageError`]: cut off, of unknown type, or malformed.
            pub fn decode(bytes: &[u8]) -> Result<(u32, Self), $crate::message::MessageError> {
                let (kind, tag, body) = $crate::message::codec::split_tagged(bytes)?;
                match kind {
                    $($kind => messages!(@read body $variant $($body)?).map(|message| (tag, message)),)*
                    _ => return Err($crate::message::MessageError::UnknownType { kind, tag }),
                }
                .ok_or($crate::message::MessageError::Malformed { kind, tag })
            }
        }
    };
    ($(#[doc = $doc:literal])* untagged $enum:ident { $($(#[doc = $vdoc:literal])* $kind:literal $variant:ident $(($body:ty))?,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $enum { $($(#[doc = $vdoc])* $variant $(($body))?,)* }

        impl $enum {
            /// Every type of this enum with its number on the wire.
            pub const TYPES: &[(&str, u16)] = &[$((stringify!($variant), $kind),)*];

            /// The whole message.
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                let mut out = Vec::new();
                match self {
                    $(messages!(@pattern content $variant $($body)?) => {
                        out.extend_from_slice(&u16::to_be_bytes($kind));
                        messages!(@write out content $($body)?);
                    })*
                }
                out
            }

            /// Reads a whole message.
            ///
            /// # Errors
            /// [`$crate::message::MessageError`]: cut off, of unknown type, or malformed.
            pub fn decode(bytes: &[u8]) -> Result<Self, $crate::message::MessageError> {
                let (kind, body) = $crate::message::codec::split_type(bytes)?;
                match kind {
                    $($kind => messages!(@read body $variant $($body)?),)*
                    _ => return Err($crate::message::MessageError::UnknownType { kind, tag: 0 }),
                }
                .ok_or($crate::message::MessageError::Malformed { kind, tag: 0 })
            }
        }
    };
    (@pattern $content:ident $variant:ident) => { Self::$variant };
    (@pattern $content:ident $variant:ident $body:ty) => { Self::$variant($content) };
    (@write $out:ident $content:ident) => {};
    (@write $out:ident $content:ident $body:ty) => { $crate::message::codec::put_body(&mut $out, $content) };
    (@read $bytes:ident $variant:ident) => { $bytes.is_empty().then_some(Self::$variant) };
    (@read $bytes:ident $variant:ident $body:ty) => { $crate::message::codec::body::<$body>($bytes).map(Self::$variant) };
}
pub(super) use messages;

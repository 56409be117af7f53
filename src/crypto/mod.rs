//! Keys and nothing else: sealing packets, remembering which were opened, proving who is who.
//!
//! This floor knows no packets' meaning, no people, no sockets. Randomness is handed in.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic, clippy::expect_used)
)]

mod connection_id;
mod cookie;
mod dice;
mod handshake;
mod identity;
mod key_file;
mod noise_suite;
mod packet_key;
mod replay;
mod server_secrets;

pub use connection_id::{ConnectionName, SLOT_COUNT_MAX};
pub use cookie::{COOKIE_KEY_SECS, COOKIE_LIFE_SECS, CookieKey, mac1, retry_mac, same_mac};
pub use dice::Dice;
pub use handshake::{Initiator, MESSAGE_1_LEN, MESSAGE_2_OVERHEAD, PAYLOAD_LEN_MAX, Response, SUITE, respond};
pub use identity::{KEY_LEN, PublicKey, PublicKeyError, SecretKey};
pub use key_file::KeyFileError;
pub use packet_key::{OpenError, OpenKey, PacketKeys, SEAL_TAG_LEN, SealKey};
pub use replay::{Freshness, REPLAY_WINDOW, ReplayWindow};
pub use server_secrets::ServerSecrets;

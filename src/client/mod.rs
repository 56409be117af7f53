//! One person's end: who they are on which server, what they have written and read, and a [`Client`] that keeps it going.
//!
//! [`Client`] is a state machine without a socket or a clock; [`EventLoop`] drives it over a real socket. What must survive a
//! crash is in the profile's files: the device key, the outbox, the cursors.

mod backoff;
#[expect(clippy::module_inception, reason = "the floor's front door is the client itself")]
mod client;
#[cfg(test)]
mod client_tests;
mod config;
mod connecting;
mod cursors;
mod database;
mod download;
mod ephemeral;
mod event;
mod event_loop;
#[cfg(test)]
mod fake_server;
mod files;
mod follows;
mod known_servers;
mod link;
pub mod load;
mod marks;
mod outbox;
mod profile;
mod quality;
mod renewal;
mod requests;
mod rooms;
mod sending;
mod silence;
mod suspicion;
mod upload;
mod url;

pub use client::Client;
pub use config::ClientConfig;
pub use cursors::{Cursor, Cursors};
pub use database::LocalError;
pub use download::{Download, StrangePiece};
pub use ephemeral::TYPING_LIFE;
pub use event::{ClientEvent, Followed};
pub use event_loop::{EventLoop, Turn, Waker};
pub use known_servers::{Known, KnownServers};
pub use outbox::{Draft, Outbox, Owner, Place, PostOutcome, Recipient, SenderLock};
pub use profile::{Home, Profile, ProfileError, ProfileName, SavedAccount};
pub use quality::LinkQuality;
pub use requests::Tag;
pub use rooms::{Rooms, RoomsNote};
pub use upload::{Upload, UploadState};
pub use url::{HostPort, PORT_DEFAULT, ServerUrl, UrlError};

// What the programs above see of the floors below.
pub use crate::chaos::Weather;
pub use crate::crypto::{Dice, PublicKey};
pub use crate::transport::{CloseReason, Config as TransportConfig, Micros, Stats, Time, Tracing};

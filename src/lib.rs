//! udpchat: self-hosted chat over encrypted, reliable UDP.
//!
//! The library holds everything that the two programs, `udpchat` and `udpchat-cli`, are made of. It is a house with floors;
//! each room uses the ones below it and never looks up:
//!
//! ```text
//!  4  cli                       commands, their output, the interactive lines
//!  3  server    client          the two programs as state machines; event_loop.rs meets socket, clock and threads
//!  2  chat      auth            the rules of who may do what · argon2id
//!  1  transport store           one reliable conversation over lossy datagrams · SQLite
//!     chaos                     a bad network to try out, between a program and its sockets
//!  0  wire  crypto  message     packets ↔ bytes · keys and sealing · requests, replies, notices, events
//!     socket  worker  logging   leaf rooms with a door to the outside; chaos spoils a network at will
//! ```
//!
//! Four ideas carry it. Everything that thinks is sans-IO: it is handed bytes, `now` and dice, and gives back bytes, events and
//! its next deadline, so that a whole world runs in one test thread from one seed. A room is a log, and reading it, live or
//! late, is always the same: what comes after my cursor. There is one writer, which orders, executes, commits and only then
//! tells. And a slow reader costs a cursor, not a queue.
//!
//! A message's way through the server, which is also a good order to read in: [`socket`] → [`wire`] →
//! [`transport::Endpoint`] → [`message::Request`] → [`server::Server`] → [`server::Ledger`] → [`chat::execute`] over
//! [`store`] → back to the [`server::Server`], which tells every follower.

#[macro_use]
mod planted;

pub mod auth;
pub mod chaos;
pub mod chat;
pub mod cli;
pub mod client;
pub mod crypto;
pub mod logging;
pub mod message;
pub mod server;
pub mod socket;
pub mod store;
pub mod transport;
pub mod wire;
pub mod worker;

#[cfg(feature = "planted-bugs")]
pub use planted::{Bug, sow};

//! What a client is made of.

use std::net::SocketAddr;

use super::outbox::{Outbox, SenderLock};
use crate::crypto::{PublicKey, SecretKey};
use crate::transport::Config;

/// Whom a client speaks to and as whom.
#[derive(Debug)]
pub struct ClientConfig {
    /// The transport's settings.
    pub transport: Config,
    /// The server's addresses, the best first; without any, the client is offline until it is told some.
    pub remotes: Vec<SocketAddr>,
    /// The key the server must have; without one it is asked for.
    pub server_key: Option<PublicKey>,
    /// This device's key.
    pub device: SecretKey,
    /// What waits to be sent.
    pub outbox: Outbox,
    /// The right to send it.
    pub sender_lock: SenderLock,
}

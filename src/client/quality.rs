//! How good the way to the server is: what the connection measured, and what the client went through to keep one.

use super::client::Client;
use super::database::LocalError;
use super::link::Link;
use crate::transport::{Micros, Stats, Time};

/// A look at the way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkQuality {
    /// What the connection in use measured and counted; `None` without one.
    pub stats: Option<Stats>,
    /// From the first packet of the present connection, or of the last one that was begun anew, to the server's greeting.
    pub connect_delay: Micros,
    /// Connections that were begun anew and greeted; fresh keys are no new one.
    pub connection_count: u64,
    /// How often the client spoke through another socket, because the network or the machine's address changed, or nothing
    /// came through any more.
    pub path_change_count: u64,
    /// Messages of this profile without an outcome.
    pub unsent_count: u64,
}

/// What the client notes for it.
#[derive(Debug, Default)]
pub(super) struct Quality {
    /// When the connection that is to come about was begun.
    begun_at: Option<Time>,
    connect_delay: Micros,
    connection_count: u64,
    path_change_count: u64,
}

impl Quality {
    /// A new connection is begun.
    pub(super) fn on_connecting(&mut self, now: Time) {
        self.begun_at = Some(now);
    }

    /// The server has greeted.
    pub(super) fn on_welcome(&mut self, now: Time) {
        if let Some(begun_at) = self.begun_at.take() {
            self.connect_delay = now - begun_at;
            self.connection_count = self.connection_count.saturating_add(1);
        }
    }

    /// The client speaks through another socket.
    pub(super) fn on_path_changed(&mut self) {
        self.path_change_count = self.path_change_count.saturating_add(1);
    }
}

impl Client {
    /// How good the way to the server is now.
    ///
    /// # Errors
    /// If the outbox cannot be read.
    pub fn link_quality(&mut self) -> Result<LinkQuality, LocalError> {
        let stats = match self.link {
            Link::Online { handle, .. } => self.endpoint.connection(handle).map(|mut connection| connection.stats()),
            _ => None,
        };
        let Quality { connect_delay, connection_count, path_change_count, .. } = self.quality;
        Ok(LinkQuality { stats, connect_delay, connection_count, path_change_count, unsent_count: self.unsent_count()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_connection_that_was_begun_anew_is_counted() {
        let mut quality = Quality::default();
        quality.on_connecting(Time::from_micros(1_000));
        // The first try failed.
        quality.on_connecting(Time::from_micros(5_000));
        quality.on_welcome(Time::from_micros(9_000));
        // Fresh keys.
        quality.on_welcome(Time::from_micros(99_000));
        assert_eq!((quality.connect_delay, quality.connection_count), (Micros::new(4_000), 1));
    }
}

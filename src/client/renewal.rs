//! When a connection has used its keys long enough, and the fresh one that is made beside it.
//!
//! The old connection serves until the server has greeted on the new one; then everything moves over at once: what was not
//! answered is asked again, and each log is followed from where it had come. So nothing is lost and nothing comes twice.

use super::client::Client;
use super::link::{Arrival, Link};
use super::suspicion::Suspicion;
use crate::crypto::{Dice, PublicKey, SecretKey};
use crate::transport::{CloseCode, Config, ConnectionHandle, Endpoint, Micros, StreamId, Time};

/// After a fresh connection did not come about, the next is tried so much later.
const RETRY_DELAY: Micros = Micros::from_secs(60);

/// Keys are used up to this part of their time less, so that not all clients of a restarted server renew at once.
const SPREAD_PART: u64 = 10;

/// Where the connection in use is in the life of its keys.
#[derive(Debug)]
pub(super) struct Renewal {
    due_at: Time,
    packet_count_max: u64,
    fresh: Option<ConnectionHandle>,
}

impl Renewal {
    /// For keys that are used from `now` on.
    pub(super) fn new(now: Time, config: &Config, dice: &mut Dice) -> Self {
        let lifetime = config.key_lifetime;
        let less = Micros::new(dice.below(lifetime.part(SPREAD_PART).as_micros().saturating_add(1)));
        Self { due_at: now + (lifetime - less), packet_count_max: config.key_packet_count_max, fresh: None }
    }

    /// When [`Renewal::begin_if_due`] is wanted next.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.fresh.is_none().then_some(self.due_at)
    }

    /// Whether `handle` is the fresh connection.
    pub(super) fn is_fresh(&self, handle: ConnectionHandle) -> bool {
        self.fresh == Some(handle)
    }

    /// Begins a fresh connection beside the one in use, if its keys have served long enough.
    pub(super) fn begin_if_due(
        &mut self,
        now: Time,
        endpoint: &mut Endpoint,
        used: ConnectionHandle,
        device: &SecretKey,
        server: PublicKey,
    ) {
        if self.fresh.is_some() {
            return;
        }
        let Some((packet_count, remote)) = endpoint.connection(used).map(|mut connection| {
            let stats = connection.stats();
            // Each direction has a key of its own.
            (stats.next_packet_number.max(stats.counts.packets_received), connection.path().remote)
        }) else {
            return;
        };
        if now >= self.due_at || packet_count >= self.packet_count_max {
            tracing::debug!(%remote, "fresh keys");
            self.fresh = Some(endpoint.connect(now, remote, device, Some(server)));
        }
    }

    /// The fresh connection did not come about, or ended before it was used.
    pub(super) fn on_failed(&mut self, now: Time) {
        self.fresh = None;
        self.due_at = now + RETRY_DELAY;
        self.packet_count_max = self.packet_count_max.saturating_mul(2);
    }

    /// Gives the fresh connection up, if one is under way.
    pub(super) fn abandon(&mut self, now: Time, endpoint: &mut Endpoint) {
        if let Some(fresh) = self.fresh.take() {
            endpoint.close(now, fresh, CloseCode::Done, "");
        }
    }
}

impl Client {
    /// The server speaks on the connection with fresh keys, and the first thing it says is its greeting: everything moves
    /// over there, and the old connection ends.
    pub(super) fn take_over(&mut self, now: Time, fresh: ConnectionHandle) {
        let Link::Online { handle: old, key, renewal } = &mut self.link else { return };
        let (old, key) = (*old, *key);
        // Keys may have come of age while the server was doubted.
        if renewal.is_fresh(fresh) {
            self.suspicion.abandon(now, &mut self.endpoint);
        } else {
            self.suspicion = Suspicion::Calm;
            renewal.abandon(now, &mut self.endpoint);
        }
        // What the old connection has brought so far counts.
        self.read(now, old, StreamId::Chat);
        self.let_go(now);
        self.on_connected(now, fresh, key, Arrival::FreshKeys);
        self.endpoint.close(now, old, CloseCode::Done, "");
        self.read(now, fresh, StreamId::Chat);
    }
}

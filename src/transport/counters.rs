//! What an endpoint counts, for the operator and for tests: traffic, handshakes, and every reason to drop a datagram.

use super::stats::Counts;

/// Totals since the endpoint was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Datagrams handed in.
    pub datagrams_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Datagrams handed out.
    pub datagrams_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Packets that opened: something authentic was heard.
    pub packets_opened: u64,
    /// INITs that made a half-open connection.
    pub handshakes_begun: u64,
    /// Half-open connections that a first data packet confirmed; on a client, RESPs that opened.
    pub handshakes_completed: u64,
    /// Half-open connections that nobody confirmed in time.
    pub handshakes_expired: u64,
    /// HELLOs that were answered.
    pub hellos_answered: u64,
    /// INITs that were answered with a RETRY.
    pub retries_sent: u64,
    /// Openings of another version that were told ours.
    pub versions_sent: u64,
    /// Stateless resets sent for connections that are no more.
    pub resets_sent: u64,
    /// Stateless resets that ended a connection here.
    pub resets_received: u64,
    /// Dropped: no packet of this protocol, or damaged.
    pub dropped_malformed: u64,
    /// Dropped: a kind of packet that this end never takes.
    pub dropped_unexpected: u64,
    /// Dropped: a connection ID that was never made here, or whose reset is over the limit.
    pub dropped_unknown: u64,
    /// Dropped: the seal, the `mac1` or the Noise message does not verify.
    pub dropped_forged: u64,
    /// Dropped: a packet number that was opened before.
    pub dropped_replayed: u64,
    /// Dropped: authentic, but its bytes could not be held.
    pub dropped_no_room: u64,
    /// Dropped: authentic, but more waited to be put in order over all connections than may.
    pub dropped_crowded: u64,
    /// Dropped: more openings a second than the limits allow.
    pub dropped_limit: u64,
    /// Dropped: openings that the half-open table had no place for.
    pub dropped_half_open: u64,
    /// Dropped: openings for which there were too many connections.
    pub dropped_connections: u64,
    /// Dropped: stateless answers that nobody sent in time.
    pub dropped_answers: u64,
    /// Connections closed because their device opened too many others.
    pub device_limit_closes: u64,
    /// What all connections together counted, those that are gone included.
    pub connections: Counts,
}

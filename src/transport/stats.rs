//! What a connection counted and measured, for people who look at it.

use super::time::Micros;

/// A snapshot of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// What was counted since the connection began.
    pub counts: Counts,
    /// Smoothed round-trip time.
    pub rtt: Micros,
    /// Smoothed deviation of the round-trip time.
    pub rtt_var: Micros,
    /// Smallest round-trip time on this path.
    pub rtt_min: Micros,
    /// Congestion window, in bytes.
    pub congestion_window_len: u64,
    /// The longest datagram that is sent, in bytes.
    pub datagram_len: u16,
    /// Bytes sent, not acknowledged and not given up.
    pub in_flight_len: u64,
    /// Bytes queued or unacknowledged on all streams.
    pub unacked_len: u64,
    /// The next packet number: how much of the key's life is used.
    pub next_packet_number: u64,
    /// Lost packets of a thousand, lately, in the direction that loses more.
    pub loss_per_mille: u16,
    /// How often each line of chat is sent now; 1: no copies.
    pub copies: u8,
}

/// Counters of one connection; they only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Packets sent.
    pub packets_sent: u64,
    /// Bytes of those packets, without UDP and IP headers.
    pub bytes_sent: u64,
    /// Packets opened.
    pub packets_received: u64,
    /// Bytes of those packets.
    pub bytes_received: u64,
    /// Packets that do nothing but acknowledge.
    pub ack_only_sent: u64,
    /// Packets declared lost.
    pub packets_lost: u64,
    /// Probes sent because no acknowledgement came in time.
    pub probes_sent: u64,
    /// Stream bytes sent again because they were lost or not acknowledged in time.
    pub bytes_resent: u64,
    /// Copies of lines sent before anybody knew whether they were needed.
    pub copies_sent: u64,
    /// Bytes that those copies took, packets that went out only for them included.
    pub redundant_bytes_sent: u64,
    /// Packets declared lost that arrived after all.
    pub losses_spurious: u64,
    /// Packets refused: forged, replayed or without room.
    pub packets_refused: u64,
    /// Latest values sent.
    pub latest_sent: u64,
    /// Latest values that waited to be sent and made room for others.
    pub latest_dropped: u64,
    /// Latest values that came after newer ones and were not told.
    pub latest_late: u64,
    /// Times the peer's address changed.
    pub path_moves: u64,
    /// Caps that were reached.
    pub caps: Caps,
}

/// How often a cap of a connection was reached: by none that is honest, whatever the network loses (protocol.md, "Caps").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps {
    /// Runs of received packet numbers forgotten, because there were too many to remember.
    pub runs_forgotten: u64,
    /// Packets in flight given up, because too many were sent since.
    pub packets_evicted: u64,
    /// Lines not copied, because too many waited for a copy.
    pub copies_left_out: u64,
    /// Moves not followed, because too many before were not proven.
    pub moves_refused: u64,
    /// Turns in which nothing was sent, because the peer's address is not proven and has had its share.
    pub sends_held: u64,
    /// Closed with LIMIT: bytes beyond the credit, a message too long, a device with too many connections.
    pub limit_closes: u64,
}

impl Caps {
    fn add(&mut self, other: &Self) {
        let Self { runs_forgotten, packets_evicted, copies_left_out, moves_refused, sends_held, limit_closes } = other;
        let pairs = [
            (&mut self.runs_forgotten, runs_forgotten),
            (&mut self.packets_evicted, packets_evicted),
            (&mut self.copies_left_out, copies_left_out),
            (&mut self.moves_refused, moves_refused),
            (&mut self.sends_held, sends_held),
            (&mut self.limit_closes, limit_closes),
        ];
        for (sum, count) in pairs {
            *sum = sum.saturating_add(*count);
        }
    }
}

/// Counts one more.
pub(super) const fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl Counts {
    /// Adds what another connection counted.
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            packets_sent,
            bytes_sent,
            packets_received,
            bytes_received,
            ack_only_sent,
            packets_lost,
            probes_sent,
            bytes_resent,
            copies_sent,
            redundant_bytes_sent,
            losses_spurious,
            packets_refused,
            latest_sent,
            latest_dropped,
            latest_late,
            path_moves,
            caps,
        } = other;
        self.caps.add(caps);
        let pairs = [
            (&mut self.packets_sent, packets_sent),
            (&mut self.bytes_sent, bytes_sent),
            (&mut self.packets_received, packets_received),
            (&mut self.bytes_received, bytes_received),
            (&mut self.ack_only_sent, ack_only_sent),
            (&mut self.packets_lost, packets_lost),
            (&mut self.probes_sent, probes_sent),
            (&mut self.bytes_resent, bytes_resent),
            (&mut self.copies_sent, copies_sent),
            (&mut self.redundant_bytes_sent, redundant_bytes_sent),
            (&mut self.losses_spurious, losses_spurious),
            (&mut self.packets_refused, packets_refused),
            (&mut self.latest_sent, latest_sent),
            (&mut self.latest_dropped, latest_dropped),
            (&mut self.latest_late, latest_late),
            (&mut self.path_moves, path_moves),
        ];
        for (sum, count) in pairs {
            *sum = sum.saturating_add(*count);
        }
    }
}

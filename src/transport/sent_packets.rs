//! What was sent and is still of interest: a ring of packets by number, each with a note of what it carried.
//!
//! A retransmission is new frames in a new packet, so a packet keeps no bytes, only which bytes and which news were in it.

use super::range_set::Span;
use super::streams::StreamSet;
use super::time::{Micros, Time};
use crate::wire::StreamId;
use std::collections::VecDeque;

/// How many packets are remembered. When one more is sent the oldest counts as lost. 2,048 full datagrams fill a path of
/// 100 Mbit/s and 50 ms, together with the lost ones that may still turn up.
pub(super) const SENT_PACKETS_MAX: usize = 2_048;

/// How long a packet that nobody needs any more is remembered, to learn whether it arrived: often nothing is sent for a second
/// that would bring an acknowledgement.
const SPARE_PATIENCE: Micros = Micros::from_secs(2);

/// How many DATA frames a packet of ours carries at most.
pub(super) const CHUNKS_MAX: usize = 4;

/// A ring with room for more than this is given back once it is empty, so that an idle connection is small.
const IDLE_CAPACITY: usize = 4;

/// Stream bytes in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub stream: StreamId,
    pub len: u16,
    pub offset: u64,
}

impl Chunk {
    /// The offsets it covers.
    pub fn span(self) -> Span {
        Span { start: self.offset, end: self.offset.saturating_add(u64::from(self.len)) }
    }
}

/// News other than stream bytes, to be told again if the packet is lost and they still hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct News {
    /// CREDIT by stream.
    pub credit: StreamSet,
    /// BLOCKED by stream.
    pub blocked: StreamSet,
    /// `PATH_CHALLENGE`.
    pub challenge: bool,
}

/// Everything in a packet that its acknowledgement or loss concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Carried {
    /// One above the largest number that its ACK frame named; 0 without one.
    pub acked_below: u64,
    chunks: [Option<Chunk>; CHUNKS_MAX],
    pub news: News,
    /// Whether the peer has to acknowledge it. Only such packets count as in flight.
    pub eliciting: bool,
    /// Whether latest values were in it, which are not sent again.
    pub latest: bool,
    /// Whether it asked for that at once.
    pub ack_now: bool,
}

impl Carried {
    /// A packet that asks for an acknowledgement and carries nothing else of interest.
    #[cfg(test)]
    pub fn asking() -> Self {
        Self { eliciting: true, ..Self::default() }
    }

    /// Notes stream bytes. Returns whether there was room for the note.
    pub fn add(&mut self, chunk: Chunk) -> bool {
        self.eliciting = true;
        let free = self.chunks.iter_mut().find(|place| place.is_none());
        free.map(|place| *place = Some(chunk)).is_some()
    }

    /// Whether nothing of what was in it would be sent again.
    pub fn is_passing(&self) -> bool {
        self.latest && self.news == News::default() && self.chunks().next().is_none()
    }

    /// Whether another chunk can be noted.
    pub fn has_room(&self) -> bool {
        self.chunks.iter().any(Option::is_none)
    }

    /// The stream bytes.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> {
        self.chunks.into_iter().flatten()
    }
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// On its way, as far as is known.
    InFlight,
    /// Given up, but an acknowledgement may still come.
    Lost,
    /// Not acknowledged in time, but nothing that was in it is missing any more.
    Spare,
    /// Its number was left out on purpose (`skips.rs`).
    Skipped,
    /// Acknowledged, or of no interest any more.
    Settled,
}

/// A packet that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SentPacket {
    pub sent_at: Time,
    pub len: u16,
    pub fate: Fate,
    pub carried: Carried,
}

/// The ring. Numbers are consecutive, so a packet is found by subtraction.
#[derive(Debug, Default)]
pub(super) struct SentPackets {
    /// The number of the ring's first packet.
    first: u64,
    ring: VecDeque<SentPacket>,
    /// Ack-eliciting packets in flight.
    in_flight_count: usize,
}

impl SentPackets {
    /// Nothing sent, numbers from zero.
    pub const fn new() -> Self {
        Self { first: 0, ring: VecDeque::new(), in_flight_count: 0 }
    }

    /// The number that the next packet gets.
    pub fn next_number(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.ring.len()).unwrap_or(u64::MAX))
    }

    /// The smallest number still remembered.
    pub const fn first_number(&self) -> u64 {
        self.first
    }

    /// How many ack-eliciting packets are in flight.
    pub const fn in_flight_count(&self) -> usize {
        self.in_flight_count
    }

    /// Whether the ring can take packets with something new without giving an old one up.
    pub fn has_room(&self) -> bool {
        self.ring.len() < SENT_PACKETS_MAX
    }

    /// Notes the packet that took [`Self::next_number`]. Returns a packet that had to be given up for it.
    pub fn push(&mut self, sent_at: Time, len: u16, carried: Carried) -> Option<SentPacket> {
        let evicted = if self.has_room() { None } else { self.pop() };
        if carried.eliciting {
            self.in_flight_count = self.in_flight_count.saturating_add(1);
        }
        self.ring.push_back(SentPacket { sent_at, len, fate: Fate::InFlight, carried });
        evicted.filter(|packet| packet.fate == Fate::InFlight)
    }

    /// Leaves [`Self::next_number`] out.
    pub fn skip(&mut self, now: Time) {
        self.ring.push_back(SentPacket { sent_at: now, len: 0, fate: Fate::Skipped, carried: Carried::default() });
    }

    /// The packet with this number, if it is remembered.
    pub fn packet(&self, number: u64) -> Option<&SentPacket> {
        self.ring.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Marks a packet as acknowledged. Returns it as it was, unless it was settled before.
    pub fn acknowledge(&mut self, number: u64) -> Option<SentPacket> {
        self.turn(number, Fate::Settled)
    }

    /// The ack-eliciting packets in flight with their numbers, the oldest first.
    pub fn asking(&self) -> impl Iterator<Item = (u64, &SentPacket)> {
        let numbered = (self.first..).zip(&self.ring);
        numbered.filter(|(_, packet)| packet.fate == Fate::InFlight && packet.carried.eliciting)
    }

    /// Marks a packet in flight as lost and returns it.
    pub fn lose(&mut self, number: u64) -> Option<SentPacket> {
        self.packet(number).filter(|packet| packet.fate == Fate::InFlight)?;
        self.turn(number, Fate::Lost)
    }

    /// Takes a packet out of flight without calling it lost.
    pub fn spare(&mut self, number: u64) {
        if self.packet(number).is_some_and(|packet| packet.fate == Fate::InFlight) {
            self.turn(number, Fate::Spare);
        }
    }

    /// The packets in flight, the oldest first.
    pub fn in_flight(&self) -> impl Iterator<Item = &SentPacket> {
        self.ring.iter().filter(|packet| packet.fate == Fate::InFlight)
    }

    /// The oldest ack-eliciting packet in flight.
    pub fn oldest_in_flight(&self) -> Option<&SentPacket> {
        self.in_flight().find(|packet| packet.carried.eliciting)
    }

    /// Forgets settled packets from the old end, and those that were sent longer than `patience` ago and need no
    /// acknowledgement: lost ones, and ones that only acknowledged. A later acknowledgement of ours says all that they said.
    pub fn tidy(&mut self, now: Time, patience: Micros) {
        while let Some(oldest) = self.ring.front() {
            match oldest.fate {
                Fate::Settled => {}
                Fate::Spare if oldest.sent_at + SPARE_PATIENCE < now => {}
                Fate::Lost | Fate::Skipped if oldest.sent_at + patience < now => {}
                Fate::InFlight if !oldest.carried.eliciting && oldest.sent_at + patience < now => {}
                _ => break,
            }
            self.pop();
        }
        if self.ring.is_empty() && self.ring.capacity() > IDLE_CAPACITY {
            self.ring = VecDeque::new();
        }
    }

    /// Gives back the room of an empty ring, however little.
    pub fn release(&mut self) {
        if self.ring.is_empty() {
            self.ring = VecDeque::new();
        }
    }

    /// Forgets everything but the next number.
    pub fn clear(&mut self) {
        *self = Self { first: self.next_number(), ring: VecDeque::new(), in_flight_count: 0 };
    }

    fn turn(&mut self, number: u64, fate: Fate) -> Option<SentPacket> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let packet = self.ring.get_mut(place).filter(|packet| !matches!(packet.fate, Fate::Settled | Fate::Skipped))?;
        let before = *packet;
        packet.fate = fate;
        self.left_flight(&before);
        Some(before)
    }

    fn pop(&mut self) -> Option<SentPacket> {
        let packet = self.ring.pop_front()?;
        self.first = self.first.saturating_add(1);
        self.left_flight(&packet);
        Some(packet)
    }

    fn left_flight(&mut self, packet: &SentPacket) {
        if packet.fate == Fate::InFlight && packet.carried.eliciting {
            self.in_flight_count = self.in_flight_count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Micros = Micros::from_millis(100);

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    #[test]
    fn numbers_go_on_after_packets_were_settled_and_forgotten() {
        let mut sent = SentPackets::new();
        for _ in 0..3 {
            sent.push(at(0), 100, Carried::asking());
        }
        assert!(sent.acknowledge(0).is_some());
        assert!(sent.acknowledge(0).is_none(), "settled once");
        assert!(sent.acknowledge(2).is_some());
        sent.tidy(at(1), PATIENCE);
        assert_eq!((sent.first_number(), sent.next_number(), sent.in_flight_count()), (1, 3, 1));
        assert!(sent.acknowledge(0).is_none());
        assert!(sent.acknowledge(3).is_none(), "never sent");
    }

    #[test]
    fn a_lost_packet_can_still_be_acknowledged_for_a_while() {
        let mut sent = SentPackets::new();
        sent.push(at(0), 100, Carried::asking());
        sent.push(at(0), 100, Carried::asking());
        assert!(sent.lose(0).is_some());
        assert!(sent.lose(0).is_none(), "lost once");
        sent.tidy(at(99), PATIENCE);
        assert_eq!(sent.acknowledge(0).map(|packet| packet.fate), Some(Fate::Lost));
        assert!(sent.lose(1).is_some());
        sent.tidy(at(101), PATIENCE);
        assert!(sent.acknowledge(1).is_none());
        assert_eq!((sent.first_number(), sent.in_flight_count()), (2, 0));
    }

    #[test]
    fn packets_that_only_acknowledge_are_forgotten_with_time() {
        let mut sent = SentPackets::new();
        for second in 0..600 {
            sent.tidy(at(second * 1_000), PATIENCE);
            sent.push(at(second * 1_000), 50, Carried::default());
            assert_eq!(sent.ring.len(), 1);
        }
        assert!(sent.ring.capacity() <= IDLE_CAPACITY);
        sent.release();
        assert_eq!(sent.ring.len(), 1, "what may still be acknowledged stays");
        sent.tidy(at(601_000), PATIENCE);
        sent.release();
        assert_eq!(sent.ring.capacity(), 0);
        assert_eq!(sent.next_number(), 600);
    }

    #[test]
    fn a_full_ring_gives_its_oldest_packet_up() {
        let mut sent = SentPackets::new();
        for number in 0..SENT_PACKETS_MAX {
            assert!(sent.has_room());
            assert!(sent.push(at(number as u64), 100, Carried::asking()).is_none());
        }
        assert!(!sent.has_room());
        assert_eq!(sent.push(at(5_000), 100, Carried::asking()).map(|packet| packet.sent_at), Some(at(0)));
        assert_eq!(sent.in_flight_count(), SENT_PACKETS_MAX);
        assert_eq!(sent.first_number(), 1);
    }

    #[test]
    fn a_packet_notes_four_chunks_and_no_more() {
        let mut carried = Carried::default();
        for offset in 0..4 {
            assert!(carried.has_room());
            assert!(carried.add(Chunk { stream: StreamId::Chat, len: 1, offset }));
        }
        assert!(!carried.has_room());
        assert!(!carried.add(Chunk { stream: StreamId::Chat, len: 1, offset: 4 }));
        assert_eq!(carried.chunks().count(), 4);
    }

    #[test]
    fn a_number_that_was_left_out_is_never_acknowledged_nor_lost() {
        let mut sent = SentPackets::new();
        sent.push(at(0), 100, Carried::asking());
        sent.skip(at(0));
        sent.push(at(0), 100, Carried::asking());
        assert_eq!((sent.next_number(), sent.in_flight_count()), (3, 2));
        assert!(sent.acknowledge(1).is_none() && sent.lose(1).is_none());
        assert_eq!(sent.asking().map(|(number, _)| number).collect::<Vec<_>>(), [0, 2]);
        sent.acknowledge(0);
        sent.acknowledge(2);
        sent.tidy(at(101), PATIENCE);
        assert_eq!((sent.first_number(), sent.next_number()), (3, 3));
    }
}

//! How much may be in flight: `NewReno` with integers (RFC 9002 section 7).

use super::sent_packets::SentPacket;
use super::time::{Micros, Time};

/// The unit in which the window grows, in bytes: the smallest datagram size that is always tried.
const DATAGRAM_LEN: u64 = 1_200;

/// Ten datagrams (RFC 9002 section 7.2).
pub const WINDOW_LEN_INITIAL: u64 = 10 * DATAGRAM_LEN;

/// Two datagrams (RFC 9002 section 7.2).
pub const WINDOW_LEN_MIN: u64 = 2 * DATAGRAM_LEN;

/// More than the send queues can ever fill, so that the sum below stays far from the integer's end.
const WINDOW_LEN_MAX: u64 = 1 << 30;

/// After so long without sending, what the path carried says little of what it carries (RFC 7661).
const IDLE_RESTART: Micros = Micros::from_secs(1);

/// Losses of up to so many packets of a thousand, while the round trip stays short, are taken for a bad link and not for a
/// full one (protocol.md, "Recovery").
pub const NOISE_PER_MILLE: u16 = 20;

/// Without a queue the window grows by one part in so many per round trip, but by a datagram at least.
const GROWTH_PARTS: u64 = 32;

/// A window up to this grows even into a queue: it may be somebody else's.
const POLITE_LEN: u64 = 4 * WINDOW_LEN_INITIAL;

/// What is left of the window after a loss, in thousandths: what the path holds without its queue, within these bounds.
const KEPT_PER_MILLE_MIN: u64 = 500;
const KEPT_PER_MILLE_MAX: u64 = 800;

/// Whether the path has a queue now, which more bytes in flight would only make longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// None worth speaking of.
    Short,
    /// Lines of chat wait in it behind bulk.
    Standing,
}

/// What a loss says about the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LossCause {
    /// It carries no more. So many thousandths of the round trip are not spent in its queue.
    Full { clear_per_mille: u64 },
    /// It loses a few packets whatever it carries.
    Noise,
    /// For long nothing came through at all.
    Outage,
}

/// Congestion state of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Congestion {
    window_len: u64,
    /// Above this the window grows by a datagram per round trip, below it doubles.
    threshold_len: u64,
    in_flight_len: u64,
    /// Packets sent until then belong to a loss that was already answered.
    recovery_since: Option<Time>,
    /// Bytes acknowledged since the window last grew by a datagram.
    credit_len: u64,
    /// What the last answer to a loss took away, to be given back if it was for nothing: window and threshold.
    before: (u64, u64),
    /// Packets whose loss that answer was for and that have not arrived after all.
    answered_count: u32,
    sent_at: Time,
}

impl Congestion {
    /// A fresh path.
    pub const fn new() -> Self {
        Self {
            window_len: WINDOW_LEN_INITIAL,
            threshold_len: u64::MAX,
            in_flight_len: 0,
            recovery_since: None,
            credit_len: 0,
            before: (0, 0),
            answered_count: 0,
            sent_at: Time::from_micros(0),
        }
    }

    /// The window, in bytes.
    pub const fn window_len(&self) -> u64 {
        self.window_len
    }

    /// Bytes in flight.
    pub const fn in_flight_len(&self) -> u64 {
        self.in_flight_len
    }

    /// Whether the window doubles each round trip.
    pub const fn is_slow_start(&self) -> bool {
        self.window_len < self.threshold_len
    }

    /// Whether another packet may be sent. The last one may reach past the window, so that a line of chat never waits for
    /// the rest of a datagram's room.
    pub const fn has_room(&self) -> bool {
        self.in_flight_len < self.window_len
    }

    /// The same for chat, whose window is never smaller than what any path is offered at first: on a network that loses
    /// much without being full, lines that people type would otherwise queue behind a window of two datagrams.
    pub const fn has_room_for_chat(&self) -> bool {
        self.in_flight_len < self.window_len || self.in_flight_len < WINDOW_LEN_INITIAL
    }

    /// An ack-eliciting packet was sent.
    pub fn on_sent(&mut self, now: Time, len: u16) {
        if self.in_flight_len == 0 && now - self.sent_at > IDLE_RESTART && self.window_len > WINDOW_LEN_INITIAL {
            self.threshold_len = self.threshold_len.max(self.window_len.saturating_sub(self.window_len / 4));
            self.window_len = WINDOW_LEN_INITIAL;
        }
        self.sent_at = now;
        self.in_flight_len = self.in_flight_len.saturating_add(u64::from(len));
    }

    /// A packet of another path's time is in flight.
    pub fn on_inherited(&mut self, packet: &SentPacket) {
        self.sent_at = self.sent_at.max(packet.sent_at);
        self.in_flight_len = self.in_flight_len.saturating_add(u64::from(packet.len));
    }

    /// A packet left flight without telling anything about the path.
    pub const fn on_forgotten(&mut self, len: u16) {
        self.in_flight_len = self.in_flight_len.saturating_sub(len as u64);
    }

    /// Whether a loss of a packet sent then was answered already (RFC 9002 section 7.3.2).
    pub fn is_answered(&self, sent_at: Time) -> bool {
        self.recovery_since.is_some_and(|since| sent_at <= since)
    }

    /// A packet was acknowledged. `flight_len` is what was in flight before its ACK frame: a sender that does not use its
    /// window must not grow it (RFC 9002 section 7.8).
    pub fn on_acked(&mut self, sent_at: Time, len: u16, flight_len: u64, queue: Queue) {
        self.on_forgotten(len);
        if queue == Queue::Standing && self.window_len > POLITE_LEN {
            self.threshold_len = self.threshold_len.min(self.window_len);
            return;
        }
        if self.is_answered(sent_at) {
            return;
        }
        let len = u64::from(len);
        if self.is_slow_start() {
            if flight_len.saturating_mul(2) >= self.window_len {
                self.window_len = self.window_len.saturating_add(len).min(WINDOW_LEN_MAX);
            }
            return;
        }
        if flight_len.saturating_add(DATAGRAM_LEN.saturating_mul(3)) < self.window_len {
            return;
        }
        // As much must be acknowledged as lets it grow by a datagram: a window's worth, or less if the window is large.
        let needed = self.window_len.min(DATAGRAM_LEN.saturating_mul(GROWTH_PARTS));
        self.credit_len = self.credit_len.saturating_add(len);
        if self.credit_len >= needed {
            self.credit_len = self.credit_len.saturating_sub(needed);
            self.window_len = self.window_len.saturating_add(DATAGRAM_LEN).min(WINDOW_LEN_MAX);
        }
    }

    /// So many packets were lost, the newest of them sent at `newest_sent_at`; their bytes were already taken out of flight.
    /// One answer per round trip (RFC 9002 section 7.3.2).
    pub fn on_lost(&mut self, now: Time, count: u32, newest_sent_at: Time, cause: LossCause) {
        if self.is_answered(newest_sent_at) {
            self.answered_count = self.answered_count.saturating_add(count);
        } else if cause != LossCause::Noise {
            let kept = match cause {
                LossCause::Full { clear_per_mille } => clear_per_mille.clamp(KEPT_PER_MILLE_MIN, KEPT_PER_MILLE_MAX),
                LossCause::Noise | LossCause::Outage => KEPT_PER_MILLE_MIN,
            };
            self.before = (self.window_len, self.threshold_len);
            self.answered_count = count;
            self.recovery_since = Some(now);
            self.window_len = (self.window_len.saturating_mul(kept) / 1_000).max(WINDOW_LEN_MIN);
            self.threshold_len = self.window_len;
            self.credit_len = 0;
        }
        if cause == LossCause::Outage {
            // RFC 9002 section 7.6.2: nothing came through for long, so nothing is known about the path any more.
            self.window_len = WINDOW_LEN_MIN;
            self.recovery_since = None;
        }
    }

    /// A packet that was given up arrived after all. If that was true of all that the last answer was for, it is undone.
    pub fn on_spurious(&mut self, sent_at: Time) {
        if !self.is_answered(sent_at) {
            return;
        }
        self.answered_count = self.answered_count.saturating_sub(1);
        if self.answered_count == 0 {
            let (window_len, threshold_len) = self.before;
            self.window_len = self.window_len.max(window_len);
            self.threshold_len = self.threshold_len.max(threshold_len);
            self.recovery_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: u16 = 1_200;

    const FULL: LossCause = LossCause::Full { clear_per_mille: 0 };

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    /// Fills the window at `sent_at` and has all of it acknowledged.
    fn round(congestion: &mut Congestion, sent_at: Time) {
        let mut count = 0;
        while congestion.has_room() {
            congestion.on_sent(at(0), LEN);
            count += 1;
        }
        for _ in 0..count {
            congestion.on_acked(sent_at, LEN, count * u64::from(LEN), Queue::Short);
        }
    }

    #[test]
    fn the_window_doubles_each_round_trip_until_a_loss() {
        let mut congestion = Congestion::new();
        assert_eq!(congestion.window_len(), 12_000);
        round(&mut congestion, at(0));
        assert_eq!(congestion.window_len(), 24_000);
        round(&mut congestion, at(50));
        assert_eq!(congestion.window_len(), 48_000);
        assert_eq!(congestion.in_flight_len(), 0);
    }

    #[test]
    fn a_loss_halves_once_per_round_trip_and_growth_is_a_datagram_then() {
        let mut congestion = Congestion::new();
        round(&mut congestion, at(0));
        congestion.on_lost(at(100), 1, at(60), FULL);
        assert_eq!(congestion.window_len(), 12_000);
        congestion.on_lost(at(101), 1, at(99), FULL);
        assert_eq!(congestion.window_len(), 12_000, "the same round trip");
        round(&mut congestion, at(90));
        assert_eq!(congestion.window_len(), 12_000, "sent before the recovery");
        round(&mut congestion, at(150));
        assert_eq!(congestion.window_len(), 13_200);
        congestion.on_lost(at(200), 1, at(160), FULL);
        assert_eq!(congestion.window_len(), 6_600);
    }

    #[test]
    fn the_window_never_falls_below_two_datagrams() {
        let mut congestion = Congestion::new();
        for n in 1..20 {
            congestion.on_lost(at(n * 100), 1, at(n * 100 - 1), FULL);
        }
        assert_eq!(congestion.window_len(), 2_400);
    }

    #[test]
    fn chat_always_finds_the_room_of_a_fresh_path() {
        let mut congestion = Congestion::new();
        for n in 1..20 {
            congestion.on_lost(at(n * 100), 1, at(n * 100 - 1), FULL);
        }
        let mut sent = 0;
        while congestion.has_room_for_chat() {
            congestion.on_sent(at(0), LEN);
            sent += 1;
        }
        assert_eq!(sent, 10);
        assert!(!congestion.has_room());
    }

    #[test]
    fn a_sender_that_does_not_use_its_window_does_not_grow_it() {
        let mut congestion = Congestion::new();
        for _ in 0..1_000 {
            congestion.on_sent(at(0), 100);
            congestion.on_acked(at(0), 100, 100, Queue::Short);
        }
        assert_eq!(congestion.window_len(), 12_000);
    }

    #[test]
    fn persistent_congestion_falls_to_the_least_and_starts_over() {
        let mut congestion = Congestion::new();
        round(&mut congestion, at(0));
        congestion.on_lost(at(9_000), 1, at(8_000), LossCause::Outage);
        assert_eq!(congestion.window_len(), 2_400);
        round(&mut congestion, at(9_100));
        assert_eq!(congestion.window_len(), 4_800);
    }

    #[test]
    fn noise_takes_nothing_away() {
        let mut congestion = Congestion::new();
        round(&mut congestion, at(0));
        for n in 1..20 {
            congestion.on_lost(at(n * 100), 1, at(n * 100 - 1), LossCause::Noise);
        }
        assert_eq!(congestion.window_len(), 24_000);
    }

    #[test]
    fn an_answer_that_was_for_nothing_is_undone() {
        let mut congestion = Congestion::new();
        round(&mut congestion, at(0));
        congestion.on_lost(at(100), 2, at(60), FULL);
        congestion.on_lost(at(101), 1, at(70), FULL);
        congestion.on_spurious(at(50));
        congestion.on_spurious(at(55));
        assert_eq!(congestion.window_len(), 12_000, "one was really lost, so far");
        congestion.on_spurious(at(150));
        assert_eq!(congestion.window_len(), 12_000, "that one was not answered");
        congestion.on_spurious(at(70));
        assert_eq!(congestion.window_len(), 24_000);
        assert!(congestion.is_slow_start());
    }

    #[test]
    fn after_a_pause_the_window_begins_as_on_a_fresh_path_and_comes_back_soon() {
        let mut congestion = Congestion::new();
        for n in 0..3 {
            round(&mut congestion, at(n * 50));
        }
        congestion.on_lost(at(200), 1, at(160), FULL);
        assert_eq!(congestion.window_len(), 48_000);
        congestion.on_sent(at(1_000), LEN);
        congestion.on_acked(at(1_000), LEN, 1_200, Queue::Short);
        assert_eq!(congestion.window_len(), 48_000, "no pause yet");
        congestion.on_sent(at(2_001), LEN);
        assert_eq!(congestion.window_len(), 12_000);
        assert!(congestion.is_slow_start());
        congestion.on_acked(at(2_001), LEN, 1_200, Queue::Short);
        for n in 0..3 {
            round(&mut congestion, at(2_100 + n * 50));
        }
        assert!(congestion.window_len() >= 48_000);
    }

    #[test]
    fn a_loss_takes_away_what_stood_in_the_queue() {
        for (clear_per_mille, left) in [(900, 38_400), (700, 33_600), (300, 24_000)] {
            let mut congestion = Congestion::new();
            for n in 0..2 {
                round(&mut congestion, at(n * 50));
            }
            congestion.on_lost(at(200), 1, at(160), LossCause::Full { clear_per_mille });
            assert_eq!(congestion.window_len(), left);
        }
    }

    #[test]
    fn a_large_window_does_not_grow_into_a_queue() {
        let mut congestion = Congestion::new();
        for n in 0..4 {
            round(&mut congestion, at(n * 50));
        }
        assert_eq!(congestion.window_len(), 192_000);
        congestion.on_acked(at(300), LEN, 192_000, Queue::Standing);
        assert_eq!(congestion.window_len(), 192_000);
        assert!(!congestion.is_slow_start(), "from here on it grows by a datagram per round trip");
        let mut small = Congestion::new();
        small.on_acked(at(0), LEN, 12_000, Queue::Standing);
        assert_eq!(small.window_len(), 13_200, "a small one does");
    }
}

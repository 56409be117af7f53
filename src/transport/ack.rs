//! What to acknowledge and when (RFC 9000 section 13.2).
//!
//! Acknowledgements are a server's main cost on a fast path, so they ride on data or wait a little, unless the peer asked,
//! something is missing, or two packets wait already.

use super::loss_rate::Verdict;
use super::range_set::{RangeSet, Span};
use super::time::{Micros, Time};
use crate::wire::put_ack;

/// The longest an acknowledgement is held back. Both ends know it, so the sender's probe timer can wait for it.
pub const ACK_DELAY_MAX: Micros = Micros::from_millis(25);

/// The most runs of received numbers that are remembered. Older ones are forgotten: their packets, if they still matter to
/// the peer, come again as new ones.
const RECEIVED_RUNS_MAX: usize = 64;

/// Ack-eliciting packets after which an acknowledgement is sent at once (RFC 9000 section 13.2.2).
pub const ACK_OWED_MAX: u8 = 2;

/// Every so many packets that only acknowledge, one asks to be acknowledged itself, so that old runs can be dropped.
pub const ACK_ONLY_PER_PING: u8 = 24;

/// A number that is missing counts as lost when one so much larger has come.
const JUDGED_AFTER: u64 = 4;

/// Of a longer row of missing numbers only the last so many count: it says that the network was away, not how it is.
const JUDGED_MAX: u64 = 64;

/// A timer may be so late.
const DELAY_SLACK: Micros = Micros::from_millis(5);

/// An ACK frame counts its delay in units of 8 µs.
pub const ACK_DELAY_UNIT_MICROS: u64 = 8;

/// When an acknowledgement is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Never,
    At(Time),
    Now,
}

/// The receiving side's memory of packet numbers.
#[derive(Debug)]
pub(super) struct AckState {
    received: RangeSet,
    largest: Option<u64>,
    largest_at: Time,
    /// Ack-eliciting packets that no ACK frame of ours has named yet.
    owed_count: u8,
    ack_only_count: u8,
    due: Due,
    /// Of every number below it is known whether it arrived or was lost.
    judged_below: u64,
}

impl AckState {
    /// Nothing received.
    pub const fn new() -> Self {
        Self {
            received: RangeSet::new(),
            largest: None,
            largest_at: Time::from_micros(0),
            owed_count: 0,
            ack_only_count: 0,
            due: Due::Never,
            judged_below: 0,
        }
    }

    /// A packet was taken in. `judge` hears of every packet of the peer's that by now has arrived or is lost. Returns whether
    /// an old run had to be forgotten for it.
    pub fn on_packet(&mut self, now: Time, number: u64, eliciting: bool, ack_now: bool, mut judge: impl FnMut(Verdict)) -> bool {
        let in_order = number == self.largest.map_or(0, |largest| largest.saturating_add(1));
        if self.largest.is_none_or(|largest| number > largest) {
            self.largest = Some(number);
            self.largest_at = now;
        }
        self.received.insert(Span { start: number, end: number.saturating_add(1) });
        let forgets = self.received.run_count() > RECEIVED_RUNS_MAX;
        if forgets {
            self.received.forget_first();
        }
        if number < self.judged_below {
            judge(Verdict::Late);
        } else {
            self.judge_below(self.largest.unwrap_or(number).saturating_sub(JUDGED_AFTER), judge);
        }
        if !eliciting {
            return forgets;
        }
        self.owed_count = self.owed_count.saturating_add(1);
        if ack_now || !in_order || self.owed_count >= ACK_OWED_MAX {
            self.due = Due::Now;
        } else if self.due == Due::Never {
            self.due = Due::At(now + ACK_DELAY_MAX);
        }
        forgets
    }

    /// Tells what became of the packets below `limit` that nothing was told of yet.
    fn judge_below(&mut self, limit: u64, mut judge: impl FnMut(Verdict)) {
        for number in self.judged_below.max(limit.saturating_sub(JUDGED_MAX))..limit {
            judge(if self.received.contains(number) { Verdict::Arrived } else { Verdict::Lost });
        }
        self.judged_below = self.judged_below.max(limit);
    }

    /// When [`Self::on_timeout`] has something to do.
    pub const fn deadline(&self) -> Option<Time> {
        match self.due {
            Due::At(at) => Some(at),
            Due::Never | Due::Now => None,
        }
    }

    /// Time has passed.
    pub fn on_timeout(&mut self, now: Time) {
        if matches!(self.due, Due::At(at) if at <= now) {
            self.due = Due::Now;
        }
    }

    /// Whether a packet must go out for the acknowledgement's sake.
    pub fn is_due(&self) -> bool {
        self.due == Due::Now
    }

    /// Whether a packet that goes out anyway should acknowledge.
    pub const fn is_owed(&self) -> bool {
        self.owed_count > 0
    }

    /// Appends an ACK frame of at most `room` bytes. Returns one above the largest number named, 0 if nothing was written.
    pub fn write(&mut self, now: Time, room: usize, out: &mut Vec<u8>) -> u64 {
        let Some(named) = self.received.largest() else { return 0 };
        // A late packet below forgotten ones is the largest named, but was not the largest received: it was not held back.
        let held_back = if self.largest == Some(named) { now - self.largest_at } else { Micros::ZERO };
        let runs = self.received.iter().rev().map(|run| (run.start, run.end.saturating_sub(1)));
        if !put_ack(out, held_back.as_micros() / ACK_DELAY_UNIT_MICROS, room, runs) {
            return 0;
        }
        self.owed_count = 0;
        self.due = Due::Never;
        named.saturating_add(1)
    }

    /// Counts a packet that only acknowledges. Returns whether it should ask to be acknowledged.
    pub const fn wants_ping(&mut self) -> bool {
        self.ack_only_count = self.ack_only_count.saturating_add(1);
        let wants = self.ack_only_count >= ACK_ONLY_PER_PING;
        if wants {
            self.ack_only_count = 0;
        }
        wants
    }

    /// The peer knows all we said about numbers below `limit`. They are forgotten, so this is the last moment to judge them.
    pub fn on_acked(&mut self, limit: u64, judge: impl FnMut(Verdict)) {
        self.judge_below(limit, judge);
        self.received.remove_below(limit);
        self.received.release();
    }
}

/// The delay that an ACK frame states; none if it is longer than both ends agreed on, so that nothing can be learned from it.
pub(super) fn stated_delay(units: u64) -> Option<Micros> {
    Some(Micros::new(units.saturating_mul(ACK_DELAY_UNIT_MICROS))).filter(|delay| *delay <= ACK_DELAY_MAX + DELAY_SLACK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Frame, Reader};

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    fn written(acks: &mut AckState, now: Time) -> (u64, Vec<(u64, u64)>) {
        let mut out = Vec::new();
        let below = acks.write(now, 200, &mut out);
        let Ok(Frame::Ack(ack)) = Frame::decode(&mut Reader::new(&out)) else { panic!("an ack") };
        assert_eq!(below, ack.largest + 1);
        (ack.delay, ack.runs().collect())
    }

    #[test]
    fn one_packet_waits_a_second_does_not() {
        let mut acks = AckState::new();
        acks.on_packet(at(0), 0, true, false, |_| {});
        assert!(acks.is_owed() && !acks.is_due());
        assert_eq!(acks.deadline(), Some(at(25)));
        acks.on_packet(at(5), 1, true, false, |_| {});
        assert!(acks.is_due());
        assert_eq!(written(&mut acks, at(6)), (125, vec![(0, 1)]));
        assert!(!acks.is_owed() && !acks.is_due() && acks.deadline().is_none());
    }

    #[test]
    fn waiting_ends() {
        let mut acks = AckState::new();
        acks.on_packet(at(0), 0, true, false, |_| {});
        acks.on_timeout(at(24));
        assert!(!acks.is_due());
        acks.on_timeout(at(25));
        assert!(acks.is_due());
        assert!(acks.deadline().is_none(), "no timer once it is due");
    }

    #[test]
    fn a_gap_disorder_or_a_request_is_answered_at_once() {
        for (number, ack_now) in [(2, false), (0, false), (1, true)] {
            let mut acks = AckState::new();
            if number != 0 {
                acks.on_packet(at(0), 0, false, false, |_| {});
            } else {
                acks.on_packet(at(0), 5, false, false, |_| {});
            }
            acks.on_packet(at(1), number, true, ack_now, |_| {});
            assert!(acks.is_due(), "{number}");
        }
    }

    #[test]
    fn packets_that_only_acknowledge_are_never_acknowledged() {
        let mut acks = AckState::new();
        for number in [0, 5, 3, 9] {
            acks.on_packet(at(0), number, false, false, |_| {});
        }
        assert!(!acks.is_owed() && !acks.is_due() && acks.deadline().is_none());
    }

    #[test]
    fn what_the_peer_knows_is_not_said_again() {
        let mut acks = AckState::new();
        for number in [0, 1, 4] {
            acks.on_packet(at(0), number, true, false, |_| {});
        }
        assert_eq!(written(&mut acks, at(0)).1, [(4, 4), (0, 1)]);
        acks.on_acked(5, |_| {});
        acks.on_packet(at(1), 3, true, false, |_| {});
        acks.on_packet(at(1), 5, true, false, |_| {});
        assert_eq!(written(&mut acks, at(1)).1, [(5, 5), (3, 3)]);
    }

    #[test]
    fn a_late_packet_below_known_ones_states_no_delay() {
        let mut acks = AckState::new();
        acks.on_packet(at(0), 7, true, false, |_| {});
        acks.on_acked(8, |_| {});
        acks.on_packet(at(500), 3, true, false, |_| {});
        assert_eq!(written(&mut acks, at(501)), (0, vec![(3, 3)]));
    }

    #[test]
    fn more_holes_than_can_be_remembered_forget_the_oldest_runs() {
        let mut acks = AckState::new();
        for number in 0..1_000 {
            let forgets = acks.on_packet(at(0), number * 2, true, false, |_| {});
            assert_eq!(forgets, number >= RECEIVED_RUNS_MAX as u64);
            assert!(acks.received.run_count() <= RECEIVED_RUNS_MAX);
        }
        let (_, runs) = written(&mut acks, at(0));
        assert_eq!(runs.first(), Some(&(1_998, 1_998)));
        assert_eq!(runs.len(), 33);
    }

    #[test]
    fn every_twenty_fourth_asks_back() {
        let mut acks = AckState::new();
        let asking: Vec<u32> = (1..=48).filter(|_| acks.wants_ping()).collect();
        assert_eq!(asking, [24, 48]);
    }

    #[test]
    fn a_stated_delay_is_believed_up_to_the_agreed_maximum() {
        assert_eq!(stated_delay(125), Some(Micros::from_millis(1)));
        assert_eq!(stated_delay(3_750), Some(Micros::from_millis(30)));
        assert_eq!(stated_delay(3_751), None);
        assert_eq!(stated_delay(u64::MAX), None);
    }

    #[test]
    fn a_packet_is_judged_when_four_later_ones_could_have_come() {
        use Verdict::{Arrived, Late, Lost};
        let mut acks = AckState::new();
        let mut verdicts = Vec::new();
        for number in [0, 1, 3, 4, 5, 6, 7, 2, 8] {
            acks.on_packet(at(0), number, true, false, |verdict| verdicts.push(verdict));
        }
        assert_eq!(verdicts, [Arrived, Arrived, Lost, Late, Arrived], "0 and 1; 2 when 7 came; then 2 itself; 3");
        verdicts.clear();
        acks.on_acked(8, |verdict| verdicts.push(verdict));
        assert_eq!(verdicts, [Arrived; 4], "4 to 7, before they are forgotten");
    }

    #[test]
    fn a_long_silence_is_not_taken_for_the_rate_of_loss() {
        let mut acks = AckState::new();
        let mut count = 0;
        acks.on_packet(at(0), 1 << 40, true, false, |_| count += 1);
        assert_eq!(count, JUDGED_MAX);
    }
}

//! Sends what people type more than once, while the network loses packets (protocol.md, "Redundancy").
//!
//! A lost line costs a round trip before anybody knows of it; a copy a few milliseconds later costs a hundred bytes. How
//! many copies are worth that follows from how much is lost, in whichever direction loses more: a lost acknowledgement
//! costs a probe as well.

use super::loss_rate::{LossRate, Verdict};
use super::range_set::Span;
use super::time::{Micros, Time};

/// More chat bytes than this in a packet are no line that somebody waits for, and are not copied.
pub const COPY_LEN_MAX: u64 = 300;

/// How often a line is sent in all: from the first sign of loss, from [`THREE_FROM`] and from [`FOUR_FROM`].
const LEVELS: [u8; 3] = [2, 3, 4];

/// Lost packets of a thousand from which on there are three copies, and below which there are two again.
const THREE_FROM: u16 = 80;
const THREE_UNTIL: u16 = 50;

/// The same for four copies.
const FOUR_FROM: u16 = 150;
const FOUR_UNTIL: u16 = 100;

/// So many packets without a loss, counted over both directions, end the copies.
pub const CLEAN_RUN_MIN: u16 = 200;

/// What copies may take, in bytes a second: 64 kbit/s.
pub const COPY_RATE: u64 = 8_000;

/// What they may take at once, in bytes.
const COPY_BURST_LEN: u64 = 4_000;

/// How long after the line its first copy follows, how long after that the next, and the last: a burst of losses that takes
/// one takes not all.
const SPACINGS: [Micros; 3] = [Micros::from_millis(3), Micros::from_millis(5), Micros::from_millis(7)];

/// A copy rides on a packet that goes anyway, if that is at least so long after the one before.
const RIDE_DELAY_MIN: Micros = Micros::from_millis(1);

/// On a path quicker than this a lost line is back before anybody misses it, so that copies wait for the first sign of loss.
const COPY_RTT_MIN: Micros = Micros::from_millis(5);

/// Lines that wait for a copy at one time. More are not written by people.
const COPIES_PENDING_MAX: usize = 16;

/// The average goes over so many packets.
const HORIZON: u16 = 64;

/// The first packet counts as one of so many.
const FIRST_WEIGHT: u16 = 8;

/// A line that is to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    span: Span,
    sent_at: Time,
    /// How often it was sent.
    sent_count: u8,
}

impl Pending {
    fn due_at(&self) -> Time {
        let spacing = SPACINGS.get(usize::from(self.sent_count).saturating_sub(1)).or(SPACINGS.last());
        self.sent_at + spacing.copied().unwrap_or_default()
    }
}

/// The copies of one direction.
#[derive(Debug)]
pub(super) struct Redundancy {
    own: LossRate<HORIZON>,
    other: LossRate<HORIZON>,
    /// Packets that arrived since the last loss, in both directions together: whoever mostly listens sends few of its own.
    clean_run: u16,
    /// How often each line is sent now; 1: no copies.
    copies: u8,
    /// Bytes that may be spent, in millionths.
    budget: u64,
    budget_at: Time,
    pending: Vec<Pending>,
}

impl Redundancy {
    /// On at first, because nothing is known of the network but, with the first acknowledgement, how quick it is.
    pub const fn new(now: Time) -> Self {
        let [first, ..] = LEVELS;
        Self {
            own: LossRate::new(FIRST_WEIGHT),
            other: LossRate::new(FIRST_WEIGHT),
            clean_run: 0,
            copies: first,
            budget: COPY_BURST_LEN.saturating_mul(1_000_000),
            budget_at: now,
            pending: Vec::new(),
        }
    }

    /// What became of a packet of ours.
    pub fn on_own(&mut self, verdict: Verdict) {
        self.own.on_verdict(verdict);
        self.choose(verdict);
    }

    /// What became of a packet of the peer's.
    pub fn on_other(&mut self, verdict: Verdict) {
        self.other.on_verdict(verdict);
        self.choose(verdict);
    }

    /// How many packets of a thousand the worse direction loses.
    pub fn loss_per_mille(&self) -> u16 {
        self.own.per_mille().max(self.other.per_mille())
    }

    /// How often each line is sent.
    pub const fn copies(&self) -> u8 {
        self.copies
    }

    /// Whether so much is lost that acknowledgements are worth repeating.
    pub const fn is_high(&self) -> bool {
        let [two, ..] = LEVELS;
        self.copies > two
    }

    /// A packet with these chat bytes went out on a path with the round trip `rtt`; they will be sent again. Returns whether all
    /// that waits has a place.
    pub fn on_sent(&mut self, now: Time, span: Span, rtt: Micros) -> bool {
        let is_unneeded = rtt < COPY_RTT_MIN && self.loss_per_mille() == 0;
        if self.copies <= 1 || is_unneeded {
            return true;
        }
        let line = Pending { span, sent_at: now, sent_count: 1 };
        let overlaps = |other: &Pending| other.span.start < span.end && span.start < other.span.end;
        self.pending.retain(|other| !overlaps(other));
        let has_place = self.pending.len() < COPIES_PENDING_MAX;
        if has_place {
            self.pending.push(line);
        }
        has_place
    }

    /// When a copy must go out.
    pub fn next_at(&self) -> Option<Time> {
        self.pending.iter().map(Pending::due_at).min()
    }

    /// Whether a copy must go out now.
    pub fn is_due(&self, now: Time) -> bool {
        self.next_at().is_some_and(|at| at <= now)
    }

    /// Keeps the lines that are still of interest.
    pub fn retain(&mut self, mut is_missing: impl FnMut(Span) -> bool) {
        self.pending.retain(|line| is_missing(line.span));
    }

    /// Forgets all lines that wait.
    pub fn clear(&mut self) {
        self.pending = Vec::new();
    }

    /// The next line to put into a packet that goes out now: one that is due, or one of at most `room` bytes that rides.
    pub fn take_next(&mut self, now: Time, room: u64) -> Option<Span> {
        let goes = |line: &Pending| {
            let rides = line.sent_at + RIDE_DELAY_MIN <= now && line.span.len() <= room;
            line.due_at() <= now || rides
        };
        let at = self.pending.iter().position(goes)?;
        let line = self.pending.get_mut(at)?;
        let span = line.span;
        line.sent_at = now;
        line.sent_count = line.sent_count.saturating_add(1);
        if line.sent_count >= self.copies {
            self.pending.remove(at);
            if self.pending.is_empty() {
                self.pending = Vec::new();
            }
        }
        Some(span)
    }

    /// Takes `len` bytes from the budget if they are there.
    pub fn afford(&mut self, now: Time, len: u64) -> bool {
        let gained = (now - self.budget_at).as_micros().saturating_mul(COPY_RATE);
        self.budget = self.budget.saturating_add(gained).min(COPY_BURST_LEN.saturating_mul(1_000_000));
        self.budget_at = self.budget_at.max(now);
        let rest = self.budget.checked_sub(len.saturating_mul(1_000_000));
        self.budget = rest.unwrap_or(self.budget);
        rest.is_some() || planted!(CopiesWithoutBudget)
    }

    fn choose(&mut self, verdict: Verdict) {
        self.clean_run = match verdict {
            Verdict::Arrived => self.clean_run.saturating_add(1),
            Verdict::Lost => 0,
            Verdict::Late => self.clean_run,
        };
        let loss = self.loss_per_mille();
        let [two, three, four] = LEVELS;
        let wanted = match self.copies {
            _ if loss >= FOUR_FROM => four,
            copies if copies == four && loss >= FOUR_UNTIL => four,
            _ if loss >= THREE_FROM => three,
            copies if copies >= three && loss >= THREE_UNTIL => three,
            _ if verdict == Verdict::Lost => two,
            1 => 1,
            _ if self.clean_run >= CLEAN_RUN_MIN => 1,
            _ => two,
        };
        self.copies = wanted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Span = Span { start: 100, end: 200 };
    const RTT: Micros = Micros::from_millis(50);

    fn at(millis: u64) -> Time {
        Time::from_micros(1_000_000 + millis * 1_000)
    }

    fn fresh() -> Redundancy {
        Redundancy::new(at(0))
    }

    /// So many packets in each direction of which every `nth` is lost.
    fn pass(redundancy: &mut Redundancy, count: u32, nth: u32) {
        for n in 1..=count {
            redundancy.on_own(if n % nth == 0 { Verdict::Lost } else { Verdict::Arrived });
            redundancy.on_other(Verdict::Arrived);
        }
    }

    /// When a line that was sent at 0 is sent again, if nothing else is.
    fn copies_at(redundancy: &mut Redundancy) -> Vec<u64> {
        redundancy.on_sent(at(0), LINE, RTT);
        let mut times = Vec::new();
        while let Some(next) = redundancy.next_at() {
            assert!(!redundancy.is_due(next - Micros::new(1)) && redundancy.is_due(next));
            assert_eq!(redundancy.take_next(next, 0), Some(LINE));
            times.push((next - at(0)).as_millis());
        }
        times
    }

    #[test]
    fn it_starts_on_and_ends_after_200_clean_packets_of_both_directions() {
        let mut redundancy = fresh();
        assert_eq!(copies_at(&mut redundancy), [3]);
        pass(&mut redundancy, 99, 1_000);
        redundancy.on_other(Verdict::Arrived);
        assert_eq!(redundancy.copies(), 2);
        redundancy.on_other(Verdict::Arrived);
        assert_eq!(redundancy.copies(), 1, "who mostly listens sends little itself");
        assert!(copies_at(&mut redundancy).is_empty());
    }

    #[test]
    fn a_quick_path_is_trusted_until_it_loses_something() {
        let quick = Micros::new(4_999);
        let mut redundancy = fresh();
        redundancy.on_sent(at(0), LINE, quick);
        assert_eq!(redundancy.next_at(), None);
        redundancy.on_other(Verdict::Lost);
        redundancy.on_sent(at(0), LINE, quick);
        assert_eq!(redundancy.next_at(), Some(at(3)));
    }

    #[test]
    fn the_first_sign_of_loss_in_either_direction_brings_it_back() {
        for lossy in [Redundancy::on_own, Redundancy::on_other] {
            let mut redundancy = fresh();
            pass(&mut redundancy, 300, 1_000);
            assert_eq!(redundancy.copies(), 1);
            lossy(&mut redundancy, Verdict::Lost);
            assert_eq!(redundancy.copies(), 2);
        }
    }

    #[test]
    fn the_more_is_lost_the_more_copies_and_their_end_is_later_than_their_beginning() {
        let mut redundancy = fresh();
        pass(&mut redundancy, 2_000, 10);
        assert_eq!(redundancy.copies(), 3);
        assert_eq!(copies_at(&mut redundancy), [3, 8]);
        pass(&mut redundancy, 2_000, 5);
        assert_eq!(redundancy.copies(), 4);
        assert_eq!(copies_at(&mut redundancy), [3, 8, 15]);
        pass(&mut redundancy, 2_000, 8);
        assert_eq!(redundancy.copies(), 4, "12 % is below 15 and above 10");
        pass(&mut redundancy, 2_000, 15);
        assert_eq!(redundancy.copies(), 3, "7 % is below 8 and above 5");
        pass(&mut redundancy, 2_000, 50);
        assert_eq!(redundancy.copies(), 2);
    }

    #[test]
    fn a_copy_rides_on_a_packet_that_goes_anyway() {
        let mut redundancy = fresh();
        redundancy.on_sent(at(0), LINE, RTT);
        assert_eq!(redundancy.take_next(at(0), 1_000), None, "it is in this very packet");
        assert_eq!(redundancy.take_next(at(1), 99), None, "no room");
        assert_eq!(redundancy.take_next(at(1), 100), Some(LINE));
        assert_eq!(redundancy.next_at(), None, "two copies in all");
    }

    #[test]
    fn a_line_sent_anew_begins_anew() {
        let mut redundancy = fresh();
        pass(&mut redundancy, 1_000, 5);
        redundancy.on_sent(at(0), LINE, RTT);
        redundancy.take_next(at(3), 0);
        redundancy.on_sent(at(60), Span { start: 150, end: 260 }, RTT);
        assert_eq!(redundancy.next_at(), Some(at(63)));
        assert_eq!(redundancy.pending.len(), 1);
    }

    #[test]
    fn what_arrived_is_not_copied() {
        let mut redundancy = fresh();
        redundancy.on_sent(at(0), LINE, RTT);
        redundancy.retain(|_| false);
        assert_eq!(redundancy.next_at(), None);
    }

    #[test]
    fn copies_take_no_more_than_their_rate() {
        let mut redundancy = fresh();
        let spent: u64 = (0..10_000).map(|millis| if redundancy.afford(at(millis), 100) { 100 } else { 0 }).sum();
        assert!((83_900..=84_000).contains(&spent), "{spent}");
    }

    #[test]
    fn more_lines_than_people_write_are_not_copied() {
        let mut redundancy = fresh();
        for start in 0..1_000 {
            let has_place = redundancy.on_sent(at(0), Span { start, end: start + 1 }, RTT);
            assert_eq!(has_place, start < COPIES_PENDING_MAX as u64);
            assert!(redundancy.pending.len() <= COPIES_PENDING_MAX);
        }
        redundancy.clear();
        assert_eq!(redundancy.next_at(), None);
    }
}

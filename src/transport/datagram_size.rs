//! How long a datagram may be: what the handshake proved, more for bulk where the path takes it, less where it stops to
//! (RFC 8899, with three sizes that matter and a search above).
//!
//! A probe is a packet of its own, PING and PADDING; its loss says something about the size and nothing about congestion.

use super::connecting::{OPENING_LEN, OPENING_LEN_SHORT};
use super::time::{Micros, Time};

/// The longest datagram: an Ethernet frame's worth over IPv6.
pub const DATAGRAM_LEN_MAX: u16 = 1_452;

/// The shortest datagram that a connection is content with.
const DATAGRAM_LEN_MIN: u16 = 200;

/// The search ends when this much or less is left to be won (RFC 8899 section 5.3.2 leaves it open).
const STEP_LEN_MIN: u16 = 20;

/// A size is given up after so many lost probes (RFC 8899 section 5.1.2, `MAX_PROBES`).
const PROBE_COUNT_MAX: u8 = 3;

/// So many losses of long packets, while none came through and short ones did, mean that the path takes no long ones.
const LONG_LOSS_COUNT_MAX: u8 = 6;

/// After so many unanswered probe timeouts in a row short packets are tried: it may be the length.
const SILENCE_COUNT_MAX: u32 = 3;

/// How long a size that failed is not tried again while less than 1,200 bytes pass.
const COOL_OFF: Micros = Micros::from_secs(60);

/// How long until the search above 1,200 bytes begins anew (RFC 8899 section 5.1.1, `PMTU_RAISE_TIMER`).
const RAISE_DELAY: Micros = Micros::from_secs(600);

/// The size of one path's datagrams.
#[derive(Debug)]
pub(super) struct DatagramSize {
    current: u16,
    /// The smallest size that is known not to pass, or one more than the longest.
    ceiling: u16,
    probe: Option<Probe>,
    failure_count: u8,
    /// No probe before this.
    next_at: Time,
    long_loss_count: u8,
    short_came_through: bool,
}

/// A probe under way.
#[derive(Debug, Clone, Copy)]
struct Probe {
    len: u16,
    expires_at: Time,
}

/// Who has bytes that would fill longer datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// Nobody.
    None,
    /// Chat, which 1,200 bytes serve well.
    Chat,
    /// A bulk stream.
    Bulk,
}

impl DatagramSize {
    /// A path that has carried datagrams of `proven` bytes.
    pub fn new(proven: u16) -> Self {
        Self {
            current: proven.clamp(DATAGRAM_LEN_MIN, DATAGRAM_LEN_MAX),
            ceiling: DATAGRAM_LEN_MAX.saturating_add(1),
            probe: None,
            failure_count: 0,
            next_at: Time::from_micros(0),
            long_loss_count: 0,
            short_came_through: false,
        }
    }

    /// The longest datagram that is known to pass.
    pub const fn current(&self) -> u16 {
        self.current
    }

    /// The longest datagram that should be sent after `silence_count` probe timeouts without an answer. Short ones that are
    /// answered then tell a path that takes no long ones from one that takes nothing.
    pub fn in_silence(&self, silence_count: u32) -> u16 {
        if silence_count < SILENCE_COUNT_MAX { self.current } else { self.current.min(OPENING_LEN_SHORT) }
    }

    /// The length of the probe that should be sent now; the caller sends it. `patience` is how long its acknowledgement may take.
    pub fn take_probe(&mut self, now: Time, demand: Demand, patience: Micros) -> Option<u16> {
        if self.probe.is_some_and(|probe| probe.expires_at <= now) {
            self.on_probe_failed(now);
        }
        if self.probe.is_some() || demand == Demand::None || now < self.next_at {
            return None;
        }
        let len = if self.current < OPENING_LEN {
            OPENING_LEN
        } else if demand != Demand::Bulk {
            return None;
        } else if self.ceiling > DATAGRAM_LEN_MAX {
            DATAGRAM_LEN_MAX
        } else {
            self.current.midpoint(self.ceiling)
        };
        if len <= self.current {
            return None;
        }
        self.probe = Some(Probe { len, expires_at: now + patience });
        Some(len)
    }

    /// A packet of `len` bytes arrived.
    pub fn on_acked(&mut self, now: Time, len: u16) {
        if self.probe.is_some_and(|probe| probe.len == len) {
            self.probe = None;
            self.failure_count = 0;
            self.current = self.current.max(len);
            self.rest_if_done(now);
        }
        if len > OPENING_LEN_SHORT {
            self.long_loss_count = 0;
            self.short_came_through = false;
        } else if self.long_loss_count > 0 {
            self.short_came_through = true;
        }
    }

    /// A packet of `len` bytes was lost.
    pub fn on_lost(&mut self, now: Time, len: u16) {
        if self.probe.is_some_and(|probe| probe.len == len) {
            self.on_probe_failed(now);
            return;
        }
        if len > OPENING_LEN_SHORT {
            self.long_loss_count = self.long_loss_count.saturating_add(1);
            if self.long_loss_count >= LONG_LOSS_COUNT_MAX && self.short_came_through {
                self.fall_back();
            }
        }
    }

    /// The peer is in another network.
    pub fn on_moved(&mut self) {
        *self = Self::new(self.current.min(OPENING_LEN));
    }

    /// Nothing long passes any more. Whether 1,200 bytes do is asked as soon as there is a use for them.
    fn fall_back(&mut self) {
        *self = Self::new(self.current.min(OPENING_LEN_SHORT));
    }

    fn on_probe_failed(&mut self, now: Time) {
        let Some(probe) = self.probe.take() else { return };
        self.failure_count = self.failure_count.saturating_add(1);
        if self.failure_count < PROBE_COUNT_MAX {
            return;
        }
        self.failure_count = 0;
        if probe.len <= OPENING_LEN {
            self.next_at = now + COOL_OFF;
        } else {
            self.ceiling = probe.len;
            self.rest_if_done(now);
        }
    }

    fn rest_if_done(&mut self, now: Time) {
        if self.current >= OPENING_LEN && self.ceiling.saturating_sub(self.current) <= STEP_LEN_MIN {
            self.ceiling = DATAGRAM_LEN_MAX.saturating_add(1);
            self.next_at = now + RAISE_DELAY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Micros = Micros::from_millis(300);

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    /// Probes a path that carries up to `limit` bytes until there is nothing more to ask, and returns what was asked.
    fn search(size: &mut DatagramSize, limit: u16, demand: Demand) -> Vec<u16> {
        let (mut asked, mut millis) = (Vec::new(), 0);
        while let Some(len) = size.take_probe(at(millis), demand, PATIENCE) {
            asked.push(len);
            assert_eq!(size.take_probe(at(millis), demand, PATIENCE), None, "one at a time");
            if len <= limit {
                size.on_acked(at(millis), len);
            }
            millis += 300;
        }
        asked
    }

    #[test]
    fn an_ethernet_path_is_found_with_one_probe() {
        let mut size = DatagramSize::new(1_200);
        assert_eq!(search(&mut size, 1_472, Demand::Bulk), [1_452]);
        assert_eq!(size.current(), 1_452);
    }

    #[test]
    fn a_tunnel_is_searched_for_and_asked_again_after_ten_minutes() {
        let mut size = DatagramSize::new(1_200);
        let asked = search(&mut size, 1_392, Demand::Bulk);
        assert_eq!(asked[..3], [1_452; 3], "three tries");
        assert!(asked.len() <= 15, "{asked:?}");
        assert!((1_372..=1_392).contains(&size.current()), "{}", size.current());
        assert_eq!(size.take_probe(at(500_000), Demand::Bulk, PATIENCE), None);
        assert_eq!(size.take_probe(at(700_000), Demand::Bulk, PATIENCE), Some(1_452));
    }

    #[test]
    fn chat_does_not_ask_for_more_than_twelve_hundred() {
        let mut size = DatagramSize::new(1_200);
        assert!(search(&mut size, 1_472, Demand::Chat).is_empty());
        let mut size = DatagramSize::new(512);
        assert!(search(&mut size, 1_472, Demand::None).is_empty());
        assert_eq!(search(&mut size, 1_472, Demand::Chat), [1_200]);
        let mut size = DatagramSize::new(512);
        assert_eq!(search(&mut size, 600, Demand::Bulk), [1_200; 3]);
        assert_eq!(size.current(), 512);
    }

    #[test]
    fn when_only_long_packets_are_lost_short_ones_are_sent() {
        let mut size = DatagramSize::new(1_200);
        for _ in 0..5 {
            size.on_lost(at(0), 1_100);
        }
        size.on_acked(at(0), 900);
        for _ in 0..20 {
            size.on_lost(at(0), 900);
        }
        assert_eq!(size.current(), 1_200, "nothing came through at all");
        size.on_acked(at(0), 60);
        size.on_lost(at(0), 900);
        assert_eq!(size.current(), 512);
    }

    #[test]
    fn when_long_packets_meet_silence_short_ones_are_tried() {
        let size = DatagramSize::new(1_452);
        assert_eq!([0, 2, 3, 9].map(|count| size.in_silence(count)), [1_452, 1_452, 512, 512]);
        assert_eq!(size.current(), 1_452, "silence alone says nothing about the size");
    }

    #[test]
    fn another_network_is_asked_anew() {
        let mut size = DatagramSize::new(1_200);
        search(&mut size, 1_472, Demand::Bulk);
        size.on_moved();
        assert_eq!(size.current(), 1_200);
        assert_eq!(size.take_probe(at(0), Demand::Bulk, PATIENCE), Some(1_452));
    }
}

//! A network that loses, delays, reorders, doubles and damages datagrams as its seed says, in virtual time.
//!
//! It knows addresses and opaque bytes, so any number of endpoints of any kind can live on it. Each direction between two
//! addresses is a link of its own with its own faults.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use udpchat::crypto::Dice;
use udpchat::transport::{Micros, Time};

/// How a link loses datagrams; rates in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Each by itself.
    Independent(u64),
    /// In runs of a mean length, at a mean rate.
    Bursts { rate: u64, mean_len: u64 },
}

/// What a link does to datagrams; rates in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    pub loss: Loss,
    /// One way.
    pub delay: Micros,
    /// Up to this much more, evenly; reorders when larger than the spacing of datagrams.
    pub jitter: Micros,
    /// Held back by `reorder_delay`.
    pub reorder: u64,
    pub reorder_delay: Micros,
    /// Delivered twice.
    pub duplicate: u64,
    /// One bit flipped.
    pub corrupt: u64,
    /// Overheard and sent again up to [`REPLAY_DELAY_MAX`] later: as it was, from its own address or that of an
    /// [`EAVESDROPPER`], or damaged, from that of a [`PRANKSTER`].
    pub replay: u64,
    /// The link's speed, and how many bytes may wait for it.
    pub bottleneck: Option<Bottleneck>,
    /// Longer datagrams vanish.
    pub datagram_len_max: Option<u64>,
}

/// A link of limited speed with a queue that drops what does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bottleneck {
    pub bytes_per_sec: u64,
    pub queue_len_max: u64,
}

impl Faults {
    /// A good link with this delay one way.
    pub fn none(delay: Micros) -> Self {
        Self {
            loss: Loss::Independent(0),
            delay,
            jitter: Micros::ZERO,
            reorder: 0,
            reorder_delay: Micros::ZERO,
            duplicate: 0,
            corrupt: 0,
            replay: 0,
            bottleneck: None,
            datagram_len_max: None,
        }
    }

    /// A link that loses this many of a thousand.
    pub fn lossy(delay: Micros, loss: u64) -> Self {
        Self { loss: Loss::Independent(loss), ..Self::none(delay) }
    }
}

/// From where a stranger sends what was overheard.
pub const EAVESDROPPER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66)), 666);

/// From where a stranger sends what was overheard and changed.
pub const PRANKSTER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77)), 777);

/// How much later an overheard datagram is sent again.
const REPLAY_DELAY_MAX: Micros = Micros::from_secs(30);

/// A datagram that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub at: Time,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// What a link has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkCounts {
    pub sent: u64,
    pub bytes_sent: u64,
    pub lost: u64,
}

#[derive(Debug)]
struct Link {
    faults: Option<Faults>,
    in_burst: bool,
    busy_until: Time,
    counts: LinkCounts,
}

/// All links and what is under way on them.
pub struct Net {
    dice: Dice,
    faults: Faults,
    links: BTreeMap<(SocketAddr, SocketAddr), Link>,
    under_way: BTreeMap<(Time, u64), Delivery>,
    count: u64,
    trace_hash: u64,
}

impl Net {
    /// A network whose links behave like `faults` unless told otherwise.
    pub fn new(dice: Dice, faults: Faults) -> Self {
        Self { dice, faults, links: BTreeMap::new(), under_way: BTreeMap::new(), count: 0, trace_hash: 0 }
    }

    /// Changes all links that have no faults of their own.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Makes all links alike, those with faults of their own too.
    pub fn heal(&mut self, faults: Faults) {
        self.faults = faults;
        self.links.values_mut().for_each(|link| link.faults = None);
    }

    /// Changes one direction; `None` gives it back to the rule for all.
    pub fn set_link(&mut self, from: SocketAddr, to: SocketAddr, faults: Option<Faults>) {
        self.link(from, to).faults = faults;
    }

    /// Cuts both directions between two addresses, or heals them.
    pub fn set_cut(&mut self, left: SocketAddr, right: SocketAddr, is_cut: bool) {
        let cut = Faults { loss: Loss::Independent(1_000), ..self.faults };
        for (from, to) in [(left, right), (right, left)] {
            self.set_link(from, to, is_cut.then_some(cut));
        }
    }

    /// Sends a datagram.
    pub fn send(&mut self, now: Time, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let len = bytes.len() as u64;
        let link = self.link(from, to);
        let faults = link.faults;
        link.counts.sent += 1;
        link.counts.bytes_sent += len;
        let faults = faults.unwrap_or(self.faults);
        self.note(now, bytes);
        if faults.datagram_len_max.is_some_and(|len_max| len > len_max) {
            self.link(from, to).counts.lost += 1;
            return;
        }
        if self.strikes(faults.replay) {
            self.replay(now, from, to, bytes);
        }
        let copies = if self.strikes(faults.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            if self.is_lost(from, to, faults.loss) {
                self.link(from, to).counts.lost += 1;
                continue;
            }
            let mut at = now;
            if let Some(Bottleneck { bytes_per_sec, queue_len_max }) = faults.bottleneck {
                let link = self.link(from, to);
                let start = link.busy_until.max(now);
                let waiting_len = (start - now).as_micros() * bytes_per_sec / 1_000_000;
                if waiting_len + len > queue_len_max {
                    link.counts.lost += 1;
                    continue;
                }
                link.busy_until = start + Micros::new(len * 1_000_000 / bytes_per_sec);
                at = link.busy_until;
            }
            at = at + faults.delay + Micros::new(self.dice.below(faults.jitter.as_micros() + 1));
            if self.strikes(faults.reorder) {
                at = at + faults.reorder_delay;
            }
            let mut bytes = bytes.to_vec();
            if self.strikes(faults.corrupt) {
                self.flip_bit(&mut bytes);
            }
            self.count += 1;
            self.under_way.insert((at, self.count), Delivery { at, from, to, bytes });
        }
    }

    /// Somebody who overhears what is sent sends it again.
    fn replay(&mut self, now: Time, sender: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let from = match self.dice.below(3) {
            0 => sender,
            1 => EAVESDROPPER,
            _ => {
                self.flip_bit(&mut bytes);
                PRANKSTER
            }
        };
        // A copy that poses as its sender's is nothing that the sender sent.
        if from != sender {
            let link = self.link(from, to);
            link.counts.sent += 1;
            link.counts.bytes_sent += bytes.len() as u64;
        }
        let at = now + Micros::new(self.dice.below(REPLAY_DELAY_MAX.as_micros()));
        self.count += 1;
        self.under_way.insert((at, self.count), Delivery { at, from, to, bytes });
    }

    fn flip_bit(&mut self, bytes: &mut [u8]) {
        if !bytes.is_empty() {
            let bit = usize::try_from(self.dice.below(bytes.len() as u64 * 8)).expect("a datagram is short");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    /// Takes what has arrived by `now`, in order of arrival.
    pub fn deliver_until(&mut self, now: Time) -> Vec<Delivery> {
        let later = self.under_way.split_off(&(now + Micros::new(1), 0));
        std::mem::replace(&mut self.under_way, later).into_values().collect()
    }

    /// When the next datagram arrives.
    pub fn next_at(&self) -> Option<Time> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    /// How many datagrams and bytes were sent from any port of a host.
    pub fn sent_by(&self, host: IpAddr) -> (u64, u64) {
        let links = self.links.iter().filter(|((from, _), _)| from.ip() == host);
        links.fold((0, 0), |(count, len), (_, link)| (count + link.counts.sent, len + link.counts.bytes_sent))
    }

    /// What went over one direction so far.
    pub fn counts(&self, from: SocketAddr, to: SocketAddr) -> LinkCounts {
        self.links.get(&(from, to)).map_or_else(LinkCounts::default, |link| link.counts)
    }

    /// A number that depends on every byte sent and when: equal runs have equal hashes.
    pub fn trace_hash(&self) -> u64 {
        self.trace_hash
    }

    fn link(&mut self, from: SocketAddr, to: SocketAddr) -> &mut Link {
        self.links.entry((from, to)).or_insert(Link {
            faults: None,
            in_burst: false,
            busy_until: Time::default(),
            counts: LinkCounts::default(),
        })
    }

    fn strikes(&mut self, thousandths: u64) -> bool {
        thousandths > 0 && self.dice.below(1_000) < thousandths
    }

    fn is_lost(&mut self, from: SocketAddr, to: SocketAddr, loss: Loss) -> bool {
        match loss {
            Loss::Independent(rate) => self.strikes(rate),
            Loss::Bursts { rate, mean_len } => {
                // A two-state chain: bursts end with probability 1 / mean_len and begin as often as the mean rate needs.
                let ends = self.dice.below(mean_len.max(1) * 1_000) < 1_000;
                let begins = self.dice.below(mean_len.max(1) * 1_000 * (1_000 - rate.min(999))) < 1_000 * rate;
                let link = self.link(from, to);
                link.in_burst = if link.in_burst { !ends } else { begins };
                link.in_burst
            }
        }
    }

    fn note(&mut self, now: Time, bytes: &[u8]) {
        // FNV-1a.
        let mut hash = self.trace_hash ^ 0xcbf2_9ce4_8422_2325;
        for byte in now.as_micros().to_be_bytes().iter().chain(bytes) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.trace_hash = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn lost_of_ten_thousand(loss: Loss) -> (usize, usize) {
        let faults = Faults { loss, ..Faults::none(Micros::from_millis(1)) };
        let mut net = Net::new(Dice::from_seed([1; 32]), faults);
        let mut runs = 0;
        let mut lost_before = false;
        let mut lost_count = 0;
        for step in 0..10_000_u64 {
            let now = Time::from_micros(step * 10_000);
            net.send(now, address(1), address(2), &[0; 10]);
            let is_lost = net.deliver_until(now + Micros::from_millis(5)).is_empty();
            runs += usize::from(is_lost && !lost_before);
            lost_count += usize::from(is_lost);
            lost_before = is_lost;
        }
        (lost_count, runs)
    }

    #[test]
    fn loss_has_the_rate_and_the_shape_it_was_given() {
        let (lost, _) = lost_of_ten_thousand(Loss::Independent(200));
        assert!((1_850..2_150).contains(&lost), "{lost}");
        let (lost, runs) = lost_of_ten_thousand(Loss::Bursts { rate: 200, mean_len: 5 });
        assert!((1_700..2_300).contains(&lost), "{lost}");
        assert!((lost * 10 / runs) > 40, "mean length {lost} / {runs}");
        assert_eq!(lost_of_ten_thousand(Loss::Independent(0)).0, 0);
        assert_eq!(lost_of_ten_thousand(Loss::Independent(1_000)).0, 10_000);
    }

    #[test]
    fn a_bottleneck_spaces_datagrams_and_drops_what_does_not_fit() {
        let bottleneck = Some(Bottleneck { bytes_per_sec: 1_000_000, queue_len_max: 5_000 });
        let faults = Faults { bottleneck, ..Faults::none(Micros::from_millis(10)) };
        let mut net = Net::new(Dice::from_seed([1; 32]), faults);
        for _ in 0..10 {
            net.send(Time::default(), address(1), address(2), &[0; 1_000]);
        }
        let arrivals: Vec<u64> = net.deliver_until(Time::from_micros(1_000_000)).iter().map(|d| d.at.as_micros()).collect();
        assert_eq!(arrivals, [11_000, 12_000, 13_000, 14_000, 15_000]);
        assert_eq!(net.counts(address(1), address(2)), LinkCounts { sent: 10, bytes_sent: 10_000, lost: 5 });
    }

    #[test]
    fn what_a_stranger_sends_in_the_name_of_another_counts_for_nobody() {
        let mut net = Net::new(Dice::from_seed([1; 32]), Faults { replay: 1_000, ..Faults::none(Micros::from_millis(1)) });
        for _ in 0..30 {
            net.send(Time::default(), address(1), address(2), &[0; 10]);
        }
        let all = net.deliver_until(Time::default() + REPLAY_DELAY_MAX);
        assert_eq!(all.len(), 60);
        assert!(all.iter().filter(|delivery| delivery.from == address(1)).count() > 30);
        assert_eq!(net.counts(address(1), address(2)), LinkCounts { sent: 30, bytes_sent: 300, lost: 0 });
    }
}

//! What share of packets a direction loses lately: a moving average in integers.

/// One, in the fixed point of the average.
const ONE: u32 = 1 << 20;

/// What became known of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It arrived.
    Arrived,
    /// It was lost.
    Lost,
    /// It had been counted as lost and arrived after all.
    Late,
}

/// The average over about the last `HORIZON` packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LossRate<const HORIZON: u16> {
    rate: u32,
    /// A packet changes the average by one part in so many; grows up to the horizon, so that the first packets count for more.
    weight: u16,
}

impl<const HORIZON: u16> LossRate<HORIZON> {
    /// Nothing lost so far; the first packet counts as one of `weight`.
    pub const fn new(weight: u16) -> Self {
        Self { rate: 0, weight }
    }

    /// Takes a verdict in.
    pub fn on_verdict(&mut self, verdict: Verdict) {
        if verdict != Verdict::Late {
            self.weight = self.weight.saturating_add(1).min(HORIZON);
        }
        let part = |of: u32| of.checked_div(u32::from(self.weight)).unwrap_or(of);
        match verdict {
            Verdict::Arrived => self.rate = self.rate.saturating_sub(part(self.rate)),
            Verdict::Lost => self.rate = self.rate.saturating_add(part(ONE.saturating_sub(self.rate))),
            Verdict::Late => self.rate = self.rate.saturating_sub(part(ONE)),
        }
    }

    /// Lost packets of a thousand.
    pub fn per_mille(self) -> u16 {
        u16::try_from(u64::from(self.rate).saturating_mul(1_000) >> 20).unwrap_or(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_comes_to_the_rate_and_stays_near_it() {
        let mut rate = LossRate::<64>::new(8);
        for count in 0..1_000 {
            rate.on_verdict(if count % 5 == 0 { Verdict::Lost } else { Verdict::Arrived });
            assert!(count < 200 || (175..=225).contains(&rate.per_mille()), "{count}: {}", rate.per_mille());
        }
        for _ in 0..400 {
            rate.on_verdict(Verdict::Arrived);
        }
        assert!(rate.per_mille() <= 1);
    }

    #[test]
    fn the_first_packets_count_for_more() {
        let mut rate = LossRate::<64>::new(8);
        rate.on_verdict(Verdict::Lost);
        assert_eq!(rate.per_mille(), 111);
        let mut slow = LossRate::<256>::new(256);
        slow.on_verdict(Verdict::Lost);
        assert_eq!(slow.per_mille(), 3);
    }

    #[test]
    fn a_late_arrival_takes_the_loss_back() {
        let mut rate = LossRate::<64>::new(8);
        rate.on_verdict(Verdict::Lost);
        rate.on_verdict(Verdict::Late);
        assert_eq!(rate.per_mille(), 0);
        rate.on_verdict(Verdict::Late);
        assert_eq!(rate.per_mille(), 0, "never below nothing");
    }

    #[test]
    fn all_lost_is_all() {
        let mut rate = LossRate::<64>::new(8);
        for _ in 0..10_000 {
            rate.on_verdict(Verdict::Lost);
        }
        assert!(rate.per_mille() >= 999);
    }
}

//! Latencies of any number of deliveries in a fixed table, with percentiles that are right to 1.6 %.
//!
//! After Gil Tene's `HdrHistogram`: below 64 µs every microsecond has a bucket; above, every doubling has 64.

use crate::transport::Micros;

/// log2 of the buckets of one doubling.
const FINENESS: u32 = 6;

const BUCKETS_PER_DOUBLING: usize = 1 << FINENESS;

/// Every u64 has a bucket.
const BUCKET_COUNT: usize = BUCKETS_PER_DOUBLING * (64 - FINENESS as usize + 1);

/// How long deliveries took.
#[derive(Debug, Clone)]
pub struct Latencies {
    buckets: Box<[u64]>,
    count: u64,
    max: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKET_COUNT].into(), count: 0, max: 0 }
    }
}

impl Latencies {
    /// One more.
    pub fn add(&mut self, latency: Micros) {
        let micros = latency.as_micros();
        self.buckets[bucket(micros)] += 1;
        self.count += 1;
        self.max = self.max.max(micros);
    }

    /// The longest, exactly; zero if there was none.
    #[must_use]
    pub fn longest(&self) -> Micros {
        Micros::new(self.max)
    }

    /// The latency that `per_mille` thousandths of all deliveries did not exceed (nearest rank), rounded up to the end of its
    /// bucket; zero if there was none.
    #[must_use]
    pub fn percentile(&self, per_mille: u32) -> Micros {
        let rank = u128::from(self.count) * u128::from(per_mille);
        let rank = u64::try_from(rank.div_ceil(1_000)).unwrap_or(u64::MAX).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Micros::new(longest_in(index).min(self.max));
            }
        }
        Micros::ZERO
    }
}

fn bucket(micros: u64) -> usize {
    let doubling = micros.checked_ilog2().unwrap_or(0).saturating_sub(FINENESS);
    // Above the first 64, the leading bit of what is left after the shift is always set.
    doubling as usize * BUCKETS_PER_DOUBLING + (micros >> doubling) as usize
}

fn longest_in(index: usize) -> u64 {
    let doubling = (index / BUCKETS_PER_DOUBLING).saturating_sub(1);
    let rest = (index - doubling * BUCKETS_PER_DOUBLING) as u64;
    (rest << doubling) + ((1 << doubling) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_nearest_rank() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(500), Micros::ZERO);
        (1..=50).for_each(|micros| latencies.add(Micros::new(micros)));
        let at = |per_mille| latencies.percentile(per_mille).as_micros();
        assert_eq!([at(0), at(20), at(500), at(501), at(990), at(1_000)], [1, 1, 25, 26, 50, 50]);
    }

    #[test]
    fn long_latencies_are_right_to_a_64th() {
        for micros in [63, 64, 65, 1_000, 12_345, 999_999, 60_000_000, u64::MAX / 3, u64::MAX] {
            let longest = longest_in(bucket(micros));
            assert!(longest >= micros && longest - micros <= micros / 64, "{micros} {longest}");
        }
    }

    #[test]
    fn no_percentile_exceeds_the_longest() {
        let mut latencies = Latencies::default();
        latencies.add(Micros::new(1_000_001));
        assert_eq!(latencies.percentile(500), latencies.longest());
        assert_eq!(latencies.longest(), Micros::new(1_000_001));
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for index in 0..BUCKET_COUNT - 1 {
            assert_eq!(bucket(longest_in(index)), index);
            assert_eq!(bucket(longest_in(index) + 1), index + 1);
        }
    }
}

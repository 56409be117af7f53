//! Values of which only the newest counts: who is typing, who is there, where something is (protocol.md, "Latest values").
//!
//! A value goes out once, in the next packet that may, and is never repeated; what replaces it before that is sent in its place. The
//! owner names what a value is of by a key of his own; on the wire a key is a slot. An older value is known by the number of the
//! packet that it came in, so a slot needs no version of its own.

use super::error::SendError;
use crate::wire::{LATEST_LEN_MAX, LATEST_SLOTS_MAX, Slot};
use std::collections::VecDeque;
use std::sync::Arc;

/// The most values that wait to be sent, and the most that wait to be taken. One more pushes the oldest out.
pub const LATEST_WAITING_MAX: usize = 64;

/// What a value is of, as its sender names it: a value replaces those of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LatestKey(pub u64);

impl LatestKey {
    /// The slot of this key. Two keys may share one; then disorder on the way can cost a value of either.
    fn slot(self) -> Slot {
        // Fibonacci hashing: keys that count up spread over the slots.
        let [high, ..] = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        Slot::new(high.checked_rem(LATEST_SLOTS_MAX).unwrap_or_default()).unwrap_or_default()
    }
}

/// The values of one direction that wait to be sent, each key once.
#[derive(Debug, Default)]
pub(super) struct LatestSending {
    waiting: VecDeque<(LatestKey, Arc<[u8]>)>,
}

impl LatestSending {
    /// Puts a value in line, or in the place of an older one of its key. Returns whether another key's value fell out for it.
    ///
    /// # Errors
    /// [`SendError::TooLong`].
    pub fn put(&mut self, key: LatestKey, value: &Arc<[u8]>) -> Result<bool, SendError> {
        if value.len() > LATEST_LEN_MAX {
            return Err(SendError::TooLong);
        }
        if let Some((_, older)) = self.waiting.iter_mut().find(|(other, _)| *other == key) {
            *older = Arc::clone(value);
            return Ok(false);
        }
        let is_full = self.waiting.len() >= LATEST_WAITING_MAX;
        if is_full {
            self.waiting.pop_front();
        }
        self.waiting.push_back((key, Arc::clone(value)));
        Ok(is_full)
    }

    /// The length of the value whose turn it is.
    pub fn next_len(&self) -> Option<usize> {
        self.waiting.front().map(|(_, value)| value.len())
    }

    /// Takes the value whose turn it is, with its slot.
    pub fn take(&mut self) -> Option<(Slot, Arc<[u8]>)> {
        let (key, value) = self.waiting.pop_front()?;
        if self.waiting.is_empty() {
            self.clear();
        }
        Some((key.slot(), value))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.waiting = VecDeque::new();
    }
}

/// The values of one direction that came, and which packet brought the newest of each slot.
#[derive(Debug, Default)]
pub(super) struct LatestReceiving {
    /// One above the number of that packet, by slot; 0 before the first.
    newest_below: Option<Box<[u64; LATEST_SLOTS_MAX as usize]>>,
    waiting: VecDeque<Vec<u8>>,
}

impl LatestReceiving {
    /// Takes in a value that came in the packet with this number. Returns `false` if a newer one came before.
    pub fn on_value(&mut self, number: u64, slot: Slot, bytes: &[u8]) -> bool {
        let newest = self.newest_below.get_or_insert_with(|| Box::new([0; LATEST_SLOTS_MAX as usize]));
        let Some(below) = newest.get_mut(usize::from(slot.number())) else { return false };
        let next = number.saturating_add(1);
        if next < *below {
            return false;
        }
        *below = next;
        if self.waiting.len() >= LATEST_WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(bytes.to_vec());
        true
    }

    /// The next value for the owner, in the order in which they came.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let value = self.waiting.pop_front();
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(byte: u8) -> Arc<[u8]> {
        Arc::from([byte])
    }

    #[test]
    fn a_newer_value_takes_the_place_of_one_that_waits() {
        let mut sending = LatestSending::default();
        for (key, byte) in [(1, 1), (2, 2), (1, 3)] {
            assert_eq!(sending.put(LatestKey(key), &value(byte)), Ok(false));
        }
        let sent: Vec<_> = std::iter::from_fn(|| sending.take()).map(|(_, value)| value[0]).collect();
        assert_eq!(sent, [3, 2]);
        assert_eq!(sending.next_len(), None);
    }

    #[test]
    fn so_many_values_wait_and_the_oldest_gives_way() {
        let mut sending = LatestSending::default();
        for key in 0..LATEST_WAITING_MAX as u64 {
            assert_eq!(sending.put(LatestKey(key), &value(key as u8)), Ok(false));
        }
        assert_eq!(sending.put(LatestKey(1_000), &value(255)), Ok(true));
        let sent: Vec<_> = std::iter::from_fn(|| sending.take()).map(|(_, value)| value[0]).collect();
        assert_eq!((sent.len(), sent[0], sent[LATEST_WAITING_MAX - 1]), (LATEST_WAITING_MAX, 1, 255));
        let long: Arc<[u8]> = Arc::from([0; LATEST_LEN_MAX + 1]);
        assert_eq!(sending.put(LatestKey(1), &long), Err(SendError::TooLong));
        assert_eq!(sending.put(LatestKey(1), &Arc::from([0; LATEST_LEN_MAX])), Ok(false));
    }

    #[test]
    fn keys_spread_over_the_slots_and_each_keeps_its_own() {
        let mut used = [0; LATEST_SLOTS_MAX as usize];
        for key in 0..640 {
            assert_eq!(LatestKey(key).slot(), LatestKey(key).slot());
            used[usize::from(LatestKey(key).slot().number())] += 1;
        }
        assert!(used.iter().all(|count| (5..=15).contains(count)), "{used:?}");
    }

    #[test]
    fn an_older_packet_never_brings_a_value_after_a_newer_one() {
        let mut receiving = LatestReceiving::default();
        let [one, two] = [1, 2].map(|number| Slot::new(number).unwrap());
        assert!(receiving.on_value(7, one, b"new"));
        assert!(!receiving.on_value(6, one, b"old"));
        assert!(receiving.on_value(6, two, b"other"));
        assert!(receiving.on_value(7, one, b"two of a slot in one packet"));
        let taken: Vec<_> = std::iter::from_fn(|| receiving.take()).collect();
        assert_eq!(taken, [&b"new"[..], b"other", b"two of a slot in one packet"]);
    }

    #[test]
    fn an_owner_who_does_not_look_finds_the_newest() {
        let mut receiving = LatestReceiving::default();
        for number in 0..1_000_u64 {
            let slot = Slot::new((number % u64::from(LATEST_SLOTS_MAX)) as u8).unwrap();
            assert!(receiving.on_value(number, slot, &number.to_be_bytes()));
        }
        assert_eq!(receiving.waiting.len(), LATEST_WAITING_MAX);
        assert_eq!(receiving.take(), Some((1_000 - LATEST_WAITING_MAX as u64).to_be_bytes().to_vec()));
    }
}

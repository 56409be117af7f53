//! A table of connections with stable places, so that a connection ID can be an index.
//!
//! A freed place is given away again as late as possible and under a new generation; a handle of an earlier generation finds
//! nothing.

use std::collections::VecDeque;

/// Names one connection of an endpoint. Never reused: a handle of a connection that is gone finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionHandle {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl ConnectionHandle {
    /// The generation as connection IDs carry it: modulo 256.
    pub(super) fn wire_generation(self) -> u8 {
        let [.., low] = self.generation.to_be_bytes();
        low
    }
}

/// At most `count_max` values, each in a place of its own.
#[derive(Debug)]
pub(super) struct Slots<T> {
    entries: Vec<Entry<T>>,
    free: VecDeque<u32>,
    count: usize,
    count_max: u32,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    occupant: Option<T>,
}

impl<T> Slots<T> {
    /// An empty table.
    pub(super) fn new(count_max: u32) -> Self {
        Self { entries: Vec::new(), free: VecDeque::new(), count: 0, count_max }
    }

    /// Values in the table.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The handle that the next [`Slots::insert`] will return; `None` if the table is full.
    ///
    /// Fresh places come first, so that a freed one rests: late packets of its former connection then meet nobody.
    pub(super) fn next_handle(&self) -> Option<ConnectionHandle> {
        let fresh = u32::try_from(self.entries.len()).ok().filter(|slot| *slot < self.count_max && self.free.len() < RESTING_MIN);
        if let Some(slot) = fresh {
            return Some(ConnectionHandle { slot, generation: 0 });
        }
        let slot = *self.free.front()?;
        let entry = self.entries.get(usize::try_from(slot).ok()?)?;
        Some(ConnectionHandle { slot, generation: entry.generation.wrapping_add(1) })
    }

    /// Puts a value where [`Slots::next_handle`] said; `None` if the table is full.
    pub(super) fn insert(&mut self, occupant: T) -> Option<ConnectionHandle> {
        let handle = self.next_handle()?;
        match self.entries.get_mut(usize::try_from(handle.slot).ok()?) {
            None => self.entries.push(Entry { generation: handle.generation, occupant: Some(occupant) }),
            Some(entry) => {
                assert!(entry.occupant.is_none(), "a free place is empty");
                *entry = Entry { generation: handle.generation, occupant: Some(occupant) };
                self.free.pop_front();
            }
        }
        self.count = self.count.saturating_add(1);
        Some(handle)
    }

    /// The value with this handle.
    pub(super) fn occupant(&self, handle: ConnectionHandle) -> Option<&T> {
        let entry = self.entries.get(usize::try_from(handle.slot).ok()?)?;
        entry.occupant.as_ref().filter(|_| entry.generation == handle.generation)
    }

    /// The value with this handle, to be changed.
    pub(super) fn occupant_mut(&mut self, handle: ConnectionHandle) -> Option<&mut T> {
        let entry = self.entries.get_mut(usize::try_from(handle.slot).ok()?)?;
        entry.occupant.as_mut().filter(|_| entry.generation == handle.generation)
    }

    /// The handle of the value in place `slot`, if its generation on the wire is `wire_generation`.
    pub(super) fn find(&self, slot: u32, wire_generation: u8) -> Option<ConnectionHandle> {
        let entry = self.entries.get(usize::try_from(slot).ok()?)?;
        let handle = ConnectionHandle { slot, generation: entry.generation };
        (entry.occupant.is_some() && handle.wire_generation() == wire_generation).then_some(handle)
    }

    /// Takes a value out; its place rests until others have been given away.
    pub(super) fn remove(&mut self, handle: ConnectionHandle) -> Option<T> {
        let entry = self.entries.get_mut(usize::try_from(handle.slot).ok()?)?;
        if entry.generation != handle.generation {
            return None;
        }
        let occupant = entry.occupant.take()?;
        self.free.push_back(handle.slot);
        self.count = self.count.saturating_sub(1);
        Some(occupant)
    }

    /// The handles of all values, by place.
    pub(super) fn handles(&self) -> Vec<ConnectionHandle> {
        let places = (0_u32..).zip(&self.entries);
        places
            .filter(|(_, entry)| entry.occupant.is_some())
            .map(|(slot, entry)| ConnectionHandle { slot, generation: entry.generation })
            .collect()
    }
}

/// So many freed places rest before one is given away again, while the table may still grow.
const RESTING_MIN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_finds_its_value_until_it_is_removed_and_never_after() {
        let mut slots = Slots::new(1);
        let mut old = Vec::new();
        for value in 0..300 {
            let announced = slots.next_handle().unwrap();
            let handle = slots.insert(value).unwrap();
            assert_eq!(handle, announced);
            assert_eq!(slots.occupant(handle), Some(&value));
            assert_eq!(slots.find(0, handle.wire_generation()), Some(handle));
            assert!(old.iter().all(|old| slots.occupant(*old).is_none()));
            assert_eq!(slots.remove(handle), Some(value));
            assert_eq!(slots.remove(handle), None);
            old.push(handle);
        }
    }

    #[test]
    fn the_table_never_exceeds_its_cap() {
        let mut slots = Slots::new(100);
        let handles: Vec<_> = (0..100).map(|value| slots.insert(value).unwrap()).collect();
        assert_eq!(slots.insert(100), None);
        assert_eq!(slots.len(), 100);
        assert_eq!(slots.handles(), handles);
        slots.remove(handles[50]);
        assert_eq!(slots.insert(101).unwrap().slot, 50);
    }

    #[test]
    fn a_freed_place_rests_while_fresh_ones_are_left() {
        let mut slots = Slots::new(1_000);
        let first = slots.insert(0).unwrap();
        slots.remove(first);
        for _ in 1..RESTING_MIN {
            let handle = slots.insert(0).unwrap();
            assert_ne!(handle.slot, first.slot);
            slots.remove(handle);
        }
        assert_eq!(slots.insert(0).unwrap().slot, first.slot);
    }
}

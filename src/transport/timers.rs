//! When each connection wants to be woken: one entry per connection, corrected lazily.
//!
//! A deadline that moves away leaves its entry where it is; when the entry comes up, the connection is asked again. So the
//! usual case, an acknowledgement that pushes a probe further off, costs nothing here.

use std::collections::BTreeSet;

use super::slots::ConnectionHandle;
use super::time::Time;

/// Wake-up times, earliest first.
#[derive(Debug, Default)]
pub(super) struct Timers {
    entries: BTreeSet<(Time, ConnectionHandle)>,
}

impl Timers {
    /// Makes sure that `handle`, whose entry is at `armed_at`, comes up no later than `deadline`; returns where its entry is now.
    pub(super) fn arm(&mut self, handle: ConnectionHandle, armed_at: Option<Time>, deadline: Option<Time>) -> Option<Time> {
        let Some(deadline) = deadline.filter(|deadline| armed_at.is_none_or(|armed_at| *deadline < armed_at)) else {
            return armed_at;
        };
        self.disarm(handle, armed_at);
        self.entries.insert((deadline, handle));
        Some(deadline)
    }

    /// Forgets the entry of `handle` at `armed_at`.
    pub(super) fn disarm(&mut self, handle: ConnectionHandle, armed_at: Option<Time>) {
        if let Some(armed_at) = armed_at {
            self.entries.remove(&(armed_at, handle));
        }
    }

    /// The earliest entry.
    pub(super) fn earliest(&self) -> Option<Time> {
        self.entries.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest entry if it is due at `now`.
    pub(super) fn take_due(&mut self, now: Time) -> Option<ConnectionHandle> {
        self.entries.first().filter(|(at, _)| *at <= now)?;
        self.entries.pop_first().map(|(_, handle)| handle)
    }

    /// Entries in the queue.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLE: ConnectionHandle = ConnectionHandle { slot: 3, generation: 1 };

    #[test]
    fn a_connection_has_one_entry_however_often_its_deadline_moves() {
        let mut timers = Timers::default();
        let mut armed_at = None;
        for micros in [500, 400, 900, 300, 300, 1_000] {
            armed_at = timers.arm(HANDLE, armed_at, Some(Time::from_micros(micros)));
            assert_eq!(timers.len(), 1);
        }
        assert_eq!(timers.earliest(), Some(Time::from_micros(300)));
        assert_eq!(timers.arm(HANDLE, armed_at, None), armed_at, "corrected when it comes up");
        assert_eq!(timers.take_due(Time::from_micros(299)), None);
        assert_eq!(timers.take_due(Time::from_micros(300)), Some(HANDLE));
        assert_eq!(timers.earliest(), None);
    }
}

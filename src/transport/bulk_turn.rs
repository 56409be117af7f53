//! Chat goes first, but not for ever: a bulk stream that chat has kept out for a round trip gets every tenth packet.

use super::time::{Micros, Time};

/// One packet in so many begins with bulk bytes while bulk starves.
pub const BULK_SHARE: u8 = 10;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct BulkTurn {
    /// Since when bulk has waited without getting anything but its turns.
    starved_since: Option<Time>,
    /// Packets of chat since the last turn.
    chat_count: u8,
}

impl BulkTurn {
    /// Bulk is served.
    pub const fn new() -> Self {
        Self { starved_since: None, chat_count: 0 }
    }

    /// Whether the next packet begins with bulk bytes.
    pub fn is_now(&self, now: Time, rtt: Micros) -> bool {
        let starves = self.starved_since.is_some_and(|since| since + rtt <= now);
        starves && self.chat_count >= BULK_SHARE.saturating_sub(1)
    }

    /// A packet went out that began with bulk bytes because it was their turn.
    pub const fn on_turn(&mut self) {
        self.chat_count = 0;
    }

    /// A packet went out that began with chat bytes; `bulk_waits` if bulk would have had something and got no room.
    pub fn on_chat(&mut self, now: Time, bulk_waits: bool) {
        if bulk_waits {
            self.starved_since.get_or_insert(now);
            self.chat_count = self.chat_count.saturating_add(1);
        } else {
            *self = Self::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_starves_gets_every_tenth_packet() {
        let rtt = Micros::from_millis(50);
        let mut turn = BulkTurn::new();
        let mut turns = Vec::new();
        for n in 0..100 {
            let now = Time::from_micros(n * 1_000);
            if turn.is_now(now, rtt) {
                turn.on_turn();
                turns.push(n);
            } else {
                turn.on_chat(now, true);
            }
        }
        assert_eq!(turns, [50, 60, 70, 80, 90]);
        turn.on_chat(Time::from_micros(100_000), false);
        turn.on_chat(Time::from_micros(101_000), true);
        assert!(!turn.is_now(Time::from_micros(102_000), rtt), "it was served in between");
    }
}

//! What a run is to do: how many guests in how many rooms write how much and how fast, and whose turn each message is.

use std::num::NonZeroU32;

use thiserror::Error;

use super::load::GUEST_COUNT_MAX;
use super::stamp::STAMP_LEN;
use crate::message::TEXT_LEN_MAX;

/// A run that can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    room_count: u32,
    member_count: u32,
    message_count: u64,
    text_len: usize,
    pace: Pace,
}

/// How fast messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Open loop: this many a second over all rooms, however the server keeps up.
    Rate(NonZeroU32),
    /// Closed loop: in every room, at most this many at a time that have not reached all members.
    Window(NonZeroU32),
}

/// Who writes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) room: u32,
    pub(super) member: u32,
}

/// Why a run cannot be done, in words for the person who asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PlanError {
    /// There is nobody to deliver to.
    #[error("a run needs at least one room with at least two members")]
    Nobody,
    /// There is nothing to deliver.
    #[error("a run needs at least one message")]
    Nothing,
    /// One process has so many places.
    #[error("{0} guests are more than one process can be; it can be {GUEST_COUNT_MAX}")]
    TooMany(u64),
    /// Every text carries its send time.
    #[error("a text of {0} bytes is not possible; it can have {STAMP_LEN} to {TEXT_LEN_MAX}, because it carries its send time")]
    TextLen(usize),
}

impl Plan {
    /// `message_count` messages of `text_len` bytes, in all, over `room_count` rooms of `member_count` members each.
    ///
    /// # Errors
    /// [`PlanError`] says what is possible.
    pub fn new(room_count: u32, member_count: u32, message_count: u64, text_len: usize, pace: Pace) -> Result<Self, PlanError> {
        let guest_count = u64::from(room_count) * u64::from(member_count);
        if room_count == 0 || member_count < 2 {
            return Err(PlanError::Nobody);
        }
        if message_count == 0 {
            return Err(PlanError::Nothing);
        }
        if guest_count > u64::from(GUEST_COUNT_MAX) {
            return Err(PlanError::TooMany(guest_count));
        }
        if !(STAMP_LEN..=TEXT_LEN_MAX).contains(&text_len) {
            return Err(PlanError::TextLen(text_len));
        }
        Ok(Self { room_count, member_count, message_count, text_len, pace })
    }

    /// Rooms.
    #[must_use]
    pub fn room_count(&self) -> u32 {
        self.room_count
    }

    /// Members of each room.
    #[must_use]
    pub fn member_count(&self) -> u32 {
        self.member_count
    }

    /// Messages in all.
    #[must_use]
    pub fn message_count(&self) -> u64 {
        self.message_count
    }

    /// Bytes of each text.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.text_len
    }

    /// How fast.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Guests in all.
    #[must_use]
    pub fn guest_count(&self) -> u32 {
        self.room_count * self.member_count
    }

    /// How often a message is delivered: to every member but its sender.
    #[must_use]
    pub fn deliveries_per_message(&self) -> u64 {
        u64::from(self.member_count) - 1
    }

    /// Deliveries in all, if nothing is lost.
    #[must_use]
    pub fn expected_count(&self) -> u64 {
        self.message_count * self.deliveries_per_message()
    }

    /// Messages of one room.
    pub(super) fn room_message_count(&self, room: u32) -> u64 {
        let rooms = u64::from(self.room_count);
        self.message_count / rooms + u64::from(u64::from(room) < self.message_count % rooms)
    }

    /// Who writes the message of this number, counted from 0: senders take turns over rooms, then over members.
    pub(super) fn turn(&self, number: u64) -> Turn {
        let rooms = u64::from(self.room_count);
        let member = number / rooms % u64::from(self.member_count);
        Turn { room: (number % rooms) as u32, member: member as u32 }
    }

    /// Who writes a room's message of this number, counted from 0 in the room.
    pub(super) fn turn_in_room(&self, room: u32, number_in_room: u64) -> Turn {
        self.turn(number_in_room * u64::from(self.room_count) + u64::from(room))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn plan(rooms: u32, members: u32, messages: u64, pace: Pace) -> Plan {
        Plan::new(rooms, members, messages, 100, pace).unwrap()
    }

    pub(in super::super) fn rate(per_s: u32) -> Pace {
        Pace::Rate(NonZeroU32::new(per_s).unwrap())
    }

    pub(in super::super) fn window(count: u32) -> Pace {
        Pace::Window(NonZeroU32::new(count).unwrap())
    }

    #[test]
    fn senders_take_turns_over_rooms_and_then_over_members() {
        let plan = plan(2, 3, 8, rate(1));
        let turns: Vec<(u32, u32)> = (0..8).map(|number| plan.turn(number)).map(|turn| (turn.room, turn.member)).collect();
        assert_eq!(turns, [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2), (0, 0), (1, 0)]);
        assert_eq!(plan.turn_in_room(1, 2), Turn { room: 1, member: 2 });
    }

    #[test]
    fn the_messages_of_the_rooms_are_all_messages() {
        let plan = plan(3, 10, 8, rate(1));
        let counts: Vec<u64> = (0..3).map(|room| plan.room_message_count(room)).collect();
        assert_eq!(counts, [3, 3, 2]);
        assert_eq!(plan.expected_count(), 72);
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_what_can() {
        let refusal = |rooms, members, messages, len| Plan::new(rooms, members, messages, len, rate(1)).unwrap_err();
        assert_eq!(refusal(0, 10, 1, 100), PlanError::Nobody);
        assert_eq!(refusal(1, 1, 1, 100), PlanError::Nobody);
        assert_eq!(refusal(1, 2, 0, 100), PlanError::Nothing);
        assert_eq!(refusal(1_000_000, 10_000, 1, 100), PlanError::TooMany(10_000_000_000));
        assert_eq!(refusal(1, 2, 1, STAMP_LEN - 1), PlanError::TextLen(STAMP_LEN - 1));
        assert_eq!(refusal(1, 2, 1, TEXT_LEN_MAX + 1), PlanError::TextLen(TEXT_LEN_MAX + 1));
    }
}

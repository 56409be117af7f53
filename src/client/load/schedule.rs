//! When each message of a plan is due: by the clock, or when an earlier one has reached everybody.

use std::collections::VecDeque;

use super::plan::{Pace, Plan, Turn};
use crate::transport::{Micros, Time};

/// A plan that is being carried out.
#[derive(Debug)]
pub(super) struct Schedule {
    plan: Plan,
    began_at: Time,
    sent: u64,
    rooms: Vec<RoomCount>,
    /// Closed loop: rooms that may have something due, each at most once.
    open: VecDeque<u32>,
}

#[derive(Debug, Default, Clone)]
struct RoomCount {
    sent: u64,
    delivered: u64,
    is_open: bool,
}

impl Schedule {
    pub(super) fn begin(plan: Plan, now: Time) -> Self {
        let (rooms, open) = match plan.pace() {
            Pace::Rate(_) => (Vec::new(), VecDeque::new()),
            Pace::Window(_) => {
                let room = RoomCount { is_open: true, ..RoomCount::default() };
                (vec![room; plan.room_count() as usize], (0..plan.room_count()).collect())
            }
        };
        Self { plan, began_at: now, sent: 0, rooms, open }
    }

    /// Who writes now, if it is anybody's turn; he does.
    pub(super) fn next_due(&mut self, now: Time) -> Option<Turn> {
        let turn = match self.plan.pace() {
            Pace::Rate(_) => {
                self.deadline().filter(|due_at| *due_at <= now)?;
                self.plan.turn(self.sent)
            }
            Pace::Window(window) => self.next_open(u64::from(window.get()))?,
        };
        self.sent += 1;
        Some(turn)
    }

    /// When the next message is due by the clock.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self.plan.pace() {
            Pace::Rate(per_s) if self.sent < self.plan.message_count() => {
                let since = u128::from(self.sent) * 1_000_000 / u128::from(per_s.get());
                Some(self.began_at + Micros::new(u64::try_from(since).unwrap_or(u64::MAX)))
            }
            Pace::Rate(_) | Pace::Window(_) => None,
        }
    }

    /// A message of this room has reached one more member.
    pub(super) fn on_delivered(&mut self, room: u32) {
        let Some(count) = self.rooms.get_mut(room as usize) else { return };
        count.delivered += 1;
        if count.delivered % self.plan.deliveries_per_message() == 0 && !count.is_open {
            count.is_open = true;
            self.open.push_back(room);
        }
    }

    fn next_open(&mut self, window: u64) -> Option<Turn> {
        while let Some(room) = self.open.pop_front() {
            let count = self.rooms.get_mut(room as usize)?;
            let everywhere = count.delivered / self.plan.deliveries_per_message();
            let is_due = count.sent < self.plan.room_message_count(room) && count.sent - everywhere.min(count.sent) < window;
            if is_due {
                let turn = self.plan.turn_in_room(room, count.sent);
                count.sent += 1;
                self.open.push_back(room);
                return Some(turn);
            }
            count.is_open = false;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::{plan, rate, window};
    use super::*;

    fn due(schedule: &mut Schedule, now: Time) -> Vec<(u32, u32)> {
        std::iter::from_fn(|| schedule.next_due(now)).map(|turn| (turn.room, turn.member)).collect()
    }

    #[test]
    fn a_rate_is_kept_by_the_clock() {
        let start = Time::from_micros(5);
        let mut schedule = Schedule::begin(plan(1, 2, 5, rate(1_000)), start);
        assert_eq!(due(&mut schedule, start), [(0, 0)]);
        assert_eq!(schedule.deadline(), Some(start + Micros::from_millis(1)));
        assert_eq!(due(&mut schedule, start + Micros::from_millis(2)), [(0, 1), (0, 0)]);
        assert_eq!(due(&mut schedule, start + Micros::from_secs(9)), [(0, 1), (0, 0)], "and no more than planned");
        assert_eq!(schedule.deadline(), None);
    }

    #[test]
    fn a_window_holds_in_every_room_until_all_members_have_a_message() {
        let now = Time::default();
        let mut schedule = Schedule::begin(plan(2, 3, 9, window(2)), now);
        assert_eq!(due(&mut schedule, now), [(0, 0), (1, 0), (0, 1), (1, 1)]);
        schedule.on_delivered(1);
        assert_eq!(due(&mut schedule, now), []);
        schedule.on_delivered(1);
        assert_eq!(due(&mut schedule, now), [(1, 2)]);
        (0..4).for_each(|_| schedule.on_delivered(0));
        assert_eq!(due(&mut schedule, now), [(0, 2), (0, 0)]);
        (0..100).for_each(|n| schedule.on_delivered(n % 2));
        assert_eq!(due(&mut schedule, now), [(0, 1), (1, 0)], "the rest of the plan");
    }
}

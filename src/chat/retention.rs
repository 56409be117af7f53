//! What a room does not keep: messages above an age, or beyond a number. Their bodies are erased, their places stay.
//!
//! A message goes with its edits, reactions and pins, wherever in the log these are. Each step goes on from where the last one ended and appends one event that names the range, however many messages are in
//! it. A message may live up to an hour longer than the room says, so that there are few such events.

use super::command::Change;
use super::forgetting;
use super::posting::root_of;
use super::turn::{Ruled, Speaker, Turn};
use crate::message::{EventBody, LogId, RoomEvent, Seq};
use crate::store::{AgingEvent, Chore, ChoreKind, ChoreWork, Log, StoreError};

/// Events that one step looks at.
pub(super) const STEP_EVENTS_MAX: usize = 500;

/// The least time between two rounds through one room.
const ROUND_DELAY_MS: u64 = 3_600_000;

/// A step that has changed so many rows ends: a message may have a hundred edits and five hundred reactions.
const STEP_ROWS_MAX: usize = 500;

const DAY_MS: u64 = 86_400_000;

/// The kinds of events whose bodies are what somebody said, or say something about that.
const SAID: std::ops::RangeInclusive<u16> = 10..=19;

/// The room's retention was set: the next round begins at once, in the speaker's name.
pub(super) fn begin(turn: &mut Turn<'_>, speaker: &Speaker, log: LogId) -> Ruled<()> {
    let due_ms = turn.command.time_ms;
    if let Some(chore) = turn.db.tables().chore_of_log(ChoreKind::Retention, log)? {
        turn.db.remove_chore(chore.id)?;
    }
    let (user, device) = (speaker.user.id, speaker.device);
    turn.db.add_chore(due_ms, &ChoreWork { kind: ChoreKind::Retention, user, device, log: Some(log), state: Vec::new() })?;
    turn.change(Change::ChoreDue { at_ms: due_ms });
    Ok(())
}

/// Erases what the next few hundred events hold too long; then the chore waits for its next time, or ends with the setting.
pub(super) fn step(turn: &mut Turn<'_>, speaker: &Speaker, chore: &Chore) -> Ruled<()> {
    let log = match chore.work.log {
        Some(log) => turn.db.tables().log(log)?,
        None => None,
    };
    let log = log.ok_or(StoreError::Damaged("a retention chore names no log"))?;
    if log.settings.retain_days == 0 && log.settings.retain_posts == 0 {
        turn.db.remove_chore(chore.id)?;
        return Ok(());
    }
    let id = log.head.log;
    let now_ms = turn.command.time_ms;
    let events = turn.db.tables().aging_events(id, log.settings.erased, STEP_EVENTS_MAX)?;
    let passed_count = count_passed(&log, &events, now_ms);
    let (passed, kept) = events.split_at(passed_count);
    let mut erased: Option<(Seq, Seq)> = None;
    let (mut done, mut row_count) = (None, 0);
    for event in passed {
        if row_count >= STEP_ROWS_MAX {
            break;
        }
        done = Some(event.seq);
        if let Some(body) = event.body.as_deref().filter(|body| is_said(body)) {
            row_count += erase(turn, id, event.seq, body)?;
            erased = Some((erased.map_or(event.seq, |(first, _)| first), event.seq));
        }
    }
    if let Some(last) = done {
        turn.db.set_erased(id, last)?;
    }
    if let Some((first, last)) = erased {
        turn.append(&log.head, speaker, &EventBody::Room(RoomEvent::RangeErased(first, last, None)))?;
        forgetting::begin(turn, speaker)?;
    }
    let is_through = passed_count < STEP_EVENTS_MAX && done == passed.last().map(|last| last.seq);
    let due_ms = if is_through { next_round(&log, kept.first(), now_ms) } else { now_ms };
    turn.db.set_chore_due(chore.id, due_ms)?;
    Ok(())
}

/// Erases a message with everything that is laid over it, or what says something about one; how many rows that changed.
fn erase(turn: &mut Turn<'_>, log: LogId, seq: Seq, body: &[u8]) -> Result<usize, StoreError> {
    match EventBody::read(body) {
        EventBody::Posted(post) => {
            let root = root_of(turn.db.tables(), log, seq, &post)?;
            turn.db.erase_post(log, seq, root)
        }
        // It may have gone with its message a moment ago.
        EventBody::Edited(_) if turn.db.tables().event(log, seq)?.is_none_or(|edit| edit.body.is_err()) => Ok(0),
        _ => turn.db.erase_body(log, seq, body).map(|()| 1),
    }
}

/// How many of the events, from the first on, the room no longer keeps.
fn count_passed(log: &Log, events: &[AgingEvent], now_ms: u64) -> usize {
    let settings = &log.settings;
    let aged_ms = match settings.retain_days {
        0 => None,
        days => now_ms.checked_sub(days * DAY_MS),
    };
    // Posts up to this number are beyond what is kept; what stands between them and the first kept one is about them.
    let surplus = match settings.retain_posts {
        0 => 0,
        kept => log.head.post_count.saturating_sub(kept),
    };
    let mut is_surplus = surplus > 0;
    let mut passes = |event: &AgingEvent| {
        is_surplus = event.post_number.map_or(is_surplus, |number| number <= surplus);
        is_surplus || aged_ms.is_some_and(|aged_ms| event.time_ms <= aged_ms)
    };
    events.iter().take_while(|event| passes(event)).count()
}

/// When the room is to be looked at again; `oldest` is the first event that it still keeps.
fn next_round(log: &Log, oldest: Option<&AgingEvent>, now_ms: u64) -> u64 {
    let soonest_ms = now_ms + ROUND_DELAY_MS;
    if log.settings.retain_posts > 0 {
        return soonest_ms;
    }
    soonest_ms.max(oldest.map_or(now_ms, |oldest| oldest.time_ms) + log.settings.retain_days * DAY_MS)
}

fn is_said(body: &[u8]) -> bool {
    body.first_chunk::<2>().is_some_and(|kind| SAID.contains(&u16::from_be_bytes(*kind)))
}

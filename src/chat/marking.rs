//! Read markers: how far a user has read a log, the same on all of the user's devices.
//!
//! The last writer wins, so that a message can be marked unread again. Coming into a room and writing to it mark it as read up
//! to there. How many messages are behind a marker is a difference of two numbers, because posts are numbered densely. Who waits
//! for readers hears of every move, the user's other devices of one in two seconds.

use super::command::{Change, Outcome};
use super::target::{Place, find, not_member};
use super::turn::{Ruled, Speaker, Stop, Turn, refuse};
use crate::message::{EventBody, History, Marked, Refusal, RefusalCode, Reply, Seq, Target, UserId};
use crate::store::{LogHead, LogKind, Marker, StoreError, Tables};

/// The least time between two moves of one marker, in milliseconds: each is an event in the user's own log.
pub const MARK_INTERVAL_MS: u64 = 2_000;

/// Moves the speaker's marker to the place asked for, or to the nearest one that the speaker may read.
pub(super) fn mark_read(mut turn: Turn<'_>, speaker: &Speaker, log: &Target, seq: Seq) -> Ruled<Outcome> {
    let (tables, user) = (turn.db.tables(), speaker.user.id);
    let place = find(tables, user, log)?;
    if place.log.kind == LogKind::Own {
        return refuse(RefusalCode::NoSuchRoom, "your own log has no messages to be read");
    }
    let Some(membership) = tables.open_span(place.id(), user)? else {
        return not_member(&place, &tables.spans(place.id(), user)?);
    };
    let marker = tables.marker(user, place.id())?.unwrap_or_default();
    if marker.request == Some(turn.command.id) {
        let reply = marked(tables, user, &place, (marker.seq, marker.post_number))?;
        return Ok(turn.repeated(reply));
    }
    let first = if place.log.settings.history == History::All { Seq(0) } else { membership.from };
    let seq = seq.max(first).min(place.head());
    let Some(post_number) = tables.posts_up_to(place.id(), seq, place.log.head)? else {
        return refuse(RefusalCode::OutOfRange, format!("there is no message near {seq}; mark another one"));
    };
    if marker.seq == seq {
        let reply = marked(tables, user, &place, (seq, post_number))?;
        return Ok(turn.done(reply));
    }
    let now_ms = turn.command.time_ms;
    let wait_ms = wait_ms(&marker, now_ms);
    if wait_ms > 0 {
        let sentence = "a room's read marker moves once in two seconds; try again";
        let wait_ms = u32::try_from(wait_ms).unwrap_or(u32::MAX);
        return Err(Stop::Refused(Refusal::retry_after(RefusalCode::TooMany, sentence, wait_ms)));
    }
    turn.db.set_marker(user, place.id(), (seq, post_number), now_ms, turn.command.id)?;
    turn.append_own(&speaker.user, speaker, &EventBody::ReadMarker(place.id(), seq))?;
    turn.change(Change::Read { log: place.id(), user, seq });
    let reply = marked(turn.db.tables(), user, &place, (seq, post_number))?;
    Ok(turn.done(reply))
}

/// Who writes has read: the marker moves to what the speaker wrote. A message costs an event in the speaker's own log only if
/// there is another device to hear of it and none was told of the marker in the last two seconds; a device that follows the log
/// sees the message itself.
pub(super) fn has_written(turn: &mut Turn<'_>, speaker: &Speaker, at: &LogHead) -> Ruled<()> {
    let (user, now_ms) = (speaker.user.id, turn.command.time_ms);
    let tables = turn.db.tables();
    let is_told =
        tables.has_other_device(user, speaker.device)? && wait_ms(&tables.marker(user, at.log)?.unwrap_or_default(), now_ms) == 0;
    turn.db.has_read(user, at, is_told.then_some(now_ms))?;
    if is_told {
        turn.append_own(&speaker.user, speaker, &EventBody::ReadMarker(at.log, at.seq))?;
    }
    turn.change(Change::Read { log: at.log, user, seq: at.seq });
    Ok(())
}

/// How long until the user's devices may be told of a marker again, in milliseconds. A clock that was set back by more than the
/// interval holds nobody up.
fn wait_ms(marker: &Marker, now_ms: u64) -> u64 {
    let free_at_ms = if marker.told_ms == 0 { 0 } else { marker.told_ms + MARK_INTERVAL_MS };
    let wait_ms = free_at_ms.saturating_sub(now_ms);
    if wait_ms <= MARK_INTERVAL_MS { wait_ms } else { 0 }
}

fn marked(tables: &Tables, user: UserId, place: &Place, (seq, post_number): (Seq, u64)) -> Result<Reply, StoreError> {
    let unread_count = place.log.head.post_count.saturating_sub(post_number);
    let mention_count = tables.mention_count(user, place.id(), seq)?;
    Ok(Reply::Marked(Marked { log: place.id(), room: place.called.clone(), seq, unread_count, mention_count }))
}

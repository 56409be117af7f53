//! Guests who do not come back: their accounts end.
//!
//! Each guest has a chore that looks when their devices were seen last. Before an account ends the loop is asked whether the
//! guest is there: who stays connected for weeks is not seen coming. What guests wrote stays; the name is nobody's any more.

use super::command::Change;
use super::deletion;
use super::turn::{Ruled, Speaker, Turn};
use crate::message::Texts;
use crate::store::{Chore, ChoreKind, ChoreWork, User};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// When a new guest is looked at first, and again those that are kept whatever they do.
const LOOK_DELAY_MS: u64 = DAY_MS;

/// How long the loop has to note that a guest is there.
const ANSWER_DELAY_MS: u64 = HOUR_MS;

/// The chore's state once the loop was asked.
const ASKED: &[u8] = &[1];

/// A guest was made.
pub(super) fn begin(turn: &mut Turn<'_>, speaker: &Speaker) -> Ruled<()> {
    let due_ms = turn.command.time_ms + LOOK_DELAY_MS;
    let work =
        ChoreWork { kind: ChoreKind::GuestLife, user: speaker.user.id, device: speaker.device, log: None, state: Vec::new() };
    turn.db.add_chore(due_ms, &work)?;
    turn.change(Change::ChoreDue { at_ms: due_ms });
    Ok(())
}

/// Looks at a guest: ends the account if no device of theirs was seen for `guest_days`, and at once if they have none any more;
/// 0 keeps all.
pub(super) fn step(turn: &mut Turn<'_>, speaker: &Speaker, chore: &Chore, guest_days: u32) -> Ruled<()> {
    let now_ms = turn.command.time_ms;
    if speaker.user.deleted {
        turn.db.remove_chore(chore.id)?;
        return Ok(());
    }
    let look_at_ms = match (last_seen(turn, &speaker.user)?, guest_days) {
        (None, _) => now_ms,
        (Some(_), 0) => now_ms + LOOK_DELAY_MS,
        (Some(seen_ms), days) => seen_ms + u64::from(days) * DAY_MS,
    };
    if look_at_ms > now_ms {
        turn.db.set_chore_state(chore.id, &[])?;
        turn.db.set_chore_due(chore.id, look_at_ms)?;
    } else if chore.work.state == ASKED {
        turn.db.remove_chore(chore.id)?;
        deletion::end(turn, speaker, Texts::Stay)?;
    } else {
        turn.db.set_chore_state(chore.id, ASKED)?;
        turn.db.set_chore_due(chore.id, now_ms + ANSWER_DELAY_MS)?;
        turn.change(Change::GuestDue { user: speaker.user.id });
    }
    Ok(())
}

fn last_seen(turn: &Turn<'_>, user: &User) -> Ruled<Option<u64>> {
    let devices = turn.db.tables().live_devices(user.id)?;
    Ok(devices.into_iter().map(|device| device.last_seen_ms).max())
}

//! The words of erased messages and of all their edits leave the index for good, some hours later and for all messages at once.
//!
//! Nothing is found by them from the start; but they stand in the file until the index is written anew, which costs as much for one
//! message as for all. The chore only says when: how long it takes depends on how the index stands, and no outcome may. The
//! [`Indexer`](super::Indexer) does it.

use super::command::Change;
use super::turn::{Ruled, Speaker, Turn};
use crate::store::{Chore, ChoreKind, ChoreWork, Forgetting};

/// How long after an erasure the index is written anew, at the most; what is erased meanwhile goes with it.
pub const FORGET_DELAY_MS: u64 = 6 * 3_600_000;

/// Something was erased: its words are to go too, unless a chore for that waits already.
pub(super) fn begin(turn: &mut Turn<'_>, speaker: &Speaker) -> Ruled<()> {
    if turn.db.tables().will_forget()? {
        return Ok(());
    }
    let due_ms = turn.command.time_ms + FORGET_DELAY_MS;
    let (user, device) = (speaker.user.id, speaker.device);
    turn.db.add_chore(due_ms, &ChoreWork { kind: ChoreKind::Forgetting, user, device, log: None, state: Vec::new() })?;
    turn.change(Change::ChoreDue { at_ms: due_ms });
    Ok(())
}

/// It is time. What is erased from now on has a chore of its own.
pub(super) fn step(turn: &mut Turn<'_>, chore: &Chore) -> Ruled<()> {
    turn.db.remove_chore(chore.id)?;
    turn.db.set_forgetting(Some(Forgetting { pass_count: 0, is_under_way: false }))?;
    turn.change(Change::ForgetWords);
    Ok(())
}

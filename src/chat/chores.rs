//! Work that is due later or too much for one command, in steps that each are one.
//!
//! A chore is a row with a time. The server orders [`Action::Chore`](super::Action::Chore) when the first is due; a step does
//! at most what one command may, in the name of the user who caused the chore, and then removes the row or gives it its next
//! time. A crash between two steps loses nothing and does nothing twice.

use super::command::{Change, ChoreTry, Outcome};
use super::target::known_user;
use super::turn::{Ruled, Speaker, Turn};
use super::{deletion, forgetting, guests, retention, scheduled};
use crate::message::Reply;
use crate::store::{Chore, ChoreKind};

/// How long a chore waits that failed.
const PUT_OFF_MS: u64 = 3_600_000;

/// Does one step of the chore that is due first, and tells when the next one is due.
pub(super) fn run(mut turn: Turn<'_>, what: ChoreTry, guest_days: u32) -> Ruled<Outcome> {
    let now_ms = turn.command.time_ms;
    if let Some(chore) = turn.db.tables().first_chore()?.filter(|chore| chore.due_ms <= now_ms) {
        match what {
            ChoreTry::Run => step(&mut turn, &chore, guest_days)?,
            ChoreTry::PutOff => turn.db.set_chore_due(chore.id, now_ms + PUT_OFF_MS)?,
        }
    }
    if let Some(next) = turn.db.tables().first_chore()? {
        turn.change(Change::ChoreDue { at_ms: next.due_ms });
    }
    Ok(turn.done(Reply::Done))
}

fn step(turn: &mut Turn<'_>, chore: &Chore, guest_days: u32) -> Ruled<()> {
    let user = known_user(turn.db.tables(), chore.work.user)?;
    let speaker = Speaker { user, device: chore.work.device };
    match chore.work.kind {
        ChoreKind::Retention => retention::step(turn, &speaker, chore),
        ChoreKind::Post => scheduled::step(turn, &speaker, chore),
        ChoreKind::Deletion => deletion::step(turn, &speaker, chore),
        ChoreKind::GuestLife => guests::step(turn, &speaker, chore, guest_days),
        ChoreKind::Forgetting => forgetting::step(turn, chore),
    }
}

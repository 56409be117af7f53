//! Who may come: invitations, and the code that makes the first admin.
//!
//! Whether a server wants an invitation is its configuration's business; what an invitation is worth is decided here, in the
//! one order of all commands, so that its last use is used once.

use super::accounts::account;
use super::command::Change;
use super::turn::{Ruled, Speaker, Turn, refuse};
use crate::message::{Account, CodeHash, RefusalCode, Reply, ServerRole};
use crate::store::Claim;

/// Most invitations that hold at a time.
pub const INVITATIONS_MAX: u64 = 1_000;

/// Most uses of one invitation.
pub const INVITATION_USES_MAX: u32 = 10_000;

/// Longest time that an invitation holds, in days.
pub const INVITATION_DAYS_MAX: u32 = 365;

const DAY_MS: u64 = 24 * 3_600_000;

/// How somebody new was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// Like everybody.
    AsUser,
    /// With the code that makes an admin.
    AsAdmin,
}

/// Uses up what the code is worth; one that is worth nothing is refused.
pub(super) fn admit(turn: &mut Turn<'_>, code: Option<&CodeHash>) -> Ruled<Admitted> {
    let Some(code) = code else { return Ok(Admitted::AsUser) };
    if turn.db.tables().claim()? == Claim::Open(*code) {
        turn.db.end_claim()?;
        return Ok(Admitted::AsAdmin);
    }
    if !turn.db.tables().is_invitation(code, turn.command.time_ms)? {
        let sentence = "this invitation does not exist, is used up or too old; ask for another one";
        return refuse(RefusalCode::WrongInvitation, sentence);
    }
    turn.db.use_invitation(code)?;
    Ok(Admitted::AsUser)
}

/// Makes the speaker the server's admin.
pub(super) fn claim(turn: &mut Turn<'_>, speaker: &Speaker, code: &CodeHash) -> Ruled<Reply> {
    if turn.db.tables().claim()? != Claim::Open(*code) {
        let sentence = "this is not the code that the server printed, or it was used; its operator can have it print another";
        return refuse(RefusalCode::WrongClaim, sentence);
    }
    if speaker.user.password_hash.is_none() {
        return refuse(RefusalCode::NotForGuests, "only an account with a password can be the server's admin");
    }
    turn.db.end_claim()?;
    turn.db.make_admin(speaker.user.id)?;
    let account = Account { role: ServerRole::Admin, ..account(&speaker.user, speaker.device) };
    turn.change(Change::RoleChanged { account: account.clone() });
    Ok(Reply::Account(account))
}

/// Makes an invitation.
pub(super) fn make(turn: &mut Turn<'_>, speaker: &Speaker, code: &CodeHash, uses: u32, days: u32) -> Ruled<Reply> {
    if speaker.user.role != ServerRole::Admin {
        return refuse(RefusalCode::NotAdmin, "only the server's admins invite people; ask one of them");
    }
    if !(1..=INVITATION_USES_MAX).contains(&uses) || !(1..=INVITATION_DAYS_MAX).contains(&days) {
        let sentence = format!("an invitation has 1 to {INVITATION_USES_MAX} uses and holds 1 to {INVITATION_DAYS_MAX} days");
        return refuse(RefusalCode::OutOfRange, sentence);
    }
    let time_ms = turn.command.time_ms;
    if turn.db.tables().invitation_count(time_ms)? >= INVITATIONS_MAX {
        return refuse(RefusalCode::LimitReached, format!("there are {INVITATIONS_MAX} invitations, the most there may be"));
    }
    if turn.db.tables().is_invitation(code, 0)? {
        return refuse(RefusalCode::IdReused, "there is an invitation of this code already; make another code");
    }
    let expires_ms = time_ms.saturating_add(u64::from(days) * DAY_MS);
    turn.db.add_invitation(code, speaker.user.id, uses, expires_ms, time_ms)?;
    Ok(Reply::Done)
}

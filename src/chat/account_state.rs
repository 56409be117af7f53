//! Accounts that the server's admins shut, and open again.
//!
//! From the commit on nothing is done for a disabled account: its commands and reads are refused, and its connections end. What
//! it wrote, where it is a member and its devices stay, so that it goes on where it was when it is enabled again. Its bots go
//! with it.

use super::bots::BOTS_MAX;
use super::command::Change;
use super::deletion::not_gone;
use super::moderation::named;
use super::turn::{Ruled, Speaker, Turn, refuse};
use crate::message::{AccountState, RefusalCode, Reply, ServerRole, UserId};

/// Disables an account, or enables it again.
pub(super) fn set(turn: &mut Turn<'_>, speaker: &Speaker, typed: &str, state: AccountState) -> Ruled<Reply> {
    if speaker.user.role != ServerRole::Admin {
        return refuse(RefusalCode::NotAdmin, "only the server's admins disable and enable accounts; ask one of them");
    }
    let user = named(turn.db.tables(), typed)?;
    not_gone(&user)?;
    if user.role == ServerRole::Admin {
        let sentence = format!("@{} is an admin of this server; admins leave each other and themselves alone", user.name);
        return refuse(RefusalCode::NotToAdmins, sentence);
    }
    turn.db.set_account_state(user.id, state)?;
    if state == AccountState::Disabled {
        let bots = turn.db.tables().bots_of(user.id, UserId(0), BOTS_MAX)?;
        for shut in [user].iter().chain(&bots) {
            turn.change(Change::AccountDisabled { user: shut.id });
        }
    }
    Ok(Reply::Done)
}

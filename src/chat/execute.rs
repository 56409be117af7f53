//! The door of the rules: who asks, whether it is a repeat, and which rule it is.

use super::command::{Action, Actor, Command, Outcome};
use super::turn::{Ruled, Speaker, Stop, Turn, refuse, settle};
use super::{
    account_state, accounts, bots, chores, deletion, devices, invitations, marking, marks, moderation, posting, profiles, rooms,
    scheduled, scope, settings, tickets,
};
use crate::message::{AccountKind, DeviceId, Refusal, RefusalCode, Reply, UserId, UserName};
use crate::store::{Database, StoreError};

/// Runs one command within the open transaction. What a refused one wrote must be undone by the caller.
///
/// It is deterministic: equal databases and equal commands give equal outcomes and equal databases.
///
/// # Errors
/// [`StoreError`] if the database fails; the transaction must be rolled back.
pub fn execute(db: &mut Database, command: &Command) -> Result<Result<Outcome, Refusal>, StoreError> {
    let turn = Turn::new(db, command);
    settle(match command.actor {
        Actor::Stranger { key } => stranger(turn, &key),
        Actor::Member { user, device } => member(turn, user, device),
        Actor::Server => match turn.command.action {
            Action::Chore { what, guest_days } => chores::run(turn, what, guest_days),
            _ => unreachable!("the server orders nothing but chores"),
        },
    })
}

fn stranger(turn: Turn<'_>, key: &[u8; 32]) -> Ruled<Outcome> {
    match &turn.command.action {
        Action::Register { name, password_hash, device, invitation } => {
            accounts::register(turn, key, name, Some(password_hash), device, invitation.as_ref())
        }
        Action::Guest { name, device } => accounts::register(turn, key, name, None, device, None),
        Action::BindDevice { user, verified, device } => accounts::bind(turn, key, *user, verified, device),
        Action::BindBot { name, token, device } => bots::bind(turn, key, name, token, device),
        _ => refuse(RefusalCode::NotSignedIn, "register or log in first"),
    }
}

fn member(turn: Turn<'_>, user: UserId, device: DeviceId) -> Ruled<Outcome> {
    let bound = turn.db.tables().device(device)?.filter(|bound| bound.user == user);
    let Some(bound) = bound else { return accounts::revoked() };
    let speaker = match turn.db.tables().user(user)? {
        Some(user) if user.deleted => match turn.command.action {
            // The first try did it.
            Action::DeleteAccount { .. } => return Ok(turn.repeated(Reply::Done)),
            _ => return accounts::deleted(),
        },
        Some(user) if user.enabled => Speaker { user, device },
        _ => return accounts::disabled(),
    };
    if !bound.revoked && speaker.user.kind == AccountKind::Bot {
        scope::judge(turn.db.tables(), &speaker, &scope::need_of(&turn.command.action))?;
    }
    match &turn.command.action {
        // The first try did it.
        Action::LogOut if bound.revoked => return Ok(turn.repeated(Reply::Done)),
        _ if bound.revoked => return accounts::revoked(),
        Action::LogOut => return accounts::log_out(turn, &speaker),
        Action::DeleteAccount { verified, texts } => return deletion::begin(turn, &speaker, verified.as_deref(), *texts),
        // The first try was answered while the connection did not know its user yet.
        Action::Register { .. } | Action::Guest { .. } | Action::BindDevice { .. } | Action::BindBot { .. } => {
            return stranger(turn, &bound.key);
        }
        Action::Post(draft) => return posting::post(turn, &speaker, draft, None),
        Action::PostFile(wish) => return posting::post(turn, &speaker, &wish.draft, Some(wish)),
        Action::MarkRead { log, seq } => return marking::mark_read(turn, &speaker, log, *seq),
        Action::Chore { .. } => return refuse(RefusalCode::NotSignedIn, "only the server itself does chores"),
        Action::Seen => return devices::seen(turn, &speaker),
        _ => {}
    }
    once(turn, &speaker)
}

/// Runs a command that is no post, unless it was run before. Its last `match` names every action, so that a new one is not
/// forgotten.
fn once(mut turn: Turn<'_>, speaker: &Speaker) -> Ruled<Outcome> {
    let (id, fingerprint) = (turn.command.id, turn.command.fingerprint);
    match turn.db.tables().outcome(speaker.user.id, id)? {
        Some(first) if first.fingerprint == fingerprint => {
            let (_, reply) = Reply::decode(&first.reply).map_err(|_| StoreError::Damaged("a kept reply does not read"))?;
            let reply = scheduled::told_again(&turn.command.action, reply);
            return Ok(turn.repeated(reply));
        }
        Some(_) => return id_reused(),
        None if turn.db.tables().post_by_id(speaker.user.id, id)?.is_some() => return id_reused(),
        None => {}
    }
    let reply = match &turn.command.action {
        Action::ChangePassword { verified, password_hash, revoke_others } => {
            accounts::change_password(&mut turn, speaker, verified, password_hash, *revoke_others)?
        }
        Action::RevokeDevice { device } => devices::revoke_one(&mut turn, speaker, *device)?,
        Action::SetProfile { about, tags } => profiles::set(&mut turn, speaker, about.as_ref(), tags.as_ref())?,
        Action::Claim { code } => invitations::claim(&mut turn, speaker, code)?,
        Action::MakeInvitation { code, uses, days } => invitations::make(&mut turn, speaker, code, *uses, *days)?,
        Action::SetAccountState { user, state } => account_state::set(&mut turn, speaker, user, *state)?,
        Action::CreateBot { name, token, scope } => bots::create(&mut turn, speaker, name, token, scope)?,
        Action::RenewBot { name, token, scope } => bots::renew(&mut turn, speaker, name, token, scope)?,
        Action::RevokeBot { name } => bots::revoke_all(&mut turn, speaker, name)?,
        Action::CreateRoom(wish) => rooms::create(&mut turn, speaker, wish)?,
        Action::Moderate { room, user, deed } => moderation::moderate(&mut turn, speaker, room, user, deed)?,
        Action::Report { room, seq, reason } => moderation::report(&mut turn, speaker, room, *seq, reason)?,
        Action::Ignore { user, wish } => moderation::ignore(&mut turn, speaker, user, *wish)?,
        Action::OpenTicket { desk } => tickets::open(&mut turn, speaker, desk)?,
        Action::JoinRoom { name, verified } => rooms::join(&mut turn, speaker, name, verified.as_deref())?,
        Action::LeaveRoom { room } => rooms::leave(&mut turn, speaker, room)?,
        Action::ChangeRoom { room, password_hash, changes } => {
            settings::change(&mut turn, speaker, room, password_hash.as_ref(), changes)?
        }
        Action::Edit { log, seq, text } => marks::edit(&mut turn, speaker, log, *seq, text)?,
        Action::Schedule { post, at_ms } => scheduled::schedule(&mut turn, speaker, post, *at_ms)?,
        Action::CancelScheduled(number) => scheduled::cancel(&mut turn, speaker, *number)?,
        Action::Mark { log, seq, mark } => marks::mark(&mut turn, speaker, log, *seq, mark)?,
        Action::Register { .. }
        | Action::BindDevice { .. }
        | Action::Guest { .. }
        | Action::BindBot { .. }
        | Action::LogOut
        | Action::DeleteAccount { .. }
        | Action::Seen
        | Action::Chore { .. }
        | Action::MarkRead { .. }
        | Action::PostFile(_)
        | Action::Post(_) => unreachable!("these know their repeats themselves"),
    };
    turn.db.keep_outcome(speaker.user.id, id, &fingerprint, &scheduled::kept(reply.clone()).encode(0))?;
    Ok(turn.done(reply))
}

pub(super) fn id_reused<T>() -> Ruled<T> {
    Err(Stop::Refused(Refusal::new(RefusalCode::IdReused, "this id was used before for something else; use a new one")))
}

/// The sentence for a name that is taken.
pub(super) fn name_taken<T>(wished: &UserName, holder: &str) -> Ruled<T> {
    let sentence = if wished.as_str() == holder {
        format!("the name {wished} is taken; choose another one")
    } else {
        format!("the name {wished} looks like @{holder}, which is taken; choose another one")
    };
    refuse(RefusalCode::NameTaken, sentence)
}

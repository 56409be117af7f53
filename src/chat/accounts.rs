//! Users and their devices: register, log in, guest, log out, change the password.
//!
//! A device's key is its own proof that a request is a repeat: a key that belongs to the wished account already gets that
//! account again, whatever the request's id.

use super::command::{Change, Outcome};
use super::devices::{DEVICES_MAX, add, revoke};
use super::execute::name_taken;
use super::guests;
use super::invitations::{Admitted, admit};
use super::target::known_user;
use super::turn::{Ruled, Speaker, Turn, refuse};
use crate::message::{Account, AccountKind, CodeHash, DeviceId, DeviceName, RefusalCode, Reply, UserId, UserName};
use crate::store::{Device, User};

/// Makes a user – without a password, a guest – and binds the device to it.
pub(super) fn register(
    mut turn: Turn<'_>,
    key: &[u8; 32],
    name: &UserName,
    password_hash: Option<&String>,
    device: &DeviceName,
    invitation: Option<&CodeHash>,
) -> Ruled<Outcome> {
    let kind = if password_hash.is_some() { AccountKind::Person } else { AccountKind::Guest };
    let skeleton = name.skeleton();
    if let Some(bound) = turn.db.tables().device_by_key(key)? {
        let same = |user: &User| user.skeleton == skeleton && user.kind == kind;
        return bound_already(turn, &bound, same);
    }
    if let Some(holder) = turn.db.tables().user_by_skeleton(&skeleton)? {
        return name_taken(name, &holder.name);
    }
    let admitted = admit(&mut turn, invitation)?;
    let time_ms = turn.command.time_ms;
    let own_log = turn.db.add_own_log(time_ms)?;
    let user = turn.db.add_user(name, password_hash.map(String::as_str), own_log.log, time_ms)?;
    if admitted == Admitted::AsAdmin {
        turn.db.make_admin(user)?;
    }
    let user = known_user(turn.db.tables(), user)?;
    let account = add(&mut turn, user.clone(), key, device)?;
    if kind == AccountKind::Guest {
        guests::begin(&mut turn, &Speaker { user, device: account.device })?;
    }
    Ok(turn.done(Reply::Account(account)))
}

/// Binds the device to a user whose password was verified.
pub(super) fn bind(mut turn: Turn<'_>, key: &[u8; 32], user: UserId, verified: &str, device: &DeviceName) -> Ruled<Outcome> {
    if let Some(bound) = turn.db.tables().device_by_key(key)? {
        return bound_already(turn, &bound, |owner| owner.id == user);
    }
    let user = match turn.db.tables().user(user)? {
        Some(user) if user.enabled && user.password_hash.as_deref() == Some(verified) => user,
        _ => return wrong_password(),
    };
    if turn.db.tables().live_devices(user.id)?.len() >= DEVICES_MAX {
        let sentence = format!("you have {DEVICES_MAX} devices; log out on one of them first");
        return refuse(RefusalCode::LimitReached, sentence);
    }
    let account = add(&mut turn, user, key, device)?;
    Ok(turn.done(Reply::Account(account)))
}

/// Unbinds the speaker's device for good.
pub(super) fn log_out(mut turn: Turn<'_>, speaker: &Speaker) -> Ruled<Outcome> {
    revoke(&mut turn, speaker, speaker.device)?;
    Ok(turn.done(Reply::Done))
}

/// Replaces the speaker's password.
pub(super) fn change_password(
    turn: &mut Turn<'_>,
    speaker: &Speaker,
    verified: &str,
    password_hash: &str,
    revoke_others: bool,
) -> Ruled<Reply> {
    match speaker.user.password_hash.as_deref() {
        None => return refuse(RefusalCode::NotForGuests, "a guest has no password"),
        Some(kept) if kept != verified => return wrong_password(),
        Some(_) => turn.db.set_password(speaker.user.id, password_hash)?,
    }
    if revoke_others {
        for device in turn.db.tables().live_devices(speaker.user.id)? {
            if device.id != speaker.device {
                revoke(turn, speaker, device.id)?;
            }
        }
    }
    Ok(Reply::Done)
}

pub(super) fn account(user: &User, device: DeviceId) -> Account {
    Account { user: user.id, device, name: user.name.clone(), kind: user.kind, role: user.role, own_log: user.own_log }
}

pub(super) fn revoked<T>() -> Ruled<T> {
    refuse(RefusalCode::DeviceRevoked, "this device was signed out; log in again with a new key")
}

pub(super) fn disabled<T>() -> Ruled<T> {
    refuse(RefusalCode::AccountDisabled, "this account is disabled; ask the server's operator")
}

pub(super) fn deleted<T>() -> Ruled<T> {
    refuse(RefusalCode::AccountDeleted, "this account was deleted; make another one under another name")
}

pub(super) fn wrong_password<T>() -> Ruled<T> {
    refuse(RefusalCode::WrongPassword, "name or password is wrong")
}

/// A key that somebody has is either a repeat or refused.
pub(super) fn bound_already(mut turn: Turn<'_>, bound: &Device, same: impl FnOnce(&User) -> bool) -> Ruled<Outcome> {
    let user = known_user(turn.db.tables(), bound.user)?;
    if user.deleted {
        return deleted();
    }
    if bound.revoked {
        return revoked();
    }
    if !user.enabled {
        return disabled();
    }
    if !same(&user) {
        let sentence = format!("this device already belongs to @{}; log out first", user.name);
        return refuse(RefusalCode::AlreadySignedIn, sentence);
    }
    let account = account(&user, bound.id);
    // The connection that repeats may be another one than the first try's.
    turn.change(Change::SignedIn { key: bound.key, account: account.clone() });
    Ok(turn.repeated(Reply::Account(account)))
}

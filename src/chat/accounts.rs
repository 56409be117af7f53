//! Users and their devices: register, log in, guest, log out, change the password.
//!
//! A device's key is its own proof that a request is a repeat: a key that belongs to the wished account already gets that
//! account again, whatever the request's id.

use super::command::{Change, Outcome};
use super::execute::name_taken;
use super::target::known_user;
use super::turn::{Ruled, Speaker, Turn, refuse};
use crate::message::{Account, DeviceId, DeviceName, EventBody, RefusalCode, Reply, UserId, UserName};
use crate::store::{Device, User};

/// Most devices of a user that are not revoked.
pub const DEVICES_MAX: usize = 32;

/// Makes a user – without a password, a guest – and binds the device to it.
pub(super) fn register(
    mut turn: Turn<'_>,
    key: &[u8; 32],
    name: &UserName,
    password_hash: Option<&String>,
    device: &DeviceName,
) -> Ruled<Outcome> {
    let skeleton = name.skeleton();
    if let Some(bound) = turn.db.tables().device_by_key(key)? {
        let same = |user: &User| user.skeleton == skeleton && user.password_hash.is_some() == password_hash.is_some();
        return bound_already(turn, &bound, same);
    }
    if let Some(holder) = turn.db.tables().user_by_skeleton(&skeleton)? {
        return name_taken(name, &holder.name);
    }
    let time_ms = turn.command.time_ms;
    let own_log = turn.db.add_own_log(time_ms)?;
    let user = turn.db.add_user(name, password_hash.map(String::as_str), own_log.log, time_ms)?;
    let user = known_user(turn.db.tables(), user)?;
    let account = add_device(&mut turn, user, key, device)?;
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
    let account = add_device(&mut turn, user, key, device)?;
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
            if device != speaker.device {
                revoke(turn, speaker, device)?;
            }
        }
    }
    Ok(Reply::Done)
}

pub(super) fn account(user: &User, device: DeviceId) -> Account {
    let guest = user.password_hash.is_none();
    Account { user: user.id, device, name: user.name.clone(), guest, own_log: user.own_log }
}

pub(super) fn revoked<T>() -> Ruled<T> {
    refuse(RefusalCode::DeviceRevoked, "this device was signed out; log in again with a new key")
}

pub(super) fn disabled<T>() -> Ruled<T> {
    refuse(RefusalCode::DeviceRevoked, "this account is disabled; ask the server's operator")
}

fn wrong_password<T>() -> Ruled<T> {
    refuse(RefusalCode::WrongPassword, "name or password is wrong")
}

/// A key that somebody has is either a repeat or refused.
fn bound_already(mut turn: Turn<'_>, bound: &Device, same: impl FnOnce(&User) -> bool) -> Ruled<Outcome> {
    if bound.revoked {
        return revoked();
    }
    let user = known_user(turn.db.tables(), bound.user)?;
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

fn add_device(turn: &mut Turn<'_>, user: User, key: &[u8; 32], name: &DeviceName) -> Ruled<Account> {
    let device = turn.db.add_device(user.id, key, name, turn.command.time_ms)?;
    let speaker = Speaker { user, device };
    turn.append_own(&speaker.user, &speaker, &EventBody::DeviceAdded(device, name.as_str().to_owned()))?;
    let account = account(&speaker.user, device);
    turn.change(Change::SignedIn { key: *key, account: account.clone() });
    Ok(account)
}

fn revoke(turn: &mut Turn<'_>, speaker: &Speaker, device: DeviceId) -> Ruled<()> {
    turn.db.revoke_device(device, turn.command.time_ms)?;
    turn.append_own(&speaker.user, speaker, &EventBody::DeviceRevoked(device))?;
    turn.change(Change::DeviceRevoked { device });
    Ok(())
}

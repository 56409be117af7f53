//! A user's devices: added at a log-in, listed, noted when they come, revoked.

use super::accounts::account;
use super::command::{Change, Outcome};
use super::turn::{Ruled, Speaker, Turn, refuse};
use crate::message::{Account, DeviceId, DeviceName, DeviceSummary, EventBody, RefusalCode, Reply, UserId};
use crate::store::{ListedDevice, Reader, StoreError, User};

/// Most devices of a user that are not revoked.
pub const DEVICES_MAX: usize = 32;

/// Binds a new device to a user, and tells it in the own log.
pub(super) fn add(turn: &mut Turn<'_>, user: User, key: &[u8; 32], name: &DeviceName) -> Ruled<Account> {
    let device = turn.db.add_device(user.id, key, name, turn.command.time_ms)?;
    let speaker = Speaker { user, device };
    turn.append_own(&speaker.user, &speaker, &EventBody::DeviceAdded(device, name.as_str().to_owned()))?;
    let account = account(&speaker.user, device);
    turn.change(Change::SignedIn { key: *key, account: account.clone() });
    Ok(account)
}

/// Revokes a device of the speaker's, and tells it in the own log; its connections end.
pub(super) fn revoke(turn: &mut Turn<'_>, speaker: &Speaker, device: DeviceId) -> Ruled<()> {
    turn.db.revoke_device(device, turn.command.time_ms)?;
    turn.append_own(&speaker.user, speaker, &EventBody::DeviceRevoked(device))?;
    turn.change(Change::DeviceRevoked { device });
    Ok(())
}

/// Revokes another device of the speaker's; one's own is logged out.
pub(super) fn revoke_one(turn: &mut Turn<'_>, speaker: &Speaker, device: DeviceId) -> Ruled<Reply> {
    if device == speaker.device {
        return refuse(RefusalCode::NoSuchDevice, "this is the device you speak from; log out instead");
    }
    let live = turn.db.tables().live_devices(speaker.user.id)?;
    if !live.iter().any(|listed| listed.id == device) {
        return refuse(RefusalCode::NoSuchDevice, format!("you have no device {device}; list your devices to see their numbers"));
    }
    revoke(turn, speaker, device)?;
    Ok(Reply::Done)
}

/// Notes that the speaker's device has come.
pub(super) fn seen(turn: Turn<'_>, speaker: &Speaker) -> Ruled<Outcome> {
    turn.db.set_seen(speaker.device, turn.command.time_ms)?;
    Ok(turn.done(Reply::Done))
}

/// The devices of `user` that are not revoked, in the order of their ids. None is marked online: the store does not know.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn devices(reader: &Reader, user: UserId) -> Result<Vec<DeviceSummary>, StoreError> {
    let live = reader.snapshot(|tables| tables.live_devices(user))?;
    let summary = |ListedDevice { id: device, name, last_seen_ms }| DeviceSummary { device, name, last_seen_ms, online: false };
    Ok(live.into_iter().map(summary).collect())
}

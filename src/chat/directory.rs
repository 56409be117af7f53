//! Who and what there is: the owner of a key, passwords' hashes, public rooms, members, memberships.

use super::accounts::{account, deleted, disabled, revoked};
use super::target::find;
use super::turn::{Ruled, Stop, settle};
use super::visible::View;
use crate::message::{
    Account, Availability, LogId, Member, MemberPage, Membership, MembershipPage, Refusal, RefusalCode, Reply, RequestId,
    RoomName, RoomPage, RoomSearch, RoomSummary, Target, UserId, UserName, fold_tag,
};
use crate::store::{LogKind, Reader, StoreError};

/// Public rooms on a page.
pub const ROOMS_PAGE: usize = 100;

/// Bytes of names, topics and tags on such a page, so that it fits one message.
const ROOMS_PAGE_LEN_MAX: usize = 40_000;

/// What a room on a page takes beside these: numbers and lengths.
const ROOM_OVERHEAD_LEN: usize = 64;

/// Members on a page.
pub const MEMBERS_PAGE: usize = 200;

/// Memberships on a page: with the longest names, 58 KiB.
pub const MEMBERSHIPS_PAGE: usize = 500;

/// Whom a device's key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOwner {
    /// Nobody; the device may register or log in.
    Unknown,
    /// This account.
    Account {
        /// The account.
        account: Account,
        /// When the device was last known to come, in milliseconds since 1970 (UTC).
        last_seen_ms: u64,
    },
    /// Nobody any more: the device was revoked or the account disabled.
    Refused(Refusal),
}

/// Whom the device of this key belongs to.
///
/// # Errors
/// [`StoreError`] if the database fails; so in all functions here.
pub fn account_of_key(reader: &Reader, key: &[u8; 32]) -> Result<KeyOwner, StoreError> {
    let owner: Ruled<_> = reader.snapshot(|tables| {
        let Some(device) = tables.device_by_key(key)? else { return Ok(KeyOwner::Unknown) };
        let user = tables.user(device.user)?;
        if user.as_ref().is_some_and(|user| user.deleted) {
            return deleted();
        }
        if device.revoked {
            return revoked();
        }
        match user {
            Some(user) if user.enabled => {
                Ok(KeyOwner::Account { account: account(&user, device.id), last_seen_ms: device.last_seen_ms })
            }
            _ => disabled(),
        }
    });
    Ok(settle(owner)?.unwrap_or_else(KeyOwner::Refused))
}

/// Whether anything is done for the user: for whom the account was disabled nothing is, however long they are connected.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal.
pub fn may_ask(reader: &Reader, user: UserId) -> Result<Result<(), Refusal>, StoreError> {
    settle(reader.snapshot(|tables| match tables.user(user)? {
        Some(user) if user.enabled => Ok(()),
        _ => disabled(),
    }))
}

/// The user of this name, as typed, and the PHC string of the user's password. `None` if there is no such user, a guest, or
/// one who is disabled: the asker must not learn which.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn password_of(reader: &Reader, name: &str) -> Result<Option<(UserId, String)>, StoreError> {
    let Ok(name) = UserName::parse(name) else { return Ok(None) };
    let user = reader.snapshot(|tables| tables.user_by_skeleton(&name.skeleton()))?;
    Ok(user.filter(|user| user.enabled).and_then(|user| user.password_hash.map(|hash| (user.id, hash))))
}

/// The PHC string of the user's password; `None` for a guest.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn password_of_user(reader: &Reader, user: UserId) -> Result<Option<String>, StoreError> {
    let user = reader.snapshot(|tables| tables.user(user))?;
    Ok(user.filter(|user| user.enabled).and_then(|user| user.password_hash))
}

/// Whether there is a room of this name, and the PHC string of its password if it has one.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn room_password(reader: &Reader, name: &RoomName) -> Result<Option<Option<String>>, StoreError> {
    let log = reader.snapshot(|tables| tables.room_by_skeleton(&name.skeleton()))?;
    Ok(log.and_then(|log| match log.kind {
        LogKind::Room { password_hash, .. } => Some(password_hash),
        LogKind::Direct(..) | LogKind::Own => None,
    }))
}

/// The reply to the password change that `user` made under `id`, if it was made. It is asked before the old password of a
/// request is verified: after the first try succeeded, the old password is no longer right, and the repeat must still be met.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn first_password_change(reader: &Reader, user: UserId, id: RequestId) -> Result<Option<Reply>, StoreError> {
    let outcome = reader.snapshot(|tables| tables.outcome(user, id))?;
    let reply = outcome.and_then(|first| Reply::decode(&first.reply).ok());
    // Of the kept outcomes, only a password change is answered so.
    Ok(reply.map(|(_, reply)| reply).filter(|reply| *reply == Reply::Done))
}

/// Public rooms in the order of their names: those that `search` looks for, at most [`ROOMS_PAGE`], fewer where topics and tags
/// are long.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn rooms(reader: &Reader, user: UserId, search: &RoomSearch) -> Result<RoomPage, StoreError> {
    let folded = match search.tag.as_deref().map(fold_tag) {
        // What cannot be a tag is no room's.
        Some(None) => return Ok(RoomPage { rooms: Vec::new(), more: false }),
        Some(tag) => tag,
        None => None,
    };
    let search = RoomSearch { tag: folded, ..search.clone() };
    let listed = reader.snapshot(|tables| tables.public_rooms(user, &search, ROOMS_PAGE + 1))?;
    let listed_count = listed.len();
    let mut len = 0;
    let fits = move |room: &crate::store::ListedRoom| {
        len += room.name.len() + room.topic.len() + room.tags.len() + ROOM_OVERHEAD_LEN;
        len <= ROOMS_PAGE_LEN_MAX
    };
    let summary = |room: crate::store::ListedRoom| RoomSummary {
        log: room.log,
        name: format!("#{}", room.name),
        member_count: u32::try_from(room.member_count).unwrap_or(u32::MAX),
        locked: room.locked,
        joined: room.joined,
        topic: room.topic,
        tags: room.tags.split_whitespace().map(str::to_owned).collect(),
    };
    let rooms: Vec<RoomSummary> = listed.into_iter().take(ROOMS_PAGE).take_while(fits).map(summary).collect();
    Ok(RoomPage { more: rooms.len() < listed_count, rooms })
}

/// The members of a room or conversation that `user` is a member of, in the order of their ids, those after `after`, at most
/// [`MEMBERS_PAGE`]. Nobody is marked online: the store does not know.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal for who is no member.
pub fn who(reader: &Reader, user: UserId, target: &Target, after: u64) -> Result<Result<MemberPage, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let place = find(tables, user, target)?;
        if place.log.kind == LogKind::Own {
            let sentence = "your own log has no members but you";
            return Err(Stop::Refused(Refusal::new(RefusalCode::NoSuchRoom, sentence)));
        }
        View::of_member(tables, user, &place)?;
        let listed = tables.members(place.id(), UserId(after), MEMBERS_PAGE + 1)?;
        let more = listed.len() > MEMBERS_PAGE;
        let member = |member: crate::store::ListedMember| Member {
            user: member.user,
            name: member.name,
            role: member.role,
            availability: Availability::Offline,
            kind: member.kind,
        };
        let members = listed.into_iter().take(MEMBERS_PAGE).map(member).collect();
        Ok(MemberPage { log: place.id(), room: place.called, members, more })
    }))
}

/// The rooms and conversations that `user` is a member of, in the order of their ids, those after `after`, at most
/// [`MEMBERSHIPS_PAGE`]. The user's own log is not among them.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn memberships(reader: &Reader, user: UserId, after: Option<LogId>) -> Result<MembershipPage, StoreError> {
    let listed = reader.snapshot(|tables| tables.logs_of(user, after.unwrap_or(LogId(0)), MEMBERSHIPS_PAGE + 1))?;
    let more = listed.len() > MEMBERSHIPS_PAGE;
    let membership = |log: crate::store::ListedLog| {
        let room = match (log.room, log.other) {
            (Some(room), _) => format!("#{room}"),
            (None, Some(other)) => format!("@{other}"),
            (None, None) => return Err(StoreError::Damaged("a conversation lacks one of its two")),
        };
        let (unread_count, mention_count) = (log.unread_count, log.mention_count);
        Ok(Membership { log: log.log, room, head: log.head, read: log.read, unread_count, mention_count })
    };
    let memberships = listed.into_iter().take(MEMBERSHIPS_PAGE).map(membership).collect::<Result<_, _>>()?;
    Ok(MembershipPage { memberships, more })
}

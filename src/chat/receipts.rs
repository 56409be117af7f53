//! Whom a message is for: the devices it is to be delivered to, the users who are to read it.

use super::marks::post_at;
use super::target::{find, known_user};
use super::turn::{refuse, settle};
use super::visible::View;
use crate::message::{DeviceId, History, LogId, Refusal, RefusalCode, Seq, Target, UserId};
use crate::store::{Reader, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Most members of a log whose messages have receipts.
pub const RECIPIENTS_MAX: u64 = 32;

/// A device that was not seen for so long is not waited for.
const SEEN_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// Whom one message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// The log.
    pub log: LogId,
    /// The message's place.
    pub seq: Seq,
    /// The other members' devices that are not revoked and were seen within 30 days, with their users.
    pub devices: BTreeMap<DeviceId, UserId>,
    /// How many other members may read it.
    pub reader_count: usize,
    /// Those whose read markers are before it.
    pub unread: BTreeSet<UserId>,
}

/// Whom the message at `seq` is for; only its author may know.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal.
pub fn recipients(
    reader: &Reader,
    user: UserId,
    target: &Target,
    seq: Seq,
    now_ms: u64,
) -> Result<Result<Recipients, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let place = find(tables, user, target)?;
        let view = View::of_member(tables, user, &place)?;
        let log = place.id();
        let (head, _) = post_at(tables, &view, log, seq)?;
        if head.author != user {
            return refuse(RefusalCode::NotYourPost, format!("message {seq} is not yours; receipts are for its author"));
        }
        if place.log.member_count > RECIPIENTS_MAX {
            let sentence = format!("{} has more than {RECIPIENTS_MAX} members, too many for receipts", place.called);
            return refuse(RefusalCode::TooManyReaders, sentence);
        }
        // Who came later reads it only where history is open.
        let from_max = if place.log.settings.history == History::All { place.head() } else { seq };
        let mut members = tables.others(log, user, from_max)?;
        for at in (0..members.len()).rev() {
            // Nothing comes to whom the account is disabled for.
            if !known_user(tables, members[at])?.enabled {
                members.swap_remove(at);
            }
        }
        let mut devices = tables.devices_of_others(log, user, from_max, now_ms.saturating_sub(SEEN_MS))?;
        devices.retain(|(_, user)| members.contains(user));
        let read = tables.readers_of(log, seq)?;
        let unread = members.iter().copied().filter(|member| !read.contains(member)).collect();
        Ok(Recipients { log, seq, devices: devices.into_iter().collect(), reader_count: members.len(), unread })
    }))
}

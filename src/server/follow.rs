//! Who follows which log, and how far each has come.
//!
//! One rule joins catching up and live delivery: an event is pushed to a live follower if and only if the event before it is
//! the follower's cursor. A follower that is not live reads pages from the store until it has reached the newest event that
//! was told; then it is live. There is no queue of its own to lose or double a message in.

use crate::message::{LogId, Seq, UserId};
use crate::transport::ConnectionHandle;
use std::collections::HashMap;

/// One session's place in one log.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) session: ConnectionHandle,
    pub(super) user: UserId,
    /// The last event that was put into the session's stream.
    pub(super) cursor: Seq,
    /// Whether the next event can be pushed; otherwise pages are read.
    pub(super) is_live: bool,
    /// Tells this follow from an earlier one of the same session in the same log, whose page may still be on its way.
    pub(super) epoch: u64,
}

/// A log that somebody follows.
#[derive(Debug, Default)]
pub(super) struct FollowedLog {
    /// The newest event told since somebody follows.
    pub(super) head: Seq,
    pub(super) followers: Vec<Follower>,
}

/// All logs that somebody follows.
#[derive(Debug, Default)]
pub(super) struct Follows {
    logs: HashMap<LogId, FollowedLog>,
    next_epoch: u64,
}

impl Follows {
    /// Adds a follower that must catch up from `cursor`, in place of an earlier one of the same session.
    pub(super) fn add(&mut self, log: LogId, session: ConnectionHandle, user: UserId, cursor: Seq) {
        self.next_epoch += 1;
        let epoch = self.next_epoch;
        self.remove(log, session);
        let followed = self.logs.entry(log).or_default();
        followed.followers.push(Follower { session, user, cursor, is_live: false, epoch });
    }

    /// Ends a follow, if there is one.
    pub(super) fn remove(&mut self, log: LogId, session: ConnectionHandle) {
        let Some(followed) = self.logs.get_mut(&log) else { return };
        followed.followers.retain(|follower| follower.session != session);
        if followed.followers.is_empty() {
            self.logs.remove(&log);
        }
    }

    /// Ends all follows of a user in a log; the sessions whose they were.
    pub(super) fn remove_user(&mut self, log: LogId, user: UserId) -> Vec<ConnectionHandle> {
        let Some(entry) = self.logs.get_mut(&log) else { return Vec::new() };
        let gone: Vec<Follower> = entry.followers.extract_if(.., |follower| follower.user == user).collect();
        if entry.followers.is_empty() {
            self.logs.remove(&log);
        }
        gone.into_iter().map(|follower| follower.session).collect()
    }

    /// The log, if somebody follows it.
    pub(super) fn log_mut(&mut self, log: LogId) -> Option<&mut FollowedLog> {
        self.logs.get_mut(&log)
    }

    /// One session's place in a log, and the newest event told of it.
    pub(super) fn follower_mut(&mut self, log: LogId, session: ConnectionHandle) -> Option<(&mut Follower, Seq)> {
        let entry = self.logs.get_mut(&log)?;
        let head = entry.head;
        let follower = entry.followers.iter_mut().find(|follower| follower.session == session)?;
        Some((follower, head))
    }
}

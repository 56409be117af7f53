//! Who is connected: which sessions speak for a device, how many for a user.
//!
//! Kept in memory only and filled by log-ins; a restart forgets it and the returning clients fill it again.

use crate::message::{Account, DeviceId, UserId};
use crate::transport::ConnectionHandle;
use std::collections::HashMap;

/// The connected devices and users.
#[derive(Debug, Default)]
pub(super) struct Presence {
    sessions: HashMap<DeviceId, Vec<ConnectionHandle>>,
    session_counts: HashMap<UserId, u32>,
}

impl Presence {
    /// A session now speaks for an account.
    pub(super) fn enter(&mut self, session: ConnectionHandle, account: &Account) {
        self.sessions.entry(account.device).or_default().push(session);
        *self.session_counts.entry(account.user).or_default() += 1;
    }

    /// A session no longer does.
    pub(super) fn leave(&mut self, session: ConnectionHandle, account: &Account) {
        if let Some(sessions) = self.sessions.get_mut(&account.device) {
            sessions.retain(|other| *other != session);
            if sessions.is_empty() {
                self.sessions.remove(&account.device);
            }
        }
        if let Some(count) = self.session_counts.get_mut(&account.user) {
            *count -= 1;
            if *count == 0 {
                self.session_counts.remove(&account.user);
            }
        }
    }

    /// The sessions of a device, oldest first.
    pub(super) fn sessions_of(&self, device: DeviceId) -> Vec<ConnectionHandle> {
        self.sessions.get(&device).cloned().unwrap_or_default()
    }

    /// Whether any device of the user is connected.
    pub(super) fn is_online(&self, user: UserId) -> bool {
        self.session_counts.contains_key(&user)
    }

    /// How many users are connected.
    pub(super) fn user_count(&self) -> usize {
        self.session_counts.len()
    }
}

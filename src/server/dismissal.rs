//! Sessions that may not go on: the device was revoked, the account ended or disabled. Everything is taken from them at once,
//! and their connections end when they have heard why.

use super::server::{Now, Server};
use super::session::Standing;
use crate::message::{DeviceId, Notice, Refusal, RefusalCode, UserId};
use crate::transport::{CloseCode, ConnectionHandle, Micros, StreamId, Time};

/// How long a session may take to hear why it ends.
const LAST_WORDS_TIMEOUT: Micros = Micros::from_secs(3);

/// A session that is told why it ends.
#[derive(Debug)]
pub(super) struct Leaving {
    session: ConnectionHandle,
    /// When its time is over.
    pub(super) until: Time,
    /// What the close says.
    sentence: String,
}

impl Server {
    /// The account is no more: its sessions end at once.
    pub(super) fn end_account(&mut self, now: Now, user: UserId) {
        self.dismiss_user(now, user, &Refusal::new(RefusalCode::AccountDeleted, "this account was deleted"));
    }

    /// The account may not be used any more: its sessions end at once.
    pub(super) fn shut_account(&mut self, now: Now, user: UserId) {
        let sentence = "this account was disabled; ask the server's admins";
        self.dismiss_user(now, user, &Refusal::new(RefusalCode::AccountDisabled, sentence));
    }

    /// A device no longer speaks for its user: its sessions end at once.
    pub(super) fn revoke(&mut self, now: Now, device: DeviceId) {
        if planted!(RevokedStaysConnected) {
            return;
        }
        let refusal = Refusal::new(RefusalCode::DeviceRevoked, "this device was logged out; log in again");
        self.ask_again(|_| true);
        for handle in self.presence.sessions_of(device) {
            self.dismiss(now, handle, &refusal);
        }
    }

    fn dismiss_user(&mut self, now: Now, user: UserId, why: &Refusal) {
        self.ask_again(|_| true);
        for handle in self.presence.sessions_of_user(user) {
            self.dismiss(now, handle, why);
        }
    }

    /// Takes everything from a session at once; its connection ends when it has the last words, or has had time for them.
    fn dismiss(&mut self, now: Now, handle: ConnectionHandle, why: &Refusal) {
        let Some(session) = self.sessions.get_mut(&handle) else { return };
        let standing = std::mem::replace(&mut session.standing, Standing::Leaving);
        session.next = None;
        session.file_reads.clear();
        session.behind.clear();
        let follows = std::mem::take(&mut session.follows);
        let watched = std::mem::take(&mut session.watched);
        self.receipts.forget_session(handle, &watched);
        if let Standing::SignedIn(account) = standing {
            self.presence.leave(handle, &account);
            self.on_presence(now, &account, &follows);
        }
        for log in follows {
            self.follows.remove(log, handle);
        }
        self.notify(now, handle, &Notice::SignedOut(why.clone()));
        let (until, sentence) = (now.at + LAST_WORDS_TIMEOUT, why.sentence.clone());
        self.leaving.push_back(Leaving { session: handle, until, sentence });
    }

    pub(super) fn close_leaving(&mut self, now: Now) {
        for _ in 0..self.leaving.len() {
            let Some(leaving) = self.leaving.pop_front() else { return };
            let Some(mut connection) = self.endpoint.connection(leaving.session) else { continue };
            if connection.unacked_len(StreamId::Chat) == 0 || leaving.until <= now.at {
                connection.close(now.at, CloseCode::Revoked, &leaving.sentence);
            } else {
                self.leaving.push_back(leaving);
            }
        }
    }
}

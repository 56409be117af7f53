//! Tells sessions what is in their view and not stored: who is there, and the values that are there already.
//!
//! A log is in a session's view if the session says so and follows it: what ends a follow ends this too, at the same commit.

use super::fan_out::{FOLLOW_QUEUE_LEN_MAX, FOLLOW_QUEUE_LOW_LEN};
use super::presence::Changed;
use super::server::{Now, REPLY_QUEUE_LEN_MAX, Server};
use super::steps::Asked;
use crate::message::{AWAY_LEN_MAX, Account, Availability, LogId, Notice, Refusal, RefusalCode, Reply, Text, UserId, VIEWS_MAX};
use crate::transport::{ConnectionHandle, StreamId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Server {
    /// The session says what is before its user's eyes.
    pub(super) fn begin_in_view(&mut self, now: Now, asked: Asked, logs: Vec<LogId>) -> Result<(), Refusal> {
        if logs.len() > VIEWS_MAX {
            let sentence = format!("at most {VIEWS_MAX} logs are in view at a time");
            return Err(Refusal::new(RefusalCode::LimitReached, sentence));
        }
        let Some(session) = self.sessions.get_mut(&asked.session) else { return Ok(()) };
        let before = std::mem::replace(&mut session.in_view, logs);
        let now_in_view = session.in_view.clone();
        for log in before.iter().filter(|log| !now_in_view.contains(log)) {
            if let Some((follower, _)) = self.follows.follower_mut(*log, asked.session) {
                (follower.in_view, follower.is_view_owed) = (false, false);
            }
        }
        self.finish(now, asked, &Reply::Done);
        for log in now_in_view {
            self.begin_view(log, asked.session);
        }
        self.show_views(now, asked.session);
        Ok(())
    }

    /// The user says to be away from this session, or back.
    pub(super) fn begin_away(&mut self, now: Now, asked: Asked, account: &Account, away: Option<String>) -> Result<(), Refusal> {
        if let Some(text) = away.as_ref().filter(|text| !text.is_empty()) {
            if text.len() > AWAY_LEN_MAX {
                let sentence = format!("say in at most {AWAY_LEN_MAX} bytes why you are away");
                return Err(Refusal::new(RefusalCode::BadText, sentence));
            }
            Text::parse(text.as_str()).map_err(|error| Refusal::new(RefusalCode::BadText, error.to_string()))?;
        }
        self.presence.set_away(account.user, asked.session, away);
        for session in self.presence.sessions_of_user(account.user) {
            let follows = self.sessions.get(&session).map(|session| session.follows.clone()).unwrap_or_default();
            self.on_presence(now, account, &follows);
        }
        self.finish(now, asked, &Reply::Done);
        Ok(())
    }

    /// A follow has begun: its user is there for those who have the log in view, and the session may have it in view itself.
    pub(super) fn on_followed(&mut self, now: Now, handle: ConnectionHandle, log: LogId) {
        let Some(session) = self.sessions.get(&handle) else { return };
        let is_in_view = session.in_view.contains(&log);
        if let Some(account) = session.account().cloned() {
            self.on_presence(now, &account, &BTreeSet::from([log]));
        }
        if is_in_view {
            self.begin_view(log, handle);
            self.show_views(now, handle);
        }
    }

    fn begin_view(&mut self, log: LogId, handle: ConnectionHandle) {
        if let Some((follower, _)) = self.follows.follower_mut(log, handle)
            && !follower.in_view
        {
            (follower.in_view, follower.is_view_owed) = (true, true);
        }
    }

    /// Whether somebody is there may have changed: those are told who have one of these logs in view.
    pub(super) fn on_presence(&mut self, now: Now, account: &Account, logs: &BTreeSet<LogId>) {
        let mut viewed = BTreeSet::new();
        for log in logs {
            if let Some(followed) = self.follows.log_mut(*log)
                && !followed.is_crowd()
                && followed.followers.iter().any(|follower| follower.in_view && follower.user != account.user)
            {
                viewed.insert(*log);
            }
        }
        if !viewed.is_empty() {
            let changed = Changed { name: account.name.clone(), logs: viewed, owed: BTreeSet::new() };
            self.presence.change(now.at, account.user, changed);
        }
    }

    /// Tells what is due about who is there.
    pub(super) fn tell_presence(&mut self, now: Now) {
        while let Some((user, changed)) = self.presence.next_due(now.at) {
            let mut listeners = changed.owed;
            for log in changed.logs {
                let Some(followed) = self.follows.log_mut(log) else { continue };
                let viewers = followed.followers.iter().filter(|one| one.in_view && one.user != user);
                listeners.extend(viewers.map(|one| one.session));
            }
            let notice: Arc<[u8]> = Notice::Presence(self.presence.of(user, &changed.name, now.wall_ms)).encode().into();
            let owed: BTreeSet<_> =
                listeners.into_iter().filter(|listener| !self.tell_if_room(now, *listener, &notice)).collect();
            if !owed.is_empty() {
                self.presence.change(now.at, user, Changed { name: changed.name, logs: BTreeSet::new(), owed });
            }
        }
    }

    /// Tells a session what there is in its view, as far as it was not told and its stream has room.
    pub(super) fn show_views(&mut self, now: Now, handle: ConnectionHandle) {
        let logs = self.sessions.get(&handle).map(|session| session.in_view.clone()).unwrap_or_default();
        for log in logs {
            let is_owed = self.follows.follower_mut(log, handle).is_some_and(|(follower, _)| follower.is_view_owed);
            if is_owed && self.has_room(handle) {
                self.show_view(now, handle, log);
            } else if is_owed && let Some(mut connection) = self.endpoint.connection(handle) {
                connection.notify_acked_below(StreamId::Chat, FOLLOW_QUEUE_LOW_LEN);
                return;
            }
        }
    }

    fn show_view(&mut self, now: Now, handle: ConnectionHandle, log: LogId) {
        let Some((viewer, _)) = self.follows.follower_mut(log, handle) else { return };
        viewer.is_view_owed = false;
        let own = viewer.user;
        let Some(followed) = self.follows.log_mut(log) else { return };
        let mut messages: Vec<Arc<[u8]>> = Vec::new();
        if !followed.is_crowd() {
            let mut there: BTreeMap<UserId, ConnectionHandle> = BTreeMap::new();
            there.extend(followed.followers.iter().map(|follower| (follower.user, follower.session)));
            there.remove(&own);
            for (user, session) in there {
                let Some(account) = self.sessions.get(&session).and_then(|session| session.account()) else { continue };
                let presence = self.presence.of(user, &account.name, now.wall_ms);
                if presence.availability != Availability::Offline {
                    messages.push(Notice::Presence(presence).encode().into());
                }
            }
        }
        messages.extend(followed.values.told().map(Arc::clone));
        for message in messages {
            self.send(now, handle, StreamId::Chat, &message);
        }
    }

    /// Tells a session something on its chat stream that it can do without for a while; whether there was room, or nobody to
    /// tell.
    pub(super) fn tell_if_room(&mut self, now: Now, handle: ConnectionHandle, message: &Arc<[u8]>) -> bool {
        if self.sessions.get(&handle).is_none_or(|session| session.account().is_none()) {
            return true;
        }
        let has_room = self.has_room(handle);
        if has_room {
            self.send(now, handle, StreamId::Chat, message);
        }
        has_room
    }

    fn has_room(&mut self, handle: ConnectionHandle) -> bool {
        let Some(mut connection) = self.endpoint.connection(handle) else { return false };
        connection.queued_len(StreamId::Chat) < FOLLOW_QUEUE_LEN_MAX
            && connection.unacked_len(StreamId::Chat) < REPLY_QUEUE_LEN_MAX
    }
}

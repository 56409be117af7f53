//! Who is connected: which sessions speak for a device, and whether a user is there, over all their sessions.
//!
//! Kept in memory only and filled by log-ins; a restart forgets it and the returning clients fill it again. A change is told
//! after a moment, so that who is back at once was never away, and who comes and goes costs one telling a moment.

use crate::message::{self, Account, Availability, DeviceId, LogId, UserId};
use crate::transport::{ConnectionHandle, Micros, Time};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// How long after a change it is told, with all that came after it.
const TELL_DELAY: Micros = Micros::from_secs(1);

/// One session of a user.
#[derive(Debug)]
struct Here {
    session: ConnectionHandle,
    /// What the user says about being away from it, if so.
    away: Option<String>,
}

/// Where a change is to be told.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) name: String,
    /// To who has these logs in view.
    pub(super) logs: BTreeSet<LogId>,
    /// To these, who had no room for it before.
    pub(super) owed: BTreeSet<ConnectionHandle>,
}

/// The connected devices and users.
#[derive(Debug, Default)]
pub(super) struct Presence {
    sessions: HashMap<DeviceId, Vec<ConnectionHandle>>,
    users: HashMap<UserId, Vec<Here>>,
    changes: HashMap<UserId, Changed>,
    due: VecDeque<(Time, UserId)>,
}

impl Presence {
    /// A session now speaks for an account.
    pub(super) fn enter(&mut self, session: ConnectionHandle, account: &Account) {
        // Nearly all have one, and room for one is all they get.
        self.sessions.entry(account.device).or_insert_with(|| Vec::with_capacity(1)).push(session);
        self.users.entry(account.user).or_insert_with(|| Vec::with_capacity(1)).push(Here { session, away: None });
    }

    /// A session no longer does.
    pub(super) fn leave(&mut self, session: ConnectionHandle, account: &Account) {
        if let Some(sessions) = self.sessions.get_mut(&account.device) {
            sessions.retain(|other| *other != session);
            if sessions.is_empty() {
                self.sessions.remove(&account.device);
            }
        }
        if let Some(here) = self.users.get_mut(&account.user) {
            here.retain(|here| here.session != session);
            if here.is_empty() {
                self.users.remove(&account.user);
            }
        }
    }

    /// The sessions of a device, oldest first.
    pub(super) fn sessions_of(&self, device: DeviceId) -> Vec<ConnectionHandle> {
        self.sessions.get(&device).cloned().unwrap_or_default()
    }

    /// The sessions of a user, oldest first.
    pub(super) fn sessions_of_user(&self, user: UserId) -> Vec<ConnectionHandle> {
        self.users.get(&user).into_iter().flatten().map(|here| here.session).collect()
    }

    /// The user says to be away from a session, or back.
    pub(super) fn set_away(&mut self, user: UserId, session: ConnectionHandle, away: Option<String>) {
        let here = self.users.get_mut(&user).into_iter().flatten().find(|here| here.session == session);
        if let Some(here) = here {
            here.away = away;
        }
    }

    /// Whether the user is there: away only if away from every session.
    pub(super) fn availability(&self, user: UserId) -> Availability {
        match self.users.get(&user) {
            None => Availability::Offline,
            Some(here) if here.iter().all(|here| here.away.is_some()) => Availability::Away,
            Some(_) => Availability::Online,
        }
    }

    /// Whether any device of the user is connected.
    pub(super) fn is_online(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// All that is told about a user.
    pub(super) fn of(&self, user: UserId, name: &str, time_ms: u64) -> message::Presence {
        let availability = self.availability(user);
        let here = self.users.get(&user).and_then(|here| here.last());
        let text = here.filter(|_| availability == Availability::Away).and_then(|here| here.away.clone()).unwrap_or_default();
        message::Presence { user, name: name.to_owned(), availability, text, time_ms }
    }

    /// How many users are connected.
    pub(super) fn user_count(&self) -> usize {
        self.users.len()
    }

    /// Something about a user is to be told, in a moment, where `changed` says.
    pub(super) fn change(&mut self, now: Time, user: UserId, changed: Changed) {
        if let Some(waiting) = self.changes.get_mut(&user) {
            waiting.logs.extend(changed.logs);
            waiting.owed.extend(changed.owed);
            return;
        }
        self.changes.insert(user, changed);
        self.due.push_back((now + TELL_DELAY, user));
    }

    /// The user is no member any more: whatever was to be told about them there is not.
    pub(super) fn forget_log(&mut self, user: UserId, log: LogId) {
        if let Some(changed) = self.changes.get_mut(&user) {
            changed.logs.remove(&log);
        }
    }

    /// The next change that is due.
    pub(super) fn next_due(&mut self, now: Time) -> Option<(UserId, Changed)> {
        let (_, user) = *self.due.front().filter(|(at, _)| *at <= now)?;
        self.due.pop_front();
        let changed = self.changes.remove(&user)?;
        Some((user, changed))
    }

    /// When [`Presence::next_due`] is wanted.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.due.front().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Config, Endpoint};

    /// Three handles, of connections that will never be answered.
    fn handles() -> [ConnectionHandle; 3] {
        let mut dice = crate::crypto::Dice::from_seed([1; 32]);
        let mut endpoint = Endpoint::client(Config::client(), dice.fork(), Time::default());
        let device = crate::crypto::SecretKey::generate(&mut dice);
        let key = Some(device.public());
        [(); 3].map(|()| endpoint.connect(Time::default(), "192.0.2.1:4747".parse().unwrap(), &device, key))
    }

    fn account(device: u64) -> Account {
        Account {
            user: UserId(1),
            device: DeviceId(device),
            name: "alice".into(),
            kind: message::AccountKind::Person,
            role: message::ServerRole::User,
            own_log: LogId(1),
        }
    }

    #[test]
    fn a_user_is_away_only_from_all_devices_and_there_while_one_is() {
        let ([laptop, phone, other], mut presence) = (handles(), Presence::default());
        assert_eq!(presence.availability(UserId(1)), Availability::Offline);
        presence.enter(laptop, &account(1));
        presence.enter(phone, &account(2));
        presence.set_away(UserId(1), laptop, Some("lunch".into()));
        presence.set_away(UserId(2), other, Some("nobody".into()));
        assert_eq!(presence.availability(UserId(1)), Availability::Online);
        presence.leave(phone, &account(2));
        let told = presence.of(UserId(1), "alice", 5);
        assert_eq!((told.availability, told.text.as_str()), (Availability::Away, "lunch"));
        presence.leave(laptop, &account(1));
        assert_eq!(presence.availability(UserId(1)), Availability::Offline);
        assert_eq!(presence.user_count(), 0);
    }

    #[test]
    fn changes_of_a_moment_are_told_together() {
        let (mut presence, start) = (Presence::default(), Time::from_micros(1));
        let changed = |log| Changed { name: "alice".into(), logs: BTreeSet::from([LogId(log)]), owed: BTreeSet::new() };
        for log in [3, 4, 3, 5] {
            presence.change(start, UserId(1), changed(log));
        }
        presence.forget_log(UserId(1), LogId(5));
        assert!(presence.next_due(start).is_none());
        let (user, told) = presence.next_due(start + TELL_DELAY).unwrap();
        assert_eq!((user, told.logs), (UserId(1), BTreeSet::from([LogId(3), LogId(4)])));
        assert!(presence.poll_timeout().is_none());
    }
}

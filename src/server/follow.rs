//! Who follows which log, and how far each has come.
//!
//! One rule joins catching up and live delivery: an event is pushed to a live follower if and only if the event before it is
//! the follower's cursor. A follower that is not live reads pages from the store until it has reached the newest event that
//! was told; then it is live. There is no queue of its own to lose or double a message in.

use super::values::{Put, VALUES_LEN_MAX, Value, Values};
use crate::message::{LogId, Seq, UserId};
use crate::transport::{ConnectionHandle, Micros, Time};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// In a log that more sessions follow, nobody is told who comes and goes: in a crowd that would be all there is to hear.
const PRESENCE_FOLLOWERS_MAX: usize = 256;

/// A value that stays so long is told once more, on the chat stream: what was lost on the way is made good.
const SETTLE_DELAY: Micros = Micros::from_secs(1);

/// Whether what a follower tells the log without storing it is to be heard, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// Nobody has asked.
    Unknown,
    /// The readers are asked, under this number.
    Asking(u64),
    /// Until then it is.
    Heard(Time),
    /// Until then it is not.
    Mute(Time),
}

/// One session's place in one log.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) session: ConnectionHandle,
    pub(super) user: UserId,
    /// The last event that was put into the session's stream.
    pub(super) cursor: Seq,
    /// What is behind this place it has been told, or had before.
    pub(super) had_from: Seq,
    /// Whether the next event can be pushed; otherwise pages are read.
    pub(super) is_live: bool,
    /// Tells this follow from an earlier one of the same session in the same log, whose page may still be on its way.
    pub(super) epoch: u64,
    /// Whether the log is before the user's eyes.
    pub(super) in_view: bool,
    /// Whether the session must still be told what there is of the log that is not stored.
    pub(super) is_view_owed: bool,
    pub(super) voice: Voice,
}

impl Follower {
    /// Whether the event at this place was put into the session's stream, or the session had it before.
    pub(super) fn has(&self, seq: Seq) -> bool {
        self.had_from < seq && seq <= self.cursor
    }
}

/// A log that somebody follows.
#[derive(Debug, Default)]
pub(super) struct FollowedLog {
    /// The newest event told since somebody follows.
    pub(super) head: Seq,
    pub(super) followers: Vec<Follower>,
    /// What is told about it and not stored; it goes with the last follower.
    pub(super) values: Values,
}

impl FollowedLog {
    /// Whether so many follow it that nobody is told who comes and goes.
    pub(super) fn is_crowd(&self) -> bool {
        self.followers.len() > PRESENCE_FOLLOWERS_MAX
    }
}

/// All logs that somebody follows.
#[derive(Debug, Default)]
pub(super) struct Follows {
    logs: HashMap<LogId, FollowedLog>,
    next_epoch: u64,
    /// Bytes of all values.
    pub(super) values_len: usize,
    /// Values that will be told once more, with when.
    settling: VecDeque<(Time, LogId, String)>,
}

impl Follows {
    /// Adds a follower that must catch up from `cursor`, in place of an earlier one of the same session.
    /// What is up to `had_from` it was never told.
    pub(super) fn add(&mut self, log: LogId, session: ConnectionHandle, user: UserId, cursor: Seq, had_from: Seq) {
        self.next_epoch += 1;
        let epoch = self.next_epoch;
        self.remove(log, session);
        let followed = self.logs.entry(log).or_default();
        followed.followers.push(Follower {
            session,
            user,
            cursor,
            had_from,
            is_live: false,
            epoch,
            in_view: false,
            is_view_owed: false,
            voice: Voice::Unknown,
        });
    }

    /// Ends a follow, if there is one.
    pub(super) fn remove(&mut self, log: LogId, session: ConnectionHandle) {
        let Some(followed) = self.logs.get_mut(&log) else { return };
        followed.followers.retain(|follower| follower.session != session);
        self.drop_if_empty(log);
    }

    /// Ends all follows of a user in a log; the sessions whose they were.
    pub(super) fn remove_user(&mut self, log: LogId, user: UserId) -> Vec<ConnectionHandle> {
        let Some(entry) = self.logs.get_mut(&log) else { return Vec::new() };
        let gone: Vec<Follower> = entry.followers.extract_if(.., |follower| follower.user == user).collect();
        let before_len = entry.values.len;
        entry.values.forget(user);
        self.values_len -= before_len - entry.values.len;
        self.drop_if_empty(log);
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

    fn drop_if_empty(&mut self, log: LogId) {
        if self.logs.get(&log).is_some_and(|followed| followed.followers.is_empty())
            && let Some(gone) = self.logs.remove(&log)
        {
            self.values_len -= gone.values.len;
        }
    }

    /// A number that no other question or follow has.
    pub(super) fn epoch(&mut self) -> u64 {
        self.next_epoch += 1;
        self.next_epoch
    }

    /// Takes a value in; it is told for good once it stays.
    pub(super) fn put_value(&mut self, log: LogId, key: &str, value: Value) -> Put {
        let Some(followed) = self.logs.get_mut(&log) else { return Put::Older };
        let (before_len, set_at) = (followed.values.len, value.set_at);
        let put = followed.values.put(key, value, VALUES_LEN_MAX - self.values_len.min(VALUES_LEN_MAX));
        self.values_len = self.values_len + followed.values.len - before_len;
        if put == (Put::Newest { is_settling: false }) {
            self.settling.push_back((set_at + SETTLE_DELAY, log, key.to_owned()));
        }
        put
    }

    /// The next value that has stayed, with its log.
    pub(super) fn next_settled(&mut self, now: Time) -> Option<(LogId, Arc<[u8]>)> {
        while self.settling.front().is_some_and(|(at, ..)| *at <= now) {
            let (_, log, key) = self.settling.pop_front()?;
            let Some(followed) = self.logs.get_mut(&log) else { continue };
            let before_len = followed.values.len;
            let settled = followed.values.settle(&key, now - SETTLE_DELAY);
            self.values_len -= before_len - followed.values.len;
            match settled {
                Ok(Some(told)) => return Some((log, told)),
                Ok(None) => {}
                Err(()) => self.settling.push_back((now + SETTLE_DELAY, log, key)),
            }
        }
        None
    }

    /// When [`Follows::next_settled`] is next wanted.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.settling.front().map(|(at, ..)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Dice, SecretKey};
    use crate::transport::{Config, Endpoint};

    const LOG: LogId = LogId(7);

    fn handles(count: usize) -> Vec<ConnectionHandle> {
        let mut dice = Dice::from_seed([1; 32]);
        let mut endpoint = Endpoint::client(Config::client(), dice.fork(), Time::default());
        let device = SecretKey::generate(&mut dice);
        let key = Some(device.public());
        let remote = "192.0.2.1:4747".parse().unwrap();
        (0..count).map(|_| endpoint.connect(Time::default(), remote, &device, key)).collect()
    }

    fn at(millis: u64) -> Time {
        Time::from_micros(1_000_000) + Micros::from_millis(millis)
    }

    fn value(session: ConnectionHandle, stamp: u64, told: &[u8], set_at: Time) -> Value {
        Value { author: UserId(1), source: (session, stamp), told: Arc::from(told), is_removal: told.is_empty(), set_at }
    }

    #[test]
    fn nobody_is_told_who_comes_and_goes_in_a_crowd() {
        let mut follows = Follows::default();
        for (count, session) in handles(PRESENCE_FOLLOWERS_MAX + 1).into_iter().enumerate() {
            follows.add(LOG, session, UserId(count as u64), Seq(0), Seq(0));
            assert_eq!(follows.log_mut(LOG).unwrap().is_crowd(), count >= PRESENCE_FOLLOWERS_MAX);
        }
    }

    #[test]
    fn a_value_is_told_for_good_once_it_stays() {
        let (mut follows, session) = (Follows::default(), handles(1)[0]);
        follows.add(LOG, session, UserId(1), Seq(0), Seq(0));
        assert_eq!(follows.put_value(LOG, "k", value(session, 1, b"one", at(0))), Put::Newest { is_settling: false });
        assert_eq!(follows.put_value(LOG, "k", value(session, 3, b"three", at(900))), Put::Newest { is_settling: true });
        assert_eq!(follows.put_value(LOG, "k", value(session, 2, b"two", at(950))), Put::Older);
        assert_eq!(follows.next_settled(at(1_000)), None, "it moved just now");
        assert_eq!(follows.next_settled(at(2_000)), Some((LOG, Arc::from(&b"three"[..]))));
        assert_eq!(follows.poll_timeout(), None);
        follows.put_value(LOG, "k", value(session, 4, b"", at(3_000)));
        assert_eq!(follows.next_settled(at(4_000)), Some((LOG, Arc::from(&b""[..]))));
        assert_eq!((follows.values_len, follows.log_mut(LOG).unwrap().values.told().count()), (0, 0), "taken away");
    }

    #[test]
    fn values_go_with_their_author_and_with_the_last_follower() {
        let (mut follows, sessions) = (Follows::default(), handles(2));
        follows.add(LOG, sessions[0], UserId(1), Seq(0), Seq(0));
        follows.add(LOG, sessions[1], UserId(2), Seq(0), Seq(0));
        follows.put_value(LOG, "one", value(sessions[0], 1, b"of user one", at(0)));
        let other = Value { author: UserId(2), ..value(sessions[1], 1, b"of user two", at(0)) };
        follows.put_value(LOG, "two", other);
        follows.remove_user(LOG, UserId(1));
        assert_eq!(follows.log_mut(LOG).unwrap().values.told().count(), 1);
        follows.remove(LOG, sessions[1]);
        assert_eq!(follows.values_len, 0);
        assert_eq!(follows.next_settled(at(9_000)), None);
    }
}

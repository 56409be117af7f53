//! What is told at once and never stored, on the client's side: what is in view, values on their way out, and which of those that
//! come in are the newest.
//!
//! A value goes out on the latest-value lane as often as its pace lets it. One that stays is sent once more as a request, so that the
//! last word of a movement is never lost. A connection that ends takes all of it along.

use std::collections::BTreeMap;

use super::client::Client;
use super::event::ClientEvent;
use super::link::Link;
use super::requests::{Purpose, Requests};
use crate::message::{Latest, LogId, Notice, Request, SetLatest, Typing};
use crate::transport::{ConnectionHandle, LatestKey, Micros, Time};

/// Values of one key go out at most so often: twenty times a second.
const VALUE_INTERVAL: Micros = Micros::from_millis(50);

/// A value that stays so long is sent once more.
const SETTLE_DELAY: Micros = Micros::from_millis(500);

/// Keys of which values are on their way out at a time.
const OUTGOING_COUNT_MAX: usize = 64;

/// Keys of which the newest value is remembered by its stamp; of more, the oldest is forgotten.
const NEWEST_COUNT_MAX: usize = 2_048;

/// That the user is typing is told again after so long; who hears it believes it for twice as long.
const TYPING_INTERVAL: Micros = Micros::from_secs(3);

/// How long somebody counts as typing after the last that was heard of it.
pub const TYPING_LIFE: Micros = Micros::from_secs(6);

/// A value on its way out.
#[derive(Debug)]
struct Outgoing {
    value: String,
    /// Whether this value went out on the lane.
    is_sent: bool,
    /// When it may go out next, on the lane or for good.
    due_at: Time,
}

/// A log and a key in it.
type Place = (LogId, String);

#[derive(Debug, Default)]
pub(super) struct Ephemeral {
    in_view: Vec<LogId>,
    /// Whether the server must still be told what is in view.
    is_view_news: bool,
    outgoing: BTreeMap<Place, Outgoing>,
    stamp: u64,
    newest: BTreeMap<Place, u64>,
    typed: Option<(LogId, Time)>,
}

impl Ephemeral {
    /// The connection is lost, and with it what was told on it; the next one is told anew what is in view.
    pub(super) fn on_lost(&mut self) {
        self.outgoing.clear();
        self.newest.clear();
        self.typed = None;
        self.is_view_news = !self.in_view.is_empty();
    }

    /// Whether nothing waits to be sent.
    pub(super) fn is_idle(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// When the next value may go out.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.outgoing.values().map(|outgoing| outgoing.due_at).min()
    }

    fn set(&mut self, now: Time, place: Place, value: String) {
        if let Some(outgoing) = self.outgoing.get_mut(&place) {
            // What went out already keeps its distance; what would go out for good does not wait for that.
            let settles = outgoing.is_sent;
            outgoing.due_at = if settles { outgoing.due_at - (SETTLE_DELAY - VALUE_INTERVAL) } else { outgoing.due_at };
            (outgoing.value, outgoing.is_sent) = (value, false);
            return;
        }
        if self.outgoing.len() >= OUTGOING_COUNT_MAX {
            self.outgoing.pop_first();
        }
        self.outgoing.insert(place, Outgoing { value, is_sent: false, due_at: now });
    }

    /// What is due: values for the lane, and requests for good.
    fn take_due(&mut self, now: Time, requests: &mut Requests) -> Vec<SetLatest> {
        let mut for_lane = Vec::new();
        let mut stamp = self.stamp;
        self.outgoing.retain(|(log, key), outgoing| {
            if outgoing.due_at > now {
                return true;
            }
            stamp += 1;
            let set = SetLatest { log: *log, key: key.clone(), value: outgoing.value.clone(), stamp };
            if outgoing.is_sent {
                requests.add(&Request::SetLatest(set), Purpose::Quiet);
                return false;
            }
            (outgoing.is_sent, outgoing.due_at) = (true, now + SETTLE_DELAY);
            for_lane.push(set);
            true
        });
        self.stamp = stamp;
        for_lane
    }

    /// Whether a value that came is newer than what came before.
    fn is_news(&mut self, latest: &Latest) -> bool {
        let place = (latest.log, latest.key.clone());
        if self.newest.get(&place).is_some_and(|stamp| *stamp >= latest.stamp) {
            return false;
        }
        if self.newest.len() >= NEWEST_COUNT_MAX && !self.newest.contains_key(&place) {
            let oldest = self.newest.iter().min_by_key(|(_, stamp)| **stamp).map(|(place, _)| place.clone());
            oldest.and_then(|oldest| self.newest.remove(&oldest));
        }
        self.newest.insert(place, latest.stamp);
        true
    }
}

impl Client {
    /// Says which logs are before the user's eyes, in place of those said before; the server then tells what goes on in those
    /// that are followed: who is there, who is typing, values. Connections come and go, this stays.
    pub fn set_in_view(&mut self, now: Time, logs: Vec<LogId>) {
        if self.ephemeral.in_view != logs {
            self.ephemeral.newest.retain(|(log, _), _| logs.contains(log));
            self.ephemeral.in_view = logs;
            self.ephemeral.is_view_news = true;
            self.pump(now);
        }
    }

    /// Tells a value to who has the log in view; an empty one takes the key away. What comes too quickly gives way to what comes
    /// after it, the last is never lost. Without a connection, nothing is told.
    pub fn set_latest(&mut self, now: Time, log: LogId, key: &str, value: String) {
        if self.is_online() {
            self.ephemeral.set(now, (log, key.to_owned()), value);
            self.pump(now);
        }
    }

    /// The user is typing in a log.
    pub fn tell_typing(&mut self, now: Time, log: LogId) {
        let is_told = self.ephemeral.typed.is_some_and(|(told, at)| told == log && at + TYPING_INTERVAL > now);
        if let (false, Link::Online { handle, .. }) = (is_told, &self.link) {
            self.ephemeral.typed = Some((log, now));
            let handle = *handle;
            self.send_latest(now, handle, (log, ""), &Request::Typing(log));
        }
    }

    /// The user writes something else now: that they are typing again is told at once.
    pub fn stop_typing(&mut self) {
        self.ephemeral.typed = None;
    }

    /// A number that no value of this client had yet; for a [`SetLatest`] that is asked for.
    pub fn next_stamp(&mut self) -> u64 {
        self.ephemeral.stamp += 1;
        self.ephemeral.stamp
    }

    /// Hands the connection what is due and not stored.
    pub(super) fn pump_ephemeral(&mut self, now: Time, handle: ConnectionHandle) {
        if self.account().is_none() {
            return;
        }
        if std::mem::take(&mut self.ephemeral.is_view_news) {
            self.requests.add(&Request::InView(self.ephemeral.in_view.clone()), Purpose::Quiet);
        }
        for set in self.ephemeral.take_due(now, &mut self.requests) {
            let (log, key) = (set.log, set.key.clone());
            self.send_latest(now, handle, (log, &key), &Request::SetLatest(set));
        }
    }

    fn send_latest(&mut self, now: Time, handle: ConnectionHandle, place: (LogId, &str), request: &Request) {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        place.hash(&mut hasher);
        if let Some(mut connection) = self.endpoint.connection(handle) {
            // A closing connection tells nobody anything, and a value has no other way.
            let _ = connection.send_latest(now, LatestKey(hasher.finish()), &request.encode(0).into());
        }
    }

    /// Takes what came on the latest-value lane.
    pub(super) fn read_latest(&mut self, handle: ConnectionHandle) {
        while let Some(bytes) = self.endpoint.connection(handle).and_then(|mut connection| connection.recv_latest()) {
            match Notice::decode(&bytes) {
                Ok(Notice::Latest(latest)) => self.on_latest(latest),
                Ok(Notice::Typing(typing)) => self.on_typing(typing),
                _ => {}
            }
        }
    }

    pub(super) fn on_latest(&mut self, latest: Latest) {
        let Some(room) = self.room_in_view(latest.log) else { return };
        if self.ephemeral.is_news(&latest) {
            self.events.push_back(ClientEvent::Latest { room, latest });
        }
    }

    pub(super) fn on_typing(&mut self, typing: Typing) {
        if let Some(room) = self.room_in_view(typing.log) {
            self.events.push_back(ClientEvent::Typing { room, typing });
        }
    }

    fn room_in_view(&mut self, log: LogId) -> Option<String> {
        if !self.ephemeral.in_view.contains(&log) {
            return None;
        }
        self.follows.room(log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::UserId;

    fn at(millis: u64) -> Time {
        Time::default() + Micros::from_millis(millis)
    }

    fn place() -> Place {
        (LogId(7), "avatar".to_owned())
    }

    #[test]
    fn values_keep_their_pace_and_the_last_goes_for_good() {
        let (mut ephemeral, mut requests) = (Ephemeral::default(), Requests::default());
        let mut sent = Vec::new();
        for millis in 0..200 {
            ephemeral.set(at(millis), place(), millis.to_string());
            sent.extend(ephemeral.take_due(at(millis), &mut requests).into_iter().map(|set| set.value));
        }
        assert_eq!(sent, ["0", "50", "100", "150"]);
        let mut now = at(200);
        while let Some(due_at) = ephemeral.deadline() {
            now = now.max(due_at);
            sent.extend(ephemeral.take_due(now, &mut requests).into_iter().map(|set| set.value));
        }
        assert_eq!(sent[4..], ["199"]);
        assert!(now <= at(800), "{now:?}");
        let (_, message) = requests.next_to_send().unwrap();
        let Ok((_, Request::SetLatest(last))) = Request::decode(message) else { panic!("not a value") };
        assert_eq!((last.value.as_str(), last.stamp), ("199", 6), "newer than all before");
    }

    #[test]
    fn only_so_many_keys_are_on_their_way() {
        let mut ephemeral = Ephemeral::default();
        for key in 0..OUTGOING_COUNT_MAX + 9 {
            ephemeral.set(at(0), (LogId(7), key.to_string()), String::new());
        }
        assert_eq!(ephemeral.outgoing.len(), OUTGOING_COUNT_MAX);
    }

    #[test]
    fn an_older_value_is_passed_over_and_so_many_keys_are_remembered() {
        let mut ephemeral = Ephemeral::default();
        let latest = |key: usize, stamp| Latest {
            log: LogId(7),
            author: UserId(1),
            name: "alice".into(),
            key: key.to_string(),
            value: String::new(),
            stamp,
        };
        assert!(ephemeral.is_news(&latest(0, 5)));
        assert!(!ephemeral.is_news(&latest(0, 4)) && !ephemeral.is_news(&latest(0, 5)));
        assert!(ephemeral.is_news(&latest(0, 6)));
        for key in 1..=NEWEST_COUNT_MAX {
            assert!(ephemeral.is_news(&latest(key, 10 + key as u64)));
        }
        assert_eq!(ephemeral.newest.len(), NEWEST_COUNT_MAX);
        assert!(ephemeral.is_news(&latest(0, 1)), "the oldest was forgotten");
    }
}

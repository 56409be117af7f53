//! What is told at once and never stored: hears it from who may speak, and passes it to who has its log in view.
//!
//! Whether a follower may speak is asked of the readers once in a while, and again after every event that changes rights: the
//! loop itself reads no database. What a session tells costs at most one sending to each viewer, from a budget of the session
//! and one of the log.

use super::follow::Voice;
use super::job::Read;
use super::server::{Now, READS_IN_FLIGHT_MAX, Server};
use super::steps::{Asked, Step};
use super::values::{Put, Value};
use crate::chat::NewEvent;
use crate::message::{
    Account, Event, EventBody, Glance, Latest, LogId, Notice, Refusal, RefusalCode, Reply, Request, SetLatest, Typing,
};
use crate::transport::{ConnectionHandle, LatestKey, Micros, Rate};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// How much one session tells in a second: twenty positions, and some more.
const SESSION_VALUES: u32 = 25;
const SESSION_RATE: Rate = Rate::per_second(SESSION_VALUES, 2 * SESSION_VALUES);

/// How much is told of one log, in sendings to its viewers: forty people who see each other move ten times a second. Beyond it
/// a value is kept, and told when it stays.
const LOG_RATE: Rate = Rate::per_second(20_000, 20_000);

/// How long an answer about who may speak is good; a muting ends by itself.
const VOICE_LIFE: Micros = Micros::from_secs(10);

/// Somebody's typing is told again no sooner.
const TYPING_INTERVAL: Micros = Micros::from_secs(1);

/// After a budget is spent: when to try again, in milliseconds.
const RETRY_AFTER_MS: u32 = 500;

/// What somebody tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Utterance {
    Typing,
    Latest(SetLatest),
}

impl Server {
    /// Takes what came on the latest-value lane. There is no answer to it.
    pub(super) fn on_latest(&mut self, now: Now, handle: ConnectionHandle) {
        while let Some(bytes) = self.endpoint.connection(handle).and_then(|mut connection| connection.recv_latest()) {
            if !self.may_utter(now, handle) {
                continue;
            }
            match Request::decode(&bytes) {
                Ok((_, Request::Typing(log))) => self.hear(now, handle, log, Utterance::Typing),
                Ok((_, Request::SetLatest(set))) if set.has_good_len() => self.hear(now, handle, set.log, Utterance::Latest(set)),
                _ => {}
            }
        }
    }

    /// Somebody is typing, said on the chat stream.
    pub(super) fn begin_typing(&mut self, now: Now, asked: Asked, log: LogId) -> Result<(), Refusal> {
        self.check_follow(log, asked.session)?;
        self.check_budget(now, asked.session)?;
        self.hear(now, asked.session, log, Utterance::Typing);
        self.finish(now, asked, &Reply::Done);
        Ok(())
    }

    /// A value, said on the chat stream: it is answered once it is to be heard.
    pub(super) fn begin_set_latest(&mut self, now: Now, asked: Asked, account: &Account, set: SetLatest) -> Result<(), Refusal> {
        if !set.has_good_len() {
            let sentence = "a key has 1 to 64 bytes, key and value together at most 256";
            return Err(Refusal::new(RefusalCode::BadValue, sentence));
        }
        self.check_follow(set.log, asked.session)?;
        self.check_budget(now, asked.session)?;
        let read = Read::Voice(account.user, set.log, now.wall_ms);
        self.read(Step::SetLatest(asked, set), read);
        Ok(())
    }

    fn check_follow(&mut self, log: LogId, handle: ConnectionHandle) -> Result<(), Refusal> {
        match self.follows.follower_mut(log, handle) {
            Some(_) => Ok(()),
            None => Err(Refusal::new(RefusalCode::NotFollowed, "follow the log first")),
        }
    }

    fn check_budget(&mut self, now: Now, handle: ConnectionHandle) -> Result<(), Refusal> {
        if self.may_utter(now, handle) {
            return Ok(());
        }
        let sentence = format!("at most {SESSION_VALUES} values a second");
        Err(Refusal::retry_after(RefusalCode::TooMany, sentence, RETRY_AFTER_MS))
    }

    fn may_utter(&mut self, now: Now, handle: ConnectionHandle) -> bool {
        let Some(session) = self.sessions.get_mut(&handle).filter(|session| session.account().is_some()) else { return false };
        let fits = session.utterances.take(now.at, 1, SESSION_RATE).is_ok();
        self.holds.utterances_full += u64::from(!fits);
        fits
    }

    /// The readers say that a value's author may speak; they may have ended the follow meanwhile.
    pub(super) fn on_heard(&mut self, now: Now, asked: Asked, set: SetLatest) {
        let log = set.log;
        let told =
            self.check_follow(log, asked.session).and_then(|()| self.utter(now, asked.session, log, Utterance::Latest(set)));
        let reply = told.map_or_else(Reply::Refused, |()| Reply::Done);
        self.finish(now, asked, &reply);
    }

    /// Passes on what a follower tells, once it is known that the follower may speak.
    fn hear(&mut self, now: Now, handle: ConnectionHandle, log: LogId, utterance: Utterance) {
        let epoch = self.follows.epoch();
        let Some((follower, _)) = self.follows.follower_mut(log, handle) else { return };
        match follower.voice {
            // That there is no room is no concern of who does not ask.
            Voice::Heard(until) if until > now.at => drop(self.utter(now, handle, log, utterance)),
            Voice::Mute(until) if until > now.at => {}
            Voice::Asking(_) => {}
            _ if self.reads_in_flight >= READS_IN_FLIGHT_MAX => {}
            _ => {
                follower.voice = Voice::Asking(epoch);
                let read = Read::Voice(follower.user, log, now.wall_ms);
                self.read(Step::Voice { session: handle, log, epoch, utterance }, read);
            }
        }
    }

    /// The readers say whether a follower may speak.
    pub(super) fn on_voice(
        &mut self,
        now: Now,
        (handle, log, epoch): (ConnectionHandle, LogId, u64),
        utterance: Utterance,
        may_speak: bool,
    ) {
        let Some((follower, _)) = self.follows.follower_mut(log, handle) else { return };
        // Asked again since, or rights have changed: the answer is of yesterday.
        if follower.voice != Voice::Asking(epoch) {
            return;
        }
        let until = now.at + VOICE_LIFE;
        follower.voice = if may_speak { Voice::Heard(until) } else { Voice::Mute(until) };
        if may_speak {
            drop(self.utter(now, handle, log, utterance));
        }
    }

    /// An event may have changed who may speak in its log.
    pub(super) fn ask_voices_again(&mut self, event: &NewEvent) {
        let Some(followed) = self.follows.log_mut(event.log) else { return };
        let mut known = followed.followers.iter_mut().filter(|follower| follower.voice != Voice::Unknown).peekable();
        if known.peek().is_none() || Glance::read(&event.told).is_some_and(|glance| glance.text.is_some()) {
            return;
        }
        let Ok(Notice::Event(told)) = Notice::decode(&event.told) else { return };
        if Event::decode(&told.event).is_some_and(|event| matches!(event.content(), EventBody::Room(_))) {
            known.for_each(|follower| follower.voice = Voice::Unknown);
        }
    }

    /// Passes on what a follower who may speak tells.
    fn utter(&mut self, now: Now, handle: ConnectionHandle, log: LogId, utterance: Utterance) -> Result<(), Refusal> {
        let Some(account) = self.sessions.get(&handle).and_then(|session| session.account()) else { return Ok(()) };
        let (user, name) = (account.user, account.name.clone());
        let Some(followed) = self.follows.log_mut(log) else { return Ok(()) };
        match utterance {
            Utterance::Typing => {
                let typed = &mut followed.values.typed;
                typed.retain(|_, at| *at + TYPING_INTERVAL > now.at);
                if typed.contains_key(&user) {
                    return Ok(());
                }
                typed.insert(user, now.at);
                let key = lane_key(&(log, user));
                let told: Arc<[u8]> = Notice::Typing(Typing { log, user, name }).encode().into();
                self.pass_on(now, log, handle, key, &told);
            }
            Utterance::Latest(set) => {
                let SetLatest { key, value, stamp, .. } = set;
                let lane = lane_key(&(log, key.as_str()));
                let is_removal = value.is_empty();
                let told = Latest { log, author: user, name, key: key.clone(), value, stamp: self.follows.epoch() };
                let told: Arc<[u8]> = Notice::Latest(told).encode().into();
                let value = Value { author: user, source: (handle, stamp), told: Arc::clone(&told), is_removal, set_at: now.at };
                match self.follows.put_value(log, &key, value) {
                    Put::Newest { .. } => self.pass_on(now, log, handle, lane, &told),
                    Put::Older => {}
                    Put::Full => {
                        self.holds.values_full += 1;
                        let sentence = "there are too many keys; take some away first, with an empty value";
                        return Err(Refusal::new(RefusalCode::LimitReached, sentence));
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends to everybody who has the log in view, but not back.
    fn pass_on(&mut self, now: Now, log: LogId, from: ConnectionHandle, key: LatestKey, told: &Arc<[u8]>) {
        let Some(followed) = self.follows.log_mut(log) else { return };
        let viewers = || followed.followers.iter().filter(|follower| follower.in_view && follower.session != from);
        let count = viewers().count() as u64;
        if followed.values.tells.take(now.at, count, LOG_RATE).is_err() {
            self.holds.utterances_full += 1;
            return;
        }
        let hearers: Vec<ConnectionHandle> = viewers().map(|follower| follower.session).collect();
        for hearer in hearers {
            if let Some(mut connection) = self.endpoint.connection(hearer) {
                // It is closing, or it was told as much as fits: nothing waits for it.
                let _ = connection.send_latest(now.at, key, told);
            }
        }
    }

    /// Tells values once more that have stayed, this time for good.
    pub(super) fn settle_values(&mut self, now: Now) {
        while let Some((log, told)) = self.follows.next_settled(now.at) {
            let Some(followed) = self.follows.log_mut(log) else { continue };
            let hearers = followed.followers.iter().filter(|follower| follower.in_view && !follower.is_view_owed);
            let hearers: Vec<ConnectionHandle> = hearers.map(|follower| follower.session).collect();
            for hearer in hearers {
                if !self.tell_if_room(now, hearer, &told)
                    && let Some((follower, _)) = self.follows.follower_mut(log, hearer)
                {
                    follower.is_view_owed = true;
                    self.show_views(now, hearer);
                }
            }
        }
    }
}

/// What a value is of, for the lane: the same for all values of the same thing.
fn lane_key(thing: &impl Hash) -> LatestKey {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    LatestKey(hasher.finish())
}

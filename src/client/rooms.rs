//! Everywhere the user is: follows all their rooms and conversations, and their own log, which tells of new ones.
//!
//! It goes on from a reader's durable cursors, so that what was said in the meantime is shown first. A log that is far ahead
//! of its cursor is joined at its end instead, and the reader is told what was left out. A room that is new to the user is
//! entered with its newest events, and followed from there, so that nothing falls between the two and nothing comes twice.

use std::collections::BTreeMap;

use super::client::Client;
use super::cursors::Cursors;
use super::database::LocalError;
use super::event::{ClientEvent, Followed};
use super::requests::Tag;
use crate::message::{
    Event, EventBody, EventPage, FollowFrom, FollowRequest, HistoryFrom, HistoryRequest, LogId, Membership, Refusal,
    RefusalClass, Reply, Request, Seq, Target,
};
use crate::transport::Time;

/// Most events that are caught up with; more than a screen holds would only scroll by.
const CATCH_UP_COUNT_MAX: u64 = 200;

/// How many events are shown when a room is entered.
const ENTRY_COUNT: u16 = 10;

/// The logs that one reader of one profile follows.
#[derive(Debug)]
pub struct Rooms {
    reader: String,
    cursors: Cursors,
    own_log: Option<LogId>,
    asked: Option<Tag>,
    names: BTreeMap<LogId, String>,
    /// What was asked about a log and not answered yet.
    beginnings: BTreeMap<Tag, (LogId, Beginning)>,
    /// Up to where a log was shown when it was entered.
    shown: BTreeMap<LogId, Seq>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// Its newest events, behind which it is to be followed.
    Entry,
    Follow,
}

/// What the user should know about where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomsNote {
    /// A stretch was left out because it is too long.
    Skipped {
        /// What the user calls the log.
        room: String,
        /// How many events, about.
        event_count: u64,
    },
    /// Messages that the user has not read name the user.
    Mentioned {
        /// What the user calls the log.
        room: String,
        /// How many messages are unread.
        unread_count: u64,
        /// How many of these name the user, at most [`MENTIONS_COUNTED_MAX`](crate::message::MENTIONS_COUNTED_MAX).
        mention_count: u32,
    },
    /// A log that is new to the user has been entered; these are its newest events.
    Entered(EventPage),
    /// The server does not tell of a log now; it is asked again on the next connection.
    Refused {
        /// What the user calls the log.
        room: String,
        /// Why.
        refusal: Refusal,
    },
}

impl Rooms {
    /// For the reader `reader`, whose cursors are in `cursors`.
    #[must_use]
    pub fn new(reader: &str, cursors: Cursors) -> Self {
        Self {
            reader: reader.to_owned(),
            cursors,
            own_log: None,
            asked: None,
            names: BTreeMap::new(),
            beginnings: BTreeMap::new(),
            shown: BTreeMap::new(),
        }
    }

    /// What the user calls their logs, without their own one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(String::as_str)
    }

    /// Whether this log is followed, or going to be.
    #[must_use]
    pub fn follows(&self, log: LogId) -> bool {
        self.names.contains_key(&log)
    }

    /// The user's logs, with what the user calls each.
    pub fn logs(&self) -> impl Iterator<Item = (LogId, &str)> {
        self.names.iter().map(|(log, name)| (*log, name.as_str()))
    }

    /// What the user calls this log; nothing for one they are not in.
    #[must_use]
    pub fn name(&self, log: LogId) -> Option<&str> {
        self.names.get(&log).map(String::as_str)
    }

    /// Whether what a log has at this position was shown when it was entered, so that the follow brings it again.
    #[must_use]
    pub fn was_shown(&self, log: LogId, seq: Seq) -> bool {
        self.shown.get(&log).is_some_and(|shown| seq <= *shown)
    }

    /// Hears what the client tells, and follows accordingly. Returns what the user should know.
    ///
    /// # Errors
    /// If the cursors cannot be read or written.
    pub fn on_event(&mut self, client: &mut Client, now: Time, event: &ClientEvent) -> Result<Vec<RoomsNote>, LocalError> {
        match event {
            ClientEvent::Online { welcome, .. } => {
                if let Some(account) = &welcome.account
                    && self.own_log.is_none()
                {
                    self.own_log = Some(account.own_log);
                    let from = self.from(account.own_log)?.unwrap_or(FollowFrom::Now);
                    self.follow(client, now, account.own_log, from);
                }
                self.asked = Some(client.request(now, &Request::Memberships(None)));
            }
            ClientEvent::Reply { tag, reply: Reply::Memberships(page) } if self.asked == Some(*tag) => {
                if let Some(last) = page.memberships.last().filter(|_| page.more) {
                    self.asked = Some(client.request(now, &Request::Memberships(Some(last.log))));
                }
                return self.on_memberships(client, now, &page.memberships);
            }
            ClientEvent::Reply { tag, reply: Reply::Refused(refusal) } if self.asked == Some(*tag) => {
                return Ok(vec![RoomsNote::Refused { room: "your rooms".to_owned(), refusal: refusal.clone() }]);
            }
            ClientEvent::Reply { tag, reply } => {
                if let Some((log, beginning)) = self.beginnings.remove(tag) {
                    return Ok(self.on_begun(client, now, log, beginning, reply).into_iter().collect());
                }
            }
            ClientEvent::Event(followed) => self.on_followed(client, now, followed)?,
            ClientEvent::Hidden { log, cursor, .. } => self.cursors.advance(&self.reader, *log, cursor)?,
            ClientEvent::Forked { log, .. } | ClientEvent::Broken { log, .. } => {
                self.cursors.forget(&self.reader, *log)?;
                self.follow(client, now, *log, FollowFrom::Now);
            }
            ClientEvent::Unfollowed { log, .. } => self.give_up(*log),
            _ => {}
        }
        Ok(Vec::new())
    }

    fn on_memberships(
        &mut self,
        client: &mut Client,
        now: Time,
        memberships: &[Membership],
    ) -> Result<Vec<RoomsNote>, LocalError> {
        let mut notes = Vec::new();
        for Membership { log, room, head, unread_count, mention_count, .. } in memberships {
            if self.own_log == Some(*log) || self.names.insert(*log, room.clone()).is_some() {
                continue;
            }
            if *mention_count > 0 {
                let (unread_count, mention_count) = (*unread_count, *mention_count);
                notes.push(RoomsNote::Mentioned { room: room.clone(), unread_count, mention_count });
            }
            let cursor = self.cursors.find(&self.reader, *log)?;
            let behind_count = cursor.map_or(0, |cursor| head.0.saturating_sub(cursor.seq.0));
            let from = match cursor {
                Some(cursor) if behind_count <= CATCH_UP_COUNT_MAX => FollowFrom::After(cursor.seq, cursor.hash.0),
                Some(_) => {
                    notes.push(RoomsNote::Skipped { room: room.clone(), event_count: behind_count });
                    FollowFrom::Now
                }
                None => FollowFrom::Now,
            };
            self.follow(client, now, *log, from);
        }
        Ok(notes)
    }

    fn on_followed(&mut self, client: &mut Client, now: Time, followed: &Followed) -> Result<(), LocalError> {
        if self.own_log == Some(followed.log) {
            match followed.event.content() {
                EventBody::RoomEntered(log, name) => {
                    let is_new = self.names.insert(log, format!("#{name}")).is_none();
                    if is_new {
                        let entry = HistoryRequest { log: Target::Log(log), from: HistoryFrom::Last, count: ENTRY_COUNT };
                        let tag = client.request(now, &Request::History(entry));
                        self.beginnings.insert(tag, (log, Beginning::Entry));
                    }
                }
                // From its start: the first message is what opened it.
                EventBody::DirectOpened(log, _, name) => {
                    let is_new = self.names.insert(log, format!("@{name}")).is_none();
                    if is_new {
                        self.follow(client, now, log, FollowFrom::Start);
                    }
                }
                EventBody::RoomLeft(log, _) | EventBody::PutOutOf(log, ..) => {
                    self.give_up(log);
                    client.unfollow(now, log);
                }
                _ => {}
            }
        }
        self.cursors.advance(&self.reader, followed.log, &followed.cursor)
    }

    fn follow(&mut self, client: &mut Client, now: Time, log: LogId, from: FollowFrom) {
        let target = if self.own_log == Some(log) { Target::Own } else { Target::Log(log) };
        let tag = client.follow(now, FollowRequest { log: target, from });
        self.beginnings.insert(tag, (log, Beginning::Follow));
    }

    /// The answer to what was asked about `log`.
    fn on_begun(&mut self, client: &mut Client, now: Time, log: LogId, beginning: Beginning, reply: &Reply) -> Option<RoomsNote> {
        match (beginning, reply) {
            (Beginning::Follow, Reply::Following(_)) => None,
            (Beginning::Entry, Reply::Page(page)) => {
                let last = page.events.iter().filter_map(|told| Event::decode(&told.event)).next_back();
                self.shown.insert(log, last.map_or(page.after, |event| event.head.seq));
                self.follow(client, now, log, FollowFrom::After(page.after, page.hash));
                Some(RoomsNote::Entered(page.clone()))
            }
            (_, reply) => {
                let room = self.name(log).unwrap_or("your list of rooms").to_owned();
                self.give_up(log);
                match reply {
                    // Who is no member any more hears of that from their own log.
                    Reply::Refused(refusal) if refusal.class != RefusalClass::Permission => {
                        Some(RoomsNote::Refused { room, refusal: refusal.clone() })
                    }
                    _ => None,
                }
            }
        }
    }

    /// The log is not followed any more, and will be if it is heard of again.
    fn give_up(&mut self, log: LogId) {
        self.names.remove(&log);
        self.shown.remove(&log);
        self.beginnings.retain(|_, (begun, _)| *begun != log);
        self.own_log = self.own_log.filter(|own_log| *own_log != log);
    }

    fn from(&self, log: LogId) -> Result<Option<FollowFrom>, LocalError> {
        let cursor = self.cursors.find(&self.reader, log)?;
        Ok(cursor.map(|cursor| FollowFrom::After(cursor.seq, cursor.hash.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake_server::{ROOM, World};
    use super::*;
    use crate::message::RefusalCode;
    use crate::transport::Micros;

    /// Lets everything happen; what a person saw: the lines of the room, and remarks.
    fn see(world: &mut World, rooms: &mut Rooms) -> Vec<String> {
        let mut seen = Vec::new();
        world.pass(Micros::from_secs(5));
        while let Some(event) = world.events.pop_front() {
            for note in rooms.on_event(&mut world.client, world.now, &event).unwrap() {
                match note {
                    RoomsNote::Entered(page) => {
                        seen.extend(page.events.iter().filter_map(|told| text(&Event::decode(&told.event)?)));
                    }
                    RoomsNote::Skipped { room, event_count } => seen.push(format!("{room}: {event_count} skipped")),
                    RoomsNote::Mentioned { room, unread_count, mention_count } => {
                        seen.push(format!("{room}: {unread_count} unread, {mention_count} of them for you"));
                    }
                    RoomsNote::Refused { room, refusal } => seen.push(format!("{room}: {}", refusal.sentence)),
                }
            }
            if let ClientEvent::Event(followed) = &event
                && !rooms.was_shown(followed.log, followed.cursor.seq)
            {
                seen.extend(text(&followed.event));
            }
            world.run();
        }
        seen
    }

    fn text(event: &Event) -> Option<String> {
        match event.content() {
            EventBody::Posted(post) => Some(post.text),
            _ => None,
        }
    }

    fn world() -> (World, Rooms) {
        let mut world = World::signed_in();
        // Greeted once more, for the one who has come later.
        world.server.restart(world.now);
        world.client.request(world.now, &Request::WhoAmI);
        (world, Rooms::new("screen", Cursors::in_memory().unwrap()))
    }

    fn member() -> Membership {
        Membership { log: ROOM, room: "#ops".into(), head: Seq(1), read: Seq(0), unread_count: 0, mention_count: 0 }
    }

    #[test]
    fn a_room_that_is_entered_shows_each_line_once() {
        let (mut world, mut rooms) = world();
        see(&mut world, &mut rooms);
        world.server.say(world.now, "before");
        world.server.said_after_history = Some("between".into());
        world.server.let_in(world.now);
        assert_eq!(see(&mut world, &mut rooms), ["before", "between"]);
        world.server.say(world.now, "after");
        assert_eq!(see(&mut world, &mut rooms), ["after"]);
    }

    #[test]
    fn whoever_was_named_is_told_so_once() {
        let (mut world, mut rooms) = world();
        world.server.memberships = vec![Membership { unread_count: 7, mention_count: 2, ..member() }];
        assert_eq!(see(&mut world, &mut rooms), ["#ops: 7 unread, 2 of them for you"]);
        world.server.restart(world.now);
        world.client.request(world.now, &Request::WhoAmI);
        assert_eq!(see(&mut world, &mut rooms), [""; 0]);
    }

    #[test]
    fn a_log_that_cannot_be_followed_now_is_told_and_asked_for_again_on_the_next_connection() {
        let (mut world, mut rooms) = world();
        world.server.memberships = vec![member()];
        world.server.follow_refusal = Some(Refusal::new(RefusalCode::Busy, "later"));
        assert_eq!(see(&mut world, &mut rooms), ["#ops: later"]);
        assert!(!rooms.follows(ROOM));
        world.server.follow_refusal = None;
        world.server.restart(world.now);
        world.client.request(world.now, &Request::WhoAmI);
        assert_eq!(see(&mut world, &mut rooms), [""; 0]);
        assert_eq!(rooms.name(ROOM), Some("#ops"));
        world.server.say(world.now, "heard");
        assert_eq!(see(&mut world, &mut rooms), ["heard"]);
    }
}

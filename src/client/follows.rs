//! The logs a client follows: where it is in each, and whether what comes is the next link of the chain.
//!
//! A follow outlives its connection. It is asked for anew from the position it has reached, with the chain's hash there, so
//! that the server can tell a reader whose past is not its own.

use super::cursors::Cursor;
use super::event::{ClientEvent, Followed};
use super::requests::Tag;
use crate::message::{Event, EventHash, FollowFrom, FollowRequest, Following, Hidden, LogId, Refusal, Reply, Seq, Target, Told};

#[derive(Debug)]
struct Follow {
    /// As it was asked for at first.
    asked: FollowRequest,
    /// The request under which the asker waits for the first answer.
    asked_under: Tag,
    /// The request on this connection.
    tag: Option<Tag>,
    /// Known from the first answer on.
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    log: LogId,
    room: String,
    cursor: Cursor,
}

/// All follows of a client.
#[derive(Debug, Default)]
pub(super) struct Follows {
    list: Vec<Follow>,
}

/// What a follow's message means for the client.
#[derive(Debug)]
pub(super) enum Step {
    /// It is as it should be; there may be something to tell.
    On(Option<ClientEvent>),
    /// The follow has ended on the server's side.
    Ended(Option<ClientEvent>),
    /// The server did what it must not; the follow has ended here, and the server is to be told.
    Broken(LogId, ClientEvent),
}

impl Follows {
    /// Begins to follow; the request has been made under `tag`.
    pub(super) fn begin(&mut self, asked: FollowRequest, tag: Tag) {
        self.list.push(Follow { asked, asked_under: tag, tag: Some(tag), place: None });
    }

    /// Stops following `log`; whether it was followed.
    pub(super) fn end(&mut self, log: LogId) -> bool {
        self.take(log).is_some()
    }

    /// The connection is lost, and with it the requests without an answer.
    pub(super) fn on_lost(&mut self) {
        self.list.iter_mut().for_each(|follow| follow.tag = None);
    }

    /// Asks for every follow that is not asked for on this connection.
    pub(super) fn ask_again(&mut self, mut ask: impl FnMut(FollowRequest) -> Tag) {
        for follow in self.list.iter_mut().filter(|follow| follow.tag.is_none()) {
            let request = match &follow.place {
                None => follow.asked.clone(),
                Some(place) => {
                    FollowRequest { log: Target::Log(place.log), from: FollowFrom::After(place.cursor.seq, place.cursor.hash.0) }
                }
            };
            follow.tag = Some(ask(request));
        }
    }

    /// The answer to a follow's request. The first one is told to the asker as the answer it is.
    pub(super) fn on_reply(&mut self, tag: Tag, reply: Reply) -> Step {
        let Some(index) = self.list.iter().position(|follow| follow.tag == Some(tag)) else { return Step::On(None) };
        let Some(follow) = self.list.get_mut(index) else { return Step::On(None) };
        let tag = follow.asked_under;
        match (reply, &follow.place) {
            (Reply::Following(following), None) => {
                let cursor = Cursor { seq: following.after, hash: EventHash(following.hash) };
                let room = following.room.clone();
                follow.place = Some(Place { log: following.log, room: room.clone(), cursor });
                let expected = match follow.asked.from {
                    FollowFrom::After(seq, hash) => Some(Cursor { seq, hash: EventHash(hash) }),
                    FollowFrom::Start | FollowFrom::Now => None,
                };
                if expected.is_some_and(|expected| expected != cursor) {
                    return self.break_off(following.log);
                }
                Step::On(Some(ClientEvent::Reply { tag, reply: Reply::Following(following) }))
            }
            (Reply::Following(Following { log, after, hash, .. }), Some(place)) => {
                let told = Cursor { seq: after, hash: EventHash(hash) };
                let followed = place.log;
                if (log, told) == (followed, place.cursor) { Step::On(None) } else { self.break_off(followed) }
            }
            // The position is not the server's; the notice says so.
            (Reply::Done, _) => Step::On(None),
            (reply, None) => {
                self.list.remove(index);
                Step::Ended(Some(ClientEvent::Reply { tag, reply }))
            }
            (Reply::Refused(refusal), Some(_)) => {
                let ended = self.list.remove(index);
                Step::Ended(ended.place.map(|place| unfollowed(place, refusal)))
            }
            (_, Some(place)) => {
                let followed = place.log;
                self.break_off(followed)
            }
        }
    }

    /// The next event of some log.
    pub(super) fn on_told(&mut self, told: Told) -> Step {
        let Some(event) = Event::decode(&told.event) else { return Step::On(None) };
        let Some(place) = self.find(event.head.log) else { return Step::On(None) };
        // At or below the position: told already.
        if event.head.seq <= place.cursor.seq {
            return Step::On(None);
        }
        if event.head.prev != place.cursor.seq {
            return self.break_off(event.head.log);
        }
        place.cursor = Cursor { seq: event.head.seq, hash: event.hash_after(&place.cursor.hash) };
        let (log, room, cursor) = (place.log, place.room.clone(), place.cursor);
        Step::On(Some(ClientEvent::Event(Box::new(Followed { log, room, author: told.author, event, cursor }))))
    }

    /// The reader may not see a stretch.
    pub(super) fn on_hidden(&mut self, hidden: Hidden) -> Step {
        let Some(place) = self.find(hidden.log) else { return Step::On(None) };
        if hidden.to <= place.cursor.seq {
            return Step::On(None);
        }
        place.cursor = Cursor { seq: hidden.to, hash: EventHash(hidden.hash) };
        Step::On(Some(ClientEvent::Hidden { log: place.log, room: place.room.clone(), cursor: place.cursor }))
    }

    /// Everything up to `at` should be here.
    pub(super) fn on_caught_up(&mut self, log: LogId, at: Seq) -> Step {
        let Some(place) = self.find(log) else { return Step::On(None) };
        if at > place.cursor.seq {
            return self.break_off(log);
        }
        Step::On(Some(ClientEvent::CaughtUp { log, room: place.room.clone(), at }))
    }

    /// The server's past is another one than the reader's.
    pub(super) fn on_forked(&mut self, log: LogId, at: Seq) -> Step {
        if let Some(place) = self.take(log) {
            return Step::Ended(Some(ClientEvent::Forked { log, room: place.room, at: place.cursor.seq }));
        }
        // Not answered yet: found by the position that was asked for.
        let asks_there = |follow: &Follow| match follow.asked.from {
            FollowFrom::After(seq, _) => follow.place.is_none() && seq == at,
            FollowFrom::Start | FollowFrom::Now => false,
        };
        let index = self.list.iter().position(|follow| asks_there(follow) && follow.is_of(log));
        let room = index.map(|index| name(&self.list.remove(index).asked.log));
        Step::Ended(room.map(|room| ClientEvent::Forked { log, room, at }))
    }

    /// The server ended a follow.
    pub(super) fn on_unfollowed(&mut self, log: LogId, refusal: Refusal) -> Step {
        Step::Ended(self.take(log).map(|place| unfollowed(place, refusal)))
    }

    /// What the user calls a log that is followed.
    pub(super) fn room(&mut self, log: LogId) -> Option<String> {
        self.find(log).map(|place| place.room.clone())
    }

    fn find(&mut self, log: LogId) -> Option<&mut Place> {
        self.list.iter_mut().filter_map(|follow| follow.place.as_mut()).find(|place| place.log == log)
    }

    fn take(&mut self, log: LogId) -> Option<Place> {
        let index = self.list.iter().position(|follow| follow.place.as_ref().is_some_and(|place| place.log == log))?;
        self.list.remove(index).place
    }

    fn break_off(&mut self, log: LogId) -> Step {
        match self.take(log) {
            Some(Place { log, room, cursor }) => Step::Broken(log, ClientEvent::Broken { log, room, at: cursor.seq }),
            None => Step::On(None),
        }
    }
}

impl Follow {
    /// Whether it may be a follow of `log`, as far as its request says.
    fn is_of(&self, log: LogId) -> bool {
        match self.asked.log {
            Target::Log(asked) => asked == log,
            Target::Room(_) | Target::User(_) | Target::Own => true,
        }
    }
}

fn unfollowed(place: Place, refusal: Refusal) -> ClientEvent {
    ClientEvent::Unfollowed { log: place.log, room: place.room, refusal }
}

fn name(target: &Target) -> String {
    match target {
        Target::Room(name) | Target::User(name) => name.clone(),
        Target::Log(_) | Target::Own => String::new(),
    }
}

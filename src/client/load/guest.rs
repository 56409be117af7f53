//! One guest of a run: from its greeting to its place in a room, and what it sees there.
//!
//! ```text
//! Greeting ── welcome ──▶ Naming ── account ──▶ Outside ── room made ──▶ Entering ── member ──▶ Inside
//!                            │                                                                    │ all are
//!                            ▼ only to be there                                                   ▼
//!                          Ready ◀──────────────────────── caught up ─────────────────────── Following
//! ```

use thiserror::Error;

use super::stamp;
use super::tally::{Arrival, Tally, Watch};
use crate::message::{
    CreateRoom, FollowFrom, FollowRequest, Glance, GuestRequest, JoinRoom, LogId, Notice, PostRequest, Refusal, Reply, Request,
    RequestId, RoomChanges, Seq, Target, Template, UserId, Visibility,
};
use crate::transport::{CloseReason, Time};

/// Why a run cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Trouble {
    /// The server said no.
    #[error("the server refused a guest: {}", .0.sentence)]
    Refused(Refusal),
    /// A connection ended before its guest was in its place.
    #[error("a guest could not come in: {0}")]
    Closed(CloseReason),
    /// Time was up, or nothing went on for too long.
    #[error("the guests were not all in in time")]
    Stuck,
    /// An answer that does not belong to its question.
    #[error("the server gave an answer that does not belong to the question")]
    Unexpected,
}

/// How far a guest has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Greeting,
    Naming,
    Outside,
    Entering,
    Inside,
    Following,
    Ready,
    Gone,
}

/// What a guest tells its load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    /// It has been greeted and wants a name.
    Greeted,
    /// It has a name.
    Named,
    /// It is a member of its room.
    Entered,
    /// It hears everything from now on.
    CaughtUp,
    /// A message of somebody else came for the first time.
    Delivered,
    /// The server is still there.
    Present,
    /// The server refused a message.
    PostRefused(Refusal),
    Trouble(Trouble),
}

/// One guest.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) stage: Stage,
    /// The room's number in the plan.
    pub(super) room: u32,
    user: Option<UserId>,
    log: Option<LogId>,
    watch: Watch,
}

impl Guest {
    pub(super) fn new(room: u32) -> Self {
        Self { stage: Stage::Greeting, room, user: None, log: None, watch: Watch::default() }
    }

    /// Takes in one message of the server.
    pub(super) fn handle(&mut self, now: Time, message: &[u8], tally: &mut Tally) -> Told {
        if let Some(glance) = Glance::read(message) {
            return self.on_event(now, &glance, tally);
        }
        if let Ok((_, reply)) = Reply::decode(message) {
            return self.on_reply(reply);
        }
        match Notice::decode(message) {
            Ok(Notice::Welcome(_)) if self.stage == Stage::Greeting => {
                self.stage = Stage::Naming;
                Told::Greeted
            }
            Ok(Notice::CaughtUp(_)) if self.stage == Stage::Following => {
                self.stage = Stage::Ready;
                Told::CaughtUp
            }
            Ok(Notice::SignedOut(refusal) | Notice::Unfollowed((_, refusal))) => Told::Trouble(Trouble::Refused(refusal)),
            // What else there is to know concerns nobody here: being slowed, in particular, shows in the figures.
            _ => Told::Nothing,
        }
    }

    fn on_event(&mut self, now: Time, glance: &Glance<'_>, tally: &mut Tally) -> Told {
        if self.log != Some(glance.head.log) {
            return Told::Nothing;
        }
        match self.watch.see(glance.head.prev, glance.head.seq) {
            Arrival::InOrder => {}
            Arrival::OutOfOrder => tally.out_of_order += 1,
            Arrival::Duplicate => {
                tally.duplicated += 1;
                return Told::Nothing;
            }
        }
        match glance.text.and_then(stamp::sent_at) {
            Some(sent_at) if self.user != Some(glance.head.author) => {
                tally.deliver(now, sent_at);
                Told::Delivered
            }
            _ => Told::Nothing,
        }
    }

    fn on_reply(&mut self, reply: Reply) -> Told {
        match (self.stage, reply) {
            (Stage::Naming, Reply::Account(account)) => {
                self.user = Some(account.user);
                self.stage = Stage::Outside;
                Told::Named
            }
            (Stage::Entering, Reply::Stored(stored)) => {
                self.log = Some(stored.log);
                self.stage = Stage::Inside;
                Told::Entered
            }
            (Stage::Following, Reply::Following(following)) => {
                self.watch = Watch::behind(following.after);
                Told::Nothing
            }
            (Stage::Ready, Reply::Account(_)) => Told::Present,
            (Stage::Ready, Reply::Stored(_)) => Told::Nothing,
            (Stage::Ready, Reply::Refused(refusal)) => Told::PostRefused(refusal),
            (_, Reply::Refused(refusal)) => Told::Trouble(Trouble::Refused(refusal)),
            _ => Told::Trouble(Trouble::Unexpected),
        }
    }

    pub(super) fn ask_name(name: String, id: RequestId) -> Request {
        Request::Guest(GuestRequest { id, name, device: "bench".to_owned() })
    }

    pub(super) fn ask_room(&mut self, name: String, id: RequestId, is_maker: bool) -> Request {
        self.stage = Stage::Entering;
        if is_maker {
            Request::CreateRoom(CreateRoom {
                id,
                name,
                password: None,
                visibility: Visibility::Unlisted,
                template: Template::Plain,
                changes: RoomChanges::default(),
            })
        } else {
            Request::JoinRoom(JoinRoom { id, name, password: None })
        }
    }

    /// `None` if it is not inside.
    pub(super) fn ask_follow(&mut self) -> Option<Request> {
        let log = self.log.filter(|_| self.stage == Stage::Inside)?;
        self.stage = Stage::Following;
        self.watch = Watch::behind(Seq(u64::MAX));
        Some(Request::Follow(FollowRequest { log: Target::Log(log), from: FollowFrom::Now }))
    }

    /// `None` if it is not there any more.
    pub(super) fn ask_post(&self, text: String, id: RequestId) -> Option<Request> {
        let log = self.log.filter(|_| self.stage == Stage::Ready)?;
        Some(Request::Post(PostRequest { id, to: Target::Log(log), text, reply_to: None, payload: None }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{
        Account, AccountKind, DeviceId, Event, EventBody, Following, Head, Post, RefusalCode, Registration, ServerRole, Stored,
        Told as ToldEvent, Welcome, body_bytes,
    };

    const LOG: LogId = LogId(7);
    const ID: RequestId = RequestId([1; 16]);

    fn hear(guest: &mut Guest, message: &[u8]) -> Told {
        guest.handle(Time::from_micros(100), message, &mut Tally::default())
    }

    fn event(author: u64, seq: u64, text: &str) -> Vec<u8> {
        let body = EventBody::Posted(Post { text: text.into(), ..Post::default() });
        let (author, device) = (UserId(author), DeviceId(1));
        let head = Head { log: LOG, seq: Seq(seq), prev: Seq(seq - 1), time_ms: 1, author, device, id: ID };
        let event = Event { head, body: Ok(body_bytes(&body, &[0; 16])) }.encode();
        Notice::Event(ToldEvent { author: "bob".into(), event }).encode()
    }

    fn ready() -> Guest {
        let mut guest = Guest::new(0);
        let welcome = Welcome {
            server: "fake".into(),
            account: None,
            refusal: None,
            guests: true,
            registration: Registration::Open,
            time_ms: 1,
        };
        assert_eq!(hear(&mut guest, &Notice::Welcome(welcome).encode()), Told::Greeted);
        let account = Account {
            user: UserId(3),
            device: DeviceId(4),
            name: "b".into(),
            kind: AccountKind::Guest,
            role: ServerRole::User,
            own_log: LogId(5),
        };
        assert_eq!(hear(&mut guest, &Reply::Account(account).encode(0)), Told::Named);
        guest.ask_room("#b".into(), ID, false);
        let stored = Stored { log: LOG, room: "#b".into(), seq: Seq(2), time_ms: 1 };
        assert_eq!(hear(&mut guest, &Reply::Stored(stored).encode(1)), Told::Entered);
        assert!(guest.ask_follow().is_some());
        let following = Following { log: LOG, room: "#b".into(), after: Seq(2), hash: [0; 32], head: Seq(2) };
        assert_eq!(hear(&mut guest, &Reply::Following(following).encode(2)), Told::Nothing);
        assert_eq!(hear(&mut guest, &Notice::CaughtUp((LOG, Seq(2))).encode()), Told::CaughtUp);
        guest
    }

    #[test]
    fn a_delivery_is_a_measured_message_of_somebody_else() {
        let mut guest = ready();
        let mut tally = Tally::default();
        let mut hear = |message: &[u8]| guest.handle(Time::from_micros(100), message, &mut tally);
        assert_eq!(hear(&event(9, 3, &stamp::stamped(Time::from_micros(40), 20))), Told::Delivered);
        assert_eq!(hear(&event(3, 4, &stamp::stamped(Time::from_micros(50), 20))), Told::Nothing, "its own");
        assert_eq!(hear(&event(9, 5, "hello")), Told::Nothing, "not measured");
        assert_eq!(hear(&event(9, 3, &stamp::stamped(Time::from_micros(40), 20))), Told::Nothing, "again");
        assert_eq!((tally.deliveries, tally.duplicated, tally.out_of_order), (1, 1, 0));
        assert_eq!(tally.latencies.longest().as_micros(), 60);
    }

    #[test]
    fn a_no_on_the_way_in_is_trouble_and_later_a_lost_message() {
        let refusal = Refusal::new(RefusalCode::NoGuests, "no");
        let refused = Reply::Refused(refusal.clone()).encode(0);
        assert_eq!(hear(&mut Guest::new(0), &refused), Told::Trouble(Trouble::Refused(refusal.clone())));
        assert_eq!(hear(&mut ready(), &refused), Told::PostRefused(refusal));
        assert_eq!(hear(&mut ready(), &Reply::Done.encode(0)), Told::Trouble(Trouble::Unexpected));
    }
}

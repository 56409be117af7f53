//! For the client's tests: a server that speaks the messages, over a real endpoint and a network without delay or loss, in one
//! thread and virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use super::client::Client;
use super::config::ClientConfig;
use super::event::ClientEvent;
use super::outbox::{Outbox, SenderLock};
use crate::crypto::{Dice, PublicKey, SecretKey, ServerSecrets};
use crate::message::{
    Account, AccountKind, DeviceId, Event as LogEvent, EventBody, EventHash, EventPage, FollowFrom, Following, Head, LogId,
    Membership, MembershipPage, Notice, Post, Refusal, RefusalCode, Registration, Reply, Request, RequestId, Seq, ServerRole,
    Stored, Target, Told, UserId, Welcome, body_bytes,
};
use crate::transport::{Config, ConnectionHandle, Endpoint, Event, Micros, Path, StreamId, Time};

pub(super) const ROOM: LogId = LogId(7);
const OWN_LOG: LogId = LogId(1);
const AUTHOR: UserId = UserId(3);

/// How the fake answers posts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Posts {
    /// Stored, and told to followers.
    Stored,
    /// Stored, but the answer never leaves.
    StoredInSilence,
    /// Stored, but the server halts at the one with this text, until it is resumed.
    HaltedAt(String),
    /// Refused for good.
    Refused,
}

pub(super) struct FakeServer {
    pub(super) endpoint: Endpoint,
    secrets_seed: [u8; 32],
    pub(super) boot: u8,
    pub(super) posts: Posts,
    pub(super) halted: bool,
    /// Whether its replies are of a type that the client has never heard of.
    pub(super) replies_are_unknown: bool,
    /// Why it lets nobody follow the room, if it does not.
    pub(super) follow_refusal: Option<Refusal>,
    /// What somebody says right after the history was read.
    pub(super) said_after_history: Option<String>,
    /// The answer to the question for memberships.
    pub(super) memberships: Vec<Membership>,
    /// The device that registered, if one did.
    pub(super) registered: Option<PublicKey>,
    /// Everything that was asked, in order.
    pub(super) heard: Vec<Request>,
    /// The one room: its events as told, and the hash after each.
    pub(super) log: Vec<(LogEvent, EventHash)>,
    followers: Vec<ConnectionHandle>,
    peers: BTreeMap<ConnectionHandle, PublicKey>,
}

pub(super) struct World {
    pub(super) now: Time,
    pub(super) server: FakeServer,
    pub(super) client: Client,
    pub(super) events: VecDeque<ClientEvent>,
    /// Whether datagrams pass.
    pub(super) linked: bool,
}

fn server_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4747))
}

fn client_address() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], 5555))
}

impl FakeServer {
    fn new(secrets_seed: [u8; 32], now: Time) -> Self {
        let mut fake = Self {
            endpoint: Self::endpoint(secrets_seed, 0, now),
            secrets_seed,
            boot: 0,
            posts: Posts::Stored,
            halted: false,
            replies_are_unknown: false,
            follow_refusal: None,
            said_after_history: None,
            memberships: Vec::new(),
            registered: None,
            heard: Vec::new(),
            log: Vec::new(),
            followers: Vec::new(),
            peers: BTreeMap::new(),
        };
        fake.append(&EventBody::Joined, RequestId([0; 16]));
        fake
    }

    fn endpoint(secrets_seed: [u8; 32], boot: u8, now: Time) -> Endpoint {
        let mut dice = Dice::from_seed(secrets_seed);
        let secrets = ServerSecrets::in_memory(&mut dice, boot);
        Endpoint::server(Config::server(), secrets, dice, now)
    }

    pub(super) fn key(&self) -> PublicKey {
        ServerSecrets::in_memory(&mut Dice::from_seed(self.secrets_seed), 0).identity.public()
    }

    /// Forgets all connections, as a killed process does; what was stored stays.
    pub(super) fn restart(&mut self, now: Time) {
        self.boot += 1;
        self.endpoint = Self::endpoint(self.secrets_seed, self.boot, now);
        self.followers.clear();
        self.halted = false;
    }

    /// Another server at the same address.
    pub(super) fn replace(&mut self, now: Time) {
        self.secrets_seed = [0xee; 32];
        self.restart(now);
    }

    pub(super) fn texts(&self) -> Vec<String> {
        let text = |event: &LogEvent| match event.content() {
            EventBody::Posted(post) => Some(post.text),
            _ => None,
        };
        self.log.iter().filter_map(|(event, _)| text(event)).collect()
    }

    pub(super) fn append(&mut self, body: &EventBody, id: RequestId) -> Seq {
        let (prev, before) = match self.log.last() {
            Some((event, hash)) => (event.head.seq, *hash),
            None => (Seq(0), EventHash::genesis(ROOM)),
        };
        let seq = Seq(prev.0 + 1);
        let head = Head { log: ROOM, seq, prev, time_ms: seq.0, author: AUTHOR, device: DeviceId(4), id };
        let event = LogEvent { head, body: Ok(body_bytes(body, &[0; 16])) };
        let hash = event.hash_after(&before);
        self.log.push((event, hash));
        seq
    }

    /// A message of somebody else.
    pub(super) fn say(&mut self, now: Time, text: &str) {
        let id = RequestId([0xff; 16]);
        let seq = self.append(&EventBody::Posted(Post { text: text.into(), ..Post::default() }), id);
        self.tell_followers(now, seq);
    }

    fn told(&self, seq: Seq) -> Notice {
        let (event, _) = self.log.iter().find(|(event, _)| event.head.seq == seq).unwrap();
        Notice::Event(Told { author: "bob".into(), event: event.encode() })
    }

    pub(super) fn notify(&mut self, now: Time, notice: &Notice) {
        for handle in self.followers.clone() {
            self.send(now, handle, &notice.encode());
        }
    }

    fn tell_followers(&mut self, now: Time, seq: Seq) {
        let notice = self.told(seq);
        self.notify(now, &notice);
    }

    fn send(&mut self, now: Time, handle: ConnectionHandle, message: &[u8]) {
        if let Some(mut connection) = self.endpoint.connection(handle) {
            connection.send(now, StreamId::Chat, &Arc::from(message)).unwrap();
        }
    }

    fn account(&self, key: PublicKey) -> Option<Account> {
        let account = Account {
            user: AUTHOR,
            device: DeviceId(4),
            name: "alice".into(),
            kind: AccountKind::Person,
            role: ServerRole::User,
            own_log: OWN_LOG,
        };
        (self.registered == Some(key)).then_some(account)
    }

    fn run(&mut self, now: Time) {
        while let Some((handle, event)) = self.endpoint.poll_event() {
            match event {
                Event::Connected { peer } => {
                    self.peers.insert(handle, peer);
                    let account = self.account(peer);
                    let welcome = Welcome {
                        server: "fake".into(),
                        account,
                        refusal: None,
                        guests: true,
                        registration: Registration::Open,
                        time_ms: 1,
                    };
                    self.send(now, handle, &Notice::Welcome(welcome).encode());
                }
                Event::Readable(stream) => {
                    while let Some(message) = self.endpoint.connection(handle).and_then(|mut c| c.recv(now, stream)) {
                        let (tag, request) = Request::decode(&message).unwrap();
                        self.heard.push(request.clone());
                        self.answer(now, handle, tag, request);
                    }
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, now: Time, handle: ConnectionHandle, tag: u32, request: Request) {
        let peer = self.peers[&handle];
        let reply = match request {
            Request::Register(_) => {
                self.registered = Some(peer);
                Reply::Account(self.account(peer).unwrap())
            }
            Request::LogOut(_) => {
                self.registered = None;
                Reply::Done
            }
            Request::WhoAmI => match self.account(peer) {
                Some(account) => Reply::Account(account),
                None => Reply::Refused(Refusal::new(RefusalCode::NotSignedIn, "who are you?")),
            },
            Request::Resume => {
                self.halted = false;
                Reply::Done
            }
            Request::Post(_) if self.account(peer).is_none() => {
                Reply::Refused(Refusal::new(RefusalCode::NotSignedIn, "who are you?"))
            }
            Request::Follow(follow) if follow.log == Target::Own => return self.follow_own(now, handle, tag),
            Request::Follow(follow) => match self.follow_refusal.clone() {
                Some(refusal) => Reply::Refused(refusal),
                None => return self.follow(now, handle, tag, follow.from),
            },
            Request::Memberships(_) => Reply::Memberships(MembershipPage { memberships: self.memberships.clone(), more: false }),
            Request::History(asked) => {
                let page = self.newest(usize::from(asked.count));
                self.send(now, handle, &Reply::Page(page).encode(tag));
                if let Some(text) = self.said_after_history.take() {
                    self.say(now, &text);
                }
                return;
            }
            Request::Post(post) => {
                match &self.posts {
                    Posts::Refused => {
                        let refusal = Refusal::new(RefusalCode::NotMember, "join first");
                        return self.send(now, handle, &Reply::Refused(refusal).encode(tag));
                    }
                    Posts::HaltedAt(text) if *text == post.text && !self.halted => {
                        self.halted = true;
                        let refusal = Refusal::new(RefusalCode::ReadOnly, "the disk is full");
                        return self.send(now, handle, &Reply::Refused(refusal).encode(tag));
                    }
                    _ if self.halted => {
                        let refusal = Refusal::new(RefusalCode::Halted, "resume first");
                        return self.send(now, handle, &Reply::Refused(refusal).encode(tag));
                    }
                    _ => {}
                }
                let stored_before = self.log.iter().find(|(event, _)| event.head.id == post.id).map(|(event, _)| event.head.seq);
                let body = EventBody::Posted(Post { text: post.text, ..Post::default() });
                let seq = stored_before.unwrap_or_else(|| self.append(&body, post.id));
                if self.posts != Posts::StoredInSilence {
                    let stored = Stored { log: ROOM, room: "#ops".into(), seq, time_ms: seq.0 };
                    self.send(now, handle, &Reply::Stored(stored).encode(tag));
                }
                if stored_before.is_none() {
                    self.tell_followers(now, seq);
                }
                return;
            }
            _ => Reply::Done,
        };
        let mut message = reply.encode(tag);
        if self.replies_are_unknown {
            message.splice(..2, [0x7f, 0xff]);
        }
        self.send(now, handle, &message);
    }

    fn newest(&self, count: usize) -> EventPage {
        let from = self.log.len().saturating_sub(count);
        let (after, hash) = match self.log[..from].last() {
            Some((event, hash)) => (event.head.seq, hash.0),
            None => (Seq(0), EventHash::genesis(ROOM).0),
        };
        let events = self.log[from..].iter().map(|(event, _)| Told { author: "bob".into(), event: event.encode() }).collect();
        EventPage { log: ROOM, room: "#ops".into(), events, overlays: Vec::new(), after, hash, more: from > 0 }
    }

    fn follow_own(&mut self, now: Time, handle: ConnectionHandle, tag: u32) {
        let hash = EventHash::genesis(OWN_LOG).0;
        let following = Following { log: OWN_LOG, room: String::new(), after: Seq(0), hash, head: Seq(0) };
        self.send(now, handle, &Reply::Following(following).encode(tag));
        self.send(now, handle, &Notice::CaughtUp((OWN_LOG, Seq(0))).encode());
        self.followers.push(handle);
    }

    /// The user's own log tells, as its first event, that the user is in the room now.
    pub(super) fn let_in(&mut self, now: Time) {
        let head = Head {
            log: OWN_LOG,
            seq: Seq(1),
            prev: Seq(0),
            time_ms: 1,
            author: AUTHOR,
            device: DeviceId(4),
            id: RequestId([0xfe; 16]),
        };
        let event = LogEvent { head, body: Ok(body_bytes(&EventBody::RoomEntered(ROOM, "ops".into()), &[0; 16])) };
        self.notify(now, &Notice::Event(Told { author: "alice".into(), event: event.encode() }));
    }

    fn follow(&mut self, now: Time, handle: ConnectionHandle, tag: u32, from: FollowFrom) {
        let hash_at = |seq: Seq| match self.log.iter().find(|(event, _)| event.head.seq == seq) {
            Some((_, hash)) => Some(*hash),
            None => (seq == Seq(0)).then(|| EventHash::genesis(ROOM)),
        };
        let head = self.log.last().unwrap().0.head.seq;
        let after = match from {
            FollowFrom::Start => Seq(0),
            FollowFrom::Now => head,
            FollowFrom::After(seq, hash) if hash_at(seq) == Some(EventHash(hash)) => seq,
            FollowFrom::After(seq, _) => {
                self.send(now, handle, &Reply::Done.encode(tag));
                return self.send(now, handle, &Notice::Forked((ROOM, seq)).encode());
            }
        };
        let hash = hash_at(after).unwrap().0;
        let following = Following { log: ROOM, room: "#ops".into(), after, hash, head };
        self.send(now, handle, &Reply::Following(following).encode(tag));
        for seq in after.0 + 1..=head.0 {
            let notice = self.told(Seq(seq));
            self.send(now, handle, &notice.encode());
        }
        self.send(now, handle, &Notice::CaughtUp((ROOM, head)).encode());
        self.followers.push(handle);
    }
}

impl World {
    /// A client that has never met its server, with an outbox of its own.
    pub(super) fn new() -> Self {
        Self::with(Outbox::in_memory().unwrap(), SenderLock::alone(), 2, None)
    }

    /// A client that is online and registered.
    pub(super) fn signed_in() -> Self {
        Self::signed_in_with(Outbox::in_memory().unwrap(), SenderLock::alone(), 2)
    }

    /// The same over this outbox; clients that share one have different seeds.
    pub(super) fn signed_in_with(outbox: Outbox, lock: SenderLock, seed: u8) -> Self {
        let key = FakeServer::new([1; 32], Time::default()).key();
        let mut world = Self::with(outbox, lock, seed, Some(key));
        world.server.registered = Some(device().public());
        world.run();
        world.events.clear();
        assert!(world.client.account().is_some());
        world
    }

    fn with(outbox: Outbox, sender_lock: SenderLock, seed: u8, server_key: Option<PublicKey>) -> Self {
        let now = Time::from_micros(1);
        let config = ClientConfig {
            transport: Config::client(),
            remotes: vec![server_address()],
            server_key,
            device: device(),
            outbox,
            sender_lock,
        };
        Self {
            now,
            server: FakeServer::new([1; 32], now),
            client: Client::new(config, Dice::from_seed([seed; 32]), now),
            events: VecDeque::new(),
            linked: true,
        }
    }

    /// Lets everything happen that happens at once.
    pub(super) fn run(&mut self) {
        let mut datagram = Vec::new();
        loop {
            let mut is_quiet = true;
            while self.client.poll_transmit(self.now, &mut datagram).is_some() {
                is_quiet = false;
                if self.linked {
                    let path = Path { remote: client_address(), local: None };
                    self.server.endpoint.handle_datagram(self.now, path, &mut datagram);
                }
            }
            self.server.run(self.now);
            while self.server.endpoint.poll_transmit(self.now, &mut datagram).is_some() {
                is_quiet = false;
                if self.linked {
                    let path = Path { remote: server_address(), local: None };
                    self.client.handle_datagram(self.now, path, &mut datagram);
                }
            }
            while let Some(event) = self.client.poll_event() {
                self.events.push_back(event);
            }
            if is_quiet {
                return;
            }
        }
    }

    /// Lets `span` go by, deadline by deadline.
    pub(super) fn pass(&mut self, span: Micros) {
        let end = self.now + span;
        loop {
            self.run();
            let next = [self.client.poll_timeout(), self.server.endpoint.poll_timeout()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.client.handle_timeout(self.now);
            self.server.endpoint.handle_timeout(self.now);
        }
        self.now = end;
        self.run();
    }

    /// What was told so far, in short.
    pub(super) fn told(&mut self) -> Vec<String> {
        self.events.drain(..).map(|event| short(&event)).collect()
    }
}

pub(super) fn device() -> SecretKey {
    SecretKey::from_bytes([9; 32])
}

pub(super) fn room() -> Target {
    Target::Room("#ops".into())
}

fn short(event: &ClientEvent) -> String {
    match event {
        ClientEvent::ServerKey(_) => "server key".into(),
        ClientEvent::ServerKeyChanged { .. } => "server key changed".into(),
        ClientEvent::Online { .. } => "online".into(),
        ClientEvent::Offline { .. } => "offline".into(),
        ClientEvent::Reply { reply, .. } => {
            let debug = format!("{reply:?}");
            format!("reply {}", debug.split(['(', ' ']).next().unwrap())
        }
        ClientEvent::Posted { outcome: Ok(stored), own, .. } => {
            format!("{} {}", if *own { "stored" } else { "stored for another" }, stored.seq)
        }
        ClientEvent::Posted { outcome: Err(refusal), .. } => format!("refused: {}", refusal.sentence),
        ClientEvent::PostsHalted(refusal) => format!("halted: {}", refusal.sentence),
        ClientEvent::Event(followed) => match followed.event.content() {
            EventBody::Posted(post) => format!("{} {}: {}", followed.room, followed.cursor.seq, post.text),
            body => format!("{} {}: {body:?}", followed.room, followed.cursor.seq),
        },
        ClientEvent::Hidden { cursor, .. } => format!("hidden to {}", cursor.seq),
        ClientEvent::CaughtUp { at, .. } => format!("caught up at {at}"),
        ClientEvent::Forked { at, .. } => format!("forked at {at}"),
        ClientEvent::Broken { at, .. } => format!("broken at {at}"),
        ClientEvent::Unfollowed { refusal, .. } => format!("unfollowed: {}", refusal.sentence),
        ClientEvent::Receipt(receipt) => format!("{} at {}", receipt.seq, receipt.delivered_count),
        ClientEvent::PiecesLost => "pieces lost".into(),
        ClientEvent::Slowed => "slowed".into(),
        ClientEvent::Typing { typing, .. } => format!("{} types", typing.name),
        ClientEvent::Latest { latest, .. } => format!("{} = {}", latest.key, latest.value),
        ClientEvent::Presence(presence) => format!("{} is {:?}", presence.name, presence.availability),
        ClientEvent::SignedOut(_) => "signed out".into(),
        ClientEvent::OutboxFailed(_) => "outbox failed".into(),
    }
}

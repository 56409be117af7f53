//! One user's client as a state machine: it keeps a connection to the server alive, sends requests and what is in the outbox,
//! repeats what a lost connection left unanswered, and goes on following where it was.
//!
//! ```text
//!           an address answers        keys proven           welcome
//! Connecting ───────────────▶ (Untrusted) ───▶ Greeting ───▶ Online
//!     ▲                                                        │
//!     └──────────── Waiting (back-off) ◀───────── lost ────────┘
//! ```
//!
//! It is driven like [`Endpoint`], which it owns: datagrams and timeouts in, then events, then datagrams out.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::backoff::Backoff;
use super::config::ClientConfig;
use super::connecting::{Attempts, Found};
use super::database::LocalError;
use super::ephemeral::Ephemeral;
use super::event::ClientEvent;
use super::follows::{Follows, Step};
use super::link::{Arrival, Link};
use super::marks::Marks;
use super::outbox::{Draft, Place};
use super::quality::Quality;
use super::renewal::Renewal;
use super::requests::{Purpose, Requests, Tag};
use super::sending::Sending;
use super::silence::Silence;
use super::suspicion::{ANSWER_DELAY, Suspicion};
use crate::crypto::{Dice, PublicKey, SecretKey};
use crate::message::{Account, FollowRequest, LogId, MessageError, Notice, Reply, Request, RequestId, Welcome};
use crate::transport::{CloseCode, CloseReason, Config, ConnectionHandle, Endpoint, Event, Micros, Path, StreamId, Time};

/// First number of the notices' types (protocol.md, "Messages"); replies are below.
const NOTICE_KIND_MIN: u8 = 0x80;

/// A user's client.
///
/// ```
/// use udpchat::client::{Client, ClientConfig, Outbox, SenderLock};
/// use udpchat::crypto::{Dice, SecretKey};
/// use udpchat::message::Request;
/// use udpchat::transport::{Config, Time};
///
/// let now = Time::default();
/// let mut dice = Dice::from_seed([1; 32]);
/// let mut client = Client::new(
///     ClientConfig {
///         transport: Config::client(),
///         remotes: vec!["192.0.2.1:4747".parse().unwrap()],
///         server_key: None,
///         device: SecretKey::generate(&mut dice),
///         outbox: Outbox::in_memory().unwrap(),
///         sender_lock: SenderLock::alone(),
///     },
///     dice,
///     now,
/// );
/// // Asked once the server has greeted; the answer comes as an event under this tag.
/// let _tag = client.request(now, &Request::WhoAmI);
/// let mut datagram = Vec::new();
/// let path = client.poll_transmit(now, &mut datagram).unwrap();
/// assert_eq!(path.remote.to_string(), "192.0.2.1:4747");
/// ```
#[derive(Debug)]
pub struct Client {
    pub(super) endpoint: Endpoint,
    transport: Config,
    pub(super) silence: Silence,
    pub(super) suspicion: Suspicion,
    dice: Dice,
    device: SecretKey,
    remotes: Vec<SocketAddr>,
    server_key: Option<PublicKey>,
    pub(super) link: Link,
    backoff: Backoff,
    /// When to doubt that the server still lives; none while it owes nothing.
    pub(super) doubt_at: Option<Time>,
    account: Option<Account>,
    pub(super) requests: Requests,
    pub(super) follows: Follows,
    pub(super) ephemeral: Ephemeral,
    pub(super) sending: Sending,
    pub(super) marks: Marks,
    pub(super) quality: Quality,
    pub(super) events: VecDeque<ClientEvent>,
}

impl Client {
    /// A client that begins to connect at once.
    #[must_use]
    pub fn new(config: ClientConfig, mut dice: Dice, now: Time) -> Self {
        let mut client = Self {
            endpoint: Endpoint::client(config.transport.clone(), dice.fork(), now),
            transport: config.transport,
            silence: Silence::default(),
            suspicion: Suspicion::default(),
            device: config.device,
            remotes: config.remotes,
            server_key: config.server_key,
            link: Link::Waiting { retry_at: now },
            backoff: Backoff::default(),
            doubt_at: None,
            account: None,
            requests: Requests::default(),
            follows: Follows::default(),
            ephemeral: Ephemeral::default(),
            sending: Sending::new(config.outbox, config.sender_lock, dice.array()),
            marks: Marks::default(),
            quality: Quality::default(),
            events: VecDeque::new(),
            dice,
        };
        client.connect(now);
        client
    }

    /// The user this device belongs to, as far as the server has said.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Whether the server has greeted and the connection stands, as far as is known.
    #[must_use]
    pub fn is_online(&self) -> bool {
        matches!(self.link, Link::Online { .. })
    }

    /// Whether nothing is being asked or sent.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.sending.is_idle() && self.ephemeral.is_idle() && self.marks.is_empty()
    }

    /// How many messages of this profile have no outcome.
    ///
    /// # Errors
    /// If the outbox cannot be read.
    pub fn unsent_count(&self) -> Result<u64, LocalError> {
        self.sending.unsent_count()
    }

    /// A new id for a request made at `time_ms`, in milliseconds since 1970 (UTC).
    pub fn new_id(&mut self, time_ms: u64) -> RequestId {
        RequestId::at(time_ms, self.dice.array())
    }

    /// Believes the key that [`ClientEvent::ServerKey`] told; the handshake then proves it.
    pub fn trust_server_key(&mut self, now: Time, key: PublicKey) {
        if let Link::Untrusted { handle } = self.link {
            self.server_key = Some(key);
            self.endpoint.trust_server_key(now, handle);
        }
    }

    /// The server's addresses were looked up anew.
    pub fn set_remotes(&mut self, remotes: Vec<SocketAddr>) {
        self.remotes = remotes;
    }

    /// The machine woke up, the network changed, or the socket is another one: be heard at once.
    pub fn on_local_path_changed(&mut self, now: Time) {
        self.quality.on_path_changed();
        self.endpoint.on_local_path_changed(now);
        self.hurry(now);
    }

    /// Asks the server. Without a connection the request waits for one and hurries the next try.
    pub fn request(&mut self, now: Time, request: &Request) -> Tag {
        let purpose = if matches!(request, Request::LogOut(_)) { Purpose::SignOut } else { Purpose::Asked };
        let tag = self.requests.add(request, purpose);
        self.hurry(now);
        self.pump(now);
        tag
    }

    /// Follows a log until [`Client::unfollow`]. The first answer comes as [`ClientEvent::Reply`].
    pub fn follow(&mut self, now: Time, request: FollowRequest) -> Tag {
        let tag = self.requests.add(&Request::Follow(request.clone()), Purpose::Follow);
        self.follows.begin(request, tag);
        self.hurry(now);
        self.pump(now);
        tag
    }

    /// Stops following a log; there is nothing to wait for.
    pub fn unfollow(&mut self, now: Time, log: LogId) {
        if self.follows.end(log) {
            self.requests.add(&Request::Unfollow(log), Purpose::Follow);
            self.pump(now);
        }
    }

    /// Puts messages into the outbox, all or none, synced to the disk, and sends them when their turn comes.
    ///
    /// # Errors
    /// If the outbox is full or cannot be written.
    pub fn post(&mut self, now: Time, drafts: &[Draft]) -> Result<Vec<Place>, LocalError> {
        let places = self.sending.append(drafts)?;
        self.hurry(now);
        self.pump(now);
        Ok(places)
    }

    /// Says goodbye; the client does not connect again. What is to be sent still has to be.
    pub fn close(&mut self, now: Time) {
        self.link = Link::Stopped;
        self.suspicion = Suspicion::default();
        self.doubt_at = None;
        self.endpoint.close_all(now, CloseCode::Done, "");
        while self.endpoint.poll_event().is_some() {}
    }

    /// Takes one datagram, which is opened in place.
    pub fn handle_datagram(&mut self, now: Time, path: Path, datagram: &mut [u8]) {
        self.endpoint.handle_datagram(now, path, datagram);
        self.step(now);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        self.endpoint.handle_timeout(now);
        self.ask_for_life(now);
        match &mut self.link {
            Link::Waiting { retry_at } if *retry_at <= now => self.connect(now),
            Link::Connecting(attempts) => {
                attempts.handle_timeout(now, &mut self.endpoint, &self.remotes, &self.device, self.server_key);
            }
            Link::Online { handle, key, renewal } => {
                renewal.begin_if_due(now, &mut self.endpoint, *handle, &self.device, *key);
                self.suspicion.handle_timeout(now, &mut self.endpoint, *handle, &self.device, *key);
            }
            _ => {}
        }
        self.step(now);
    }

    /// When [`Client::handle_timeout`] is next wanted.
    pub fn poll_timeout(&mut self) -> Option<Time> {
        let own = match &self.link {
            Link::Waiting { retry_at } => Some(*retry_at),
            Link::Connecting(attempts) => attempts.deadline(&self.remotes),
            Link::Online { renewal, .. } => renewal.deadline().into_iter().chain(self.suspicion.deadline()).min(),
            _ => None,
        };
        let sends = self.account.is_some() && self.is_online();
        let sending = if sends { self.sending.deadline() } else { None };
        let marks = if sends { self.marks.deadline() } else { None };
        [own, sending, marks, self.ephemeral.deadline(), self.doubt_at, self.endpoint.poll_timeout()].into_iter().flatten().min()
    }

    /// Writes the next datagram into `buf` and returns where it goes.
    pub fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<Path> {
        let path = self.endpoint.poll_transmit(now, buf)?;
        if let Link::Online { handle, .. } = self.link {
            self.suspicion.on_transmit(now, &mut self.endpoint, handle);
        }
        Some(path)
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    fn connect(&mut self, now: Time) {
        if self.remotes.is_empty() {
            return self.on_lost(now, CloseReason::HandshakeTimeout);
        }
        self.quality.on_connecting(now);
        let attempts = Attempts::begin(now, &mut self.endpoint, &self.remotes, &self.device, self.server_key);
        self.link = Link::Connecting(attempts);
    }

    /// Something is wanted: a wait for the next try is cut short.
    fn hurry(&mut self, now: Time) {
        if matches!(self.link, Link::Waiting { .. }) {
            self.connect(now);
        }
    }

    /// Takes in what the endpoint has to tell, then sends what may go.
    fn step(&mut self, now: Time) {
        while let Some((handle, event)) = self.endpoint.poll_event() {
            self.on_transport_event(now, handle, event);
        }
        if let Link::Online { handle, .. } = self.link {
            self.suspicion.look(now, &mut self.endpoint, handle);
        }
        let settled = self.sending.settle();
        self.note_failure(settled);
        self.pump(now);
    }

    fn on_transport_event(&mut self, now: Time, handle: ConnectionHandle, event: Event) {
        match &mut self.link {
            Link::Connecting(attempts) => match attempts.on_event(now, &mut self.endpoint, handle, event, self.server_key) {
                Some(Found::Key { handle, key }) => {
                    self.link = Link::Untrusted { handle };
                    self.events.push_back(ClientEvent::ServerKey(key));
                }
                Some(Found::ChangedKey { known, told }) => {
                    self.events.push_back(ClientEvent::ServerKeyChanged { known, told });
                }
                Some(Found::Connected { handle, key }) => self.on_connected(now, handle, key, Arrival::Anew),
                Some(Found::Nobody(reason)) => self.on_lost(now, reason),
                None => {}
            },
            Link::Untrusted { handle: current } if *current == handle => match event {
                Event::Connected { peer } => self.on_connected(now, handle, peer, Arrival::Anew),
                Event::Closed(reason) => self.on_lost(now, reason),
                _ => {}
            },
            Link::Greeting { handle: current, .. } | Link::Online { handle: current, .. } if *current == handle => match event {
                Event::Readable(stream) => self.read(now, handle, stream),
                Event::Closed(reason) => self.on_lost(now, reason),
                Event::Silent => {
                    self.silence.on_silent(now);
                    if self.is_online() {
                        self.suspicion.on_silent(now, &mut self.endpoint, handle);
                    }
                }
                Event::Latest => self.read_latest(handle),
                Event::ServerKey { .. } | Event::Connected { .. } | Event::Writable(_) | Event::PathChanged(_) => {}
            },
            Link::Online { renewal, .. } if renewal.is_fresh(handle) => match event {
                Event::Readable(_) => self.take_over(now, handle),
                Event::Closed(_) => renewal.on_failed(now),
                _ => {}
            },
            Link::Online { .. } if self.suspicion.is_fresh(handle) => match event {
                Event::Readable(_) => self.take_over(now, handle),
                Event::Closed(_) => self.suspicion.on_failed(),
                _ => {}
            },
            _ => {} // Of a connection that lost the race or was given up.
        }
    }

    pub(super) fn on_connected(&mut self, now: Time, handle: ConnectionHandle, key: PublicKey, arrival: Arrival) {
        self.link = Link::Greeting { handle, key, arrival };
        // It owes the greeting.
        self.doubt_at = Some(now + ANSWER_DELAY);
    }

    fn on_lost(&mut self, now: Time, reason: CloseReason) {
        if let Link::Online { renewal, .. } = &mut self.link {
            renewal.abandon(now, &mut self.endpoint);
        }
        self.let_go(now);
        let mut retry_delay = self.backoff.on_lost(now, &reason, &mut self.dice);
        if self.go_on_with_fresh(now, &reason) {
            retry_delay = Micros::ZERO;
        } else {
            self.link = Link::Waiting { retry_at: now + retry_delay };
        }
        self.events.push_back(ClientEvent::Offline { reason, retry_delay, failure_count: self.backoff.failure_count() });
    }

    pub(super) fn read(&mut self, now: Time, handle: ConnectionHandle, stream: StreamId) {
        while let Some(message) = self.endpoint.connection(handle).and_then(|mut connection| connection.recv(now, stream)) {
            let is_notice = message.first().is_some_and(|kind| *kind >= NOTICE_KIND_MIN);
            // What this version does not know is passed over: a later server may tell more.
            if is_notice {
                if let Ok(notice) = Notice::decode(&message) {
                    self.on_notice(now, handle, notice);
                }
            } else {
                match Reply::decode(&message) {
                    Ok((tag, reply)) => self.on_reply(now, tag, reply),
                    // Nothing else will answer the request.
                    Err(MessageError::UnknownType { tag, .. } | MessageError::Malformed { tag, .. }) => {
                        self.on_reply(now, tag, Reply::Unsupported);
                    }
                    Err(MessageError::Truncated) => {}
                }
            }
        }
    }

    fn on_notice(&mut self, now: Time, handle: ConnectionHandle, notice: Notice) {
        let step = match notice {
            Notice::Welcome(welcome) => return self.on_welcome(now, handle, welcome),
            Notice::Event(told) => self.follows.on_told(told),
            Notice::Hidden(hidden) => self.follows.on_hidden(hidden),
            Notice::Forked((log, at)) => self.follows.on_forked(log, at),
            Notice::CaughtUp((log, at)) => self.follows.on_caught_up(log, at),
            Notice::Unfollowed((log, refusal)) => self.follows.on_unfollowed(log, refusal),
            Notice::Presence(presence) => Step::On(Some(ClientEvent::Presence(presence))),
            Notice::Latest(latest) => return self.on_latest(latest),
            Notice::Typing(typing) => return self.on_typing(typing),
            Notice::Slowed => Step::On(Some(ClientEvent::Slowed)),
            Notice::Receipt(receipt) => Step::On(Some(ClientEvent::Receipt(receipt))),
            Notice::SignedOut(refusal) => {
                self.account = None;
                Step::On(Some(ClientEvent::SignedOut(refusal)))
            }
        };
        self.on_follow_step(now, step);
    }

    fn on_follow_step(&mut self, now: Time, step: Step) {
        match step {
            Step::On(event) | Step::Ended(event) => self.events.extend(event),
            Step::Broken(log, event) => {
                self.requests.add(&Request::Unfollow(log), Purpose::Follow);
                self.events.push_back(event);
                self.pump(now);
            }
        }
    }

    fn on_welcome(&mut self, now: Time, handle: ConnectionHandle, welcome: Welcome) {
        let Link::Greeting { key, arrival, .. } = self.link else { return };
        let goes_on = arrival == Arrival::FreshKeys && self.account == welcome.account;
        let renewal = Box::new(Renewal::new(now, &self.transport, &mut self.dice));
        self.link = Link::Online { handle, key, renewal };
        self.backoff.on_online(now);
        self.quality.on_welcome(now);
        self.doubt_at = None;
        self.account = None;
        match &welcome.account {
            Some(account) => self.on_signed_in(account.clone()),
            None => self.on_unknown(),
        }
        if !goes_on {
            self.events.push_back(ClientEvent::Online { key, welcome });
        }
    }

    /// The server does not know this device: what only a user may ask waits until somebody signs in.
    fn on_unknown(&mut self) {
        self.sending.on_unknown();
        self.requests.on_lost(|purpose| !matches!(purpose, Purpose::Asked | Purpose::SignOut));
        self.follows.on_lost();
    }

    fn on_signed_in(&mut self, account: Account) {
        if self.account.replace(account).is_none() {
            self.sending.on_signed_in();
            let requests = &mut self.requests;
            self.follows.ask_again(|request| requests.add(&Request::Follow(request), Purpose::Follow));
        }
    }

    fn on_reply(&mut self, now: Time, tag: u32, reply: Reply) {
        let Some((tag, purpose)) = self.requests.on_answer(tag) else { return };
        self.doubt_at = None;
        match purpose {
            Purpose::Follow => {
                let step = self.follows.on_reply(tag, reply);
                self.on_follow_step(now, step);
            }
            Purpose::Post(place) => self.events.extend(self.sending.on_reply(now, place, reply)),
            Purpose::Resume => self.sending.on_resumed(),
            Purpose::Quiet => {}
            Purpose::Mark => self.on_marked(now, tag, reply),
            Purpose::Asked | Purpose::SignOut | Purpose::Piece => {
                match (&reply, purpose) {
                    (Reply::Account(account), _) => self.on_signed_in(account.clone()),
                    (Reply::Done, Purpose::SignOut) => self.account = None,
                    _ => {}
                }
                self.events.push_back(ClientEvent::Reply { tag, reply });
            }
        }
    }

    /// Hands the transport what it takes.
    pub(super) fn pump(&mut self, now: Time) {
        let Link::Online { handle, .. } = self.link else { return };
        self.pump_ephemeral(now, handle);
        if self.account.is_some() {
            let filled = self.sending.fill(now, &mut self.requests, &mut self.events);
            self.note_failure(filled);
            self.marks.fill(now, &mut self.requests);
        }
        self.hand_over(now, handle);
        if self.requests.is_answer_owed() {
            self.doubt_at.get_or_insert(now + ANSWER_DELAY);
        }
    }

    fn note_failure(&mut self, done: Result<(), LocalError>) {
        if let Err(error) = done {
            self.events.push_back(ClientEvent::OutboxFailed(error));
        }
    }
}

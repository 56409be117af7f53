//! The server as a state machine: datagrams, finished jobs and time go in; datagrams, jobs and a deadline come out.
//!
//! It owns the endpoint and every session on it. It never blocks, reads no clock and touches no disk: what would block leaves
//! as a [`Job`]. This file is its front door and knows connections; `dispatch` begins requests, `complete` ends them,
//! `fan_out` tells followers.

use super::allowance::{Allowance, AllowanceConfig};
use super::chores::Chores;
use super::dismissal::Leaving;
use super::filing::{FileLimits, Uploads};
use super::follow::Follows;
use super::holds::Holds;
use super::job::{Done, Job, Read, Ticket};
use super::ledger::Ordered;
use super::presence::Presence;
use super::receipts::Receipts;
use super::session::{Pace, Received, Session, Standing};
use super::steps::Step;
use crate::crypto::{Dice, PublicKey, ServerSecrets};
use crate::message::{Account, MessageError, Notice, Refusal, RefusalCode, Registration, Reply, Request};
use crate::transport::{
    CloseCode, Config as TransportConfig, ConnectionHandle, Counters, Endpoint, Event, Micros, Path, SendError, StreamId, Time,
    TraceEvent,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// The instant of a call, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The clock of timers, which never jumps.
    pub at: Time,
    /// The clock of people, in milliseconds since 1970 (UTC).
    pub wall_ms: u64,
}

/// What the server needs to know of its configuration.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The transport's choices.
    pub endpoint: TransportConfig,
    /// Whether people may come without a password.
    pub guests: bool,
    /// For how many days a guest is kept who is not seen; 0: for ever.
    pub guest_days: u32,
    /// Who may register.
    pub registration: Registration,
    /// Logs that one session follows at a time.
    pub follows_per_session_max: usize,
    /// How much one person or one address may ask.
    pub allowances: AllowanceConfig,
    /// How many bytes of files it keeps.
    pub files: FileLimits,
}

/// Commands that wait for the ledger, over all sessions; beyond, sessions wait unread.
pub const COMMANDS_IN_FLIGHT_MAX: usize = 16_384;

/// Questions that wait for the readers, over all sessions; beyond, sessions wait unread.
pub const READS_IN_FLIGHT_MAX: usize = 8_192;

/// A session that belongs to nobody after this long is closed: time to type a password, no more.
const STRANGER_TIMEOUT: Micros = Micros::from_secs(90);

/// Room for a signed-in session's requests ahead of their reading, in bytes: one longest message and some.
const SIGNED_IN_WINDOW_LEN: u32 = 96 * 1024;

/// Bytes in one of a session's streams that it has not acknowledged, above which it begins no further request. With what is in
/// flight then, the streams' own cap is out of reach.
pub(super) const REPLY_QUEUE_LEN_MAX: usize = 64 * 1024;

/// The server.
pub struct Server {
    pub(super) endpoint: Endpoint,
    pub(super) config: ServerConfig,
    pub(super) dice: Dice,
    /// Boxed, because the nodes of the tree are half empty when handles only grow.
    pub(super) sessions: BTreeMap<ConnectionHandle, Box<Session>>,
    /// The sessions of each device key, oldest first.
    pub(super) by_key: HashMap<[u8; 32], Vec<ConnectionHandle>>,
    pub(super) presence: Presence,
    pub(super) follows: Follows,
    pub(super) receipts: Receipts,
    pub(super) pending: HashMap<Ticket, Step>,
    pub(super) commands_in_flight: usize,
    /// How many refusals of whole batches the ledger has made known.
    heard_full_count: u64,
    pub(super) reads_in_flight: usize,
    pub(super) uploads: Uploads,
    pub(super) chores: Chores,
    pub(super) holds: Holds,
    /// Sessions that have requests to begin once the workers have room.
    pub(super) stalled: VecDeque<ConnectionHandle>,
    pub(super) allowance: Allowance,
    /// Sessions that wait for their users' budgets, with when they may go on.
    pub(super) throttled: BTreeSet<(Time, ConnectionHandle)>,
    pub(super) jobs: VecDeque<Job>,
    next_ticket: u64,
    /// Sessions in the order in which they connected, to find those that never signed in.
    strangers: VecDeque<(Time, ConnectionHandle)>,
    /// Sessions whose pages could not be read, with when to try again.
    pub(super) page_retries: VecDeque<(Time, ConnectionHandle)>,
    /// Sessions that speak for nobody any more and are still told so.
    pub(super) leaving: VecDeque<Leaving>,
}

impl Server {
    /// A server that nobody is connected to.
    #[must_use]
    pub fn new(config: ServerConfig, secrets: ServerSecrets, mut dice: Dice, now: Now) -> Self {
        let endpoint = Endpoint::server(config.endpoint.clone(), secrets, dice.fork(), now.at);
        let allowance = Allowance::new(&config.allowances);
        Self {
            endpoint,
            config,
            dice,
            sessions: BTreeMap::new(),
            by_key: HashMap::new(),
            presence: Presence::default(),
            follows: Follows::default(),
            receipts: Receipts::default(),
            pending: HashMap::new(),
            commands_in_flight: 0,
            heard_full_count: 0,
            reads_in_flight: 0,
            uploads: Uploads::default(),
            chores: Chores::new(now),
            holds: Holds::default(),
            stalled: VecDeque::new(),
            allowance,
            throttled: BTreeSet::new(),
            jobs: VecDeque::new(),
            next_ticket: 0,
            strangers: VecDeque::new(),
            page_retries: VecDeque::new(),
            leaving: VecDeque::new(),
        }
    }

    /// Takes one datagram; `bytes` is opened in place.
    pub fn handle_datagram(&mut self, now: Now, path: Path, bytes: &mut [u8]) {
        self.endpoint.handle_datagram(now.at, path, bytes);
    }

    /// Does what is due, and everything that the datagrams and jobs handed in since the last call lead to. Call it once a
    /// turn, after them.
    pub fn handle_turn(&mut self, now: Now) {
        self.endpoint.handle_timeout(now.at);
        self.handle_events(now);
        self.close_old_strangers(now);
        self.close_leaving(now);
        self.retry_pages(now);
        self.resume_throttled(now);
        self.order_chore(now);
        self.settle_values(now);
        self.tell_presence(now);
        for _ in 0..self.stalled.len() {
            let Some(handle) = self.stalled.pop_front() else { break };
            if let Some(session) = self.sessions.get_mut(&handle) {
                session.pace = Pace::Trying;
            }
            self.pump(now, handle);
        }
    }

    /// When [`handle_turn`](Self::handle_turn) must be called at the latest.
    pub fn poll_timeout(&mut self) -> Option<Time> {
        let strangers = self.strangers.front().map(|(at, _)| *at + STRANGER_TIMEOUT);
        let leaving = self.leaving.front().map(|leaving| leaving.until);
        let retries = self.page_retries.front().map(|(at, _)| *at);
        let chores = self.chores.poll_timeout();
        let told = self.follows.poll_timeout().into_iter().chain(self.presence.poll_timeout());
        let own = [chores, strangers, leaving, retries, self.throttled_until()];
        self.endpoint.poll_timeout().into_iter().chain(told).chain(own.into_iter().flatten()).min()
    }

    /// Writes the next datagram to `datagram`; where it goes, or `None` if nothing is to be sent now. Streams that drain
    /// meanwhile can lead to jobs: poll those after the last datagram.
    pub fn poll_transmit(&mut self, now: Now, datagram: &mut Vec<u8>) -> Option<Path> {
        loop {
            let path = self.endpoint.poll_transmit(now.at, datagram);
            if path.is_some() || !self.handle_events(now) {
                return path;
            }
        }
    }

    /// What happened inside the connections, if the transport's settings ask for it.
    pub fn poll_trace(&mut self) -> Option<(ConnectionHandle, TraceEvent)> {
        self.endpoint.poll_trace()
    }

    /// Whether jobs wait to be polled.
    #[must_use]
    pub fn has_jobs(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// The next job for a worker.
    pub fn poll_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    /// Takes what a worker made of a job.
    pub fn handle_done(&mut self, now: Now, done: Done) {
        match done {
            Done::Command(ticket, result) => self.on_committed(now, ticket, result),
            Done::Batch(full_count) => self.heard_full_count = full_count,
            Done::Read(ticket, result) => self.on_read(now, ticket, result),
            Done::File(ticket, result) => self.on_filed(now, ticket, result),
            Done::Hash(ticket, verdict) => self.on_hashed(now, ticket, verdict),
        }
    }

    /// Says goodbye to every connection; transmit until nothing is left, then stop.
    pub fn shut_down(&mut self, now: Now) {
        self.endpoint.close_all(now.at, CloseCode::Restarting, "the server is going down");
    }

    /// What the transport counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.endpoint.counters()
    }

    /// How often somebody was held back.
    #[must_use]
    pub fn holds(&self) -> Holds {
        self.holds
    }

    /// How many connections there are, signed in or not.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.endpoint.connection_count()
    }

    /// How many users are online.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.presence.user_count()
    }

    /// Whether work is out with the ledger.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        self.commands_in_flight > 0
    }

    /// Handles what the transport has to tell; whether there was anything.
    fn handle_events(&mut self, now: Now) -> bool {
        let mut was_any = false;
        while let Some((handle, event)) = self.endpoint.poll_event() {
            self.on_event(now, handle, event);
            was_any = true;
        }
        was_any
    }

    fn on_event(&mut self, now: Now, handle: ConnectionHandle, event: Event) {
        match event {
            Event::Connected { peer } => self.on_connected(now, handle, peer),
            Event::Readable(StreamId::Chat) => self.pump(now, handle),
            Event::Readable(StreamId::Bulk(_)) => self.pump_upload(now, handle),
            Event::Writable(_) => {
                self.on_acknowledged(now, handle);
                self.catch_up(handle);
                self.show_views(now, handle);
                self.pump(now, handle);
                self.pump_upload(now, handle);
            }
            Event::Latest => self.on_latest(now, handle),
            Event::Closed(reason) => {
                tracing::debug!(?handle, ?reason, "connection closed");
                self.forget(now, handle);
            }
            Event::ServerKey { .. } | Event::PathChanged(_) | Event::Silent => {}
        }
    }

    fn on_connected(&mut self, now: Now, handle: ConnectionHandle, peer: PublicKey) {
        tracing::debug!(?handle, "connected");
        self.sessions.insert(handle, Box::new(Session::new(peer.0)));
        self.by_key.entry(peer.0).or_insert_with(|| Vec::with_capacity(1)).push(handle);
        self.strangers.push_back((now.at, handle));
        self.read(Step::Identify { session: handle }, Read::KeyOwner(peer.0));
    }

    /// Reads and begins the session's requests, as many as may begin now.
    pub(super) fn pump(&mut self, now: Now, handle: ConnectionHandle) {
        self.pump_requests(now, handle);
        self.pump_file_reads(now, handle);
    }

    fn pump_requests(&mut self, now: Now, handle: ConnectionHandle) {
        while let Some(session) = self.sessions.get_mut(&handle) {
            let received = match session.next.take() {
                Some(next) => *next,
                None if !session.is_open() => return,
                None => match self.receive(now, handle) {
                    Some(next) => next,
                    None => return,
                },
            };
            let Some(received) = self.set_aside(handle, received) else { continue };
            if !self.may_begin(now, handle, &received) {
                if let Some(session) = self.sessions.get_mut(&handle) {
                    session.next = Some(Box::new(received));
                }
                return;
            }
            self.begin(now, handle, received);
        }
    }

    /// The next whole request of the session's stream; what cannot be read is answered at once.
    fn receive(&mut self, now: Now, handle: ConnectionHandle) -> Option<Received> {
        loop {
            let message = self.endpoint.connection(handle)?.recv(now.at, StreamId::Chat)?;
            match Request::decode(&message) {
                Ok((tag, request)) => return Some(Received::new(tag, request, message.len())),
                Err(MessageError::UnknownType { tag, .. }) => self.reply(now, handle, tag, &Reply::Unsupported),
                Err(error @ MessageError::Malformed { tag, .. }) => {
                    self.refuse(now, handle, tag, Refusal::new(RefusalCode::Malformed, error.to_string()));
                }
                Err(MessageError::Truncated) => {
                    self.endpoint.connection(handle)?.close(now.at, CloseCode::Protocol, "a message without type and tag");
                    return None;
                }
            }
        }
    }

    fn close_old_strangers(&mut self, now: Now) {
        while let Some((since, handle)) = self.strangers.front().copied() {
            if now.at - since < STRANGER_TIMEOUT {
                return;
            }
            self.strangers.pop_front();
            let is_stranger = self.sessions.get(&handle).is_some_and(|session| session.account().is_none());
            if is_stranger && let Some(mut connection) = self.endpoint.connection(handle) {
                connection.close(now.at, CloseCode::Done, "not signed in for too long");
            }
        }
    }

    /// What the readers were asked about sessions' keys may be out of date by the time it is answered: these ask again.
    pub(super) fn ask_again(&mut self, concerns: impl Fn(&Session) -> bool) {
        for session in self.sessions.values_mut().filter(|session| concerns(session)) {
            if let Standing::Identifying { again } = &mut session.standing {
                *again = true;
            }
        }
    }

    /// The session speaks for this account from now on.
    pub(super) fn sign_in(&mut self, now: Now, handle: ConnectionHandle, account: Account) {
        if self.sessions.get(&handle).is_none_or(|session| session.standing != Standing::Stranger) {
            return;
        }
        self.presence.enter(handle, &account);
        if let Some(origin) = self.origin(handle) {
            self.allowance.see_device(now.at, origin, &account.name);
        }
        let Some(session) = self.sessions.get_mut(&handle) else { return };
        session.standing = Standing::SignedIn(account);
        if let Some(mut connection) = self.endpoint.connection(handle) {
            connection.raise_credit(now.at, StreamId::Chat, SIGNED_IN_WINDOW_LEN);
        }
    }

    /// Forgets a session whose connection is gone. Its commands go on; nobody waits for their replies.
    fn forget(&mut self, now: Now, handle: ConnectionHandle) {
        let Some(session) = self.sessions.remove(&handle) else { return };
        if let Some(account) = session.account() {
            self.presence.leave(handle, account);
            self.on_presence(now, account, &session.follows);
        }
        let same_key = self.by_key.get_mut(&session.key).map(|same_key| {
            same_key.retain(|other| *other != handle);
            same_key.clone()
        });
        let same_key = same_key.unwrap_or_default();
        if same_key.is_empty() {
            self.by_key.remove(&session.key);
        }
        self.receipts.forget_session(handle, &session.watched);
        self.throttled.retain(|(_, throttled)| *throttled != handle);
        for log in session.follows {
            self.follows.remove(log, handle);
        }
        // What waited for this one waits no longer.
        self.stalled.extend(same_key);
    }

    /// Hands a question to the readers.
    pub(super) fn read(&mut self, step: Step, read: Read) {
        let read = self.within_scope(&step, read);
        let ticket = self.ticket(step);
        self.reads_in_flight += 1;
        self.jobs.push_back(Job::Read(ticket, read));
    }

    /// Hands a password to the hashing pool.
    pub(super) fn hash(&mut self, step: Step, task: crate::auth::Task) {
        let ticket = self.ticket(step);
        self.jobs.push_back(Job::Hash(ticket, task));
    }

    /// Hands a command to the ledger.
    pub(super) fn order(&mut self, step: Step, command: crate::chat::Command) {
        let ticket = self.ticket(step).0;
        self.commands_in_flight += 1;
        let ordered = Ordered { ticket, heard_full_count: self.heard_full_count, command };
        self.jobs.push_back(Job::Command(Box::new(ordered)));
    }

    pub(super) fn ticket(&mut self, step: Step) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.pending.insert(ticket, step);
        ticket
    }

    /// Answers a request on the chat stream.
    pub(super) fn reply(&mut self, now: Now, handle: ConnectionHandle, tag: u32, reply: &Reply) {
        self.send(now, handle, StreamId::Chat, &reply.encode(tag).into());
    }

    /// Answers a request with a no.
    pub(super) fn refuse(&mut self, now: Now, handle: ConnectionHandle, tag: u32, refusal: Refusal) {
        self.reply(now, handle, tag, &Reply::Refused(refusal));
    }

    /// Tells a session something.
    pub(super) fn notify(&mut self, now: Now, handle: ConnectionHandle, notice: &Notice) {
        self.send(now, handle, StreamId::Chat, &notice.encode().into());
    }

    /// Puts a whole message into a session's stream. The streams have room, because no request begins while they are long.
    pub(super) fn send(&mut self, now: Now, handle: ConnectionHandle, stream: StreamId, message: &Arc<[u8]>) {
        let Some(mut connection) = self.endpoint.connection(handle) else { return };
        match connection.send(now.at, stream, message) {
            Ok(()) | Err(SendError::Closed) => {}
            Err(error @ (SendError::Blocked | SendError::TooLong)) => {
                tracing::warn!(?handle, %error, "a reply does not fit");
                connection.close(now.at, CloseCode::Internal, "a reply does not fit");
            }
        }
    }
}

//! All conversations of one socket: routes datagrams to their connections, answers strangers, keeps deadlines.
//!
//! An [`Endpoint`] is a state machine: it is handed datagrams, `now` and dice, and asked for datagrams, events and its next
//! deadline. A driver's turn is: hand in every datagram that arrived, [`Endpoint::handle_timeout`] if the deadline has
//! passed, [`Endpoint::poll_event`] until `None`, [`Endpoint::poll_transmit`] until `None`, then
//! [`Endpoint::poll_timeout`] for how long to sleep. Servers and clients are endpoints with different [`Role`]s; what they
//! do before there are keys is in `accepting.rs` and `connecting.rs`; where each datagram goes is in `routing.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use super::accepting::Acceptor;
use super::config::Config;
use super::connecting::Connecting;
use super::counters::Counters;
use super::error::{CloseCode, CloseReason};
use super::events::ConnectionEvent;
use super::occupant::{Occupant, Peer};
use super::path::Path;
use super::slots::{ConnectionHandle, Slots};
use super::time::Time;
use super::timers::Timers;
use super::trace::{Trace, TraceEvent, Tracing};
use crate::crypto::{Dice, PublicKey, SecretKey, ServerSecrets};
use crate::wire::{ConnectionId, StreamId, TAG_LEN};

/// Datagrams that one connection may send before the next has its turn.
const BURST_COUNT: usize = 10;

/// Most stateless answers that wait to be sent; a driver that drains after each batch never gets near.
pub const ANSWER_COUNT_MAX: usize = 1_024;

/// Most connections of a client's endpoint.
pub const CLIENT_CONNECTION_COUNT_MAX: u32 = 65_536;

/// What happened to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Client, first contact: the server says this is its key. Nothing goes on until [`Endpoint::trust_server_key`] or
    /// [`Endpoint::close`].
    ServerKey {
        /// The key, unproven.
        key: PublicKey,
    },
    /// The peer has proven its key: to a client by the server's answer, to a server by the first data packet that opens.
    Connected {
        /// Server: the device's key. Client: the server's.
        peer: PublicKey,
    },
    /// [`ConnectionMut::recv`](super::ConnectionMut::recv) has a message.
    Readable(StreamId),
    /// After a refusal, [`ConnectionMut::send`](super::ConnectionMut::send) has room again.
    Writable(StreamId),
    /// [`ConnectionMut::recv_latest`](super::ConnectionMut::recv_latest) has values: take all, the oldest make room for more.
    Latest,
    /// The peer speaks from another address now.
    PathChanged(SocketAddr),
    /// Client: several probes in a row went unanswered. A new socket may help, and then
    /// [`Endpoint::on_local_path_changed`].
    Silent,
    /// The connection is over; the handle finds nothing soon.
    Closed(CloseReason),
}

/// All connections of one socket.
///
/// ```
/// use std::sync::Arc;
/// use udpchat::crypto::{Dice, SecretKey, ServerSecrets};
/// use udpchat::transport::{Config, Endpoint, Event, Path, StreamId, Time};
///
/// let now = Time::default();
/// let mut dice = Dice::from_seed([1; 32]);
/// let device = SecretKey::generate(&mut dice);
/// let secrets = ServerSecrets::in_memory(&mut dice, 0);
/// let server_key = secrets.identity.public();
/// let mut server = Endpoint::server(Config::server(), secrets, dice.fork(), now);
/// let mut client = Endpoint::client(Config::client(), dice.fork(), now);
///
/// // In place of sockets: what one end sends is handed to the other.
/// let to_server = Path { remote: "192.0.2.1:7777".parse().unwrap(), local: None };
/// let to_client = Path { remote: "198.51.100.1:5555".parse().unwrap(), local: None };
/// let handle = client.connect(now, to_server.remote, &device, Some(server_key));
/// let mut heard = Vec::new();
/// for _ in 0..10 {
///     let mut datagram = Vec::new();
///     while client.poll_transmit(now, &mut datagram).is_some() {
///         server.handle_datagram(now, to_client, &mut datagram);
///     }
///     while let Some((handle, event)) = server.poll_event() {
///         if let Event::Readable(stream) = event {
///             heard.extend(server.connection(handle).unwrap().recv(now, stream));
///         }
///     }
///     while server.poll_transmit(now, &mut datagram).is_some() {
///         client.handle_datagram(now, to_server, &mut datagram);
///     }
///     while let Some((_, event)) = client.poll_event() {
///         if event == (Event::Connected { peer: server_key }) {
///             client.connection(handle).unwrap().send(now, StreamId::Chat, &Arc::from(*b"hello")).unwrap();
///         }
///     }
/// }
/// assert_eq!(heard, [b"hello"]);
/// ```
#[derive(Debug)]
pub struct Endpoint {
    pub(super) config: Config,
    pub(super) dice: Dice,
    pub(super) slots: Slots<Occupant>,
    pub(super) counters: Counters,
    pub(super) role: Role,
    /// Bytes beyond holes in all connections.
    pub(super) beyond_len: u64,
    timers: Timers,
    /// Who may have something to send, in turn; each occupant at most once.
    transmit_queue: VecDeque<ConnectionHandle>,
    /// Who may have something to tell; each occupant at most once.
    event_queue: VecDeque<ConnectionHandle>,
    answers: VecDeque<(Path, Vec<u8>)>,
    /// What happened, for whoever asked for it.
    trace: Option<Box<Trace>>,
}

/// What only one kind of endpoint has.
#[derive(Debug)]
pub(super) enum Role {
    Server(Box<Acceptor>),
    Client(Names),
}

/// How a client finds its connections.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) by_id: BTreeMap<ConnectionId, ConnectionHandle>,
    pub(super) by_reset_token: BTreeMap<[u8; TAG_LEN], ConnectionHandle>,
}

impl Endpoint {
    /// An endpoint that is connected to.
    #[must_use]
    pub fn server(config: Config, secrets: ServerSecrets, mut dice: Dice, now: Time) -> Self {
        let connection_count_max = config.admission.connection_count_max;
        let acceptor = Acceptor::new(config.admission, secrets, now, &mut dice);
        Self::new(Role::Server(Box::new(acceptor)), config, dice, connection_count_max)
    }

    /// An endpoint that connects.
    #[must_use]
    pub fn client(config: Config, dice: Dice, _now: Time) -> Self {
        Self::new(Role::Client(Names::default()), config, dice, CLIENT_CONNECTION_COUNT_MAX)
    }

    fn new(role: Role, config: Config, dice: Dice, connection_count_max: u32) -> Self {
        let trace = (config.trace == Tracing::On).then(Box::default);
        Self {
            config,
            dice,
            trace,
            slots: Slots::new(connection_count_max),
            counters: Counters::default(),
            role,
            beyond_len: 0,
            timers: Timers::default(),
            transmit_queue: VecDeque::new(),
            event_queue: VecDeque::new(),
            answers: VecDeque::new(),
        }
    }

    /// Client: begins a connection to `remote`, proving `device`. Without `server`, its key is asked for first and told by
    /// [`Event::ServerKey`]. Whatever goes wrong is told by [`Event::Closed`].
    ///
    /// # Panics
    /// If this is a server's endpoint, or it has [`CLIENT_CONNECTION_COUNT_MAX`] connections already.
    pub fn connect(&mut self, now: Time, remote: SocketAddr, device: &SecretKey, server: Option<PublicKey>) -> ConnectionHandle {
        let Role::Client(names) = &mut self.role else { unreachable!("a server's endpoint does not connect") };
        let client_id = ConnectionId(self.dice.array());
        let path = Path { remote, local: None };
        let peer = match Connecting::new(now, path, client_id, device, server, &mut self.dice) {
            Ok(connecting) => Peer::Connecting(Box::new(connecting)),
            Err(_) => Peer::Ended(CloseReason::Local { code: CloseCode::Protocol }),
        };
        let inserted = self.slots.insert(Occupant::new(peer, client_id));
        assert!(inserted.is_some(), "a client's endpoint has a place for each of its connections");
        let Some(handle) = inserted else { unreachable!("asserted above") };
        names.by_id.insert(client_id, handle);
        self.touch(handle);
        handle
    }

    /// Client: believes the key that [`Event::ServerKey`] told; the handshake goes on.
    pub fn trust_server_key(&mut self, now: Time, handle: ConnectionHandle) {
        if let Some(occupant) = self.slots.occupant_mut(handle)
            && let Peer::Connecting(connecting) = &mut occupant.peer
            && connecting.trust_server_key(now, &mut self.dice).is_err()
        {
            occupant.peer = Peer::Ended(CloseReason::Local { code: CloseCode::Protocol });
        }
        self.touch(handle);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(handle) = self.timers.take_due(now) {
            let Some(occupant) = self.slots.occupant_mut(handle) else { continue };
            occupant.armed_at = None;
            if occupant.deadline().is_none_or(|deadline| deadline > now) {
                if let Peer::Established(established) = &mut occupant.peer {
                    established.connection.on_quiet(now);
                }
                self.arm(handle);
                continue;
            }
            if occupant.has_expired(now) {
                count(&mut self.counters.handshakes_expired);
                self.remove(handle);
                continue;
            }
            match &mut occupant.peer {
                Peer::Connecting(connecting) if connecting.has_timed_out(now) => {
                    occupant.peer = Peer::Ended(CloseReason::HandshakeTimeout);
                }
                Peer::Established(established) => established.connection.handle_timeout(now),
                Peer::Connecting(_) | Peer::Ended(_) => {}
            }
            self.touch(handle);
        }
    }

    /// When [`Endpoint::handle_timeout`] is next wanted; it may turn out that nothing was due yet.
    pub fn poll_timeout(&mut self) -> Option<Time> {
        // Whoever could not be asked to the end what it has to send, because the socket was full, stands in this queue still.
        for at in 0..self.transmit_queue.len() {
            if let Some(handle) = self.transmit_queue.get(at).copied() {
                self.arm(handle);
            }
        }
        self.timers.earliest()
    }

    /// Writes the next datagram into `buf` (cleared first) and returns where it goes. Stateless answers come first, then
    /// the connections in turn, ten datagrams each.
    pub fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<Path> {
        buf.clear();
        let mut sent = None;
        if let Some((path, answer)) = self.answers.pop_front() {
            buf.extend_from_slice(&answer);
            sent = Some(path);
        }
        while sent.is_none() {
            let handle = self.transmit_queue.front().copied()?;
            let Some(occupant) = self.slots.occupant_mut(handle) else {
                self.transmit_queue.pop_front();
                continue;
            };
            sent = match &mut occupant.peer {
                Peer::Connecting(connecting) => connecting.poll_transmit(now, buf),
                Peer::Established(established) => established.connection.poll_transmit(now, buf),
                Peer::Ended(_) => None,
            };
            occupant.burst = occupant.burst.saturating_add(1);
            if let Peer::Established(established) = &occupant.peer
                && !occupant.tells
                && established.connection.has_events()
            {
                occupant.tells = true;
                self.event_queue.push_back(handle);
            }
            if sent.is_none() {
                occupant.burst = 0;
                occupant.transmits = false;
                self.transmit_queue.pop_front();
                self.arm(handle);
            } else if occupant.burst >= BURST_COUNT {
                occupant.burst = 0;
                self.transmit_queue.rotate_left(1);
            }
        }
        self.counters.datagrams_sent = self.counters.datagrams_sent.saturating_add(1);
        self.counters.bytes_sent = self.counters.bytes_sent.saturating_add(len_u64(buf));
        sent
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<(ConnectionHandle, Event)> {
        loop {
            let handle = self.event_queue.front().copied()?;
            let Some(occupant) = self.slots.occupant_mut(handle) else {
                self.event_queue.pop_front();
                continue;
            };
            let is_half_open = occupant.half_open.is_some();
            let event = match &mut occupant.peer {
                Peer::Connecting(connecting) => connecting.poll_server_key().map(|key| Event::ServerKey { key }),
                Peer::Ended(reason) => {
                    let reason = reason.clone();
                    self.remove(handle);
                    self.note(handle, || TraceEvent::Closed { reason: reason.clone() });
                    return Some((handle, Event::Closed(reason)));
                }
                Peer::Established(established) if established.is_news && !is_half_open => {
                    established.is_news = false;
                    let remote = established.connection.path().remote;
                    if let Some(trace) = &mut self.trace {
                        trace.note(handle, TraceEvent::Opened { remote });
                    }
                    Some(Event::Connected { peer: established.peer })
                }
                Peer::Established(established) => match established.connection.poll_event() {
                    None => None,
                    Some(ConnectionEvent::Drained) => {
                        self.remove(handle);
                        continue;
                    }
                    Some(ConnectionEvent::Confirmed) => continue,
                    Some(_) if is_half_open => continue,
                    Some(ConnectionEvent::Readable(stream)) => Some(Event::Readable(stream)),
                    Some(ConnectionEvent::Writable(stream)) => Some(Event::Writable(stream)),
                    Some(ConnectionEvent::Latest) => Some(Event::Latest),
                    Some(ConnectionEvent::PathChanged) => Some(Event::PathChanged(established.connection.path().remote)),
                    Some(ConnectionEvent::Silent) => Some(Event::Silent),
                    Some(ConnectionEvent::Closed(reason)) => Some(Event::Closed(reason)),
                },
            };
            if let Some(event) = event {
                if let Event::Closed(reason) = &event {
                    self.note(handle, || TraceEvent::Closed { reason: reason.clone() });
                }
                return Some((handle, event));
            }
            occupant.tells = false;
            self.event_queue.pop_front();
        }
    }

    /// Client: the socket was bound anew or the network changed; every connection makes itself heard at once.
    pub fn on_local_path_changed(&mut self, now: Time) {
        for handle in self.slots.handles() {
            match self.slots.occupant_mut(handle).map(|occupant| &mut occupant.peer) {
                Some(Peer::Connecting(connecting)) => connecting.on_local_path_changed(now),
                Some(Peer::Established(established)) => established.connection.ping(now),
                Some(Peer::Ended(_)) | None => {}
            }
            self.touch(handle);
        }
    }

    /// Ends a connection in any state, telling the peer if there is one. [`Event::Closed`] follows.
    pub fn close(&mut self, now: Time, handle: ConnectionHandle, code: CloseCode, reason: &str) {
        let Some(occupant) = self.slots.occupant_mut(handle) else { return };
        if occupant.half_open.is_some() {
            self.remove(handle);
            return;
        }
        match &mut occupant.peer {
            Peer::Connecting(_) => occupant.peer = Peer::Ended(CloseReason::Local { code }),
            Peer::Established(established) => established.connection.close(now, code, reason),
            Peer::Ended(_) => {}
        }
        self.touch(handle);
    }

    /// Ends every connection.
    pub fn close_all(&mut self, now: Time, code: CloseCode, reason: &str) {
        for handle in self.slots.handles() {
            self.close(now, handle, code, reason);
        }
    }

    /// Totals so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        for occupant in self.slots.handles().into_iter().filter_map(|handle| self.slots.occupant(handle)) {
            if let Peer::Established(established) = &occupant.peer {
                counters.connections.add(&established.connection.stats().counts);
            }
        }
        counters
    }

    /// Bytes that came before their turn, and the holes between them, in all connections; at most [`Config::reassembly_len_max`].
    #[must_use]
    pub const fn reassembly_len(&self) -> u64 {
        self.beyond_len
    }

    /// Connections in any state, half-open and closing ones included.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.slots.len()
    }

    /// What happened inside the connections, if [`Config::trace`] asks for it.
    pub fn poll_trace(&mut self) -> Option<(ConnectionHandle, TraceEvent)> {
        self.trace.as_mut()?.poll()
    }

    /// Notes what happened to a connection, if somebody wants to know.
    pub(super) fn note(&mut self, handle: ConnectionHandle, event: impl FnOnce() -> TraceEvent) {
        if let Some(trace) = &mut self.trace {
            trace.note(handle, event());
        }
    }

    /// Something happened to this connection: it may want to send, to tell, or to be woken at another time. Its timer is set when
    /// it has sent what it has to send, once for all that happens to it in a turn.
    pub(super) fn touch(&mut self, handle: ConnectionHandle) {
        let Some(occupant) = self.slots.occupant_mut(handle) else { return };
        if let (Some(trace), Peer::Established(established)) = (&mut self.trace, &mut occupant.peer) {
            trace.collect(handle, &mut established.connection.trace);
        }
        let beyond_len = match &occupant.peer {
            Peer::Established(established) => established.connection.beyond_len(),
            Peer::Connecting(_) | Peer::Ended(_) => 0,
        };
        let before_len = std::mem::replace(&mut occupant.beyond_len, beyond_len);
        self.beyond_len = self.beyond_len.saturating_sub(before_len).saturating_add(beyond_len);
        if !occupant.transmits {
            occupant.transmits = true;
            self.transmit_queue.push_back(handle);
        }
        if !occupant.tells {
            occupant.tells = true;
            self.event_queue.push_back(handle);
        }
    }

    /// Corrects this connection's entry among the timers.
    pub(super) fn arm(&mut self, handle: ConnectionHandle) {
        if let Some(occupant) = self.slots.occupant_mut(handle) {
            occupant.armed_at = self.timers.arm(handle, occupant.armed_at, occupant.deadline());
        }
    }

    /// Queues a stateless answer; drops it if too many wait.
    pub(super) fn answer(&mut self, path: Path, answer: Vec<u8>) {
        if self.answers.len() < ANSWER_COUNT_MAX {
            self.answers.push_back((path, answer));
        } else {
            count(&mut self.counters.dropped_answers);
        }
    }

    /// Forgets a connection and every name it had.
    pub(super) fn remove(&mut self, handle: ConnectionHandle) {
        let Some(occupant) = self.slots.remove(handle) else { return };
        self.timers.disarm(handle, occupant.armed_at);
        self.beyond_len = self.beyond_len.saturating_sub(occupant.beyond_len);
        if let Peer::Established(established) = &occupant.peer {
            self.counters.connections.add(&established.connection.stats().counts);
        }
        match &mut self.role {
            Role::Server(acceptor) => acceptor.forget(&occupant, handle),
            Role::Client(names) => names.forget(&occupant),
        }
    }
}

impl Names {
    fn forget(&mut self, occupant: &Occupant) {
        self.by_id.remove(&occupant.local_id);
        if let Some(token) = occupant.reset_token {
            self.by_reset_token.remove(&token);
        }
    }
}

/// One more.
pub(super) fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

/// A length, for counters.
pub(super) fn len_u64(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

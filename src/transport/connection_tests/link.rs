//! The world of these tests: two ends, a link with a delay, and a rule for what happens to each datagram.

use super::super::{CLEAN_RUN_MIN, CloseReason, Config, Connection, ConnectionEvent, Micros, Path, Role, StreamId, Time};
use crate::crypto::PacketKeys;
use crate::wire::{ConnectionId, Header};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the link does with a datagram.
pub(super) enum Fate {
    Deliver,
    Drop,
    /// Deliver so much later than usual.
    Late(Micros),
    Twice,
    /// Flip the lowest bit of this byte, counted from the start, round and round.
    Damage(usize),
}

/// A datagram as the rule sees it: its number on the link, its direction, its length.
pub(super) struct Passing {
    pub count: u64,
    pub to_server: bool,
    pub len: usize,
}

pub(super) type Rule = Box<dyn FnMut(&Passing) -> Fate>;

/// One end with all that it told its owner.
pub(super) struct End {
    pub connection: Connection,
    pub events: Vec<ConnectionEvent>,
    pub received: [Vec<Vec<u8>>; StreamId::COUNT],
    /// Whether its owner reads.
    pub reads: bool,
}

pub(super) struct Link {
    pub now: Time,
    pub client: End,
    pub server: End,
    pub rule: Rule,
    pub delay: Micros,
    /// The client's address as the server sees it.
    pub client_addr: SocketAddr,
    /// Datagrams under way, in the order of their arrival.
    under_way: BTreeMap<(Time, u64), (bool, SocketAddr, Vec<u8>)>,
    pub count: u64,
    /// Every datagram ever handed to the link.
    pub seen: Vec<(Time, bool, Vec<u8>)>,
}

pub(super) const fn ms(millis: u64) -> Micros {
    Micros::from_millis(millis)
}

pub(super) fn addr(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], port))
}

pub(super) fn message(bytes: &[u8]) -> Arc<[u8]> {
    Arc::from(bytes)
}

const SERVER: (u8, u16) = (1, 7);

impl Link {
    /// A link with 25 ms each way on which nothing happens.
    pub fn new() -> Self {
        // The server here takes bulk of anybody.
        Self::with(&Config::client(), &Config { bulk_window_len: 20 * 1_024, ..Config::server() })
    }

    pub fn with(client_config: &Config, server_config: &Config) -> Self {
        let now = Time::from_micros(1_000_000);
        let (ours, theirs) = (ConnectionId([1; 8]), ConnectionId([2; 8]));
        let client_addr = addr(2, 9);
        let path = |remote| Path { remote, local: None };
        let client = Connection::new(
            Role::Client,
            client_config,
            PacketKeys::new(&[1; 32], &[2; 32]),
            ours,
            theirs,
            path(addr(SERVER.0, SERVER.1)),
            1_200,
            Some(ms(50)),
            now,
        );
        let keys = PacketKeys::new(&[2; 32], &[1; 32]);
        // The server has its keys one leg before the client has.
        let before = now - ms(25);
        let server = Connection::new(Role::Server, server_config, keys, theirs, ours, path(client_addr), 1_200, None, before);
        let end = |connection| End { connection, events: Vec::new(), received: Default::default(), reads: true };
        Self {
            now,
            client: end(client),
            server: end(server),
            rule: Box::new(|_| Fate::Deliver),
            delay: ms(25),
            client_addr,
            under_way: BTreeMap::new(),
            count: 0,
            seen: Vec::new(),
        }
    }

    /// A link whose two ends have heard of each other and gone quiet.
    pub fn connected() -> Self {
        let mut link = Self::new();
        link.run(ms(500));
        assert!(matches!(link.client.events[..], [ConnectionEvent::Confirmed]));
        assert!(matches!(link.server.events[..], [ConnectionEvent::Confirmed]));
        link.client.events.clear();
        link.server.events.clear();
        link.seen.clear();
        link
    }

    /// A connected link that has shown for so long that it loses nothing that no copies are sent any more.
    pub fn clean() -> Self {
        let mut link = Self::connected();
        for _ in 0..CLEAN_RUN_MIN {
            let now = link.now;
            link.server.connection.send(now, StreamId::Chat, &message(b"clean")).unwrap();
            link.say(StreamId::Chat, b"clean");
            link.run(ms(100));
        }
        assert_eq!((link.client.connection.stats().copies, link.server.connection.stats().copies), (1, 1));
        link.seen.clear();
        link.client.events.clear();
        link.server.events.clear();
        link.server.received[0].clear();
        link.client.received[0].clear();
        link
    }

    fn end(&mut self, server: bool) -> &mut End {
        if server { &mut self.server } else { &mut self.client }
    }

    /// Lets both ends say what they have to say.
    pub fn flush(&mut self) {
        for is_server in [false, true] {
            let now = self.now;
            let mut buf = Vec::new();
            while self.end(is_server).connection.poll_transmit(now, &mut buf).is_some() {
                let from = if is_server { addr(SERVER.0, SERVER.1) } else { self.client_addr };
                let to = self.end(is_server).connection.path().remote;
                self.pass(!is_server, from, to, buf.clone());
            }
            let end = self.end(is_server);
            while let Some(event) = end.connection.poll_event() {
                end.events.push(event);
            }
            if end.reads {
                for stream in StreamId::all() {
                    while let Some(message) = end.connection.recv(now, stream) {
                        end.received[usize::from(stream.number())].push(message);
                    }
                }
            }
        }
    }

    fn pass(&mut self, to_server: bool, from: SocketAddr, to: SocketAddr, mut bytes: Vec<u8>) {
        self.count += 1;
        self.seen.push((self.now, to_server, bytes.clone()));
        let passing = Passing { count: self.count, to_server, len: bytes.len() };
        let arrives_at = self.now + self.delay;
        let fate = (self.rule)(&passing);
        let mut put = |at: Time, bytes: Vec<u8>, copy: u64| {
            // An address that is not the client's any more swallows what is sent to it.
            if to_server || to == self.client_addr {
                self.under_way.insert((at, self.count * 2 + copy), (to_server, from, bytes));
            }
        };
        match fate {
            Fate::Deliver => put(arrives_at, bytes, 0),
            Fate::Drop => {}
            Fate::Late(span) => put(arrives_at + span, bytes, 0),
            Fate::Twice => {
                put(arrives_at, bytes.clone(), 0);
                put(arrives_at + ms(3), bytes, 1);
            }
            Fate::Damage(at) => {
                let len = bytes.len();
                bytes[at % len] ^= 1;
                put(arrives_at, bytes, 0);
            }
        }
    }

    /// Hands a datagram to an end as if it had come now. Returns whether the end took it.
    pub fn deliver(&mut self, to_server: bool, from: SocketAddr, mut bytes: Vec<u8>) -> bool {
        let Ok(header) = Header::decode(&bytes) else { return false };
        let now = self.now;
        let path = Path { remote: from, local: None };
        self.end(to_server).connection.handle_packet(now, &header, path, &mut bytes, u64::MAX).is_ok()
    }

    fn next_at(&self) -> Option<Time> {
        let arrival = self.under_way.keys().next().map(|(at, _)| *at);
        let timers = [self.client.connection.poll_timeout(), self.server.connection.poll_timeout()];
        timers.into_iter().flatten().chain(arrival).min()
    }

    /// Lets so much time pass.
    pub fn run(&mut self, span: Micros) {
        let until = self.now + span;
        let mut spins = 0;
        self.flush();
        while let Some(at) = self.next_at().filter(|at| *at <= until) {
            spins = if at <= self.now { spins + 1 } else { 0 };
            assert!(spins < 100, "a timer in the past is set again and again");
            self.now = self.now.max(at);
            while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (to_server, from, bytes) = entry.remove();
                self.deliver(to_server, from, bytes);
            }
            for is_server in [false, true] {
                let now = self.now;
                let end = self.end(is_server);
                if end.connection.poll_timeout().is_some_and(|at| at <= now) {
                    end.connection.handle_timeout(now);
                }
            }
            self.flush();
        }
        self.now = until;
    }

    /// Sends from the client at once.
    pub fn say(&mut self, stream: StreamId, bytes: &[u8]) {
        self.client.connection.send(self.now, stream, &message(bytes)).unwrap();
        self.flush();
    }

    /// How many datagrams went to the server and to the client since `from`.
    pub fn sent_since(&self, from: Time) -> (usize, usize) {
        let count = |to: bool| self.seen.iter().filter(|(at, to_server, _)| *at >= from && *to_server == to).count();
        (count(true), count(false))
    }
}

impl End {
    pub fn chat(&self) -> &[Vec<u8>] {
        &self.received[0]
    }

    pub fn bulk(&self) -> &[Vec<u8>] {
        &self.received[1]
    }

    pub fn closed(&self) -> Option<&CloseReason> {
        self.events.iter().find_map(|event| match event {
            ConnectionEvent::Closed(reason) => Some(reason),
            _ => None,
        })
    }
}

/// A small generator for rules that need chance: the steps of xorshift64.
pub(super) fn chance(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    }
}

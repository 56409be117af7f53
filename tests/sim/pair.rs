//! One client endpoint, one server endpoint and the network between them, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use udpchat::crypto::{Dice, PublicKey, SecretKey, ServerSecrets};
use udpchat::transport::{Config, ConnectionHandle, Endpoint, Event, Micros, Path, Time};
use udpchat::wire::Header;

use super::net::{Delivery, Faults, Net};

/// So many steps without progress of time mean that somebody asks to be woken in the past for ever.
const STILL_STEPS_MAX: usize = 10_000;

/// Bytes between the server and one address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    pub received: u64,
    pub sent: u64,
}

/// Two endpoints and their network.
pub struct Pair {
    pub now: Time,
    pub net: Net,
    pub client: Endpoint,
    pub server: Endpoint,
    /// May be changed: what goes to the old address is then for nobody.
    pub client_address: SocketAddr,
    pub server_address: SocketAddr,
    pub device: SecretKey,
    pub server_key: PublicKey,
    /// Everything that happened, with its time.
    pub client_events: Vec<(Time, ConnectionHandle, Event)>,
    pub server_events: Vec<(Time, ConnectionHandle, Event)>,
    /// What arrived at addresses where nobody lives.
    pub strays: Vec<Delivery>,
    /// The server's traffic by remote address.
    pub traffic: BTreeMap<SocketAddr, Traffic>,
    /// Every datagram that reached the server, for replays.
    pub server_log: Vec<Vec<u8>>,
    /// The connection ID and number of every data packet sent: what one nonce is made of.
    sealed: BTreeSet<([u8; 8], u32)>,
    dice: Dice,
    server_config: Config,
    secrets_seed: [u8; 32],
    boot: u8,
    is_server_down: bool,
    still_steps: usize,
}

impl Pair {
    /// A pair on a network with these faults.
    pub fn new(seed: u64, faults: Faults) -> Self {
        // This server takes bulk of anybody.
        let server = Config { bulk_window_len: 20 * 1_024, ..Config::server() };
        Self::with_configs(seed, faults, Config::client(), server)
    }

    /// A pair on a good network with a round trip of 50 ms.
    pub fn on_good_network(seed: u64) -> Self {
        Self::new(seed, Faults::none(Micros::from_millis(25)))
    }

    /// A pair with other choices.
    pub fn with_configs(seed: u64, faults: Faults, client_config: Config, server_config: Config) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut dice = Dice::from_seed(bytes);
        let now = Time::from_micros(1_000_000);
        let secrets_seed = dice.array();
        let secrets = ServerSecrets::in_memory(&mut Dice::from_seed(secrets_seed), 1);
        let device = SecretKey::generate(&mut dice);
        Self {
            now,
            net: Net::new(dice.fork(), faults),
            client: Endpoint::client(client_config, dice.fork(), now),
            server_key: secrets.identity.public(),
            server: Endpoint::server(server_config.clone(), secrets, dice.fork(), now),
            client_address: "198.51.100.1:5555".parse().unwrap(),
            server_address: "192.0.2.1:7777".parse().unwrap(),
            device,
            client_events: Vec::new(),
            server_events: Vec::new(),
            strays: Vec::new(),
            traffic: BTreeMap::new(),
            server_log: Vec::new(),
            sealed: BTreeSet::new(),
            dice,
            server_config,
            secrets_seed,
            boot: 1,
            is_server_down: false,
            still_steps: 0,
        }
    }

    /// The client begins a connection with the server's key in hand.
    pub fn begin(&mut self) -> ConnectionHandle {
        let handle = self.client.connect(self.now, self.server_address, &self.device, Some(self.server_key));
        self.settle();
        handle
    }

    /// Connects and runs until both ends know it: the client's and the server's handle.
    pub fn connect(&mut self) -> (ConnectionHandle, ConnectionHandle) {
        let known = self.server_events.len();
        let client = self.begin();
        let connected = |events: &[(Time, ConnectionHandle, Event)]| {
            events.iter().rev().find(|(_, _, event)| matches!(event, Event::Connected { .. })).map(|(_, handle, _)| *handle)
        };
        let limit = Micros::from_secs(30);
        let done = self.drive(limit, |pair| connected(&pair.server_events[known..]).is_some());
        assert!(done, "no connection: {:?}", self.client_events);
        (client, connected(&self.server_events[known..]).unwrap())
    }

    /// Runs until `done` says so; `false` if that takes longer than `limit`.
    pub fn drive(&mut self, limit: Micros, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let deadline = self.now + limit;
        self.settle();
        while !done(self) {
            if !self.step(deadline) {
                return done(self);
            }
        }
        true
    }

    /// Runs for a time.
    pub fn drive_for(&mut self, span: Micros) {
        self.drive(span, |_| false);
    }

    /// What the client was told of `handle`.
    pub fn client_told(&self, handle: ConnectionHandle) -> Vec<Event> {
        told(&self.client_events, handle)
    }

    /// What the server was told of `handle`.
    pub fn server_told(&self, handle: ConnectionHandle) -> Vec<Event> {
        told(&self.server_events, handle)
    }

    /// The server process dies; datagrams to it are for nobody.
    pub fn kill_server(&mut self) {
        self.is_server_down = true;
    }

    /// The server starts with the same secrets and nothing else.
    pub fn start_server(&mut self) {
        self.boot = self.boot.wrapping_add(1);
        let secrets = ServerSecrets::in_memory(&mut Dice::from_seed(self.secrets_seed), self.boot);
        self.server = Endpoint::server(self.server_config.clone(), secrets, self.dice.fork(), self.now);
        self.is_server_down = false;
    }

    /// Collects events and puts what is to be sent on the network, without letting time pass.
    pub fn settle(&mut self) {
        let mut buf = Vec::new();
        loop {
            let mut is_idle = true;
            while let Some((handle, event)) = self.client.poll_event() {
                self.client_events.push((self.now, handle, event));
                is_idle = false;
            }
            while let Some(path) = self.client.poll_transmit(self.now, &mut buf) {
                self.note_number(&buf);
                self.net.send(self.now, self.client_address, path.remote, &buf);
                is_idle = false;
            }
            while let Some((handle, event)) = self.server.poll_event() {
                self.server_events.push((self.now, handle, event));
                is_idle = false;
            }
            while let Some(path) = self.server.poll_transmit(self.now, &mut buf) {
                assert_eq!(path.local, Some(self.server_address.ip()), "an answer leaves from where it was asked at");
                if !self.is_server_down {
                    self.note_number(&buf);
                    self.traffic.entry(path.remote).or_default().sent += buf.len() as u64;
                    self.net.send(self.now, self.server_address, path.remote, &buf);
                }
                is_idle = false;
            }
            if is_idle {
                return;
            }
        }
    }

    /// No packet number is used twice, whatever is in the packet: a nonce must not be.
    fn note_number(&mut self, sent: &[u8]) {
        if let Ok(header) = Header::decode(sent) {
            let is_new = self.sealed.insert((header.connection_id.0, header.packet_number_low));
            assert!(is_new, "packet number {} is used twice", header.packet_number_low);
        }
    }

    /// Goes on to the next instant at which anything happens; `false` if that is after `deadline`, which it then is.
    fn step(&mut self, deadline: Time) -> bool {
        let server_at = if self.is_server_down { None } else { self.server.poll_timeout() };
        let next = [self.net.next_at(), self.client.poll_timeout(), server_at].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= deadline) else {
            self.now = deadline;
            return false;
        };
        self.still_steps = if next > self.now { 0 } else { self.still_steps + 1 };
        assert!(self.still_steps < STILL_STEPS_MAX, "time stands still at {:?}: {:?}", self.now, self.client_events);
        self.now = self.now.max(next);
        for mut delivery in self.net.deliver_until(self.now) {
            let path = Path { remote: delivery.from, local: Some(delivery.to.ip()) };
            if delivery.to == self.client_address {
                let path = Path { local: None, ..path };
                self.client.handle_datagram(self.now, path, &mut delivery.bytes);
            } else if delivery.to == self.server_address && !self.is_server_down {
                self.server_log.push(delivery.bytes.clone());
                self.traffic.entry(delivery.from).or_default().received += delivery.bytes.len() as u64;
                self.server.handle_datagram(self.now, path, &mut delivery.bytes);
            } else {
                self.strays.push(delivery);
            }
        }
        self.client.handle_timeout(self.now);
        if !self.is_server_down {
            self.server.handle_timeout(self.now);
        }
        self.settle();
        true
    }
}

fn told(events: &[(Time, ConnectionHandle, Event)], handle: ConnectionHandle) -> Vec<Event> {
    events.iter().filter(|(_, of, _)| *of == handle).map(|(_, _, event)| event.clone()).collect()
}

//! A live pair: two endpoints, and a network that does to each datagram what the fuzzer's bytes say.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use udpchat::crypto::{Dice, SecretKey, ServerSecrets};
use udpchat::transport::{
    BulkStream, Config, ConnectionHandle, Endpoint, Event, LatestKey, Micros, Path, SendError, StreamId, Time,
};

/// So many operations are taken; with a quarter of a second for each no connection is idle too long.
const STEPS_MAX: usize = 300;

/// One end, what it sent and what it heard.
struct End {
    endpoint: Endpoint,
    handle: Option<ConnectionHandle>,
    address: SocketAddr,
    said: Vec<(StreamId, Arc<[u8]>)>,
    heard: Vec<(StreamId, Vec<u8>)>,
    /// The version of the newest value said and heard.
    said_version: u32,
    heard_version: u32,
    /// What it sent and the network still holds.
    under_way: VecDeque<Vec<u8>>,
}

impl End {
    fn new(endpoint: Endpoint, address: &str) -> Self {
        Self {
            endpoint,
            handle: None,
            address: address.parse().unwrap(),
            said: Vec::new(),
            heard: Vec::new(),
            said_version: 0,
            heard_version: 0,
            under_way: VecDeque::new(),
        }
    }

    fn say(&mut self, now: Time, stream: StreamId, len: usize) {
        let Some(mut connection) = self.handle.and_then(|handle| self.endpoint.connection(handle)) else { return };
        let message: Arc<[u8]> = (0..len).map(|at| (at + self.said.len()) as u8).collect();
        match connection.send(now, stream, &message) {
            Ok(()) => self.said.push((stream, message)),
            Err(SendError::Blocked) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn say_latest(&mut self, now: Time) {
        let Some(mut connection) = self.handle.and_then(|handle| self.endpoint.connection(handle)) else { return };
        self.said_version += 1;
        connection.send_latest(now, LatestKey(7), &Arc::from(self.said_version.to_be_bytes())).unwrap();
    }

    /// A turn without datagrams: timers, events, and what there is to send.
    fn turn(&mut self, now: Time) {
        self.endpoint.handle_timeout(now);
        while let Some((handle, event)) = self.endpoint.poll_event() {
            match event {
                Event::Connected { .. } => self.handle = Some(handle),
                Event::Closed(reason) => panic!("no connection ends here: {reason}"),
                _ => {}
            }
        }
        if let Some(mut connection) = self.handle.and_then(|handle| self.endpoint.connection(handle)) {
            for stream in StreamId::all() {
                while let Some(message) = connection.recv(now, stream) {
                    self.heard.push((stream, message));
                }
            }
            while let Some(value) = connection.recv_latest() {
                let version = u32::from_be_bytes(value.try_into().unwrap());
                assert!(version > self.heard_version, "an old value came after a newer one, or again");
                self.heard_version = version;
            }
        }
        let mut datagram = Vec::new();
        while self.endpoint.poll_transmit(now, &mut datagram).is_some() {
            self.under_way.push_back(datagram.clone());
        }
    }

    /// The messages of a stream that it heard are the first of those that the other end said.
    fn has_heard(&self, stream: StreamId, other: &Self) -> bool {
        let heard: Vec<&[u8]> = self.heard.iter().filter(|(at, _)| *at == stream).map(|(_, message)| &message[..]).collect();
        let said: Vec<&[u8]> = other.said.iter().filter(|(at, _)| *at == stream).map(|(_, message)| &message[..]).collect();
        assert!(said.starts_with(&heard), "{stream:?}: something came twice, out of order or changed");
        said.len() == heard.len()
    }
}

/// Both ends and the time.
struct World {
    now: Time,
    /// The client and the server.
    ends: [End; 2],
}

impl World {
    fn new() -> Self {
        let now = Time::from_micros(1_000_000);
        let mut dice = Dice::from_seed([9; 32]);
        let device = SecretKey::generate(&mut dice);
        let secrets = ServerSecrets::in_memory(&mut dice, 0);
        let server_key = secrets.identity.public();
        let config = Config { bulk_window_len: 20 * 1_024, ..Config::server() };
        let server = End::new(Endpoint::server(config, secrets, dice.fork(), now), "192.0.2.1:7777");
        let mut client = End::new(Endpoint::client(Config::client(), dice.fork(), now), "198.51.100.1:5555");
        client.endpoint.connect(now, server.address, &device, Some(server_key));
        let mut world = Self { now, ends: [client, server] };
        world.turn();
        for from in [0, 1].into_iter().cycle().take(20) {
            world.deliver(from);
        }
        assert!(world.ends.iter().all(|end| end.handle.is_some()), "the handshake is done");
        world
    }

    fn turn(&mut self) {
        let now = self.now;
        self.ends.iter_mut().for_each(|end| end.turn(now));
    }

    fn pass(&mut self, span: Micros) {
        self.now = self.now + span;
        self.turn();
    }

    /// Hands the oldest datagram of one end to the other.
    fn deliver(&mut self, from: usize) {
        let Some(mut datagram) = self.ends[from].under_way.pop_front() else { return };
        let path = Path { remote: self.ends[from].address, local: None };
        self.ends[1 - from].endpoint.handle_datagram(self.now, path, &mut datagram);
        self.turn();
    }

    fn step(&mut self, act: u8, amount: u8) {
        let from = usize::from(act & 1);
        let now = self.now;
        let end = &mut self.ends[from];
        match act >> 1 & 15 {
            0..=3 => self.deliver(from),
            4 => end.say(now, StreamId::Chat, usize::from(amount)),
            5 => end.say(now, StreamId::Chat, usize::from(amount) * 100),
            6 => end.say(now, BulkStream::new(amount % 8 + 1).map_or(StreamId::BULK, StreamId::Bulk), usize::from(amount) * 20),
            7 => end.say_latest(now),
            8 => {
                end.under_way.pop_front();
            }
            9 => {
                if let Some(datagram) = end.under_way.front().cloned() {
                    end.under_way.push_back(datagram);
                }
            }
            10 => {
                let len = end.under_way.len().max(1);
                end.under_way.rotate_left(usize::from(amount) % len);
            }
            11 => {
                if let Some(datagram) = end.under_way.front_mut() {
                    let at = usize::from(amount) * datagram.len() / 256;
                    datagram[at] ^= 1 << (amount & 7);
                }
            }
            12..=14 => self.pass(Micros::from_millis(u64::from(amount) + 1)),
            _ => end.under_way.clear(),
        }
        self.turn();
    }

    /// From now on the network loses nothing: everything said arrives.
    fn heal(&mut self) {
        for _ in 0..2_000 {
            for from in [0, 1] {
                while !self.ends[from].under_way.is_empty() {
                    self.deliver(from);
                }
            }
            let [client, server] = &self.ends;
            let is_done = StreamId::all().all(|stream| client.has_heard(stream, server) & server.has_heard(stream, client));
            if is_done {
                return;
            }
            self.pass(Micros::from_millis(50));
        }
        panic!("the pair does not come to an end");
    }
}

/// Two ends say and hear whatever these bytes tell, over a network that does as they tell. Everything said arrives once and in
/// order, no latest value after a newer one, no connection ends, and once the network is well all is there soon.
pub fn run(bytes: &[u8]) {
    let mut world = World::new();
    for pair in bytes.chunks_exact(2).take(STEPS_MAX) {
        world.step(pair[0], pair[1]);
        let [client, server] = &world.ends;
        for stream in StreamId::all() {
            client.has_heard(stream, server);
            server.has_heard(stream, client);
        }
    }
    world.heal();
}

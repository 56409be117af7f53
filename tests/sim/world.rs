//! A whole world in one thread: a server with its real database, clients with their real outboxes, a bad network and slow
//! workers, all in virtual time and from one seed.
//!
//! A crash of the server keeps what was committed and forgets everything else; a crash of a client keeps its device key and its
//! outbox.

use std::net::SocketAddr;

use udpchat::chat::{Command, Outcome};
use udpchat::client::{Client, ClientConfig, ClientEvent, Draft, Outbox, Place, Recipient, SenderLock, Tag};
use udpchat::crypto::{Dice, PublicKey, SecretKey, ServerSecrets};
use udpchat::message::{
    Credentials, FollowFrom, FollowRequest, JoinRoom, LogId, Password, Refusal, Reply, Request, Target, Text, Texts, Visibility,
};
use udpchat::server::{Holds, Now};
use udpchat::transport::{Config, Counters, Micros, Path, Time};

use super::disk::{Disk, End};
use super::net::{Faults, Net};
use super::person::{Person, text_of};
use super::process::Process;

/// So many steps without progress of time mean that somebody asks to be woken in the past for ever.
const STILL_STEPS_MAX: usize = 20_000;

/// The wall clock at the start of every world: 2026-03-01 09:52:11 UTC.
const WALL_START_MS: u64 = 1_772_358_731_000;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse";

/// Server, people, network, time.
pub struct World {
    pub now: Time,
    pub net: Net,
    pub people: Vec<Person>,
    /// What those wish to become of what they wrote who delete their account.
    pub texts: Texts,
    pub server_address: SocketAddr,
    pub server_key: PublicKey,
    process: Option<Process>,
    /// What clients choose that start from now on.
    pub client_config: Config,
    /// What the workers take at most.
    pub work_delay_max: Micros,
    pub disk: Disk,
    disk_is_full: bool,
    dice: Dice,
    secrets_seed: [u8; 32],
    boot: u8,
    still_steps: usize,
}

impl World {
    /// A world on a network with these faults, with a server and nobody else.
    pub fn new(seed: u64, faults: Faults) -> Self {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut dice = Dice::from_seed(bytes);
        let secrets_seed = dice.array();
        let mut world = Self {
            now: Time::from_micros(1_000_000),
            net: Net::new(dice.fork(), faults),
            people: Vec::new(),
            texts: Texts::Stay,
            server_address: "192.0.2.1:4747".parse().unwrap(),
            server_key: ServerSecrets::in_memory(&mut Dice::from_seed(secrets_seed), 0).identity.public(),
            process: None,
            client_config: Config::client(),
            work_delay_max: Micros::from_millis(20),
            disk: Disk::new(),
            disk_is_full: false,
            dice,
            secrets_seed,
            boot: 0,
            still_steps: 0,
        };
        world.start_server();
        world
    }

    /// A world whose network is good, with a round trip of 50 ms.
    pub fn on_good_network(seed: u64) -> Self {
        Self::new(seed, Faults::none(Micros::from_millis(25)))
    }

    /// People's clock, in milliseconds since 1970 (UTC).
    pub fn wall_ms(&self) -> u64 {
        WALL_START_MS + self.now.as_micros() / 1_000
    }

    fn clock(&self) -> Now {
        Now { at: self.now, wall_ms: self.wall_ms() }
    }

    /// Starts the server on what is on its disk.
    pub fn start_server(&mut self) {
        assert!(self.process.is_none(), "the server runs");
        self.boot = self.boot.wrapping_add(1);
        let secrets = ServerSecrets::in_memory(&mut Dice::from_seed(self.secrets_seed), self.boot);
        let now = self.clock();
        self.process = Some(Process::start(&mut self.disk, secrets, self.dice.fork(), now));
        self.set_disk_full(self.disk_is_full);
    }

    /// The server's process dies: what was not committed never was.
    pub fn kill_server(&mut self) {
        self.end_server(End::Killed);
    }

    /// The server's machine loses its power: what was not synced never was.
    pub fn cut_power(&mut self) {
        self.end_server(End::PowerCut);
    }

    fn end_server(&mut self, end: End) {
        if let Some(process) = self.process.take() {
            process.kill(end, &mut self.disk, &mut self.dice);
        }
    }

    /// The server's disk has no more room, or has room again.
    pub fn set_disk_full(&mut self, is_full: bool) {
        self.disk_is_full = is_full;
        if let Some(process) = &mut self.process {
            process.set_disk_full(is_full);
        }
    }

    /// The commands that the running server's ledger has run, each with what came of it.
    pub fn ran(&self) -> &[(Command, Result<Outcome, Refusal>)] {
        self.process.as_ref().map_or(&[], |process| &process.ran)
    }

    /// The disk of the running server takes so many more bytes of files.
    pub fn limit_file_room(&mut self, room_len: u64) {
        self.process.as_mut().expect("the server runs").limit_file_room(room_len);
    }

    /// The running server removes the bytes of files that no message has any more; how many.
    pub fn sweep_files(&mut self) -> usize {
        self.process.as_mut().expect("the server runs").sweep_files()
    }

    /// Handshakes that the running server has completed.
    pub fn handshake_count(&self) -> u64 {
        self.process.as_ref().map_or(0, |process| process.server.counters().handshakes_completed)
    }

    /// What the running server's transport counted, and how often it held somebody back.
    pub fn server_counts(&self) -> (Counters, Holds) {
        let server = &self.process.as_ref().expect("the server runs").server;
        (server.counters(), server.holds())
    }

    /// Connections of the running server, in any state.
    pub fn connection_count(&self) -> usize {
        self.process.as_ref().map_or(0, |process| process.server.connection_count())
    }

    /// Adds somebody who starts to connect. They know the server's key.
    pub fn add(&mut self, name: &str) -> usize {
        let index = self.people.len();
        let person = Person::new(name, index, self.dice.array());
        self.people.push(person);
        self.start_client(index);
        index
    }

    /// Adds another process of somebody's profile: the same key, the same outbox.
    pub fn add_process(&mut self, leader: usize) -> usize {
        let index = self.people.len();
        let mut person = Person::new(&self.people[leader].name, index, self.people[leader].key_seed);
        person.leader = Some(leader);
        self.people.push(person);
        self.start_client(index);
        index
    }

    /// What a new device key is made from.
    pub fn key_seed(&mut self) -> [u8; 32] {
        self.dice.array()
    }

    /// Starts a client on what is on its disk.
    pub fn start_client(&mut self, index: usize) {
        let profile = self.people[index].leader.unwrap_or(index);
        let outbox = Outbox::open(&self.disk.client_path(&format!("outbox-{profile}.db"))).unwrap();
        let config = ClientConfig {
            transport: self.client_config.clone(),
            remotes: vec![self.server_address],
            server_key: Some(self.server_key),
            device: SecretKey::generate(&mut Dice::from_seed(self.people[index].key_seed)),
            outbox,
            sender_lock: SenderLock::at(self.disk.client_path(&format!("sender-{profile}.lock"))),
        };
        let client = Client::new(config, self.dice.fork(), self.now);
        self.people[index].on_start(client);
        self.settle();
    }

    /// The client's process dies.
    pub fn kill_client(&mut self, index: usize) {
        self.people[index].client = None;
    }

    /// The network gives the client another port, or another host, and tells nobody.
    pub fn move_client(&mut self, index: usize, host_moves: bool) {
        let host = u8::try_from(index + 1).unwrap();
        let address = &mut self.people[index].address;
        let [a, b, c, _] = if host_moves { [203, 0, self.dice.array::<1>()[0], 0] } else { octets(*address) };
        *address = SocketAddr::from(([a, b, c, host], address.port() + 1));
    }

    /// The client's machine falls asleep.
    pub fn suspend(&mut self, index: usize) {
        self.people[index].is_asleep = true;
    }

    /// The machine wakes up, in another network; its client notices by its clocks.
    pub fn resume(&mut self, index: usize) {
        self.move_client(index, true);
        self.people[index].is_asleep = false;
        let now = self.now;
        if let Some(client) = &mut self.people[index].client {
            client.on_local_path_changed(now);
        }
        self.settle();
    }

    /// The person's client, which runs.
    pub fn client(&mut self, index: usize) -> &mut Client {
        self.people[index].client.as_mut().expect("the client runs")
    }

    /// Makes a request and runs until it is answered.
    pub fn ask(&mut self, index: usize, request: &Request) -> Reply {
        let now = self.now;
        let tag = self.client(index).request(now, request);
        self.answer(index, tag)
    }

    /// Runs until the request is answered.
    pub fn answer(&mut self, index: usize, tag: Tag) -> Reply {
        let mut found = None;
        let done = self.drive(Micros::from_secs(120), |world| {
            found = world.people[index].events.iter().find_map(|event| match event {
                ClientEvent::Reply { tag: of, reply } if *of == tag => Some(reply.clone()),
                _ => None,
            });
            found.is_some()
        });
        assert!(done, "no answer at {:?}: {:?}", self.now, self.people[index].events);
        found.unwrap()
    }

    /// A new id for a request of this person.
    pub fn id(&mut self, index: usize) -> udpchat::message::RequestId {
        let wall_ms = self.wall_ms();
        self.client(index).new_id(wall_ms)
    }

    /// What somebody needs to register or log in.
    pub fn credentials(&mut self, index: usize, password: &str) -> Credentials {
        let name = self.people[index].name.clone();
        Credentials { id: self.id(index), name, password: Password::new(password.to_owned()), device: "sim".to_owned() }
    }

    /// Adds somebody and registers them.
    pub fn register(&mut self, name: &str) -> usize {
        let index = self.add(name);
        let credentials = self.credentials(index, PASSWORD);
        let reply = self.ask(index, &Request::Register(credentials));
        assert!(matches!(reply, Reply::Account(_)), "{reply:?}");
        index
    }

    /// Makes a public room.
    pub fn create(&mut self, index: usize, name: &str) -> Reply {
        let id = self.id(index);
        let create = udpchat::message::CreateRoom {
            id,
            name: name.to_owned(),
            password: None,
            visibility: Visibility::Public,
            template: udpchat::message::Template::Plain,
            changes: udpchat::message::RoomChanges::default(),
        };
        self.ask(index, &Request::CreateRoom(create))
    }

    /// Joins a room.
    pub fn join(&mut self, index: usize, name: &str) -> Reply {
        let id = self.id(index);
        self.ask(index, &Request::JoinRoom(JoinRoom { id, name: name.to_owned(), password: None }))
    }

    /// Follows a log and runs until the follow has begun.
    pub fn follow(&mut self, index: usize, log: Target, from: FollowFrom) -> Reply {
        let now = self.now;
        let tag = self.client(index).follow(now, FollowRequest { log, from });
        self.answer(index, tag)
    }

    /// Writes a message; it is sent when it can be.
    pub fn write(&mut self, index: usize, to: &str, text: &str) -> Place {
        let target = if to.starts_with('#') { Target::Room(to.to_owned()) } else { Target::User(to.to_owned()) };
        let draft = Draft {
            id: self.id(index),
            to: Recipient::new(&target),
            text: Text::parse(text).unwrap(),
            reply_to: None,
            payload: None,
        };
        let now = self.now;
        let places = self.client(index).post(now, std::slice::from_ref(&draft)).unwrap();
        self.people[index].written.push((places[0], to.to_owned(), text.to_owned()));
        self.settle();
        places[0]
    }

    /// The texts somebody has seen in a log, in order.
    pub fn texts(&self, index: usize, log: LogId) -> Vec<String> {
        let seen = self.people[index].seen.get(&log).map(Vec::as_slice).unwrap_or_default();
        seen.iter().filter_map(text_of).collect()
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

    /// Goes on to the next instant at which anything happens; `false` if that is after `deadline`, which it then is.
    fn step(&mut self, deadline: Time) -> bool {
        let mut next = self.net.next_at();
        let mut sooner = |at: Option<Time>| next = [next, at].into_iter().flatten().min();
        for person in &mut self.people {
            sooner(person.awake().and_then(Client::poll_timeout));
        }
        sooner(self.process.as_mut().and_then(Process::poll_timeout));
        let Some(next) = next.filter(|next| *next <= deadline) else {
            self.now = deadline;
            return false;
        };
        self.still_steps = if next > self.now { 0 } else { self.still_steps + 1 };
        if self.still_steps >= STILL_STEPS_MAX {
            let (now, who) = (self.now, self.impatient());
            panic!("time stands still at {now:?} for {who}");
        }
        self.now = self.now.max(next);
        self.deliver();
        let clock = self.clock();
        if let Some(process) = &mut self.process {
            process.work(clock, &mut self.disk, &mut self.dice, self.work_delay_max);
        }
        for person in &mut self.people {
            if let Some(client) = person.awake() {
                client.handle_timeout(self.now);
            }
        }
        self.settle();
        true
    }

    /// Who wants to be woken at once.
    fn impatient(&mut self) -> String {
        let now = self.now;
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let people = self.people.iter_mut().enumerate();
        let mut names: Vec<String> = people
            .filter_map(|(index, person)| {
                let client = person.awake()?;
                is_due(client.poll_timeout()).then(|| format!("client {index} {client:?}"))
            })
            .collect();
        if is_due(self.process.as_mut().and_then(Process::poll_timeout)) {
            names.push("the server".to_owned());
        }
        names.join(", ")
    }

    fn deliver(&mut self) {
        let now = self.clock();
        for mut delivery in self.net.deliver_until(self.now) {
            if delivery.to == self.server_address {
                if let Some(process) = &mut self.process {
                    let path = Path { remote: delivery.from, local: Some(delivery.to.ip()) };
                    process.server.handle_datagram(now, path, &mut delivery.bytes);
                }
            } else if let Some(person) = self.people.iter_mut().find(|person| person.listens_at(delivery.to)) {
                let from = Path { remote: delivery.from, local: None };
                person.hear(self.now, from, delivery.to, &mut delivery.bytes);
            }
        }
    }

    /// Collects events, takes jobs and puts what is to be sent on the network, without letting time pass.
    pub fn settle(&mut self) {
        let now = self.clock();
        let mut datagram = Vec::new();
        for person in &mut self.people {
            person.collect(self.now, &self.disk);
            let address = person.address;
            let Some(client) = person.awake() else { continue };
            while let Some(path) = client.poll_transmit(self.now, &mut datagram) {
                self.net.send(self.now, address, path.remote, &datagram);
            }
        }
        let Some(process) = &mut self.process else { return };
        process.server.handle_turn(now);
        loop {
            while let Some(path) = process.server.poll_transmit(now, &mut datagram) {
                self.net.send(self.now, self.server_address, path.remote, &datagram);
            }
            if !process.take_jobs(self.now, &mut self.dice, self.work_delay_max) {
                return;
            }
        }
    }
}

fn octets(address: SocketAddr) -> [u8; 4] {
    match address {
        SocketAddr::V4(address) => address.ip().octets(),
        SocketAddr::V6(_) => unreachable!("people live at IPv4 addresses"),
    }
}

//! All guests of a run over a few endpoints: lets them in, a bounded number at a time, then lets them write or just be there,
//! and counts.
//!
//! It is driven like an [`Endpoint`], one per lane: datagrams in, [`Load::handle_turn`], datagrams out. A lane is what gets a
//! socket of its own, because one socket's buffer does not hold what a whole crowd is told at once.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use super::guest::{Guest, Stage, Told, Trouble};
use super::plan::Plan;
use super::schedule::Schedule;
use super::stamp;
use super::tally::Tally;
use crate::crypto::{Dice, PublicKey, SecretKey};
use crate::message::{Refusal, Request, RequestId};
use crate::transport::{
    CLIENT_CONNECTION_COUNT_MAX, CloseCode, CloseReason, Config, ConnectionHandle, Endpoint, Event, Micros, Path, StreamId, Time,
};

/// Endpoints, each with a socket of its own.
pub const LANE_COUNT: usize = 8;

/// Most guests of one process.
pub const GUEST_COUNT_MAX: u32 = CLIENT_CONNECTION_COUNT_MAX * LANE_COUNT as u32;

/// Guests that are on their way in at a time, and questions at the end that are unanswered at a time.
const UNDER_WAY_MAX: usize = 64;

/// How long nothing may happen before the server counts as stuck, or what is missing as lost.
const STALL_TIMEOUT: Micros = Micros::from_secs(10);

/// What the guests are there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// To write to each other.
    Talk(Plan),
    /// To be there, for this long.
    Idle {
        /// How many.
        guest_count: u32,
        /// From the last one's arrival on.
        hold: Micros,
    },
}

/// How far a run is, for people who wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Guests that are in, of how many.
    ComingIn(u32, u32),
    /// Deliveries made, of how many.
    Delivering(u64, u64),
    /// Everybody is there and stays.
    Holding {
        /// For how much longer.
        left: Micros,
    },
    /// Guests that were heard of at the end, of how many.
    Calling(u32, u32),
    /// It is over.
    Finished,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How long the guests took to come in.
    pub setup: Micros,
    /// What was delivered.
    pub tally: Tally,
    /// Guests that were there to the end.
    pub present_count: u32,
    /// The first message that the server refused, and how many it did.
    pub refused: Option<(Refusal, u64)>,
}

#[derive(Debug)]
enum Phase {
    ComingIn,
    Talking(Schedule),
    Holding { until: Time },
    Calling { next: usize },
    Finished,
}

#[derive(Debug)]
struct Lane {
    endpoint: Endpoint,
    guests: BTreeMap<ConnectionHandle, usize>,
}

/// A room of the plan while its members come in.
#[derive(Debug, Default, Clone)]
struct Room {
    is_made: bool,
    inside_count: u32,
    /// Members who came before it was made.
    waiting: Vec<usize>,
}

/// A crowd of guests.
#[derive(Debug)]
pub struct Load {
    remote: SocketAddr,
    server_key: Option<PublicKey>,
    task: Task,
    /// Tells this run's names from those of others.
    run: u32,
    dice: Dice,
    lanes: Vec<Lane>,
    /// Who has begun to connect, with its connection; the lane is the index modulo [`LANE_COUNT`].
    guests: Vec<(Guest, ConnectionHandle)>,
    rooms: Vec<Room>,
    phase: Phase,
    began_at: Time,
    /// Guests on their way in, or called and not heard of.
    under_way: usize,
    ready_count: u32,
    present_count: u32,
    setup: Micros,
    moved_at: Time,
    tally: Tally,
    refused: Option<(Refusal, u64)>,
    trouble: Option<Trouble>,
    asks: VecDeque<(usize, Request)>,
}

impl Load {
    /// Guests that begin to come to `remote` at once. Without `server_key`, whatever key the server shows is believed: the
    /// guests have no secrets.
    #[must_use]
    pub fn new(task: Task, remote: SocketAddr, server_key: Option<PublicKey>, mut dice: Dice, now: Time) -> Self {
        let lane =
            |dice: &mut Dice| Lane { endpoint: Endpoint::client(Config::client(), dice.fork(), now), guests: BTreeMap::new() };
        let room_count = match &task {
            Task::Talk(plan) => plan.room_count(),
            Task::Idle { .. } => 0,
        };
        let mut load = Self {
            remote,
            server_key,
            task,
            run: dice.u32(),
            lanes: (0..LANE_COUNT).map(|_| lane(&mut dice)).collect(),
            dice,
            guests: Vec::new(),
            rooms: vec![Room::default(); room_count as usize],
            phase: Phase::ComingIn,
            began_at: now,
            under_way: 0,
            ready_count: 0,
            present_count: 0,
            setup: Micros::ZERO,
            moved_at: now,
            tally: Tally::default(),
            refused: None,
            trouble: None,
            asks: VecDeque::new(),
        };
        load.let_in(now);
        load
    }

    /// Takes one datagram that came on this lane; it is opened in place.
    pub fn handle_datagram(&mut self, now: Time, lane: usize, path: Path, datagram: &mut [u8]) {
        self.lanes[lane].endpoint.handle_datagram(now, path, datagram);
        self.handle_events(now, lane);
    }

    /// Does what is due, once a turn, after the datagrams.
    pub fn handle_turn(&mut self, now: Time) {
        for lane in 0..LANE_COUNT {
            self.lanes[lane].endpoint.handle_timeout(now);
            self.handle_events(now, lane);
        }
        if now - self.moved_at >= STALL_TIMEOUT {
            self.on_stall(now);
        }
        match &self.phase {
            Phase::ComingIn => self.let_in(now),
            Phase::Talking(_) => self.talk(now),
            Phase::Holding { until } if *until <= now => {
                self.moved_at = now;
                self.phase = Phase::Calling { next: 0 };
                self.call();
            }
            Phase::Calling { .. } => self.call(),
            Phase::Holding { .. } | Phase::Finished => {}
        }
        self.ask_all(now);
    }

    /// When [`Load::handle_turn`] is next wanted.
    pub fn poll_timeout(&mut self) -> Option<Time> {
        let own = match &self.phase {
            Phase::Talking(schedule) => schedule.deadline(),
            Phase::Holding { until } => Some(*until),
            Phase::ComingIn | Phase::Calling { .. } | Phase::Finished => None,
        };
        let stall = (!matches!(self.phase, Phase::Holding { .. })).then(|| self.moved_at + STALL_TIMEOUT);
        self.lanes.iter_mut().filter_map(|lane| lane.endpoint.poll_timeout()).chain(own).chain(stall).min()
    }

    /// Writes the next datagram of a lane into `buf` and returns where it goes.
    pub fn poll_transmit(&mut self, now: Time, lane: usize, buf: &mut Vec<u8>) -> Option<Path> {
        self.lanes[lane].endpoint.poll_transmit(now, buf)
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self, now: Time) -> Progress {
        match &self.phase {
            Phase::ComingIn => Progress::ComingIn(self.ready_count, self.guest_count()),
            Phase::Talking(_) => Progress::Delivering(self.tally.deliveries, self.expected_count()),
            Phase::Holding { until } => Progress::Holding { left: *until - now },
            Phase::Calling { .. } => Progress::Calling(self.present_count, self.ready_count),
            Phase::Finished => Progress::Finished,
        }
    }

    /// Time is up: what is missing by now counts as lost.
    pub fn stop(&mut self) {
        match &self.phase {
            Phase::ComingIn => self.give_up(Trouble::Stuck),
            _ => self.phase = Phase::Finished,
        }
    }

    /// Says goodbye for everybody.
    pub fn close(&mut self, now: Time) {
        self.phase = Phase::Finished;
        for lane in &mut self.lanes {
            lane.endpoint.close_all(now, CloseCode::Done, "");
            while lane.endpoint.poll_event().is_some() {}
        }
    }

    /// What came of it.
    ///
    /// # Errors
    /// [`Trouble`]: why the guests never got to it.
    pub fn outcome(self) -> Result<Outcome, Trouble> {
        match self.trouble {
            Some(trouble) => Err(trouble),
            None => {
                Ok(Outcome { setup: self.setup, tally: self.tally, present_count: self.present_count, refused: self.refused })
            }
        }
    }

    fn guest_count(&self) -> u32 {
        match &self.task {
            Task::Talk(plan) => plan.guest_count(),
            Task::Idle { guest_count, .. } => *guest_count,
        }
    }

    fn expected_count(&self) -> u64 {
        match &self.task {
            Task::Talk(plan) => plan.expected_count(),
            Task::Idle { .. } => 0,
        }
    }

    fn room_of(&self, index: usize) -> u32 {
        match &self.task {
            Task::Talk(plan) => index as u32 / plan.member_count(),
            Task::Idle { .. } => 0,
        }
    }

    /// Lets guests begin to connect. Only the first one does before the server's key is known.
    fn let_in(&mut self, now: Time) {
        let at_once = if self.server_key.is_some() { UNDER_WAY_MAX } else { 1 };
        while self.under_way < at_once && self.guests.len() < self.guest_count() as usize {
            let index = self.guests.len();
            let device = SecretKey::generate(&mut self.dice);
            let lane = &mut self.lanes[index % LANE_COUNT];
            let handle = lane.endpoint.connect(now, self.remote, &device, self.server_key);
            lane.guests.insert(handle, index);
            self.guests.push((Guest::new(self.room_of(index)), handle));
            self.under_way += 1;
        }
    }

    fn handle_events(&mut self, now: Time, lane: usize) {
        while let Some((handle, event)) = self.lanes[lane].endpoint.poll_event() {
            let Some(index) = self.lanes[lane].guests.get(&handle).copied() else { continue };
            match event {
                Event::ServerKey { key } => {
                    self.lanes[lane].endpoint.trust_server_key(now, handle);
                    self.server_key = Some(key);
                }
                Event::Readable(stream) => self.read(now, lane, index, stream),
                Event::Closed(reason) => self.on_closed(now, index, reason),
                Event::Connected { .. } | Event::Writable(_) | Event::Latest | Event::PathChanged(_) | Event::Silent => {}
            }
        }
    }

    fn read(&mut self, now: Time, lane: usize, index: usize, stream: StreamId) {
        let (guest, handle) = &mut self.guests[index];
        let Some(mut connection) = self.lanes[lane].endpoint.connection(*handle) else { return };
        let mut told_all = Vec::new();
        while let Some(message) = connection.recv(now, stream) {
            match guest.handle(now, &message, &mut self.tally) {
                Told::Nothing => {}
                Told::Delivered => {
                    self.moved_at = now;
                    if let Phase::Talking(schedule) = &mut self.phase {
                        schedule.on_delivered(guest.room);
                    }
                }
                told => told_all.push(told),
            }
        }
        drop(connection);
        for told in told_all {
            self.on_told(now, index, told);
        }
    }

    fn on_told(&mut self, now: Time, index: usize, told: Told) {
        self.moved_at = now;
        match told {
            Told::Nothing | Told::Delivered => {}
            Told::Greeted => {
                let request = Guest::ask_name(format!("bench-{:08x}-{index}", self.run), self.new_id());
                self.asks.push_back((index, request));
            }
            Told::Named => self.on_named(now, index),
            Told::Entered => self.on_entered(index),
            Told::CaughtUp => self.on_ready(now),
            Told::Present => {
                self.under_way -= 1;
                self.present_count += 1;
            }
            Told::PostRefused(refusal) => self.refused.get_or_insert((refusal, 0)).1 += 1,
            Told::Trouble(trouble) => self.give_up(trouble),
        }
    }

    fn on_named(&mut self, now: Time, index: usize) {
        let Task::Talk(plan) = &self.task else {
            self.guests[index].0.stage = Stage::Ready;
            self.under_way -= 1;
            return self.on_ready(now);
        };
        let is_maker = (index as u32).is_multiple_of(plan.member_count());
        let room = self.guests[index].0.room as usize;
        if is_maker || self.rooms[room].is_made {
            self.enter(index, is_maker);
        } else {
            // Its place on the way in is free again, so that a crowd that waits never keeps out the one it waits for.
            self.under_way -= 1;
            self.rooms[room].waiting.push(index);
        }
    }

    fn enter(&mut self, index: usize, is_maker: bool) {
        let id = self.new_id();
        let guest = &mut self.guests[index].0;
        let request = guest.ask_room(format!("#bench-{:08x}-{}", self.run, guest.room), id, is_maker);
        self.asks.push_back((index, request));
    }

    /// A guest is inside; when its whole room is, all of it begins to listen, so that nobody is told of the others' coming.
    fn on_entered(&mut self, index: usize) {
        self.under_way -= 1;
        let Task::Talk(plan) = &self.task else { return };
        let member_count = plan.member_count();
        let number = self.guests[index].0.room;
        let room = &mut self.rooms[number as usize];
        room.inside_count += 1;
        room.is_made = true;
        let is_whole = room.inside_count == member_count;
        for waiting in std::mem::take(&mut room.waiting) {
            self.under_way += 1;
            self.enter(waiting, false);
        }
        if is_whole {
            let first = number as usize * member_count as usize;
            for index in first..first + member_count as usize {
                let request = self.guests[index].0.ask_follow();
                self.asks.extend(request.map(|request| (index, request)));
            }
        }
    }

    fn on_ready(&mut self, now: Time) {
        self.ready_count += 1;
        if self.ready_count < self.guest_count() {
            return;
        }
        self.setup = now - self.began_at;
        self.phase = match &self.task {
            Task::Talk(plan) => Phase::Talking(Schedule::begin(*plan, now)),
            Task::Idle { hold, .. } => Phase::Holding { until: now + *hold },
        };
    }

    fn talk(&mut self, now: Time) {
        let (Phase::Talking(schedule), Task::Talk(plan)) = (&mut self.phase, &self.task) else { return };
        while let Some(turn) = schedule.next_due(now) {
            self.moved_at = now;
            self.tally.began_at.get_or_insert(now);
            let index = turn.room as usize * plan.member_count() as usize + turn.member as usize;
            let text = stamp::stamped(now, plan.text_len());
            let request = self.guests[index].0.ask_post(text, RequestId(self.dice.array()));
            self.asks.extend(request.map(|request| (index, request)));
        }
        if self.tally.deliveries >= plan.expected_count() {
            self.phase = Phase::Finished;
        }
    }

    /// Asks every guest's session for a sign of life; those that closed have none to give.
    fn call(&mut self) {
        let Phase::Calling { next } = &mut self.phase else { return };
        while self.under_way < UNDER_WAY_MAX && *next < self.guests.len() {
            if self.guests[*next].0.stage == Stage::Ready {
                self.under_way += 1;
                self.asks.push_back((*next, Request::WhoAmI));
            }
            *next += 1;
        }
        if self.under_way == 0 {
            self.phase = Phase::Finished;
        }
    }

    fn ask_all(&mut self, now: Time) {
        while let Some((index, request)) = self.asks.pop_front() {
            let message: Arc<[u8]> = request.encode(index as u32).into();
            let lane = &mut self.lanes[index % LANE_COUNT];
            // What finds no room counts as lost: the server has not taken anything from this guest for very long.
            let _ = lane.endpoint.connection(self.guests[index].1).map(|mut to| to.send(now, StreamId::Chat, &message));
        }
    }

    fn on_closed(&mut self, now: Time, index: usize, reason: CloseReason) {
        self.moved_at = now;
        self.guests[index].0.stage = Stage::Gone;
        match &self.phase {
            Phase::ComingIn => self.give_up(Trouble::Closed(reason)),
            // A guest that was called does not answer any more.
            Phase::Calling { next } if index < *next => self.under_way = self.under_way.saturating_sub(1),
            Phase::Talking(_) | Phase::Holding { .. } | Phase::Calling { .. } | Phase::Finished => {}
        }
    }

    fn on_stall(&mut self, now: Time) {
        match &self.phase {
            Phase::ComingIn if self.ready_count == 0 && self.under_way <= 1 => {
                self.give_up(Trouble::Closed(CloseReason::HandshakeTimeout));
            }
            Phase::ComingIn => self.give_up(Trouble::Stuck),
            Phase::Talking(_) | Phase::Calling { .. } => self.phase = Phase::Finished,
            Phase::Holding { .. } | Phase::Finished => {}
        }
        self.moved_at = now;
    }

    fn give_up(&mut self, trouble: Trouble) {
        self.trouble.get_or_insert(trouble);
        self.phase = Phase::Finished;
    }

    fn new_id(&mut self) -> RequestId {
        RequestId(self.dice.array())
    }
}

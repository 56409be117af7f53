//! Drives a [`Load`] over real sockets and the real clock: the one file of this room that meets them.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use thiserror::Error;

use super::super::event_loop::look_up;
use super::guest::Trouble;
use super::load::{LANE_COUNT, Load, Outcome, Progress, Task};
use crate::chaos::{Chaos, Weather};
use crate::client::HostPort;
use crate::crypto::{Dice, PublicKey};
use crate::socket::{Arrivals, Socket};
use crate::transport::{CloseReason, Path, Time};

/// Batches taken from one socket before the others have their turn.
const BATCHES_PER_TURN_MAX: usize = 8;

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Why a run came to nothing.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The guests did not get to it.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The server's name has no address.
    #[error("{0} cannot be looked up: {1}")]
    LookUp(HostPort, io::Error),
    /// A socket or the poller.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// What a run is done under.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions {
    /// How long it may take; `None` for as long as something goes on.
    pub timeout: Option<Duration>,
    /// A bad network, if one was asked for.
    pub weather: Option<Weather>,
}

/// Carries a task out against `server`. If nobody answers at its first address, the next one is tried.
///
/// # Errors
/// [`LoadError`]: why it came to nothing.
pub fn run(
    task: Task,
    server: &HostPort,
    server_key: Option<PublicKey>,
    conditions: Conditions,
    dice: &mut Dice,
    mut on_progress: impl FnMut(Progress),
) -> Result<Outcome, LoadError> {
    let remotes = look_up(server).map_err(|error| LoadError::LookUp(server.clone(), error))?;
    let mut remotes = remotes.into_iter().peekable();
    loop {
        let Some(remote) = remotes.next() else { unreachable!("a look-up finds at least one address") };
        let mut event_loop = EventLoop::open(task, remote, server_key, dice.fork())?;
        event_loop.chaos = conditions.weather.map(Chaos::new);
        event_loop.until = conditions.timeout.map(micros);
        event_loop.turn_until_finished(&mut on_progress)?;
        match event_loop.load.outcome() {
            Err(Trouble::Closed(CloseReason::HandshakeTimeout)) if remotes.peek().is_some() => {}
            outcome => return Ok(outcome?),
        }
    }
}

struct EventLoop {
    load: Load,
    poll: Poll,
    lanes: Vec<Lane>,
    started: Instant,
    /// When it is over at the latest.
    until: Option<Time>,
    datagram: Vec<u8>,
    /// The bad network between the sockets and the load, if one was asked for. A way is a lane and a path.
    chaos: Option<Chaos<(usize, Path)>>,
}

struct Lane {
    socket: Socket,
    /// The kernel takes no more for now; what is queued waits for the socket to become writable.
    blocked: bool,
}

impl EventLoop {
    fn open(task: Task, remote: SocketAddr, server_key: Option<PublicKey>, dice: Dice) -> io::Result<Self> {
        let poll = Poll::new()?;
        let open = |lane| -> io::Result<Lane> {
            let mut socket = Socket::towards(remote)?;
            poll.registry().register(&mut socket, Token(lane), Interest::READABLE | Interest::WRITABLE)?;
            Ok(Lane { socket, blocked: false })
        };
        let lanes = (0..LANE_COUNT).map(open).collect::<io::Result<_>>()?;
        let load = Load::new(task, remote, server_key, dice, Time::default());
        Ok(Self { load, poll, lanes, started: Instant::now(), until: None, datagram: Vec::new(), chaos: None })
    }

    fn turn_until_finished(&mut self, on_progress: &mut impl FnMut(Progress)) -> io::Result<()> {
        let mut events = Events::with_capacity(2 * LANE_COUNT);
        let mut told_at = self.started;
        let mut more_waits = false;
        loop {
            self.transmit()?;
            let progress = self.load.progress(self.now());
            if told_at.elapsed() >= PROGRESS_INTERVAL {
                told_at = Instant::now();
                on_progress(progress);
            }
            if progress == Progress::Finished {
                break;
            }
            if self.until.is_some_and(|until| until <= self.now()) {
                self.load.stop();
            }
            self.wait(&mut events, more_waits)?;
            more_waits = self.receive()?;
            self.load.handle_turn(self.now());
        }
        self.load.close(self.now());
        self.transmit()
    }

    fn now(&self) -> Time {
        since(self.started)
    }

    fn wait(&mut self, events: &mut Events, more_waits: bool) -> io::Result<()> {
        let now = self.now();
        let arrival = self.chaos.as_ref().and_then(Chaos::poll_timeout);
        let deadlines = [self.load.poll_timeout(), arrival, self.until].into_iter().flatten();
        let until_deadline = deadlines.map(|deadline| Duration::from_micros((deadline - now).as_micros()));
        let timeout = if more_waits { Duration::ZERO } else { until_deadline.fold(PROGRESS_INTERVAL, Duration::min) };
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => polled?,
        }
        for event in events.iter().filter(|event| event.is_writable()) {
            self.lanes[event.token().0].blocked = false;
        }
        Ok(())
    }

    /// Takes in what arrived, from each socket in turn. Whether more may wait.
    fn receive(&mut self) -> io::Result<bool> {
        let mut more_waits = false;
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            let mut batches = 0;
            loop {
                let (load, chaos) = (&mut self.load, &mut self.chaos);
                let now = since(self.started);
                let each = |remote, local, bytes: &mut [u8]| match chaos {
                    None => load.handle_datagram(now, index, Path { remote, local }, bytes),
                    Some(chaos) => chaos.incoming.push(now, (index, Path { remote, local }), bytes),
                };
                if lane.socket.receive(each)? == Arrivals::All {
                    break;
                }
                batches += 1;
                if batches >= BATCHES_PER_TURN_MAX {
                    more_waits = true;
                    break;
                }
            }
        }
        let now = self.now();
        while let Some(((lane, path), mut bytes)) = self.chaos.as_mut().and_then(|chaos| chaos.incoming.poll(now)) {
            self.load.handle_datagram(now, lane, path, &mut bytes);
        }
        Ok(more_waits)
    }

    fn transmit(&mut self) -> io::Result<()> {
        let now = self.now();
        if let Some(chaos) = &mut self.chaos {
            for lane in 0..LANE_COUNT {
                while let Some(path) = self.load.poll_transmit(now, lane, &mut self.datagram) {
                    chaos.outgoing.push(now, (lane, path), &self.datagram);
                }
            }
            while let Some(((lane, path), bytes)) = chaos.outgoing.poll(now) {
                self.lanes[lane].send(path, &bytes)?;
            }
        }
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            // A batch that the kernel did not take before goes first.
            lane.flush()?;
            while !lane.blocked {
                let Some(path) = self.load.poll_transmit(now, index, &mut self.datagram) else { break };
                lane.send(path, &self.datagram)?;
            }
            lane.flush()?;
        }
        Ok(())
    }
}

impl Lane {
    /// Queues a datagram; a full batch leaves. Without room the datagram is lost, as any may be on its way.
    fn send(&mut self, path: Path, datagram: &[u8]) -> io::Result<()> {
        if !self.socket.is_full() {
            self.socket.queue(path.remote, path.local, datagram);
        }
        if self.socket.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.blocked = self.blocked || !self.socket.flush()?;
        Ok(())
    }
}

fn since(started: Instant) -> Time {
    micros(started.elapsed())
}

/// The instant so long after the start.
fn micros(since: Duration) -> Time {
    Time::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

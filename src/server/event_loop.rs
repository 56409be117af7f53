//! Where the server meets sockets, clocks and threads: the one loop around the [`Server`] state machine.
//!
//! A turn takes in what arrived, hands in what the workers finished, lets due timers fire, hands out new jobs and sends what
//! there is to send. All datagrams of a turn are taken in before any timer fires, so that an acknowledgement that is already
//! here is never too late.

use super::config::{Config, DEFAULT_PORT};
use super::ledger::Ledger;
use super::server::{Now, Server, ServerConfig};
use super::workers::Workers;
use crate::chaos::Chaos;
use crate::crypto::{Dice, KeyFileError, PublicKey, ServerSecrets};
use crate::message::Code;
use crate::socket::{Arrivals, LeaveFrom, Socket};
use crate::store::StoreError;
use crate::transport::{Path, Time, Tracing, trace_lines};
use mio::{Events, Interest, Poll, Token, Waker};
use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use thiserror::Error;

/// Batches of datagrams taken from one socket before the loop looks after everything else.
const BATCHES_PER_TURN_MAX: usize = 8;

/// How long after a turn began the next may begin, unless more datagrams wait than a turn takes in. Under load what arrives
/// meanwhile shares a turn, its system calls and its packets; after a pause nothing waits.
const TURN_INTERVAL_MIN: Duration = Duration::from_micros(400);

/// How long a server that was told to stop waits for the ledger and for its goodbyes to leave.
const SHUT_DOWN_TIMEOUT: Duration = Duration::from_secs(5);

const WAKE: Token = Token(usize::MAX);
const SIGNAL: Token = Token(usize::MAX - 1);

/// Why the server does not run, in words for the operator.
#[derive(Debug, Error)]
pub enum RunError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; is another server running there? choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Two addresses of one family overlap, so that an answer would not know its way out.
    #[error("cannot listen on both {0} and {1}: name each address of a machine once, or all of them by 0.0.0.0 or [::]")]
    Overlap(SocketAddr, SocketAddr),
    /// The data directory or the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key files.
    #[error(transparent)]
    Identity(#[from] KeyFileError),
    /// A thread panicked, which is a defect of the server's.
    #[error("a thread of the server broke, which is a defect of udpchat; what it was doing stands above")]
    ThreadBroke,
    /// Entropy, the poller, threads or signals.
    #[error("the system does not give what a server needs: {0}")]
    System(#[from] io::Error),
}

/// What a started server tells the operator.
#[derive(Debug, Clone)]
pub struct Started {
    /// The addresses it listens on, with their real ports.
    pub addresses: Vec<SocketAddr>,
    /// Its public key.
    pub key: PublicKey,
    /// The code that makes its user the server's admin, if it was made just now.
    pub claim: Option<Code>,
}

/// Runs the server in `directory` until a signal ends it. What happens inside connections is written to `trace`, a line of
/// JSON each. `on_started` is called once, when it accepts.
///
/// # Errors
/// [`RunError`]: why it did not start, or that the disk failed while it ran.
pub fn run(
    config: &Config,
    directory: &std::path::Path,
    trace: Option<File>,
    on_started: impl FnOnce(&Started),
) -> Result<(), RunError> {
    let mut dice = Dice::from_os()?;
    let mut ledger = Ledger::open(directory)?;
    let claim = Code::new(dice.array());
    let claim = ledger.offer_claim(&claim.hash(), config.new_claim)?.then_some(claim);
    let secrets = ServerSecrets::open(directory, &mut dice)?;
    let key = secrets.identity.public();
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
    let signals = Signals::register(&poll)?;
    let sockets = listen(&config.listen)?;
    let addresses = sockets.iter().map(Socket::local_addr).collect();
    let workers = Workers::start(ledger, directory, config, &wake(&waker))?;
    let clock = Clock { started_at: Instant::now() };
    let server_config = ServerConfig {
        endpoint: config.transport(if trace.is_some() { Tracing::On } else { Tracing::Off }),
        guests: config.guests,
        guest_days: config.limits.guest_days,
        registration: config.registration,
        follows_per_session_max: config.limits.follows_per_session_max as usize,
        allowances: config.limits.allowances(),
        files: config.files(),
    };
    let server = Server::new(server_config, secrets, dice, clock.now());
    let chaos = config.chaos.map(|weather| {
        tracing::warn!("every datagram meets chaos, both ways: {weather}");
        Chaos::new(weather)
    });
    let mut running =
        EventLoop { poll, sockets, workers, clock, server, signals, writable: true, datagram: Vec::new(), trace, chaos };
    running.register()?;
    on_started(&Started { addresses, key, claim });
    running.turn_until_signalled()
}

struct EventLoop {
    poll: Poll,
    sockets: Vec<Socket>,
    workers: Workers,
    clock: Clock,
    server: Server,
    signals: Signals,
    /// Whether the kernel takes datagrams; otherwise the loop waits for it.
    writable: bool,
    datagram: Vec<u8>,
    trace: Option<File>,
    /// The bad network between the sockets and the server, if one was asked for.
    chaos: Option<Chaos<Path>>,
}

impl EventLoop {
    fn register(&mut self) -> io::Result<()> {
        for (index, socket) in self.sockets.iter_mut().enumerate() {
            self.poll.registry().register(socket, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        }
        Ok(())
    }

    fn turn_until_signalled(&mut self) -> Result<(), RunError> {
        let mut events = Events::with_capacity(64);
        let mut more_waits = false;
        let mut turned_at: Option<Instant> = None;
        while !self.signals.arrived {
            let timeout = if more_waits { Some(Duration::ZERO) } else { self.until_deadline() };
            self.wait(&mut events, timeout)?;
            let rest = turned_at.map_or(Duration::ZERO, |at| TURN_INTERVAL_MIN.saturating_sub(at.elapsed()));
            if !more_waits && !rest.is_zero() {
                std::thread::sleep(rest);
            }
            turned_at = Some(Instant::now());
            more_waits = self.receive();
            self.turn()?;
            self.write_trace();
        }
        self.shut_down(&mut events)
    }

    /// How long the loop may sleep; for ever if nothing is due.
    fn until_deadline(&mut self) -> Option<Duration> {
        let arrival = self.chaos.as_ref().and_then(Chaos::poll_timeout);
        let deadline = self.server.poll_timeout().into_iter().chain(arrival).min()?;
        Some(Duration::from_micros((deadline - self.clock.now().at).as_micros()))
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<(), RunError> {
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => polled?,
        }
        for event in events.iter() {
            match event.token() {
                WAKE => {}
                SIGNAL => self.signals.take(),
                _ => self.writable |= event.is_writable(),
            }
        }
        Ok(())
    }

    /// Writes down what happened in this turn. A trace that cannot be written ends, and the server goes on.
    fn write_trace(&mut self) {
        let Some(file) = &mut self.trace else { return };
        let lines = trace_lines(self.clock.now().at, || self.server.poll_trace());
        if let Err(error) = file.write_all(lines.as_bytes()) {
            tracing::warn!(%error, "the trace ends");
            self.trace = None;
        }
    }

    /// Takes in what arrived, from each socket in turn. Whether more may wait.
    fn receive(&mut self) -> bool {
        let now = self.clock.now();
        let mut more_waits = false;
        for socket in &mut self.sockets {
            let mut batches = 0;
            loop {
                let (server, chaos) = (&mut self.server, &mut self.chaos);
                let each = |remote, local, bytes: &mut [u8]| match chaos {
                    None => server.handle_datagram(now, Path { remote, local }, bytes),
                    Some(chaos) => chaos.incoming.push(now.at, Path { remote, local }, bytes),
                };
                match socket.receive(each) {
                    Ok(Arrivals::All) => break,
                    Ok(Arrivals::Batch) => batches += 1,
                    Err(error) => {
                        tracing::warn!(%error, "receiving failed");
                        break;
                    }
                }
                if batches >= BATCHES_PER_TURN_MAX {
                    more_waits = true;
                    break;
                }
            }
        }
        while let Some((path, mut bytes)) = self.chaos.as_mut().and_then(|chaos| chaos.incoming.poll(now.at)) {
            self.server.handle_datagram(now, path, &mut bytes);
        }
        more_waits
    }

    fn turn(&mut self) -> Result<(), RunError> {
        if self.workers.is_broken() {
            return Err(RunError::ThreadBroke);
        }
        let now = self.clock.now();
        while let Some(done) = self.workers.poll_done()? {
            self.server.handle_done(now, done);
        }
        self.server.handle_turn(now);
        loop {
            while let Some(job) = self.server.poll_job() {
                if let Some(done) = self.workers.submit(job) {
                    self.server.handle_done(now, done);
                }
            }
            self.workers.submit_waiting();
            self.transmit(now)?;
            // A stream that drained while it was sent may want its next page.
            if !self.server.has_jobs() {
                return Ok(());
            }
        }
    }

    fn transmit(&mut self, now: Now) -> Result<(), RunError> {
        // What one socket still holds keeps the others waiting too: they share the server's turn.
        self.flush()?;
        while self.writable {
            let Some(path) = self.poll_transmit(now) else { break };
            let index = socket_for(&self.sockets, &path);
            let socket = &mut self.sockets[index];
            socket.queue(path.remote, path.local, &self.datagram);
            if socket.is_full() {
                self.writable = socket.flush()?;
            }
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), RunError> {
        for socket in &mut self.sockets {
            self.writable = self.writable && socket.flush()?;
        }
        Ok(())
    }

    /// Writes the next datagram for the sockets to `self.datagram`; where it goes.
    fn poll_transmit(&mut self, now: Now) -> Option<Path> {
        let Some(chaos) = &mut self.chaos else { return self.server.poll_transmit(now, &mut self.datagram) };
        chaos.outgoing.carry(now.at, &mut self.datagram, |datagram| self.server.poll_transmit(now, datagram))
    }

    /// Lets the ledger finish and tells its outcomes, says goodbye to everyone, closes the database.
    fn shut_down(&mut self, events: &mut Events) -> Result<(), RunError> {
        let give_up_at = Instant::now() + SHUT_DOWN_TIMEOUT;
        while self.server.is_committing() && Instant::now() < give_up_at {
            self.wait(events, Some(Duration::from_millis(50)))?;
            self.turn()?;
        }
        let now = self.clock.now();
        self.server.shut_down(now);
        self.transmit(now)?;
        while !self.writable && Instant::now() < give_up_at {
            self.wait(events, Some(Duration::from_millis(50)))?;
            self.transmit(self.clock.now())?;
        }
        self.write_trace();
        let (counters, holds, allowances) = (self.server.counters(), self.server.holds(), self.server.allowance_counters());
        tracing::info!(?counters, ?holds, ?allowances, "stopped");
        self.workers.finish();
        Ok(())
    }
}

/// The two clocks.
struct Clock {
    started_at: Instant,
}

impl Clock {
    fn now(&self) -> Now {
        let since = self.started_at.elapsed();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            at: Time::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX)),
            wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// SIGINT and SIGTERM as something the poller sees.
struct Signals {
    stream: mio::net::UnixStream,
    arrived: bool,
}

impl Signals {
    fn register(poll: &Poll) -> io::Result<Self> {
        let (mut stream, sender) = mio::net::UnixStream::pair()?;
        let sender = std::os::fd::OwnedFd::from(sender);
        let sender = std::os::unix::net::UnixStream::from(sender);
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
        }
        poll.registry().register(&mut stream, SIGNAL, Interest::READABLE)?;
        Ok(Self { stream, arrived: false })
    }

    fn take(&mut self) {
        let mut bytes = [0; 16];
        while matches!(io::Read::read(&mut self.stream, &mut bytes), Ok(len) if len > 0) {
            self.arrived = true;
        }
    }
}

fn wake(waker: &Arc<Waker>) -> impl Fn() + Clone + Send + Sync + 'static {
    let waker = Arc::clone(waker);
    move || {
        if let Err(error) = waker.wake() {
            tracing::error!(%error, "the loop cannot be woken");
        }
    }
}

/// Opens the sockets: those asked for, or all addresses of the machine on the usual port.
fn listen(wished: &[SocketAddr]) -> Result<Vec<Socket>, RunError> {
    for (index, one) in wished.iter().enumerate() {
        let overlaps = |other: &&SocketAddr| {
            // [::] takes IPv4 too.
            let all_of_v6 = |address: &SocketAddr| address.is_ipv6() && address.ip().is_unspecified();
            let same_family = one.is_ipv4() == other.is_ipv4() || all_of_v6(one) || all_of_v6(other);
            same_family && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
        };
        if let Some(other) = wished.iter().skip(index + 1).find(overlaps) {
            return Err(RunError::Overlap(*one, *other));
        }
    }
    if !wished.is_empty() {
        return wished.iter().map(|address| bind(*address)).collect();
    }
    // One socket for both families where the machine has IPv6, else one for IPv4.
    let both = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), DEFAULT_PORT);
    let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), DEFAULT_PORT);
    match Socket::bind(both, LeaveFrom::AskedAt) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => bind(v4).map(|socket| vec![socket]),
        bound => bound.map(|socket| vec![socket]).map_err(|source| RunError::Listen { address: both, source }),
    }
}

fn bind(address: SocketAddr) -> Result<Socket, RunError> {
    Socket::bind(address, LeaveFrom::AskedAt).map_err(|source| RunError::Listen { address, source })
}

/// The socket that a datagram leaves by: the one bound to the address it must leave from, else the one for all addresses.
fn socket_for(sockets: &[Socket], path: &Path) -> usize {
    let fits = |socket: &Socket| {
        let bound = socket.local_addr();
        match path.local {
            Some(local) if bound.ip() == local => 2,
            _ if bound.is_ipv4() == path.remote.is_ipv4() => 1,
            _ => 0,
        }
    };
    (0..sockets.len()).max_by_key(|index| fits(&sockets[*index])).unwrap_or(0)
}

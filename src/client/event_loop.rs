//! Drives a [`Client`] over real sockets and the real clock: the one file of the client that meets them.
//!
//! One call of [`EventLoop::turn`] goes round until there is something to tell: send what waits, sleep until a datagram, a
//! deadline or a wake-up, take it in. A broken socket is replaced; a machine that slept is noticed by its clocks.

use std::fs::File;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::{Events, Interest, Poll, Token};
use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::client::Client;
use super::config::ClientConfig;
use super::event::ClientEvent;
use super::url::HostPort;
use crate::chaos::{Chaos, Weather};
use crate::crypto::Dice;
use crate::socket::{Arrivals, Socket};
use crate::transport::{Path, Time, trace_lines};

const WAKER: Token = Token(0);
const SOCKET_V4: Token = Token(1);
const SOCKET_V6: Token = Token(2);
const SIGNAL: Token = Token(3);

/// The clock of the wall is ahead of the one that stands still in sleep by more than this: the machine slept.
const SLEPT_AFTER: Duration = Duration::from_secs(5);

/// From this many failures in a row on, the server's name is looked up anew before the next try.
const LOOK_UP_AFTER: u32 = 3;

/// Why a turn ended.
#[derive(Debug)]
pub enum Turn {
    /// The client has something to tell.
    Event(Box<ClientEvent>),
    /// Another thread called the waker.
    Woken,
    /// The program is asked to end, by this signal.
    Signal(i32),
    /// The time that the caller gave is over.
    TimedOut,
}

/// Ends a turn from another thread.
#[derive(Debug, Clone)]
pub struct Waker(Arc<mio::Waker>);

impl Waker {
    /// The current turn, or the next one, ends with [`Turn::Woken`].
    pub fn wake(&self) {
        // It fails only when the event loop is gone, and then nobody is to be woken.
        let _ = self.0.wake();
    }
}

/// A client with its sockets and its clock.
#[derive(Debug)]
pub struct EventLoop {
    client: Client,
    server: HostPort,
    look_up_failure: Option<io::Error>,
    poll: Poll,
    ready: Events,
    waker: Arc<mio::Waker>,
    woken: bool,
    signals: Option<Signals>,
    v4: Line,
    v6: Line,
    started: Instant,
    clocks: (Instant, SystemTime),
    trace: Option<File>,
    /// The bad network between the sockets and the client, if one was asked for.
    chaos: Option<Chaos<Path>>,
}

/// A socket of one address family, opened when it is first needed.
#[derive(Debug)]
struct Line {
    token: Token,
    socket: Option<Socket>,
    /// The socket before; its last answers may be under way.
    before: Option<Socket>,
    /// The kernel takes no more for now; what is queued waits for the socket to become writable.
    blocked: bool,
}

impl EventLoop {
    /// Looks the server's name up and begins to connect to it. A name that cannot be looked up now is looked up again later.
    ///
    /// # Errors
    /// If the system gives no means to wait for events.
    pub fn start(server: HostPort, dice: Dice, config: impl FnOnce(Vec<SocketAddr>) -> ClientConfig) -> io::Result<Self> {
        let (remotes, look_up_failure) = match look_up(&server) {
            Ok(remotes) => (remotes, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), WAKER)?);
        let started = Instant::now();
        Ok(Self {
            client: Client::new(config(remotes), dice, Time::default()),
            server,
            look_up_failure,
            poll,
            ready: Events::with_capacity(8),
            waker,
            woken: false,
            signals: None,
            v4: Line { token: SOCKET_V4, socket: None, before: None, blocked: false },
            v6: Line { token: SOCKET_V6, socket: None, before: None, blocked: false },
            started,
            clocks: (started, SystemTime::now()),
            trace: None,
            chaos: None,
        })
    }

    /// Writes what happens inside connections to `file`, a line of JSON each, if the transport's settings ask for it.
    pub fn trace_to(&mut self, file: File) {
        self.trace = Some(file);
    }

    fn write_trace(&mut self) {
        let at = self.now();
        let Some(file) = &mut self.trace else { return };
        let lines = trace_lines(at, || self.client.poll_trace());
        if file.write_all(lines.as_bytes()).is_err() {
            self.trace = None;
        }
    }

    /// From now on every datagram meets this weather, both ways.
    pub fn meet(&mut self, weather: Weather) {
        self.chaos = Some(Chaos::new(weather));
    }

    /// The client, and what time it is for it.
    pub fn client(&mut self) -> (&mut Client, Time) {
        let now = self.now();
        (&mut self.client, now)
    }

    /// Why the server's name could not be looked up, if that is so.
    #[must_use]
    pub fn look_up_failure(&self) -> Option<&io::Error> {
        self.look_up_failure.as_ref()
    }

    /// Milliseconds since 1970 (UTC).
    #[must_use]
    pub fn time_ms() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Ends the current or next turn from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.waker))
    }

    /// From now on SIGINT and SIGTERM end turns, so that there is time to say goodbye.
    ///
    /// # Errors
    /// If the system does not tell of signals.
    pub fn heed_signals(&mut self) -> io::Result<()> {
        self.signals = Some(Signals::register(&self.poll)?);
        Ok(())
    }

    /// Goes on until there is something to tell, at most until `until`.
    ///
    /// # Errors
    /// If the system cannot wait for events.
    pub fn turn(&mut self, until: Option<Instant>) -> io::Result<Turn> {
        loop {
            self.transmit();
            self.write_trace();
            if let Some(signal) = self.signals.as_ref().and_then(Signals::arrived) {
                return Ok(Turn::Signal(signal));
            }
            if let Some(event) = self.client.poll_event() {
                self.look_up_again(&event);
                if matches!(event, ClientEvent::Offline { .. }) {
                    // A socket through which nobody was reached may be bound to an address of yesterday.
                    self.v4.retire();
                    self.v6.retire();
                }
                return Ok(Turn::Event(Box::new(event)));
            }
            if std::mem::take(&mut self.woken) {
                return Ok(Turn::Woken);
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Ok(Turn::TimedOut);
            }
            self.sleep(until)?;
            self.notice_sleep();
            self.receive();
            let now = self.now();
            if self.client.poll_timeout().is_some_and(|deadline| deadline <= now) {
                self.client.handle_timeout(now);
            }
        }
    }

    /// Says goodbye to the server.
    pub fn close(&mut self) {
        let now = self.now();
        self.client.close(now);
        self.transmit();
        self.write_trace();
    }

    fn now(&self) -> Time {
        Time::from_micros(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn sleep(&mut self, until: Option<Instant>) -> io::Result<()> {
        let now = self.now();
        let arrival = self.chaos.as_ref().and_then(Chaos::poll_timeout);
        let deadline = self.client.poll_timeout().into_iter().chain(arrival).min();
        let own = deadline.map(|deadline| Duration::from_micros((deadline - now).as_micros()));
        let asked = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = [own, asked].into_iter().flatten().min();
        match self.poll.poll(&mut self.ready, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => polled?,
        }
        for event in &self.ready {
            match event.token() {
                WAKER => self.woken = true,
                // The turn looks for it.
                SIGNAL => {}
                token if token == self.v4.token => self.v4.blocked = false,
                _ => self.v6.blocked = false,
            }
        }
        Ok(())
    }

    /// A sleeping machine's steady clock stands still while the one on the wall goes on.
    fn notice_sleep(&mut self) {
        let clocks = (Instant::now(), SystemTime::now());
        let steady = clocks.0.saturating_duration_since(self.clocks.0);
        let on_wall = clocks.1.duration_since(self.clocks.1).unwrap_or_default();
        self.clocks = clocks;
        if on_wall > steady.saturating_add(SLEPT_AFTER) {
            self.change_sockets();
        }
    }

    /// Speaks through new sockets from now on, which are opened when they are needed, and listens to the old ones until
    /// something comes through the new.
    fn change_sockets(&mut self) {
        for line in [&mut self.v4, &mut self.v6] {
            line.retire();
        }
        let now = self.now();
        self.client.on_local_path_changed(now);
    }

    fn receive(&mut self) {
        let now = self.now();
        let mut broken = false;
        for line in [&mut self.v4, &mut self.v6] {
            let (client, chaos) = (&mut self.client, &mut self.chaos);
            if line.before.as_mut().is_some_and(|before| take_in(before, now, client, chaos).is_err()) {
                line.before = None;
            }
            let heard_count = client.heard_count();
            let Some(socket) = &mut line.socket else { continue };
            if take_in(socket, now, client, chaos).is_err() {
                line.socket = None;
                broken = true;
            }
            if client.heard_count() > heard_count {
                line.before = None;
            }
        }
        if broken {
            self.client.on_local_path_changed(now);
        }
        while let Some((path, mut datagram)) = self.chaos.as_mut().and_then(|chaos| chaos.incoming.poll(now)) {
            self.client.handle_datagram(now, path, &mut datagram);
        }
    }

    fn transmit(&mut self) {
        if self.client.take_socket_wish() {
            self.change_sockets();
        }
        let now = self.now();
        let mut datagram = Vec::new();
        let mut broken = false;
        loop {
            broken |= self.v4.flush() | self.v6.flush();
            // What the kernel does not take now stays with the client.
            if self.v4.blocked || self.v6.blocked {
                break;
            }
            let Some(path) = self.poll_transmit(now, &mut datagram) else { break };
            let line = if path.remote.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
            line.queue(&self.poll, path, &datagram);
        }
        if broken {
            self.client.on_local_path_changed(now);
        }
    }

    /// Writes the next datagram for the sockets; where it goes.
    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Path> {
        let Some(chaos) = &mut self.chaos else { return self.client.poll_transmit(now, datagram) };
        chaos.outgoing.carry(now, datagram, |datagram| self.client.poll_transmit(now, datagram))
    }

    fn look_up_again(&mut self, event: &ClientEvent) {
        let ClientEvent::Offline { failure_count, .. } = event else { return };
        let look_up_after = if self.look_up_failure.is_some() { 2 } else { LOOK_UP_AFTER };
        if *failure_count < look_up_after {
            return;
        }
        match look_up(&self.server) {
            Ok(remotes) => {
                self.look_up_failure = None;
                self.client.set_remotes(remotes);
            }
            Err(error) => self.look_up_failure = Some(error),
        }
    }
}

/// SIGINT and SIGTERM as something that ends the poller's sleep, as long as this lives.
#[derive(Debug)]
struct Signals {
    /// The last one that came; 0: none.
    last: Arc<AtomicUsize>,
    /// What becomes readable with it.
    _stream: mio::net::UnixStream,
    registered: Vec<SigId>,
}

impl Signals {
    fn register(poll: &Poll) -> io::Result<Self> {
        let (mut stream, sender) = mio::net::UnixStream::pair()?;
        poll.registry().register(&mut stream, SIGNAL, Interest::READABLE)?;
        let sender = std::os::unix::net::UnixStream::from(std::os::fd::OwnedFd::from(sender));
        let mut signals = Self { last: Arc::default(), _stream: stream, registered: Vec::new() };
        for signal in [SIGINT, SIGTERM] {
            let number = usize::try_from(signal).unwrap_or_default();
            // First which one it is, then the end of the sleep.
            signals.registered.push(signal_hook::flag::register_usize(signal, Arc::clone(&signals.last), number)?);
            signals.registered.push(signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?);
        }
        Ok(signals)
    }

    fn arrived(&self) -> Option<i32> {
        i32::try_from(self.last.load(Ordering::SeqCst)).ok().filter(|signal| *signal != 0)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

/// The addresses of a host, in the system's order of preference; at least one.
pub(super) fn look_up(server: &HostPort) -> io::Result<Vec<SocketAddr>> {
    let remotes: Vec<SocketAddr> = (server.host(), server.port()).to_socket_addrs()?.collect();
    if remotes.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
    }
    Ok(remotes)
}

/// Hands everything that has arrived to the client, through the bad network if there is one.
fn take_in(socket: &mut Socket, now: Time, client: &mut Client, chaos: &mut Option<Chaos<Path>>) -> io::Result<()> {
    loop {
        let each = |remote, local, datagram: &mut [u8]| match chaos {
            None => client.handle_datagram(now, Path { remote, local }, datagram),
            Some(chaos) => chaos.incoming.push(now, Path { remote, local }, datagram),
        };
        if socket.receive(each)? == Arrivals::All {
            return Ok(());
        }
    }
}

impl Line {
    /// The socket is only listened to from now on.
    fn retire(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.before = Some(socket);
        }
    }

    /// Without a socket the datagram is lost, as any may be on its way; it is sent again.
    fn queue(&mut self, poll: &Poll, path: Path, datagram: &[u8]) {
        if self.socket.is_none() {
            let opened = Socket::towards(path.remote).and_then(|mut socket| {
                poll.registry().register(&mut socket, self.token, Interest::READABLE | Interest::WRITABLE)?;
                Ok(socket)
            });
            self.socket = opened.ok();
            self.blocked = false;
        }
        if let Some(socket) = &mut self.socket {
            socket.queue(path.remote, path.local, datagram);
            if socket.is_full() {
                self.flush();
            }
        }
    }

    /// Returns whether the socket broke and was given up.
    fn flush(&mut self) -> bool {
        let Some(socket) = &mut self.socket else { return false };
        if self.blocked {
            return false;
        }
        let Ok(all) = socket.flush() else {
            self.socket = None;
            return true;
        };
        self.blocked = !all;
        false
    }
}

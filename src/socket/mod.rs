//! The UDP socket: batches of datagrams in and out, each with the address at the far end and the one at ours.
//!
//! A leaf room with a door to the outside: it knows nothing of the protocol. On Linux a batch is one system call
//! (`batched.rs`); elsewhere it is one call a datagram (`plain.rs`) behind the same interface. Sockets are non-blocking and
//! made for mio's edge-triggered readiness: receive until [`Arrivals::All`].

#[cfg(target_os = "linux")]
mod batched;
#[cfg(any(not(target_os = "linux"), test))]
mod plain;

#[cfg(target_os = "linux")]
use batched::Batches;
#[cfg(not(target_os = "linux"))]
use plain::Batches;

use mio::net::UdpSocket;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest datagram that is received whole; a longer one is cut and dies at its checksum.
pub const DATAGRAM_LEN_MAX: usize = 2_048;

/// Most datagrams that a call takes in or puts out.
const BATCH_MAX: usize = 64;

/// Asked of the kernel for each direction, in bytes; the kernel may grant less. A burst of a thousand followers fits.
const KERNEL_BUFFER_LEN: usize = 4 << 20;

/// Which of this machine's addresses datagrams leave from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveFrom {
    /// The address they were asked at: for servers, also when bound to all addresses.
    AskedAt,
    /// Whatever the system picks for the way: for clients, whose addresses come and go.
    Any,
}

/// What of the datagrams that waited a call has taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// All of them: the poller tells when more come, so that nobody has to ask in vain.
    All,
    /// A batch; more may wait.
    Batch,
}

/// A non-blocking UDP socket.
#[derive(Debug)]
pub struct Socket {
    io: UdpSocket,
    local: SocketAddr,
    batches: Batches,
}

impl Socket {
    /// Opens a socket on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// What the system says: the port in use, the address not ours, a privileged port.
    pub fn bind(address: SocketAddr, leave_from: LeaveFrom) -> io::Result<Self> {
        let io = UdpSocket::bind(address)?;
        let batches = Batches::new(&io, address.is_ipv6(), leave_from)?;
        Ok(Self { local: io.local_addr()?, io, batches })
    }

    /// Opens a client's socket for talking to `remote`: any address of the same family, a free port.
    ///
    /// # Errors
    /// What the system says.
    pub fn towards(remote: SocketAddr) -> io::Result<Self> {
        let any = if remote.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { IpAddr::from(Ipv6Addr::UNSPECIFIED) };
        Self::bind(SocketAddr::new(any, 0), LeaveFrom::Any)
    }

    /// The address and port the socket is bound to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Receives at most one batch and hands out each datagram with its sender and the address it was sent to.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::WouldBlock`] is not an error but [`Arrivals::All`].
    pub fn receive(&mut self, each: impl FnMut(SocketAddr, Option<IpAddr>, &mut [u8])) -> io::Result<Arrivals> {
        match self.batches.receive(&self.io, each) {
            Ok(count) if count < BATCH_MAX => Ok(Arrivals::All),
            Ok(_) => Ok(Arrivals::Batch),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Arrivals::All),
            Err(error) if is_about_one_datagram(&error) => Ok(Arrivals::Batch),
            Err(error) => Err(error),
        }
    }

    /// Puts a datagram into the outgoing batch.
    ///
    /// # Panics
    /// If the batch [`is_full`](Self::is_full).
    pub fn queue(&mut self, remote: SocketAddr, local: Option<IpAddr>, datagram: &[u8]) {
        assert!(!self.is_full(), "a full batch is flushed before more is queued");
        self.batches.queue(remote, local, datagram);
    }

    /// Whether the outgoing batch must be flushed before more is queued.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.batches.queued_count() == BATCH_MAX
    }

    /// Sends the outgoing batch. Returns whether all of it left; `false` means that the kernel's buffer is full and the rest
    /// waits for the socket to become writable. A datagram that the network refuses is dropped, as any may be on its way.
    ///
    /// # Errors
    /// When the socket itself is broken.
    pub fn flush(&mut self) -> io::Result<bool> {
        while self.batches.queued_count() > 0 {
            match self.batches.send(&self.io) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if matches!(error.raw_os_error(), Some(nix::libc::EBADF | nix::libc::ENOTSOCK)) => return Err(error),
                Err(_) => self.batches.drop_first(),
            }
        }
        Ok(true)
    }
}

/// Errors that say something of one datagram's way or size and nothing of the socket.
fn is_about_one_datagram(error: &io::Error) -> bool {
    use nix::libc;
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNREFUSED
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::ENETDOWN
                | libc::EHOSTDOWN
                | libc::EADDRNOTAVAIL
                | libc::EPERM
                | libc::EACCES
                | libc::EINVAL
                | libc::EMSGSIZE
                | libc::ENOBUFS
        )
    )
}

impl mio::event::Source for Socket {
    fn register(&mut self, registry: &mio::Registry, token: mio::Token, interests: mio::Interest) -> io::Result<()> {
        self.io.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &mio::Registry, token: mio::Token, interests: mio::Interest) -> io::Result<()> {
        self.io.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &mio::Registry) -> io::Result<()> {
        self.io.deregister(registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn receive_all(socket: &mut Socket, count: usize) -> Vec<(SocketAddr, Option<IpAddr>, Vec<u8>)> {
        let mut seen = Vec::new();
        let give_up_at = Instant::now() + Duration::from_secs(20);
        while seen.len() < count && Instant::now() < give_up_at {
            socket.receive(|from, to, bytes| seen.push((from, to, bytes.to_vec()))).unwrap();
        }
        seen
    }

    fn exchange(server_address: &str, client_address: &str) {
        let mut server = Socket::bind(server_address.parse().unwrap(), LeaveFrom::AskedAt).unwrap();
        let mut client = Socket::bind(client_address.parse().unwrap(), LeaveFrom::Any).unwrap();
        let port = server.local_addr().port();
        let asked: IpAddr = if client_address.starts_with('[') { "::1".parse().unwrap() } else { "127.0.0.7".parse().unwrap() };
        for n in 0..150_u8 {
            if client.is_full() {
                assert!(client.flush().unwrap());
            }
            client.queue(SocketAddr::new(asked, port), None, &[n; 100]);
        }
        assert!(client.flush().unwrap());
        let seen = receive_all(&mut server, 150);
        assert_eq!(seen.len(), 150);
        for (n, (_, _, bytes)) in (0..).zip(&seen) {
            assert_eq!(bytes, &[n; 100]);
        }
        let (from, to, _) = seen[0];
        assert_eq!(to, Some(asked));
        for n in 0..3_u8 {
            server.queue(from, to, &[n]);
        }
        assert!(server.flush().unwrap());
        for (n, (from, _, bytes)) in (0..).zip(receive_all(&mut client, 3)) {
            assert_eq!((from.ip(), from.port(), bytes), (asked, port, vec![n]));
        }
        assert_eq!(client.receive(|_, _, _| panic!("nothing waits")).unwrap(), Arrivals::All);
    }

    #[test]
    fn a_wildcard_socket_answers_from_the_address_it_was_asked_at() {
        exchange("0.0.0.0:0", "127.0.0.1:0");
    }

    #[test]
    fn an_ipv6_socket_does_too() {
        if std::net::UdpSocket::bind("[::1]:0").is_ok() {
            exchange("[::]:0", "[::1]:0");
        }
    }

    #[test]
    fn a_call_says_whether_more_may_wait() {
        let mut socket = Socket::bind("127.0.0.1:0".parse().unwrap(), LeaveFrom::Any).unwrap();
        let own = socket.local_addr();
        for _ in 0..2 {
            (0..BATCH_MAX).for_each(|_| socket.queue(own, None, b"full"));
            assert!(socket.flush().unwrap());
        }
        socket.queue(own, None, b"last");
        assert!(socket.flush().unwrap());
        let mut counts = Vec::new();
        let mut count = 0;
        while counts.last().is_none_or(|(_, arrivals)| *arrivals == Arrivals::Batch) {
            let arrivals = socket.receive(|_, _, _| count += 1).unwrap();
            counts.push((std::mem::take(&mut count), arrivals));
        }
        assert_eq!(counts, [(BATCH_MAX, Arrivals::Batch), (BATCH_MAX, Arrivals::Batch), (1, Arrivals::All)]);
    }

    #[test]
    fn a_datagram_without_a_way_is_dropped_and_the_rest_leaves() {
        let mut socket = Socket::bind("127.0.0.1:0".parse().unwrap(), LeaveFrom::Any).unwrap();
        let own = socket.local_addr();
        // From a loopback address there is no way to a documentation address (RFC 5737); the kernel says so at once.
        socket.queue("192.0.2.1:9".parse().unwrap(), None, b"lost");
        socket.queue(own, None, b"kept");
        assert!(socket.flush().unwrap());
        assert_eq!(receive_all(&mut socket, 1)[0].2, b"kept");
    }
}

//! Batches on Linux: `recvmmsg` and `sendmmsg` through `nix`, which wraps them safely.
//!
//! One system call moves up to 64 datagrams. The address a datagram was sent to comes with it as `IP_PKTINFO` (RFC 3542 for
//! IPv6) and is handed back when the answer leaves. Long datagrams must not be cut into pieces on their way, so that what a
//! path carries can be learned.

use super::{BATCH_MAX, DATAGRAM_LEN_MAX, KERNEL_BUFFER_LEN, LeaveFrom};
use mio::net::UdpSocket;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrLike, SockaddrStorage, recvmmsg, sendmmsg, setsockopt,
    sockopt,
};
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

/// Up to this length a datagram may be cut into pieces on its way: it is what connections fall back to when longer ones do not
/// arrive (protocol.md, "Datagram length").
const FRAGMENTING_LEN_MAX: usize = 512;

/// What routers may do with datagrams that are too long for a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fragmenting {
    /// Drop them.
    Forbidden,
    /// Cut them into pieces.
    Allowed,
}

/// One batch each way. The structures that the kernel reads are made once.
pub(super) struct Batches {
    arrivals: Box<[[u8; DATAGRAM_LEN_MAX]; BATCH_MAX]>,
    arrival_headers: MultiHeaders<SockaddrStorage>,
    queued: Vec<Queued>,
    /// Where each queued datagram goes.
    remotes: Vec<Option<SockaddrStorage>>,
    buffers: Vec<Vec<u8>>,
    plain_headers: MultiHeaders<SockaddrStorage>,
    sourced_headers: MultiHeaders<SockaddrStorage>,
    is_ipv6: bool,
    /// What the kernel was told last.
    fragmenting: Fragmenting,
}

struct Queued {
    local: Option<IpAddr>,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").field("queued", &self.queued.len()).finish_non_exhaustive()
    }
}

impl Batches {
    pub(super) fn new(io: &UdpSocket, is_ipv6: bool, leave_from: LeaveFrom) -> io::Result<Self> {
        if leave_from == LeaveFrom::AskedAt {
            if is_ipv6 {
                setsockopt(io, sockopt::Ipv6RecvPacketInfo, &true)?;
            } else {
                setsockopt(io, sockopt::Ipv4PacketInfo, &true)?;
            }
        }
        setsockopt(io, sockopt::RcvBuf, &KERNEL_BUFFER_LEN)?;
        setsockopt(io, sockopt::SndBuf, &KERNEL_BUFFER_LEN)?;
        if is_ipv6 {
            // No IPv6 link cuts what connections fall back to, 1,280 bytes being the least that each carries (RFC 8200).
            set_ipv6_mtu_discover(io, Ipv6PathMtuDiscovery::PROBE)?;
        }
        tell_fragmenting(io, Fragmenting::Forbidden)?;
        let space = || {
            if is_ipv6 { nix::cmsg_space!(libc::in6_pktinfo) } else { nix::cmsg_space!(libc::in_pktinfo) }
        };
        Ok(Self {
            arrivals: Box::new([[0; DATAGRAM_LEN_MAX]; BATCH_MAX]),
            arrival_headers: MultiHeaders::preallocate(BATCH_MAX, (leave_from == LeaveFrom::AskedAt).then(space)),
            queued: Vec::with_capacity(BATCH_MAX),
            remotes: Vec::with_capacity(BATCH_MAX),
            buffers: Vec::with_capacity(BATCH_MAX),
            plain_headers: MultiHeaders::preallocate(BATCH_MAX, None),
            sourced_headers: MultiHeaders::preallocate(BATCH_MAX, Some(space())),
            is_ipv6,
            fragmenting: Fragmenting::Forbidden,
        })
    }

    pub(super) fn receive(
        &mut self,
        io: &UdpSocket,
        mut each: impl FnMut(SocketAddr, Option<IpAddr>, &mut [u8]),
    ) -> io::Result<usize> {
        let mut arrived = [const { None }; BATCH_MAX];
        let mut slices = self.arrivals.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
        let messages = recvmmsg(io.as_raw_fd(), &mut self.arrival_headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)?;
        let mut count = 0;
        for (place, message) in arrived.iter_mut().zip(messages) {
            let remote = message.address.as_ref().and_then(socket_addr);
            let local = message.cmsgs().ok().and_then(|mut all| all.find_map(|cmsg| asked_at(&cmsg)));
            *place = remote.map(|remote| (remote, local, message.bytes));
            count += 1;
        }
        for (arrival, buffer) in arrived.into_iter().zip(self.arrivals.iter_mut()) {
            if let Some((remote, local, len)) = arrival {
                each(remote, local, &mut buffer[..len]);
            }
        }
        Ok(count)
    }

    pub(super) fn queue(&mut self, remote: SocketAddr, local: Option<IpAddr>, datagram: &[u8]) {
        let mut bytes = self.buffers.pop().unwrap_or_else(|| Vec::with_capacity(DATAGRAM_LEN_MAX));
        bytes.clear();
        bytes.extend_from_slice(datagram);
        self.queued.push(Queued { local, bytes });
        self.remotes.push(Some(remote.into()));
    }

    pub(super) fn queued_count(&self) -> usize {
        self.queued.len()
    }

    pub(super) fn drop_first(&mut self) {
        self.buffers.push(self.queued.remove(0).bytes);
        self.remotes.remove(0);
    }

    /// Sends the longest run that leaves from one address: the control message is shared by all datagrams of a call.
    pub(super) fn send(&mut self, io: &UdpSocket) -> io::Result<()> {
        let Some(first) = self.queued.first() else { return Ok(()) };
        let local = first.local;
        let run = self.queued.iter().take_while(|queued| queued.local == local).count();
        // The option is the socket's and not a datagram's: one long datagram speaks for its whole run.
        let is_long = self.queued[..run].iter().any(|queued| queued.bytes.len() > FRAGMENTING_LEN_MAX);
        let fragmenting = if is_long { Fragmenting::Forbidden } else { Fragmenting::Allowed };
        if fragmenting != self.fragmenting {
            tell_fragmenting(io, fragmenting)?;
            self.fragmenting = fragmenting;
        }
        let sent = {
            let bytes = |at: usize| self.queued.get(at).map_or(&[][..], |queued| &queued.bytes);
            let slices: [[IoSlice<'_>; 1]; BATCH_MAX] = std::array::from_fn(|at| [IoSlice::new(bytes(at))]);
            let source = Source::new(local, self.is_ipv6);
            let cmsg = source.cmsg();
            let (headers, cmsgs) = match &cmsg {
                Some(cmsg) => (&mut self.sourced_headers, std::slice::from_ref(cmsg)),
                None => (&mut self.plain_headers, &[][..]),
            };
            sendmmsg(io.as_raw_fd(), headers, &slices[..run], &self.remotes[..run], cmsgs, MsgFlags::MSG_DONTWAIT)?.count()
        };
        self.buffers.extend(self.queued.drain(..sent).map(|queued| queued.bytes));
        self.remotes.drain(..sent);
        Ok(())
    }
}

/// Tells the kernel. With PROBE it sets the flag against fragmenting and forgets what it believes about paths: a datagram too long
/// for our own link comes back as EMSGSIZE and counts as lost, and no forged message about a path makes it shorter.
fn tell_fragmenting(io: &UdpSocket, fragmenting: Fragmenting) -> io::Result<()> {
    let discovery = match fragmenting {
        Fragmenting::Forbidden => Ipv4PathMtuDiscovery::PROBE,
        Fragmenting::Allowed => Ipv4PathMtuDiscovery::DONT,
    };
    Ok(set_ip_mtu_discover(io, discovery)?)
}

/// The address that datagrams are to leave from, in the kernel's words.
enum Source {
    Any,
    V4(libc::in_pktinfo),
    V6(libc::in6_pktinfo),
}

impl Source {
    fn new(local: Option<IpAddr>, is_ipv6: bool) -> Self {
        match local {
            None => Self::Any,
            Some(IpAddr::V4(ip)) if !is_ipv6 => {
                let address = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
                Self::V4(libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: libc::in_addr { s_addr: 0 } })
            }
            Some(ip) => {
                let octets = match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                    IpAddr::V6(ip) => ip.octets(),
                };
                Self::V6(libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: octets }, ipi6_ifindex: 0 })
            }
        }
    }

    fn cmsg(&self) -> Option<ControlMessage<'_>> {
        match self {
            Self::Any => None,
            Self::V4(source) => Some(ControlMessage::Ipv4PacketInfo(source)),
            Self::V6(source) => Some(ControlMessage::Ipv6PacketInfo(source)),
        }
    }
}

fn asked_at(cmsg: &ControlMessageOwned) -> Option<IpAddr> {
    match cmsg {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()).into()),
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into()),
        _ => None,
    }
}

fn socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    match address.family()? {
        nix::sys::socket::AddressFamily::Inet => address.as_sockaddr_in().map(|v4| SocketAddr::new(v4.ip().into(), v4.port())),
        nix::sys::socket::AddressFamily::Inet6 => address.as_sockaddr_in6().map(|v6| (*v6).into()),
        _ => None,
    }
}

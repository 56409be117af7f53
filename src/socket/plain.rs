//! Batches where the system has no call for them: one `recv_from` or `send_to` a datagram.
//!
//! Answers leave from the address that the system picks; on a machine with several, bind the server to one of them.

use super::{BATCH_MAX, DATAGRAM_LEN_MAX, LeaveFrom};
use mio::net::UdpSocket;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// One batch each way.
#[derive(Debug)]
pub(super) struct Batches {
    arrival: Box<[u8; DATAGRAM_LEN_MAX]>,
    queued: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl Batches {
    #[expect(clippy::unnecessary_wraps, reason = "the same interface as the batched kind")]
    pub(super) fn new(_: &UdpSocket, _is_ipv6: bool, _: LeaveFrom) -> io::Result<Self> {
        Ok(Self { arrival: Box::new([0; DATAGRAM_LEN_MAX]), queued: VecDeque::with_capacity(BATCH_MAX) })
    }

    pub(super) fn receive(
        &mut self,
        io: &UdpSocket,
        mut each: impl FnMut(SocketAddr, Option<IpAddr>, &mut [u8]),
    ) -> io::Result<usize> {
        for count in 0..BATCH_MAX {
            match io.recv_from(&mut self.arrival[..]) {
                Ok((len, remote)) => each(remote, None, &mut self.arrival[..len]),
                Err(error) if count == 0 => return Err(error),
                Err(_) => return Ok(count),
            }
        }
        Ok(BATCH_MAX)
    }

    pub(super) fn queue(&mut self, remote: SocketAddr, _local: Option<IpAddr>, datagram: &[u8]) {
        self.queued.push_back((remote, datagram.to_vec()));
    }

    pub(super) fn queued_count(&self) -> usize {
        self.queued.len()
    }

    pub(super) fn drop_first(&mut self) {
        self.queued.pop_front();
    }

    pub(super) fn send(&mut self, io: &UdpSocket) -> io::Result<()> {
        while let Some((remote, datagram)) = self.queued.front() {
            io.send_to(datagram, *remote)?;
            self.queued.pop_front();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_pass_in_order() {
        let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let io = UdpSocket::bind(address).unwrap();
        let own = io.local_addr().unwrap();
        let mut batches = Batches::new(&io, false, LeaveFrom::Any).unwrap();
        for n in 0..3_u8 {
            batches.queue(own, None, &[n; 3]);
        }
        assert_eq!(batches.queued_count(), 3);
        batches.drop_first();
        batches.send(&io).unwrap();
        let mut seen = Vec::new();
        while seen.len() < 2 {
            let _ = batches.receive(&io, |_, _, bytes| seen.push(bytes.to_vec()));
        }
        assert_eq!(seen, [[1; 3], [2; 3]]);
    }
}

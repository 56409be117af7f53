//! A client with a key that the server takes, which keeps to the handshake and then to no rule at all.

use std::net::SocketAddr;

use udpchat::crypto::{Dice, PacketKeys, SecretKey};
use udpchat::transport::{CloseCode, CloseReason, ConnectionHandle, Event};
use udpchat::wire::{ConnectionId, Frame, HEADER_LEN, HandshakePacket, Header};

use super::pair::Pair;
use super::stranger::{ask, closed, opening};

/// The frame PING.
const PING: u8 = 1;

/// A hostile peer in the middle of a connection with the pair's server.
pub struct Rogue {
    keys: PacketKeys,
    pub address: SocketAddr,
    server_id: ConnectionId,
    /// The number of the next packet.
    pub next: u64,
    pub handle: ConnectionHandle,
}

impl Rogue {
    /// Connects from an address of its own.
    pub fn enter(pair: &mut Pair) -> Self {
        Self::enter_as(pair, 66)
    }

    /// One of several, each from a network of its own.
    pub fn enter_as(pair: &mut Pair, number: u8) -> Self {
        let mut dice = Dice::from_seed([number; 32]);
        let (device, client_id) = (SecretKey::generate(&mut dice), ConnectionId([number; 8]));
        let from = SocketAddr::from(([203, number, 113, 66], 6_666));
        let (mut initiator, init) = opening(&mut dice, client_id, &device, &pair.server_key, None);
        let answers = ask(pair, from, &init);
        let Ok(HandshakePacket::Resp(resp)) = HandshakePacket::decode(&answers[0]) else { panic!("no RESP") };
        let (keys, payload) = initiator.finish(resp.noise).unwrap();
        let server_id = ConnectionId(payload[..8].try_into().unwrap());
        let known = pair.server_events.len();
        let ping = seal(&keys, server_id, 0, vec![PING]);
        ask(pair, from, &ping);
        pair.settle();
        let mut connected = pair.server_events[known..].iter().filter(|(_, _, event)| matches!(event, Event::Connected { .. }));
        let (_, handle, _) = connected.next().expect("it is let in");
        Self { keys, address: from, server_id, next: 1, handle: *handle }
    }

    /// Sends a packet with these frames; what the server answers at once, opened: numbers and frames.
    pub fn say(&mut self, pair: &mut Pair, said: &[Frame<'_>]) -> Vec<(u64, Vec<u8>)> {
        let mut plain = Vec::new();
        for frame in said {
            frame.encode(&mut plain);
        }
        self.say_plain(pair, plain)
    }

    /// Sends a packet with these bytes in place of frames.
    pub fn say_plain(&mut self, pair: &mut Pair, plain: Vec<u8>) -> Vec<(u64, Vec<u8>)> {
        let sealed = self.seal(self.next, plain);
        self.next += 1;
        ask(pair, self.address, &sealed).iter().map(|answer| self.open(answer)).collect()
    }

    /// A packet under this number.
    pub fn seal(&self, number: u64, plain: Vec<u8>) -> Vec<u8> {
        seal(&self.keys, self.server_id, number, plain)
    }

    /// Opens a packet of the server's; the number of all but very long conversations.
    pub fn open(&self, bytes: &[u8]) -> (u64, Vec<u8>) {
        let (header, sealed) = bytes.split_at(HEADER_LEN);
        let number = u64::from(Header::decode(bytes).unwrap().packet_number_low);
        let mut sealed = sealed.to_vec();
        (number, self.keys.open.open(number, header, &mut sealed).unwrap().to_vec())
    }

    /// Whether the server has shown it out, with this code.
    pub fn is_shown_out(&self, pair: &mut Pair, with: CloseCode) -> bool {
        pair.settle();
        closed(&pair.server_told(self.handle)) == Some(CloseReason::Local { code: with })
    }
}

fn seal(keys: &PacketKeys, to: ConnectionId, number: u64, mut plain: Vec<u8>) -> Vec<u8> {
    let packet_number_low = u32::try_from(number & 0xffff_ffff).unwrap();
    let header = Header { connection_id: to, packet_number_low }.encode();
    let tag = keys.seal.seal(number, &header, &mut plain);
    [&header[..], &plain, &tag].concat()
}

//! What stories about strangers need: packets as anybody could make them, and the server's immediate answer.

use std::net::SocketAddr;

use udpchat::crypto::{Dice, Initiator, PublicKey, SUITE, SecretKey, mac1};
use udpchat::transport::{CloseReason, Event, Path};
use udpchat::wire::{ConnectionId, HandshakePacket, Init, MAGIC, VERSION};

use super::pair::Pair;

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A complete INIT as a stranger who knows the server's key would make it.
pub fn init(dice: &mut Dice, device: &SecretKey, server: &PublicKey, cookie: Option<[u8; 24]>) -> (ConnectionId, Vec<u8>) {
    let client_id = ConnectionId(dice.array());
    let (_, bytes) = opening(dice, client_id, device, server, cookie);
    (client_id, bytes)
}

/// A complete INIT of this client, and what reads the answer.
pub fn opening(
    dice: &mut Dice,
    client_id: ConnectionId,
    device: &SecretKey,
    server: &PublicKey,
    cookie: Option<[u8; 24]>,
) -> (Initiator, Vec<u8>) {
    let prologue = [&MAGIC[..], &[VERSION, SUITE], &client_id.0].concat();
    let (initiator, noise) = Initiator::new(device, server, &prologue, dice).unwrap();
    let mut init = Init { client_id, suite: SUITE, attempt: 0, cookie, noise: &noise, mac1: [0; 16], packet_len: 1_200 };
    init.mac1 = mac1(server, &init.authenticated());
    (initiator, HandshakePacket::Init(init).encode())
}

/// Hands the server a datagram from `from` and returns what it says at once.
pub fn ask(pair: &mut Pair, from: SocketAddr, bytes: &[u8]) -> Vec<Vec<u8>> {
    let path = Path { remote: from, local: Some(pair.server_address.ip()) };
    pair.server.handle_datagram(pair.now, path, &mut bytes.to_vec());
    let (mut answers, mut buf) = (Vec::new(), Vec::new());
    while let Some(to) = pair.server.poll_transmit(pair.now, &mut buf) {
        assert_eq!(to, path);
        answers.push(buf.clone());
    }
    answers
}

pub fn closed(events: &[Event]) -> Option<CloseReason> {
    events.iter().find_map(|event| match event {
        Event::Closed(reason) => Some(reason.clone()),
        _ => None,
    })
}

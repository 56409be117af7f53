//! Strangers have no effect, and a peer that breaks a rule is shown out.

use super::super::{CloseCode, CloseReason, Config, INITIAL_CREDIT_LEN, PacketError, Path, StreamId};
use super::link::{Link, addr, chance, ms};
use crate::crypto::PacketKeys;
use crate::wire::{ConnectionId, Frame, Header, put_ack};

/// A peer of the server that seals whatever it likes with the client's key.
pub(super) struct Rogue {
    keys: PacketKeys,
    next: u64,
}

impl Rogue {
    /// Numbers well above those that the honest client used.
    pub fn new() -> Self {
        Self { keys: PacketKeys::new(&[1; 32], &[2; 32]), next: 100 }
    }

    pub fn packet(&mut self, plain: &[u8]) -> Vec<u8> {
        let header = Header { connection_id: ConnectionId([2; 8]), packet_number_low: self.next as u32 };
        let mut bytes = header.encode().to_vec();
        let mut sealed = plain.to_vec();
        let tag = self.keys.seal.seal(self.next, &bytes, &mut sealed);
        self.next += 1;
        bytes.extend(sealed);
        bytes.extend(tag);
        bytes
    }

    pub fn frame(&mut self, frame: &Frame<'_>) -> Vec<u8> {
        let mut plain = Vec::new();
        frame.encode(&mut plain);
        self.packet(&plain)
    }
}

pub(super) fn take(link: &mut Link, bytes: Vec<u8>) -> Result<(), PacketError> {
    take_with_room(link, bytes, u64::MAX)
}

/// Hands the server a packet while its streams may hold so many bytes more beyond holes.
fn take_with_room(link: &mut Link, mut bytes: Vec<u8>, room: u64) -> Result<(), PacketError> {
    let header = Header::decode(&bytes).unwrap();
    let path = Path { remote: addr(2, 9), local: None };
    link.server.connection.handle_packet(link.now, &header, path, &mut bytes, room)
}

fn closes_with(plain: &[u8], code: CloseCode) {
    let mut link = Link::connected();
    let bytes = Rogue::new().packet(plain);
    assert_eq!(take(&mut link, bytes), Ok(()));
    link.flush();
    assert_eq!(link.server.closed(), Some(&CloseReason::Local { code }), "{plain:x?}");
}

#[test]
fn a_replayed_packet_is_ignored() {
    let mut link = Link::connected();
    link.say(StreamId::Chat, b"once");
    let (_, _, bytes) = link.seen.last().unwrap().clone();
    link.run(ms(30));
    let stats = link.server.connection.stats();
    for _ in 0..3 {
        assert_eq!(take(&mut link, bytes.clone()), Err(PacketError::Replayed));
    }
    link.run(ms(1_000));
    assert_eq!(link.server.chat(), [b"once"]);
    assert_eq!(link.server.connection.stats().counts.packets_sent, stats.counts.packets_sent, "no answer");
    assert_eq!(link.server.connection.stats().counts.packets_refused, 3);
}

#[test]
fn a_forged_or_damaged_packet_is_ignored_and_does_not_burn_its_number() {
    let mut link = Link::connected();
    link.say(StreamId::Chat, b"genuine");
    let (_, _, bytes) = link.seen.last().unwrap().clone();
    for at in 17..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x80;
        assert_eq!(take(&mut link, damaged), Err(PacketError::Forged));
    }
    let strange = PacketKeys::new(&[9; 32], &[9; 32]);
    let header = Header { connection_id: ConnectionId([2; 8]), packet_number_low: 50 }.encode();
    let tag = strange.seal.seal(50, &header, &mut []);
    assert_eq!(take(&mut link, [&header[..], &tag].concat()), Err(PacketError::Forged));
    assert!(link.server.chat().is_empty());
    link.run(ms(30));
    assert_eq!(link.server.chat(), [b"genuine"]);
}

#[test]
fn a_packet_without_a_whole_seal_is_ignored() {
    let mut link = Link::connected();
    let header = Header { connection_id: ConnectionId([2; 8]), packet_number_low: 50 }.encode();
    for len in 0..16 {
        let bytes = [&header[..], &vec![0; len]].concat();
        assert_eq!(take(&mut link, bytes), Err(PacketError::Forged));
    }
}

#[test]
fn acknowledging_what_was_never_sent_closes() {
    for largest in [1_000, 1 << 40] {
        let mut plain = Vec::new();
        put_ack(&mut plain, 0, 100, [(0, largest)].into_iter());
        closes_with(&plain, CloseCode::Protocol);
    }
}

#[test]
fn unreadable_frames_close() {
    closes_with(&[], CloseCode::Frame);
    closes_with(&[0x0b], CloseCode::Frame);
    closes_with(&[0x01, 0xff], CloseCode::Frame);
    closes_with(&[0x04, 9, 0, 1, 0], CloseCode::Frame);
    closes_with(&[0x04, 0, 0, 9, 0], CloseCode::Frame);
}

#[test]
fn two_acknowledgements_in_a_packet_close() {
    let mut plain = Vec::new();
    put_ack(&mut plain, 0, 100, [(0, 0)].into_iter());
    put_ack(&mut plain, 0, 100, [(0, 0)].into_iter());
    closes_with(&plain, CloseCode::Protocol);
}

#[test]
fn bytes_beyond_the_credit_close() {
    let mut plain = Vec::new();
    Frame::Data { stream: StreamId::Chat, offset: u64::from(INITIAL_CREDIT_LEN), bytes: b"x" }.encode(&mut plain);
    closes_with(&plain, CloseCode::Limit);
}

#[test]
fn a_message_length_beyond_the_limit_closes() {
    let mut plain = Vec::new();
    Frame::Data { stream: StreamId::Chat, offset: 0, bytes: &[0x80, 1, 0, 1] }.encode(&mut plain);
    closes_with(&plain, CloseCode::Limit);
}

#[test]
fn a_packet_with_one_bad_frame_has_no_effect_at_all() {
    let mut link = Link::connected();
    let mut plain = Vec::new();
    Frame::Data { stream: StreamId::Chat, offset: 0, bytes: &[1, b'x'] }.encode(&mut plain);
    plain.push(0xff);
    let bytes = Rogue::new().packet(&plain);
    take(&mut link, bytes).unwrap();
    link.flush();
    assert!(link.server.chat().is_empty());
}

#[test]
fn a_packet_for_which_there_is_no_room_is_as_good_as_lost() {
    let mut link = Link::connected();
    let mut rogue = Rogue::new();
    for hole in 1..=32 {
        let bytes = rogue.frame(&Frame::Data { stream: StreamId::Chat, offset: hole * 2, bytes: b"x" });
        assert_eq!(take(&mut link, bytes), Ok(()));
    }
    let bytes = rogue.frame(&Frame::Data { stream: StreamId::Chat, offset: 100, bytes: b"x" });
    assert_eq!(take(&mut link, bytes.clone()), Err(PacketError::NoRoom));
    let filling = rogue.frame(&Frame::Data { stream: StreamId::Chat, offset: 0, bytes: &[1, 1, 1, 1] });
    assert_eq!(take(&mut link, filling), Ok(()));
    assert_eq!(take(&mut link, bytes), Ok(()), "its number was not burnt");
}

#[test]
fn what_fills_the_first_hole_is_taken_whatever_others_hold() {
    let mut link = Link::connected();
    let mut rogue = Rogue::new();
    let chat = |offset, bytes| Frame::Data { stream: StreamId::Chat, offset, bytes };
    let beyond = rogue.frame(&chat(10, &[0; 10]));
    assert_eq!(take_with_room(&mut link, beyond.clone(), 19), Err(PacketError::Crowded), "the hole counts too");
    assert_eq!(take_with_room(&mut link, beyond, 20), Ok(()));
    let mut both = Vec::new();
    chat(0, &[0; 2]).encode(&mut both);
    chat(20, &[0; 3]).encode(&mut both);
    let both = rogue.packet(&both);
    assert_eq!(take_with_room(&mut link, both, 0), Err(PacketError::Crowded), "one byte more than it frees");
    // The first hole, and what follows the run behind it: all of it in order by then.
    let mut filling = Vec::new();
    chat(0, &[0; 10]).encode(&mut filling);
    chat(20, &[0; 900]).encode(&mut filling);
    let filling = rogue.packet(&filling);
    assert_eq!(take_with_room(&mut link, filling, 0), Ok(()));
    assert_eq!(link.server.connection.beyond_len(), 0);
    link.flush();
    assert_eq!(link.server.chat().len(), 920);
}

#[test]
fn a_flood_of_empty_messages_costs_no_more_than_the_window() {
    let mut link = Link::connected();
    link.server.reads = false;
    let mut rogue = Rogue::new();
    for offset in (0..u64::from(INITIAL_CREDIT_LEN) - 1_000).step_by(1_000) {
        let bytes = rogue.frame(&Frame::Data { stream: StreamId::Chat, offset, bytes: &[0; 1_000] });
        assert_eq!(take(&mut link, bytes), Ok(()));
    }
    link.server.reads = true;
    link.flush();
    assert_eq!(link.server.chat().len(), 20_000);
}

#[test]
fn a_peer_that_never_acknowledges_costs_a_bounded_ring() {
    let mut link = Link::connected();
    link.rule = Box::new(|_| super::link::Fate::Drop);
    let mut rogue = Rogue::new();
    for _ in 0..5_000 {
        let bytes = rogue.frame(&Frame::Ping);
        assert_eq!(take(&mut link, bytes), Ok(()));
        link.flush();
    }
    assert!(link.server.connection.stats().counts.packets_sent >= 2_500);
    assert!(link.server.closed().is_none());
}

#[test]
fn random_frames_from_an_authentic_peer_never_panic() {
    let mut dice = chance(7);
    for _ in 0..300 {
        let mut link = Link::connected();
        let mut rogue = Rogue::new();
        link.server.connection.send(link.now, StreamId::Chat, &super::link::message(&[1; 5_000])).unwrap();
        for _ in 0..40 {
            let plain: Vec<u8> = (0..=dice(30)).map(|_| if dice(4) == 0 { dice(256) as u8 } else { dice(10) as u8 }).collect();
            let bytes = rogue.packet(&plain);
            let _ = take(&mut link, bytes);
            link.flush();
        }
        link.run(ms(3_000));
    }
}

#[test]
fn nothing_is_taken_after_the_end() {
    let mut link = Link::connected();
    let now = link.now;
    link.client.connection.close(now, CloseCode::Done, "");
    link.run(ms(30));
    let bytes = Rogue::new().frame(&Frame::Ping);
    assert_eq!(take(&mut link, bytes), Err(PacketError::Closed));
}

#[test]
fn the_window_of_a_config_is_never_below_what_peers_may_assume() {
    let config = Config { chat_window_len: 1, bulk_window_len: 1, ..Config::server() };
    let mut link = Link::with(&Config::client(), &config);
    link.say(StreamId::Chat, &[1; 20_000]);
    link.run(ms(2_000));
    assert_eq!(link.server.chat().len(), 1);
}

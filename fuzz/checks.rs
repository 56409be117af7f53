//! What must hold for any bytes. The fuzz targets run these on made-up input, `tests/corpus.rs` on the committed corpora.

use udpchat::crypto::{Dice, SecretKey, respond};
use udpchat::message::{Event, EventHash, Notice, Reply, Request};
use udpchat::wire::{Frame, HEADER_LEN, HandshakePacket, Header, frames};

/// A datagram with a data packet, its frames as if they had been opened: what decodes encodes to the same bytes.
pub fn datagram(bytes: &[u8]) {
    let sealed = match Header::decode(bytes) {
        Ok(header) => {
            assert_eq!(header.encode(), bytes[..HEADER_LEN]);
            &bytes[HEADER_LEN..]
        }
        // Damaged headers are the rule; the frames behind them deserve a look all the same.
        Err(_) => bytes,
    };
    let decoded: Result<Vec<Frame<'_>>, _> = frames(sealed).collect();
    if let Ok(decoded) = decoded {
        let mut encoded = Vec::new();
        for frame in &decoded {
            frame.encode(&mut encoded);
        }
        assert_eq!(encoded, sealed);
    }
}

/// A handshake packet, and the Noise message in it as a server takes it.
pub fn handshake(bytes: &[u8]) {
    if let Ok(packet) = HandshakePacket::decode(bytes) {
        assert_eq!(packet.encode(), bytes);
    }
    let mut dice = Dice::from_seed([7; 32]);
    let identity = SecretKey::generate(&mut dice);
    assert!(respond(&identity, b"prologue", bytes, b"payload", &mut dice).is_err(), "a stranger's bytes prove no key");
}

/// A request, a reply or a notice: what decodes, encodes and decodes to the same.
pub fn message(bytes: &[u8]) {
    if let Ok((tag, request)) = Request::decode(bytes) {
        assert_eq!(Request::decode(&request.encode(tag)), Ok((tag, request)));
    }
    if let Ok((tag, reply)) = Reply::decode(bytes) {
        assert_eq!(Reply::decode(&reply.encode(tag)), Ok((tag, reply)));
    }
    if let Ok(notice) = Notice::decode(bytes) {
        assert_eq!(Notice::decode(&notice.encode()), Ok(notice));
    }
}

/// An event: what decodes encodes to the same bytes, has a hash and says something.
pub fn event(bytes: &[u8]) {
    if let Some(event) = Event::decode(bytes) {
        assert_eq!(event.encode(), bytes);
        let _ = event.hash_after(&EventHash::genesis(event.head.log));
        let _ = event.content();
    }
}

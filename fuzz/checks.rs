//! What must hold for any bytes. The fuzz targets run these on made-up input, `tests/corpus.rs` on the committed corpora.

use udpchat::crypto::{Dice, SecretKey, respond};
use udpchat::message::{Event, EventHash, Notice, Reply, Request};
use udpchat::transport::{INITIAL_CREDIT_LEN, MESSAGE_LEN_MAX, Reassembly};
use udpchat::wire::{DecodeError, Frame, HEADER_LEN, HandshakePacket, Header, Reader, frames, put_varint};

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

/// The stream of [`recv_stream`]: messages whose lengths the first bytes say, or bytes that are whatever they are.
fn stream_of(script: &mut impl Iterator<Item = u8>) -> Vec<u8> {
    let kind = script.next().unwrap_or_default();
    if kind >= 0x80 {
        return script.by_ref().take(usize::from(kind & 0x7f)).collect();
    }
    let mut stream = Vec::new();
    for count in 0..kind % 16 {
        let [high, low] = [(); 2].map(|()| script.next().unwrap_or_default());
        let len = usize::from(u16::from_be_bytes([high, low])) % if count == 0 { 40_000 } else { 2_000 };
        put_varint(&mut stream, len as u64);
        stream.extend((0..len).map(|at| (at * 7 + usize::from(count)) as u8));
    }
    stream
}

/// What stands at the front of these bytes: a whole message and its end, nothing whole yet, or no length of a message.
fn front(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, ()> {
    let mut reader = Reader::new(bytes);
    let len = match reader.varint() {
        _ if bytes.first().is_some_and(|first| first >> 6 == 3) => return Err(()),
        Ok(len) => usize::try_from(len).map_err(|_| ())?,
        Err(DecodeError::Truncated) => return Ok(None),
        Err(_) => return Err(()),
    };
    if len > MESSAGE_LEN_MAX {
        return Err(());
    }
    let prefix_len = bytes.len() - reader.remaining();
    Ok(reader.bytes(len).ok().map(|message| (message, prefix_len + len)))
}

/// The receiving half of a stream against a plain vector: pieces of a stream come in any order, again and overlapping; out come its
/// messages, each once, in order, as soon as they are whole, or the end if one has no length.
pub fn recv_stream(bytes: &[u8]) {
    let mut script = bytes.iter().copied();
    let stream = stream_of(&mut script);
    let mut half = Reassembly::new(INITIAL_CREDIT_LEN);
    let mut arrived = vec![false; stream.len()];
    let (mut read, mut limit) = (0, u64::from(INITIAL_CREDIT_LEN));
    // After the script everything comes in order.
    let healing = (0..stream.len()).step_by(500).flat_map(|at| {
        [[0, (at >> 8) as u8, at as u8, 250], [0, ((at + 250) >> 8) as u8, (at + 250) as u8, 250], [6, 0, 0, 0], [7, 0, 0, 0]]
    });
    let mut steps: Vec<[u8; 4]> = Vec::new();
    while let Some(kind) = script.next() {
        let [a, b, c] = [(); 3].map(|()| script.next().unwrap_or_default());
        steps.push([kind % 8, a, b, c]);
    }
    for [kind, high, low, len] in steps.into_iter().chain(healing) {
        match kind {
            0..=5 => {
                let from = usize::from(u16::from_be_bytes([high, low])).min(stream.len());
                let to = (from + usize::from(len).max(1) * usize::from(kind.max(1))).min(stream.len());
                if from == to {
                    continue;
                }
                match half.on_bytes(from as u64, &stream[from..to]) {
                    Ok(true) => arrived[from..to].fill(true),
                    // Too many holes; what begins at the first one never makes another.
                    Ok(false) => assert!(arrived[..from].contains(&false)),
                    Err(_) if to as u64 > limit => return,
                    Err(_) => {
                        arrived[from..to].fill(true);
                        assert!(front(&stream[read..whole(&arrived)]).is_err());
                        return;
                    }
                }
                assert!(to as u64 <= limit);
            }
            6 => {
                let whole = whole(&arrived);
                match (half.next_message(), front(&stream[read..whole])) {
                    (Ok(None), Ok(None)) => {}
                    (Ok(Some(message)), Ok(Some((wanted, len)))) => {
                        assert_eq!(message, wanted);
                        read += len;
                    }
                    // What follows the message is read with it.
                    (Err(_), Ok(Some((_, len)))) => {
                        assert!(front(&stream[read + len..whole]).is_err());
                        return;
                    }
                    (told, wanted) => panic!("{told:?} where {wanted:?} stands"),
                }
            }
            _ => {
                let granted = half.give_credit();
                assert!(granted >= limit, "credit is never taken back");
                limit = granted;
            }
        }
        let beyond = arrived.iter().rposition(|byte| *byte).map_or(0, |last| (last + 1).saturating_sub(whole(&arrived)));
        assert_eq!(half.beyond_len(), beyond as u64);
    }
}

/// How many bytes arrived before the first that did not.
fn whole(arrived: &[bool]) -> usize {
    arrived.iter().position(|byte| !byte).unwrap_or(arrived.len())
}

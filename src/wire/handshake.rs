//! Handshake packets: how two strangers come to share keys, byte by byte (protocol.md, "Handshake packets").
//!
//! The first byte names the kind, the next four are a CRC32 over everything else. That checksum is seeded with the
//! protocol's magic alone, and HELLO and INIT put version and client ID first, so that a version can always be named even to
//! a speaker of another one. What HELLO and INIT carry as padding must be zero; what decodes encodes to the same bytes.

use super::codec::{DecodeError, Reader};
use super::header::{ConnectionId, MAGIC, VERSION};

/// Shortest HELLO or INIT, in bytes: every answer is shorter, so a stranger cannot use us to multiply traffic.
pub const OPENING_LEN_MIN: usize = 512;

/// Longest handshake packet, in bytes: what an Ethernet frame can carry.
pub const HANDSHAKE_LEN_MAX: usize = 1_500;

/// Length of a cookie in bytes: time 8, keyed hash 16.
pub const COOKIE_LEN: usize = 24;

/// Length of `mac1`, of a RETRY's mac and of a reset token, in bytes.
pub const MAC_LEN: usize = 16;

/// Most versions that a VERSION packet lists.
pub const VERSION_COUNT_MAX: usize = 16;

/// Kind and checksum: what stands in front of every handshake packet.
const PREFIX_LEN: usize = 5;

const HELLO: u8 = 0x80;
const HELLO_REPLY: u8 = 0x81;
const INIT: u8 = 0x82;
const RETRY: u8 = 0x83;
const RESP: u8 = 0x84;
const VERSIONS: u8 = 0x85;

/// Proof that its bearer receives at an address; see `crypto::CookieKey`.
pub type Cookie = [u8; COOKIE_LEN];

/// Any packet of the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandshakePacket<'a> {
    /// Client asks for the server's key.
    Hello(Hello),
    /// Server tells its key.
    HelloReply(HelloReply),
    /// Client opens a connection.
    Init(Init<'a>),
    /// Server asks for a proof of address.
    Retry(Retry),
    /// Server completes the handshake.
    Resp(Resp<'a>),
    /// Server does not speak the client's version.
    Versions(Versions),
    /// A HELLO or INIT of another version: only the part that all versions share is known.
    Foreign(Foreign<'a>),
}

/// Asks a server for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The client's name for the connection to be.
    pub client_id: ConnectionId,
    /// Which attempt this is, from 0; echoed.
    pub attempt: u8,
    /// Length of the whole packet, zero padding included.
    pub packet_len: usize,
}

/// Answers [`Hello`]; stateless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelloReply {
    /// Echoed.
    pub client_id: ConnectionId,
    /// Echoed.
    pub attempt: u8,
    /// The server's public key, unproven: the user or a pin decides on it.
    pub server_key: [u8; 32],
    /// Saves the client a RETRY under load.
    pub cookie: Cookie,
}

/// Opens a connection: Noise message 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init<'a> {
    /// The client's name for the connection; the server puts it on every packet to the client.
    pub client_id: ConnectionId,
    /// Cipher suite; 1 is `Noise_IK_25519_ChaChaPoly_BLAKE2s`.
    pub suite: u8,
    /// Which attempt this is, from 0; echoed.
    pub attempt: u8,
    /// From a RETRY or `HELLO_REPLY`.
    pub cookie: Option<Cookie>,
    /// Noise message 1.
    pub noise: &'a [u8],
    /// Keyed hash over [`Init::authenticated`], which needs the server's public key to make.
    pub mac1: [u8; MAC_LEN],
    /// Length of the whole packet, zero padding included.
    pub packet_len: usize,
}

/// Asks for the same INIT again with a cookie; stateless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Echoed.
    pub client_id: ConnectionId,
    /// To be put into the next INIT.
    pub cookie: Cookie,
    /// Keyed hash over the INIT's `mac1` and the cookie: only who saw the INIT can make it.
    pub mac: [u8; MAC_LEN],
}

/// Completes the handshake: Noise message 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resp<'a> {
    /// Echoed.
    pub client_id: ConnectionId,
    /// The attempt that is answered, so that the client's first round-trip sample is sound.
    pub attempt: u8,
    /// Noise message 2; sealed inside: the server's connection ID 8, reset token 16.
    pub noise: &'a [u8],
}

/// Lists the versions a server speaks, its favourite first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Echoed.
    pub client_id: ConnectionId,
    /// At least one, at most [`VERSION_COUNT_MAX`].
    pub supported: Vec<u8>,
}

/// A HELLO or INIT of a version we do not speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign<'a> {
    /// First byte of the packet.
    pub kind: u8,
    /// The version it names.
    pub version: u8,
    /// The client's name for the connection.
    pub client_id: ConnectionId,
    /// Whatever that version puts behind.
    pub rest: &'a [u8],
}

impl<'a> HandshakePacket<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    /// [`DecodeError`]: wrong kind, checksum, length, range or padding; the datagram is then dropped.
    pub fn decode(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(datagram);
        let kind = reader.u8()?;
        if !(HELLO..=VERSIONS).contains(&kind) {
            return Err(DecodeError::UnknownKind);
        }
        let opening = matches!(kind, HELLO | INIT);
        if datagram.len() > HANDSHAKE_LEN_MAX || (opening && datagram.len() < OPENING_LEN_MIN) {
            return Err(DecodeError::OutOfRange);
        }
        if reader.u32()? != checksum(kind, reader.rest()) {
            return Err(DecodeError::Checksum);
        }
        if opening || kind == HELLO_REPLY {
            let version = reader.u8()?;
            if version != VERSION && opening {
                let client_id = ConnectionId(reader.array()?);
                return Ok(Self::Foreign(Foreign { kind, version, client_id, rest: reader.rest() }));
            }
            if version != VERSION {
                return Err(DecodeError::OutOfRange);
            }
        }
        let client_id = ConnectionId(reader.array()?);
        let packet_len = datagram.len();
        let packet = match kind {
            HELLO => Self::Hello(Hello { client_id, attempt: reader.u8()?, packet_len }),
            HELLO_REPLY => Self::HelloReply(HelloReply {
                client_id,
                attempt: reader.u8()?,
                server_key: reader.array()?,
                cookie: reader.array()?,
            }),
            INIT => Self::Init(Init {
                client_id,
                suite: reader.u8()?,
                attempt: reader.u8()?,
                cookie: match reader.u8()? {
                    0 => None,
                    len if usize::from(len) == COOKIE_LEN => Some(reader.array()?),
                    _ => return Err(DecodeError::OutOfRange),
                },
                noise: noise(&mut reader)?,
                mac1: reader.array()?,
                packet_len,
            }),
            RETRY => Self::Retry(Retry { client_id, cookie: reader.array()?, mac: reader.array()? }),
            RESP => Self::Resp(Resp { client_id, attempt: reader.u8()?, noise: noise(&mut reader)? }),
            _ => {
                let count = usize::from(reader.u8()?);
                if !(1..=VERSION_COUNT_MAX).contains(&count) {
                    return Err(DecodeError::OutOfRange);
                }
                Self::Versions(Versions { client_id, supported: reader.bytes(count)?.to_vec() })
            }
        };
        if opening && reader.rest().iter().any(|byte| *byte != 0) {
            return Err(DecodeError::OutOfRange);
        }
        if opening { Ok(packet) } else { reader.finish().map(|()| packet) }
    }

    /// The packet's bytes, checksum and padding included.
    ///
    /// # Panics
    /// If the content does not fit `packet_len` or a list is longer than its cap: the sender chooses both.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello(hello) => {
                let mut out = opening(HELLO, VERSION, hello.client_id);
                out.push(hello.attempt);
                padded(out, hello.packet_len)
            }
            Self::HelloReply(reply) => {
                let mut out = opening(HELLO_REPLY, VERSION, reply.client_id);
                out.push(reply.attempt);
                out.extend_from_slice(&reply.server_key);
                out.extend_from_slice(&reply.cookie);
                checksummed(out)
            }
            Self::Init(init) => {
                let mut out = vec![INIT, 0, 0, 0, 0];
                out.extend(init.authenticated().iter().skip(1));
                out.extend_from_slice(&init.mac1);
                padded(out, init.packet_len)
            }
            Self::Retry(retry) => {
                let mut out = answer(RETRY, retry.client_id);
                out.extend_from_slice(&retry.cookie);
                out.extend_from_slice(&retry.mac);
                checksummed(out)
            }
            Self::Resp(resp) => {
                let mut out = answer(RESP, resp.client_id);
                out.push(resp.attempt);
                put_noise(&mut out, resp.noise);
                checksummed(out)
            }
            Self::Versions(versions) => {
                let mut out = answer(VERSIONS, versions.client_id);
                let count = u8::try_from(versions.supported.len()).unwrap_or(u8::MAX);
                assert!((1..=VERSION_COUNT_MAX).contains(&usize::from(count)), "a VERSION packet lists 1 to 16 versions");
                out.push(count);
                out.extend_from_slice(&versions.supported);
                checksummed(out)
            }
            Self::Foreign(foreign) => {
                let mut out = opening(foreign.kind, foreign.version, foreign.client_id);
                out.extend_from_slice(foreign.rest);
                checksummed(out)
            }
        }
    }
}

impl Init<'_> {
    /// The bytes that `mac1` covers: the kind, then everything from the version to the Noise message.
    #[must_use]
    pub fn authenticated(&self) -> Vec<u8> {
        let mut out = vec![INIT, VERSION];
        out.extend_from_slice(&self.client_id.0);
        out.extend_from_slice(&[self.suite, self.attempt]);
        match &self.cookie {
            None => out.push(0),
            Some(cookie) => {
                out.push(u8::try_from(COOKIE_LEN).unwrap_or(u8::MAX));
                out.extend_from_slice(cookie);
            }
        }
        put_noise(&mut out, self.noise);
        out
    }
}

fn noise<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let len = reader.u16()?;
    reader.bytes(usize::from(len))
}

fn put_noise(out: &mut Vec<u8>, noise: &[u8]) {
    let len = u16::try_from(noise.len()).unwrap_or(u16::MAX);
    assert!(usize::from(len) == noise.len(), "a noise message fits a datagram");
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(noise);
}

fn opening(kind: u8, version: u8, client_id: ConnectionId) -> Vec<u8> {
    let mut out = vec![kind, 0, 0, 0, 0, version];
    out.extend_from_slice(&client_id.0);
    out
}

fn answer(kind: u8, client_id: ConnectionId) -> Vec<u8> {
    let mut out = vec![kind, 0, 0, 0, 0];
    out.extend_from_slice(&client_id.0);
    out
}

fn padded(mut out: Vec<u8>, packet_len: usize) -> Vec<u8> {
    assert!(out.len() <= packet_len && packet_len >= OPENING_LEN_MIN, "an opening packet fits the length it is padded to");
    out.resize(packet_len, 0);
    checksummed(out)
}

/// Fills in the four bytes behind the kind.
fn checksummed(mut out: Vec<u8>) -> Vec<u8> {
    let kind = out.first().copied().unwrap_or_default();
    let crc = checksum(kind, out.get(PREFIX_LEN..).unwrap_or_default());
    if let Some(field) = out.get_mut(1..PREFIX_LEN) {
        field.copy_from_slice(&crc.to_be_bytes());
    }
    out
}

/// CRC32 over magic, kind and what follows the checksum.
fn checksum(kind: u8, rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(MAGIC);
    hasher.update(&[kind]);
    hasher.update(rest);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: ConnectionId = ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]);

    fn samples(noise: &[u8]) -> Vec<HandshakePacket<'_>> {
        vec![
            HandshakePacket::Hello(Hello { client_id: ID, attempt: 3, packet_len: 512 }),
            HandshakePacket::HelloReply(HelloReply { client_id: ID, attempt: 3, server_key: [7; 32], cookie: [8; 24] }),
            HandshakePacket::Init(Init {
                client_id: ID,
                suite: 1,
                attempt: 0,
                cookie: None,
                noise,
                mac1: [5; 16],
                packet_len: 1_200,
            }),
            HandshakePacket::Init(Init {
                client_id: ID,
                suite: 1,
                attempt: 9,
                cookie: Some([6; 24]),
                noise,
                mac1: [5; 16],
                packet_len: 512,
            }),
            HandshakePacket::Retry(Retry { client_id: ID, cookie: [8; 24], mac: [9; 16] }),
            HandshakePacket::Resp(Resp { client_id: ID, attempt: 200, noise }),
            HandshakePacket::Versions(Versions { client_id: ID, supported: vec![1] }),
            HandshakePacket::Foreign(Foreign { kind: INIT, version: 2, client_id: ID, rest: &[0xee; 600] }),
        ]
    }

    #[test]
    fn every_packet_survives_the_wire() {
        for packet in samples(&[0xab; 96]) {
            let bytes = packet.encode();
            assert_eq!(HandshakePacket::decode(&bytes), Ok(packet));
        }
    }

    #[test]
    fn every_answer_is_shorter_than_every_opening() {
        for packet in samples(&[0xab; 72]) {
            let len = packet.encode().len();
            match packet {
                HandshakePacket::Hello(_) | HandshakePacket::Init(_) | HandshakePacket::Foreign(_) => assert!(len >= 512),
                _ => assert!(len < 512),
            }
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        for packet in samples(&[0xab; 96]) {
            let bytes = packet.encode();
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(HandshakePacket::decode(&damaged).is_err(), "{packet:?} bit {bit}");
            }
        }
    }

    #[test]
    fn short_openings_padding_and_leftovers_are_refused() {
        let hello = Hello { client_id: ID, attempt: 0, packet_len: 512 };
        let bytes = HandshakePacket::Hello(hello).encode();
        let short = checksummed(bytes[..511].to_vec());
        assert_eq!(HandshakePacket::decode(&short), Err(DecodeError::OutOfRange));
        let long = checksummed([&bytes[..], &[0; 989]].concat());
        assert_eq!(HandshakePacket::decode(&long), Err(DecodeError::OutOfRange));
        let mut dirty = bytes;
        *dirty.last_mut().unwrap() = 1;
        assert_eq!(HandshakePacket::decode(&checksummed(dirty)), Err(DecodeError::OutOfRange));
        let mut retry = HandshakePacket::Retry(Retry { client_id: ID, cookie: [0; 24], mac: [0; 16] }).encode();
        retry.push(0);
        assert_eq!(HandshakePacket::decode(&checksummed(retry)), Err(DecodeError::Trailing));
        let mut versions = answer(VERSIONS, ID);
        versions.push(0);
        assert_eq!(HandshakePacket::decode(&checksummed(versions)), Err(DecodeError::OutOfRange));
    }

    proptest! {
        #[test]
        fn whatever_decodes_encodes_to_the_same_bytes(kind in 0x7f..=0x86_u8, body in proptest::collection::vec(0..4_u8, 0..80), len in 5..1_600_usize) {
            let mut bytes = vec![kind, 0, 0, 0, 0];
            bytes.extend(body);
            if len >= 512 { bytes.resize(len, 0); }
            let bytes = checksummed(bytes);
            if let Ok(packet) = HandshakePacket::decode(&bytes) {
                prop_assert_eq!(packet.encode(), bytes);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1_600)) {
            let _ = HandshakePacket::decode(&bytes);
            let _ = HandshakePacket::decode(&checksummed(bytes));
        }
    }
}

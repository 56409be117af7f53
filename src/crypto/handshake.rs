//! Suite 1: the Noise handshake IK over X25519, ChaCha20-Poly1305 and BLAKE2s, ending in two packet keys.
//!
//! One round trip, both ends proven: the client knows the server's public key beforehand, the server learns the client's.
//! Noise itself is the `snow` crate's; this file hands it the building blocks of `noise_suite.rs` and takes the split keys out (Noise revision 34, section 7.5, pattern IK).

use snow::params::NoiseParams;
use snow::{Builder, HandshakeState};
use zeroize::{Zeroize, Zeroizing};

use super::dice::Dice;
use super::identity::{KEY_LEN, PublicKey, SecretKey};
use super::noise_suite::Suite;
use super::packet_key::{OpenError, PacketKeys};

/// Name of the protocol, as Noise section 8 writes it.
const PATTERN: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";

/// Number of suite 1 in an INIT.
pub const SUITE: u8 = 1;

/// Length of message 1 in bytes: ephemeral key 32, sealed static key 48, tag of an empty payload 16.
pub const MESSAGE_1_LEN: usize = 96;

/// Length of message 2 around its payload in bytes: ephemeral key 32, tag 16.
pub const MESSAGE_2_OVERHEAD: usize = 48;

/// Longest payload of message 2 in bytes.
pub const PAYLOAD_LEN_MAX: usize = 256;

/// The client's half of a handshake between its two messages.
pub struct Initiator {
    noise: HandshakeState,
}

/// What a server gets out of message 1.
#[derive(Debug)]
pub struct Response {
    /// The device key that the client has proven to hold, once its first data packet opens.
    pub peer: PublicKey,
    /// To be sent back.
    pub message2: Vec<u8>,
    /// Keys of the connection.
    pub keys: PacketKeys,
}

impl Initiator {
    /// Begins a handshake with `server` and returns message 1, [`MESSAGE_1_LEN`] bytes.
    ///
    /// `prologue` is what both ends must agree on besides: magic, version, suite, client ID.
    ///
    /// # Errors
    /// [`OpenError`] if `server` is no usable public key (a point of low order).
    ///
    /// # Panics
    /// If the Noise library breaks its pattern's lengths.
    pub fn new(device: &SecretKey, server: &PublicKey, prologue: &[u8], dice: &mut Dice) -> Result<(Self, Vec<u8>), OpenError> {
        let builder = builder(device, prologue, dice)?.remote_public_key(&server.0).map_err(|_| OpenError)?;
        let mut noise = builder.build_initiator().map_err(|_| OpenError)?;
        let mut message1 = vec![0; MESSAGE_1_LEN];
        let len = noise.write_message(&[], &mut message1).map_err(|_| OpenError)?;
        assert!(len == MESSAGE_1_LEN, "message 1 of IK has one length");
        Ok((Self { noise }, message1))
    }

    /// Reads message 2 and returns the connection's keys and the payload. A message that does not open changes nothing: the
    /// true one may still come.
    ///
    /// # Errors
    /// [`OpenError`] if the message was not made by the server for this handshake.
    ///
    /// # Panics
    /// If the Noise library breaks its pattern's lengths.
    pub fn finish(&mut self, message2: &[u8]) -> Result<(PacketKeys, Zeroizing<Vec<u8>>), OpenError> {
        let payload_len =
            message2.len().checked_sub(MESSAGE_2_OVERHEAD).filter(|len| *len <= PAYLOAD_LEN_MAX).ok_or(OpenError)?;
        let mut payload = Zeroizing::new(vec![0; message2.len()]);
        let read = self.noise.read_message(message2, &mut payload).map_err(|_| OpenError)?;
        assert!(read == payload_len, "a payload is message 2 without its overhead");
        payload.truncate(payload_len);
        let (to_server, to_client) = split(&mut self.noise);
        Ok((PacketKeys::new(&to_server, &to_client), payload))
    }
}

impl std::fmt::Debug for Initiator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Initiator(..)")
    }
}

/// Answers message 1 on the server, sealing `payload` into message 2.
///
/// # Errors
/// [`OpenError`] if message 1 was not made for this server and this `prologue`, or by a key of low order.
///
/// # Panics
/// If `payload` is longer than [`PAYLOAD_LEN_MAX`].
pub fn respond(
    identity: &SecretKey,
    prologue: &[u8],
    message1: &[u8],
    payload: &[u8],
    dice: &mut Dice,
) -> Result<Response, OpenError> {
    assert!(payload.len() <= PAYLOAD_LEN_MAX, "a payload fits message 2");
    if message1.len() != MESSAGE_1_LEN {
        return Err(OpenError);
    }
    let mut noise = builder(identity, prologue, dice)?.build_responder().map_err(|_| OpenError)?;
    noise.read_message(message1, &mut [0; MESSAGE_1_LEN]).map_err(|_| OpenError)?;
    let peer = noise.get_remote_static().and_then(|key| <[u8; KEY_LEN]>::try_from(key).ok()).ok_or(OpenError)?;
    let mut message2 = vec![0; payload.len().saturating_add(MESSAGE_2_OVERHEAD)];
    let len = noise.write_message(payload, &mut message2).map_err(|_| OpenError)?;
    assert!(len == message2.len(), "message 2 of IK is its payload and 48 bytes");
    let (to_server, to_client) = split(&mut noise);
    Ok(Response { peer: PublicKey(peer), message2, keys: PacketKeys::new(&to_client, &to_server) })
}

fn builder<'a>(key: &'a SecretKey, prologue: &'a [u8], dice: &mut Dice) -> Result<Builder<'a>, OpenError> {
    let params: NoiseParams = PATTERN.parse().map_err(|_| OpenError)?;
    Builder::with_resolver(params, Box::new(Suite { seed: Zeroizing::new(dice.array()) }))
        .prologue(prologue)
        .and_then(|builder| builder.local_private_key(key.bytes()))
        .map_err(|_| OpenError)
}

/// The keys towards the server and towards the client (Noise section 5.2, `Split`).
fn split(noise: &mut HandshakeState) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let (mut to_server, mut to_client) = noise.dangerously_get_raw_split();
    let keys = (Zeroizing::new(to_server), Zeroizing::new(to_client));
    to_server.zeroize();
    to_client.zeroize();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        dice: Dice,
        server: SecretKey,
        device: SecretKey,
    }

    fn world() -> World {
        let mut dice = Dice::from_seed([8; 32]);
        World { server: SecretKey::generate(&mut dice), device: SecretKey::generate(&mut dice), dice }
    }

    #[test]
    fn both_ends_get_each_others_keys_and_names() {
        let World { mut dice, server, device } = world();
        let (mut initiator, message1) = Initiator::new(&device, &server.public(), b"p", &mut dice).unwrap();
        let response = respond(&server, b"p", &message1, b"payload", &mut dice).unwrap();
        assert_eq!(response.peer, device.public());
        let (keys, payload) = initiator.finish(&response.message2).unwrap();
        assert_eq!(&payload[..], b"payload");
        for (from, to) in [(&keys, &response.keys), (&response.keys, &keys)] {
            let mut packet = b"hello".to_vec();
            let tag = from.seal.seal(0, b"", &mut packet);
            packet.extend(tag);
            assert_eq!(to.open.open(0, b"", &mut packet).unwrap(), b"hello");
        }
    }

    #[test]
    fn a_forged_answer_is_refused_and_the_true_one_still_works() {
        let World { mut dice, server, device } = world();
        let (mut initiator, message1) = Initiator::new(&device, &server.public(), b"p", &mut dice).unwrap();
        let response = respond(&server, b"p", &message1, b"payload", &mut dice).unwrap();
        for bit in 0..response.message2.len() * 8 {
            let mut forged = response.message2.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            // The unused top bit of an X25519 key is hashed too, so even that flip is noticed.
            assert!(initiator.finish(&forged).is_err(), "bit {bit}");
        }
        assert!(initiator.finish(&[]).is_err());
        assert!(initiator.finish(&response.message2).is_ok());
    }

    #[test]
    fn another_prologue_server_or_damage_is_refused() {
        let World { mut dice, server, device } = world();
        let (_, message1) = Initiator::new(&device, &server.public(), b"p", &mut dice).unwrap();
        assert!(respond(&server, b"q", &message1, b"", &mut dice).is_err());
        assert!(respond(&device, b"p", &message1, b"", &mut dice).is_err());
        assert!(respond(&server, b"p", &message1[..95], b"", &mut dice).is_err());
        for bit in 0..message1.len() * 8 {
            let mut forged = message1.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(respond(&server, b"p", &forged, b"", &mut dice).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn keys_of_low_order_are_refused() {
        let World { mut dice, server, device } = world();
        let mut one = [0; 32];
        one[0] = 1;
        for low in [[0; 32], one] {
            assert!(Initiator::new(&device, &PublicKey(low), b"p", &mut dice).is_err());
            let (_, mut message1) = Initiator::new(&device, &server.public(), b"p", &mut dice).unwrap();
            message1[..32].copy_from_slice(&low);
            assert!(respond(&server, b"p", &message1, b"", &mut dice).is_err());
        }
    }

    #[test]
    fn the_same_dice_make_the_same_messages() {
        let first = {
            let World { mut dice, server, device } = world();
            Initiator::new(&device, &server.public(), b"p", &mut dice).unwrap().1
        };
        let World { mut dice, server, device } = world();
        assert_eq!(Initiator::new(&device, &server.public(), b"p", &mut dice).unwrap().1, first);
    }
}

//! The building blocks that the Noise library is handed: X25519, ChaCha20-Poly1305 and our dice, with every key wiped when it
//! is dropped, which the library's own blocks do not do.
//!
//! What stays behind is the library's chaining key: it lies inside its handshake state, to which it opens no door
//! (protocol.md, "What is wiped").

use curve25519_dalek::montgomery::MontgomeryPoint;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::dice::Dice;
use super::identity::KEY_LEN;
use super::packet_key::SEAL_TAG_LEN;

/// The public key of a secret one.
pub(super) fn public_of(secret: &[u8; KEY_LEN]) -> [u8; KEY_LEN] {
    MontgomeryPoint::mul_base_clamped(*secret).to_bytes()
}

/// Suite 1's blocks, with dice that roll what this seed says.
pub(super) struct Suite {
    pub(super) seed: Zeroizing<[u8; 32]>,
}

impl CryptoResolver for Suite {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(NoiseDice(Dice::from_seed(*self.seed))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::new(WipedDh::default()) as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::ChaChaPoly).then(|| Box::new(WipedCipher::default()) as Box<dyn Cipher>)
    }
}

/// Draws ephemeral keys from our dice, so that a seed replays a whole conversation.
struct NoiseDice(Dice);

impl Random for NoiseDice {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

/// X25519 (RFC 7748) that refuses an all-zero shared secret (section 6.1): a key of low order proves nothing, since anybody
/// could speak for it.
#[derive(Default)]
struct WipedDh {
    secret: Zeroizing<[u8; KEY_LEN]>,
    public: [u8; KEY_LEN],
}

impl Dh for WipedDh {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        KEY_LEN
    }

    fn priv_len(&self) -> usize {
        KEY_LEN
    }

    fn set(&mut self, secret: &[u8]) {
        assert!(secret.len() == KEY_LEN, "a secret key has one length");
        self.secret.copy_from_slice(secret);
        self.public = public_of(&self.secret);
    }

    fn generate(&mut self, dice: &mut dyn Random) -> Result<(), Error> {
        dice.try_fill_bytes(self.secret.as_mut_slice())?;
        self.public = public_of(&self.secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        self.secret.as_slice()
    }

    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let public = public.first_chunk::<KEY_LEN>().ok_or(Error::Dh)?;
        let place = out.first_chunk_mut::<KEY_LEN>().ok_or(Error::Dh)?;
        let mut shared = MontgomeryPoint(*public).mul_clamped(*self.secret);
        place.copy_from_slice(shared.as_bytes());
        shared.zeroize();
        if bool::from(place.ct_eq(&[0; KEY_LEN])) { Err(Error::Dh) } else { Ok(()) }
    }
}

/// ChaCha20-Poly1305 as Noise uses it (section 12.3): the nonce is four zero bytes and the count, little-endian.
#[derive(Default)]
struct WipedCipher {
    key: Zeroizing<[u8; 32]>,
}

impl WipedCipher {
    fn ready(&self, count: u64) -> (LessSafeKey, Nonce) {
        let Ok(key) = UnboundKey::new(&CHACHA20_POLY1305, &*self.key) else {
            unreachable!("32 bytes are the key length of the cipher")
        };
        let mut nonce = [0; 12];
        if let Some(place) = nonce.last_chunk_mut() {
            *place = count.to_le_bytes();
        }
        (LessSafeKey::new(key), Nonce::assume_unique_for_key(nonce))
    }
}

impl Cipher for WipedCipher {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        *self.key = *key;
    }

    fn encrypt(&self, count: u64, aad: &[u8], plain: &[u8], out: &mut [u8]) -> usize {
        let (key, nonce) = self.ready(count);
        let whole = plain.len().saturating_add(SEAL_TAG_LEN);
        let Some((body, tag_place)) = out.get_mut(..whole).and_then(|out| out.split_at_mut_checked(plain.len())) else {
            unreachable!("the Noise library gives room for the tag")
        };
        body.copy_from_slice(plain);
        let Ok(tag) = key.seal_in_place_separate_tag(nonce, Aad::from(aad), body) else {
            unreachable!("a handshake message is shorter than the cipher's limit")
        };
        tag_place.copy_from_slice(tag.as_ref());
        whole
    }

    fn decrypt(&self, count: u64, aad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let (key, nonce) = self.ready(count);
        let mut opened = Zeroizing::new(sealed.to_vec());
        let plain = key.open_in_place(nonce, Aad::from(aad), &mut opened).map_err(|_| Error::Decrypt)?;
        out.get_mut(..plain.len()).ok_or(Error::Decrypt)?.copy_from_slice(plain);
        Ok(plain.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cipher_is_the_librarys_own() {
        let mut theirs = DefaultResolver.resolve_cipher(&CipherChoice::ChaChaPoly).unwrap();
        let mut ours = WipedCipher::default();
        theirs.set(&[7; 32]);
        ours.set(&[7; 32]);
        assert_eq!(ours.name(), theirs.name());
        for (count, plain) in [(0, &b""[..]), (1, b"x"), (u64::MAX - 1, &[9; 200])] {
            let (mut left, mut right) = ([0; 300], [0; 300]);
            let len = ours.encrypt(count, b"aad", plain, &mut left);
            assert_eq!(len, theirs.encrypt(count, b"aad", plain, &mut right));
            assert_eq!(left, right);
            let mut opened = [0; 300];
            assert_eq!(ours.decrypt(count, b"aad", &left[..len], &mut opened).unwrap(), plain.len());
            assert_eq!(&opened[..plain.len()], plain);
            left[0] ^= 1;
            assert!(ours.decrypt(count, b"aad", &left[..len], &mut opened).is_err());
            assert!(ours.decrypt(count, b"AAD", &right[..len], &mut opened).is_err());
        }
    }

    #[test]
    fn the_shared_secrets_are_the_librarys_own() {
        let mut dice = Dice::from_seed([3; 32]);
        for _ in 0..10 {
            let (secret, peer) = (dice.array::<32>(), public_of(&dice.array()));
            let mut theirs = DefaultResolver.resolve_dh(&DHChoice::Curve25519).unwrap();
            let mut ours = WipedDh::default();
            theirs.set(&secret);
            ours.set(&secret);
            assert_eq!((ours.pubkey(), ours.privkey()), (theirs.pubkey(), theirs.privkey()));
            let (mut left, mut right) = ([0; 32], [0; 32]);
            ours.dh(&peer, &mut left).unwrap();
            theirs.dh(&peer, &mut right).unwrap();
            assert_eq!(left, right);
        }
    }
}

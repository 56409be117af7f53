//! Keyed hashes that a stranger must echo or make before the server spends anything on him.
//!
//! A cookie proves that its bearer receives at his address; `mac1` proves that he knows the server's public key; a RETRY's
//! mac proves to the client that its maker saw the INIT. All are BLAKE2s with 128 bits of output (RFC 7693).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use blake2::Blake2sMac;
use blake2::digest::consts::U16;
use blake2::digest::{FixedOutput, KeyInit, Update};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::dice::Dice;
use super::identity::PublicKey;

/// Seconds after which a new cookie key is drawn; the one before is still accepted.
pub const COOKIE_KEY_SECS: u64 = 60;

/// Seconds that a cookie is good for.
pub const COOKIE_LIFE_SECS: u64 = 15;

/// Keeps `mac1`'s key apart from every other use of the hash.
const MAC1_KEY: &[u8; 32] = b"udpchat mac1 of an INIT\0\0\0\0\0\0\0\0\0";

/// Keeps the RETRY mac's key apart from every other use of the hash.
const RETRY_KEY: &[u8; 32] = b"udpchat mac of a RETRY\0\0\0\0\0\0\0\0\0\0";

/// Makes and checks cookies. Lives in memory only: a restart makes old cookies void, which costs a client one round trip.
pub struct CookieKey {
    current: Zeroizing<[u8; 32]>,
    previous: Option<Zeroizing<[u8; 32]>>,
    drawn_at_secs: u64,
}

impl std::fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CookieKey(..)")
    }
}

impl CookieKey {
    /// A first key, drawn at `now_secs` (seconds of any clock that only goes forward).
    #[must_use]
    pub fn new(now_secs: u64, dice: &mut Dice) -> Self {
        Self { current: Zeroizing::new(dice.array()), previous: None, drawn_at_secs: now_secs }
    }

    /// Draws a new key if the current one is older than [`COOKIE_KEY_SECS`].
    pub fn refresh(&mut self, now_secs: u64, dice: &mut Dice) {
        let age = now_secs.saturating_sub(self.drawn_at_secs);
        if age >= COOKIE_KEY_SECS {
            let still_good = age < COOKIE_KEY_SECS.saturating_mul(2);
            let before = std::mem::replace(&mut self.current, Zeroizing::new(dice.array()));
            self.previous = still_good.then_some(before);
            self.drawn_at_secs = now_secs;
        }
    }

    /// A cookie for the client `client_id` at `address`: time 8 bytes, keyed hash 16.
    #[must_use]
    pub fn make(&self, now_secs: u64, address: SocketAddr, client_id: [u8; 8]) -> [u8; 24] {
        cookie(&self.current, now_secs, address, client_id)
    }

    /// Whether `given` was made here for this client within [`COOKIE_LIFE_SECS`].
    #[must_use]
    pub fn check(&self, now_secs: u64, address: SocketAddr, client_id: [u8; 8], given: &[u8; 24]) -> bool {
        let [t0, t1, t2, t3, t4, t5, t6, t7, ..] = *given;
        let made_at_secs = u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
        if made_at_secs > now_secs || now_secs.saturating_sub(made_at_secs) > COOKIE_LIFE_SECS {
            return false;
        }
        [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .any(|key| bool::from(cookie(key, made_at_secs, address, client_id).ct_eq(given)))
    }
}

/// `mac1` of an INIT: keyed by the server's public key, over `bytes`.
#[must_use]
pub fn mac1(server: &PublicKey, bytes: &[u8]) -> [u8; 16] {
    keyed_hash(MAC1_KEY, &[&server.0, bytes])
}

/// The mac of a RETRY, over the server's key, the INIT's `mac1` and the cookie.
#[must_use]
pub fn retry_mac(server: &PublicKey, mac1: &[u8; 16], cookie: &[u8; 24]) -> [u8; 16] {
    keyed_hash(RETRY_KEY, &[&server.0, mac1, cookie])
}

/// Compares two macs in a time that does not depend on where they differ.
#[must_use]
pub fn same_mac(left: &[u8; 16], right: &[u8; 16]) -> bool {
    left.ct_eq(right).into()
}

/// BLAKE2s-128 keyed with `key` over the concatenation of `parts`.
pub(super) fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Blake2sMac::<U16>::new(key.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize_fixed().into()
}

fn cookie(key: &[u8; 32], made_at_secs: u64, address: SocketAddr, client_id: [u8; 8]) -> [u8; 24] {
    let time = made_at_secs.to_be_bytes();
    let ip = match address.ip() {
        _ if planted!(CookieForAnyAddress) => Ipv6Addr::UNSPECIFIED,
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let port = if planted!(CookieForAnyAddress) { 0 } else { address.port() };
    let hash = keyed_hash(key, &[&time, &ip.octets(), &port.to_be_bytes(), &client_id]);
    let mut bytes = [0; 24];
    let (front, back) = bytes.split_at_mut(time.len());
    front.copy_from_slice(&time);
    back.copy_from_slice(&hash);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: [u8; 8] = [1; 8];

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_cookie_is_good_for_its_client_address_and_time_only() {
        let key = CookieKey::new(100, &mut Dice::from_seed([1; 32]));
        let home = address("192.0.2.1:4000");
        let cookie = key.make(100, home, CLIENT);
        assert!(key.check(100, home, CLIENT, &cookie));
        assert!(key.check(115, home, CLIENT, &cookie));
        assert!(!key.check(116, home, CLIENT, &cookie));
        assert!(!key.check(99, home, CLIENT, &cookie));
        assert!(!key.check(100, address("192.0.2.1:4001"), CLIENT, &cookie));
        assert!(!key.check(100, address("192.0.2.2:4000"), CLIENT, &cookie));
        assert!(!key.check(100, home, [2; 8], &cookie));
        for bit in 0..192 {
            let mut forged = cookie;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.check(100, home, CLIENT, &forged), "bit {bit}");
        }
    }

    #[test]
    fn the_key_before_is_still_accepted_and_the_one_before_that_is_not() {
        let mut dice = Dice::from_seed([1; 32]);
        let mut key = CookieKey::new(0, &mut dice);
        let home = address("[2001:db8::1]:9");
        let cookie = key.make(55, home, CLIENT);
        key.refresh(59, &mut dice);
        assert_eq!(key.previous, None);
        key.refresh(60, &mut dice);
        assert!(key.check(60, home, CLIENT, &cookie));
        key.refresh(600, &mut dice);
        assert_eq!(key.previous, None, "a key unused for long is not kept");
    }

    #[test]
    fn macs_depend_on_every_input() {
        let (server, other) = (PublicKey([1; 32]), PublicKey([2; 32]));
        let first = mac1(&server, b"init");
        assert!(!same_mac(&first, &mac1(&other, b"init")));
        assert!(!same_mac(&first, &mac1(&server, b"inis")));
        assert!(same_mac(&first, &mac1(&server, b"init")));
        assert!(!same_mac(&retry_mac(&server, &first, &[0; 24]), &retry_mac(&server, &first, &[1; 24])));
    }
}

//! A client's side of the handshake, until there are keys: ask for the server's key if it is unknown, open, retry, give up.
//!
//! ```text
//!             HELLO_REPLY               trust                RESP
//! AskingKey ──────────────► AwaitingTrust ─────► Opening ──────────► established
//!     │ HELLO every 250–400 ms                     │ INIT every 250–400 ms, again with a cookie after a RETRY
//!     └───────────── 30 s without success, or VERSION: over ──────────┘
//! ```
//!
//! Nothing here believes an answer that an off-path party could make: `HELLO_REPLY` and VERSION must name the client's random
//! ID, a RETRY must be keyed with the INIT's `mac1`, a RESP must open (protocol.md, "Handshake").

use super::error::CloseReason;
use super::path::Path;
use super::time::{Micros, Time};
use crate::crypto::{Dice, Initiator, OpenError, PacketKeys, PublicKey, SUITE, SecretKey, mac1, retry_mac, same_mac};
use crate::wire::{ConnectionId, Cookie, HandshakePacket, Hello, HelloReply, Init, MAGIC, Resp, Retry, VERSION, Versions};

/// Delay before the second attempt.
pub const RETRY_DELAY: Micros = Micros::from_millis(250);

/// How much longer each further delay is.
const RETRY_DELAY_STEP: Micros = Micros::from_millis(50);

/// Longest delay between two attempts.
pub const RETRY_DELAY_MAX: Micros = Micros::from_millis(400);

/// After so long without success the client gives up.
pub const HANDSHAKE_TIMEOUT: Micros = Micros::from_secs(30);

/// So many attempts are padded to [`OPENING_LEN`]; later ones are short, for paths that take no more.
pub const LONG_ATTEMPT_COUNT: usize = 3;

/// Length of the first attempts in bytes: proves that the path takes full packets (RFC 9000 section 14.1).
pub const OPENING_LEN: u16 = 1_200;

/// Length of later attempts in bytes.
pub const OPENING_LEN_SHORT: u16 = 512;

/// Most attempts of one stage: their number is one byte on the wire.
const ATTEMPT_COUNT_MAX: usize = 256;

/// A handshake as its client sees it.
#[derive(Debug)]
pub(super) struct Connecting {
    client_id: ConnectionId,
    path: Path,
    device: SecretKey,
    stage: Stage,
    cookie: Option<Cookie>,
    attempts: Vec<Attempt>,
    started_at: Time,
    next_attempt_at: Option<Time>,
    cadence: Cadence,
    /// Attempts before this one say nothing about the path if nobody answered.
    telling_from: usize,
    server_key_told: bool,
}

/// What makes the next attempt due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cadence {
    /// Time, until the client gives up.
    Steady,
    /// Whoever asks for it; nobody gives up.
    OnDemand,
}

#[derive(Debug)]
enum Stage {
    AskingKey,
    AwaitingTrust { server: PublicKey },
    Opening { server: PublicKey, initiator: Box<Initiator>, message1: Vec<u8> },
}

/// One packet sent; its place in the list is its number on the wire.
#[derive(Debug)]
struct Attempt {
    sent_at: Time,
    /// Of an INIT that a RETRY may still answer.
    mac1: Option<[u8; 16]>,
}

/// What a completed handshake leaves behind.
#[derive(Debug)]
pub(super) struct Completed {
    pub(super) keys: PacketKeys,
    pub(super) client_id: ConnectionId,
    pub(super) server_id: ConnectionId,
    pub(super) reset_token: [u8; 16],
    pub(super) server: PublicKey,
    /// First round-trip sample.
    pub(super) rtt: Option<Micros>,
    /// Length of the attempt that got through.
    pub(super) datagram_len: u16,
    /// Attempts before that one to which nothing came back.
    pub(super) lost_count: u8,
}

/// The part of the handshake that both ends must agree on: magic, version, suite, client ID (protocol.md, "Handshake").
pub(super) fn prologue(suite: u8, client_id: ConnectionId) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[VERSION, suite]);
    bytes.extend_from_slice(&client_id.0);
    bytes
}

impl Connecting {
    /// Begins at `now`; the first packet is due at once. Without `server` its key is asked for first.
    ///
    /// # Errors
    /// [`OpenError`] if `server` is no usable key.
    pub(super) fn new(
        now: Time,
        path: Path,
        client_id: ConnectionId,
        device: &SecretKey,
        server: Option<PublicKey>,
        dice: &mut Dice,
    ) -> Result<Self, OpenError> {
        let stage = match server {
            None => Stage::AskingKey,
            Some(server) => Stage::opening(device, server, client_id, dice)?,
        };
        Ok(Self {
            client_id,
            path,
            device: device.clone(),
            stage,
            cookie: None,
            attempts: Vec::new(),
            started_at: now,
            next_attempt_at: Some(now),
            cadence: Cadence::Steady,
            telling_from: 0,
            server_key_told: false,
        })
    }

    /// Where answers must come from.
    pub(super) fn path(&self) -> Path {
        self.path
    }

    /// The next attempt or the end of patience.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        let gives_up_at = self.started_at + HANDSHAKE_TIMEOUT;
        match self.stage {
            Stage::AwaitingTrust { .. } => None,
            _ if self.cadence == Cadence::OnDemand => self.next_attempt_at.filter(|_| self.attempts.len() < ATTEMPT_COUNT_MAX),
            _ if self.attempts.len() >= ATTEMPT_COUNT_MAX => Some(gives_up_at),
            _ => Some(self.next_attempt_at?.min(gives_up_at)),
        }
    }

    /// Whether the client has waited long enough.
    pub(super) fn has_timed_out(&self, now: Time) -> bool {
        let has_patience = matches!(self.stage, Stage::AwaitingTrust { .. }) || self.cadence == Cadence::OnDemand;
        !has_patience && now >= self.started_at + HANDSHAKE_TIMEOUT
    }

    /// After the first, each attempt waits for [`Connecting::attempt`], and nobody gives up.
    pub(super) fn stand_by(&mut self) {
        self.cadence = Cadence::OnDemand;
    }

    /// Makes an attempt due at once.
    pub(super) fn attempt(&mut self, now: Time) {
        self.next_attempt_at = Some(now);
    }

    /// From now on attempts come by themselves again, and patience begins anew. The first comes at once, or a usual delay after the
    /// last one if that was made less than `rtt` ago. That nobody answered before says that nobody was there, not that the
    /// path loses.
    pub(super) fn go_on(&mut self, now: Time, rtt: Micros) {
        self.cadence = Cadence::Steady;
        self.started_at = now;
        let Some(last) = self.attempts.last() else { return };
        self.telling_from = self.attempts.len();
        let is_under_way = last.sent_at + rtt > now;
        self.next_attempt_at = Some(if is_under_way { last.sent_at + RETRY_DELAY.max(rtt) } else { now });
    }

    /// The socket has a new address: what was sent before may be answered into the void.
    pub(super) fn on_local_path_changed(&mut self, now: Time) {
        if self.next_attempt_at.is_some() || self.cadence == Cadence::OnDemand {
            self.next_attempt_at = Some(now);
        }
    }

    /// Appends the packet that is due, if one is.
    pub(super) fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<Path> {
        if self.next_attempt_at.is_none_or(|at| at > now) || self.has_timed_out(now) || self.attempts.len() >= ATTEMPT_COUNT_MAX {
            return None;
        }
        let attempt = u8::try_from(self.attempts.len()).unwrap_or(u8::MAX);
        let packet_len = usize::from(attempt_len(self.attempts.len()));
        let client_id = self.client_id;
        let sent_mac1 = match &self.stage {
            Stage::AwaitingTrust { .. } => return None,
            Stage::AskingKey => {
                buf.extend(HandshakePacket::Hello(Hello { client_id, attempt, packet_len }).encode());
                None
            }
            Stage::Opening { server, message1, .. } => {
                let cookie = self.cookie;
                let mut init = Init { client_id, suite: SUITE, attempt, cookie, noise: message1, mac1: [0; 16], packet_len };
                init.mac1 = mac1(server, &init.authenticated());
                buf.extend(HandshakePacket::Init(init).encode());
                Some(init.mac1)
            }
        };
        let steps = RETRY_DELAY_STEP.times(u64::from(attempt));
        self.next_attempt_at = match self.cadence {
            Cadence::Steady => Some(now + (RETRY_DELAY + steps).min(RETRY_DELAY_MAX)),
            Cadence::OnDemand => None,
        };
        self.attempts.push(Attempt { sent_at: now, mac1: sent_mac1 });
        Some(self.path)
    }

    /// The server's key arrived and waits for its owner's decision. Told once.
    pub(super) fn poll_server_key(&mut self) -> Option<PublicKey> {
        match self.stage {
            Stage::AwaitingTrust { server } if !self.server_key_told => {
                self.server_key_told = true;
                Some(server)
            }
            _ => None,
        }
    }

    /// The owner believes the key that [`Connecting::poll_server_key`] told; the handshake goes on.
    ///
    /// # Errors
    /// [`OpenError`] if it is no usable key; nothing then goes on.
    pub(super) fn trust_server_key(&mut self, now: Time, dice: &mut Dice) -> Result<(), OpenError> {
        let Stage::AwaitingTrust { server } = self.stage else { return Ok(()) };
        self.stage = Stage::opening(&self.device, server, self.client_id, dice)?;
        self.attempts.clear();
        self.started_at = now;
        self.next_attempt_at = Some(now);
        Ok(())
    }

    /// Takes the server's key and cookie. `false` if none was asked for.
    pub(super) fn on_hello_reply(&mut self, reply: &HelloReply) -> bool {
        let Stage::AskingKey = self.stage else { return false };
        self.stage = Stage::AwaitingTrust { server: PublicKey(reply.server_key) };
        self.cookie = Some(reply.cookie);
        self.next_attempt_at = None;
        true
    }

    /// Takes a cookie and makes the next attempt due at once. `false` if no INIT of ours can have caused it.
    pub(super) fn on_retry(&mut self, now: Time, retry: &Retry) -> bool {
        let Stage::Opening { server, .. } = &self.stage else { return false };
        let mut open_macs = self.attempts.iter().filter_map(|attempt| attempt.mac1.as_ref());
        if !open_macs.any(|sent| same_mac(&retry.mac, &retry_mac(server, sent, &retry.cookie))) {
            return false;
        }
        // One RETRY speaks for all attempts so far; otherwise each of them would cause another packet.
        for attempt in &mut self.attempts {
            attempt.mac1 = None;
        }
        self.cookie = Some(retry.cookie);
        self.next_attempt_at = Some(now);
        true
    }

    /// The server speaks other versions only. `None` if it names ours, which a true server would not.
    pub(super) fn on_versions(versions: &Versions) -> Option<CloseReason> {
        let other = !versions.supported.contains(&VERSION);
        other.then(|| CloseReason::VersionMismatch { supported: versions.supported.clone() })
    }

    /// Completes the handshake.
    ///
    /// # Errors
    /// [`OpenError`] if the server did not make this RESP for us; the true one may still come.
    pub(super) fn on_resp(&mut self, now: Time, resp: &Resp<'_>) -> Result<Completed, OpenError> {
        let Stage::Opening { server, initiator, .. } = &mut self.stage else { return Err(OpenError) };
        let attempt = usize::from(resp.attempt);
        let sent_at = self.attempts.get(attempt).map(|attempt| attempt.sent_at).ok_or(OpenError)?;
        let telling_from = match self.cadence {
            Cadence::Steady => self.telling_from,
            Cadence::OnDemand => attempt,
        };
        let lost = self.attempts.iter().take(attempt).skip(telling_from).filter(|attempt| attempt.mac1.is_some());
        let lost_count = u8::try_from(lost.count()).unwrap_or(u8::MAX);
        let (keys, payload) = initiator.finish(resp.noise)?;
        let (server_id, reset_token) = payload.split_first_chunk::<8>().ok_or(OpenError)?;
        Ok(Completed {
            keys,
            client_id: self.client_id,
            server_id: ConnectionId(*server_id),
            reset_token: reset_token.try_into().map_err(|_| OpenError)?,
            server: *server,
            rtt: Some(now - sent_at),
            datagram_len: attempt_len(attempt),
            lost_count,
        })
    }
}

impl Stage {
    fn opening(device: &SecretKey, server: PublicKey, client_id: ConnectionId, dice: &mut Dice) -> Result<Self, OpenError> {
        let (initiator, message1) = Initiator::new(device, &server, &prologue(SUITE, client_id), dice)?;
        Ok(Self::Opening { server, initiator: Box::new(initiator), message1 })
    }
}

/// Length of the attempt with this number, in bytes.
fn attempt_len(attempt: usize) -> u16 {
    if attempt < LONG_ATTEMPT_COUNT { OPENING_LEN } else { OPENING_LEN_SHORT }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> Path {
        Path { remote: "192.0.2.1:7777".parse().unwrap(), local: None }
    }

    fn connecting(server: Option<PublicKey>) -> Connecting {
        let mut dice = Dice::from_seed([1; 32]);
        let device = SecretKey::generate(&mut dice);
        Connecting::new(Time::default(), path(), ConnectionId([3; 8]), &device, server, &mut dice).unwrap()
    }

    fn server_key() -> PublicKey {
        SecretKey::from_bytes([9; 32]).public()
    }

    #[test]
    fn attempts_come_slower_and_shorter_and_end_after_thirty_seconds() {
        let mut connecting = connecting(Some(server_key()));
        let (mut delays, mut lens, mut last) = (Vec::new(), Vec::new(), Time::default());
        while let Some(at) = connecting.poll_timeout() {
            if connecting.has_timed_out(at) {
                assert_eq!(at, Time::default() + HANDSHAKE_TIMEOUT);
                break;
            }
            let mut buf = Vec::new();
            assert_eq!(connecting.poll_transmit(at, &mut buf), Some(path()));
            assert_eq!(connecting.poll_transmit(at, &mut Vec::new()), None);
            lens.push(buf.len());
            delays.push((at - last).as_millis());
            last = at;
        }
        assert_eq!(delays[..6], [0, 250, 300, 350, 400, 400]);
        assert_eq!(lens[..5], [1_200, 1_200, 1_200, 512, 512]);
        assert!(lens.len() < ATTEMPT_COUNT_MAX, "{}", lens.len());
    }

    #[test]
    fn on_demand_an_attempt_goes_when_it_is_asked_for_and_nobody_gives_up() {
        let mut connecting = connecting(Some(server_key()));
        connecting.stand_by();
        let second = |count: u64| Time::from_micros(count * 1_000_000);
        for count in 0..100 {
            assert!(connecting.poll_transmit(second(count), &mut Vec::new()).is_some());
            assert_eq!(connecting.poll_transmit(second(count), &mut Vec::new()), None);
            assert_eq!(connecting.poll_timeout(), None);
            assert!(!connecting.has_timed_out(second(count)));
            connecting.attempt(second(count + 1));
            assert_eq!(connecting.poll_timeout(), Some(second(count + 1)));
        }
        assert!(connecting.poll_transmit(second(100), &mut Vec::new()).is_some());
        let later = |millis| second(100) + Micros::from_millis(millis);
        connecting.go_on(later(40), Micros::from_millis(50));
        assert_eq!(connecting.poll_timeout(), Some(later(250)), "the last one is under way");
        connecting.go_on(later(60), Micros::from_millis(50));
        assert_eq!(connecting.poll_timeout(), Some(later(60)), "the last one was in vain");
        assert!(connecting.has_timed_out(second(131)));
    }

    #[test]
    fn nobody_is_asked_while_the_owner_decides_about_the_key() {
        let mut connecting = connecting(None);
        let reply = HelloReply { client_id: ConnectionId([3; 8]), attempt: 0, server_key: server_key().0, cookie: [5; 24] };
        assert!(connecting.on_hello_reply(&reply));
        assert!(!connecting.on_hello_reply(&reply), "the first answer stands");
        assert_eq!(connecting.poll_server_key(), Some(server_key()));
        assert_eq!(connecting.poll_server_key(), None);
        assert_eq!(connecting.poll_timeout(), None);
        let late = Time::from_micros(3_600_000_000);
        assert!(!connecting.has_timed_out(late));
        assert_eq!(connecting.poll_transmit(late, &mut Vec::new()), None);
        connecting.trust_server_key(late, &mut Dice::from_seed([2; 32])).unwrap();
        let mut buf = Vec::new();
        assert!(connecting.poll_transmit(late, &mut buf).is_some());
        let Ok(HandshakePacket::Init(init)) = HandshakePacket::decode(&buf) else { panic!("no INIT") };
        assert_eq!(init.cookie, Some([5; 24]));
        assert_eq!(init.attempt, 0);
    }

    #[test]
    fn one_true_retry_causes_one_packet_and_a_forged_one_none() {
        let mut connecting = connecting(Some(server_key()));
        let mut buf = Vec::new();
        connecting.poll_transmit(Time::default(), &mut buf);
        let Ok(HandshakePacket::Init(init)) = HandshakePacket::decode(&buf) else { panic!("no INIT") };
        let (client_id, cookie) = (init.client_id, [7; 24]);
        let now = Time::from_micros(1_000);
        assert!(!connecting.on_retry(now, &Retry { client_id, cookie, mac: [0; 16] }));
        assert_eq!(connecting.poll_transmit(now, &mut Vec::new()), None);
        let retry = Retry { client_id, cookie, mac: retry_mac(&server_key(), &init.mac1, &cookie) };
        assert!(connecting.on_retry(now, &retry));
        let mut second = Vec::new();
        assert!(connecting.poll_transmit(now, &mut second).is_some());
        assert!(!connecting.on_retry(now, &retry), "a repeated RETRY is void");
        let Ok(HandshakePacket::Init(init)) = HandshakePacket::decode(&second) else { panic!("no INIT") };
        assert_eq!((init.cookie, init.attempt), (Some(cookie), 1));
    }

    #[test]
    fn a_server_that_asks_for_cookies_for_ever_is_left_after_as_many_attempts_as_there_are_numbers() {
        let mut connecting = connecting(Some(server_key()));
        let (mut now, mut sent) = (Time::default(), 0);
        while !connecting.has_timed_out(now) {
            let mut buf = Vec::new();
            if connecting.poll_transmit(now, &mut buf).is_some() {
                sent += 1;
                let Ok(HandshakePacket::Init(init)) = HandshakePacket::decode(&buf) else { panic!("no INIT") };
                let cookie = [u8::try_from(sent % 251).unwrap(); 24];
                let mac = retry_mac(&server_key(), &init.mac1, &cookie);
                now = now + Micros::from_millis(1);
                assert!(connecting.on_retry(now, &Retry { client_id: init.client_id, cookie, mac }));
            } else {
                now = connecting.poll_timeout().unwrap();
            }
        }
        assert_eq!(sent, ATTEMPT_COUNT_MAX);
        assert_eq!(now, Time::default() + HANDSHAKE_TIMEOUT);
    }

    #[test]
    fn a_version_list_that_names_ours_is_not_believed() {
        let client_id = ConnectionId([3; 8]);
        assert_eq!(Connecting::on_versions(&Versions { client_id, supported: vec![2, VERSION] }), None);
        let reason = CloseReason::VersionMismatch { supported: vec![2] };
        assert_eq!(Connecting::on_versions(&Versions { client_id, supported: vec![2] }), Some(reason));
    }
}

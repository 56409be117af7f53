//! Where the peer is, and whether it has proved to be there (RFC 9000 sections 8 and 9).
//!
//! An address translator may give a client another port at any time, and people walk from one network into another. The
//! server follows the newest authentic packet at once, but sends little to the new address until it has echoed a challenge.
//! The address before is challenged too: whoever copies a client's packets and is faster than the originals makes the client
//! answer from where it really is, and the path goes back there (RFC 9000 section 9.3.3).

use super::time::{Micros, Time};
use std::net::{IpAddr, SocketAddr};

/// How many times the bytes that came from an unproven address may go there (RFC 9000 section 8).
pub const AMPLIFICATION_MAX: u64 = 3;

/// Moves to addresses that were not proven in the end, per window of a minute. Whoever proves its addresses may move on and on.
pub const UNPROVEN_MOVE_COUNT_MAX: u8 = 16;

/// How long a move without proof is remembered.
const MOVE_WINDOW: Micros = Micros::from_secs(60);

/// A challenge is waited for at least this long before the old address is tried again.
const PATIENCE_MIN: Micros = Micros::from_secs(1);

/// How often the address before is challenged after a move.
const FALLBACK_CHALLENGE_COUNT: u8 = 3;

/// The two ends of a datagram's way, as this end sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// The peer's address.
    pub remote: SocketAddr,
    /// Our address that the peer sends to, where the socket can tell: answers leave from it.
    pub local: Option<IpAddr>,
}

/// Whether the peer is known to receive at its address.
#[derive(Debug)]
enum Standing {
    Proven,
    /// Boxed: most connections never move, and there are many.
    Unproven(Box<Probation>),
}

/// What is known about an address that has not echoed a challenge yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Probation {
    challenge: [u8; 8],
    challenge_due: bool,
    received_len: u64,
    sent_len: u64,
    /// The last proven address, to go back to, and what it is asked.
    fallback: Path,
    fallback_challenge: [u8; 8],
    fallback_challenge_at: Option<Time>,
    fallback_challenges_left: u8,
    /// The delay between challenges of the address before, and the patience left once that has echoed one.
    probe_timeout: Micros,
    expires_at: Time,
}

/// The path of one connection.
#[derive(Debug)]
pub(super) struct PathState {
    current: Path,
    standing: Standing,
    /// A challenge of the peer's to echo. A newer one replaces it.
    echo_due: Option<[u8; 8]>,
    moved_at: Option<Time>,
    /// Moves without proof since `unproven_since`.
    unproven_moves: u8,
    unproven_since: Time,
}

/// What a packet's address means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// Nothing changed.
    None,
    /// Another address, not followed: too many before were not proven.
    Refused,
    /// Another port of the same host: most likely an address translator's doing.
    Port,
    /// Another host's address: another network, whose delays and rates are not known.
    Address,
    /// Back at the last proven address.
    Back,
}

/// What a move is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// A path changes once in this time at most.
    pub rtt: Micros,
    /// How long an echo takes.
    pub probe_timeout: Micros,
}

impl PathState {
    /// A path that the handshake has proved, or will before anything is sent.
    pub const fn new(path: Path) -> Self {
        let unproven_since = Time::from_micros(0);
        Self { current: path, standing: Standing::Proven, echo_due: None, moved_at: None, unproven_moves: 0, unproven_since }
    }

    /// Where to send.
    pub const fn current(&self) -> Path {
        self.current
    }

    /// The peer's newest authentic packet came by `path`. `challenges` must be unpredictable, for the new address and the one
    /// before; they are used if the path is new. More than a move per round trip, or too many without proof, are not followed.
    pub fn on_newest_packet(&mut self, now: Time, path: Path, pace: Pace, challenges: impl FnOnce() -> [[u8; 8]; 2]) -> Move {
        if path.remote == self.current.remote {
            self.current.local = path.local;
            return Move::None;
        }
        let fallback = match &self.standing {
            Standing::Proven => self.current,
            Standing::Unproven(probation) => probation.fallback,
        };
        if path.remote == fallback.remote || planted!(MoveWithoutProof) {
            self.moved_at = Some(now);
            self.standing = Standing::Proven;
            self.current = path;
            return Move::Back;
        }
        if now >= self.unproven_since + MOVE_WINDOW {
            self.unproven_since = now;
            self.unproven_moves = 0;
        }
        let too_soon = self.moved_at.is_some_and(|moved_at| now < moved_at + pace.rtt);
        if too_soon {
            return Move::None;
        }
        if self.unproven_moves >= UNPROVEN_MOVE_COUNT_MAX {
            return Move::Refused;
        }
        self.unproven_moves = self.unproven_moves.saturating_add(1);
        let moved = if path.remote.ip() == self.current.remote.ip() { Move::Port } else { Move::Address };
        let [challenge, fallback_challenge] = challenges();
        self.standing = Standing::Unproven(Box::new(Probation {
            challenge,
            challenge_due: true,
            received_len: 0,
            sent_len: 0,
            fallback,
            fallback_challenge,
            fallback_challenge_at: Some(now),
            fallback_challenges_left: FALLBACK_CHALLENGE_COUNT,
            probe_timeout: pace.probe_timeout,
            expires_at: now + pace.probe_timeout.times(3).max(PATIENCE_MIN),
        }));
        self.moved_at = Some(now);
        self.current = path;
        moved
    }

    /// An authentic packet of `len` bytes came from the current address.
    pub fn on_received(&mut self, len: usize) {
        if let Standing::Unproven(probation) = &mut self.standing {
            probation.received_len = probation.received_len.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        }
    }

    /// `len` bytes were sent to the current address.
    pub fn on_sent(&mut self, len: usize) {
        if let Standing::Unproven(probation) = &mut self.standing {
            probation.sent_len = probation.sent_len.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        }
    }

    /// How many bytes may be sent now.
    pub fn allowance(&self) -> u64 {
        match &self.standing {
            Standing::Proven => u64::MAX,
            Standing::Unproven(_) if planted!(AmplificationIgnored) => u64::MAX,
            Standing::Unproven(probation) => {
                probation.received_len.saturating_mul(AMPLIFICATION_MAX).saturating_sub(probation.sent_len)
            }
        }
    }

    /// The challenge to put into the next packet.
    pub fn challenge_due(&self) -> Option<[u8; 8]> {
        match &self.standing {
            Standing::Unproven(probation) => Some(probation.challenge).filter(|_| probation.challenge_due),
            Standing::Proven => None,
        }
    }

    /// The challenge was put into a packet.
    pub fn on_challenge_sent(&mut self) {
        if let Standing::Unproven(probation) = &mut self.standing {
            probation.challenge_due = false;
        }
    }

    /// That packet was lost.
    pub fn on_challenge_lost(&mut self) {
        if let Standing::Unproven(probation) = &mut self.standing {
            probation.challenge_due = true;
        }
    }

    /// The challenge that is due to the address before the move, which is to be sent there now.
    pub fn take_fallback_challenge(&mut self, now: Time) -> Option<(Path, [u8; 8])> {
        let Standing::Unproven(probation) = &mut self.standing else { return None };
        probation.fallback_challenge_at.filter(|at| *at <= now)?;
        probation.fallback_challenges_left = probation.fallback_challenges_left.saturating_sub(1);
        let more = probation.fallback_challenges_left > 0;
        probation.fallback_challenge_at = more.then(|| now + probation.probe_timeout);
        Some((probation.fallback, probation.fallback_challenge))
    }

    /// The peer echoed something.
    pub fn on_response(&mut self, now: Time, echo: [u8; 8]) {
        let Standing::Unproven(probation) = &mut self.standing else { return };
        if probation.challenge == echo {
            self.standing = Standing::Proven;
            // Only moves that were not proven count.
            self.unproven_moves = self.unproven_moves.saturating_sub(1);
        } else if probation.fallback_challenge == echo {
            // The peer still hears at the address before. If it is at the new one too, that echo is not far.
            probation.fallback_challenge_at = None;
            probation.expires_at = probation.expires_at.min(now + probation.probe_timeout);
        }
    }

    /// The peer wants `challenge` echoed.
    pub const fn on_challenge(&mut self, challenge: [u8; 8]) {
        self.echo_due = Some(challenge);
    }

    /// What to echo in the next packet.
    pub const fn echo_due(&self) -> Option<[u8; 8]> {
        self.echo_due
    }

    /// The echo was put into a packet. It is not repeated: the challenger asks again.
    pub const fn on_echo_sent(&mut self) {
        self.echo_due = None;
    }

    /// When the proof is overdue or the address before is to be asked again.
    pub fn deadline(&self) -> Option<Time> {
        match &self.standing {
            Standing::Proven => None,
            Standing::Unproven(probation) => {
                let expires_at = probation.expires_at;
                Some(probation.fallback_challenge_at.map_or(expires_at, |at| at.min(expires_at)))
            }
        }
    }

    /// Time has passed. Returns whether the last proven address is in use again.
    pub fn on_timeout(&mut self, now: Time) -> bool {
        match &self.standing {
            Standing::Unproven(probation) if probation.expires_at <= now => {
                self.current = probation.fallback;
                self.standing = Standing::Proven;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { rtt: Micros::from_millis(50), probe_timeout: Micros::from_millis(100) };

    fn path(host: u8, port: u16) -> Path {
        Path { remote: SocketAddr::from(([10, 0, 0, host], port)), local: None }
    }

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    /// A newest packet; the challenges are `[n; 8]` for the new address and `[n + 100; 8]` for the one before.
    fn newest(state: &mut PathState, millis: u64, from: Path, n: u8) -> Move {
        state.on_newest_packet(at(millis), from, PACE, || [[n; 8], [n + 100; 8]])
    }

    #[test]
    fn an_unproven_address_gets_three_times_what_came_from_it() {
        let mut state = PathState::new(path(1, 1));
        assert_eq!(state.allowance(), u64::MAX);
        assert_eq!(newest(&mut state, 0, path(2, 1), 7), Move::Address);
        assert_eq!(state.allowance(), 0);
        state.on_received(100);
        assert_eq!(state.allowance(), 300);
        state.on_sent(250);
        assert_eq!(state.allowance(), 50);
        state.on_response(at(1), [8; 8]);
        assert_eq!(state.allowance(), 50, "a wrong echo proves nothing");
        state.on_response(at(1), [107; 8]);
        assert_eq!(state.allowance(), 50, "nor does the echo of the address before");
        state.on_response(at(1), [7; 8]);
        assert_eq!(state.allowance(), u64::MAX);
        assert_eq!((state.current(), state.deadline()), (path(2, 1), None));
    }

    #[test]
    fn a_challenge_is_sent_once_and_again_if_lost() {
        let mut state = PathState::new(path(1, 1));
        assert_eq!(newest(&mut state, 0, path(1, 2), 7), Move::Port);
        assert_eq!(state.challenge_due(), Some([7; 8]));
        state.on_challenge_sent();
        assert_eq!(state.challenge_due(), None);
        state.on_challenge_lost();
        assert_eq!(state.challenge_due(), Some([7; 8]));
    }

    #[test]
    fn the_address_before_is_challenged_three_times() {
        let mut state = PathState::new(path(1, 1));
        newest(&mut state, 0, path(2, 1), 7);
        for millis in [0, 100, 200] {
            assert_eq!(state.deadline(), Some(at(millis)));
            assert_eq!(state.take_fallback_challenge(at(millis)), Some((path(1, 1), [107; 8])));
            assert_eq!(state.take_fallback_challenge(at(millis)), None);
        }
        assert_eq!(state.deadline(), Some(at(1_000)));
    }

    #[test]
    fn without_an_echo_the_last_proven_address_returns() {
        let mut state = PathState::new(path(1, 1));
        newest(&mut state, 0, path(2, 1), 7);
        assert_eq!(newest(&mut state, 60, path(3, 1), 8), Move::Address);
        assert!(!state.on_timeout(at(1_059)));
        assert!(state.on_timeout(at(1_060)));
        assert_eq!((state.current(), state.allowance()), (path(1, 1), u64::MAX));
    }

    #[test]
    fn an_echo_from_the_address_before_shortens_the_wait_for_the_new_one() {
        let mut state = PathState::new(path(1, 1));
        newest(&mut state, 0, path(2, 1), 7);
        state.on_response(at(50), [107; 8]);
        assert_eq!((state.current(), state.deadline()), (path(2, 1), Some(at(150))));
        assert!(state.on_timeout(at(150)));
        assert_eq!(state.current(), path(1, 1));
    }

    #[test]
    fn going_back_to_the_proven_address_needs_no_new_proof() {
        let mut state = PathState::new(path(1, 1));
        newest(&mut state, 0, path(2, 1), 7);
        assert_eq!(newest(&mut state, 1, path(1, 1), 9), Move::Back);
        assert_eq!((state.allowance(), state.challenge_due()), (u64::MAX, None));
    }

    #[test]
    fn a_path_moves_once_per_round_trip() {
        let mut state = PathState::new(path(1, 1));
        assert_eq!(newest(&mut state, 0, path(2, 1), 7), Move::Address);
        assert_eq!(newest(&mut state, 49, path(3, 1), 8), Move::None);
        assert_eq!(state.current(), path(2, 1));
        assert_eq!(newest(&mut state, 50, path(3, 1), 8), Move::Address);
    }

    #[test]
    fn sixteen_moves_a_minute_may_go_without_proof_and_any_number_with_it() {
        let mut state = PathState::new(path(1, 1));
        let mut moves = |prove: bool, start: u64, host: u8| {
            let mut count = 0;
            for n in 0..60_u8 {
                let now = start + u64::from(n) * 100;
                count += usize::from(newest(&mut state, now, path(host, 100 + u16::from(n)), n) != Move::Refused);
                if prove {
                    state.on_response(at(now), [n; 8]);
                }
            }
            count
        };
        assert_eq!(moves(true, 0, 2), 60);
        assert_eq!(moves(false, 10_000, 3), 16);
        assert_eq!(moves(false, 20_000, 4), 0);
        assert_eq!(moves(false, 80_000, 5), 16);
    }

    #[test]
    fn answers_leave_from_the_address_that_was_asked() {
        let mut state = PathState::new(path(1, 1));
        let asked = Path { local: Some(IpAddr::from([127, 0, 0, 9])), ..path(1, 1) };
        assert_eq!(newest(&mut state, 0, asked, 7), Move::None);
        assert_eq!(state.current(), asked);
    }

    #[test]
    fn only_the_newest_challenge_is_echoed() {
        let mut state = PathState::new(path(1, 1));
        state.on_challenge([1; 8]);
        state.on_challenge([2; 8]);
        assert_eq!(state.echo_due(), Some([2; 8]));
        state.on_echo_sent();
        assert_eq!(state.echo_due(), None);
    }
}

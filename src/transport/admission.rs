//! What a server does for strangers: the cheapest refusal first, nothing kept before it must be, never more bytes out than in.
//!
//! In this order: size and checksum (already checked by the decoder), version, `mac1`, room in the half-open table, cookie when
//! openings come too fast, budgets, and only then public-key work. Who is over a limit hears nothing (protocol.md,
//! "Admission").

use std::net::{IpAddr, SocketAddr};

use super::rate::{Budget, Rate};
use super::time::{Micros, Time};
use crate::crypto::{CookieKey, Dice};
use crate::wire::{ConnectionId, Cookie};

/// Budgets in the table of address prefixes; prefixes that fall on the same one share it.
const PREFIX_BUDGET_COUNT: usize = 4_096;

/// How long after openings came too fast every one needs a proof of address. Without it a flood would go on to spend the rate
/// that is taken without: in public-key work beside those who are in, and in half-open connections.
const CROWDED_SPAN: Micros = Micros::from_secs(1);

/// What a server's owner may choose about strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Whether those who lack the server's key are answered.
    pub hello: HelloPolicy,
    /// Openings per second that are taken without a proof of address; above, and for a second after, a cookie is asked for.
    pub unproven_rate: u32,
    /// Openings per second from one address prefix (IPv4 /24, IPv6 /48), address proven. Loopback is exempt.
    pub prefix_rate: u32,
    /// Openings that one prefix may make at once.
    pub prefix_burst: u32,
    /// Handshakes per second in all: bounds the processor time that strangers take from established connections.
    pub handshake_rate: u32,
    /// Handshakes in one turn of the driver while there are established connections: however many openings wait, so few
    /// delay what those have to say. A turn is what shares one `now`.
    pub turn_handshake_max: u32,
    /// Stateless resets per second.
    pub reset_rate: u32,
    /// Most connections of the server, half-open ones included; at most 2^24.
    pub connection_count_max: u32,
    /// Most connections of one device; one more closes the oldest.
    pub device_connection_count_max: usize,
}

/// What a server says to those who lack its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelloPolicy {
    /// Tells its key and its versions.
    Answer,
    /// Nothing: to them the server does not exist.
    Silent,
}

impl Admission {
    /// What a server should use unless its owner knows better.
    pub const DEFAULT: Self = Self {
        hello: HelloPolicy::Answer,
        unproven_rate: 200,
        prefix_rate: 50,
        prefix_burst: 200,
        handshake_rate: 2_000,
        turn_handshake_max: 8,
        reset_rate: 5_000,
        connection_count_max: 250_000,
        device_connection_count_max: 8,
    };
}

/// What is to be done with an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Do the public-key work.
    Admit,
    /// Ask for this cookie.
    AskCookie(Cookie),
    /// Say nothing: too many.
    Refuse,
}

/// Who else is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// Nobody whom an opening could delay.
    Nobody,
    /// Established connections.
    Established,
}

/// A budget that all share.
#[derive(Debug)]
struct Limit {
    rate: Rate,
    budget: Budget,
}

impl Limit {
    /// So much a second, all of it at once if need be.
    fn per_second(rate: u32) -> Self {
        Self { rate: Rate::per_second(rate, rate), budget: Budget::default() }
    }

    fn take(&mut self, now: Time) -> bool {
        self.budget.take(now, 1, self.rate).is_ok()
    }
}

/// The limits in force.
#[derive(Debug)]
pub(super) struct Gate {
    cookie_key: CookieKey,
    turn_handshake_max: u32,
    turn_at: Time,
    turn_count: u32,
    unproven: Limit,
    /// Until when no opening is taken without a proof of address.
    crowded_until: Time,
    handshakes: Limit,
    resets: Limit,
    prefix_rate: Rate,
    prefixes: Vec<Budget>,
    prefix_key: u64,
}

impl Gate {
    /// Full budgets.
    pub(super) fn new(admission: &Admission, now: Time, dice: &mut Dice) -> Self {
        Self {
            cookie_key: CookieKey::new(secs(now), dice),
            turn_handshake_max: admission.turn_handshake_max,
            turn_at: now,
            turn_count: 0,
            unproven: Limit::per_second(admission.unproven_rate),
            crowded_until: now,
            handshakes: Limit::per_second(admission.handshake_rate),
            resets: Limit::per_second(admission.reset_rate),
            prefix_rate: Rate::per_second(admission.prefix_rate, admission.prefix_burst),
            prefixes: vec![Budget::default(); PREFIX_BUDGET_COUNT],
            prefix_key: dice.u64() | 1,
        }
    }

    /// A cookie for this client.
    pub(super) fn cookie(&mut self, now: Time, from: SocketAddr, client_id: ConnectionId, dice: &mut Dice) -> Cookie {
        self.cookie_key.refresh(secs(now), dice);
        self.cookie_key.make(secs(now), from, client_id.0)
    }

    /// Begins a new turn if `now` is another one than before; whether this turn's public-key work is done.
    fn is_turn_over(&mut self, now: Time) -> bool {
        if self.turn_at != now {
            self.turn_at = now;
            self.turn_count = 0;
        }
        self.turn_count >= self.turn_handshake_max
    }

    /// Judges an opening whose `mac1` is right and which is not half-open yet.
    ///
    /// `others` says whether there are established connections, who go first. A prefix pays only for proven addresses, so that nobody can spend a stranger's budget in his name.
    pub(super) fn judge(
        &mut self,
        now: Time,
        from: SocketAddr,
        client_id: ConnectionId,
        cookie: Option<&Cookie>,
        others: Others,
        dice: &mut Dice,
    ) -> Verdict {
        self.cookie_key.refresh(secs(now), dice);
        let proven = cookie.is_some_and(|cookie| self.cookie_key.check(secs(now), from, client_id.0, cookie));
        let must_wait = self.is_turn_over(now) && others == Others::Established;
        if !proven && (must_wait || self.is_crowded(now)) {
            return Verdict::AskCookie(self.cookie_key.make(secs(now), from, client_id.0));
        }
        let prefix_pays = proven && !from.ip().is_loopback();
        let prefix_rate = self.prefix_rate;
        if must_wait
            || (prefix_pays && self.prefix(from.ip()).is_some_and(|budget| budget.take(now, 1, prefix_rate).is_err()))
            || !self.handshakes.take(now)
        {
            return Verdict::Refuse;
        }
        self.turn_count = self.turn_count.saturating_add(1);
        Verdict::Admit
    }

    /// Counts an opening without proof; whether it is one too many, or was one lately.
    fn is_crowded(&mut self, now: Time) -> bool {
        if !self.unproven.take(now) {
            self.crowded_until = now + CROWDED_SPAN;
        }
        now < self.crowded_until
    }

    /// Whether one more stateless reset may be sent.
    pub(super) fn may_reset(&mut self, now: Time) -> bool {
        self.resets.take(now)
    }

    fn prefix(&mut self, ip: IpAddr) -> Option<&mut Budget> {
        let bits = match ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits() >> 8),
            IpAddr::V6(ip) => u64::try_from(ip.to_bits() >> 80).unwrap_or_default() | 1 << 63,
        };
        // A keyed multiplication spreads prefixes; the key keeps a stranger from choosing whom to share a budget with.
        let spread = bits.wrapping_mul(self.prefix_key).rotate_left(32).wrapping_mul(self.prefix_key);
        let index = u128::from(spread).saturating_mul(u128::try_from(PREFIX_BUDGET_COUNT).unwrap_or_default()) >> 64;
        self.prefixes.get_mut(usize::try_from(index).unwrap_or_default())
    }
}

/// Whole seconds, for cookies.
fn secs(now: Time) -> u64 {
    now.as_micros() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: ConnectionId = ConnectionId([1; 8]);

    fn gate(admission: &Admission) -> (Gate, Dice) {
        let mut dice = Dice::from_seed([1; 32]);
        (Gate::new(admission, Time::default(), &mut dice), dice)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn above_the_rate_a_cookie_is_asked_for_and_the_right_one_opens() {
        let (mut gate, mut dice) = gate(&Admission::DEFAULT);
        let home = address("192.0.2.1:1");
        let now = Time::from_micros(10);
        for _ in 0..200 {
            assert_eq!(gate.judge(now, home, CLIENT, None, Others::Nobody, &mut dice), Verdict::Admit);
        }
        let Verdict::AskCookie(cookie) = gate.judge(now, home, CLIENT, None, Others::Nobody, &mut dice) else {
            panic!("no cookie")
        };
        assert_eq!(gate.judge(now, home, CLIENT, Some(&cookie), Others::Nobody, &mut dice), Verdict::Admit);
        let elsewhere = address("192.0.2.2:1");
        assert_eq!(gate.cookie(now, home, CLIENT, &mut dice), cookie);
        assert!(matches!(gate.judge(now, elsewhere, CLIENT, Some(&cookie), Others::Nobody, &mut dice), Verdict::AskCookie(_)));
    }

    #[test]
    fn while_openings_come_too_fast_none_is_taken_without_a_cookie() {
        let (mut gate, mut dice) = gate(&Admission::DEFAULT);
        let home = address("192.0.2.1:1");
        let mut admitted = |from_ms: u64, to_ms: u64, step_us: usize| {
            let times = (from_ms * 1_000..to_ms * 1_000).step_by(step_us).map(Time::from_micros);
            times.filter(|now| gate.judge(*now, home, CLIENT, None, Others::Nobody, &mut dice) == Verdict::Admit).count()
        };
        // 10,000 a second: what may come at once is taken, and no more for as long as it lasts and a second longer.
        assert!((200..=205).contains(&admitted(0, 5_000, 100)));
        assert_eq!(admitted(5_000, 5_990, 10_000), 0);
        assert_eq!(admitted(6_010, 7_010, 10_000), 100, "a hundred a second are few");
    }

    #[test]
    fn a_prefix_pays_for_proven_addresses_and_loopback_does_not() {
        let admission = Admission { prefix_rate: 1, prefix_burst: 3, ..Admission::DEFAULT };
        let (mut gate, mut dice) = gate(&admission);
        let now = Time::default();
        let mut admitted = |address: SocketAddr, count: usize| {
            let cookie = gate.cookie(now, address, CLIENT, &mut dice);
            (0..count)
                .filter(|_| gate.judge(now, address, CLIENT, Some(&cookie), Others::Nobody, &mut dice) == Verdict::Admit)
                .count()
        };
        assert_eq!(admitted(address("192.0.2.1:1"), 5), 3);
        assert_eq!(admitted(address("192.0.2.200:9"), 5), 0, "the same prefix");
        assert_eq!(admitted(address("198.51.100.1:1"), 5), 3);
        assert_eq!(admitted(address("[2001:db8:1::1]:1"), 5), 3);
        assert_eq!(admitted(address("127.0.0.1:1"), 50), 50);
    }

    #[test]
    fn unproven_openings_do_not_spend_a_prefix_budget() {
        let admission = Admission { prefix_rate: 1, prefix_burst: 1, ..Admission::DEFAULT };
        let (mut gate, mut dice) = gate(&admission);
        let (now, victim) = (Time::default(), address("192.0.2.1:1"));
        for _ in 0..100 {
            assert_eq!(gate.judge(now, victim, CLIENT, None, Others::Nobody, &mut dice), Verdict::Admit);
        }
        let cookie = gate.cookie(now, victim, CLIENT, &mut dice);
        assert_eq!(gate.judge(now, victim, CLIENT, Some(&cookie), Others::Nobody, &mut dice), Verdict::Admit);
    }

    #[test]
    fn while_others_are_connected_a_turn_has_few_handshakes_and_the_rest_comes_again() {
        let (mut gate, mut dice) = gate(&Admission::DEFAULT);
        let (now, home) = (Time::default(), address("192.0.2.1:1"));
        let cookie = gate.cookie(now, home, CLIENT, &mut dice);
        for turn in 0..3 {
            let now = Time::from_micros(turn);
            let mut judge = |cookie| gate.judge(now, home, CLIENT, cookie, Others::Established, &mut dice);
            assert!((0..8).all(|_| judge(None) == Verdict::Admit));
            assert!(matches!(judge(None), Verdict::AskCookie(_)));
            assert_eq!(judge(Some(&cookie)), Verdict::Refuse);
        }
        assert_eq!(gate.judge(now, home, CLIENT, None, Others::Nobody, &mut dice), Verdict::Admit);
    }

    #[test]
    fn public_key_work_has_a_limit_of_its_own() {
        let (mut gate, mut dice) = gate(&Admission { handshake_rate: 10, ..Admission::DEFAULT });
        let home = address("127.0.0.1:1");
        let verdicts: Vec<_> =
            (0..12).map(|_| gate.judge(Time::default(), home, CLIENT, None, Others::Nobody, &mut dice)).collect();
        assert_eq!(verdicts[9..], [Verdict::Admit, Verdict::Refuse, Verdict::Refuse]);
    }
}

//! Who may ask how much: the budgets, and who pays into which.
//!
//! A wrong password is paid for three times: by the account from that address prefix, and, where no device of the account was
//! seen lately, by the prefix and by the account from everywhere. So a guesser stops quickly where he is, a crowd of guessers
//! shares what the account allows to strangers, and the owner at home pays from a budget that only who is at the same place can
//! spend. A large crowd that guesses slowly can keep the owner from logging in on a new device at a new place, and nowhere
//! else: a right password costs nothing, and a known device needs none.

use super::budgets::Budgets;
use super::homes::Homes;
use super::origin::{Origin, Prefix};
use crate::message::{DeviceId, Refusal, RefusalCode, RoomName, UserId, UserName};
use crate::transport::{Micros, Rate, Time};
use std::hash::{BuildHasher, Hash, RandomState};

/// What an operator may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowanceConfig {
    /// Requests other than messages of one user a second; ten times as many at once.
    pub requests_per_user: u32,
    /// Messages of one user a second; ten times as many at once.
    pub posts_per_user: u32,
    /// New accounts, guests included, from one address prefix an hour; half as many at once.
    pub registrations_per_prefix: u32,
    /// Wrong passwords from one address prefix an hour.
    pub wrong_passwords_per_prefix: u32,
    /// Whether this machine's own addresses are exempt from what users and prefixes pay. What accounts allow holds for all.
    pub is_loopback_exempt: bool,
}

impl AllowanceConfig {
    /// What a server should use unless its owner knows better.
    pub const DEFAULT: Self = Self {
        requests_per_user: 50,
        posts_per_user: 50,
        registrations_per_prefix: 120,
        wrong_passwords_per_prefix: 360,
        is_loopback_exempt: true,
    };
}

/// What was held up so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AllowanceCounters {
    /// How often a session was found with a request that has to wait unread for its user's budget.
    pub slowed: u64,
    /// Requests that were refused for their user's or their prefix's budget.
    pub requests_refused: u64,
    /// Passwords that were not looked at, of accounts and of rooms.
    pub passwords_refused: u64,
    /// New accounts that were refused.
    pub registrations_refused: u64,
}

const HOUR: Micros = Micros::from_secs(3_600);

/// Wrong passwords at once from one prefix: a household may forget several.
const PREFIX_WRONG_BURST: u32 = 20;

/// Wrong passwords of one account, or one room, from one prefix or user: five at once, then two a minute.
const NEAR_WRONG: Rate = Rate::new(120, HOUR, 5);

/// Wrong passwords of one account from everywhere but its homes; once for places that have given a wrong one lately, and once
/// for all others, so that the owner at a new place does not stand in line with those who guess.
const ACCOUNT_WRONG: Rate = Rate::new(3_600, HOUR, 20);

/// Requests of one device that end devices and accounts or change their keys.
const DOOR_REQUESTS: Rate = Rate::per_second(1, 40);

/// Requests of strangers from one prefix.
const STRANGER_REQUESTS: Rate = Rate::per_second(20, 200);

/// Whether a place has given a wrong password of the account lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Repute {
    Guessed,
    Fresh,
}

/// Who pays for a request that does not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Payer {
    /// The address prefix of somebody who is nobody yet.
    Stranger,
    /// The user.
    User(UserId),
    /// The device, from what is set apart for closing doors.
    Door(DeviceId),
}

/// All budgets.
#[derive(Debug)]
pub(in super::super) struct Allowance {
    is_loopback_exempt: bool,
    counters: AllowanceCounters,
    reads: Budgets<UserId>,
    commands: Budgets<UserId>,
    /// What ends devices and accounts and changes their keys: apart, so that nobody who holds one device of a user can keep
    /// the user from taking it away.
    doors: Budgets<DeviceId>,
    posts: Budgets<UserId>,
    stranger_requests: Budgets<Prefix>,
    registrations: Budgets<Prefix>,
    wrong_by_prefix: Budgets<Prefix>,
    wrong_by_account_and_prefix: Budgets<(u64, Prefix)>,
    wrong_by_account: Budgets<(u64, Repute)>,
    /// Passwords of rooms, by user and room; the user's own password and codes as one room more.
    wrong_by_user: Budgets<(UserId, u64)>,
    homes: Homes,
    hasher: RandomState,
}

impl Allowance {
    pub(in super::super) fn new(config: &AllowanceConfig) -> Self {
        let ten_at_once = |per_second: u32| Rate::per_second(per_second, per_second.saturating_mul(10));
        Self {
            is_loopback_exempt: config.is_loopback_exempt,
            counters: AllowanceCounters::default(),
            reads: Budgets::new(ten_at_once(config.requests_per_user)),
            commands: Budgets::new(ten_at_once(config.requests_per_user)),
            doors: Budgets::new(DOOR_REQUESTS),
            posts: Budgets::new(ten_at_once(config.posts_per_user)),
            stranger_requests: Budgets::new(STRANGER_REQUESTS),
            registrations: Budgets::new(Rate::new(
                config.registrations_per_prefix,
                HOUR,
                config.registrations_per_prefix.div_ceil(2),
            )),
            wrong_by_prefix: Budgets::new(Rate::new(config.wrong_passwords_per_prefix, HOUR, PREFIX_WRONG_BURST)),
            wrong_by_account_and_prefix: Budgets::new(NEAR_WRONG),
            wrong_by_account: Budgets::new(ACCOUNT_WRONG),
            wrong_by_user: Budgets::new(NEAR_WRONG),
            homes: Homes::default(),
            hasher: RandomState::new(),
        }
    }

    pub(in super::super) fn counters(&self) -> AllowanceCounters {
        self.counters
    }

    fn is_exempt(&self, origin: Origin) -> bool {
        self.is_loopback_exempt && origin.is_loopback
    }

    /// Pays for a message.
    ///
    /// # Errors
    /// How long it has to wait.
    pub(in super::super) fn take_post(&mut self, now: Time, origin: Origin, user: UserId) -> Result<(), Micros> {
        if self.is_exempt(origin) {
            return Ok(());
        }
        self.posts.take(now, user).inspect_err(|_| self.counters.slowed += 1)
    }

    /// Pays for a request that may wait unread.
    ///
    /// # Errors
    /// How long it has to wait.
    pub(in super::super) fn take_read(&mut self, now: Time, origin: Origin, user: UserId) -> Result<(), Micros> {
        if self.is_exempt(origin) {
            return Ok(());
        }
        self.reads.take(now, user).inspect_err(|_| self.counters.slowed += 1)
    }

    /// Pays for a request that does not wait.
    ///
    /// # Errors
    /// The refusal.
    pub(in super::super) fn take_request(&mut self, now: Time, origin: Origin, payer: Payer) -> Result<(), Refusal> {
        if self.is_exempt(origin) {
            return Ok(());
        }
        let taken = match payer {
            Payer::Stranger => self.stranger_requests.take(now, origin.prefix),
            Payer::User(user) => self.commands.take(now, user),
            Payer::Door(device) => self.doors.take(now, device),
        };
        taken.map_err(|wait| {
            self.counters.requests_refused += 1;
            too_many("too many requests; slow down", wait)
        })
    }

    /// Pays for a new account, whether it comes about or not.
    ///
    /// # Errors
    /// The refusal.
    pub(in super::super) fn take_registration(&mut self, now: Time, origin: Origin) -> Result<(), Refusal> {
        if self.is_exempt(origin) {
            return Ok(());
        }
        self.registrations.take(now, origin.prefix).map_err(|wait| {
            self.counters.registrations_refused += 1;
            too_many("too many new accounts come from your network; wait", wait)
        })
    }

    /// Pays for a password as if it were wrong; [`Allowance::give_back_log_in`] when it was not.
    ///
    /// # Errors
    /// The refusal: the password is not looked at.
    pub(in super::super) fn take_log_in(&mut self, now: Time, origin: Origin, name: &str) -> Result<(), Refusal> {
        let (account, prefix) = (self.account(name), origin.prefix);
        let taken = self.take_wrong(now, origin, account);
        taken.map_err(|wait| {
            self.counters.passwords_refused += 1;
            let sentence = if self.homes.has(now, account, prefix) {
                "too many wrong passwords were given here; wait"
            } else {
                "too many wrong passwords were given; wait, or log in where one of your devices is"
            };
            too_many(sentence, wait)
        })
    }

    fn take_wrong(&mut self, now: Time, origin: Origin, account: u64) -> Result<(), Micros> {
        let prefix = origin.prefix;
        let repute = self.repute(now, account, prefix);
        self.wrong_by_account_and_prefix.take(now, (account, prefix))?;
        // Neighbours at home share the prefix, and may have spent what it has.
        if self.homes.has(now, account, prefix) {
            return Ok(());
        }
        if !self.is_exempt(origin)
            && let Err(wait) = self.wrong_by_prefix.take(now, prefix)
        {
            self.wrong_by_account_and_prefix.give_back((account, prefix));
            return Err(wait);
        }
        // Who is turned away here has tried all the same, and is no longer fresh.
        self.wrong_by_account.take(now, (account, repute))
    }

    /// The password was right, or nobody looked at it.
    pub(in super::super) fn give_back_log_in(&mut self, now: Time, origin: Origin, name: &str) {
        let account = self.account(name);
        self.wrong_by_account_and_prefix.give_back((account, origin.prefix));
        if !self.homes.has(now, account, origin.prefix) {
            if !self.is_exempt(origin) {
                self.wrong_by_prefix.give_back(origin.prefix);
            }
            let repute = self.repute(now, account, origin.prefix);
            self.wrong_by_account.give_back((account, repute));
        }
    }

    fn repute(&self, now: Time, account: u64, prefix: Prefix) -> Repute {
        if self.wrong_by_account_and_prefix.is_full(now, (account, prefix)) { Repute::Fresh } else { Repute::Guessed }
    }

    /// A device of the account of this name is here.
    pub(in super::super) fn see_device(&mut self, now: Time, origin: Origin, name: &str) {
        let account = self.account(name);
        self.homes.see(now, account, origin.prefix);
    }

    /// Pays for a room's password as if it were wrong; [`Allowance::give_back_room`] when it was not.
    ///
    /// # Errors
    /// The refusal: the password is not looked at.
    pub(in super::super) fn take_room(
        &mut self,
        now: Time,
        origin: Origin,
        user: UserId,
        room: &RoomName,
    ) -> Result<(), Refusal> {
        let guess = (user, self.hasher.hash_one(room.skeleton()));
        self.take_guess(now, origin, guess)
    }

    /// The room's password was right, or nobody looked at it.
    pub(in super::super) fn give_back_room(&mut self, origin: Origin, user: UserId, room: &RoomName) {
        let guess = (user, self.hasher.hash_one(room.skeleton()));
        self.give_back_guess(origin, guess);
    }

    /// Pays for the user's own old password or a code as if it were wrong; [`Allowance::give_back_own`] when it was not.
    ///
    /// # Errors
    /// The refusal: it is not looked at.
    pub(in super::super) fn take_own(&mut self, now: Time, origin: Origin, user: UserId) -> Result<(), Refusal> {
        self.take_guess(now, origin, (user, 0))
    }

    /// The password or code was right, or nobody looked at it.
    pub(in super::super) fn give_back_own(&mut self, origin: Origin, user: UserId) {
        self.give_back_guess(origin, (user, 0));
    }

    fn take_guess(&mut self, now: Time, origin: Origin, guess: (UserId, u64)) -> Result<(), Refusal> {
        let mut taken = self.wrong_by_user.take(now, guess);
        if taken.is_ok() && !self.is_exempt(origin) {
            taken = self.wrong_by_prefix.take(now, origin.prefix).inspect_err(|_| self.wrong_by_user.give_back(guess));
        }
        taken.map_err(|wait| {
            self.counters.passwords_refused += 1;
            too_many("too many wrong passwords or codes were given; wait", wait)
        })
    }

    fn give_back_guess(&mut self, origin: Origin, guess: (UserId, u64)) {
        self.wrong_by_user.give_back(guess);
        if !self.is_exempt(origin) {
            self.wrong_by_prefix.give_back(origin.prefix);
        }
    }

    /// One number for all ways to write a name; what cannot be a name has one too, so that it is answered alike.
    fn account(&self, typed: &str) -> u64 {
        match UserName::parse(typed) {
            Ok(name) => self.hash(name.skeleton()),
            Err(_) => self.hash(typed),
        }
    }

    fn hash(&self, named: impl Hash) -> u64 {
        self.hasher.hash_one(named)
    }
}

fn too_many(sentence: &str, wait: Micros) -> Refusal {
    let wait_ms = u32::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX);
    Refusal::retry_after(RefusalCode::TooMany, sentence, wait_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::of(text.parse().unwrap())
    }

    fn from_prefix(number: u32) -> Origin {
        Origin::of(std::net::Ipv4Addr::from_bits(0x0b00_0000 + number * 256).into())
    }

    const START: Time = Time::from_micros(1_000_000);

    fn wrong(allowance: &mut Allowance, now: Time, from: Origin, name: &str, tries: usize) -> usize {
        (0..tries).filter(|_| allowance.take_log_in(now, from, name).is_ok()).count()
    }

    #[test]
    fn a_guesser_stops_where_he_is_and_is_told_how_long() {
        let mut allowance = Allowance::new(&AllowanceConfig::DEFAULT);
        let (guesser, now) = (origin("198.51.100.1"), START);
        assert_eq!(wrong(&mut allowance, now, guesser, "alice", 50), 5);
        let refusal = allowance.take_log_in(now, guesser, "@ALICE").unwrap_err();
        assert_eq!((refusal.code(), refusal.retry_after_ms), (RefusalCode::TooMany, 30_000));
        // Other accounts from the same place, names that nobody has included, until the place itself has used up its own.
        let others = (0..100).filter(|number| wrong(&mut allowance, now, guesser, &format!("user{number}x"), 1) == 1);
        assert_eq!(others.count(), 15);
        assert_eq!(allowance.counters().passwords_refused, 45 + 1 + 85);
        assert_eq!(wrong(&mut allowance, now + Micros::from_secs(30), guesser, "alice", 50), 1);
    }

    #[test]
    fn right_passwords_cost_nothing() {
        let mut allowance = Allowance::new(&AllowanceConfig::DEFAULT);
        for _ in 0..1_000 {
            allowance.take_log_in(START, origin("198.51.100.1"), "alice").unwrap();
            allowance.give_back_log_in(START, origin("198.51.100.1"), "alice");
        }
    }

    #[test]
    fn a_crowd_shares_what_the_account_allows_and_its_home_is_its_own() {
        let mut allowance = Allowance::new(&AllowanceConfig::DEFAULT);
        let home = origin("192.0.2.1");
        allowance.see_device(START, home, "alice");
        let mut looked_at = 0;
        // A thousand a second for a minute, each from another network.
        for number in 0..60_000 {
            let now = START + Micros::from_millis(u64::from(number));
            looked_at += wrong(&mut allowance, now, from_prefix(number), "alice", 1);
        }
        assert!((75..=81).contains(&looked_at), "{looked_at}");
        let now = START + Micros::from_secs(60);
        assert!(allowance.take_log_in(now, home, "alice").is_ok(), "the owner at home");
        assert!(allowance.take_log_in(now, origin("203.0.113.1"), "bob").is_ok(), "another account");
    }

    #[test]
    fn the_owner_at_a_new_place_does_not_stand_in_line_with_those_who_guess() {
        let mut allowance = Allowance::new(&AllowanceConfig::DEFAULT);
        // A hundred networks, as fast as they may, for five minutes.
        let mut now = START;
        for _ in 0..300 {
            for number in 0..100 {
                wrong(&mut allowance, now, from_prefix(number), "alice", 10);
            }
            now = now + Micros::from_secs(1);
        }
        // All hundred may try again, and between them share one budget; a network that has not tried has another.
        let guessed = (0..100).map(|number| wrong(&mut allowance, now, from_prefix(number), "alice", 1)).sum::<usize>();
        assert_eq!(guessed, 20);
        assert!(allowance.take_log_in(now, from_prefix(500), "alice").is_ok());
    }

    #[test]
    fn neighbours_who_guess_do_not_keep_an_owner_at_home_out() {
        let mut allowance = Allowance::new(&AllowanceConfig::DEFAULT);
        let here = origin("192.0.2.1");
        allowance.see_device(START, here, "alice");
        for number in 0..1_000 {
            let _ = allowance.take_log_in(START, here, &format!("somebody{number}"));
        }
        assert!(allowance.take_log_in(START, here, "bob").is_err(), "the prefix has spent all");
        allowance.take_log_in(START, here, "alice").unwrap();
        allowance.give_back_log_in(START, here, "alice");
        assert!(allowance.take_log_in(START, here, "bob").is_err(), "and nothing that was not paid is given back");
    }

    #[test]
    fn this_machine_is_exempt_but_no_account_is() {
        let mut allowance = Allowance::new(&AllowanceConfig::DEFAULT);
        let here = origin("127.0.0.1");
        let user = UserId(1);
        for _ in 0..10_000 {
            allowance.take_registration(START, here).unwrap();
            allowance.take_post(START, here, user).unwrap();
            allowance.take_read(START, here, user).unwrap();
            allowance.take_request(START, here, Payer::User(user)).unwrap();
        }
        assert_eq!(wrong(&mut allowance, START, here, "alice", 50), 5);
        let mut strict = Allowance::new(&AllowanceConfig { is_loopback_exempt: false, ..AllowanceConfig::DEFAULT });
        assert_eq!((0..1_000).filter(|_| strict.take_registration(START, here).is_ok()).count(), 60);
        assert_eq!((0..1_000).filter(|_| strict.take_request(START, here, Payer::Stranger).is_ok()).count(), 200);
    }

    #[test]
    fn a_user_has_one_budget_over_all_devices() {
        let mut allowance = Allowance::new(&AllowanceConfig::DEFAULT);
        let user = UserId(1);
        let places = [origin("192.0.2.1"), origin("198.51.100.1")];
        let posts = (0..2_000).filter(|number| allowance.take_post(START, places[number % 2], user).is_ok());
        assert_eq!(posts.count(), 500);
        assert_eq!(allowance.take_post(START, places[0], user), Err(Micros::from_millis(20)));
        assert!(allowance.take_post(START, places[0], UserId(2)).is_ok());
        let command = Payer::User(user);
        assert_eq!((0..2_000).filter(|_| allowance.take_request(START, places[0], command).is_ok()).count(), 500);
        let counters = allowance.counters();
        assert_eq!((counters.slowed, counters.requests_refused), (1_501, 1_500));
    }

    #[test]
    fn nothing_that_a_device_asks_keeps_another_from_taking_it_away() {
        let mut allowance = Allowance::new(&AllowanceConfig::DEFAULT);
        let (user, owner, here) = (UserId(1), DeviceId(2), origin("192.0.2.1"));
        while allowance.take_read(START, here, user).is_ok() {}
        assert!(allowance.take_request(START, here, Payer::User(user)).is_ok(), "reads leave room for commands");
        while allowance.take_request(START, here, Payer::User(user)).is_ok() {}
        while allowance.take_request(START, here, Payer::Door(DeviceId(1))).is_ok() {}
        assert_eq!((0..100).filter(|_| allowance.take_request(START, here, Payer::Door(owner)).is_ok()).count(), 40);
    }

    #[test]
    fn passwords_of_rooms_and_codes_are_guessed_slowly() {
        let mut allowance = Allowance::new(&AllowanceConfig::DEFAULT);
        let (room, other) = (RoomName::parse("#vault").unwrap(), RoomName::parse("#ops").unwrap());
        let (user, here) = (UserId(1), origin("192.0.2.1"));
        assert_eq!((0..50).filter(|_| allowance.take_room(START, here, user, &room).is_ok()).count(), 5);
        assert_eq!((0..50).filter(|_| allowance.take_room(START, here, user, &other).is_ok()).count(), 5);
        assert_eq!((0..50).filter(|_| allowance.take_own(START, here, user).is_ok()).count(), 5);
        allowance.give_back_room(here, user, &room);
        assert!(allowance.take_room(START, here, user, &room).is_ok());
        allowance.give_back_own(here, user);
        assert!(allowance.take_own(START, here, user).is_ok());
        // Many users in one place share its budget.
        let users = (2..100).filter(|number| allowance.take_room(START, here, UserId(*number), &room).is_ok());
        assert_eq!(users.count(), 5);
    }
}

//! The people of a swarm's world: who there is, how they follow, and how they come back after a crash or a logging out.

use udpchat::crypto::Dice;
use udpchat::message::{FollowFrom, FollowRequest, GuestRequest, LogId, Reply, Request, Target};
use udpchat::transport::Micros;

use super::hostile;
use super::person::{Asked, Person, Prospect};
use super::world::World;

/// Users with a password.
pub const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// A user without one.
const GUEST: &str = "gast";

/// How long signing in may take on a good network.
const SIGN_IN_TIMEOUT: Micros = Micros::from_secs(30);

/// Whether somebody is there who means no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Nobody.
    Good,
    /// [`hostile::NAME`].
    WithAdversary,
}

/// Fills a world: two to four users, perhaps a guest, perhaps a second device of a user, perhaps a second process of a profile.
/// All follow their own logs.
pub fn populate(world: &mut World, dice: &mut Dice, company: Company) {
    let count = 2 + dice.below(3) as usize;
    for name in &NAMES[..count] {
        world.register(name);
    }
    if dice.below(4) == 0 {
        let guest = world.add(GUEST);
        let id = world.id(guest);
        let reply = world.ask(guest, &Request::Guest(GuestRequest { id, name: GUEST.into(), device: "sim".into() }));
        assert!(matches!(reply, Reply::Account(_)), "{reply:?}");
    }
    if dice.below(2) == 0 {
        let laptop = world.add(NAMES[dice.below(count as u64) as usize]);
        let credentials = world.credentials(laptop, super::world::PASSWORD);
        assert!(matches!(world.ask(laptop, &Request::LogIn(credentials)), Reply::Account(_)));
    }
    if company == Company::WithAdversary {
        let mallory = world.register(hostile::NAME);
        world.people[mallory].is_hostile = true;
    }
    if dice.below(2) == 0 {
        world.add_process(dice.below(count as u64) as usize);
    }
    assert!(world.drive(SIGN_IN_TIMEOUT, |world| (0..world.people.len()).all(|who| world.client(who).account().is_some())));
    for who in 0..world.people.len() {
        follow(world, who, &Target::Own);
    }
}

/// Asks for a log, from where this person has come in it, unless it is asked for already.
pub fn follow(world: &mut World, who: usize, log: &Target) {
    let called = called(log);
    let is_out = is_out(world, who);
    let person = &mut world.people[who];
    if is_out || person.client.is_none() || person.follows.contains_key(&called) {
        return;
    }
    let last = person.logs.get(&called).and_then(|log| person.seen.get(log)).and_then(|seen| seen.last());
    let from = last.map_or(FollowFrom::Start, |last| FollowFrom::After(last.cursor.seq, last.cursor.hash.0));
    let now = world.now;
    let tag = world.client(who).follow(now, FollowRequest { log: log.clone(), from });
    let person = &mut world.people[who];
    person.follows.insert(called.clone(), log.clone());
    person.asked.insert(tag, Asked::Follow(called));
}

/// What a person calls a log: `#room`, the empty name of one's own log, or the id of a conversation.
fn called(log: &Target) -> String {
    match log {
        Target::Room(name) | Target::User(name) => name.clone(),
        Target::Own => String::new(),
        Target::Log(id) => id.to_string(),
    }
}

/// Stops following.
pub fn unfollow(world: &mut World, who: usize, log: LogId) {
    let now = world.now;
    world.client(who).unfollow(now, log);
    let person = &mut world.people[who];
    if let Some(followed) = person.followed.remove(&log) {
        person.follows.remove(&followed.called);
    }
}

/// A client dies and starts again; it follows what it followed.
pub fn restart_client(world: &mut World, who: usize) {
    if world.people[who].client.is_some() {
        world.kill_client(who);
        start_client(world, who);
    }
}

fn start_client(world: &mut World, who: usize) {
    world.start_client(who);
    for log in std::mem::take(&mut world.people[who].follows).into_values() {
        follow(world, who, &log);
    }
}

/// Whether somebody, or whose profile they share, was told that they never come back.
pub fn is_out(world: &World, who: usize) -> bool {
    let person = &world.people[who];
    [Some(who), person.leader].into_iter().flatten().any(|one| world.people[one].prospect == Prospect::Out)
}

/// What people do without being told: follow a conversation that somebody began with them, and sign in again with a new key
/// where the old one is no longer taken. Who then hears that the right password is wrong believes that the account was deleted
/// if another device of theirs was told.
pub fn tend(world: &mut World) {
    for who in 0..world.people.len() {
        let person = &world.people[who];
        let is_told = |other: &Person| other.prospect == Prospect::Out && other.name == person.name;
        if person.prospect == Prospect::Doubtful && world.people.iter().any(is_told) {
            world.people[who].prospect = Prospect::Out;
        }
        if is_out(world, who) {
            continue;
        }
        for log in std::mem::take(&mut world.people[who].conversations) {
            follow(world, who, &Target::Log(log));
        }
        let person = &world.people[who];
        match (person.leader, &person.client) {
            (Some(leader), None) if is_signed_in(world, leader) => start_client(world, who),
            (None, Some(client)) => {
                let is_signed_out = person.user.is_some() && client.is_online() && client.account().is_none();
                let is_signing_in = person.asked.values().any(|asked| *asked == Asked::SignIn);
                if is_signed_out && !is_signing_in && !person.is_asleep {
                    sign_in(world, who);
                }
            }
            _ => {}
        }
    }
}

fn is_signed_in(world: &World, who: usize) -> bool {
    world.people[who].client.as_ref().is_some_and(|client| client.account().is_some())
}

/// Makes a new key for the profile and logs in with it. Another process of the profile ends; it has the old key.
fn sign_in(world: &mut World, who: usize) {
    let key_seed = world.key_seed();
    for index in 0..world.people.len() {
        if index == who || world.people[index].leader == Some(who) {
            world.kill_client(index);
            world.people[index].key_seed = key_seed;
        }
    }
    start_client(world, who);
    let credentials = world.credentials(who, super::world::PASSWORD);
    request(world, who, &Request::LogIn(credentials), Asked::SignIn);
}

/// Asks the server without waiting for the answer.
pub fn request(world: &mut World, who: usize, request: &Request, asked: Asked) {
    let now = world.now;
    let tag = world.client(who).request(now, request);
    world.people[who].asked.insert(tag, asked);
    world.settle();
}

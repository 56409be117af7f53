//! Somebody with an account who means no good: asks everything there is to ask, of every log and device whose number can be
//! guessed, and keeps every answer. `promises.rs` looks whether there is a byte in them that was not theirs to read.

use udpchat::crypto::Dice;
use udpchat::message::{DeviceId, HistoryFrom, LogId, Request, SearchPlace, Seq, Target};

use super::access_table::{Ask, ROWS};
use super::crowd::{self, NAMES};
use super::person::Asked;
use super::world::World;

/// What they are called.
pub const NAME: &str = "mallory";

/// Numbers of logs, devices and places are guessed below this; a swarm's world has few more.
const GUESS_MAX: u64 = 24;

/// Requests at a time.
const PROBE_COUNT: u64 = 12;

/// Asks some requests of the table of who may do what, each about something guessed.
pub fn probe(world: &mut World, dice: &mut Dice, who: usize, rooms: &[&str]) {
    for _ in 0..PROBE_COUNT {
        let log = LogId(1 + dice.below(GUESS_MAX));
        let row = &ROWS[dice.below(ROWS.len() as u64) as usize];
        let (own, owners) = (Seq(dice.below(GUESS_MAX)), Seq(dice.below(GUESS_MAX)));
        let request = (row.make)(Ask { id: world.id(who), log, own, owners });
        match twisted(request, dice, rooms) {
            // What could be read at which time would be hard to tell.
            Request::ChangeRoom(change) if change.changes.history.is_some() => {}
            // It would have to be let in by its owner again.
            Request::LogOut(_) if world.people[who].bot.is_some() => {}
            // In the moment in which the device is revoked it would become somebody else; in the end nobody would be left.
            Request::Register(_)
            | Request::RegisterInvited(_)
            | Request::LogIn(_)
            | Request::Guest(_)
            | Request::DeleteAccount(_) => {}
            Request::Follow(_) => follow(world, who, log),
            Request::Unfollow(_) => crowd::unfollow(world, who, log),
            request => crowd::request(world, who, &request, Asked::Anything),
        }
    }
}

/// Follows by the number alone; not a second time what is followed under another name.
fn follow(world: &mut World, who: usize, log: LogId) {
    let person = &world.people[who];
    let called = log.to_string();
    let is_known = person.logs.iter().any(|(known, of)| *of == log && *known != called);
    let is_asked = person.asked.values().any(|asked| matches!(asked, Asked::Follow(_)));
    if !is_known && !is_asked {
        crowd::follow(world, who, &Target::Log(log));
    }
}

/// The request with its other parts guessed too.
fn twisted(mut request: Request, dice: &mut Dice, rooms: &[&str]) -> Request {
    let seq = Seq(dice.below(GUESS_MAX));
    let person = NAMES[dice.below(NAMES.len() as u64) as usize].to_owned();
    match &mut request {
        Request::History(history) => {
            history.count = 50;
            let around = [HistoryFrom::Last, HistoryFrom::Before(seq), HistoryFrom::After(seq), HistoryFrom::Around(seq)];
            history.from = around[dice.below(around.len() as u64) as usize];
        }
        Request::Search(search) => {
            // Every swarm's message begins with the writer's number.
            search.words = dice.below(6).to_string();
            search.before = (dice.below(2) == 0).then_some(SearchPlace { time_ms: u64::MAX, log: LogId(u64::MAX), seq });
        }
        Request::Pick(pick) => pick.after = seq,
        Request::Reports((_, from)) | Request::Audit((_, from)) => *from = seq,
        Request::Moderate(moderate) => moderate.user = person,
        Request::Ignore(ignore) => ignore.user = person,
        Request::WhoIs(name) => *name = person,
        Request::RevokeDevice(revoke) => revoke.device = DeviceId(dice.below(GUESS_MAX)),
        Request::JoinRoom(join) => rooms[dice.below(rooms.len() as u64) as usize].clone_into(&mut join.name),
        Request::Post(post) if matches!(post.to, Target::User(_)) => post.to = Target::User(person),
        _ => {}
    }
    request
}

//! What is promised about accounts that were deleted, when a world has come to rest: they speak no more, they are in no room,
//! what was theirs alone is erased, and of what others read either all stays or nothing.

use rusqlite::Connection;
use udpchat::message::{Event, EventBody, UserId};

use super::crowd;
use super::disk::number;
use super::promises::Truths;
use super::world::World;

/// The kind of a chore that ends an account.
const DELETION: i64 = 3;

/// The role of a room's owner.
const OWNER: i64 = 0;

/// Holds the world against all of it.
pub fn check(world: &World, truths: &Truths, database: &Connection) {
    everybody_knows_who_is_gone(world, truths);
    i11_every_deletion_comes_to_its_end(database);
    every_room_with_members_has_an_owner(database);
    for user in &truths.gone {
        i5_who_is_gone_is_in_nothing(*user, truths, database);
        their_own_log_is_erased(*user, truths);
    }
    for user in &truths.erased {
        nothing_they_said_is_left(*user, truths);
    }
}

/// I7: whose account is gone knows, and nobody believes it whose is not.
fn everybody_knows_who_is_gone(world: &World, truths: &Truths) {
    for (who, person) in world.people.iter().enumerate() {
        let Some(user) = person.user else { continue };
        let is_revoked_bot = person.bot.as_ref().is_some_and(|bot| truths.revoked.contains(&bot.device));
        let is_gone = truths.gone.contains(&user) || is_revoked_bot;
        assert_eq!(crowd::is_out(world, who), is_gone, "I7: {} was told another thing", person.name);
    }
}

fn i11_every_deletion_comes_to_its_end(database: &Connection) {
    let count = count(database, &format!("SELECT count(*) FROM chores WHERE kind = {DELETION}"));
    assert_eq!(count, 0, "I11: accounts are half deleted");
}

fn every_room_with_members_has_an_owner(database: &Connection) {
    let orphaned = format!(
        "SELECT count(*) FROM logs WHERE kind = 0 AND EXISTS (SELECT 1 FROM memberships WHERE log = logs.id AND to_seq IS NULL)
         AND NOT EXISTS (SELECT 1 FROM memberships WHERE log = logs.id AND to_seq IS NULL AND role = {OWNER})"
    );
    assert_eq!(count(database, &orphaned), 0, "a room has members and no owner");
}

/// I5: neither by what the events say nor by what the server goes by.
fn i5_who_is_gone_is_in_nothing(user: UserId, truths: &Truths, database: &Connection) {
    let open = format!("SELECT count(*) FROM memberships WHERE user = {} AND to_seq IS NULL", user.0);
    assert_eq!(count(database, &open), 0, "I5: {user} is gone and a member");
    for (log, truth) in truths.logs.iter().filter(|(log, _)| !truths.owners.contains_key(log)) {
        let is_left = |body: &EventBody| *body == EventBody::Left;
        let has_left = truth.events.iter().any(|event| event.head.author == user && is_left(&event.content()));
        let is_in = match truth.pair {
            Some(pair) => pair.contains(&user) && !has_left,
            None => truths.standing(*log, user, truths.head(*log)).is_member,
        };
        assert!(!is_in, "I5: {user} is gone, and {log} says that they are in it");
    }
}

fn their_own_log_is_erased(user: UserId, truths: &Truths) {
    for (log, _) in truths.owners.iter().filter(|(_, owner)| **owner == user) {
        let left: Vec<_> = truths.logs[log].events.iter().filter(|event| event.body.is_ok()).map(Event::content).collect();
        assert!(left.is_empty(), "{user} is gone, and their own log says {left:?}");
    }
}

fn nothing_they_said_is_left(user: UserId, truths: &Truths) {
    for (log, truth) in &truths.logs {
        for event in truth.events.iter().filter(|event| event.head.author == user) {
            let body = event.content();
            let is_said = matches!(body, EventBody::Posted(_) | EventBody::Edited(_) | EventBody::Reacted(..));
            assert!(!is_said, "{user} wished that nothing stays, and {} of {log} is {body:?}", event.head.seq);
        }
    }
}

fn count(database: &Connection, select: &str) -> u64 {
    database.query_row(select, (), |row| number(row, 0)).unwrap()
}

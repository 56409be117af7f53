//! Guests who come back and who do not, as stories.

use super::retention_tests::do_chores;
use super::tests::{World, account, chore, create, guest, join, member, post, posted, stored, stranger};
use super::*;
use crate::message::{Account, RefusalCode, Visibility};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// A chat with a guest in it, and the time at which the guest is looked at first.
fn with_guest() -> (World, Account, Account, u64) {
    let mut world = World::new();
    let alice = world.register("alice");
    stored(world.act(member(&alice), create("#ops", Visibility::Public)));
    let made = world.act(stranger(1), guest("visitor")).unwrap();
    let Some(Change::ChoreDue { at_ms }) = made.changes.last().cloned() else { panic!("{:?}", made.changes) };
    let visitor = account(Ok(made));
    stored(world.act(member(&visitor), join("#ops")));
    stored(world.act(member(&visitor), post("#ops", "hello")));
    (world, alice, visitor, at_ms)
}

fn is_there(world: &World) -> bool {
    profile(&world.reader, "visitor").unwrap().map_err(|refusal| assert_eq!(refusal.code(), RefusalCode::NoSuchUser)).is_ok()
}

/// Lets the server see to what is due, and whether it was asked for the guest.
fn look(world: &mut World) -> bool {
    let ran = world.act(Actor::Server, chore(ChoreTry::Run)).unwrap();
    ran.changes.iter().any(|change| matches!(change, Change::GuestDue { .. }))
}

#[test]
fn a_guest_who_was_not_seen_for_long_is_gone_and_what_they_wrote_stays() {
    let (mut world, alice, _, first_ms) = with_guest();
    world.wait_until(first_ms);
    assert!(!look(&mut world), "a day is not long");
    world.wait_until(first_ms + 30 * DAY_MS);
    assert!(look(&mut world), "the loop is asked first");
    assert!(is_there(&world));
    world.later(HOUR_MS);
    assert_eq!(do_chores(&mut world), None);
    assert!(!is_there(&world));
    let page = memberships(&world.reader, alice.user, None).unwrap();
    let log = page.memberships[0].log;
    assert!(world.events(log, 1).contains(&posted("hello")));
    assert_eq!(world.act(stranger(2), guest("visitor")).unwrap_err().code(), RefusalCode::NameTaken);
}

#[test]
fn a_guest_who_comes_or_is_there_stays() {
    let (mut world, _, visitor, first_ms) = with_guest();
    world.wait_until(first_ms + 20 * DAY_MS);
    world.act(member(&visitor), Action::Seen).unwrap();
    world.wait_until(first_ms + 45 * DAY_MS);
    assert!(!look(&mut world), "seen 25 days ago");
    world.wait_until(first_ms + 51 * DAY_MS);
    assert!(look(&mut world));
    // The loop knows better.
    world.act(member(&visitor), Action::Seen).unwrap();
    world.later(HOUR_MS);
    let next_ms = do_chores(&mut world).unwrap();
    assert!(is_there(&world) && next_ms > first_ms + 80 * DAY_MS);
    // And it is asked again the next time.
    world.wait_until(next_ms);
    assert!(look(&mut world) && is_there(&world));
}

#[test]
fn a_guest_who_logged_out_is_gone_and_a_server_may_keep_all_others() {
    let (mut world, _, visitor, first_ms) = with_guest();
    world.wait_until(first_ms + 1_000 * DAY_MS);
    let keep = || Action::Chore { what: ChoreTry::Run, guest_days: 0 };
    world.act(Actor::Server, keep()).unwrap();
    assert!(is_there(&world));
    world.act(member(&visitor), Action::LogOut).unwrap();
    for _ in 0..3 {
        world.later(DAY_MS);
        world.act(Actor::Server, keep()).unwrap();
    }
    assert!(!is_there(&world));
}

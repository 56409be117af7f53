//! Every cap is reached, and holds.

use super::tests::{World, account, bind, code, create, join, leave, member, post, stored, stranger};
use super::*;
use crate::message::{RefusalCode, RoomSearch, Visibility};

#[test]
fn a_user_has_at_most_32_live_devices() {
    let mut world = World::new();
    let alice = world.register("alice");
    for extra in 1..DEVICES_MAX as u64 {
        account(world.act(stranger(100 + extra), bind(&alice)));
    }
    assert_eq!(code(world.act(stranger(200), bind(&alice))), RefusalCode::LimitReached);
    world.act(member(&alice), Action::LogOut).unwrap();
    account(world.act(stranger(200), bind(&alice)));
}

#[test]
fn limits_are_kept() {
    let mut world = World::new();
    let alice = world.register("alice");
    for number in 0..ROOMS_CREATED_MAX {
        stored(world.act(member(&alice), create(&format!("#room{number}x"), Visibility::Public)));
    }
    assert_eq!(code(world.act(member(&alice), create("#more", Visibility::Public))), RefusalCode::LimitReached);
    let bob = world.register("bob");
    stored(world.act(member(&bob), create("#more", Visibility::Public)));
    assert_eq!(code(world.act(member(&alice), join("#more"))), RefusalCode::LimitReached);
    stored(world.act(member(&alice), leave("#room7x")));
    stored(world.act(member(&alice), join("#more")));
    // A thousand memberships come in two pages, each of which fits a message.
    let first = memberships(&world.reader, alice.user, None).unwrap();
    let second = memberships(&world.reader, alice.user, first.memberships.last().map(|last| last.log)).unwrap();
    assert_eq!((first.memberships.len(), first.more), (MEMBERSHIPS_PAGE, true));
    assert_eq!((second.memberships.len(), second.more), (500, false));
    let page = rooms(&world.reader, bob.user, &RoomSearch::default()).unwrap();
    assert_eq!((page.rooms.len(), page.more), (ROOMS_PAGE, true));
}

#[test]
fn a_user_begins_at_most_a_thousand_conversations() {
    let mut world = World::new();
    let alice = world.register("alice");
    let others: Vec<_> = (0..=CONVERSATIONS_OPENED_MAX).map(|number| world.register(&format!("user{number}x"))).collect();
    for other in &others[1..] {
        stored(world.act(member(&alice), post(&other.name, "hi")));
    }
    assert_eq!(code(world.act(member(&alice), post(&others[0].name, "hi"))), RefusalCode::LimitReached);
    // The ones there are go on, and others may still begin.
    stored(world.act(member(&alice), post(&others[1].name, "again")));
    stored(world.act(member(&others[0]), post("alice", "hello")));
}

#[test]
fn coming_and_going_ends_after_a_thousand_times() {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    stored(world.act(member(&alice), create("#ops", Visibility::Unlisted)));
    for _ in 0..SPANS_MAX {
        stored(world.act(member(&bob), join("#ops")));
        stored(world.act(member(&bob), leave("#ops")));
    }
    assert_eq!(code(world.act(member(&bob), join("#ops"))), RefusalCode::LimitReached);
}

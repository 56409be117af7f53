//! Whom a message is for, told as stories over a real database.

use super::tests::{World, account, bind, code, create, join, leave, member, post, stored, stranger};
use super::*;
use crate::message::{LogId, RefusalCode, Seq, Target, Visibility};

const DAY_MS: u64 = 24 * 3_600 * 1_000;

fn of(world: &World, user: crate::message::UserId, log: LogId, seq: Seq, now_ms: u64) -> Recipients {
    recipients(&world.reader, user, &Target::Log(log), seq, now_ms).unwrap().unwrap()
}

#[test]
fn a_message_is_for_the_devices_of_the_others() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.register(name));
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    stored(world.act(member(&bob), join("#ops")));
    let laptop = account(world.act(stranger(77), bind(&bob)));
    let seq = stored(world.act(member(&alice), post("#ops", "hello"))).seq;
    let found = of(&world, alice.user, log, seq, 2_000);
    assert_eq!(found.devices, [(bob.device, bob.user), (laptop.device, bob.user)].into());
    assert_eq!((found.reader_count, found.unread), (1, [bob.user].into()));
    // Where history is open, whoever comes later reads it too.
    stored(world.act(member(&carol), join("#ops")));
    assert_eq!(of(&world, alice.user, log, seq, 2_000).reader_count, 2);
    stored(world.act(member(&carol), leave("#ops")));
    // A device that is revoked, or was not seen for 30 days, is not waited for.
    world.act(member(&laptop), Action::LogOut).unwrap();
    assert_eq!(of(&world, alice.user, log, seq, 2_000).devices, [(bob.device, bob.user)].into());
    let late = of(&world, alice.user, log, seq, 2_000 + 30 * DAY_MS);
    assert_eq!((late.devices.len(), late.reader_count), (0, 1));
}

#[test]
fn receipts_are_for_the_author() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.register(name));
    let log = stored(world.act(member(&alice), create("#quiet", Visibility::Unlisted))).log;
    stored(world.act(member(&bob), join("#quiet")));
    let seq = stored(world.act(member(&alice), post("#quiet", "hello"))).seq;
    let ask = |world: &World, user, seq| recipients(&world.reader, user, &Target::Log(log), seq, 2_000).unwrap().map(|_| ());
    assert_eq!(ask(&world, alice.user, seq), Ok(()));
    assert_eq!(ask(&world, bob.user, seq).unwrap_err().code(), RefusalCode::NotYourPost);
    assert_eq!(ask(&world, alice.user, Seq(1)).unwrap_err().code(), RefusalCode::NoSuchPost);
    assert_eq!(ask(&world, carol.user, seq).unwrap_err().code(), RefusalCode::NoSuchRoom);
    // Who comes later cannot read it here.
    stored(world.act(member(&carol), join("#quiet")));
    assert_eq!(of(&world, alice.user, log, seq, 2_000).reader_count, 1);
    assert_eq!(
        code(world.act(member(&carol), Action::Mark { log: Target::Log(log), seq, mark: crate::message::Mark::Pin })),
        RefusalCode::NoSuchPost
    );
}

#[test]
fn a_large_room_has_no_receipts() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    for number in 1..RECIPIENTS_MAX {
        let person = world.register(&format!("p{number}"));
        stored(world.act(member(&person), join("#ops")));
    }
    let seq = stored(world.act(member(&alice), post("#ops", "hello"))).seq;
    assert_eq!(of(&world, alice.user, log, seq, 2_000).reader_count as u64, RECIPIENTS_MAX - 1);
    let more = world.register("more");
    stored(world.act(member(&more), join("#ops")));
    let refused = recipients(&world.reader, alice.user, &Target::Log(log), seq, 2_000).unwrap().unwrap_err();
    assert_eq!(refused.code(), RefusalCode::TooManyReaders);
}

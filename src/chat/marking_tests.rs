//! Read markers, told as stories over a real database.

use super::tests::{World, account, bind, code, create, join, leave, member, post, stored, stranger};
use super::*;
use crate::message::{Account, EventBody, LogId, Marked, RefusalCode, Reply, Seq, Target, Visibility};

fn mark(room: &str, seq: u64) -> Action {
    Action::MarkRead { log: Target::Room(room.into()), seq: Seq(seq) }
}

fn marked(ran: Result<Outcome, crate::message::Refusal>) -> Marked {
    let Reply::Marked(marked) = ran.unwrap().reply else { panic!("a marker was expected") };
    marked
}

/// What the list of rooms says: up to where the first one is read, and how many messages are behind that.
fn listed(world: &World, account: &Account) -> (u64, u64) {
    let listed = memberships(&world.reader, account.user, None).unwrap().memberships;
    (listed[0].read.0, listed[0].unread_count)
}

fn in_a_room() -> (World, Account, Account, LogId) {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    stored(world.act(member(&alice), post("#ops", "before bob")));
    stored(world.act(member(&bob), join("#ops")));
    (world, alice, bob, log)
}

fn wait(world: &mut World) {
    let later_ms = world.time_ms() + MARK_INTERVAL_MS;
    world.wait_until(later_ms);
}

#[test]
fn messages_are_unread_until_they_are_marked_and_can_be_marked_back() {
    let (mut world, alice, bob, log) = in_a_room();
    assert_eq!(listed(&world, &bob), (4, 0), "who comes in has nothing to catch up with");
    for text in ["one", "two", "three"] {
        stored(world.act(member(&alice), post("#ops", text)));
    }
    assert_eq!((listed(&world, &bob), listed(&world, &alice)), ((4, 3), (7, 0)), "who writes has read");
    let ran = world.act(member(&bob), mark("#ops", 6)).unwrap();
    let told = Change::Read { log, user: bob.user, seq: Seq(6) };
    assert_eq!(ran.changes, [told], "who waits for the reader hears of it");
    let read = marked(Ok(ran));
    assert_eq!(read, Marked { log, room: "#ops".into(), seq: Seq(6), unread_count: 1, mention_count: 0 });
    assert_eq!(world.own(&bob).last(), Some(&EventBody::ReadMarker(log, Seq(6))), "the user's other devices hear of it");
    wait(&mut world);
    assert_eq!(marked(world.act(member(&bob), mark("#ops", u64::MAX))).seq, Seq(7));
    wait(&mut world);
    assert_eq!(marked(world.act(member(&bob), mark("#ops", 4))).unread_count, 3);
    assert_eq!(listed(&world, &bob), (4, 3));
    stored(world.act(member(&bob), leave("#ops")));
    assert_eq!(code(world.act(member(&bob), mark("#ops", 5))), RefusalCode::NotMember);
}

#[test]
fn a_marker_moves_once_in_two_seconds_and_a_repeat_is_met() {
    let (mut world, alice, bob, _) = in_a_room();
    for text in ["one", "two"] {
        stored(world.act(member(&alice), post("#ops", text)));
    }
    let id = world.fresh_id();
    let first = world.run(member(&bob), id, mark("#ops", 5)).unwrap();
    let again = world.run(member(&bob), id, mark("#ops", 5)).unwrap();
    assert!(again.replayed && again.reply == first.reply);
    let too_soon = world.act(member(&bob), mark("#ops", 6)).unwrap_err();
    assert_eq!(too_soon.code(), RefusalCode::TooMany);
    assert!((1..=2_000).contains(&too_soon.retry_after_ms));
    // What changes nothing is no write.
    assert!(world.act(member(&bob), mark("#ops", 5)).unwrap().events.is_empty());
    wait(&mut world);
    assert_eq!(marked(world.act(member(&bob), mark("#ops", 6))).unread_count, 0);
}

#[test]
fn a_marker_stays_where_its_owner_may_read() {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    stored(world.act(member(&alice), create("#den", Visibility::Unlisted)));
    for number in 0..3 {
        stored(world.act(member(&alice), post("#den", &format!("secret {number}"))));
    }
    assert_eq!(code(world.act(member(&bob), mark("#den", 2))), RefusalCode::NoSuchRoom);
    stored(world.act(member(&bob), join("#den")));
    stored(world.act(member(&alice), post("#den", "hello")));
    let read = marked(world.act(member(&bob), mark("#den", 1)));
    assert_eq!((read.seq, read.unread_count), (Seq(6), 1), "hidden messages are not counted");
    assert_eq!(code(world.act(member(&bob), Action::MarkRead { log: Target::Own, seq: Seq(1) })), RefusalCode::NoSuchRoom);
}

#[test]
fn who_writes_has_read_and_whoever_waits_or_owns_another_device_hears_of_it() {
    let (mut world, alice, bob, log) = in_a_room();
    stored(world.act(member(&alice), post("#ops", "a question")));
    let ran = world.act(member(&bob), post("#ops", "an answer")).unwrap();
    assert_eq!(ran.changes, [Change::Read { log, user: bob.user, seq: Seq(6) }]);
    assert_eq!(ran.events.len(), 1, "without another device there is nobody to tell");
    let phone = account(world.act(stranger(77), bind(&bob)));
    let told = |world: &World| -> Vec<EventBody> {
        world.own(&bob).into_iter().filter(|body| matches!(body, EventBody::ReadMarker(..))).collect()
    };
    let answer = |world: &mut World, device: &Account| {
        let ran = world.act(member(device), post("#ops", "more")).unwrap();
        assert!(matches!(ran.changes[..], [Change::Read { .. }]), "every post is told to who waits");
    };
    let mut expected = Vec::new();
    // Of a run of messages the first is told, then one in two seconds, from whatever device.
    for (device, seq) in [(&bob, 7), (&phone, 10)] {
        answer(&mut world, device);
        expected.push(EventBody::ReadMarker(log, Seq(seq)));
        assert_eq!(told(&world), expected);
        answer(&mut world, &bob);
        answer(&mut world, &phone);
        assert_eq!(told(&world), expected);
        assert_eq!(code(world.act(member(&bob), mark("#ops", 5))), RefusalCode::TooMany, "by hand no sooner either");
        wait(&mut world);
    }
    assert_eq!(listed(&world, &bob), (12, 0), "the marker is where the last message is all the same");
}

//! Chores and retention, as stories.

use super::retention::STEP_EVENTS_MAX;
use super::tests::{World, chore, code, create, join, leave, member, post, posted, stored};
use super::*;
use crate::message::{
    Archived, EventBody, GoodChanges, HistoryFrom, HistoryRequest, LogId, Mark, Posting, RefusalCode, Reply, RoomEvent,
    RoomSearch, Seq, Setting, Target, Text, Visibility,
};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

pub(super) fn set(room: &str, settings: Vec<Setting>) -> Action {
    change(room, GoodChanges { settings, ..GoodChanges::default() })
}

fn change(room: &str, changes: GoodChanges) -> Action {
    Action::ChangeRoom { room: Target::Room(room.into()), password_hash: None, changes }
}

/// Does what is due, as the server's loop would, and says when to come back.
pub(super) fn do_chores(world: &mut World) -> Option<u64> {
    loop {
        let ran = world.act(Actor::Server, chore(ChoreTry::Run)).unwrap();
        assert_eq!(ran.reply, Reply::Done);
        // What else changed on the way is for each test to look at.
        match ran.changes.last() {
            Some(Change::ChoreDue { at_ms }) if *at_ms > world.time_ms() => return Some(*at_ms),
            Some(Change::ChoreDue { .. }) => {}
            _ => return None,
        }
    }
}

/// Does what is due; nothing waits then but the forgetting of what was erased, and nothing behind it.
pub(super) fn do_all_chores(world: &mut World) {
    let forget_ms = do_chores(world).expect("something was erased");
    world.wait_until(forget_ms);
    assert_eq!(do_chores(world), None);
}

fn said(world: &World, log: LogId) -> Vec<EventBody> {
    let is_said = |body: &EventBody| matches!(body, EventBody::Posted(_) | EventBody::Erased);
    world.events(log, 1).into_iter().filter(is_said).collect()
}

#[test]
fn a_room_keeps_the_newest_messages_only() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    for text in ["one", "two", "three"] {
        stored(world.act(member(&alice), post("#ops", text)));
    }
    let ran = world.act(member(&alice), set("#ops", vec![Setting::RetainPosts(2)])).unwrap();
    assert!(matches!(ran.changes[..], [Change::ChoreDue { .. }]), "the loop learns of it: {:?}", ran.changes);
    let again_ms = do_chores(&mut world).unwrap();
    assert_eq!(said(&world, log), [EventBody::Erased, posted("two"), posted("three")]);
    // The place of what was erased stays, and a repeat of it is still met.
    let erased = world.events(log, 1).pop().unwrap();
    assert_eq!(erased, EventBody::Room(RoomEvent::RangeErased(Seq(3), Seq(3), None)));
    stored(world.act(member(&alice), post("#ops", "four")));
    assert_eq!(do_chores(&mut world), Some(again_ms), "not before its time");
    world.wait_until(again_ms);
    do_chores(&mut world);
    assert_eq!(said(&world, log), [EventBody::Erased, EventBody::Erased, posted("three"), posted("four")]);
    // Nothing is done any more when everything is kept.
    stored(world.act(member(&alice), set("#ops", vec![Setting::RetainPosts(0)])));
    do_all_chores(&mut world);
}

#[test]
fn messages_are_erased_when_their_days_are_over() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    stored(world.act(member(&alice), set("#ops", vec![Setting::RetainDays(2)])));
    let first_ms = do_chores(&mut world).unwrap();
    stored(world.act(member(&alice), post("#ops", "old")));
    world.wait_until(first_ms - DAY_MS);
    stored(world.act(member(&alice), post("#ops", "young")));
    world.wait_until(first_ms + HOUR_MS);
    let forget_ms = do_chores(&mut world).unwrap();
    assert_eq!(said(&world, log), [EventBody::Erased, posted("young")]);
    world.wait_until(forget_ms);
    let next_ms = do_chores(&mut world).unwrap();
    world.wait_until(next_ms);
    do_chores(&mut world);
    assert_eq!(said(&world, log), [EventBody::Erased, EventBody::Erased]);
    let erasings = world.events(log, 1).into_iter().filter(|body| matches!(body, EventBody::Room(RoomEvent::RangeErased(..))));
    assert_eq!(erasings.count(), 2, "one for each round");
}

#[test]
fn a_long_room_is_erased_step_by_step() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    let count = 2 * STEP_EVENTS_MAX + 10;
    for number in 0..count {
        stored(world.act(member(&alice), post("#ops", &format!("{number}"))));
    }
    stored(world.act(member(&alice), set("#ops", vec![Setting::RetainPosts(1)])));
    let step = world.act(Actor::Server, chore(ChoreTry::Run)).unwrap();
    assert_eq!(step.events.len(), 1);
    let gone = |world: &World| said(world, log).iter().filter(|body| **body == EventBody::Erased).count();
    assert_eq!(gone(&world), STEP_EVENTS_MAX - 2, "the room's making and the owner's coming stay");
    do_chores(&mut world);
    assert_eq!(gone(&world), count - 1);
}

#[test]
fn a_chore_that_fails_does_not_stand_before_the_others() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    stored(world.act(member(&alice), post("#ops", "text")));
    stored(world.act(member(&alice), set("#ops", vec![Setting::RetainDays(1)])));
    let ran = world.act(Actor::Server, chore(ChoreTry::PutOff)).unwrap();
    let [Change::ChoreDue { at_ms }] = ran.changes[..] else { panic!("{:?}", ran.changes) };
    assert!(at_ms > world.time_ms());
    world.wait_until(at_ms + DAY_MS);
    do_chores(&mut world);
    assert_eq!(said(&world, log), [EventBody::Erased]);
}

#[test]
fn nobody_but_the_server_does_chores() {
    let mut world = World::new();
    let alice = world.register("alice");
    assert_eq!(code(world.act(member(&alice), chore(ChoreTry::Run))), RefusalCode::NotSignedIn);
}

#[test]
fn settings_are_the_owners_and_hold_for_everybody() {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    assert_eq!(code(world.act(member(&bob), set("#ops", vec![Setting::Slow(5)]))), RefusalCode::NotMember);
    stored(world.act(member(&bob), join("#ops")));
    assert_eq!(code(world.act(member(&bob), set("#ops", vec![Setting::Slow(5)]))), RefusalCode::NotModerator);
    assert_eq!(code(world.act(member(&alice), set("#ops", vec![]))), RefusalCode::BadSetting);

    stored(world.act(member(&alice), set("#ops", vec![Setting::Posting(Posting::Moderators)])));
    assert_eq!(code(world.act(member(&bob), post("#ops", "may I?"))), RefusalCode::AnnouncementsOnly);
    stored(world.act(member(&alice), post("#ops", "I may")));
    let everyone = vec![Setting::Posting(Posting::Everyone), Setting::Slow(5)];
    stored(world.act(member(&alice), set("#ops", everyone)));
    stored(world.act(member(&bob), post("#ops", "one")));
    let slowed = world.act(member(&bob), post("#ops", "two")).unwrap_err();
    assert_eq!(slowed.code(), RefusalCode::SlowMode);
    assert!((1..=5_000).contains(&slowed.retry_after_ms), "{slowed:?}");
    stored(world.act(member(&alice), post("#ops", "moderators")));
    stored(world.act(member(&alice), post("#ops", "need not wait")));
    let free_ms = world.time_ms() + u64::from(slowed.retry_after_ms);
    world.wait_until(free_ms);
    stored(world.act(member(&bob), post("#ops", "two")));
    // A clock that was far ahead for a moment silences nobody until then.
    let step = world.step;
    world.step += 1_000_000_000;
    stored(world.act(member(&bob), post("#ops", "from years ahead")));
    world.step = step + 100_000;
    stored(world.act(member(&bob), post("#ops", "today")));

    let archived = |archived| change("#ops", GoodChanges { archived: Some(archived), ..GoodChanges::default() });
    stored(world.act(member(&alice), archived(Archived::Yes)));
    assert_eq!(code(world.act(member(&alice), post("#ops", "late"))), RefusalCode::ArchivedRoom);
    assert_eq!(code(world.act(member(&alice), set("#ops", vec![Setting::Slow(0)]))), RefusalCode::ArchivedRoom);
    assert!(rooms(&world.reader, bob.user, &RoomSearch::default()).unwrap().rooms.is_empty());
    stored(world.act(member(&alice), archived(Archived::No)));
    stored(world.act(member(&alice), post("#ops", "back")));
    let told = world.events(log, 1).into_iter().filter(|body| matches!(body, EventBody::Room(_))).count();
    assert_eq!(told, 4, "whoever was there can read what was changed");
}

#[test]
fn an_archived_room_takes_nobody_in_and_lets_everybody_out() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.register(name));
    stored(world.act(member(&alice), create("#ops", Visibility::Public)));
    stored(world.act(member(&bob), join("#ops")));
    stored(world.act(member(&alice), change("#ops", GoodChanges { archived: Some(Archived::Yes), ..GoodChanges::default() })));
    assert_eq!(code(world.act(member(&carol), join("#ops"))), RefusalCode::ArchivedRoom);
    stored(world.act(member(&bob), join("#ops")));
    stored(world.act(member(&bob), leave("#ops")));
    assert_eq!(code(world.act(member(&bob), join("#ops"))), RefusalCode::ArchivedRoom);
}

#[test]
fn what_became_of_an_erased_message_is_erased_with_it() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    let first = stored(world.act(member(&alice), post("#ops", "first"))).seq;
    stored(world.act(member(&alice), post("#ops", "second")));
    let ops = || Target::Room("#ops".into());
    let text = Text::parse("changed").unwrap();
    stored(world.act(member(&alice), Action::Edit { log: ops(), seq: first, text }));
    for mark in [Mark::React("+1".into()), Mark::Pin] {
        stored(world.act(member(&alice), Action::Mark { log: ops(), seq: first, mark }));
    }
    let page = |world: &World| {
        let request = HistoryRequest { log: Target::Log(log), from: HistoryFrom::Last, count: 20 };
        history(&world.reader, alice.user, &request, PAGE_LEN_MAX).unwrap().unwrap()
    };
    assert_eq!(page(&world).overlays.len(), 1);
    stored(world.act(member(&alice), set("#ops", vec![Setting::RetainPosts(1)])));
    do_chores(&mut world);
    let edited = world.events(log, 1).into_iter().filter(|body| matches!(body, EventBody::Edited(_))).count();
    assert_eq!((edited, page(&world).overlays.len()), (0, 0), "the edit stands behind what is kept, and is of what is not");
    assert!(world.reader.snapshot(|tables| tables.edits(log, (first, first))).unwrap().is_empty());
    assert_eq!(
        code(world.act(member(&alice), Action::Mark { log: ops(), seq: first, mark: Mark::Unpin })),
        RefusalCode::NoSuchPost
    );
}

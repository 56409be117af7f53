//! The end of an account, as stories.

use super::deletion::STEP_EVENTS_MAX;
use super::retention_tests::{do_all_chores, do_chores};
use super::tests::{
    World, account, bind, chore, code, create, guest, join, key, member, post, posted, register, stored, stranger,
};
use super::*;
use crate::message::{
    Account, Concerned, Deed, EventBody, LogId, Mark, RefusalCode, Reply, Role, RoomEvent, Seq, Target, Text, Texts, Visibility,
    Wish,
};
use crate::store::DoorList;

fn delete(account: &Account, texts: Texts) -> Action {
    let verified = (!account.is_guest()).then(|| format!("hash of {}", account.name));
    Action::DeleteAccount { verified, texts }
}

fn roles(world: &World, asker: &Account, log: LogId) -> Vec<(String, Role)> {
    let page = who(&world.reader, asker.user, &Target::Log(log), 0).unwrap().unwrap();
    page.members.into_iter().map(|member| (member.name, member.role)).collect()
}

fn room(name: &str) -> Target {
    Target::Room(name.into())
}

#[test]
fn a_deleted_account_speaks_no_more_and_its_name_stays_taken() {
    let mut world = World::new();
    let alice = account(world.act(stranger(1), register("alice")));
    let phone = account(world.act(stranger(2), bind(&alice)));
    let wrong = Action::DeleteAccount { verified: Some("another hash".into()), texts: Texts::Stay };
    assert_eq!(code(world.act(member(&alice), wrong)), RefusalCode::WrongPassword);
    let none = Action::DeleteAccount { verified: None, texts: Texts::Stay };
    assert_eq!(code(world.act(member(&alice), none)), RefusalCode::WrongPassword);
    let id = world.fresh_id();
    let outcome = world.run(member(&phone), id, delete(&alice, Texts::Stay)).unwrap();
    let ended = [
        Change::AccountEnded { user: alice.user },
        Change::DeviceRevoked { device: alice.device },
        Change::DeviceRevoked { device: phone.device },
        Change::ChoreDue { at_ms: world.time_ms() },
    ];
    assert_eq!((outcome.reply, outcome.changes), (Reply::Done, ended.to_vec()));
    let again = world.run(member(&phone), id, delete(&alice, Texts::Stay)).unwrap();
    assert_eq!((again.reply, again.replayed), (Reply::Done, true));
    assert_eq!(code(world.act(member(&alice), post("@alice", "x"))), RefusalCode::AccountDeleted);
    let owner = account_of_key(&world.reader, &key(1)).unwrap();
    assert!(matches!(owner, KeyOwner::Refused(refusal) if refusal.code() == RefusalCode::AccountDeleted));
    assert_eq!(code(world.act(stranger(1), register("alice"))), RefusalCode::AccountDeleted);
    assert_eq!(code(world.act(stranger(3), register("Alice"))), RefusalCode::NameTaken);
    assert_eq!(password_of(&world.reader, "alice").unwrap(), None);
    assert_eq!(code(world.act(stranger(4), bind(&alice))), RefusalCode::WrongPassword);
    assert_eq!(profile(&world.reader, "alice").unwrap().unwrap_err().code(), RefusalCode::NoSuchUser);
    assert_eq!(do_chores(&mut world), None);
    assert!(world.own(&alice).iter().all(|body| *body == EventBody::Erased), "only alice could read it");
}

#[test]
fn rooms_pass_to_who_kept_order_longest_and_conversations_end() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.register(name));
    let ops = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    let lone = stored(world.act(member(&alice), create("#lone", Visibility::Public))).log;
    for person in [&bob, &carol] {
        stored(world.act(member(person), join("#ops")));
    }
    let promote = Action::Moderate { room: room("#ops"), user: "carol".into(), deed: Deed::Role(Role::Moderator) };
    stored(world.act(member(&alice), promote));
    let direct = stored(world.act(member(&alice), post("@bob", "between us"))).log;
    stored(world.act(member(&alice), post("#ops", "hello all")));
    world.act(member(&alice), delete(&alice, Texts::Stay)).unwrap();
    // At once, before any chore has run.
    assert_eq!(code(world.act(member(&bob), post("@alice", "there?"))), RefusalCode::NoSuchUser);
    assert_eq!(code(world.act(member(&carol), post("@alice", "there?"))), RefusalCode::NoSuchUser);
    assert_eq!(do_chores(&mut world), None);
    assert_eq!(roles(&world, &bob, ops), [("bob".into(), Role::Member), ("carol".into(), Role::Owner)]);
    let told = world.events(ops, 1);
    let passed = RoomEvent::RoleChanged(Concerned { user: carol.user, name: "carol".into() }, Role::Owner);
    assert_eq!(told[told.len() - 3..], [posted("hello all"), EventBody::Room(passed), EventBody::Left]);
    assert_eq!(world.events(lone, 1).last(), Some(&EventBody::Left));
    // Who comes into the empty room owns it, as ever.
    stored(world.act(member(&bob), join("#lone")));
    assert_eq!(roles(&world, &bob, lone), [("bob".into(), Role::Owner)]);
    // The other one keeps the conversation and cannot go on with it.
    assert_eq!(world.events(direct, 2), [posted("between us"), EventBody::Left]);
    assert_eq!(code(world.act(member(&bob), post("@alice", "there?"))), RefusalCode::NoSuchUser);
    let invite = Action::Moderate { room: room("#ops"), user: "alice".into(), deed: Deed::Invite };
    assert_eq!(code(world.act(member(&carol), invite)), RefusalCode::NoSuchUser);
    assert_eq!(memberships(&world.reader, bob.user, None).unwrap().memberships.len(), 3);
}

#[test]
fn a_room_that_only_the_gone_are_left_in_passes_to_who_comes_meanwhile() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.register(name));
    let ops = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    stored(world.act(member(&bob), join("#ops")));
    for person in [&alice, &bob] {
        world.act(member(person), delete(person, Texts::Stay)).unwrap();
    }
    // Alice is taken out first, and there is nobody yet who could own the room.
    world.act(Actor::Server, chore(ChoreTry::Run)).unwrap();
    assert_eq!(world.events(ops, 1).last(), Some(&EventBody::Left));
    stored(world.act(member(&carol), join("#ops")));
    assert_eq!(do_chores(&mut world), None);
    assert_eq!(roles(&world, &carol, ops), [("carol".into(), Role::Owner)]);
}

#[test]
fn what_somebody_wrote_is_erased_everywhere_if_they_wish_it() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.register(name));
    let ops = stored(world.act(member(&bob), create("#ops", Visibility::Public))).log;
    stored(world.act(member(&alice), join("#ops")));
    let said = stored(world.act(member(&bob), post("#ops", "bob's"))).seq;
    let first = stored(world.act(member(&alice), post("#ops", "alice's"))).seq;
    let edit = Action::Edit { log: room("#ops"), seq: first, text: Text::parse("better").unwrap() };
    stored(world.act(member(&alice), edit));
    let mark = |seq, mark| Action::Mark { log: room("#ops"), seq, mark };
    stored(world.act(member(&alice), mark(said, Mark::React("👍".into()))));
    stored(world.act(member(&bob), mark(first, Mark::React("👍".into()))));
    stored(world.act(member(&bob), mark(first, Mark::Pin)));
    let direct = stored(world.act(member(&alice), post("@bob", "between us"))).log;
    let (id, at_ms) = (world.fresh_id(), world.time_ms() + 1_000_000);
    world.run(member(&alice), id, Action::Schedule { post: super::scheduled_tests::post(id, "@bob", "later"), at_ms }).unwrap();
    stored(world.act(member(&alice), Action::LeaveRoom { room: room("#ops") }));
    world.act(member(&alice), delete(&alice, Texts::AreErased)).unwrap();
    do_all_chores(&mut world);
    assert_eq!(world.events(direct, 2).len(), 3, "what was to be posted later is not");
    let erased = |first, last| EventBody::Room(RoomEvent::RangeErased(Seq(first), Seq(last), Some(alice.user)));
    // Made, two came, bob's, alice's, its edit, her reaction, his reaction and pin; she left.
    let after = world.events(ops, 4);
    let shown = EventBody::Reacted(first, "👍".into());
    let expected = [
        posted("bob's"),
        EventBody::Erased,
        EventBody::Erased,
        EventBody::Erased,
        shown,
        EventBody::Pinned(first),
        EventBody::Left,
        erased(5, 7),
    ];
    assert_eq!(after, expected);
    assert_eq!(world.events(direct, 2), [EventBody::Erased, EventBody::Left, erased(2, 2)]);
    let reactions = world.reader.snapshot(|tables| tables.reactions(ops, (Seq(1), Seq(99)))).unwrap();
    assert_eq!(reactions, [], "neither hers nor those to hers");
    assert_eq!(world.reader.snapshot(|tables| tables.pin_count(ops)).unwrap(), 0);
}

#[test]
fn a_long_life_ends_in_bounded_steps() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.register(name));
    let ops = stored(world.act(member(&bob), create("#ops", Visibility::Public))).log;
    stored(world.act(member(&alice), join("#ops")));
    let count = 2 * STEP_EVENTS_MAX + 10;
    for number in 0..count {
        stored(world.act(member(&alice), post("#ops", &number.to_string())));
    }
    for number in 0..25 {
        stored(world.act(member(&alice), create(&format!("#room{number}"), Visibility::Public)));
    }
    let last = stored(world.act(member(&alice), post("#ops", "much edited"))).seq;
    for number in 0..50 {
        let text = Text::parse(number.to_string()).unwrap();
        stored(world.act(member(&alice), Action::Edit { log: room("#ops"), seq: last, text }));
    }
    world.act(member(&alice), Action::Ignore { user: "bob".into(), wish: Wish::Ignore }).unwrap();
    world.act(member(&alice), delete(&alice, Texts::AreErased)).unwrap();
    let mut step_count = 0;
    loop {
        let ran = world.act(Actor::Server, chore(ChoreTry::Run)).unwrap();
        assert!(ran.events.len() <= 20, "{}", ran.events.len());
        step_count += 1;
        let is_due = |change: &Change| matches!(change, Change::ChoreDue { at_ms } if *at_ms <= world.time_ms());
        if !ran.changes.iter().any(is_due) {
            break;
        }
    }
    assert!(step_count >= 3 + 3 + 2, "{step_count}");
    let left = world.events(ops, 1);
    assert!(!left.iter().any(|body| matches!(body, EventBody::Posted(_) | EventBody::Edited(_))));
    assert_eq!(left.iter().filter(|body| matches!(body, EventBody::Erased)).count(), count + 51);
    assert_eq!(world.reader.snapshot(|tables| tables.own_row_count(alice.user)).unwrap(), 0);
}

#[test]
fn whoever_is_gone_stands_on_no_rooms_lists() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.register(name));
    let mut listed = Vec::new();
    for (name, deed) in [("#den", Deed::Invite), ("#ops", Deed::Ban(String::new()))] {
        let log = stored(world.act(member(&alice), create(name, Visibility::InviteOnly))).log;
        stored(world.act(member(&alice), Action::Moderate { room: room(name), user: "bob".into(), deed }));
        listed.push(log);
    }
    let counts = |world: &World| {
        let count = |list, log| world.reader.snapshot(|tables| tables.listed_count(list, log)).unwrap();
        [count(DoorList::Invited, listed[0]), count(DoorList::Banned, listed[1])]
    };
    assert_eq!(counts(&world), [1, 1]);
    world.act(member(&bob), delete(&bob, Texts::Stay)).unwrap();
    assert_eq!(do_chores(&mut world), None);
    assert_eq!(counts(&world), [0, 0], "they make room for others");
}

#[test]
fn a_guest_ends_without_a_password() {
    let mut world = World::new();
    let visitor = account(world.act(stranger(1), guest("visitor")));
    let guessed = Action::DeleteAccount { verified: Some(String::new()), texts: Texts::Stay };
    assert_eq!(code(world.act(member(&visitor), guessed)), RefusalCode::WrongPassword);
    world.act(member(&visitor), delete(&visitor, Texts::Stay)).unwrap();
    assert_eq!(code(world.act(stranger(2), guest("visitor"))), RefusalCode::NameTaken);
    let look_at_ms = do_chores(&mut world).unwrap();
    world.wait_until(look_at_ms);
    assert_eq!(do_chores(&mut world), None, "nobody looks at a guest who is gone");
}

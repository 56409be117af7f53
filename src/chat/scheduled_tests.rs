//! Messages that are posted later, told as stories over a real database.

use super::tests::{World, chore, code, create, join, leave, member, stored};
use super::*;
use crate::message::{Account, EventBody, PostRequest, RefusalCode, Reply, RequestId, Target, Texts, Visibility};
use crate::store::ChoreKind;

pub(super) fn post(id: RequestId, to: &str, text: &str) -> PostRequest {
    let to = if to.starts_with('#') { Target::Room(to.into()) } else { Target::User(to.into()) };
    PostRequest { id, to, text: text.into(), reply_to: None, payload: None }
}

fn world() -> (World, Account, Account) {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.register(name));
    stored(world.act(member(&alice), create("#ops", Visibility::Public)));
    stored(world.act(member(&bob), join("#ops")));
    (world, alice, bob)
}

/// Asks for a message so much later; its id and number.
fn plan(world: &mut World, author: &Account, to: &str, text: &str, delay_ms: u64) -> (RequestId, u64) {
    let id = world.fresh_id();
    let at_ms = world.time_ms() + delay_ms;
    let ran = world.run(member(author), id, Action::Schedule { post: post(id, to, text), at_ms }).unwrap();
    let Reply::Scheduled(waiting) = ran.reply else { panic!("it does not wait") };
    assert_eq!(ran.changes, [Change::ChoreDue { at_ms }]);
    (id, waiting.number)
}

/// Lets the server see to what is due.
fn run_chores(world: &mut World) -> Outcome {
    world.act(Actor::Server, chore(ChoreTry::Run)).unwrap()
}

#[test]
fn a_message_is_posted_once_at_its_time_in_its_authors_name() {
    let (mut world, alice, bob) = world();
    let (id, number) = plan(&mut world, &bob, "#ops", "good morning @alice", 50);
    assert!(run_chores(&mut world).events.is_empty(), "not yet");
    let waiting = scheduled(&world.reader, bob.user, 0).unwrap();
    assert_eq!((waiting.posts.len(), waiting.posts[0].number, waiting.more), (1, number, false));
    assert!(scheduled(&world.reader, alice.user, 0).unwrap().posts.is_empty());
    world.wait_until(world.time_ms() + 60);
    let events = run_chores(&mut world).events;
    assert_eq!(events.len(), 1);
    let Ok(crate::message::Notice::Event(told)) = crate::message::Notice::decode(&events[0].told) else { panic!() };
    let event = crate::message::Event::decode(&told.event).unwrap();
    assert_eq!((event.head.author, event.head.id, told.author.as_str()), (bob.user, id, "bob"));
    let EventBody::Posted(said) = event.content() else { panic!() };
    assert_eq!((said.text.as_str(), said.mentions), ("good morning @alice", vec![alice.user]));
    assert!(run_chores(&mut world).events.is_empty(), "once");
    assert!(scheduled(&world.reader, bob.user, 0).unwrap().posts.is_empty());
}

#[test]
fn a_repeat_plans_nothing_more_and_a_canceled_message_is_never_posted() {
    let (mut world, _, bob) = world();
    let id = world.fresh_id();
    let action = Action::Schedule { post: post(id, "#ops", "x"), at_ms: world.time_ms() + 1_000 };
    let first = world.run(member(&bob), id, action.clone()).unwrap().reply;
    assert_eq!(world.run(member(&bob), id, action).unwrap().reply, first);
    assert_eq!(scheduled(&world.reader, bob.user, 0).unwrap().posts.len(), 1);
    let Reply::Scheduled(waiting) = first else { panic!() };
    let (_, other) = plan(&mut world, &bob, "#ops", "y", 1_000);
    let stranger = world.register("mallory");
    assert_eq!(code(world.act(member(&stranger), Action::CancelScheduled(other))), RefusalCode::NothingToUndo);
    assert_eq!(world.act(member(&bob), Action::CancelScheduled(waiting.number)).unwrap().reply, Reply::Done);
    assert_eq!(code(world.act(member(&bob), Action::CancelScheduled(waiting.number))), RefusalCode::NothingToUndo);
    world.wait_until(world.time_ms() + 2_000);
    assert_eq!(run_chores(&mut world).events.len(), 1, "the other one");
    assert!(run_chores(&mut world).events.is_empty());
}

#[test]
fn who_may_not_write_any_more_is_told_so() {
    let (mut world, _, bob) = world();
    plan(&mut world, &bob, "#ops", "late", 50);
    stored(world.act(member(&bob), leave("#ops")));
    world.wait_until(world.time_ms() + 60);
    let events = run_chores(&mut world).events;
    assert_eq!((events.len(), events[0].log), (1, bob.own_log));
    let Some(EventBody::NotPosted(to, why)) = world.own(&bob).pop() else { panic!() };
    assert!(to == "#ops" && why.contains("not a member"), "{why}");
    assert!(run_chores(&mut world).events.is_empty());
}

#[test]
fn what_was_planned_leaves_no_trace_once_it_is_taken_back() {
    let (mut world, _, bob) = world();
    let (id, number) = plan(&mut world, &bob, "#ops", "a secret of mine", 1_000);
    let has_secret = |bytes: &[u8]| bytes.windows(6).any(|window| window == b"secret");
    world.act(member(&bob), Action::CancelScheduled(number)).unwrap();
    let kept = world.reader.snapshot(|tables| tables.outcome(bob.user, id)).unwrap().expect("a repeat has its answer");
    assert!(!has_secret(&kept.reply));
    let chores = world.reader.snapshot(|tables| tables.chores_of_user(ChoreKind::Post, bob.user, 0, 10)).unwrap();
    assert!(chores.is_empty());
}

#[test]
fn what_a_device_planned_is_not_posted_once_it_is_logged_out() {
    let (mut world, _, bob) = world();
    plan(&mut world, &bob, "#ops", "from a stolen phone", 50);
    world.act(member(&bob), Action::LogOut).unwrap();
    world.wait_until(world.time_ms() + 60);
    let events = run_chores(&mut world).events;
    assert_eq!((events.len(), events[0].log), (1, bob.own_log));
    let Some(EventBody::NotPosted(to, why)) = world.own(&bob).pop() else { panic!() };
    assert!(to == "#ops" && why.contains("logged out"), "{why}");
}

#[test]
fn no_account_that_is_erased_keeps_others_messages_waiting() {
    let (mut world, alice, bob) = world();
    plan(&mut world, &alice, "#ops", "in time", 50);
    let verified = Some("hash of bob".to_owned());
    world.act(member(&bob), Action::DeleteAccount { verified, texts: Texts::AreErased }).unwrap();
    world.wait_until(world.time_ms() + 60);
    run_chores(&mut world);
    assert_eq!(run_chores(&mut world).events.len(), 1, "one step of the other chore, and it is posted");
    assert!(scheduled(&world.reader, alice.user, 0).unwrap().posts.is_empty());
}

#[test]
fn a_time_is_to_come_and_waiting_messages_have_a_cap() {
    let (mut world, _, bob) = world();
    let year_ms = 366 * 24 * 3_600 * 1_000;
    let now_ms = world.time_ms();
    for at_ms in [0, now_ms, now_ms + year_ms + 1_000, u64::MAX] {
        let id = world.fresh_id();
        let ran = world.run(member(&bob), id, Action::Schedule { post: post(id, "#ops", "x"), at_ms });
        assert_eq!(code(ran), RefusalCode::BadTime, "{at_ms}");
    }
    for (to, code_of) in
        [("#nowhere", RefusalCode::NoSuchRoom), ("nobody", RefusalCode::NoSuchUser), ("bob", RefusalCode::SelfMessage)]
    {
        let id = world.fresh_id();
        let ran = world.run(member(&bob), id, Action::Schedule { post: post(id, to, "x"), at_ms: now_ms + 1_000 });
        assert_eq!(code(ran), code_of, "{to}");
    }
    for _ in 0..SCHEDULED_MAX {
        plan(&mut world, &bob, "#ops", "x", 1_000_000);
    }
    let id = world.fresh_id();
    let at_ms = world.time_ms() + 1_000_000;
    let more = world.run(member(&bob), id, Action::Schedule { post: post(id, "#ops", "x"), at_ms });
    assert_eq!(code(more), RefusalCode::LimitReached);
}

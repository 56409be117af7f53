//! What is done about messages, told as stories over a real database.

use super::tests::{World, code, create, join, leave, member, post, register, stored, stranger};
use super::*;
use crate::message::{
    Account, Event, EventBody, FollowFrom, FollowRequest, HistoryFrom, HistoryRequest, ListKind, LogId, Mark, Notice, Overlay,
    Payload, PickRequest, RefusalCode, Reply, Seq, Target, Text, Visibility,
};

const OPS: &str = "#ops";

fn ops() -> Target {
    Target::Room(OPS.into())
}

fn text(typed: &str) -> Text {
    Text::parse(typed).unwrap()
}

fn edit(seq: Seq, typed: &str) -> Action {
    Action::Edit { log: ops(), seq, text: text(typed) }
}

fn mark(seq: Seq, mark: Mark) -> Action {
    Action::Mark { log: ops(), seq, mark }
}

fn react(seq: Seq, reaction: &str) -> Action {
    mark(seq, Mark::React(reaction.into()))
}

fn answer(seq: Seq, typed: &str) -> Action {
    Action::Post(Draft { to: ops(), text: text(typed), reply_to: Some(seq), payload: None })
}

/// Alice owns `#ops`, Bob and Carol are in it.
fn world() -> (World, [Account; 3], LogId) {
    let mut world = World::new();
    let people = ["alice", "bob", "carol"].map(|name| world.register(name));
    let log = stored(world.act(member(&people[0]), create(OPS, Visibility::Public))).log;
    for person in &people[1..] {
        stored(world.act(member(person), join(OPS)));
    }
    (world, people, log)
}

fn say(world: &mut World, person: &Account, typed: &str) -> Seq {
    stored(world.act(member(person), post(OPS, typed))).seq
}

/// What history lays over the message at `seq` for this reader.
fn overlay(world: &World, reader: &Account, seq: Seq) -> Overlay {
    let request = HistoryRequest { log: ops(), from: HistoryFrom::Around(seq), count: 500 };
    let page = history(&world.reader, reader.user, &request, PAGE_LEN_MAX).unwrap().unwrap();
    let found = page.overlays.into_iter().find(|overlay| overlay.seq == seq);
    found.unwrap_or(Overlay { seq, ..Overlay::default() })
}

/// Every byte that this reader can get of the log, as a follower and from history.
fn all_bytes(world: &World, reader: &Account, log: LogId) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut cursor = Seq(0);
    loop {
        let page = follow_page(&world.reader, reader.user, log, cursor, 100_000).unwrap().unwrap();
        let Some(FollowItem::Event { seq, .. }) = page.items.last() else { break };
        cursor = *seq;
        for item in &page.items {
            let FollowItem::Event { told, .. } = item else { continue };
            bytes.extend_from_slice(told);
        }
    }
    let request = HistoryRequest { log: Target::Log(log), from: HistoryFrom::Last, count: 500 };
    let page = history(&world.reader, reader.user, &request, PAGE_LEN_MAX).unwrap().unwrap();
    bytes.extend(Reply::Page(page).encode(0));
    for kind in [ListKind::Pinned, ListKind::Threads, ListKind::OpenThreads] {
        let request = PickRequest { log: Target::Log(log), kind, after: Seq(0) };
        bytes.extend(Reply::Picked(pick(&world.reader, reader.user, &request, PAGE_LEN_MAX).unwrap().unwrap()).encode(0));
    }
    bytes
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn an_author_edits_and_nobody_else_does() {
    let (mut world, [alice, bob, _], _) = world();
    let first = say(&mut world, &bob, "teh plan");
    assert_eq!(code(world.act(member(&alice), edit(first, "my plan"))), RefusalCode::NotYourPost);
    let edited = world.act(member(&bob), edit(first, "the plan @alice")).unwrap();
    let Ok(Notice::Event(told)) = Notice::decode(&edited.events[0].told) else { panic!() };
    let EventBody::Edited(body) = Event::decode(&told.event).unwrap().content() else { panic!() };
    assert_eq!((body.post, body.text.as_str(), body.mentions), (first, "the plan @alice", vec![alice.user]));
    stored(world.act(member(&bob), edit(first, "a plan")));
    let newest = overlay(&world, &alice, first).edit.unwrap();
    assert_eq!((newest.text.as_str(), newest.mentions.len()), ("a plan", 0));
    for (seq, expected) in [(Seq(1), "is not a message"), (Seq(99), "no message"), (newest.seq, "is not a message")] {
        let refusal = world.act(member(&bob), edit(seq, "x")).unwrap_err();
        assert!(refusal.code() == RefusalCode::NoSuchPost && refusal.sentence.contains(expected), "{refusal:?}");
    }
}

#[test]
fn edits_of_a_message_have_a_cap() {
    let (mut world, [_, bob, _], _) = world();
    let first = say(&mut world, &bob, "0");
    for number in 1..=EDITS_MAX {
        stored(world.act(member(&bob), edit(first, &number.to_string())));
    }
    assert_eq!(code(world.act(member(&bob), edit(first, "more"))), RefusalCode::LimitReached);
    assert_eq!(overlay(&world, &bob, first).edit.unwrap().text, EDITS_MAX.to_string());
    stored(world.act(member(&bob), mark(first, Mark::Delete)));
}

#[test]
fn deleting_erases_the_text_with_all_its_edits_and_keeps_the_chain() {
    let (mut world, [alice, bob, carol], log) = world();
    let first = say(&mut world, &bob, "sekrit one");
    stored(world.act(member(&bob), edit(first, "sekrit two")));
    stored(world.act(member(&alice), react(first, "👍")));
    stored(world.act(member(&alice), mark(first, Mark::Pin)));
    stored(world.act(member(&carol), answer(first, "an answer")));
    stored(world.act(member(&bob), mark(first, Mark::Resolve)));
    assert!(has(&all_bytes(&world, &carol, log), "sekrit"));
    assert_eq!(code(world.act(member(&carol), mark(first, Mark::Delete))), RefusalCode::NotYourPost);
    let before = world.reader.snapshot(|tables| tables.chain_at(log, Seq(99))).unwrap();
    let deleted = world.act(member(&bob), mark(first, Mark::Delete)).unwrap();
    let Ok(Notice::Event(told)) = Notice::decode(&deleted.events[0].told) else { panic!() };
    assert_eq!(Event::decode(&told.event).unwrap().content(), EventBody::Deleted(first));
    assert!(!has(&all_bytes(&world, &carol, log), "sekrit"), "not in follow, history, pins, threads");
    assert_eq!(overlay(&world, &alice, first), Overlay { seq: first, ..overlay(&world, &alice, first) });
    assert!(overlay(&world, &alice, first).edit.is_none() && overlay(&world, &alice, first).reactions.is_empty());
    // Who has read up to here goes on from there: no hash has changed.
    let from = FollowFrom::After(before.0, before.1.0);
    let request = FollowRequest { log: Target::Log(log), from };
    assert!(matches!(begin_follow(&world.reader, carol.user, &request).unwrap().unwrap(), Beginning::Following(_)));
    for action in [
        edit(first, "again"),
        react(first, "👍"),
        mark(first, Mark::Delete),
        mark(first, Mark::Pin),
        mark(first, Mark::Reopen),
        answer(first, "late"),
    ] {
        let refusal = world.act(member(&bob), action).unwrap_err();
        assert!(refusal.code() == RefusalCode::NoSuchPost && refusal.sentence.contains("was deleted"), "{refusal:?}");
    }
}

#[test]
fn moderators_delete_what_others_wrote_and_a_deleted_answer_no_longer_counts() {
    let (mut world, [alice, bob, carol], _) = world();
    let question = say(&mut world, &bob, "how?");
    let reply = stored(world.act(member(&carol), answer(question, "so"))).seq;
    assert_eq!(overlay(&world, &bob, question).reply_count, 1);
    stored(world.act(member(&alice), mark(reply, Mark::Delete)));
    assert_eq!(overlay(&world, &bob, question).reply_count, 0);
}

#[test]
fn a_reaction_is_shown_once_per_user_and_taken_back() {
    let (mut world, [alice, bob, carol], _) = world();
    let first = say(&mut world, &bob, "look");
    let reacted = stored(world.act(member(&alice), react(first, "👍")));
    assert_eq!(stored(world.act(member(&alice), react(first, "👍"))), reacted, "it is shown already");
    stored(world.act(member(&carol), react(first, "👍")));
    stored(world.act(member(&carol), react(first, "é")));
    stored(world.act(member(&alice), react(first, "e\u{301}")));
    let shown = |world: &World, reader| -> Vec<(String, u32, bool)> {
        let reactions = overlay(world, reader, first).reactions;
        reactions.into_iter().map(|shown| (shown.reaction, shown.count, shown.own)).collect()
    };
    assert_eq!(shown(&world, &alice), [("👍".into(), 2, true), ("é".into(), 2, true)]);
    assert_eq!(shown(&world, &bob), [("👍".into(), 2, false), ("é".into(), 2, false)]);
    stored(world.act(member(&alice), mark(first, Mark::Unreact("👍".into()))));
    assert_eq!(shown(&world, &alice), [("👍".into(), 1, false), ("é".into(), 2, true)]);
    let again = world.act(member(&alice), mark(first, Mark::Unreact("👍".into())));
    assert_eq!(code(again), RefusalCode::NothingToUndo);
    for reaction in ["", "two words", "\u{1b}", &"x".repeat(33)] {
        assert_eq!(code(world.act(member(&alice), react(first, reaction))), RefusalCode::BadReaction);
    }
}

#[test]
fn reactions_to_a_message_have_a_cap() {
    let (mut world, [alice, bob, _], _) = world();
    let first = say(&mut world, &bob, "look");
    for number in 0..REACTION_KINDS_MAX {
        stored(world.act(member(&alice), react(first, &format!("r{number}"))));
    }
    assert_eq!(code(world.act(member(&alice), react(first, "more"))), RefusalCode::LimitReached);
    stored(world.act(member(&bob), react(first, "r0")));
    // Enough people to show each of them until none more is taken.
    let mut count = REACTION_KINDS_MAX + 1;
    for number in 0_u64.. {
        let person = super::tests::account(world.act(stranger(50_000 + number), register(&format!("p{number}"))));
        stored(world.act(member(&person), join(OPS)));
        for kind in 0..REACTION_KINDS_MAX {
            let ran = world.act(member(&person), react(first, &format!("r{kind}")));
            if count == REACTIONS_MAX {
                assert_eq!(code(ran), RefusalCode::LimitReached);
                stored(world.act(member(&bob), mark(first, Mark::Delete)));
                return;
            }
            stored(ran);
            count += 1;
        }
    }
}

#[test]
fn moderators_pin_in_rooms_and_both_in_a_conversation() {
    let (mut world, [alice, bob, _], _) = world();
    let first = say(&mut world, &bob, "rules");
    assert_eq!(code(world.act(member(&bob), mark(first, Mark::Pin))), RefusalCode::NotModerator);
    let pinned = stored(world.act(member(&alice), mark(first, Mark::Pin)));
    assert_eq!(stored(world.act(member(&alice), mark(first, Mark::Pin))), pinned);
    assert!(overlay(&world, &bob, first).pinned);
    let pins = |world: &World, kind| {
        let request = PickRequest { log: ops(), kind, after: Seq(0) };
        let page = pick(&world.reader, bob.user, &request, PAGE_LEN_MAX).unwrap().unwrap();
        page.posts.iter().map(|told| Event::decode(&told.event).unwrap().head.seq).collect::<Vec<_>>()
    };
    assert_eq!(pins(&world, ListKind::Pinned), [first]);
    stored(world.act(member(&alice), mark(first, Mark::Unpin)));
    assert_eq!(pins(&world, ListKind::Pinned), []);
    assert_eq!(code(world.act(member(&alice), mark(first, Mark::Unpin))), RefusalCode::NothingToUndo);
    for number in 0..PINS_MAX {
        let seq = say(&mut world, &bob, &number.to_string());
        stored(world.act(member(&alice), mark(seq, Mark::Pin)));
    }
    assert_eq!(code(world.act(member(&alice), mark(first, Mark::Pin))), RefusalCode::LimitReached);
    assert_eq!(pins(&world, ListKind::Pinned).len() as u64, PINS_MAX);

    let private = stored(world.act(member(&alice), post("@bob", "address"))).seq;
    let pin = Action::Mark { log: Target::User("alice".into()), seq: private, mark: Mark::Pin };
    stored(world.act(member(&bob), pin));
}

#[test]
fn a_question_is_answered_resolved_and_reopened() {
    let (mut world, [alice, bob, carol], _) = world();
    let question = say(&mut world, &bob, "how?");
    let other = say(&mut world, &bob, "and why?");
    let reply = stored(world.act(member(&carol), answer(question, "so"))).seq;
    stored(world.act(member(&bob), answer(reply, "thanks")));
    stored(world.act(member(&alice), answer(other, "because")));
    assert_eq!(overlay(&world, &alice, question).reply_count, 2, "answers to answers belong to the question");
    let threads = |world: &World, kind| {
        let request = PickRequest { log: ops(), kind, after: Seq(0) };
        let page = pick(&world.reader, carol.user, &request, PAGE_LEN_MAX).unwrap().unwrap();
        page.posts.iter().map(|told| Event::decode(&told.event).unwrap().head.seq).collect::<Vec<_>>()
    };
    assert_eq!(threads(&world, ListKind::OpenThreads), [question, other]);
    assert_eq!(code(world.act(member(&carol), mark(question, Mark::Resolve))), RefusalCode::NotYourPost);
    assert_eq!(code(world.act(member(&carol), mark(reply, Mark::Resolve))), RefusalCode::NoSuchPost);
    assert_eq!(code(world.act(member(&bob), mark(question, Mark::Reopen))), RefusalCode::NothingToUndo);
    let resolved = stored(world.act(member(&bob), mark(question, Mark::Resolve)));
    assert_eq!(stored(world.act(member(&alice), mark(question, Mark::Resolve))), resolved);
    assert!(overlay(&world, &carol, question).resolved);
    assert_eq!(threads(&world, ListKind::OpenThreads), [other]);
    assert_eq!(threads(&world, ListKind::Threads), [question, other]);
    stored(world.act(member(&alice), mark(question, Mark::Reopen)));
    assert_eq!(threads(&world, ListKind::OpenThreads), [question, other]);
}

#[test]
fn an_answer_needs_a_message_of_the_same_log() {
    let (mut world, [alice, bob, _], _) = world();
    let first = say(&mut world, &bob, "question");
    let answered = stored(world.act(member(&alice), answer(first, "answer")));
    assert_eq!(code(world.act(member(&alice), answer(Seq(1), "x"))), RefusalCode::NoSuchPost);
    assert_eq!(code(world.act(member(&alice), answer(Seq(99), "x"))), RefusalCode::NoSuchPost);
    let nobody = Draft { to: Target::User("bob".into()), text: text("x"), reply_to: Some(first), payload: None };
    assert_eq!(code(world.act(member(&alice), Action::Post(nobody))), RefusalCode::NoSuchPost);
    assert_eq!(overlay(&world, &bob, first).reply_count, 1);
    assert!(answered.seq > first);
}

#[test]
fn a_post_carries_its_payload_and_a_repeat_must_carry_the_same() {
    let (mut world, [alice, ..], log) = world();
    let with = |json: &str| {
        let payload = Some(Payload { kind: "homework".into(), json: json.into() });
        Action::Post(Draft { to: ops(), text: text("read chapter 3"), reply_to: None, payload })
    };
    let id = world.fresh_id();
    let first = stored(world.run(member(&alice), id, with("{}")));
    assert_eq!(stored(world.run(member(&alice), id, with("{}"))), first);
    assert_eq!(code(world.run(member(&alice), id, with("[]"))), RefusalCode::IdReused);
    assert_eq!(code(world.run(member(&alice), id, post(OPS, "read chapter 3"))), RefusalCode::IdReused);
    assert!(has(&all_bytes(&world, &alice, log), "homework"));
}

#[test]
fn a_repeated_mark_brings_its_first_outcome() {
    let (mut world, [_, bob, _], _) = world();
    let first = say(&mut world, &bob, "x");
    for action in [
        edit(first, "y"),
        react(first, "👍"),
        mark(first, Mark::Unreact("👍".into())),
        mark(first, Mark::Resolve),
        mark(first, Mark::Reopen),
        mark(first, Mark::Delete),
    ] {
        let id = world.fresh_id();
        let ran = world.run(member(&bob), id, action.clone()).unwrap();
        assert_eq!(ran.events.len(), 1, "{action:?}");
        let again = world.run(member(&bob), id, action).unwrap();
        assert_eq!((again.reply, again.replayed, again.events.len()), (ran.reply, true, 0));
        assert_eq!(code(world.run(member(&bob), id, react(first, "other"))), RefusalCode::IdReused);
    }
}

#[test]
fn who_may_not_read_a_message_can_do_nothing_about_it() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.register(name));
    let log = stored(world.act(member(&alice), create("#quiet", Visibility::Unlisted))).log;
    let early = stored(world.act(member(&alice), post("#quiet", "before bob"))).seq;
    let about = |mark: Mark| Action::Mark { log: Target::Log(log), seq: early, mark };
    assert_eq!(code(world.act(member(&bob), about(Mark::React("👍".into())))), RefusalCode::NoSuchRoom);
    stored(world.act(member(&bob), join("#quiet")));
    assert_eq!(code(world.act(member(&bob), about(Mark::React("👍".into())))), RefusalCode::NoSuchPost);
    let draft = Draft { to: Target::Log(log), text: text("x"), reply_to: Some(early), payload: None };
    assert_eq!(code(world.act(member(&bob), Action::Post(draft))), RefusalCode::NoSuchPost);
    // What was done about a message while its reader was away is not laid over it.
    let seen = stored(world.act(member(&alice), post("#quiet", "seen"))).seq;
    stored(world.act(member(&bob), leave("#quiet")));
    stored(world.act(member(&alice), Action::Edit { log: Target::Log(log), seq: seen, text: text("sekrit") }));
    stored(world.act(member(&bob), join("#quiet")));
    assert!(!has(&all_bytes(&world, &bob, log), "sekrit"));
    assert!(has(&all_bytes(&world, &alice, log), "sekrit"));
}

#[test]
fn a_page_of_long_edits_fits_a_message() {
    let (mut world, [_, bob, _], _) = world();
    let long = "x".repeat(16_000);
    for _ in 0..5 {
        let seq = say(&mut world, &bob, &long);
        stored(world.act(member(&bob), edit(seq, &long)));
    }
    let mut from = HistoryFrom::Last;
    let mut count = 0;
    loop {
        let request = HistoryRequest { log: ops(), from, count: 500 };
        let page = history(&world.reader, bob.user, &request, 40 * 1024).unwrap().unwrap();
        count += page.events.len();
        let first = Event::decode(&page.events[0].event).unwrap().head.seq;
        let more = page.more;
        assert!(Reply::Page(page).encode(0).len() <= 60_000);
        if !more {
            break;
        }
        from = HistoryFrom::Before(first);
    }
    assert_eq!(count, 2 + 2 + 10, "made, came, came, came; five messages and their edits");
}

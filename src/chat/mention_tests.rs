//! Which unread messages name their reader, told as stories over a real database.

use super::tests::{World, create, join, member, post, stored};
use super::*;
use crate::message::{Account, LogId, MENTIONS_COUNTED_MAX, Mark, Reply, Seq, Target, Text, Texts, Visibility};

/// How many messages are unread in the account's first room, and how many of them name it.
fn counts(world: &World, account: &Account) -> (u64, u32) {
    let listed = memberships(&world.reader, account.user, None).unwrap().memberships;
    (listed[0].unread_count, listed[0].mention_count)
}

fn in_a_room() -> (World, Account, Account, LogId) {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    stored(world.act(member(&bob), join("#ops")));
    (world, alice, bob, log)
}

fn say(world: &mut World, account: &Account, text: &str) -> Seq {
    stored(world.act(member(account), post("#ops", text))).seq
}

fn mark_read(world: &mut World, account: &Account, seq: Seq) -> (u64, u32) {
    world.later(MARK_INTERVAL_MS);
    let ran = world.act(member(account), Action::MarkRead { log: Target::Room("#ops".into()), seq });
    let Reply::Marked(marked) = ran.unwrap().reply else { panic!("a marker was expected") };
    (marked.unread_count, marked.mention_count)
}

#[test]
fn unread_mentions_are_those_of_the_newest_texts_behind_the_marker() {
    let (mut world, alice, bob, log) = in_a_room();
    let first = say(&mut world, &alice, "@bob, @alice and @bob again");
    let second = say(&mut world, &alice, "nobody");
    let third = say(&mut world, &alice, "@bob?");
    assert_eq!(counts(&world, &bob), (3, 2), "a message counts once");
    assert_eq!(counts(&world, &alice), (0, 0), "nobody is told of what they said themselves");
    let edit = |seq: Seq, text: &str| Action::Edit { log: Target::Log(log), seq, text: Text::parse(text).unwrap() };
    stored(world.act(member(&alice), edit(first, "@alice only")));
    stored(world.act(member(&alice), edit(second, "@bob after all")));
    assert_eq!(counts(&world, &bob), (3, 2));
    assert_eq!(mark_read(&mut world, &bob, first), (2, 2));
    // What is behind the marker stays read, whom it names by now or not.
    stored(world.act(member(&alice), edit(first, "@bob was meant")));
    assert_eq!(counts(&world, &bob), (2, 2));
    stored(world.act(member(&alice), Action::Mark { log: Target::Log(log), seq: third, mark: Mark::Delete }));
    assert_eq!(counts(&world, &bob), (2, 1), "an erased message names nobody");
    assert_eq!(mark_read(&mut world, &bob, Seq(u64::MAX)), (0, 0));
    assert_eq!(mark_read(&mut world, &bob, Seq(1)), (3, 2), "marked unread, they count again");
    say(&mut world, &bob, "here I am");
    assert_eq!(counts(&world, &bob), (0, 0));
}

#[test]
fn more_than_ninety_nine_mentions_are_not_counted() {
    let (mut world, alice, bob, _) = in_a_room();
    for _ in 0..MENTIONS_COUNTED_MAX + 5 {
        say(&mut world, &alice, "@bob");
    }
    assert_eq!(counts(&world, &bob), (u64::from(MENTIONS_COUNTED_MAX) + 5, MENTIONS_COUNTED_MAX));
    let first = world.reader.snapshot(|tables| tables.own_row_count(bob.user)).unwrap();
    assert!(first >= u64::from(MENTIONS_COUNTED_MAX) + 5);
    let end = Action::DeleteAccount { verified: Some("hash of bob".into()), texts: Texts::Stay };
    world.act(member(&bob), end).unwrap();
    for _ in 0..10 {
        world.act(Actor::Server, super::tests::chore(ChoreTry::Run)).unwrap();
    }
    assert_eq!(world.reader.snapshot(|tables| tables.own_row_count(bob.user)).unwrap(), 0, "they go with the account");
}

//! Words that are to leave the database's file, looked for in its bytes.

use super::retention_tests::{do_chores, set};
use super::tests::{World, create, member, post, stored};
use super::*;
use crate::message::{Account, LogId, Mark, Seq, Setting, Target, Text, Visibility};
use crate::store::{Checkpointer, Forgetting};

/// Whether these bytes stand anywhere in the database's file, once everything is in it.
fn is_in_file(world: &World, sought: &str) -> bool {
    assert_eq!(Checkpointer::open(world.directory.path()).unwrap().run().unwrap().left_pages, 0);
    let file = std::fs::read(world.directory.path().join("udpchat.db")).unwrap();
    file.windows(sought.len()).any(|bytes| bytes == sought.as_bytes())
}

fn say(world: &mut World, account: &Account, text: &str) -> Seq {
    stored(world.act(member(account), post("#ops", text))).seq
}

fn in_a_room() -> (World, Account, LogId) {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    (world, alice, log)
}

#[test]
fn the_words_of_a_deleted_message_and_its_edits_leave_the_file_some_hours_later() {
    let (mut world, alice, log) = in_a_room();
    say(&mut world, &alice, "something that stays");
    let seq = say(&mut world, &alice, "the zyxwvutsrq plan");
    world.index();
    let text = Text::parse("the qponmlkjih plan").unwrap();
    stored(world.act(member(&alice), Action::Edit { log: Target::Log(log), seq, text }));
    world.index();
    let deleted_ms = world.time_ms();
    stored(world.act(member(&alice), Action::Mark { log: Target::Log(log), seq, mark: Mark::Delete }));
    let other = say(&mut world, &alice, "and the vutsrqponm");
    world.index();
    stored(world.act(member(&alice), Action::Mark { log: Target::Log(log), seq: other, mark: Mark::Delete }));
    world.index();
    let words = ["zyxwvutsrq", "qponmlkjih", "vutsrqponm"];
    assert_eq!(words.map(|word| is_in_file(&world, word)), [true; 3], "the index still has them");
    let forget_ms = do_chores(&mut world).unwrap();
    assert!((deleted_ms..deleted_ms + 10).contains(&(forget_ms - FORGET_DELAY_MS)), "one chore, of the first erasure");
    world.wait_until(forget_ms);
    assert_eq!(do_chores(&mut world), None);
    world.index();
    assert_eq!(words.map(|word| is_in_file(&world, word)), [false; 3]);
    assert!(is_in_file(&world, "stays"));
    assert_eq!(world.reader.snapshot(crate::store::Tables::forgetting).unwrap(), None, "it is over");
}

#[test]
fn what_a_room_does_not_keep_is_forgotten_too() {
    let (mut world, alice, _) = in_a_room();
    say(&mut world, &alice, "the zyxwvutsrq plan");
    say(&mut world, &alice, "kept");
    world.index();
    stored(world.act(member(&alice), set("#ops", vec![Setting::RetainPosts(1)])));
    let round_ms = do_chores(&mut world).unwrap();
    world.index();
    assert!(is_in_file(&world, "zyxwvutsrq"));
    world.wait_until(round_ms + FORGET_DELAY_MS);
    do_chores(&mut world);
    world.index();
    assert!(!is_in_file(&world, "zyxwvutsrq"));
}

/// Words that no other row has.
fn rare_words(row: u64) -> String {
    let word = |place: u64| format!("x{:x}", (row * 16 + place).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..10).map(word).collect::<Vec<_>>().join(" ")
}

/// Puts rows into the index as messages would.
fn fill(world: &mut World, rows: std::ops::Range<u64>) {
    world.db.begin().unwrap();
    rows.for_each(|row| world.db.index(LogId(7), Seq(row), &rare_words(row)).unwrap());
    world.db.commit().unwrap();
}

#[test]
fn a_large_index_forgets_in_bounded_steps_whatever_comes_meanwhile_and_over_restarts() {
    for is_one_part in [false, true] {
        let mut world = World::new();
        for first in (1..8_000).step_by(1_000) {
            fill(&mut world, first..first + 1_000);
        }
        world.db.begin().unwrap();
        world.db.index(LogId(7), Seq(9_000), "zyxwvutsrq").unwrap();
        world.db.commit().unwrap();
        if is_one_part {
            // Nothing but a mark is laid over the only part, so that its merge may come to rest beside what comes meanwhile.
            forget(&mut world, |_, _| {});
            let database = rusqlite::Connection::open(world.directory.path().join("udpchat.db")).unwrap();
            assert_eq!(database.execute("DELETE FROM search WHERE search MATCH 'zyxwvutsrq'", []).unwrap(), 1);
        } else {
            world.db.begin().unwrap();
            world.db.index(LogId(7), Seq(9_000), "innocent").unwrap();
            world.db.commit().unwrap();
        }
        assert!(is_in_file(&world, "zyxwvutsrq"));
        let step_count = forget(&mut world, |world, step| fill(world, 10_000 + step..10_001 + step));
        assert!(!is_in_file(&world, "zyxwvutsrq"));
        assert!((6..100).contains(&step_count), "{step_count} steps");
    }
}

/// Forgets, with every step by another process; `meanwhile` happens between the steps. How many steps it took.
fn forget(world: &mut World, mut meanwhile: impl FnMut(&mut World, u64)) -> u64 {
    world.db.set_forgetting(Some(Forgetting { pass_count: 0, is_under_way: false })).unwrap();
    let mut step_count = 0;
    loop {
        let mut indexer = Indexer::default();
        for _ in 0..2 {
            world.db.begin().unwrap();
            let done = indexer.step(&mut world.db).unwrap();
            world.db.commit().unwrap();
            indexer.on_committed(done);
        }
        if !indexer.is_behind() {
            return step_count;
        }
        meanwhile(world, step_count);
        step_count += 1;
    }
}

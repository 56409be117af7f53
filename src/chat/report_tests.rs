//! Who hears of a report, told as stories over a real database.

use super::tests::{World, create, join, member, post, stored};
use super::*;
use crate::message::{Account, Deed, EventBody, LogId, Phrase, Role, Seq, Target, Visibility};

const HOUR_MS: u64 = 3_600_000;

fn report(seq: Seq) -> Action {
    Action::Report { room: Target::Room("#ops".into()), seq, reason: Phrase::parse("rude").unwrap() }
}

/// What somebody was told of reports.
fn told(world: &World, account: &Account) -> Vec<Seq> {
    let of_report = |body| match body {
        EventBody::PostReported(_, name, seq) => {
            assert_eq!(name, "ops");
            Some(seq)
        }
        _ => None,
    };
    world.own(account).into_iter().filter_map(of_report).collect()
}

/// `#ops` of the first, with everybody in it.
fn in_a_room(names: &[&str]) -> (World, Vec<Account>, LogId) {
    let mut world = World::new();
    let people: Vec<Account> = names.iter().map(|name| world.register(name)).collect();
    let log = stored(world.act(member(&people[0]), create("#ops", Visibility::Public))).log;
    for person in &people[1..] {
        stored(world.act(member(person), join("#ops")));
    }
    (world, people, log)
}

fn promote(world: &mut World, owner: &Account, name: &str) {
    let deed = Deed::Role(Role::Moderator);
    stored(world.act(member(owner), Action::Moderate { room: Target::Room("#ops".into()), user: name.into(), deed }));
}

#[test]
fn the_owner_and_moderators_hear_of_a_report_and_nobody_else() {
    let (mut world, people, log) = in_a_room(&["owner", "mod", "author", "member", "reporter"]);
    promote(&mut world, &people[0], "mod");
    let seq = stored(world.act(member(&people[2]), post("#ops", "something rude"))).seq;
    let ran = world.act(member(&people[4]), report(seq)).unwrap();
    assert_eq!(ran.events.len(), 2);
    assert!(ran.events.iter().all(|event| event.log != log), "the room is not told");
    let heard: Vec<usize> = people.iter().map(|person| told(&world, person).len()).collect();
    assert_eq!(heard, [1, 1, 0, 0, 0]);
    assert_eq!(told(&world, &people[0]), [seq]);
    assert!(world.act(member(&people[4]), report(seq)).unwrap().events.is_empty(), "the same again is no news");
    // Another member's report about it is; a moderator does not hear of their own.
    world.act(member(&people[1]), report(seq)).unwrap();
    let heard: Vec<usize> = people.iter().map(|person| told(&world, person).len()).collect();
    assert_eq!(heard, [2, 1, 0, 0, 0]);
}

#[test]
fn a_member_who_reports_everything_is_kept_and_told_of_so_often_in_an_hour() {
    let (mut world, people, _) = in_a_room(&["owner", "reporter"]);
    let limit = REPORTS_PER_MEMBER_MAX;
    let seqs: Vec<Seq> = (0..limit + 5).map(|_| stored(world.act(member(&people[0]), post("#ops", "words"))).seq).collect();
    for seq in &seqs {
        world.act(member(&people[1]), report(*seq)).unwrap();
    }
    assert_eq!(told(&world, &people[0]).len() as u64, limit);
    world.later(HOUR_MS);
    // The first report made way for later ones, so this is one anew.
    world.act(member(&people[1]), report(seqs[0])).unwrap();
    assert_eq!(told(&world, &people[0]).len() as u64, limit + 1);
}

#[test]
fn of_very_many_moderators_those_of_the_longest_standing_hear_of_a_report() {
    let names: Vec<String> = (0..REPORT_TOLD_MAX + 3).map(|number| format!("person{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut world, people, _) = in_a_room(&names);
    for name in &names[1..=REPORT_TOLD_MAX + 1] {
        promote(&mut world, &people[0], name);
    }
    let seq = stored(world.act(member(&people[0]), post("#ops", "words"))).seq;
    let ran = world.act(member(people.last().unwrap()), report(seq)).unwrap();
    assert_eq!(ran.events.len(), REPORT_TOLD_MAX);
    assert_eq!([0, REPORT_TOLD_MAX - 1, REPORT_TOLD_MAX].map(|n| told(&world, &people[n]).len()), [1, 1, 0]);
}

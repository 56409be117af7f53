//! Searching, told as stories over a real database.

use super::retention_tests::{do_chores, set};
use super::search::TAIL_MAX;
use super::tests::{World, create, join, leave, member, post, stored};
use super::*;
use crate::message::{
    Account, Event, EventBody, Mark, Refusal, RefusalCode, Reply, SearchPage, SearchRequest, Seq, Setting, Target, Text,
    Visibility, words_of,
};
use crate::store::Tables;

impl World {
    /// Lets the index come up to date; how many steps that took.
    pub(super) fn index(&mut self) -> usize {
        let mut indexer = Indexer::default();
        let mut step_count = 0;
        while indexer.is_behind() {
            self.db.begin().unwrap();
            let done = indexer.step(&mut self.db).unwrap();
            self.db.commit().unwrap();
            indexer.on_committed(done);
            step_count += 1;
        }
        step_count
    }

    fn look(&self, asker: &Account, request: &SearchRequest) -> Result<SearchPage, Refusal> {
        search(&self.reader, asker.user, request, PAGE_LEN_MAX).unwrap()
    }

    /// Room and text of everything that is found, in pages of 3.
    fn found(&self, asker: &Account, words: &str, room: Option<&str>) -> Vec<String> {
        let log = room.map(|room| Target::Room(room.to_owned()));
        let mut request = SearchRequest { words: words.to_owned(), log, before: None, count: 3 };
        let mut found = Vec::new();
        loop {
            let page = self.look(asker, &request).unwrap();
            found.extend(page.hits.iter().map(|hit| {
                let EventBody::Posted(post) = Event::decode(&hit.told.event).unwrap().content() else { panic!() };
                format!("{} {}", hit.room, post.text)
            }));
            match page.next {
                Some(next) => request.before = Some(next),
                None => return found,
            }
        }
    }
}

fn say(world: &mut World, author: &Account, to: &str, text: &str) -> Seq {
    stored(world.act(member(author), post(to, text))).seq
}

#[test]
fn words_are_found_in_any_form_and_the_newest_first() {
    let mut world = World::new();
    let alice = world.register("alice");
    stored(world.act(member(&alice), create("#ops", Visibility::Public)));
    for text in ["Deployed it", "今天部署完成", "will deploy tomorrow", "nothing here", "部，署", "Ça marche"] {
        say(&mut world, &alice, "#ops", text);
    }
    world.index();
    assert_eq!(world.found(&alice, "deploy", None), ["#ops will deploy tomorrow", "#ops Deployed it"]);
    assert_eq!(world.found(&alice, "DEPLOYS it", None), ["#ops Deployed it"]);
    assert_eq!(world.found(&alice, "部署", None), ["#ops 今天部署完成"]);
    assert_eq!(world.found(&alice, "部", None), ["#ops 部，署", "#ops 今天部署完成"]);
    assert_eq!(world.found(&alice, "天部署完", None), ["#ops 今天部署完成"]);
    assert_eq!(world.found(&alice, "ca", None), ["#ops Ça marche"]);
    assert_eq!(world.found(&alice, "ops alice", None), [""; 0], "names are no messages");
}

#[test]
fn what_the_index_does_not_have_yet_is_found_at_once() {
    let mut world = World::new();
    let alice = world.register("alice");
    for room in ["#one", "#two"] {
        stored(world.act(member(&alice), create(room, Visibility::Public)));
    }
    let old = say(&mut world, &alice, "#one", "indexed and old");
    let gone = say(&mut world, &alice, "#one", "indexed and gone");
    world.index();
    for number in 0..5 {
        say(&mut world, &alice, ["#one", "#two"][number % 2], &format!("indexed {number}"));
    }
    edit(&mut world, &alice, "#one", old, "fresh but indexed");
    edit(&mut world, &alice, "#one", gone, "another word");
    let fresh =
        ["#one indexed 4", "#two indexed 3", "#one indexed 2", "#two indexed 1", "#one indexed 0", "#one indexed and old"];
    assert_eq!(world.found(&alice, "indexed", None), fresh);
    assert_eq!(world.found(&alice, "fresh", None), ["#one indexed and old"], "by its newest text");
    assert_eq!(world.found(&alice, "old", None), [""; 0]);
    let found = world.found(&alice, "indexed", None);
    world.index();
    assert_eq!(world.found(&alice, "indexed", None), found, "the index makes no difference");
}

#[test]
fn of_a_long_end_that_the_index_does_not_have_the_newest_messages_are_found() {
    let mut world = World::new();
    let alice = world.register("alice");
    stored(world.act(member(&alice), create("#long", Visibility::Public)));
    stored(world.act(member(&alice), create("#next", Visibility::Public)));
    for number in 0..TAIL_MAX + 50 {
        say(&mut world, &alice, "#long", &format!("burst {number}"));
    }
    say(&mut world, &alice, "#next", "burst");
    let found = world.found(&alice, "burst", None);
    assert_eq!((found.len(), found[0].as_str()), (TAIL_MAX, "#long burst 561"), "the limit is for all rooms together");
    assert_eq!(world.found(&alice, "burst", Some("#next")), ["#next burst"]);
    world.index();
    assert_eq!(world.found(&alice, "burst", None).len(), TAIL_MAX + 51);
}

#[test]
fn pages_go_through_all_rooms_by_time_without_gap_or_double() {
    let mut world = World::new();
    let alice = world.register("alice");
    let bob = world.register("bob");
    for room in ["#one", "#two", "#three"] {
        stored(world.act(member(&alice), create(room, Visibility::Public)));
    }
    let mut said = Vec::new();
    for number in 0..20_usize {
        let to = ["#one", "#two", "#three", "@bob"][number * 7 % 4];
        say(&mut world, &alice, to, &format!("message {number}"));
        say(&mut world, &alice, to, "something else");
        said.push(format!("{to} message {number}"));
    }
    world.index();
    said.reverse();
    assert_eq!(world.found(&alice, "messages", None), said);
    let in_two: Vec<String> = said.iter().filter(|line| line.starts_with("#two")).cloned().collect();
    assert_eq!(world.found(&alice, "messages", Some("#two")), in_two);
    let of_bob: Vec<String> =
        said.iter().filter(|line| line.starts_with('@')).map(|line| line.replace("@bob", "@alice")).collect();
    assert_eq!(world.found(&bob, "messages", None), of_bob);
}

#[test]
fn messages_of_one_instant_are_paged_too() {
    let mut world = World::new();
    let alice = world.register("alice");
    world.stop_clock();
    stored(world.act(member(&alice), create("#one", Visibility::Public)));
    stored(world.act(member(&alice), create("#two", Visibility::Public)));
    for number in 0..10 {
        say(&mut world, &alice, if number % 2 == 0 { "#one" } else { "#two" }, &format!("same {number}"));
    }
    world.index();
    let mut found = world.found(&alice, "same", None);
    assert_eq!(found.len(), 10);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 10);
}

#[test]
fn nothing_is_found_where_the_asker_may_not_read() {
    let mut world = World::new();
    let (alice, bob, eve) = (world.register("alice"), world.register("bob"), world.register("eve"));
    stored(world.act(member(&alice), create("#den", Visibility::Unlisted)));
    for round in ["before", "first", "between", "second", "after"] {
        match round {
            "first" | "second" => drop(stored(world.act(member(&bob), join("#den")))),
            "between" | "after" => drop(stored(world.act(member(&bob), leave("#den")))),
            _ => {}
        }
        for number in 0..5 {
            say(&mut world, &alice, "#den", &format!("secret {round} {number}"));
        }
        world.index();
        let visible: &[&str] = match round {
            "first" => &["first"],
            "second" => &["second", "first"],
            _ => &[],
        };
        let mut found = world.found(&bob, "secret", None);
        for line in &mut found {
            line.truncate(line.len() - 2);
        }
        found.dedup();
        assert_eq!(found, visible.iter().map(|round| format!("#den secret {round}")).collect::<Vec<_>>(), "{round}");
    }
    // Hidden hits make no difference to who may not see them: not in hits, not in whether there is more.
    stored(world.act(member(&bob), join("#den")));
    let look = |words: &str| {
        let log = Some(Target::Room("#den".into()));
        world.look(&bob, &SearchRequest { words: words.to_owned(), log, before: None, count: 1 }).unwrap()
    };
    assert_eq!(look("between"), look("neversaid"));
    assert_eq!(look("after"), look("neversaid"));
    let refused = |asker: &Account| {
        let log = Some(Target::Room("#den".into()));
        let request = SearchRequest { words: "secret".into(), log, before: None, count: 1 };
        world.look(asker, &request).unwrap_err().code()
    };
    assert_eq!(refused(&eve), RefusalCode::NoSuchRoom);
    assert_eq!(world.found(&eve, "secret", None), [""; 0]);
}

#[test]
fn what_cannot_be_searched_for_is_refused() {
    let mut world = World::new();
    let alice = world.register("alice");
    let refused = |words: &str, count| {
        let request = SearchRequest { words: words.into(), log: None, before: None, count };
        world.look(&alice, &request).unwrap_err().code()
    };
    assert_eq!(refused("?!", 5), RefusalCode::BadText);
    assert_eq!(refused("word", 0), RefusalCode::OutOfRange);
    assert_eq!(refused("word", 101), RefusalCode::OutOfRange);
    // Signs that mean something to the index are no words.
    assert_eq!(world.found(&alice, "\"a\" OR NOT (b* {c}: ^d -e", None), [""; 0]);
}

#[test]
fn a_page_of_long_messages_fits_a_reply() {
    let mut world = World::new();
    let alice = world.register("alice");
    stored(world.act(member(&alice), create("#ops", Visibility::Public)));
    let longest = "word ".repeat(3_000);
    for _ in 0..8 {
        say(&mut world, &alice, "#ops", &longest);
    }
    world.index();
    let request = SearchRequest { words: "words".into(), log: None, before: None, count: 100 };
    let page = search(&world.reader, alice.user, &request, 40_000).unwrap().unwrap();
    assert_eq!(page.hits.len(), 2);
    assert!(page.next.is_some() && Reply::Found(page).encode(0).len() <= crate::message::BODY_LEN_MAX);
    assert_eq!(world.found(&alice, "word", None).len(), 8);
}

#[test]
fn the_index_goes_on_where_it_was_after_any_crash() {
    let mut world = World::new();
    let alice = world.register("alice");
    stored(world.act(member(&alice), create("#ops", Visibility::Public)));
    let count = INDEX_STEP_MAX * 2;
    for number in 0..count {
        say(&mut world, &alice, "#ops", &format!("number {number}"));
    }
    // A step that is not committed leaves nothing; the next process knows nothing of the one before.
    let mut lost = Indexer::default();
    for _ in 0..2 {
        world.db.begin().unwrap();
        let done = lost.step(&mut world.db).unwrap();
        world.db.roll_back().unwrap();
        lost.on_committed(done);
    }
    let mut half = Indexer::default();
    for _ in 0..2 {
        world.db.begin().unwrap();
        let done = half.step(&mut world.db).unwrap();
        world.db.commit().unwrap();
        half.on_committed(done);
    }
    assert!(half.is_behind());
    let log = world.reader.snapshot(Tables::last_log).unwrap();
    assert_eq!(world.reader.snapshot(|tables| tables.indexed_to(log)).unwrap(), Seq(INDEX_STEP_MAX as u64));
    world.index();
    assert_eq!(world.found(&alice, "number", None).len(), count);
    assert_eq!(world.index(), 1, "there is nothing left but to look");
}

#[test]
fn what_a_room_no_longer_keeps_is_not_found_and_leaves_the_index() {
    let mut world = World::new();
    let alice = world.register("alice");
    stored(world.act(member(&alice), create("#ops", Visibility::Public)));
    for number in 0..6 {
        say(&mut world, &alice, "#ops", &format!("kept {number}"));
    }
    world.index();
    world.act(member(&alice), set("#ops", vec![Setting::RetainPosts(2)])).unwrap();
    do_chores(&mut world);
    assert_eq!(world.found(&alice, "kept", None), ["#ops kept 5", "#ops kept 4"], "before the index knows");
    let count = |world: &World| world.reader.snapshot(Tables::indexed_count).unwrap();
    assert_eq!(count(&world), 6);
    world.index();
    assert_eq!(count(&world), 2);
    assert_eq!(world.found(&alice, "kept", None), ["#ops kept 5", "#ops kept 4"]);
}

fn act_on(world: &mut World, author: &Account, room: &str, seq: Seq, mark: Mark) {
    stored(world.act(member(author), Action::Mark { log: Target::Room(room.into()), seq, mark }));
}

fn edit(world: &mut World, author: &Account, room: &str, seq: Seq, text: &str) {
    let text = Text::parse(text).unwrap();
    stored(world.act(member(author), Action::Edit { log: Target::Room(room.into()), seq, text }));
}

#[test]
fn an_edited_message_is_found_by_its_newest_text_and_a_deleted_one_not_at_all() {
    let mut world = World::new();
    let alice = world.register("alice");
    stored(world.act(member(&alice), create("#ops", Visibility::Public)));
    let seq = say(&mut world, &alice, "#ops", "frist words");
    world.index();
    edit(&mut world, &alice, "#ops", seq, "first 部署完成");
    edit(&mut world, &alice, "#ops", seq, "first 部署完成 again");
    world.index();
    assert_eq!(world.found(&alice, "frist", None), [""; 0]);
    let request = SearchRequest { words: "部署完成 again".into(), log: None, before: None, count: 3 };
    let page = world.look(&alice, &request).unwrap();
    let overlay = page.hits[0].overlay.clone().unwrap();
    assert_eq!(overlay.edit.unwrap().text, "first 部署完成 again");
    act_on(&mut world, &alice, "#ops", seq, Mark::Delete);
    assert_eq!(world.found(&alice, "first", None), [""; 0], "before the index knows");
    world.index();
    assert_eq!(world.found(&alice, "first", None), [""; 0]);
    assert_eq!(world.reader.snapshot(Tables::indexed_count).unwrap(), 0);
}

#[test]
fn an_edit_that_is_hidden_makes_no_message_found() {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    stored(world.act(member(&alice), create("#den", Visibility::Unlisted)));
    stored(world.act(member(&bob), join("#den")));
    let seq = say(&mut world, &alice, "#den", "innocent");
    stored(world.act(member(&bob), leave("#den")));
    edit(&mut world, &alice, "#den", seq, "innocent and secret");
    stored(world.act(member(&bob), join("#den")));
    world.index();
    assert_eq!(world.found(&alice, "secret", None).len(), 1);
    assert_eq!(world.found(&bob, "secret", None), [""; 0], "a hit would tell what the hidden edit says");
}

#[test]
fn a_word_that_the_index_has_and_the_log_no_longer_is_not_found() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    let seq = say(&mut world, &alice, "#ops", "here");
    world.index();
    world.db.begin().unwrap();
    world.db.index(log, Seq(1), &words_of("ghost")).unwrap();
    world.db.index(log, Seq(seq.0 + 1), &words_of("ghost")).unwrap();
    world.db.commit().unwrap();
    assert_eq!(world.found(&alice, "ghost", None), [""; 0]);
}

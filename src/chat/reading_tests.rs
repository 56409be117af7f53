//! Follows and pages of history, over a real database.

use super::tests::{World, create, member, post, posted, stored};
use super::*;
use crate::message::{
    Event, EventHash, FollowFrom, FollowRequest, HistoryFrom, HistoryRequest, Notice, RefusalCode, Reply, Seq, Target, Told,
    Visibility,
};

#[test]
fn what_is_told_live_is_what_is_read_later() {
    let mut world = World::new();
    let alice = world.register("alice");
    let made = world.act(member(&alice), create("#ops", Visibility::Public)).unwrap();
    let log = made.events[0].log;
    let live = world.act(member(&alice), post("#ops", "hello 你好")).unwrap().events;
    let page = follow_page(&world.reader, alice.user, log, Seq(2), 9_999).unwrap().unwrap();
    let read = FollowItem::Event { seq: live[0].seq, prev: live[0].prev, told: live[0].told.clone() };
    assert_eq!((page.items, page.head), (vec![read], Seq(3)));
    let Ok(Notice::Event(Told { author, event })) = Notice::decode(&live[0].told) else { panic!() };
    assert_eq!((author.as_str(), Event::decode(&event).unwrap().content()), ("alice", posted("hello 你好")));
}

#[test]
fn a_follow_begins_where_it_is_told_to() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    let begin = |from| begin_follow(&world.reader, alice.user, &FollowRequest { log: Target::Log(log), from }).unwrap().unwrap();
    let Beginning::Following(start) = begin(FollowFrom::Start) else { panic!() };
    assert_eq!((start.after, start.hash, start.head), (Seq(0), EventHash::genesis(log).0, Seq(2)));
    let Beginning::Following(now) = begin(FollowFrom::Now) else { panic!() };
    assert_eq!(now.after, Seq(2));
    assert_eq!(begin(FollowFrom::After(Seq(2), now.hash)), Beginning::Following(now.clone()));
    assert_eq!(begin(FollowFrom::After(Seq(0), start.hash)), Beginning::Following(start));
    for (seq, hash) in [(2, [0; 32]), (3, now.hash), (u64::MAX, now.hash), (0, now.hash)] {
        assert_eq!(begin(FollowFrom::After(Seq(seq), hash)), Beginning::Forked { log, at: Seq(seq) });
    }
    let own = FollowRequest { log: Target::Own, from: FollowFrom::Start };
    let Beginning::Following(own) = begin_follow(&world.reader, alice.user, &own).unwrap().unwrap() else { panic!() };
    assert_eq!((own.log, own.room.as_str()), (alice.own_log, "@alice"));
}

#[test]
fn history_pages_meet_without_gap_or_double() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    for number in 3..=20 {
        stored(world.act(member(&alice), post("#ops", &format!("post {number}"))));
    }
    let page = |from, count| {
        let request = HistoryRequest { log: Target::Log(log), from, count };
        let page = history(&world.reader, alice.user, &request, PAGE_LEN_MAX).unwrap().unwrap();
        let seqs: Vec<u64> = page.events.iter().map(|told| Event::decode(&told.event).unwrap().head.seq.0).collect();
        assert_eq!(page.after.0 + 1, seqs.first().copied().unwrap_or(page.after.0 + 1));
        (seqs, page.more)
    };
    assert_eq!(page(HistoryFrom::Last, 3), (vec![18, 19, 20], true));
    assert_eq!(page(HistoryFrom::Before(Seq(18)), 3), (vec![15, 16, 17], true));
    assert_eq!(page(HistoryFrom::Before(Seq(3)), 3), (vec![1, 2], false));
    assert_eq!(page(HistoryFrom::Before(Seq(1)), 3), (vec![], false));
    assert_eq!(page(HistoryFrom::After(Seq(17)), 3), (vec![18, 19, 20], false));
    assert_eq!(page(HistoryFrom::After(Seq(0)), 2), (vec![1, 2], true));
    assert_eq!(page(HistoryFrom::After(Seq(20)), 2), (vec![], false));
    assert_eq!(page(HistoryFrom::After(Seq(u64::MAX)), 2), (vec![], false));
    assert_eq!(page(HistoryFrom::Around(Seq(10)), 4), (vec![9, 10, 11, 12], true));
    assert_eq!(page(HistoryFrom::Around(Seq(20)), 1), (vec![20], false));
    let of_none = HistoryRequest { log: Target::Log(log), from: HistoryFrom::Last, count: 0 };
    let refusal = history(&world.reader, alice.user, &of_none, PAGE_LEN_MAX).unwrap().unwrap_err();
    assert_eq!(refusal.code(), RefusalCode::OutOfRange);
}

#[test]
fn a_page_of_the_longest_texts_still_fits_a_message() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    let longest = "x".repeat(16 * 1024);
    for _ in 0..8 {
        stored(world.act(member(&alice), post("#ops", &longest)));
    }
    for from in [HistoryFrom::Last, HistoryFrom::After(Seq(0)), HistoryFrom::Around(Seq(6)), HistoryFrom::Around(Seq(2))] {
        let request = HistoryRequest { log: Target::Log(log), from, count: 100 };
        let page = history(&world.reader, alice.user, &request, usize::MAX).unwrap().unwrap();
        assert!(page.events.len() >= 3);
        assert!(Reply::Page(page).encode(0).len() <= crate::message::BODY_LEN_MAX);
        // However small the budget, a page gets somewhere.
        assert_eq!(history(&world.reader, alice.user, &request, 1).unwrap().unwrap().events.len(), 1);
    }
    assert_eq!(follow_page(&world.reader, alice.user, log, Seq(2), 1).unwrap().unwrap().items.len(), 1);
}

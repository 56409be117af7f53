//! What is told at once and never stored: who is there, who is typing, and values of which only the newest counts.

use udpchat::client::ClientEvent;
use udpchat::message::{
    Availability, ChangeRoom, FollowFrom, LogId, PasswordChange, Posting, RefusalCode, Reply, Request, RoomChanges, SetLatest,
    Target, VIEWS_MAX,
};
use udpchat::transport::Micros;

use super::net::Faults;
use super::world::World;

const LEG: Micros = Micros::from_millis(25);

const fn ms(millis: u64) -> Micros {
    Micros::from_millis(millis)
}

/// People in `#ops` who follow it and have it in view.
fn viewers(world: &mut World, names: &[&str]) -> (Vec<usize>, LogId) {
    let people: Vec<usize> = names.iter().map(|name| world.register(name)).collect();
    let Reply::Stored(stored) = world.create(people[0], "#ops") else { panic!("no room") };
    for who in &people {
        if *who != people[0] {
            world.join(*who, "#ops");
        }
        look(world, *who, stored.log);
    }
    world.drive_for(ms(3_000));
    (people, stored.log)
}

fn look(world: &mut World, who: usize, log: LogId) {
    assert!(matches!(world.follow(who, Target::Log(log), FollowFrom::Now), Reply::Following(_)));
    let now = world.now;
    world.client(who).set_in_view(now, vec![log]);
    world.settle();
}

fn set(world: &mut World, who: usize, log: LogId, key: &str, value: &str) {
    let now = world.now;
    world.client(who).set_latest(now, log, key, value.to_owned());
    world.settle();
}

/// Asks for a value to be set, and what the server says.
fn ask(world: &mut World, who: usize, log: LogId, key: &str, value: &str) -> Reply {
    let stamp = world.client(who).next_stamp();
    world.ask(who, &Request::SetLatest(SetLatest { log, key: key.to_owned(), value: value.to_owned(), stamp }))
}

/// The values of a key somebody has heard, in order.
fn values(world: &World, who: usize, wanted: &str) -> Vec<String> {
    let value = |event: &ClientEvent| match event {
        ClientEvent::Latest { latest, .. } if latest.key == wanted => Some(latest.value.clone()),
        _ => None,
    };
    world.people[who].events.iter().filter_map(value).collect()
}

fn typing_count(world: &World, who: usize) -> usize {
    world.people[who].events.iter().filter(|event| matches!(event, ClientEvent::Typing { .. })).count()
}

/// What somebody has heard last about a user of this name.
fn presence(world: &World, who: usize, wanted: &str) -> Option<(Availability, String)> {
    let told = |event: &ClientEvent| match event {
        ClientEvent::Presence(presence) if presence.name == wanted => Some((presence.availability, presence.text.clone())),
        _ => None,
    };
    world.people[who].events.iter().rev().find_map(told)
}

fn code(reply: &Reply) -> RefusalCode {
    match reply {
        Reply::Refused(refusal) => refusal.code(),
        other => panic!("no refusal: {other:?}"),
    }
}

#[test]
fn values_under_loss_come_in_order_and_the_last_always() {
    for seed in 0..5 {
        let mut world = World::on_good_network(seed);
        let (people, log) = viewers(&mut world, &["alice", "bob"]);
        let [alice, bob] = people[..] else { unreachable!("two people") };
        world.net.set_faults(Faults::lossy(LEG, 300));
        for step in 0..200 {
            set(&mut world, alice, log, "alice", &format!("{step:03}"));
            world.drive_for(ms(50));
        }
        assert!(world.drive(ms(20_000), |world| values(world, bob, "alice").last().is_some_and(|value| value == "199")));
        let heard = values(&world, bob, "alice");
        assert!(heard.is_sorted() && heard.len() > 50, "seed {seed}: {heard:?}");
        // What stays is told once more for good; whoever comes before that is through hears it twice.
        world.drive_for(ms(20_000));
        let carol = world.register("carol");
        world.join(carol, "#ops");
        look(&mut world, carol, log);
        world.drive_for(ms(5_000));
        assert_eq!(values(&world, carol, "alice"), ["199"], "a newcomer is told what there is, once");
        set(&mut world, alice, log, "alice", "");
        assert!(world.drive(ms(20_000), |world| values(world, carol, "alice").last().is_some_and(String::is_empty)));
    }
}

#[test]
fn who_leaves_hears_nothing_more_and_tells_nothing_more() {
    let mut world = World::on_good_network(6);
    let (people, log) = viewers(&mut world, &["alice", "bob"]);
    let [alice, bob] = people[..] else { unreachable!("two people") };
    assert_eq!(ask(&mut world, bob, log, "bob", "here"), Reply::Done);
    let id = world.id(bob);
    assert!(matches!(world.ask(bob, &Request::LeaveRoom((id, Target::Log(log)))), Reply::Stored(_)));
    world.people[bob].events.clear();
    assert_eq!(ask(&mut world, alice, log, "alice", "secret"), Reply::Done);
    let now = world.now;
    world.client(alice).tell_typing(now, log);
    assert_eq!(code(&ask(&mut world, bob, log, "bob", "still here")), RefusalCode::NotFollowed);
    set(&mut world, bob, log, "bob", "still here");
    world.drive_for(ms(5_000));
    assert_eq!((values(&world, bob, "alice").len(), typing_count(&world, bob)), (0, 0));
    assert_eq!(presence(&world, bob, "alice"), None);
    assert_eq!(values(&world, alice, "bob"), ["here"]);
}

#[test]
fn typing_is_heard_by_others_and_often_enough_to_last() {
    let mut world = World::on_good_network(7);
    let (people, log) = viewers(&mut world, &["alice", "bob"]);
    let [alice, bob] = people[..] else { unreachable!("two people") };
    world.net.set_faults(Faults::lossy(LEG, 300));
    for _ in 0..600 {
        let now = world.now;
        world.client(alice).tell_typing(now, log);
        world.drive_for(ms(100));
    }
    assert!((5..=21).contains(&typing_count(&world, bob)), "{}", typing_count(&world, bob));
    assert_eq!(typing_count(&world, alice), 0);
}

#[test]
fn who_may_not_post_is_not_heard_from_the_moment_that_it_is_so() {
    let mut world = World::on_good_network(8);
    let (people, log) = viewers(&mut world, &["alice", "bob"]);
    let [alice, bob] = people[..] else { unreachable!("two people") };
    set(&mut world, bob, log, "bob", "1");
    assert!(world.drive(ms(2_000), |world| values(world, alice, "bob") == ["1"]));
    let id = world.id(alice);
    let changes = RoomChanges { posting: Some(Posting::Moderators), ..RoomChanges::default() };
    let change = ChangeRoom { id, room: Target::Log(log), password: PasswordChange::Keep, changes };
    assert!(matches!(world.ask(alice, &Request::ChangeRoom(change)), Reply::Stored(_)));
    set(&mut world, bob, log, "bob", "2");
    assert_eq!(code(&ask(&mut world, bob, log, "bob", "3")), RefusalCode::AnnouncementsOnly);
    world.drive_for(ms(5_000));
    assert_eq!(values(&world, alice, "bob"), ["1"]);
    assert_eq!(ask(&mut world, alice, log, "alice", "heard"), Reply::Done);
}

#[test]
fn a_flood_of_values_is_held_to_its_budget() {
    let mut world = World::on_good_network(9);
    let (people, log) = viewers(&mut world, &["mallory", "bob"]);
    let [mallory, bob] = people[..] else { unreachable!("two people") };
    let now = world.now;
    let tags: Vec<_> = (0..300)
        .map(|count| {
            let client = world.client(mallory);
            let stamp = client.next_stamp();
            let set = SetLatest { log, key: format!("k{count}"), value: "x".repeat(200), stamp };
            client.request(now, &Request::SetLatest(set))
        })
        .collect();
    let replies: Vec<Reply> = tags.into_iter().map(|tag| world.answer(mallory, tag)).collect();
    let done_count = replies.iter().filter(|reply| **reply == Reply::Done).count();
    let elapsed_s = usize::try_from((world.now - now).as_micros() / 1_000_000).unwrap() + 1;
    assert!((50..=50 + 25 * elapsed_s).contains(&done_count), "{done_count} in {elapsed_s} s");
    assert!(replies.iter().any(|reply| matches!(reply, Reply::Refused(refusal) if refusal.code() == RefusalCode::TooMany)));
    assert!(world.server_counts().1.utterances_full > 0);
    world.drive_for(ms(5_000));
    let heard = world.people[bob].events.iter().filter(|event| matches!(event, ClientEvent::Latest { .. })).count();
    assert_eq!(heard, done_count, "what was taken is told, all else is not");
    let too_many = Request::InView((0..=VIEWS_MAX as u64).map(LogId).collect());
    assert_eq!(code(&world.ask(mallory, &too_many)), RefusalCode::LimitReached);
    assert_eq!(code(&ask(&mut world, mallory, log, "", "no key")), RefusalCode::BadValue);
}

#[test]
fn presence_is_that_of_all_devices_together() {
    let mut world = World::on_good_network(10);
    let (people, log) = viewers(&mut world, &["alice", "bob"]);
    let [laptop, bob] = people[..] else { unreachable!("two people") };
    let is = |world: &mut World, availability, text: &str| {
        let wanted = Some((availability, text.to_owned()));
        let told = world.drive(ms(5_000), |world| presence(world, bob, "alice") == wanted);
        assert!(told, "{:?} is not {wanted:?}", presence(world, bob, "alice"));
    };
    is(&mut world, Availability::Online, "");
    let phone = world.add("alice");
    let credentials = world.credentials(phone, super::world::PASSWORD);
    assert!(matches!(world.ask(phone, &Request::LogIn(credentials)), Reply::Account(_)));
    world.follow(phone, Target::Log(log), FollowFrom::Now);
    assert_eq!(world.ask(laptop, &Request::SetAway(Some("lunch".into()))), Reply::Done);
    world.drive_for(ms(3_000));
    is(&mut world, Availability::Online, "");
    let now = world.now;
    world.client(phone).close(now);
    is(&mut world, Availability::Away, "lunch");
    assert_eq!(world.ask(laptop, &Request::SetAway(None)), Reply::Done);
    is(&mut world, Availability::Online, "");
    let now = world.now;
    world.client(laptop).close(now);
    is(&mut world, Availability::Offline, "");
    assert_eq!(code(&world.ask(bob, &Request::SetAway(Some("x".repeat(129))))), RefusalCode::BadText);
}

#[test]
fn a_view_outlasts_a_restart_of_the_server() {
    let mut world = World::on_good_network(11);
    let (people, log) = viewers(&mut world, &["alice", "bob"]);
    let [alice, bob] = people[..] else { unreachable!("two people") };
    assert_eq!(ask(&mut world, alice, log, "alice", "before"), Reply::Done);
    world.kill_server();
    world.drive_for(ms(1_000));
    world.start_server();
    world.drive_for(ms(30_000));
    assert_eq!(ask(&mut world, alice, log, "alice", "after"), Reply::Done);
    assert!(
        world.drive(ms(5_000), |world| values(world, bob, "alice") == ["before", "after"]),
        "{:?}",
        values(&world, bob, "alice")
    );
}

//! What people do, told as stories in a simulated world: register, talk, leave, come back.

use udpchat::client::{ClientEvent, PostOutcome};
use udpchat::message::{
    ChangePassword, FollowFrom, FollowRequest, HistoryFrom, HistoryRequest, JoinRoom, LogId, Password, RefusalCode, Reply,
    Request, Target, Visibility,
};
use udpchat::transport::Micros;

use super::net::Faults;
use super::world::World;

const MINUTE: Micros = Micros::from_secs(60);

fn refusal(reply: &Reply) -> RefusalCode {
    match reply {
        Reply::Refused(refusal) => refusal.code(),
        other => panic!("no refusal: {other:?}"),
    }
}

fn stored_log(reply: &Reply) -> LogId {
    match reply {
        Reply::Stored(stored) => stored.log,
        other => panic!("not stored: {other:?}"),
    }
}

fn stored_seq(outcome: Option<&PostOutcome>) -> u64 {
    match outcome {
        Some(Ok(stored)) => stored.seq.0,
        other => panic!("not stored: {other:?}"),
    }
}

/// Alice and Bob in `#ops`, both following it.
fn two_in_a_room(world: &mut World) -> (usize, usize, LogId) {
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let log = stored_log(&world.create(alice, "#ops"));
    assert_eq!(stored_log(&world.join(bob, "#ops")), log);
    for person in [alice, bob] {
        assert!(matches!(world.follow(person, Target::Log(log), FollowFrom::Start), Reply::Following(_)));
    }
    (alice, bob, log)
}

#[test]
fn two_people_register_and_talk() {
    let mut world = World::on_good_network(1);
    let (alice, bob, log) = two_in_a_room(&mut world);
    let place = world.write(alice, "#ops", "hello 你好 👋");
    assert!(world.drive(MINUTE, |world| world.texts(bob, log) == ["hello 你好 👋"] && world.texts(alice, log).len() == 1));
    assert_eq!(stored_seq(world.people[alice].outcomes.get(&place)), 4, "created, joined, joined, posted");
    assert_eq!(world.people[bob].seen[&log].last().unwrap().author, "alice");
}

#[test]
fn a_name_that_is_taken_or_looks_alike_is_refused() {
    let mut world = World::on_good_network(2);
    world.register("alice");
    for name in ["alice", "ALICE", "a1ice"] {
        let other = world.add(name);
        let credentials = world.credentials(other, "another one");
        let reply = world.ask(other, &Request::Register(credentials));
        assert_eq!(refusal(&reply), RefusalCode::NameTaken, "{name}");
    }
}

#[test]
fn a_known_device_needs_no_password_and_a_new_one_the_right_password() {
    let mut world = World::on_good_network(3);
    let alice = world.register("alice");
    world.kill_client(alice);
    world.start_client(alice);
    assert!(world.drive(MINUTE, |world| world.client(alice).account().is_some_and(|account| account.name == "alice")));

    let laptop = world.add("alice");
    let wrong = world.credentials(laptop, "wrong horse");
    assert_eq!(refusal(&world.ask(laptop, &Request::LogIn(wrong))), RefusalCode::WrongPassword);
    let nobody = world.add("nobody");
    let unknown = world.credentials(nobody, "correct horse");
    assert_eq!(refusal(&world.ask(nobody, &Request::LogIn(unknown))), RefusalCode::WrongPassword);
    let right = world.credentials(laptop, "correct horse");
    assert!(matches!(world.ask(laptop, &Request::LogIn(right)), Reply::Account(_)));
}

#[test]
fn a_stranger_is_asked_to_sign_in_and_a_guest_needs_no_password() {
    let mut world = World::on_good_network(4);
    let visitor = world.add("visitor");
    assert_eq!(refusal(&world.ask(visitor, &Request::Memberships(None))), RefusalCode::NotSignedIn);
    let id = world.id(visitor);
    let guest = udpchat::message::GuestRequest { id, name: "visitor".into(), device: "sim".into() };
    match world.ask(visitor, &Request::Guest(guest)) {
        Reply::Account(account) => assert!(account.is_guest()),
        other => panic!("{other:?}"),
    }
}

#[test]
pub fn a_changed_password_is_the_only_one_and_other_devices_are_logged_out() {
    let mut world = World::on_good_network(5);
    let alice = world.register("alice");
    let laptop = world.add("alice");
    let credentials = world.credentials(laptop, "correct horse");
    world.ask(laptop, &Request::LogIn(credentials));
    let id = world.id(alice);
    let change = ChangePassword {
        id,
        old: Password::new("correct horse".into()),
        new: Password::new("battery staple".into()),
        revoke_others: true,
    };
    assert_eq!(world.ask(alice, &Request::ChangePassword(change.clone())), Reply::Done);
    assert_eq!(world.ask(alice, &Request::ChangePassword(change)), Reply::Done, "repeated: the first outcome");
    let is_out = |world: &mut World| world.people[laptop].events.iter().any(|event| matches!(event, ClientEvent::SignedOut(_)));
    assert!(world.drive(MINUTE, is_out));

    let phone = world.add("alice");
    let old = world.credentials(phone, "correct horse");
    assert_eq!(refusal(&world.ask(phone, &Request::LogIn(old))), RefusalCode::WrongPassword);
    let new = world.credentials(phone, "battery staple");
    assert!(matches!(world.ask(phone, &Request::LogIn(new)), Reply::Account(_)));
}

#[test]
fn a_room_with_a_password_opens_to_the_right_one_only() {
    let mut world = World::on_good_network(6);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let id = world.id(alice);
    let password = Some(Password::new("open sesame".into()));
    let create = udpchat::message::CreateRoom {
        id,
        name: "#cave".into(),
        password: password.clone(),
        visibility: Visibility::Public,
        template: udpchat::message::Template::Plain,
        changes: udpchat::message::RoomChanges::default(),
    };
    assert!(matches!(world.ask(alice, &Request::CreateRoom(create)), Reply::Stored(_)));
    for (given, opens) in [(None, false), (Some(Password::new("open barley".into())), false), (password, true)] {
        let id = world.id(bob);
        let reply = world.ask(bob, &Request::JoinRoom(JoinRoom { id, name: "#cave".into(), password: given }));
        if opens {
            assert!(matches!(reply, Reply::Stored(_)), "{reply:?}");
        } else {
            assert_eq!(refusal(&reply), RefusalCode::WrongRoomPassword);
        }
    }
}

#[test]
fn rooms_and_who_is_in_them_and_online_are_listed() {
    let mut world = World::on_good_network(7);
    let (alice, bob, log) = two_in_a_room(&mut world);
    world.kill_client(bob);
    // The server learns of a silent client by its idle timeout.
    world.drive_for(Micros::from_secs(130));
    match world.ask(alice, &Request::Who((Target::Room("#ops".into()), 0))) {
        Reply::Members(page) => {
            let is_online = |member: &udpchat::message::Member| member.availability != udpchat::message::Availability::Offline;
            let members: Vec<(&str, bool)> =
                page.members.iter().map(|member| (member.name.as_str(), is_online(member))).collect();
            assert_eq!((page.log, members), (log, vec![("alice", true), ("bob", false)]));
        }
        other => panic!("{other:?}"),
    }
    match world.ask(alice, &Request::ListRooms(udpchat::message::RoomSearch::default())) {
        Reply::Rooms(page) => {
            let rooms: Vec<(&str, u32, bool)> =
                page.rooms.iter().map(|room| (room.name.as_str(), room.member_count, room.joined)).collect();
            assert_eq!(rooms, [("#ops", 2, true)]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_direct_message_reaches_the_other_and_nobody_else() {
    let mut world = World::on_good_network(8);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let carol = world.register("carol");
    for person in [bob, carol] {
        assert!(matches!(world.follow(person, Target::Own, FollowFrom::Start), Reply::Following(_)));
    }
    world.write(alice, "@bob", "hi");
    let told = world.drive(MINUTE, |world| world.people[bob].seen.values().flatten().any(opened));
    assert!(told, "bob's own log says that a conversation began");
    let page = match world.ask(bob, &history(Target::User("alice".into()), HistoryFrom::Last)) {
        Reply::Page(page) => page,
        other => panic!("{other:?}"),
    };
    assert_eq!((page.room.as_str(), page.events.len()), ("@alice", 2), "created, posted");
    assert!(!world.people[carol].seen.values().flatten().any(opened));
    let foreign = world.ask(carol, &history(Target::Log(page.log), HistoryFrom::Last));
    assert!(matches!(foreign, Reply::Refused(_)), "{foreign:?}");
}

fn opened(followed: &udpchat::client::Followed) -> bool {
    matches!(followed.event.content(), udpchat::message::EventBody::DirectOpened(..))
}

fn history(log: Target, from: HistoryFrom) -> Request {
    Request::History(HistoryRequest { log, from, count: 50 })
}

#[test]
pub fn whoever_left_hears_no_more() {
    let mut world = World::on_good_network(9);
    let (alice, bob, log) = two_in_a_room(&mut world);
    let id = world.id(bob);
    assert!(matches!(world.ask(bob, &Request::LeaveRoom((id, Target::Log(log)))), Reply::Stored(_)));
    let ended = |world: &mut World| world.people[bob].events.iter().any(|event| matches!(event, ClientEvent::Unfollowed { .. }));
    assert!(world.drive(MINUTE, ended));
    world.write(alice, "#ops", "secret");
    world.drive_for(Micros::from_secs(5));
    assert_eq!(world.texts(alice, log), ["secret"]);
    assert!(world.texts(bob, log).is_empty());
    for request in [history(Target::Log(log), HistoryFrom::Last), history(Target::Room("#ops".into()), HistoryFrom::Last)] {
        assert_eq!(refusal(&world.ask(bob, &request)), RefusalCode::NotMember);
    }
}

#[test]
fn history_comes_in_pages_in_both_directions() {
    let mut world = World::on_good_network(10);
    let (alice, _, log) = two_in_a_room(&mut world);
    for n in 0..120 {
        world.write(alice, "#ops", &format!("line {n}"));
    }
    assert!(world.drive(MINUTE, |world| world.people[alice].outcomes.len() == 120));
    let seqs = |reply: Reply| match reply {
        Reply::Page(page) => {
            let seqs: Vec<u64> =
                page.events.iter().map(|told| udpchat::message::Event::decode(&told.event).unwrap().head.seq.0).collect();
            (seqs, page.more)
        }
        other => panic!("{other:?}"),
    };
    let log = Target::Log(log);
    assert_eq!(seqs(world.ask(alice, &history(log.clone(), HistoryFrom::Last))), ((74..=123).collect(), true));
    let before = HistoryFrom::Before(udpchat::message::Seq(4));
    assert_eq!(seqs(world.ask(alice, &history(log.clone(), before))), ((1..=3).collect(), false));
    let after = HistoryFrom::After(udpchat::message::Seq(120));
    assert_eq!(seqs(world.ask(alice, &history(log, after))), ((121..=123).collect(), false));
}

#[test]
pub fn a_restarted_server_has_what_it_said_it_stored_and_people_go_on() {
    for seed in 0..20 {
        let mut world = World::on_good_network(100 + seed);
        let (alice, bob, log) = two_in_a_room(&mut world);
        for n in 0..200 {
            world.write(alice, "#ops", &format!("line {n}"));
        }
        world.drive(Micros::from_millis(40 + 17 * seed), |_| false);
        world.kill_server();
        world.drive_for(Micros::from_secs(3));
        world.start_server();
        let all: Vec<String> = (0..200).map(|n| format!("line {n}")).collect();
        let healed = |world: &mut World| world.texts(bob, log) == all && world.people[alice].outcomes.len() == 200;
        assert!(world.drive(MINUTE, healed), "seed {seed}: {} of 200", world.texts(bob, log).len());
        assert_eq!(world.texts(alice, log), all);
        assert!(world.people.iter().all(|person| person.broken.is_empty()));
    }
}

#[test]
pub fn what_was_written_without_a_server_is_sent_once_when_it_is_back() {
    let mut world = World::on_good_network(11);
    let (alice, bob, log) = two_in_a_room(&mut world);
    world.kill_server();
    let place = world.write(alice, "#ops", "are you there?");
    world.drive_for(Micros::from_secs(20));
    assert!(!world.people[alice].outcomes.contains_key(&place));
    // The program ends and comes back: the message waits on its disk.
    world.kill_client(alice);
    world.start_server();
    world.start_client(alice);
    assert!(world.drive(MINUTE, |world| world.texts(bob, log) == ["are you there?"]));
    world.drive_for(Micros::from_secs(10));
    assert_eq!(world.texts(bob, log).len(), 1);
}

#[test]
fn a_slow_reader_costs_a_cursor_and_loses_nothing() {
    let mut world = World::on_good_network(12);
    let (alice, bob, log) = two_in_a_room(&mut world);
    let (server, slow) = (world.server_address, world.people[bob].address);
    world.net.set_cut(server, slow, true);
    let text = "x".repeat(1_000);
    for _ in 0..300 {
        world.write(alice, "#ops", &text);
    }
    assert!(world.drive(MINUTE, |world| world.texts(alice, log).len() == 300), "nobody else waits");
    world.net.set_cut(server, slow, false);
    assert!(world.drive(MINUTE, |world| world.texts(bob, log).len() == 300));
}

#[test]
fn a_bad_network_is_slow_and_never_wrong() {
    for seed in 0..10 {
        let faults = Faults {
            jitter: Micros::from_millis(30),
            reorder: 100,
            reorder_delay: Micros::from_millis(200),
            duplicate: 200,
            corrupt: 50,
            ..Faults::lossy(Micros::from_millis(25), 300)
        };
        let mut world = World::new(200 + seed, faults);
        let (alice, bob, log) = two_in_a_room(&mut world);
        for n in 0..30 {
            world.write(alice, "#ops", &format!("a{n}"));
            world.write(bob, "#ops", &format!("b{n}"));
        }
        let all_there = |world: &mut World| world.texts(alice, log).len() == 60 && world.texts(bob, log).len() == 60;
        assert!(world.drive(MINUTE.times(5), all_there), "seed {seed}");
        assert_eq!(world.texts(alice, log), world.texts(bob, log), "seed {seed}: one order");
        for who in ["a", "b"] {
            let own: Vec<String> = world.texts(alice, log).into_iter().filter(|text| text.starts_with(who)).collect();
            assert_eq!(own, (0..30).map(|n| format!("{who}{n}")).collect::<Vec<_>>(), "seed {seed}: each sender's order");
        }
    }
}

#[test]
fn whoever_leaves_while_a_follow_begins_hears_nothing_of_what_comes_after() {
    for seed in 0..60 {
        let mut world = World::on_good_network(300 + seed);
        let (alice, bob) = (world.register("alice"), world.register("bob"));
        let log = stored_log(&world.create(alice, "#ops"));
        world.join(bob, "#ops");
        world.work_delay_max = Micros::from_millis(300);
        let (id, now) = (world.id(bob), world.now);
        world.client(bob).follow(now, FollowRequest { log: Target::Log(log), from: FollowFrom::Start });
        let left = world.ask(bob, &Request::LeaveRoom((id, Target::Log(log))));
        assert!(matches!(left, Reply::Stored(_)), "seed {seed}: {left:?}");
        for n in 0..5 {
            world.write(alice, "#ops", &format!("secret {n}"));
            world.drive_for(Micros::from_millis(700));
        }
        assert!(world.texts(bob, log).is_empty(), "seed {seed}: {:?}", world.texts(bob, log));
    }
}

#[test]
fn a_device_that_is_revoked_while_it_connects_is_nobody() {
    for seed in 0..60 {
        let mut world = World::on_good_network(400 + seed);
        let alice = world.register("alice");
        let laptop = world.add("alice");
        let credentials = world.credentials(laptop, "correct horse");
        world.ask(laptop, &Request::LogIn(credentials));
        world.work_delay_max = Micros::from_millis(300);
        let id = world.id(alice);
        let change = ChangePassword {
            id,
            old: Password::new("correct horse".into()),
            new: Password::new("battery staple".into()),
            revoke_others: true,
        };
        let now = world.now;
        world.client(alice).request(now, &Request::ChangePassword(change));
        world.drive_for(Micros::from_millis(seed * 17));
        world.kill_client(laptop);
        world.start_client(laptop);
        world.drive_for(Micros::from_secs(10));
        let reply = world.ask(laptop, &Request::Memberships(None));
        assert_eq!(refusal(&reply), RefusalCode::NotSignedIn, "seed {seed}");
    }
}

#[test]
pub fn what_is_said_while_a_follow_catches_up_is_not_missed() {
    for seed in 0..60 {
        let mut world = World::on_good_network(500 + seed);
        let (alice, bob) = (world.register("alice"), world.register("bob"));
        let log = stored_log(&world.create(alice, "#ops"));
        world.join(bob, "#ops");
        world.work_delay_max = Micros::from_millis(500);
        let now = world.now;
        world.client(bob).follow(now, FollowRequest { log: Target::Log(log), from: FollowFrom::Start });
        world.drive_for(Micros::from_millis(seed * 20));
        // One line and then silence: nothing that comes later brings it along.
        world.write(alice, "#ops", "only once");
        assert!(world.drive(Micros::from_secs(10), |world| world.texts(bob, log) == ["only once"]), "seed {seed}");
    }
}

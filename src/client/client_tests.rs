//! Stories of one client and a server that forgets, hides, halts and changes.

use super::cursors::{Cursor, Cursors};
use super::event::ClientEvent;
use super::fake_server::{Posts, ROOM, World, device, room};
use super::outbox::{Draft, Outbox, Recipient, SenderLock};
use crate::message::{
    Credentials, EventHash, FollowFrom, FollowRequest, Hidden, Notice, Password, Reply, Request, RequestId, Seq, Text, Told,
};
use crate::transport::Micros;

fn draft(text: &str) -> Draft {
    let mut id = [0; 16];
    id.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    Draft { id: RequestId(id), to: Recipient::new(&room()), text: Text::parse(text).unwrap(), reply_to: None, payload: None }
}

fn drafts(range: std::ops::Range<u32>) -> Vec<Draft> {
    range.map(|n| draft(&format!("m{n}"))).collect()
}

fn texts(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| format!("m{n}")).collect()
}

fn register() -> Request {
    Request::Register(Credentials {
        id: RequestId([1; 16]),
        name: "alice".into(),
        password: Password::new("correct horse".into()),
        device: "laptop".into(),
    })
}

fn follow(world: &mut World, from: FollowFrom) {
    world.client.follow(world.now, FollowRequest { log: room(), from });
    world.run();
}

#[test]
fn a_stranger_trusts_registers_and_is_known_from_then_on() {
    let mut world = World::new();
    world.pass(Micros::from_secs(1));
    assert_eq!(world.told(), ["server key"]);
    world.client.trust_server_key(world.now, world.server.key());
    world.run();
    assert_eq!(world.told(), ["online"]);
    assert_eq!(world.client.account(), None);
    world.client.request(world.now, &register());
    world.run();
    assert_eq!(world.told(), ["reply Account"]);
    assert_eq!(world.client.account().unwrap().name, "alice");
    world.server.restart(world.now);
    world.pass(Micros::from_secs(30));
    assert_eq!(world.told(), ["offline", "online"]);
    assert_eq!(world.client.account().unwrap().name, "alice");
    assert_eq!(world.server.registered, Some(device().public()));
}

#[test]
fn a_server_with_another_key_is_told_and_never_spoken_to() {
    let mut world = World::signed_in();
    world.server.replace(world.now);
    world.pass(Micros::from_secs(300));
    let told = world.told();
    assert!(told.contains(&"server key changed".to_owned()), "{told:?}");
    assert!(!told.contains(&"online".to_owned()), "{told:?}");
}

#[test]
fn requests_without_an_answer_go_again_after_a_restart_in_order() {
    let mut world = World::signed_in();
    world.linked = false;
    let ids = [RequestId([5; 16]), RequestId([6; 16])];
    let leave = |id| Request::LeaveRoom((id, room()));
    for id in ids {
        world.client.request(world.now, &leave(id));
    }
    world.pass(Micros::from_millis(300));
    assert_eq!(world.server.heard, []);
    world.server.restart(world.now);
    world.linked = true;
    world.pass(Micros::from_secs(10));
    assert_eq!(world.server.heard, ids.map(leave));
    assert_eq!(world.told(), ["offline", "online", "reply Done", "reply Done"]);
}

#[test]
fn a_message_whose_answer_was_lost_is_stored_once() {
    let mut world = World::signed_in();
    world.server.posts = Posts::StoredInSilence;
    world.client.post(world.now, &drafts(0..3)).unwrap();
    world.run();
    assert_eq!(world.server.texts(), texts(0..3));
    assert_eq!(world.client.unsent_count().unwrap(), 3);
    world.server.restart(world.now);
    world.server.posts = Posts::Stored;
    world.client.post(world.now, &drafts(3..4)).unwrap();
    world.pass(Micros::from_secs(10));
    assert_eq!(world.server.texts(), texts(0..4));
    assert_eq!(world.told(), ["offline", "online", "stored 2", "stored 3", "stored 4", "stored 5"]);
    assert_eq!(world.client.unsent_count().unwrap(), 0);
    assert!(world.client.is_idle());
}

#[test]
fn a_server_that_died_with_the_answers_is_found_out_soon() {
    let mut world = World::signed_in();
    world.server.posts = Posts::StoredInSilence;
    world.client.post(world.now, &drafts(0..3)).unwrap();
    // Everything is acknowledged: nothing is left that the transport would send again.
    world.pass(Micros::from_millis(500));
    assert_eq!(world.server.texts(), texts(0..3));
    world.server.restart(world.now);
    world.server.posts = Posts::Stored;
    world.pass(Micros::from_secs(3));
    assert_eq!(world.told(), ["offline", "online", "stored 2", "stored 3", "stored 4"]);
    assert_eq!(world.server.texts(), texts(0..3));
}

#[test]
fn the_outbox_drains_in_order_with_few_in_flight() {
    let mut world = World::signed_in();
    world.client.post(world.now, &drafts(0..500)).unwrap();
    world.client.post(world.now, &drafts(500..501)).unwrap();
    world.pass(Micros::from_secs(5));
    assert_eq!(world.server.texts(), texts(0..501));
    assert_eq!(world.told().len(), 501);
    assert!(world.client.is_idle());
    // Silence: at most the window is with the server.
    world.server.posts = Posts::StoredInSilence;
    world.client.post(world.now, &drafts(501..600)).unwrap();
    world.pass(Micros::from_secs(5));
    assert_eq!(world.server.texts().len(), 501 + 32);
}

#[test]
fn what_was_written_offline_goes_with_the_next_program() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("client.db");
    let mut world = World::signed_in_with(Outbox::open(&path).unwrap(), SenderLock::alone(), 2);
    world.linked = false;
    world.client.post(world.now, &drafts(0..3)).unwrap();
    world.pass(Micros::from_secs(2));
    drop(world);
    let world = World::signed_in_with(Outbox::open(&path).unwrap(), SenderLock::alone(), 3);
    assert_eq!(world.server.texts(), texts(0..3));
    assert_eq!(world.client.unsent_count().unwrap(), 0);
}

#[test]
fn a_refused_message_is_told_and_the_next_ones_go_on() {
    let mut world = World::signed_in();
    world.server.posts = Posts::Refused;
    world.client.post(world.now, &drafts(0..1)).unwrap();
    world.run();
    world.server.posts = Posts::Stored;
    world.client.post(world.now, &drafts(1..2)).unwrap();
    world.run();
    assert_eq!(world.told(), ["refused: join first", "stored 2"]);
    assert_eq!(world.client.unsent_count().unwrap(), 0);
}

#[test]
fn a_full_server_halts_the_outbox_and_keeps_its_order() {
    let mut world = World::signed_in();
    world.server.posts = Posts::HaltedAt("m1".into());
    world.client.post(world.now, &drafts(0..5)).unwrap();
    world.run();
    assert_eq!(world.told(), ["stored 2", "halted: the disk is full"]);
    assert_eq!(world.client.unsent_count().unwrap(), 4);
    world.server.posts = Posts::Stored;
    world.pass(Micros::from_secs(2));
    assert_eq!(world.server.texts(), texts(0..5));
    assert_eq!(world.told(), ["stored 3", "stored 4", "stored 5", "stored 6"]);
}

#[test]
fn a_lost_connection_while_halted_keeps_the_order_too() {
    let mut world = World::signed_in();
    world.server.posts = Posts::HaltedAt("m1".into());
    world.client.post(world.now, &drafts(0..5)).unwrap();
    world.run();
    world.server.posts = Posts::Stored;
    world.server.restart(world.now);
    world.client.request(world.now, &Request::WhoAmI);
    world.pass(Micros::from_secs(10));
    assert_eq!(world.server.texts(), texts(0..5));
}

#[test]
fn a_process_that_waits_hears_what_the_sending_one_achieved() {
    let dir = tempfile::tempdir().unwrap();
    let (path, lock) = (dir.path().join("client.db"), dir.path().join("lock"));
    let mut sender = World::signed_in_with(Outbox::open(&path).unwrap(), SenderLock::at(lock.clone()), 4);
    sender.server.posts = Posts::StoredInSilence;
    sender.client.post(sender.now, &drafts(0..1)).unwrap();
    sender.run();
    // The sender holds the lock while its message has no outcome; this one's message waits behind it.
    let mut waiter = World::signed_in_with(Outbox::open(&path).unwrap(), SenderLock::at(lock), 5);
    waiter.client.post(waiter.now, &drafts(1..2)).unwrap();
    waiter.pass(Micros::from_secs(1));
    assert_eq!(waiter.server.texts(), texts(0..0));
    assert_eq!(waiter.told(), [""; 0]);
    sender.server.posts = Posts::Stored;
    sender.server.restart(sender.now);
    sender.client.post(sender.now, &drafts(2..3)).unwrap();
    sender.pass(Micros::from_secs(10));
    assert_eq!(sender.server.texts(), texts(0..3));
    assert_eq!(sender.told(), ["offline", "online", "stored 2", "stored for another 3", "stored 4"]);
    waiter.pass(Micros::from_secs(1));
    assert_eq!(waiter.told(), ["stored 3"]);
    assert_eq!(waiter.server.texts(), texts(0..0), "it was not sent twice");
    assert!(waiter.client.is_idle());
}

#[test]
fn a_waiting_process_sends_itself_when_the_sending_one_ends() {
    let dir = tempfile::tempdir().unwrap();
    let (path, lock) = (dir.path().join("client.db"), dir.path().join("lock"));
    let mut sender = World::signed_in_with(Outbox::open(&path).unwrap(), SenderLock::at(lock.clone()), 6);
    sender.server.posts = Posts::StoredInSilence;
    sender.client.post(sender.now, &drafts(0..1)).unwrap();
    sender.run();
    let mut waiter = World::signed_in_with(Outbox::open(&path).unwrap(), SenderLock::at(lock), 7);
    waiter.client.post(waiter.now, &drafts(1..2)).unwrap();
    waiter.pass(Micros::from_secs(1));
    drop(sender);
    waiter.pass(Micros::from_secs(1));
    assert_eq!(waiter.server.texts(), texts(0..2), "the abandoned one goes first");
    assert_eq!(waiter.told(), ["stored for another 2", "stored 3"]);
}

#[test]
fn what_another_process_sent_meanwhile_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let (path, lock) = (dir.path().join("client.db"), dir.path().join("lock"));
    let mut cut_off = World::signed_in_with(Outbox::open(&path).unwrap(), SenderLock::at(lock.clone()), 8);
    cut_off.linked = false;
    cut_off.client.post(cut_off.now, &drafts(0..2)).unwrap();
    cut_off.pass(Micros::from_secs(200));
    assert!(!cut_off.client.is_online());
    let mut other = World::signed_in_with(Outbox::open(&path).unwrap(), SenderLock::at(lock), 9);
    assert_eq!(other.server.texts(), texts(0..2));
    cut_off.told();
    cut_off.linked = true;
    cut_off.pass(Micros::from_secs(60));
    assert_eq!(cut_off.told().split_off(1), ["stored 2", "stored 3"]);
    assert!(cut_off.client.is_idle() && other.client.is_idle());
    other.run();
}

#[test]
fn messages_in_flight_wait_when_the_server_no_longer_knows_the_device() {
    let mut world = World::signed_in();
    world.linked = false;
    world.client.post(world.now, &drafts(0..3)).unwrap();
    world.pass(Micros::from_millis(300));
    world.server.restart(world.now);
    world.server.registered = None;
    world.linked = true;
    world.pass(Micros::from_secs(10));
    assert_eq!(world.told(), ["offline", "online"]);
    assert_eq!(world.client.unsent_count().unwrap(), 3);
    world.client.request(world.now, &register());
    world.run();
    assert_eq!(world.told(), ["reply Account", "stored 2", "stored 3", "stored 4"]);
    assert_eq!(world.server.texts(), texts(0..3));
}

#[test]
fn a_message_of_a_device_that_is_signed_out_is_kept() {
    let mut world = World::signed_in();
    world.server.registered = None;
    world.client.post(world.now, &drafts(0..2)).unwrap();
    world.run();
    assert_eq!(world.told(), ["halted: who are you?"]);
    assert_eq!(world.client.unsent_count().unwrap(), 2);
}

#[test]
fn a_reply_of_an_unknown_type_ends_its_request() {
    let mut world = World::signed_in();
    world.server.replies_are_unknown = true;
    world.client.request(world.now, &Request::WhoAmI);
    world.run();
    assert_eq!(world.told(), ["reply Unsupported"]);
    assert!(world.client.is_idle());
}

#[test]
fn an_outbox_that_fails_is_tried_again_without_haste() {
    let dir = tempfile::tempdir().unwrap();
    let (path, lock) = (dir.path().join("client.db"), dir.path().join("lock"));
    let mut sender = World::signed_in_with(Outbox::open(&path).unwrap(), SenderLock::at(lock.clone()), 10);
    sender.server.posts = Posts::StoredInSilence;
    sender.client.post(sender.now, &drafts(0..1)).unwrap();
    sender.run();
    let mut waiter = World::signed_in_with(Outbox::open(&path).unwrap(), SenderLock::at(lock), 11);
    waiter.client.post(waiter.now, &drafts(1..2)).unwrap();
    waiter.pass(Micros::from_secs(1));
    rusqlite::Connection::open(&path).unwrap().execute_batch("ALTER TABLE outbox RENAME TO lost").unwrap();
    waiter.pass(Micros::from_secs(10));
    let told = waiter.told();
    assert!((5..=11).contains(&told.len()) && told.iter().all(|told| told == "outbox failed"), "{told:?}");
    rusqlite::Connection::open(&path).unwrap().execute_batch("ALTER TABLE lost RENAME TO outbox").unwrap();
    drop(sender);
    waiter.pass(Micros::from_secs(2));
    assert_eq!(waiter.told(), ["stored for another 2", "stored 3"]);
}

#[test]
fn a_follow_goes_on_where_it_was_after_a_restart() {
    let mut world = World::signed_in();
    world.server.say(world.now, "one");
    follow(&mut world, FollowFrom::Start);
    assert_eq!(world.told(), ["reply Following", "#ops 1: Joined", "#ops 2: one", "caught up at 2"]);
    world.server.say(world.now, "two");
    world.run();
    assert_eq!(world.told(), ["#ops 3: two"]);
    world.server.restart(world.now);
    world.server.say(world.now, "missed");
    world.client.request(world.now, &Request::WhoAmI);
    world.pass(Micros::from_secs(10));
    assert_eq!(world.told(), ["offline", "online", "reply Account", "#ops 4: missed", "caught up at 4"]);
    let hash = world.server.log[2].1;
    let asked =
        Request::Follow(FollowRequest { log: crate::message::Target::Log(ROOM), from: FollowFrom::After(Seq(3), hash.0) });
    assert_eq!(world.server.heard.last(), Some(&asked));
}

#[test]
fn a_durable_cursor_goes_on_in_the_next_program() {
    let mut world = World::signed_in();
    let mut cursors = Cursors::in_memory().unwrap();
    follow(&mut world, FollowFrom::Start);
    world.server.say(world.now, "one");
    world.run();
    for event in world.events.drain(..) {
        if let ClientEvent::Event(followed) = event {
            cursors.advance("robot", followed.log, &followed.cursor).unwrap();
        }
    }
    let Cursor { seq, hash } = cursors.find("robot", ROOM).unwrap().unwrap();
    assert_eq!((seq, hash), (Seq(2), world.server.log[1].1), "the client has checked the chain itself");
    let mut next = World::signed_in();
    next.server.log = world.server.log.clone();
    next.server.say(next.now, "two");
    follow(&mut next, FollowFrom::After(seq, hash.0));
    assert_eq!(next.told(), ["reply Following", "#ops 3: two", "caught up at 3"]);
}

#[test]
fn a_server_restored_from_an_older_copy_is_noticed() {
    let mut world = World::signed_in();
    world.server.say(world.now, "one");
    follow(&mut world, FollowFrom::After(Seq(2), [0xaa; 32]));
    assert_eq!(world.told(), ["forked at 2"]);
    follow(&mut world, FollowFrom::Start);
    world.told();
    world.server.restart(world.now);
    world.server.log.pop();
    world.server.say(world.now, "another past");
    world.client.request(world.now, &Request::WhoAmI);
    world.pass(Micros::from_secs(10));
    assert_eq!(world.told(), ["offline", "online", "reply Account", "forked at 2"]);
}

#[test]
fn an_event_left_out_ends_the_follow_and_one_told_twice_is_skipped() {
    let mut world = World::signed_in();
    follow(&mut world, FollowFrom::Start);
    world.told();
    world.server.say(world.now, "one");
    let again = Notice::Event(Told { author: "bob".into(), event: world.server.log[1].0.encode() });
    world.server.notify(world.now, &again);
    world.run();
    assert_eq!(world.told(), ["#ops 2: one"]);
    world.server.append(&crate::message::EventBody::Left, RequestId([3; 16]));
    world.server.say(world.now, "behind a hole");
    world.run();
    assert_eq!(world.told(), ["broken at 2"]);
    assert_eq!(world.server.heard.last(), Some(&Request::Unfollow(ROOM)));
}

#[test]
fn a_hidden_stretch_is_told_and_the_chain_goes_on_behind_it() {
    let mut world = World::signed_in();
    follow(&mut world, FollowFrom::Start);
    world.told();
    world.server.append(&crate::message::EventBody::Left, RequestId([3; 16]));
    let EventHash(hash) = world.server.log[1].1;
    world.server.notify(world.now, &Notice::Hidden(Hidden { log: ROOM, to: Seq(2), hash }));
    world.server.say(world.now, "seen");
    world.run();
    assert_eq!(world.told(), ["hidden to 2", "#ops 3: seen"]);
    world.server.notify(world.now, &Notice::CaughtUp((ROOM, Seq(9))));
    world.run();
    assert_eq!(world.told(), ["broken at 3"], "what is said to be here is not");
}

#[test]
fn a_follow_that_ends_is_asked_for_no_more() {
    let mut world = World::signed_in();
    follow(&mut world, FollowFrom::Now);
    world.client.unfollow(world.now, ROOM);
    world.run();
    world.server.say(world.now, "unheard");
    world.run();
    assert_eq!(world.told(), ["reply Following", "caught up at 1"]);
    world.server.restart(world.now);
    world.server.heard.clear();
    world.client.request(world.now, &Request::WhoAmI);
    world.pass(Micros::from_secs(10));
    assert_eq!(world.server.heard, [Request::WhoAmI]);
}

#[test]
fn a_signed_out_device_knows_it() {
    let mut world = World::signed_in();
    world.client.request(world.now, &Request::LogOut(RequestId([1; 16])));
    world.run();
    assert!(matches!(world.events.pop_front(), Some(ClientEvent::Reply { reply: Reply::Done, .. })));
    assert_eq!(world.client.account(), None);
    world.client.post(world.now, &drafts(0..1)).unwrap();
    world.pass(Micros::from_secs(1));
    assert_eq!(world.server.texts(), texts(0..0), "it waits for somebody to sign in");
}

#[test]
fn the_wait_for_the_next_try_is_cut_short_when_something_is_wanted() {
    let mut world = World::signed_in();
    world.linked = false;
    world.pass(Micros::from_secs(600));
    assert!(!world.client.is_online());
    let told = world.told();
    assert!(told.iter().all(|told| told == "offline"), "{told:?}");
    world.linked = true;
    world.server.restart(world.now);
    world.client.request(world.now, &Request::WhoAmI);
    world.pass(Micros::from_millis(500));
    assert!(world.told().contains(&"reply Account".to_owned()));
}

//! Who has a message, told to its author, on networks of all kinds.

use udpchat::client::ClientEvent;
use udpchat::message::{EventBody, FollowFrom, LogId, Receipt, RefusalCode, Reply, Request, Seq, Target};
use udpchat::transport::Micros;

use super::net::Faults;
use super::world::{PASSWORD, World};

const MINUTE: Micros = Micros::from_secs(60);

fn log_of(reply: &Reply) -> LogId {
    let Reply::Stored(stored) = reply else { panic!("not stored: {reply:?}") };
    stored.log
}

/// Writes to `#ops` and waits until it is stored.
fn stored(world: &mut World, author: usize, text: &str) -> Seq {
    let place = world.write(author, "#ops", text);
    assert!(world.drive(MINUTE, |world| world.people[author].outcomes.contains_key(&place)));
    world.people[author].outcomes[&place].as_ref().expect("it is stored").seq
}

fn ask(world: &mut World, author: usize, log: LogId, seq: Seq) -> Receipt {
    match world.ask(author, &Request::Receipts((Target::Log(log), seq))) {
        Reply::Receipt(receipt) => receipt,
        other => panic!("no receipt: {other:?}"),
    }
}

/// The notices about a message since the author's start.
fn told(world: &World, author: usize, seq: Seq) -> Vec<u32> {
    let of_message = |event: &ClientEvent| match event {
        ClientEvent::Receipt(receipt) if receipt.seq == seq => Some(receipt.delivered_count),
        _ => None,
    };
    world.people[author].events.iter().filter_map(of_message).collect()
}

#[test]
fn a_receipt_comes_when_the_device_has_the_message_and_never_before() {
    for loss in [0, 100, 300] {
        let mut world = World::on_good_network(40 + loss);
        let (alice, bob) = (world.register("alice"), world.register("bob"));
        let log = log_of(&world.create(alice, "#ops"));
        world.join(bob, "#ops");
        world.follow(bob, Target::Log(log), FollowFrom::Now);
        world.net.set_faults(Faults::lossy(Micros::from_millis(25), loss));
        for number in 0..20 {
            let text = format!("message {number}");
            let seq = stored(&mut world, alice, &text);
            let first = ask(&mut world, alice, log, seq);
            assert_eq!((first.device_count, first.reader_count, first.read_count), (1, 1, 0));
            let has = |world: &World| world.texts(bob, log).contains(&text);
            if first.delivered_count == 0 {
                let is_told = world.drive(MINUTE, |world| {
                    let count = told(world, alice, seq).len();
                    assert!(count == 0 || has(world), "told before it was there");
                    count > 0
                });
                assert!(is_told, "{loss}: {text}");
                assert_eq!(told(&world, alice, seq), [1], "told once");
            }
            assert!(has(&world), "{loss}: {text}");
            assert!(matches!(world.ask(alice, &Request::EndReceipts((log, seq))), Reply::Done));
        }
    }
}

#[test]
fn a_device_that_comes_back_is_counted_then() {
    let mut world = World::on_good_network(50);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let log = log_of(&world.create(alice, "#ops"));
    world.join(bob, "#ops");
    world.follow(bob, Target::Log(log), FollowFrom::Now);
    world.people[bob].is_asleep = true;
    let seq = stored(&mut world, alice, "while you sleep");
    assert_eq!(ask(&mut world, alice, log, seq).delivered_count, 0);
    world.drive_for(MINUTE);
    assert!(told(&world, alice, seq).is_empty());
    world.people[bob].is_asleep = false;
    assert!(world.drive(MINUTE, |world| told(world, alice, seq) == [1]));
}

#[test]
fn whoever_answers_has_read_and_their_other_device_learns_it() {
    let mut world = World::on_good_network(52);
    let (alice, laptop) = (world.register("alice"), world.register("bob"));
    let log = log_of(&world.create(alice, "#ops"));
    world.join(laptop, "#ops");
    let phone = world.add("bob");
    let credentials = world.credentials(phone, PASSWORD);
    assert!(matches!(world.ask(phone, &Request::LogIn(credentials)), Reply::Account(_)));
    world.follow(phone, Target::Own, FollowFrom::Now);
    let seq = stored(&mut world, alice, "have you read this?");
    assert_eq!(ask(&mut world, alice, log, seq).read_count, 0);
    let answer = stored(&mut world, laptop, "yes");
    let is_read = |event: &ClientEvent| matches!(event, ClientEvent::Receipt(receipt) if receipt.read_count == 1);
    assert!(world.drive(MINUTE, |world| world.people[alice].events.iter().any(is_read)), "alice is told");
    let is_marker = |event: &ClientEvent| match event {
        ClientEvent::Event(followed) => followed.event.content() == EventBody::ReadMarker(log, answer),
        _ => false,
    };
    assert!(world.drive(MINUTE, |world| world.people[phone].events.iter().any(is_marker)), "so is bob's phone");
}

#[test]
fn an_answer_that_crosses_the_question_who_has_read_is_counted() {
    for seed in 0..60 {
        let mut world = World::on_good_network(600 + seed);
        let (alice, bob) = (world.register("alice"), world.register("bob"));
        let log = log_of(&world.create(alice, "#ops"));
        world.join(bob, "#ops");
        let seq = stored(&mut world, alice, "have you read this?");
        world.write(bob, "#ops", "yes");
        world.drive_for(Micros::from_millis(seed % 30));
        let first = ask(&mut world, alice, log, seq);
        let is_read = |event: &ClientEvent| matches!(event, ClientEvent::Receipt(receipt) if receipt.read_count == 1);
        let is_told = |world: &mut World| first.read_count == 1 || world.people[alice].events.iter().any(is_read);
        assert!(world.drive(MINUTE, is_told), "seed {seed}: {first:?}");
    }
}

#[test]
fn a_session_watches_a_bounded_number_of_messages() {
    let mut world = World::on_good_network(51);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let log = log_of(&world.create(alice, "#ops"));
    world.join(bob, "#ops");
    let first = stored(&mut world, alice, "0");
    ask(&mut world, alice, log, first);
    for number in 1..64 {
        let seq = stored(&mut world, alice, &number.to_string());
        ask(&mut world, alice, log, seq);
    }
    let more = stored(&mut world, alice, "more");
    let refused = world.ask(alice, &Request::Receipts((Target::Log(log), more)));
    assert!(matches!(&refused, Reply::Refused(refusal) if refusal.code() == RefusalCode::LimitReached), "{refused:?}");
    assert!(matches!(world.ask(alice, &Request::EndReceipts((log, first))), Reply::Done));
    ask(&mut world, alice, log, more);
    // Not the author's: not the author's to know.
    let others = world.ask(bob, &Request::Receipts((Target::Log(log), more)));
    assert!(matches!(&others, Reply::Refused(refusal) if refusal.code() == RefusalCode::NotYourPost), "{others:?}");
}

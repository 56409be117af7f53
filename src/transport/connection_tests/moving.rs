//! The client's address changes: the conversation goes on, and nobody else is flooded.

use super::super::{ConnectionEvent, Micros, StreamId};
use super::link::{Fate, Link, addr, message, ms};

#[test]
fn a_new_port_is_followed_at_once_and_proved() {
    let mut link = Link::connected();
    link.client_addr = addr(2, 10);
    link.say(StreamId::Chat, b"from elsewhere");
    link.run(ms(25));
    assert_eq!(link.server.connection.path().remote, addr(2, 10));
    assert!(link.server.events.contains(&ConnectionEvent::PathChanged));
    let rtt = link.server.connection.rtt();
    link.run(ms(200));
    let later = link.server.connection.rtt();
    assert!(later < rtt + ms(10), "the same host keeps what was learned: {rtt:?} {later:?}");
    link.server.connection.send(link.now, StreamId::Chat, &message(&[7; 60_000])).unwrap();
    link.run(ms(1_000));
    assert_eq!(link.client.chat().len(), 1, "proved: no cap any more");
    link.run(Micros::from_secs(5));
    assert_eq!(link.server.connection.path().remote, addr(2, 10));
    assert_eq!(link.server.connection.stats().counts.path_moves, 1);
}

#[test]
fn what_was_sent_to_the_old_port_comes_to_the_new_one() {
    let mut link = Link::connected();
    link.client_addr = addr(2, 10);
    link.server.connection.send(link.now, StreamId::Chat, &message(b"lost at first")).unwrap();
    link.run(ms(300));
    assert!(link.client.chat().is_empty(), "the server cannot know");
    let now = link.now;
    link.client.connection.ping(now);
    // One way for the PING, then at most the time of a probe, and one way back.
    link.run(ms(50 + 200));
    assert_eq!(link.client.chat(), [b"lost at first"]);
}

#[test]
fn an_unproven_address_gets_at_most_three_times_what_it_sent() {
    let mut link = Link::connected();
    link.server.connection.send(link.now, StreamId::BULK, &message(&[7; 60_000])).unwrap();
    // Everything the server sends from now on is lost, so nothing is ever echoed.
    link.rule = Box::new(|passing| if passing.to_server { Fate::Deliver } else { Fate::Drop });
    let from = link.now;
    link.client_addr = addr(3, 9);
    link.say(StreamId::Chat, b"hello");
    let client_len: usize = link.seen.iter().filter(|(at, to, _)| *at >= from && *to).map(|(_, _, bytes)| bytes.len()).sum();
    let before = link.seen.len();
    link.run(ms(25));
    link.run(ms(20));
    let moved: usize =
        link.seen[before..].iter().filter(|(at, to, _)| !*to && *at >= from + ms(25)).map(|(_, _, b)| b.len()).sum();
    assert_eq!(link.server.connection.path().remote, addr(3, 9));
    assert!(moved <= client_len * 3 && moved > 0, "{moved} for {client_len}");
}

#[test]
fn an_address_that_never_answers_is_given_up_for_the_proven_one() {
    let mut link = Link::connected();
    link.say(StreamId::Chat, b"one");
    // Somebody on the way sends the packet from an address of his own before the genuine one arrives.
    let (_, _, bytes) = link.seen.last().unwrap().clone();
    assert!(link.deliver(true, addr(66, 6), bytes));
    link.flush();
    assert_eq!(link.server.connection.path().remote, addr(66, 6));
    link.run(ms(1_500));
    assert_eq!(link.server.connection.path().remote, addr(2, 9), "the address that had proved itself");
    link.server.connection.send(link.now, StreamId::Chat, &message(b"two")).unwrap();
    link.run(ms(30));
    assert_eq!(link.client.chat(), [b"two"]);
}

#[test]
fn the_next_genuine_packet_brings_the_path_back() {
    let mut link = Link::connected();
    link.say(StreamId::Chat, b"one");
    let (_, _, bytes) = link.seen.last().unwrap().clone();
    assert!(link.deliver(true, addr(66, 6), bytes));
    link.say(StreamId::Chat, b"two");
    link.run(ms(30));
    assert_eq!(link.server.connection.path().remote, addr(2, 9));
    assert_eq!(link.server.chat(), [b"one", b"two"]);
}

#[test]
fn an_old_packet_from_a_new_address_moves_nothing() {
    let mut link = Link::connected();
    link.say(StreamId::Chat, b"one");
    let (_, _, held) = link.seen.last().unwrap().clone();
    // The genuine copy is lost; a later packet arrives first.
    link.rule = Box::new(|_| Fate::Deliver);
    link.say(StreamId::Chat, b"two");
    let (_, _, newer) = link.seen.last().unwrap().clone();
    let client = link.client_addr;
    assert!(link.deliver(true, client, newer));
    assert!(link.deliver(true, addr(66, 6), held));
    assert_eq!(link.server.connection.path().remote, client);
}

#[test]
fn the_client_does_not_follow_a_server_that_moves() {
    let mut link = Link::connected();
    let server = link.client.connection.path();
    link.server.connection.send(link.now, StreamId::Chat, &message(b"hello")).unwrap();
    link.flush();
    let (_, _, bytes) = link.seen.last().unwrap().clone();
    assert!(link.deliver(false, addr(66, 6), bytes));
    assert_eq!(link.client.connection.path(), server);
}

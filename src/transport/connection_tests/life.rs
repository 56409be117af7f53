//! How a connection begins, keeps quiet, keeps alive and ends.

use super::super::rtt::Rtt;
use super::super::state::CLOSING_DELAY_MAX;
use super::super::{CloseCode, CloseReason, ConnectionEvent, Micros, SendError, Stage, StreamId};
use super::link::{Fate, Link, message, ms};

#[test]
fn the_first_opened_packet_confirms_both_ends() {
    let mut link = Link::new();
    assert_eq!(link.server.connection.stage(), Stage::Handshaken);
    link.server.connection.send(link.now, StreamId::Chat, &message(b"early")).unwrap();
    link.flush();
    assert_eq!(link.sent_since(link.now), (1, 0), "the server owes an unproven address nothing");
    link.run(ms(25));
    assert_eq!(link.server.events, [ConnectionEvent::Confirmed]);
    assert!(link.client.events.is_empty());
    link.run(ms(25));
    assert_eq!(link.client.events, [ConnectionEvent::Confirmed, ConnectionEvent::Readable(StreamId::Chat)]);
    assert_eq!(link.client.chat(), [b"early"]);
}

#[test]
fn two_idle_ends_go_silent_within_three_probe_timeouts() {
    let mut link = Link::connected();
    link.say(StreamId::Chat, b"hello");
    link.server.connection.send(link.now, StreamId::Chat, &message(b"hello")).unwrap();
    let pto = link.client.connection.rtt().times(3);
    link.run(pto.times(3));
    let from = link.now;
    link.run(ms(18_000));
    assert_eq!(link.sent_since(from), (0, 0));
}

#[test]
fn only_the_client_keeps_a_quiet_connection_alive() {
    let mut link = Link::connected();
    let from = link.now;
    link.run(Micros::from_secs(600));
    let (to_server, to_client) = link.sent_since(from);
    assert!((28..=30).contains(&to_server), "a PING each 20 s: {to_server}");
    assert!(to_client.abs_diff(to_server) <= 1, "and its acknowledgement: {to_client}");
    assert_eq!(link.client.connection.stage(), Stage::Established);
    assert_eq!(link.server.connection.stage(), Stage::Established);
}

#[test]
fn an_idle_connection_has_few_timers() {
    let link = Link::connected();
    let wakes_at = link.client.connection.poll_timeout().unwrap();
    assert!(wakes_at > link.now + Micros::from_secs(18), "the keepalive");
    let wakes_at = link.server.connection.poll_timeout().unwrap();
    assert!(wakes_at > link.now + Micros::from_secs(110), "the idle timeout");
}

#[test]
fn a_close_reaches_the_peer_with_its_reason_and_both_drain() {
    let mut link = Link::connected();
    let now = link.now;
    link.server.connection.close(now, CloseCode::Restarting, "back soon");
    link.run(ms(26));
    let reason = CloseReason::Peer { code: CloseCode::Restarting, reason: "back soon".to_owned() };
    assert_eq!(link.client.closed(), Some(&reason));
    assert_eq!(link.server.closed(), Some(&CloseReason::Local { code: CloseCode::Restarting }));
    assert_eq!(link.client.connection.stage(), Stage::Draining);
    assert_eq!(link.client.connection.send(now, StreamId::Chat, &message(b"x")), Err(SendError::Closed));
    let from = link.now;
    link.run(ms(3_000));
    assert_eq!(link.sent_since(from), (0, 0), "draining is silent");
    for end in [&link.client, &link.server] {
        assert_eq!(end.events.iter().filter(|event| **event == ConnectionEvent::Drained).count(), 1);
        assert_eq!(end.connection.poll_timeout(), None);
        assert_eq!(end.connection.stage(), Stage::Closed);
    }
}

#[test]
fn a_long_reason_is_cut_at_a_whole_character() {
    let mut link = Link::connected();
    let now = link.now;
    link.client.connection.close(now, CloseCode::Done, &"é".repeat(40).replacen('é', "e", 1));
    link.run(ms(26));
    let Some(CloseReason::Peer { reason, .. }) = link.server.closed() else { panic!("closed by the peer") };
    assert_eq!(reason.len(), 63);
}

#[test]
fn what_came_before_the_close_can_still_be_read() {
    let mut link = Link::connected();
    link.server.reads = false;
    link.say(StreamId::Chat, b"last words");
    let now = link.now;
    link.client.connection.close(now, CloseCode::Done, "");
    link.run(ms(30));
    assert_eq!(link.server.connection.stage(), Stage::Draining);
    let now = link.now;
    assert_eq!(link.server.connection.recv(now, StreamId::Chat), Some(b"last words".to_vec()));
}

#[test]
fn a_lost_close_is_repeated_at_a_falling_rate() {
    let mut link = Link::connected();
    let base = link.count;
    let now = link.now;
    link.server.connection.close(now, CloseCode::Done, "");
    link.rule = Box::new(move |passing| if !passing.to_server && passing.count < base + 8 { Fate::Drop } else { Fate::Deliver });
    link.flush();
    for n in 0..8_u8 {
        link.say(StreamId::Chat, &[n]);
        link.run(ms(5));
    }
    link.run(ms(400));
    assert!(matches!(link.client.closed(), Some(CloseReason::Peer { code: CloseCode::Done, .. })));
    let (to_server, to_client) = link.sent_since(now);
    assert!(to_client <= 6 && to_server >= 8, "{to_client} answers to {to_server} packets");
}

#[test]
fn a_closed_connection_is_forgotten_soon_however_long_its_round_trip() {
    let mut link = Link::connected();
    let now = link.now;
    // As a handshake measures it whose packets were lost again and again.
    link.server.connection.rtt = Rtt::new(Some(Micros::from_secs(60)));
    link.server.connection.close(now, CloseCode::Done, "");
    assert_eq!(link.server.connection.stage(), Stage::Closing);
    assert_eq!(link.server.connection.poll_timeout(), Some(now + CLOSING_DELAY_MAX));
}

#[test]
fn both_closing_at_once_both_end() {
    let mut link = Link::connected();
    let now = link.now;
    link.client.connection.close(now, CloseCode::Done, "");
    link.server.connection.close(now, CloseCode::Restarting, "");
    link.run(ms(5_000));
    assert_eq!(link.client.closed(), Some(&CloseReason::Local { code: CloseCode::Done }));
    assert_eq!(link.server.closed(), Some(&CloseReason::Local { code: CloseCode::Restarting }));
    assert!(link.client.events.contains(&ConnectionEvent::Drained));
    assert!(link.server.events.contains(&ConnectionEvent::Drained));
}

#[test]
fn silence_for_two_minutes_ends_it() {
    let mut link = Link::connected();
    link.rule = Box::new(|_| Fate::Drop);
    link.run(Micros::from_secs(119));
    assert!(link.client.closed().is_none() && link.server.closed().is_none());
    link.run(Micros::from_secs(30));
    assert_eq!(link.client.closed(), Some(&CloseReason::IdleTimeout));
    assert_eq!(link.server.closed(), Some(&CloseReason::IdleTimeout));
    let from = link.now;
    link.run(Micros::from_secs(600));
    assert_eq!(link.sent_since(from), (0, 0));
}

#[test]
fn a_minute_of_darkness_is_survived_and_over_within_a_second() {
    let mut link = Link::connected();
    link.rule = Box::new(|_| Fate::Drop);
    link.say(StreamId::Chat, b"into the dark");
    link.server.connection.send(link.now, StreamId::Chat, &message(b"out of it")).unwrap();
    let from = link.now;
    link.run(Micros::from_secs(60));
    let (to_server, _) = link.sent_since(from);
    assert!(to_server < 140, "two probes a second at most: {to_server}");
    link.rule = Box::new(|_| Fate::Deliver);
    link.run(ms(1_100));
    assert_eq!(link.server.chat(), [b"into the dark"]);
    assert_eq!(link.client.chat(), [b"out of it"]);
}

#[test]
fn an_owner_that_pings_gets_an_answer() {
    let mut link = Link::connected();
    let from = link.now;
    link.client.connection.ping(from);
    link.run(ms(100));
    assert_eq!(link.sent_since(from), (1, 1));
}

#[test]
fn a_sign_of_life_is_answered_in_the_turn_it_comes() {
    let mut link = Link::connected();
    let from = link.now;
    link.client.connection.ping(from);
    link.run(link.delay);
    assert_eq!(link.sent_since(from), (1, 1), "no timer wakes the server once more for it");
}

#[test]
fn an_idle_connection_remembers_next_to_nothing() {
    let mut link = Link::connected();
    link.server.connection.send(link.now, StreamId::BULK, &message(&[0; 60_000])).unwrap();
    link.run(Micros::from_secs(600));
    for end in [&link.client, &link.server] {
        let sent = &end.connection.sent;
        assert!(sent.next_number() - sent.first_number() <= 2);
    }
}

#[test]
fn an_idle_connection_is_small() {
    // The rest of the 2 KiB that an idle session may take is for its owner and for what its queues keep.
    let size = std::mem::size_of::<super::super::Connection>();
    assert!(size <= 1_456, "{size} bytes");
}

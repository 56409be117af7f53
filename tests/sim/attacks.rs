//! What strangers and authentic but hostile peers may try, and that nothing comes of it.
//!
//! | pitfall | test |
//! | --- | --- |
//! | reflection, amplification | `admission::a_stranger_never_gets_more_bytes_than_he_sent`, `path::amplification_limit`, [`a_flood_of_strangers_leaves_the_server_as_it_was`] |
//! | answers that answer answers | `admission::a_server_does_not_take_what_only_servers_send`, `ending::a_reset_is_shorter_than_its_cause_…` |
//! | optimistic acknowledgement | `limits::who_acknowledges_what_was_never_sent_is_shown_out`, `limits::who_acknowledges_a_number_that_was_left_out_is_shown_out` |
//! | split or flooding acknowledgements | `ack::what_the_peer_knows_is_not_said_again`, `hostile::two_acknowledgements_in_a_packet_close` |
//! | stretched acknowledgement delay | `ack::a_stated_delay_is_believed_up_to_the_agreed_maximum` |
//! | withheld acknowledgements | `hostile::a_peer_that_never_acknowledges_costs_a_bounded_ring` |
//! | reassembly memory | `limits::a_hole_too_many_is_dropped_and_counted_and_may_come_again`, `limits::who_sends_beyond_the_credit_is_shown_out` |
//! | length-prefix bomb | `hostile::a_message_length_beyond_the_limit_closes` |
//! | slow drip | [`openings_that_nobody_confirms_are_forgotten`], [`a_message_that_never_ends_holds_only_its_window`] |
//! | handshake work | [`a_flood_of_strangers_leaves_the_server_as_it_was`], `admission::while_others_are_connected_a_turn_has_few_handshakes_…` |
//! | password hashing | `auth::pool::a_flood_is_handed_back_once_the_queue_is_full`, `e2e::passwords` |
//! | nonce reuse | every `Pair`: no number is sent twice; `Connection` has no `Clone`; `packet_key::an_ends_own_packets_do_not_open` |
//! | sequence wrap | `replay::the_last_number_of_all_is_handled`, `header::numbers_within_half_the_window_expand_exactly` |
//! | clock skew, suspend | `rate::a_clock_that_goes_back_gives_nothing`, `moving::a_machine_that_slept_goes_on_where_it_was` |
//! | spoofed close or reset | [`strangers_cannot_end_a_connection`], `ending::a_reset_for_another_connection_or_a_made_up_one_ends_nothing` |
//! | replay, also over a restart | `handshake::a_replayed_init_connects_nobody_and_is_forgotten`, [`what_was_heard_before_a_restart_means_nothing_after_it`] |
//! | key confusion | `crypto::handshake::another_prologue_server_or_damage_is_refused` |
//! | key-compromise impersonation | [`openings_that_nobody_confirms_are_forgotten`]: a session begins with the first packet that opens |
//! | timers that spin | every simulation: time must not stand still; `life::an_idle_connection_has_few_timers` |
//! | acknowledgements of acknowledgements | `life::two_idle_ends_go_silent_within_three_probe_timeouts` |
//! | version downgrade | `connecting::a_version_list_that_names_ours_is_not_believed`, [`a_list_of_versions_after_the_handshake_changes_nothing`] |
//! | hash flooding | connection IDs are indices; prefix budgets are a table of fixed size under a secret key |
//! | copied packets | `path::who_copies_packets_from_another_address_does_not_keep_the_path` |
//! | cookies of others | `limits::a_cookie_is_good_at_the_address_it_was_sent_to` |
//! | wandering peers | [`a_peer_that_moves_all_the_time_is_not_followed_all_the_time`] |
//!
//! Two more of the usual list have nothing to attack here: no datagram makes a line in the log above `debug`, so none floods
//! it, and who watches sees lengths and times, which this protocol does not hide.

use std::net::SocketAddr;
use std::sync::Arc;

use udpchat::crypto::{Dice, Initiator, PublicKey, SUITE, mac1};
use udpchat::transport::{
    Admission, CloseCode, ConnectionHandle, Event, HALF_OPEN_TIMEOUT, Micros, Path, StreamId, UNPROVEN_MOVE_COUNT_MAX,
};
use udpchat::wire::{ConnectionId, HandshakePacket, Header, Hello, Init, MAGIC, VERSION, Versions};

use super::pair::Pair;
use super::stranger::{address, ask, init};

const LEG_MS: u64 = 25;

fn millis(millis: u64) -> Micros {
    Micros::from_millis(millis)
}

/// An INIT whose `mac1` is right and whose Noise message is not.
fn hollow_init(dice: &mut Dice, server: &PublicKey, noise: &[u8]) -> Vec<u8> {
    let client_id = ConnectionId(dice.array());
    let mut init = Init { client_id, suite: SUITE, attempt: 0, cookie: None, noise, mac1: [0; 16], packet_len: 512 };
    init.mac1 = mac1(server, &init.authenticated());
    HandshakePacket::Init(init).encode()
}

/// How long each of ten lines takes from the client to the server.
fn talk(pair: &mut Pair, client: ConnectionHandle, server: ConnectionHandle, mut meanwhile: impl FnMut(&mut Pair)) -> Vec<u64> {
    let text: Arc<[u8]> = Arc::from(*b"a line");
    (0..10)
        .map(|_| {
            let start = pair.now;
            pair.client.connection(client).unwrap().send(start, StreamId::Chat, &text).unwrap();
            let mut taken = None;
            for _ in 0..10 {
                meanwhile(pair);
                pair.drive(millis(10), |pair| {
                    let now = pair.now;
                    if pair.server.connection(server).unwrap().recv(now, StreamId::Chat).is_some() {
                        taken = Some((now - start).as_millis());
                    }
                    false
                });
            }
            taken.expect("the line arrives within 100 ms")
        })
        .collect()
}

#[test]
fn a_flood_of_strangers_leaves_the_server_as_it_was() {
    for kind in ["INIT", "HELLO", "INIT and HELLO"] {
        let mut pair = Pair::on_good_network(1);
        let (client, server) = pair.connect();
        pair.drive_for(Micros::from_secs(1));
        let calm = talk(&mut pair, client, server, |_| {});
        let mut dice = Dice::from_seed([1; 32]);
        let prologue = [&MAGIC[..], &[VERSION, SUITE], &[0; 8]].concat();
        let (_, noise) = Initiator::new(&pair.device, &pair.server_key, &prologue, &mut dice).unwrap();
        let before = pair.server.counters();
        let mut flooded = 0;
        // Fifty thousand a second from addresses that nobody has.
        let disturbed = talk(&mut pair, client, server, |pair| {
            for _ in 0..500 {
                flooded += 1;
                let stranger = SocketAddr::from((dice.array::<4>(), 4_444));
                let hello = Hello { client_id: ConnectionId(dice.array()), attempt: 0, packet_len: 512 };
                let bytes = match kind {
                    "HELLO" => HandshakePacket::Hello(hello).encode(),
                    "INIT and HELLO" if flooded % 2 == 0 => HandshakePacket::Hello(hello).encode(),
                    _ => hollow_init(&mut dice, &pair.server_key, &noise),
                };
                pair.net.send(pair.now, stranger, pair.server_address, &bytes);
            }
        });
        assert_eq!(flooded, 50_000);
        assert_eq!(disturbed, calm, "{kind}: nobody who is connected feels it");
        assert_eq!(calm, [LEG_MS; 10]);
        assert_eq!(pair.server.connection_count(), 1, "{kind}: nothing is kept");
        let counters = pair.server.counters();
        let worked = counters.dropped_forged - before.dropped_forged;
        assert!(worked <= 8 * 101, "{kind}: {worked} handshakes worked at");
        let (mut received, mut sent) = (0, 0);
        for (from, traffic) in pair.traffic.iter().filter(|(from, _)| from.port() == 4_444) {
            assert!(traffic.sent <= traffic.received, "{kind}: {from}: {traffic:?}");
            received += traffic.received;
            sent += traffic.sent;
        }
        println!("{kind}: {flooded} in a second, {worked} worked at, {} % of their bytes answered", sent * 100 / received);
        pair.connect();
    }
}

#[test]
fn openings_that_nobody_confirms_are_forgotten() {
    let mut pair = Pair::on_good_network(2);
    let mut dice = Dice::from_seed([2; 32]);
    for port in 1..=100 {
        let (_, bytes) = init(&mut dice, &pair.device, &pair.server_key, None);
        assert_eq!(ask(&mut pair, SocketAddr::from(([203, 0, 113, 9], port)), &bytes).len(), 1);
    }
    assert_eq!(pair.server.connection_count(), 100);
    pair.drive_for(HALF_OPEN_TIMEOUT + millis(1));
    assert_eq!(pair.server.connection_count(), 0);
    assert!(pair.server_events.is_empty(), "nobody heard of them");
}

#[test]
fn a_message_that_never_ends_holds_only_its_window() {
    let mut pair = Pair::on_good_network(3);
    let (client, server) = pair.connect();
    let large: Arc<[u8]> = vec![1; 60_000].into();
    let now = pair.now;
    pair.client.connection(client).unwrap().send(now, StreamId::BULK, &large).unwrap();
    // The client dies in the middle of it.
    pair.drive_for(millis(60));
    pair.net.set_cut(pair.client_address, pair.server_address, true);
    pair.drive_for(Micros::from_secs(119));
    assert_eq!(pair.server.connection_count(), 1);
    assert!(pair.server.connection(server).unwrap().recv(now, StreamId::BULK).is_none());
    pair.drive_for(Micros::from_secs(5));
    assert_eq!(pair.server.connection_count(), 0, "and goes with the connection");
}

#[test]
pub fn strangers_cannot_end_a_connection() {
    let mut pair = Pair::on_good_network(4);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    let mut dice = Dice::from_seed([4; 32]);
    // The IDs stand in clear in every packet.
    let seen = pair.server_log.last().unwrap().clone();
    let server_id = Header::decode(&seen).unwrap().connection_id;
    for _ in 0..1_000 {
        let header = Header { connection_id: server_id, packet_number_low: dice.u32() };
        let mut rest = vec![0; 17 + usize::try_from(dice.below(60)).unwrap()];
        dice.fill(&mut rest);
        let forged = [&header.encode()[..], &rest].concat();
        let from = if dice.below(2) == 0 { pair.client_address } else { address("203.0.113.9:99") };
        assert!(ask(&mut pair, from, &forged).is_empty());
        let to_client = Path { remote: pair.server_address, local: None };
        pair.client.handle_datagram(pair.now, to_client, &mut forged.clone());
    }
    pair.drive_for(Micros::from_secs(1));
    assert_eq!(pair.server.connection(server).unwrap().path().remote, pair.client_address);
    assert_eq!(talk(&mut pair, client, server, |_| {}), [LEG_MS; 10]);
}

#[test]
fn what_was_heard_before_a_restart_means_nothing_after_it() {
    let mut pair = Pair::on_good_network(5);
    let (client, server) = pair.connect();
    talk(&mut pair, client, server, |_| {});
    let heard = pair.server_log.clone();
    pair.kill_server();
    pair.start_server();
    let told = pair.server_events.len();
    let from = pair.client_address;
    for datagram in &heard {
        let answers = ask(&mut pair, from, datagram);
        let said: usize = answers.iter().map(Vec::len).sum();
        assert!(said <= datagram.len());
    }
    pair.drive_for(HALF_OPEN_TIMEOUT + millis(1));
    assert_eq!(pair.server_events.len(), told, "no session came of it");
    assert_eq!(pair.server.connection_count(), 0);
}

#[test]
fn a_list_of_versions_after_the_handshake_changes_nothing() {
    let mut pair = Pair::on_good_network(6);
    let mut dice = Dice::from_seed([6; 32]);
    let (client, server) = pair.connect();
    let from_server = Path { remote: pair.server_address, local: None };
    let opening = pair.server_log.first().unwrap().clone();
    let Ok(HandshakePacket::Init(opening)) = HandshakePacket::decode(&opening) else { panic!("no INIT") };
    for client_id in [opening.client_id, ConnectionId(dice.array())] {
        let versions = Versions { client_id, supported: vec![VERSION - 1] };
        pair.client.handle_datagram(pair.now, from_server, &mut HandshakePacket::Versions(versions).encode());
    }
    assert_eq!(talk(&mut pair, client, server, |_| {}), [LEG_MS; 10]);
}

#[test]
pub fn a_peer_that_moves_all_the_time_is_not_followed_all_the_time() {
    let mut pair = Pair::on_good_network(7);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    let home = pair.client_address;
    let mut victims = Vec::new();
    // An authentic client that sends from other people's addresses, to make the server send there.
    for second in 0..50_u16 {
        pair.client_address = SocketAddr::from(([203, 0, 113, 7], 1_000 + second));
        victims.push(pair.client_address);
        pair.client.connection(client).unwrap().ping(pair.now);
        pair.settle();
        pair.client_address = home;
        pair.net.set_cut(pair.server_address, home, true);
        pair.drive_for(Micros::from_secs(1));
    }
    let hit = victims.iter().filter(|victim| pair.traffic.get(victim).is_some_and(|traffic| traffic.sent > 0)).count();
    assert!(hit <= usize::from(UNPROVEN_MOVE_COUNT_MAX), "{hit} victims in a minute");
    for victim in &victims {
        let traffic = pair.traffic[victim];
        assert!(traffic.sent <= 3 * traffic.received, "{victim}: {traffic:?}");
    }
    pair.net.set_cut(pair.server_address, home, false);
    assert!(pair.server.connection(server).is_some());
}

#[test]
fn handshakes_share_a_turn_with_those_who_are_connected() {
    let mut pair = Pair::on_good_network(8);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    let mut dice = Dice::from_seed([8; 32]);
    let begun = pair.server.counters().handshakes_begun;
    let mut answered = Vec::new();
    for port in 1..=50 {
        let (_, bytes) = init(&mut dice, &pair.device, &pair.server_key, None);
        let answers = ask(&mut pair, SocketAddr::from(([203, 0, 113, 9], port)), &bytes);
        answered.push(matches!(HandshakePacket::decode(&answers[0]), Ok(HandshakePacket::Resp(_))));
    }
    let max = Admission::DEFAULT.turn_handshake_max;
    assert_eq!(pair.server.counters().handshakes_begun - begun, u64::from(max));
    assert_eq!(answered.iter().filter(|is_resp| **is_resp).count(), max as usize, "the others are asked to come again");
    // Fifty honest clients at once all get in.
    let told = pair.server_events.len();
    for _ in 0..50 {
        pair.device = udpchat::crypto::SecretKey::generate(&mut dice);
        pair.client.connect(pair.now, pair.server_address, &pair.device, Some(pair.server_key));
    }
    let connected = |pair: &mut Pair| {
        let is_new = |event: &&(_, _, Event)| matches!(event.2, Event::Connected { .. });
        pair.server_events[told..].iter().filter(is_new).count() == 50
    };
    let start = pair.now;
    assert!(pair.drive(Micros::from_secs(10), connected));
    println!("fifty at once: all connected after {} ms", (pair.now - start).as_millis());
    pair.client.close(pair.now, client, CloseCode::Done, "");
    pair.drive_for(millis(30));
    assert!(pair.server_told(server).iter().any(|event| matches!(event, Event::Closed(_))));
}

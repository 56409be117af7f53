//! Paths that move, fall silent, take long or take little; the names are those of the QUIC interop runner where it has one.

use std::net::SocketAddr;
use std::sync::Arc;

use udpchat::transport::{CloseCode, Config, ConnectionHandle, Event, Micros, Path, StreamId};

use super::net::{Faults, Loss};
use super::pair::Pair;
use super::talk::{Side, Talk};

const LEG: Micros = Micros::from_millis(25);

fn millis(millis: u64) -> Micros {
    Micros::from_millis(millis)
}

/// What the client looks like from outside after it moved `count` times.
fn moved(count: u16, host_moves: bool) -> SocketAddr {
    let host = if host_moves { u8::try_from(count % 200 + 1).unwrap() } else { 1 };
    SocketAddr::from(([203, 0, 113, host], 10_000 + count))
}

/// Both sides speak every 100 ms for `seconds` while the client's address changes every `period` without its knowledge.
/// Prints and returns the latencies beyond those of an undisturbed network: median, 99th percentile, worst.
fn rebind(name: &str, period: Micros, host_moves: bool, loss: u64) -> [Micros; 3] {
    let mut stalls = Vec::new();
    for seed in 0..10 {
        let mut talk = Talk::new(seed, Faults::none(LEG));
        talk.pair.net.set_faults(Faults::lossy(LEG, loss));
        let (mut moves, mut next_move) = (0, talk.pair.now + period);
        for _ in 0..600 {
            for side in [Side::Client, Side::Server] {
                talk.say(side, StreamId::Chat, 60).unwrap();
            }
            talk.pass(millis(100));
            if talk.pair.now >= next_move {
                moves += 1;
                next_move = next_move + period;
                talk.pair.client_address = moved(moves, host_moves);
            }
        }
        assert!(talk.finish(Micros::from_secs(20)), "{name} seed {seed}: something is missing");
        assert_eq!(talk.pair.server.connection_count(), 1, "the session survives");
        for (address, traffic) in &talk.pair.traffic {
            assert!(traffic.sent <= 3 * traffic.received || *address == talk.pair.client_address || traffic.received > 1_000);
        }
        for side in [Side::Client, Side::Server] {
            let lane = talk.lane(side, StreamId::Chat);
            stalls.extend(lane.latencies().into_iter().map(|latency| latency - LEG));
        }
    }
    stalls.sort();
    let at = |thousandths: usize| stalls[(stalls.len() - 1) * thousandths / 1_000];
    let figures = [at(500), at(990), at(1_000)];
    println!("{name:<28} loss {:>2} %  stall p50 {} p99 {} max {} ms", loss / 10, ms(figures[0]), ms(figures[1]), ms(figures[2]));
    figures
}

fn ms(span: Micros) -> u64 {
    span.as_millis()
}

#[test]
fn rebind_port() {
    for (period, bound) in [(Micros::from_secs(5), 300), (millis(500), 300)] {
        let [_, p99, max] = rebind(&format!("rebind-port {} ms", ms(period)), period, false, 0);
        assert!(ms(p99) <= bound && ms(max) <= 2 * bound, "{p99:?} {max:?}");
    }
    let [_, p99, _] = rebind("rebind-port 5000 ms", Micros::from_secs(5), false, 50);
    assert!(ms(p99) <= 300, "{p99:?}");
}

#[test]
fn rebind_address() {
    for (period, bound) in [(Micros::from_secs(5), 300), (millis(500), 300)] {
        let [_, p99, max] = rebind(&format!("rebind-addr {} ms", ms(period)), period, true, 0);
        assert!(ms(p99) <= bound && ms(max) <= 4 * bound, "{p99:?} {max:?}");
    }
    let [_, p99, _] = rebind("rebind-addr 5000 ms", Micros::from_secs(5), true, 50);
    assert!(ms(p99) <= 300, "{p99:?}");
}

/// A connected pair in which the server has `len` bytes of bulk to send, and the client's address has changed.
fn much_to_send(seed: u64, len: usize) -> (Pair, ConnectionHandle, ConnectionHandle, SocketAddr) {
    let mut pair = Pair::on_good_network(seed);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    let now = pair.now;
    let message: Arc<[u8]> = vec![7; len].into();
    pair.server.connection(server).unwrap().send(now, StreamId::BULK, &message).unwrap();
    let new = moved(9, true);
    (pair, client, server, new)
}

#[test]
pub fn amplification_limit() {
    let (mut pair, client, server, new) = much_to_send(1, 60_000);
    // The client's next packet comes from a new address, which never answers: what it gets is three times what it sent.
    let old = pair.client_address;
    pair.client.connection(client).unwrap().ping(pair.now);
    pair.client_address = new;
    pair.settle();
    pair.client_address = old;
    pair.net.set_cut(pair.server_address, old, true);
    pair.drive_for(Micros::from_secs(30));
    let traffic = pair.traffic[&new];
    assert!(traffic.received > 0 && traffic.sent > 0, "{traffic:?}");
    assert!(traffic.sent <= 3 * traffic.received, "{traffic:?}");
    pair.net.set_cut(pair.server_address, old, false);
    let heard = pair.drive(Micros::from_secs(10), |pair| {
        let now = pair.now;
        pair.client.connection(client).unwrap().recv(now, StreamId::BULK).is_some()
    });
    assert!(heard, "the message arrives at the true address");
    assert_eq!(pair.server.connection(server).unwrap().path().remote, old);
}

/// Hands the server everything that the client sends twice: at once from a stranger's address, and as it comes.
fn copied_talk(seed: u64, copier: SocketAddr, lines: usize) -> (Pair, ConnectionHandle, Vec<Micros>) {
    let mut pair = Pair::on_good_network(seed);
    let (client, server) = pair.connect();
    let (mut taken, mut buf) = (Vec::new(), Vec::new());
    for line in 0..lines {
        let (start, text): (_, Arc<[u8]>) = (pair.now, format!("line {line}").into_bytes().into());
        pair.server.connection(server).unwrap().send(start, StreamId::Chat, &text).unwrap();
        pair.client.connection(client).unwrap().send(start, StreamId::Chat, &text).unwrap();
        let mut heard = [false; 2];
        while heard != [true; 2] {
            // The copy is quicker than what it is a copy of.
            while let Some(path) = pair.client.poll_transmit(pair.now, &mut buf) {
                pair.net.send(pair.now, pair.client_address, path.remote, &buf);
                let copied_from = Path { remote: copier, local: Some(pair.server_address.ip()) };
                pair.server.handle_datagram(pair.now, copied_from, &mut buf);
            }
            pair.drive_for(millis(1));
            let now = pair.now;
            heard[0] |= pair.client.connection(client).unwrap().recv(now, StreamId::Chat).is_some();
            heard[1] |= pair.server.connection(server).unwrap().recv(now, StreamId::Chat).is_some();
            assert!(now - start < Micros::from_secs(20), "line {line} does not arrive");
        }
        taken.push(pair.now - start);
        pair.drive_for(millis(200));
    }
    (pair, server, taken)
}

#[test]
fn who_copies_packets_from_another_address_does_not_keep_the_path() {
    let copier: SocketAddr = "203.0.113.66:6666".parse().unwrap();
    let (mut pair, server, taken) = copied_talk(2, copier, 40);
    let worst = taken.iter().max().unwrap();
    println!(
        "copied packets: worst line {} ms, {} moves",
        ms(*worst),
        pair.server.connection(server).unwrap().stats().counts.path_moves
    );
    assert_eq!(pair.server.connection(server).unwrap().path().remote, pair.client_address);
    let traffic = pair.traffic.get(&copier).copied().unwrap_or_default();
    println!("sent to the copier: {} bytes", traffic.sent);
    assert!(ms(*worst) <= 3_000, "{worst:?}");
}

#[test]
fn a_single_copied_packet_moves_the_path_for_a_round_trip_only() {
    let mut pair = Pair::on_good_network(3);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    let copier: SocketAddr = "203.0.113.66:6666".parse().unwrap();
    let mut buf = Vec::new();
    pair.client.connection(client).unwrap().ping(pair.now);
    while pair.client.poll_transmit(pair.now, &mut buf).is_some() {
        let copied_from = Path { remote: copier, local: Some(pair.server_address.ip()) };
        pair.server.handle_datagram(pair.now, copied_from, &mut buf);
    }
    pair.settle();
    assert_eq!(pair.server.connection(server).unwrap().path().remote, copier);
    pair.drive_for(millis(60));
    assert_eq!(pair.server.connection(server).unwrap().path().remote, pair.client_address);
    let rtt = pair.server.connection(server).unwrap().rtt();
    assert!((49..=60).contains(&ms(rtt)), "what was known about the true path is known again: {rtt:?}");
}

#[test]
fn blackhole() {
    for seed in 0..20 {
        let mut talk = Talk::new(seed, Faults::none(LEG));
        talk.pass(millis(1_000 + 37 * seed));
        let (client, server) = (talk.pair.client_address, talk.pair.server_address);
        talk.pair.net.set_cut(client, server, true);
        for _ in 0..12 {
            for side in [Side::Client, Side::Server] {
                talk.say(side, StreamId::Chat, 100).unwrap();
            }
            talk.pass(Micros::from_secs(5));
        }
        talk.pair.net.set_cut(client, server, false);
        let start = talk.pair.now;
        assert!(talk.finish(Micros::from_secs(5)), "seed {seed}: the session is lost");
        assert!(ms(talk.pair.now - start) <= 2_000, "seed {seed}: {:?}", talk.pair.now - start);
    }
}

#[test]
fn longrtt() {
    for seed in 0..5 {
        let mut talk = Talk::new(seed, Faults::none(millis(750)));
        assert!(talk.pair.now.as_micros() <= 4_000_000, "connected after {:?}", talk.pair.now);
        for _ in 0..20 {
            for side in [Side::Client, Side::Server] {
                talk.say(side, StreamId::Chat, 100).unwrap();
            }
            talk.pass(millis(300));
        }
        assert!(talk.finish(Micros::from_secs(10)));
        let worst = *talk.lane(Side::Client, StreamId::Chat).latencies().last().unwrap();
        assert_eq!(ms(worst), 750, "nothing waits on a path that is only long");
    }
}

/// A handshake and a talk on a network with these faults.
fn shake_hands_and_talk(name: &str, faults: Faults, bound: u64) {
    let mut worst = Micros::ZERO;
    for seed in 0..20 {
        let mut talk = Talk::new(seed, faults);
        for _ in 0..50 {
            for side in [Side::Client, Side::Server] {
                talk.say(side, StreamId::Chat, 200).unwrap();
                talk.say(side, StreamId::BULK, 2_000).unwrap();
            }
            talk.pass(millis(50));
        }
        assert!(talk.finish(Micros::from_secs(60)), "{name} seed {seed}");
        for side in [Side::Client, Side::Server] {
            worst = worst.max(*talk.lane(side, StreamId::Chat).latencies().last().unwrap());
        }
    }
    println!("{name}: worst line {} ms", ms(worst));
    assert!(ms(worst) <= bound, "{name}: {worst:?}");
}

#[test]
fn handshakeloss_and_transferloss() {
    shake_hands_and_talk("30 % loss", Faults::lossy(LEG, 300), 5_000);
    let bursts = Faults { loss: Loss::Bursts { rate: 300, mean_len: 5 }, ..Faults::none(LEG) };
    shake_hands_and_talk("30 % loss in bursts", bursts, 20_000);
}

#[test]
fn handshakecorruption_and_transfercorruption() {
    shake_hands_and_talk("30 % damaged", Faults { corrupt: 300, ..Faults::none(LEG) }, 5_000);
}

#[test]
fn a_client_that_moves_and_says_goodbye_is_heard() {
    let mut pair = Pair::on_good_network(4);
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    pair.client_address = moved(1, true);
    pair.client.connection(client).unwrap().close(pair.now, CloseCode::Done, "bye");
    pair.drive_for(Micros::from_secs(1));
    assert!(pair.server_told(server).iter().any(|event| matches!(event, Event::Closed(_))));
}

/// Sends `len` bytes of bulk over a network that swallows datagrams longer than `datagram_len_max`.
fn bulk_over(seed: u64, datagram_len_max: Option<u64>, count: usize) -> (Talk, Micros) {
    let mut talk = Talk::new(seed, Faults { datagram_len_max, ..Faults::none(LEG) });
    let start = talk.pair.now;
    for _ in 0..count {
        talk.say(Side::Server, StreamId::BULK, 50_000).unwrap();
        assert!(talk.finish(Micros::from_secs(30)), "bulk over {datagram_len_max:?}");
    }
    let taken = talk.pair.now - start;
    (talk, taken)
}

/// The longest datagram that the server sends now.
fn datagram_len(talk: &mut Talk) -> u64 {
    let server = talk.server;
    u64::from(talk.pair.server.connection(server).unwrap().stats().datagram_len)
}

#[test]
fn bulk_grows_datagrams_to_what_the_path_takes() {
    for (path_len, sizes) in [(None, 1_452..=1_452), (Some(1_400), 1_380..=1_400), (Some(1_210), 1_200..=1_210)] {
        let (mut talk, _) = bulk_over(1, path_len, 40);
        assert!(sizes.contains(&datagram_len(&mut talk)), "{path_len:?}: {}", datagram_len(&mut talk));
        let lost = talk.pair.server.connection(talk.server).unwrap().stats().counts.packets_lost;
        assert_eq!(lost, 0, "the loss of a probe is no loss");
    }
}

#[test]
fn a_path_that_never_carries_twelve_hundred_bytes_is_used_with_what_it_carries() {
    let (mut talk, taken) = bulk_over(2, Some(600), 4);
    assert_eq!(datagram_len(&mut talk), 512);
    assert!(ms(taken) < 5_000, "{taken:?}");
    for side in [Side::Client, Side::Server] {
        talk.say(side, StreamId::Chat, 4_000).unwrap();
    }
    assert!(talk.finish(Micros::from_secs(2)));
}

#[test]
fn a_path_that_stops_carrying_long_datagrams_is_noticed_and_recovers() {
    let (mut talk, _) = bulk_over(3, None, 10);
    talk.pair.net.set_faults(Faults { datagram_len_max: Some(700), ..Faults::none(LEG) });
    let start = talk.pair.now;
    for side in [Side::Client, Side::Server] {
        talk.say(side, StreamId::Chat, 3_000).unwrap();
    }
    talk.say(Side::Server, StreamId::BULK, 60_000).unwrap();
    assert!(talk.finish(Micros::from_secs(10)), "nothing arrives any more");
    println!("long datagrams vanish: all heard after {} ms", ms(talk.pair.now - start));
    assert!(ms(talk.pair.now - start) <= 3_000);
    assert_eq!(datagram_len(&mut talk), 512);
    talk.pair.net.set_faults(Faults::none(LEG));
    talk.pass(Micros::from_secs(61));
    for _ in 0..20 {
        talk.say(Side::Server, StreamId::BULK, 60_000).unwrap();
        assert!(talk.finish(Micros::from_secs(10)));
    }
    assert_eq!(datagram_len(&mut talk), 1_452);
}

#[test]
fn chat_alone_notices_that_long_datagrams_vanish() {
    let mut talk = Talk::new(6, Faults::none(LEG));
    talk.pass(Micros::from_secs(1));
    talk.pair.net.set_faults(Faults { datagram_len_max: Some(700), ..Faults::none(LEG) });
    let mut worst = Vec::new();
    for _ in 0..10 {
        let start = talk.pair.now;
        for side in [Side::Client, Side::Server] {
            talk.say(side, StreamId::Chat, 1_500).unwrap();
        }
        assert!(talk.finish(Micros::from_secs(10)), "nothing arrives any more");
        worst.push(ms(talk.pair.now - start));
    }
    println!("long datagrams vanish: chat takes {worst:?} ms");
    assert!(worst.iter().all(|taken| *taken <= 2_000));
    assert_eq!(datagram_len(&mut talk), 512);
}

#[test]
fn silence_alone_leaves_datagrams_as_they_were_in_the_end() {
    let (mut talk, _) = bulk_over(4, None, 10);
    let (client, server) = (talk.pair.client_address, talk.pair.server_address);
    talk.pair.net.set_cut(client, server, true);
    talk.say(Side::Server, StreamId::BULK, 60_000).unwrap();
    talk.pass(Micros::from_secs(20));
    talk.pair.net.set_cut(client, server, false);
    assert!(talk.finish(Micros::from_secs(10)));
    for _ in 0..10 {
        talk.say(Side::Server, StreamId::BULK, 60_000).unwrap();
        assert!(talk.finish(Micros::from_secs(10)));
    }
    assert_eq!(datagram_len(&mut talk), 1_452);
}

#[test]
fn configs_of_both_ends_may_differ_in_patience() {
    let client = Config { idle_timeout: Micros::from_secs(30), ..Config::client() };
    let mut pair = Pair::with_configs(5, Faults::none(LEG), client, Config::server());
    let (client, _) = pair.connect();
    pair.drive_for(Micros::from_secs(300));
    assert!(!pair.client_told(client).iter().any(|event| matches!(event, Event::Closed(_))), "keepalives are enough");
}

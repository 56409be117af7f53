//! What arrives before its turn is bounded over all connections, and a full server goes on with everybody.

use udpchat::transport::{CloseCode, Config, Micros, StreamId};
use udpchat::wire::Frame;

use super::net::Faults;
use super::pair::Pair;
use super::rogue::Rogue;
use super::talk::{Side, Talk};

const LEG: Micros = Micros::from_millis(25);

/// The budget of the server in these tests: five holes as wide as a stranger's credit.
const BUDGET: u64 = 100_000;

/// A pair whose server has this budget and takes bulk of anybody.
fn pair(seed: u64, faults: Faults) -> Pair {
    let server = Config { reassembly_len_max: BUDGET, bulk_window_len: 20 * 1_024, ..Config::server() };
    Pair::with_configs(seed, faults, Config::client(), server)
}

/// Peers who each leave a hole as wide as they may.
fn crowd(pair: &mut Pair) -> Vec<Rogue> {
    let mut rogues = Vec::new();
    for number in 1..=40 {
        let mut rogue = Rogue::enter_as(pair, number);
        rogue.say(pair, &[Frame::Data { stream: StreamId::Chat, offset: 19_990, bytes: b"x" }]);
        assert!(pair.server.reassembly_len() <= BUDGET);
        rogues.push(rogue);
        pair.drive_for(Micros::from_millis(10));
    }
    assert!(pair.server.reassembly_len() > BUDGET - 20_000, "they fill it");
    assert!(pair.server.counters().dropped_crowded >= 35, "{}", pair.server.counters().dropped_crowded);
    rogues
}

#[test]
fn many_peers_with_a_hole_each_hold_no_more_than_the_budget() {
    let mut pair = pair(1, Faults::none(LEG));
    let rogues = crowd(&mut pair);
    for rogue in &rogues {
        pair.server.close(pair.now, rogue.handle, CloseCode::Done, "");
    }
    assert_eq!(pair.server.reassembly_len(), 0, "who is gone holds nothing");
}

#[test]
fn a_full_budget_delays_what_others_say_and_loses_nothing() {
    let mut talk = Talk::of(pair(2, Faults::none(LEG)));
    crowd(&mut talk.pair);
    talk.pair.net.set_faults(Faults::lossy(LEG, 200));
    for _ in 0..20 {
        talk.say(Side::Client, StreamId::Chat, 2_000).unwrap();
        talk.say(Side::Client, StreamId::BULK, 3_000).unwrap();
        talk.say(Side::Server, StreamId::Chat, 2_000).unwrap();
        talk.pass(Micros::from_millis(50));
    }
    assert!(talk.finish(Micros::from_secs(60)));
    assert!(talk.pair.server.counters().dropped_crowded > 40, "they met the full budget");
    assert!(talk.pair.server.reassembly_len() <= BUDGET);
}

#[test]
fn honest_peers_on_the_worst_network_never_meet_the_budget() {
    let mut talk = Talk::new(3, Faults::lossy(LEG, 600));
    let mut most = 0;
    for step in 0..200 {
        for side in [Side::Client, Side::Server] {
            talk.say(side, StreamId::Chat, 100).unwrap();
            if step % 10 == 0 {
                talk.say(side, StreamId::BULK, 10_000).unwrap();
            }
        }
        talk.pass(Micros::from_millis(100));
        most = most.max(talk.pair.server.reassembly_len()).max(talk.pair.client.reassembly_len());
    }
    assert!(talk.finish(Micros::from_secs(300)));
    println!("at most {most} bytes waited");
    let dropped = talk.pair.server.counters().dropped_crowded + talk.pair.client.counters().dropped_crowded;
    assert_eq!(dropped, 0);
    assert_eq!((talk.pair.server.reassembly_len(), talk.pair.client.reassembly_len()), (0, 0));
}

//! The load tool against a real server, in fair weather and in foul.

use serde_json::{Value, json};

use super::person::{Person, url};
use super::program::{self, Ended};
use super::world::World;

/// Somebody with an empty home; guests bring their own names.
fn somebody(world: &World) -> Person {
    world.newcomer("somebody", "somebody")
}

/// The server's URL without a name.
fn place(world: &World, key: Option<&str>) -> String {
    url("", world.server.address, key).replace("//@", "//")
}

fn bench(world: &World, args: &[&str]) -> Ended {
    let place = place(world, Some(&world.server.key));
    somebody(world).run(&[&["bench", "--server", &place], args].concat())
}

/// The one object of a load that went well; progress may have been told.
#[track_caller]
fn figures(ended: Ended) -> Value {
    program::json(ended.with_status(0).only_line())
}

#[track_caller]
fn assert_delivered(figures: &Value, deliveries: u64) {
    let names = ["deliveries", "expected", "lost", "duplicated", "out_of_order"];
    assert_eq!(names.map(|name| figures[name].as_u64()), [deliveries, deliveries, 0, 0, 0].map(Some), "{figures}");
}

#[test]
fn every_message_reaches_every_other_member_once_and_in_order() {
    let world = World::with(&["--guests"]);
    for pace in [["--window", "3"], ["--rate", "400"]] {
        let talk = ["--rooms", "3", "--members", "4", "--messages", "200", "--size", "40"];
        let figures = figures(bench(&world, &[&talk[..], &pace].concat()));
        assert_delivered(&figures, 600);
        let [p50, p99, max] = ["p50_us", "p99_us", "max_us"].map(|name| figures[name].as_u64().unwrap());
        assert!(0 < p50 && p50 <= p99 && p99 <= max, "{figures}");
    }
}

#[test]
fn a_key_that_was_never_met_is_believed_because_guests_have_no_secrets() {
    let world = World::with(&["--guests"]);
    let talk = ["bench", "--rooms", "1", "--members", "2", "--messages", "5", "--server", &place(&world, None)];
    assert_delivered(&figures(somebody(&world).run(&talk)), 5);
}

#[test]
fn chaos_on_both_sides_costs_time_and_nothing_else() {
    let world = World::with(&["--guests", "--chaos", "loss=5%,dup=5%,reorder=5%,corrupt=5%,delay=2ms,seed=3"]);
    let chaos = "loss=5%,dup=5%,reorder=5%,corrupt=5%,delay=2ms,seed=4";
    let talk = ["--rooms", "2", "--members", "4", "--messages", "200", "--chaos", chaos];
    let figures = figures(bench(&world, &talk));
    assert_delivered(&figures, 600);
    assert!(figures["p50_us"].as_u64() > Some(8_000), "four delays of 2 ms: {figures}");
}

#[test]
fn idle_sessions_are_still_there_at_the_end() {
    let world = World::with(&["--guests"]);
    let mut figures = figures(bench(&world, &["idle", "--sessions", "100", "--seconds", "0.5"]));
    assert!(figures["setup_s"].take().as_f64() > Some(0.0));
    assert_eq!(figures, json!({ "sessions": 100, "lost": 0, "seconds": 0.5, "setup_s": null }));
}

#[test]
fn a_server_without_guests_says_so() {
    bench(&World::new(), &[]).saying(4, "takes no guests");
}

#[test]
fn a_load_that_cannot_be_is_a_wrong_command_line() {
    let world = World::new();
    bench(&world, &["--members", "1"]).saying(2, "at least two members");
    bench(&world, &["--rooms", "3", "idle"]).saying(2, "idle sessions write nothing");
    bench(&world, &["--size", "3"]).saying(2, "16 to 16384");
}

#[test]
fn wrong_chaos_is_a_wrong_command_line() {
    let ended = somebody(&World::new()).run(&["--chaos", "los=5%", "whoami"]).with_status(2);
    let part = "a network has loss, dup, reorder, corrupt, delay and seed, but no \"los\"";
    assert!(ended.err.iter().any(|line| line.contains(part)), "{ended:?}");
}

//! Messages for later, while the server's process dies around their time.

use udpchat::message::{FollowFrom, PostRequest, Reply, Request, RequestId, ScheduleRequest, Target};
use udpchat::transport::Micros;

use super::net::Faults;
use super::world::World;

const LEG: Micros = Micros::from_millis(25);

/// How far ahead the message is planned.
const AHEAD_MS: u64 = 2_000;

fn plan(world: &mut World, who: usize, text: &str, at_ms: u64) -> RequestId {
    let id = world.id(who);
    let post = PostRequest { id, to: Target::Room("#ops".into()), text: text.into(), reply_to: None, payload: None };
    let reply = world.ask(who, &Request::Schedule(ScheduleRequest { post, at_ms }));
    let Reply::Scheduled(waiting) = reply else { panic!("{reply:?}") };
    assert_eq!((waiting.at_ms, waiting.post.id), (at_ms, id));
    id
}

#[test]
fn a_message_for_later_is_posted_once_whenever_the_server_dies() {
    for step in 0..40 {
        let mut world = World::new(step, Faults::lossy(LEG, 50));
        let (alice, bob) = (world.register("alice"), world.register("bob"));
        let Reply::Stored(room) = world.create(alice, "#ops") else { panic!("no room") };
        assert!(matches!(world.join(bob, "#ops"), Reply::Stored(_)));
        world.follow(bob, Target::Log(room.log), FollowFrom::Start);
        let due_ms = world.wall_ms() + AHEAD_MS;
        let id = plan(&mut world, alice, "on time", due_ms);
        world.kill_client(alice);
        // From shortly before its time until after it, a few milliseconds apart: the workers take up to 20 ms.
        let died_ms = due_ms - 20 + step * 2;
        let span_ms = died_ms - world.wall_ms();
        world.drive_for(Micros::from_millis(span_ms));
        world.kill_server();
        world.drive_for(Micros::from_millis(step * 17));
        world.start_server();
        assert!(world.drive(Micros::from_secs(60), |world| !world.texts(bob, room.log).is_empty()), "step {step}");
        world.drive_for(Micros::from_secs(30));
        assert_eq!(world.texts(bob, room.log), ["on time"], "step {step}");
        let told = &world.people[bob].seen[&room.log].iter().find(|told| told.event.head.id == id);
        let told = told.expect("it has the request's id");
        assert!(told.event.head.time_ms >= due_ms && told.author == "alice", "step {step}: {told:?}");
        assert!(world.people[bob].broken.is_empty(), "step {step}");
    }
}

#[test]
fn what_fell_due_while_the_server_was_down_is_posted_when_it_is_back() {
    let mut world = World::on_good_network(3);
    let alice = world.register("alice");
    let Reply::Stored(room) = world.create(alice, "#ops") else { panic!("no room") };
    world.follow(alice, Target::Log(room.log), FollowFrom::Start);
    let now_ms = world.wall_ms();
    for (text, delay_ms) in [("third", 30_000), ("first", 5_000), ("second", 6_000), ("tomorrow", 86_400_000)] {
        plan(&mut world, alice, text, now_ms + delay_ms);
    }
    world.kill_server();
    world.drive_for(Micros::from_secs(10));
    world.start_server();
    assert!(world.drive(Micros::from_secs(30), |world| world.texts(alice, room.log).len() == 3));
    assert!(world.wall_ms() >= now_ms + 30_000, "none before its time");
    world.drive_for(Micros::from_secs(30));
    assert_eq!(world.texts(alice, room.log), ["first", "second", "third"]);
}

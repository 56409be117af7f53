//! Allowances in a whole world: guessers stop, their victims do not notice, and who writes too fast is slowed and not refused.

use std::net::SocketAddr;

use udpchat::client::ClientEvent;
use udpchat::message::{FollowFrom, RefusalCode, Reply, Request, Target};
use udpchat::transport::Micros;

use super::world::World;

/// Networks that guess at once, and how often each tries in each of two waves: at the pace that the server answers, above
/// 1,000 tries a second.
const GUESSERS: u8 = 100;
const TRIES: usize = 100;

fn guess(world: &mut World, guessers: &[usize]) {
    for guesser in guessers {
        for _ in 0..TRIES {
            let wrong = world.credentials(*guesser, "wrong horse");
            let now = world.now;
            world.client(*guesser).request(now, &Request::LogIn(wrong));
        }
    }
}

/// Somebody who starts in a network of their own.
fn add_at(world: &mut World, name: &str, network: u8) -> usize {
    let index = world.add(name);
    world.kill_client(index);
    world.people[index].address = SocketAddr::from(([203, 0, network, 1], 5_000));
    world.start_client(index);
    index
}

fn refused(world: &World, person: usize, code: RefusalCode) -> usize {
    let is_it = |event: &&ClientEvent| match event {
        ClientEvent::Reply { reply: Reply::Refused(refusal), .. } => refusal.code() == code,
        _ => false,
    };
    world.people[person].events.iter().filter(is_it).count()
}

#[test]
fn a_thousand_wrong_log_ins_a_second_leave_the_owner_alone() {
    let mut world = World::on_good_network(60);
    let alice = world.register("alice");
    let guessers: Vec<usize> = (0..GUESSERS).map(|network| add_at(&mut world, "alice", network)).collect();
    let started_at = world.now;
    guess(&mut world, &guessers);
    let answered = |world: &World, guesser: usize| {
        refused(world, guesser, RefusalCode::WrongPassword) + refused(world, guesser, RefusalCode::TooMany)
    };
    // Once each of these networks has given a wrong password, none of them stands in line with the others any more.
    let all_known = |world: &mut World| guessers.iter().all(|guesser| answered(world, *guesser) > 0);
    assert!(world.drive(Micros::from_secs(10), all_known));
    guess(&mut world, &guessers);
    world.drive_for(Micros::from_millis(1_500));

    // The known device comes back without a password.
    world.kill_client(alice);
    world.start_client(alice);
    assert!(world.drive(Micros::from_secs(2), |world| world.client(alice).account().is_some()));
    // A new device at home, and one in a network that nobody has been seen in.
    for (index, place) in [(world.add("alice"), "at home"), (add_at(&mut world, "alice", 200), "elsewhere")] {
        let right = world.credentials(index, "correct horse");
        let reply = world.ask(index, &Request::LogIn(right));
        assert!(matches!(reply, Reply::Account(_)), "{place}: {reply:?}");
    }
    // Whoever has guessed is told to wait, also with the right password.
    let right = world.credentials(guessers[0], "correct horse");
    let Reply::Refused(refusal) = world.ask(guessers[0], &Request::LogIn(right)) else { panic!("a guesser is let in") };
    assert_eq!(refusal.code(), RefusalCode::TooMany);
    assert!(refusal.retry_after_ms > 0);

    let all = usize::from(GUESSERS) * TRIES * 2 + 1;
    let count = |world: &World| guessers.iter().map(|guesser| answered(world, *guesser)).sum::<usize>();
    assert!(world.drive(Micros::from_secs(10), |world| count(world) == all), "everybody is answered: {}", count(&world));
    let looked_at: usize = guessers.iter().map(|guesser| refused(&world, *guesser, RefusalCode::WrongPassword)).sum();
    // Twenty at once and one a second, of those who have tried before and of those who have not.
    let seconds = usize::try_from((world.now - started_at).as_micros().div_ceil(1_000_000)).unwrap();
    assert!((40..=40 + 2 * seconds).contains(&looked_at), "{looked_at} passwords were looked at in {seconds} s");
}

#[test]
fn who_writes_too_fast_is_slowed_and_nothing_is_refused_or_reordered() {
    let mut world = World::on_good_network(61);
    let alice = world.register("alice");
    let Reply::Stored(made) = world.create(alice, "#ops") else { panic!("no room") };
    world.follow(alice, Target::Log(made.log), FollowFrom::Start);
    let texts: Vec<String> = (0..600).map(|number| number.to_string()).collect();
    for text in &texts {
        world.write(alice, "#ops", text);
    }
    // 500 at once, then 50 a second.
    assert!(!world.drive(Micros::from_millis(1_900), |world| world.texts(alice, made.log).len() == 600));
    assert!(world.drive(Micros::from_secs(20), |world| world.texts(alice, made.log).len() == 600));
    assert_eq!(world.texts(alice, made.log), texts);
    let slowed = world.people[alice].events.iter().filter(|event| matches!(event, ClientEvent::Slowed)).count();
    assert_eq!(slowed, 1, "it is said once");
    assert!(world.people[alice].outcomes.values().all(Result::is_ok));
}

#[test]
fn requests_beyond_the_allowance_are_refused_with_the_wait() {
    let mut world = World::on_good_network(62);
    let alice = world.register("alice");
    for _ in 0..600 {
        let now = world.now;
        world.client(alice).request(now, &Request::WhoAmI);
    }
    world.drive_for(Micros::from_secs(3));
    let turned_away = refused(&world, alice, RefusalCode::TooMany);
    assert!((1..=100).contains(&turned_away), "{turned_away}");
    // It heals by itself.
    world.drive_for(Micros::from_secs(1));
    assert!(matches!(world.ask(alice, &Request::WhoAmI), Reply::Account(_)));
}

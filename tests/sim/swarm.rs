//! Many worlds, each with its own mix of faults, people and deeds; after each, what was promised is checked.
//!
//! A seed first draws which deeds and misfortunes exist at all, then how the network is; then people do things while it all
//! happens to them. In the end everything heals, and the world must come to rest and keep every promise of `promises.rs`. A
//! failing seed is printed with the command that repeats it.
//!
//! `SWARM_SEEDS` says how many worlds, `SWARM_START` where to begin, `SWARM_SEED` runs a single one. A quarter as many further
//! worlds have an adversary in them.

use udpchat::crypto::Dice;
use udpchat::transport::Micros;

use super::crowd::{self, Company};
use super::deed::Deeds;
use super::misfortune::{Misfortunes, draw_config};
use super::net::Faults;
use super::person::Asked;
use super::promises;
use super::world::World;

/// Worlds in an ordinary run.
const SEED_COUNT: u64 = 200;

/// So many ordinary worlds come to one with an adversary.
const ORDINARY_PER_HOSTILE: u64 = 4;

/// One in so many is run twice, to see that a seed says everything.
const TWICE_EVERY: u64 = 100;

/// How long a healed world may take until every outbox is empty and every request is answered.
const REST_TIMEOUT: Micros = Micros::from_secs(30);

/// How long it may then take until all agree.
const AGREE_TIMEOUT: Micros = Micros::from_secs(30);

/// Deeds in one world.
const DEED_COUNT: u64 = 40;

/// Runs the world of this seed and checks it; returns a number that depends on every byte that was sent.
fn run(seed: u64, company: Company) -> u64 {
    let mut bytes = [3; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let mut dice = Dice::from_seed(bytes);
    let mut world = World::on_good_network(seed);
    world.client_config = draw_config(&mut dice);
    crowd::populate(&mut world, &mut dice, company);
    let mut deeds = Deeds::draw(&mut world, &mut dice);
    let mut misfortunes = Misfortunes::draw(&mut world, &mut dice);
    for _ in 0..DEED_COUNT {
        let who = dice.below(world.people.len() as u64) as usize;
        if dice.below(3) == 0 {
            misfortunes.strike(&mut world, &mut dice, who);
        } else {
            deeds.perform(&mut world, &mut dice, who);
        }
        world.drive_for(Micros::from_millis(dice.below(1_500)));
        if dice.below(4) == 0 {
            crowd::tend(&mut world);
        }
    }
    heal(&mut world);
    promises::check(&mut world);
    if dice.below(8) == 0 {
        promises::i9_the_dead_are_forgotten(&mut world);
        promises::check(&mut world);
    }
    world.net.trace_hash()
}

/// Ends all faults and waits until nobody has anything left to do.
fn heal(world: &mut World) {
    world.net.heal(Faults::none(Micros::from_millis(10)));
    world.work_delay_max = Micros::from_millis(20);
    come_to_rest(world);
    // A silent client learns by its keepalive, 20 s at the latest, that the server is another process now, and perhaps that its
    // key is no longer taken; then it signs in again.
    tend_for(world, AGREE_TIMEOUT);
    come_to_rest(world);
    tend_for(world, AGREE_TIMEOUT);
}

fn come_to_rest(world: &mut World) {
    let at_rest = |world: &mut World| {
        crowd::tend(world);
        (0..world.people.len()).all(|index| is_at_rest(world, index))
    };
    assert!(world.drive(REST_TIMEOUT, at_rest), "I11: the world does not come to rest: {}", restless(world));
}

fn tend_for(world: &mut World, span: Micros) {
    world.drive(span, |world| {
        crowd::tend(world);
        false
    });
}

fn is_at_rest(world: &World, index: usize) -> bool {
    let person = &world.people[index];
    if crowd::is_out(world, index) {
        return person.asked.values().all(|asked| matches!(asked, Asked::Follow(_)));
    }
    let Some(client) = &person.client else { return false };
    match person.user {
        // Whose name was taken.
        None => person.asked.is_empty(),
        Some(_) => client.account().is_some() && client.is_idle() && client.unsent_count().unwrap() == 0,
    }
}

/// Who is not at rest, and why.
fn restless(world: &World) -> String {
    let restless = (0..world.people.len()).filter(|index| !is_at_rest(world, *index)).map(|index| {
        let person = &world.people[index];
        let state = person
            .client
            .as_ref()
            .map(|client| (client.is_online(), client.account().is_some(), client.is_idle(), client.unsent_count().unwrap()));
        format!("{index} {}: (online, signed in, idle, unsent) {state:?}, asked {:?}", person.name, person.asked)
    });
    restless.collect::<Vec<_>>().join("; ")
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")))
}

/// Runs as many seeds as are wished for, on all processors; `test` is what repeats one.
fn run_all(test: &str, seed_count: u64, company: Company) {
    if let Some(seed) = number_from("SWARM_SEED") {
        assert_eq!(run(seed, company), run(seed, company), "a seed says everything");
        return;
    }
    let start = number_from("SWARM_START").unwrap_or(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get) as u64;
    let failed: Vec<u64> = std::thread::scope(|scope| {
        let run_share = |share: u64| {
            move || {
                let mut failed = Vec::new();
                for seed in (start..start + seed_count).filter(|seed| seed % threads == share) {
                    let result = std::panic::catch_unwind(|| {
                        let hash = run(seed, company);
                        assert!(seed % TWICE_EVERY > 0 || run(seed, company) == hash, "a seed says everything");
                    });
                    if result.is_err() {
                        println!("seed {seed} failed; SWARM_SEED={seed} cargo test --test sim {test} repeats it");
                        failed.push(seed);
                    }
                }
                failed
            }
        };
        let shares: Vec<_> = (0..threads).map(|share| scope.spawn(run_share(share))).collect();
        shares.into_iter().flat_map(|share| share.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{} of {seed_count} seeds failed: {failed:?}", failed.len());
}

#[test]
fn swarm() {
    run_all("swarm::swarm", number_from("SWARM_SEEDS").unwrap_or(SEED_COUNT), Company::Good);
}

#[test]
fn swarm_with_an_adversary() {
    let seed_count = number_from("SWARM_SEEDS").unwrap_or(SEED_COUNT) / ORDINARY_PER_HOSTILE;
    run_all("swarm_with_an_adversary", seed_count, Company::WithAdversary);
}

//! The ledger's order is all there is: the same commands, run into an empty database, have the same outcomes and leave the same
//! rows, the hashes of every log among them. So what a server became can be worked out again, and a bug in it repeated.

use tempfile::TempDir;
use udpchat::crypto::Dice;
use udpchat::server::Ledger;
use udpchat::transport::Micros;

use super::crowd::{self, Company};
use super::deed::Deeds;
use super::disk;
use super::net::{Faults, Loss};
use super::world::World;

/// Worlds that are replayed.
const SEED_COUNT: u64 = 12;

/// Deeds in one world.
const DEED_COUNT: u64 = 40;

/// People do things on a lossy network, where much is asked twice.
fn world_of(seed: u64) -> World {
    let mut dice = Dice::from_seed([u8::try_from(seed).unwrap(); 32]);
    let mut world = World::on_good_network(seed);
    crowd::populate(&mut world, &mut dice, Company::WithAdversary);
    let mut deeds = Deeds::draw(&mut world, &mut dice);
    world.net.set_faults(Faults { loss: Loss::Independent(200), ..Faults::none(Micros::from_millis(25)) });
    for _ in 0..DEED_COUNT {
        let who = dice.below(world.people.len() as u64) as usize;
        deeds.perform(&mut world, &mut dice, who);
        world.drive_for(Micros::from_millis(dice.below(1_500)));
        crowd::tend(&mut world);
    }
    world.drive_for(Micros::from_secs(30));
    world
}

#[test]
fn the_same_commands_make_the_same_database() {
    let mut count = 0;
    for seed in 0..SEED_COUNT {
        let world = world_of(seed);
        let folder = TempDir::new().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        // One at a time, where the server ran them in batches.
        for (place, (command, came)) in world.ran().iter().enumerate() {
            let again = ledger.commit(std::slice::from_ref(command)).unwrap().remove(0);
            assert_eq!(again, *came, "seed {seed}: command {place}: {command:?}");
        }
        count += world.ran().len();
        let (first, second) = (disk::rows(&world.disk.data_path()), disk::rows(folder.path()));
        assert!(first["events"].len() > 20, "seed {seed}: something happened");
        assert_eq!(first, second, "seed {seed}");
    }
    assert!(count > 300, "{count} commands were replayed");
}

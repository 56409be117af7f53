//! What may happen to a client's network in a swarm's world, besides loss: it moves, goes silent, dies, sleeps, is lopsided.

use udpchat::crypto::Dice;
use udpchat::transport::{Config, Micros};

use super::net::{Faults, Loss};
use super::world::World;

/// Which misfortunes a world has at all.
#[expect(clippy::struct_excessive_bools, reason = "each is there or not, by itself")]
pub struct Misfortunes {
    moves: bool,
    blackholes: bool,
    sleeps: bool,
    dead_addresses: bool,
    is_lopsided: bool,
}

impl Misfortunes {
    /// Each is there or not.
    pub fn draw(dice: &mut Dice) -> Self {
        let mut coin = || dice.below(2) == 0;
        Self { moves: coin(), blackholes: coin(), sleeps: coin(), dead_addresses: coin(), is_lopsided: coin() }
    }

    /// One direction of one client's link becomes much worse than the other, if this world has that.
    pub fn tilt(&self, world: &mut World, dice: &mut Dice, faults: Faults) {
        if !self.is_lopsided {
            return;
        }
        let who = dice.below(world.people.len() as u64) as usize;
        let (server, address) = (world.server_address, world.people[who].address);
        let (from, to) = if dice.below(2) == 0 { (server, address) } else { (address, server) };
        world.net.set_link(from, to, Some(Faults { loss: Loss::Independent(200 + dice.below(400)), ..faults }));
    }

    /// One of them strikes `who`; `faults` are those of the network, which it has again afterwards.
    pub fn strike(&self, world: &mut World, dice: &mut Dice, who: usize, faults: Faults) {
        match dice.below(4) {
            0 if self.moves => {
                for _ in 0..=dice.below(4) {
                    let host_moves = dice.below(2) == 0;
                    world.move_client(who, host_moves);
                    world.drive_for(Micros::from_millis(dice.below(700)));
                }
            }
            1 if self.blackholes => {
                world.net.set_faults(Faults { loss: Loss::Independent(1_000), ..faults });
                world.drive_for(Micros::from_millis(dice.below(60_000)));
                world.net.set_faults(faults);
            }
            2 if self.sleeps => {
                world.suspend(who);
                world.drive_for(Micros::from_millis(dice.below(200_000)));
                world.resume(who);
            }
            3 if self.dead_addresses => {
                let (server, address) = (world.server_address, world.people[who].address);
                world.net.set_cut(server, address, true);
            }
            _ => {}
        }
    }
}

/// What the clients of a world choose: in every second one, keys that are soon old.
pub fn draw_config(dice: &mut Dice) -> Config {
    let key_lifetime = Micros::from_secs(if dice.below(2) == 0 { 3_600 } else { 3 + dice.below(20) });
    Config { key_lifetime, ..Config::client() }
}

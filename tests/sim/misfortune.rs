//! What may happen in a swarm's world while people go about their business: networks go bad, machines move, sleep and crash, the
//! disk is full, somebody overhears and sends again.

use udpchat::crypto::Dice;
use udpchat::transport::{Config, Micros};

use super::crowd;
use super::net::{Bottleneck, Faults, Loss};
use super::urn::Urn;
use super::world::World;

/// Something that happens to the server, to somebody or to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misfortune {
    /// The server dies and is away for a while.
    ServerCrash,
    /// The server dies as often as it starts.
    CrashLoop,
    /// A client dies and starts again.
    ClientCrash,
    /// Nothing gets through between a client and the server, in one direction or both.
    Cut,
    /// Nothing gets through at all.
    Blackhole,
    /// A client's address changes behind its back, once or several times.
    Move,
    /// A client's machine sleeps.
    Sleep,
    /// A client's address is dead for good; only another socket helps.
    DeadAddress,
    /// One direction of a client's link becomes much worse than the other.
    Tilt,
    /// The network changes its nature.
    Weather,
    /// The server's disk is full for a while.
    FullDisk,
    /// The server's workers become slow, or quick again.
    Pace,
}

const ALL: &[(Misfortune, u64)] = &[
    (Misfortune::ServerCrash, 4),
    (Misfortune::CrashLoop, 1),
    (Misfortune::ClientCrash, 3),
    (Misfortune::Cut, 3),
    (Misfortune::Blackhole, 2),
    (Misfortune::Move, 3),
    (Misfortune::Sleep, 2),
    (Misfortune::DeadAddress, 2),
    (Misfortune::Tilt, 2),
    (Misfortune::Weather, 2),
    (Misfortune::FullDisk, 2),
    (Misfortune::Pace, 2),
];

/// What can go wrong in a world.
pub struct Misfortunes {
    urn: Urn<Misfortune>,
    faults: Faults,
}

impl Misfortunes {
    /// Draws what exists and how the network is, and gives the world that network.
    pub fn draw(world: &mut World, dice: &mut Dice) -> Self {
        let misfortunes = Self { urn: Urn::draw_from(ALL, 0, dice), faults: draw_faults(dice) };
        world.net.set_faults(misfortunes.faults);
        world.work_delay_max = draw_pace(dice);
        misfortunes
    }

    /// One of them strikes; if it is somebody's, it is `who`.
    pub fn strike(&mut self, world: &mut World, dice: &mut Dice, who: usize) {
        let Some(misfortune) = self.urn.draw(dice) else { return };
        match misfortune {
            Misfortune::ServerCrash => restart_server(world, span(dice, 8_000)),
            Misfortune::CrashLoop => {
                for _ in 0..5 {
                    restart_server(world, span(dice, 500));
                    world.drive_for(span(dice, 500));
                }
            }
            Misfortune::ClientCrash => crowd::restart_client(world, who),
            Misfortune::Cut => {
                let (server, address) = (world.server_address, world.people[who].address);
                let cut = Some(Faults { loss: Loss::Independent(1_000), ..self.faults });
                let directions = 1 + dice.below(3);
                world.net.set_link(server, address, cut.filter(|_| directions & 1 > 0));
                world.net.set_link(address, server, cut.filter(|_| directions & 2 > 0));
                world.drive_for(span(dice, 60_000));
                world.net.set_link(server, address, None);
                world.net.set_link(address, server, None);
            }
            Misfortune::Blackhole => {
                world.net.set_faults(Faults { loss: Loss::Independent(1_000), ..self.faults });
                world.drive_for(span(dice, 60_000));
                world.net.set_faults(self.faults);
            }
            Misfortune::Move => {
                for _ in 0..=dice.below(4) {
                    let host_moves = dice.below(2) == 0;
                    world.move_client(who, host_moves);
                    world.drive_for(span(dice, 700));
                }
            }
            Misfortune::Sleep => {
                world.suspend(who);
                world.drive_for(span(dice, 200_000));
                world.resume(who);
            }
            Misfortune::DeadAddress => {
                let (server, address) = (world.server_address, world.people[who].address);
                world.net.set_cut(server, address, true);
            }
            Misfortune::Tilt => {
                let (server, address) = (world.server_address, world.people[who].address);
                let (from, to) = if dice.below(2) == 0 { (server, address) } else { (address, server) };
                let loss = Loss::Independent(200 + dice.below(400));
                world.net.set_link(from, to, Some(Faults { loss, ..self.faults }));
            }
            Misfortune::Weather => {
                self.faults = draw_faults(dice);
                world.net.set_faults(self.faults);
            }
            Misfortune::FullDisk => {
                world.set_disk_full(true);
                world.drive_for(span(dice, 20_000));
                world.set_disk_full(false);
            }
            Misfortune::Pace => world.work_delay_max = draw_pace(dice),
        }
    }
}

fn restart_server(world: &mut World, away: Micros) {
    world.kill_server();
    world.drive_for(away);
    world.start_server();
}

fn span(dice: &mut Dice, millis_max: u64) -> Micros {
    Micros::from_millis(dice.below(millis_max))
}

/// What the workers take at most.
fn draw_pace(dice: &mut Dice) -> Micros {
    Micros::from_millis([2, 20, 200, 1_000][dice.below(4) as usize])
}

/// A network: which of its faults exist, then how bad they are.
fn draw_faults(dice: &mut Dice) -> Faults {
    let delay = Micros::from_millis([1, 10, 25, 150][dice.below(4) as usize]);
    let mut chance = |thousandths: u64| if dice.below(2) == 0 { 0 } else { dice.below(thousandths) };
    let (loss, jitter, reorder, duplicate, corrupt) = (chance(500), chance(100), chance(300), chance(400), chance(200));
    let (replay, len_max, bytes_per_sec) = (chance(100), chance(800), chance(100_000));
    let is_narrow = bytes_per_sec > 0;
    let loss = if chance(2) == 1 { Loss::Bursts { rate: loss.min(300), mean_len: 5 } } else { Loss::Independent(loss) };
    // A queue of half a second: what is sent faster waits, then is dropped.
    let bytes_per_sec = bytes_per_sec + 20_000;
    let bottleneck = Bottleneck { bytes_per_sec, queue_len_max: bytes_per_sec / 2 };
    Faults {
        loss,
        jitter: Micros::from_millis(jitter),
        reorder,
        reorder_delay: Micros::from_millis(300),
        duplicate,
        corrupt,
        replay,
        bottleneck: is_narrow.then_some(bottleneck),
        datagram_len_max: (len_max > 0).then_some(1_200 + len_max),
        ..Faults::none(delay)
    }
}

/// What the clients of a world choose: in every second one, keys that are soon old.
pub fn draw_config(dice: &mut Dice) -> Config {
    let key_lifetime = Micros::from_secs(if dice.below(2) == 0 { 3_600 } else { 3 + dice.below(20) });
    Config { key_lifetime, ..Config::client() }
}

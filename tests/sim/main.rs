//! Whole conversations in virtual time: no socket, no thread, no clock; a seed replays each of them.

mod admission;
mod attacks;
mod crowd;
mod deed;
mod delivery;
mod disk;
mod ending;
mod endpoint;
mod ephemeral;
mod grid;
mod handshake;
mod lanes;
mod limits;
mod misfortune;
mod moving;
mod net;
mod pair;
mod path;
mod person;
#[cfg(feature = "planted-bugs")]
mod planted;
mod process;
mod promises;
mod reassembly;
mod receipts;
mod recovery;
mod restart;
mod rogue;
mod room;
mod stories;
mod stranger;
mod swarm;
mod talk;
mod trace;
mod urn;
mod world;

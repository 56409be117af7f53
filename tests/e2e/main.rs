//! The two programs as people run them: real processes, real sockets on loopback, real disks, real kills.
//!
//! Nothing here waits for luck: every wait is for a condition, with a deadline far above what it takes.

mod accounts;
mod at_terminal;
mod bench;
mod bots;
mod clients_killed;
mod conversation;
mod deletion;
mod ephemeral;
mod exit_status;
mod files;
mod follow;
mod looks;
mod lossy;
mod messages;
mod moderation;
mod narrow;
mod net;
mod newcomer;
mod operator;
mod passwords;
mod person;
mod program;
mod reading;
mod relay;
mod scenarios;
mod server_killed;
mod signals;
mod world;

//! The server: sessions, what they ask, and who is told what.
//!
//! [`Server`] is a state machine without socket, clock or thread; `event_loop` is the file that has them. The data's path
//! through this floor: `server` (connections) → `session` and `dispatch` (may this be asked now?) → `ledger` (order, execute,
//! commit) → `complete` (the reply) → `fan_out` and `follow` (everybody else).

mod allowance;
mod batch;
mod begin_accounts;
mod begin_bots;
mod begin_posts;
mod begin_rooms;
mod bulk;
mod checkpoints;
mod chores;
mod complete;
mod config;
mod dismissal;
mod dispatch;
mod ephemeral;
mod event_loop;
mod fan_out;
mod file_job;
mod filing;
mod follow;
mod holds;
mod job;
mod ledger;
#[cfg(test)]
mod limit_tests;
mod presence;
mod receipts;
mod refused;
#[expect(clippy::module_inception, reason = "the floor's front door is the server itself")]
mod server;
mod session;
mod steps;
mod throttle;
mod values;
mod views;
mod workers;

pub use allowance::{AllowanceConfig, AllowanceCounters};
pub use checkpoints::Checkpoints;
pub use config::{Config, ConfigError, DEFAULT_PORT, Limits, registration};
pub use event_loop::{RunError, Started, run};
pub use file_job::{FileAnswer, FileJob, sweep_files};
pub use filing::FileLimits;
pub use holds::Holds;
pub use job::{Answer, Done, Job, Read, Ticket};
pub use ledger::{Committed, IndexState, Ledger, LedgerThread, Ordered, Report};
pub use server::{Now, Server, ServerConfig};

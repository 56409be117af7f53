//! Many guests in one process: what `udpchat-cli bench` drives a server with, and what it measures.
//!
//! [`Load`] is a state machine like [`Client`](super::Client), but a thin one: its guests keep nothing on disk, follow one
//! room each and connect once, so that a thousand of them cost little beside the server they load. [`run`] drives it over
//! a few real sockets.

mod event_loop;
mod guest;
mod latencies;
#[expect(clippy::module_inception, reason = "the room's front door is the load itself")]
mod load;
mod plan;
mod schedule;
mod stamp;
mod tally;

pub use event_loop::{Conditions, LoadError, run};
pub use guest::Trouble;
pub use latencies::Latencies;
pub use load::{GUEST_COUNT_MAX, LANE_COUNT, Load, Outcome, Progress, Task};
pub use plan::{Pace, Plan, PlanError};
pub use tally::Tally;

//! The words after `bench`.

use super::words::Seconds;
use clap::{Args, Subcommand};
use std::num::NonZeroU32;

/// Said after the help of `bench`.
pub(super) const BENCH_AFTER_HELP: &str = "\
The server must take guests (udpchat --guests). A measured server should be one of its own: guests and rooms stay in its
database. Its key is believed if it was never met, because guests have no secrets; a key in the URL or a known one must match.

The object on standard output:
  deliveries        messages that reached a member other than their sender, each once
  expected          how many that should be: N * (M - 1)
  lost, duplicated, out_of_order   what went wrong; not all 0 means exit status 1
  seconds           from the first message sent to the last delivery
  p50_us … max_us   from the send time, which every message carries, to the delivery, in microseconds
  setup_s           until all guests were connected, signed in, inside their rooms and listening";

/// A load and its measurement.
#[derive(Debug, Args)]
pub struct Bench {
    /// Another kind of load
    #[command(subcommand)]
    pub kind: Option<BenchKind>,
    /// What the guests write to each other
    #[command(flatten)]
    pub talk: BenchTalk,
}

/// What guests write to each other; without a number, its default.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub struct BenchTalk {
    /// How many rooms [default: 10]
    #[arg(long, value_name = "R")]
    pub rooms: Option<u32>,
    /// How many guests in each room [default: 10]
    #[arg(long, value_name = "M")]
    pub members: Option<u32>,
    /// How many messages in all; senders take turns over rooms, then over members [default: 10000]
    #[arg(long, value_name = "N")]
    pub messages: Option<u64>,
    /// Open loop: this many messages a second over all rooms, whether the server keeps up or not
    #[arg(long, value_name = "PER_S", conflicts_with = "window")]
    pub rate: Option<NonZeroU32>,
    /// Closed loop: in each room, at most W messages at a time that have not reached all its members [default: 8]
    #[arg(long, value_name = "W")]
    pub window: Option<NonZeroU32>,
    /// Bytes of each message's text [default: 100]
    #[arg(long, value_name = "B")]
    pub size: Option<usize>,
}

/// Loads other than talk.
#[derive(Debug, Subcommand)]
pub enum BenchKind {
    /// Hold sessions that do nothing, and count those that are still there at the end
    Idle {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        sessions: u32,
        /// For how long, once all are there
        #[arg(long, value_name = "S", default_value = "30")]
        seconds: Seconds,
    },
}

//! One reliable conversation over lossy datagrams: loss, order, rate and addresses.
//!
//! This floor knows no chat message, no socket and no clock: everything here is a state machine that is handed bytes and
//! `now`. The protocol is written down in protocol.md, after RFC 9000 and RFC 9002 where they fit a chat.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic, clippy::expect_used)
)]

mod accepting;
mod ack;
mod admission;
mod bulk_turn;
mod config;
mod congestion;
mod connecting;
mod connection;
mod connection_mut;
#[cfg(test)]
mod connection_tests;
mod counters;
mod datagram_size;
mod endpoint;
mod error;
mod events;
mod following;
mod half_open;
mod latest;
mod loss;
mod loss_rate;
mod occupant;
mod pacing;
mod path;
mod pto;
mod range_set;
mod rate;
mod reassembly;
mod receive;
mod recv_stream;
#[cfg(test)]
mod recv_stream_tests;
mod redundancy;
mod routing;
mod rtt;
mod send_stream;
mod sent_packets;
mod skips;
mod slots;
mod standby;
mod state;
mod stats;
mod streams;
mod time;
mod timers;
mod trace;
mod transmit;

pub use crate::wire::{BULK_STREAMS_MAX, BulkStream, LATEST_LEN_MAX, LATEST_SLOTS_MAX, StreamId};
pub use accepting::RESET_LEN;
pub use ack::{ACK_DELAY_MAX, ACK_DELAY_UNIT_MICROS, ACK_ONLY_PER_PING, ACK_OWED_MAX};
pub use admission::{Admission, HelloPolicy};
pub use bulk_turn::BULK_SHARE;
pub use config::Config;
pub use congestion::{NOISE_PER_MILLE, WINDOW_LEN_INITIAL, WINDOW_LEN_MIN};
pub use connecting::{HANDSHAKE_TIMEOUT, LONG_ATTEMPT_COUNT, OPENING_LEN, OPENING_LEN_SHORT, RETRY_DELAY, RETRY_DELAY_MAX};
pub use connection::{Connection, Role};
pub use connection_mut::ConnectionMut;
pub use counters::Counters;
pub use datagram_size::DATAGRAM_LEN_MAX;
pub use endpoint::{ANSWER_COUNT_MAX, CLIENT_CONNECTION_COUNT_MAX, Endpoint, Event};
pub use error::{CloseCode, CloseReason, PacketError, SendError};
pub use events::ConnectionEvent;
pub use half_open::{HALF_OPEN_COUNT_MAX, HALF_OPEN_TIMEOUT};
pub use latest::{LATEST_WAITING_MAX, LatestKey};
pub use loss::{PACKET_THRESHOLD, PACKET_THRESHOLD_MAX};
pub use pacing::BURST_PACKET_COUNT;
pub use path::{AMPLIFICATION_MAX, Path, UNPROVEN_MOVE_COUNT_MAX};
pub use pto::{PROBE_COUNT, PROBE_INTERVAL_MAX, PROBE_PATIENCE_COUNT};
pub use rate::{Budget, Rate};
pub use reassembly::{REASSEMBLY_LEN_MAX, Reassembly};
pub use recv_stream::STREAM_GAPS_MAX;
pub use redundancy::{CLEAN_RUN_MIN, COPY_LEN_MAX, COPY_RATE};
pub use rtt::INITIAL_RTT;
pub use send_stream::{INITIAL_CREDIT_LEN, MESSAGE_LEN_MAX, SEND_BULK_LEN_MAX, SEND_QUEUE_COUNT_MAX, SEND_QUEUE_LEN_MAX};
pub use skips::SKIP_FLIGHT_MIN;
pub use slots::ConnectionHandle;
pub use state::Stage;
pub use stats::{Caps, Counts, Stats};
pub use time::{Micros, Time};
pub use trace::{TRACE_COUNT_MAX, TraceEvent, Tracing, trace_lines};

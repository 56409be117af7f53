//! The client program: its command line, its commands, the plain conversation, and how all of them print and end.

mod args;
mod aside;
mod bot_lines;
mod chunks;
mod commands;
mod context;
mod exit;
mod handler;
mod human;
mod incoming;
mod interactive;
mod json;
mod json_post;
#[cfg(test)]
mod json_tests;
mod line;
mod lines;
mod log_json;
mod moment;
mod net_lines;
mod outgoing;
mod output;
mod people_json;
mod program;
mod prompt;
mod room_event;
mod scheduled_json;
mod session;

pub use program::run;

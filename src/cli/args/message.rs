//! The words after commands about messages.

use super::super::line::Level;
use super::words::{Conversation, Time};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// A message to be sent.
#[derive(Debug, Args)]
pub struct Send {
    /// The room, with its #, or the person, with @
    #[arg(value_name = "#ROOM|@USER")]
    pub to: Conversation,
    /// The text; - reads it from standard input, all of it as one message
    #[arg(required_unless_present = "file", value_name = "TEXT|-")]
    pub text: Vec<String>,
    /// Send this file with the message; without a text, its name is the text. Sent again after a break, it goes on where it was
    #[arg(long, value_name = "PATH", conflicts_with_all = ["lines", "stream", "wait", "at", "after", "reply_to", "payload_kind"])]
    pub file: Option<PathBuf>,
    /// With -: every line of standard input is a message of its own; empty lines are passed over; with --timeout, for that long
    #[arg(long)]
    pub lines: bool,
    /// With -: shows the text to who is looking while it comes, and stores it once, at its end
    #[arg(long, conflicts_with = "lines")]
    pub stream: bool,
    /// A name for the message: sending again under the same KEY stores nothing twice (with --lines: KEY/1, KEY/2, …)
    #[arg(long, value_name = "KEY")]
    pub id: Option<String>,
    /// What to wait for: stored by the server, delivered to all devices of the others, or read by all of them
    #[arg(long, value_name = "LEVEL", default_value = "stored", conflicts_with = "lines")]
    pub wait: Level,
    /// Post it later, at this time, such as 2026-12-01T09:00Z
    #[arg(long, value_name = "TIME", value_parser = Time::moment, conflicts_with_all = ["lines", "stream", "wait"])]
    pub at: Option<Time>,
    /// Post it so much later: 30s, 10m, 2h, 7d
    #[arg(long = "in", value_name = "SPAN", value_parser = Time::span, conflicts_with_all = ["lines", "stream", "wait", "at"])]
    pub after: Option<Time>,
    /// The message that this one answers
    #[arg(long, value_name = "SEQ", conflicts_with = "lines")]
    pub reply_to: Option<u64>,
    /// What the message carries for programs, which know it by KIND; people see the text
    #[arg(long, value_name = "KIND", requires = "payload")]
    pub payload_kind: Option<String>,
    /// The content of that: JSON
    #[arg(long, value_name = "JSON", requires = "payload_kind")]
    pub payload: Option<String>,
}

/// What to do with messages that wait for their time.
#[derive(Debug, Subcommand)]
pub enum Scheduled {
    /// Take one of them back
    Cancel {
        /// Its number in the list
        number: u64,
    },
}

/// A message that was written.
#[derive(Debug, Args)]
pub struct Written {
    /// The room, with its #, or the person, with @
    #[arg(value_name = "#ROOM|@USER")]
    pub room: Conversation,
    /// The message's position
    pub seq: u64,
}

/// A message's new text.
#[derive(Debug, Args)]
pub struct Edit {
    /// Which message
    #[command(flatten)]
    pub written: Written,
    /// The text; - reads it from standard input
    #[arg(required = true, value_name = "TEXT|-")]
    pub text: Vec<String>,
}

/// A reaction to a message.
#[derive(Debug, Args)]
pub struct React {
    /// Which message
    #[command(flatten)]
    pub written: Written,
    /// An emoji or a short word
    pub reaction: String,
}

/// A file to be fetched.
#[derive(Debug, Args)]
pub struct Get {
    /// The room, with its #, or the person, with @
    #[arg(value_name = "#ROOM|@USER")]
    pub room: Conversation,
    /// The position of the message that has the file
    #[arg(value_name = "SEQ")]
    pub seq: u64,
    /// Where to put it; - writes it to standard output [default: the file's own name, here]
    #[arg(short, long, value_name = "FILE|-")]
    pub output: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

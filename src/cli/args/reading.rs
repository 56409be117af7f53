//! The words after commands that read.

use super::words::{Conversation, WordError};
use clap::Args;
use std::path::PathBuf;
use std::str::FromStr;

/// The newest events.
#[derive(Debug, Args)]
pub struct Tail {
    /// The room, with its #, or the person, with @
    #[arg(value_name = "#ROOM|@USER")]
    pub room: Conversation,
    /// How many events
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    pub count: u32,
    /// Go on printing what comes, through lost connections and restarts of the server; with --timeout, for that long
    #[arg(short, long)]
    pub follow: bool,
}

/// Rooms to be read on.
#[derive(Debug, Args)]
pub struct Follow {
    /// The rooms, with their #, or people, with @
    #[arg(value_name = "#ROOM|@USER", required = true)]
    pub rooms: Vec<Conversation>,
    /// The name under which this profile remembers how far it has come
    #[arg(long, value_name = "NAME")]
    pub cursor: String,
    /// Run this program for each message, its text on standard input; what it prints is sent to the room. room, position, id, author and time are in its environment
    #[arg(long, value_name = "PROGRAM")]
    pub exec: Option<PathBuf>,
    /// Where a new cursor begins: at the start of what it may read, now, or at this position
    #[arg(long, value_name = "start|now|SEQ", default_value = "start")]
    pub from: Beginning,
    /// Everything that happens, and one's own messages too
    #[arg(long)]
    pub all: bool,
}

/// Where a new cursor begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// With the first event that it may read.
    Start,
    /// With what comes from now on.
    Now,
    /// With the event at this position.
    At(u64),
}

impl FromStr for Beginning {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        match word {
            "start" => Ok(Self::Start),
            "now" => Ok(Self::Now),
            seq => seq.parse().map(Self::At).map_err(|_| WordError::Beginning),
        }
    }
}

/// Words to look for.
#[derive(Debug, Args)]
pub struct Search {
    /// What is looked for: messages that have all these words, in any case and form; any stretch of Chinese or Japanese
    #[arg(value_name = "TEXT", required = true, num_args = 1..)]
    pub text: Vec<String>,
    /// Only in this room, with its #, or with this person, with @
    #[arg(long, value_name = "#ROOM|@USER")]
    pub room: Option<Conversation>,
    /// How many messages at most
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    pub count: u32,
}

/// A whole log to be printed.
#[derive(Debug, Args)]
pub struct Export {
    /// The room, with its #, or the person, with @
    #[arg(value_name = "#ROOM|@USER")]
    pub room: Conversation,
    /// Only what stands behind this position: goes on with an export that was interrupted
    #[arg(long, value_name = "SEQ")]
    pub after: Option<u64>,
    /// Print lines for people instead of JSON
    #[arg(long, conflicts_with = "json")]
    pub text: bool,
}

/// A log to be proved.
#[derive(Debug, Args)]
pub struct Verify {
    /// The room, with its #, or the person, with @
    #[arg(value_name = "#ROOM|@USER")]
    pub room: Conversation,
    /// Forget what this profile knew of the room, and take it as it is now
    #[arg(long)]
    pub anew: bool,
}

/// A read marker to be moved.
#[derive(Debug, Args)]
pub struct MarkTo {
    /// The room, with its #, or the person, with @
    #[arg(value_name = "#ROOM|@USER")]
    pub room: Conversation,
    /// Everything up to this position counts as read [default: everything]
    #[arg(value_name = "SEQ")]
    pub seq: Option<u64>,
}

/// What concerns the user.
#[derive(Debug, Args)]
pub struct Inbox {
    /// How many of the newest events
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    pub count: u32,
    /// Go on: print what comes, until interrupted or, with --timeout, so long
    #[arg(short, long)]
    pub follow: bool,
}

/// A part of the history.
#[derive(Debug, Args)]
pub struct History {
    /// The room, with its #, or the person, with @
    #[arg(value_name = "#ROOM|@USER")]
    pub room: Conversation,
    /// The newest events before this position
    #[arg(long, value_name = "SEQ", group = "place")]
    pub before: Option<u64>,
    /// The oldest events after this position
    #[arg(long, value_name = "SEQ", group = "place")]
    pub after: Option<u64>,
    /// The events around this position
    #[arg(long, value_name = "SEQ", group = "place")]
    pub around: Option<u64>,
    /// How many events at most
    #[arg(short = 'n', value_name = "N", default_value_t = 50)]
    pub count: u32,
}

//! The words after the command about what is not stored.

use super::words::Conversation;
use clap::Args;

/// A value of which only the newest counts.
#[derive(Debug, Args)]
pub struct Latest {
    /// The room, with its #, or the person, with @
    #[arg(value_name = "#ROOM|@USER")]
    pub room: Conversation,
    /// What it is a value of: 1 to 64 bytes
    #[arg(required_unless_present = "watch", requires = "value")]
    pub key: Option<String>,
    /// The value, with its key at most 256 bytes; - reads values from standard input, a line each; an empty one takes the key away
    #[arg(value_name = "VALUE|-")]
    pub value: Option<String>,
    /// Print what goes on in the room and is not stored: values, who is there, who is typing; with --timeout, for that long
    #[arg(long, conflicts_with = "key")]
    pub watch: bool,
}

//! The words after commands about messages.

use super::words::Conversation;
use clap::Args;

/// A message to be sent.
#[derive(Debug, Args)]
pub struct Send {
    /// The room, with its #, or the person, with @
    #[arg(value_name = "#ROOM|@USER")]
    pub to: Conversation,
    /// The text; - reads it from standard input, all of it as one message
    #[arg(required = true, value_name = "TEXT|-")]
    pub text: Vec<String>,
    /// With -: every line of standard input is a message of its own; empty lines are passed over; with --timeout, for that long
    #[arg(long)]
    pub lines: bool,
    /// With -: shows the text to who is looking while it comes, and stores it once, at its end
    #[arg(long, conflicts_with = "lines")]
    pub stream: bool,
    /// A name for the message: sending again under the same KEY stores nothing twice (with --lines: KEY/1, KEY/2, …)
    #[arg(long, value_name = "KEY")]
    pub id: Option<String>,
}

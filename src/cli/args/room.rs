//! The words after commands about rooms.

use super::words::Room;
use clap::Args;

/// A room to be made.
#[derive(Debug, Args)]
pub struct Create {
    /// The room, with its #
    #[arg(value_name = "#ROOM")]
    pub room: Room,
    /// Do not list it; whoever knows the name may join
    #[arg(long)]
    pub private: bool,
    /// Ask for a password that joining will need
    #[arg(long, conflicts_with = "password_stdin")]
    pub password: bool,
    /// Read that password from one line of standard input
    #[arg(long)]
    pub password_stdin: bool,
}

/// A room to be joined.
#[derive(Debug, Args)]
pub struct Join {
    /// The room, with its #
    #[arg(value_name = "#ROOM")]
    pub room: Room,
    /// Read the room's password from one line of standard input
    #[arg(long)]
    pub password_stdin: bool,
}

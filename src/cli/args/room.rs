//! The words after commands about rooms.

use super::moderation::TemplateWord;
use super::words::Room;
use clap::Args;

/// A room to be made.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Create {
    /// The room, with its #
    #[arg(value_name = "#ROOM")]
    pub room: Room,
    /// Do not list it; whoever knows the name may join
    #[arg(long)]
    pub private: bool,
    /// Do not list it; only who was invited may join
    #[arg(long, conflicts_with = "private")]
    pub invite_only: bool,
    /// Only its owner and moderators post
    #[arg(long)]
    pub announce: bool,
    /// What it is for
    #[arg(long, value_enum, value_name = "TEMPLATE", default_value = "plain")]
    pub template: TemplateWord,
    /// A tag that it is found by; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// What it is about
    #[arg(long)]
    pub topic: Option<String>,
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

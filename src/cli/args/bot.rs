//! The words after commands about bots.

use super::words::Room;
use crate::message::{Reach, Right, Scope, UserName};
use clap::{Args, Subcommand, ValueEnum};

/// What to do with one's bots.
#[derive(Debug, Subcommand)]
pub enum BotAction {
    /// Make a bot and print a token, with which one device logs in as the bot
    Create(BotWords),
    /// Print another token for a bot of yours
    Token(BotWords),
    /// List your bots, their devices and tokens, and what each may do
    List,
    /// Log all devices of a bot out for good; its connections end at once, and its tokens are worth nothing
    Revoke {
        /// The bot
        #[arg(value_name = "@BOT", value_parser = UserName::parse)]
        name: UserName,
    },
}

/// A bot and what its device may do.
#[derive(Debug, Args)]
pub struct BotWords {
    /// The bot
    #[arg(value_name = "@BOT", value_parser = UserName::parse)]
    pub name: UserName,
    /// A room that the device may be in; may be given several times. You must be in it yourself
    #[arg(long, value_name = "#ROOM", required_unless_present = "everywhere")]
    pub room: Vec<Room>,
    /// Let the device go wherever the bot is, conversations with people included
    #[arg(long, conflicts_with = "room")]
    pub everywhere: bool,
    /// What the device may do there; may be given several times
    #[arg(long, value_name = "RIGHT", default_values = ["read", "post"])]
    pub right: Vec<RightWord>,
}

/// Something that a bot's device may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RightWord {
    /// Read what the bot may read
    Read,
    /// Write, react, edit and delete what the bot wrote
    Post,
    /// Keep order, where the bot is a moderator
    Moderate,
}

impl From<RightWord> for Right {
    fn from(word: RightWord) -> Self {
        match word {
            RightWord::Read => Self::Read,
            RightWord::Post => Self::Post,
            RightWord::Moderate => Self::Moderate,
        }
    }
}

impl BotWords {
    /// What the device may do.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let rooms = || Reach::Rooms(self.room.iter().map(|room| room.0.to_string()).collect());
        let reach = if self.everywhere { Reach::Everywhere } else { rooms() };
        Scope { reach, rights: self.right.iter().map(|right| (*right).into()).collect() }
    }
}

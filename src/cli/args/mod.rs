//! The command line, as clap reads it.

mod account;
mod bench;
mod bot;
mod command_line;
mod ephemeral;
mod message;
mod moderation;
mod reading;
mod room;
mod words;

pub use account::{DevicesAction, Invitation, Profile, SignIn};
pub use bench::{Bench, BenchKind, BenchTalk};
pub use bot::{BotAction, BotWords};
pub use command_line::{Command, CommandLine, Globals};
pub use ephemeral::Latest;
pub use message::{Edit, Get, Scheduled, Send, Written};
pub use moderation::{ArchiveArgs, InRoom, ReportArgs, RoomArgs, Who};
pub use reading::{Beginning, Export, Follow, History, Inbox, Search, Tail, Verify};
pub use room::{Create, Join};
pub use words::{Conversation, Person, Room, Time};

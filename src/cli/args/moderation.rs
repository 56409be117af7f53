//! The words after commands that set rooms and keep order in them.

use super::words::{Room, WordError};
use crate::message::{Archived, History, Posting, Role, RoomChanges, Template, TicketState, UserName, Visibility};
use clap::{Args, ValueEnum};
use std::fmt;
use std::str::FromStr;

/// A person, written with `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who(pub UserName);

impl FromStr for Who {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        if !word.starts_with('@') {
            return Err(WordError::NoSign(word.trim_start_matches('#').to_owned()));
        }
        Ok(Self(UserName::parse(word)?))
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident => $meaning:ident { $($(#[doc = $vdoc:literal])* $variant:ident,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub enum $name { $($(#[doc = $vdoc])* $variant,)* }

        impl From<$name> for $meaning {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant,)* }
            }
        }
    };
}

words! {
    /// What a room is for.
    TemplateWord => Template {
        /// A room like any other
        Plain,
        /// A desk: its members see to the tickets that visitors open
        Ticket,
        /// Moderators announce, members ask by answering
        Class,
    }
}

words! {
    /// Who finds a room and may come in.
    VisibilityWord => Visibility {
        /// Everybody
        Public,
        /// Who knows its name
        Unlisted,
        /// Who was invited
        InviteOnly,
    }
}

words! {
    /// Who may post.
    PostingWord => Posting {
        /// Every member
        Everyone,
        /// Its owner and moderators
        Moderators,
    }
}

words! {
    /// What of the past members read.
    HistoryWord => History {
        /// Everything
        All,
        /// What was said while they were in
        SinceJoin,
    }
}

words! {
    /// How far a ticket is.
    TicketWord => TicketState {
        /// Nobody has taken it
        Open,
        /// Somebody sees to it
        Assigned,
        /// It is done
        Resolved,
    }
}

words! {
    /// What a member may do.
    RoleWord => Role {
        /// All; there is one, and who gives the room away becomes a moderator
        Owner,
        /// Keep order
        Moderator,
        /// Read and write
        Member,
    }
}

/// What a room is set to; without options it is shown.
#[derive(Debug, Args)]
pub struct RoomArgs {
    /// The room, with its #
    #[arg(value_name = "#ROOM")]
    pub room: Room,
    /// What it is about; empty for nothing
    #[arg(long)]
    pub topic: Option<String>,
    /// A tag that it is found by; all its tags are given at once
    #[arg(long = "tag", value_name = "TAG", conflicts_with = "no_tags")]
    pub tags: Vec<String>,
    /// Take all tags away
    #[arg(long)]
    pub no_tags: bool,
    /// Who finds it and may come in
    #[arg(long, value_enum, value_name = "WHO")]
    pub visibility: Option<VisibilityWord>,
    /// Who may post
    #[arg(long, value_enum, value_name = "WHO")]
    pub posting: Option<PostingWord>,
    /// What of the past members read
    #[arg(long, value_enum, value_name = "WHAT")]
    pub history: Option<HistoryWord>,
    /// Slow mode: so many seconds between two messages of a member; 0 ends it
    #[arg(long, value_name = "SECONDS")]
    pub slow: Option<u32>,
    /// Erase messages after so many days; 0 keeps them
    #[arg(long, value_name = "DAYS")]
    pub retain_days: Option<u32>,
    /// Keep only the newest so many messages; 0 keeps all
    #[arg(long, value_name = "COUNT")]
    pub retain_posts: Option<u32>,
    /// How far the ticket is
    #[arg(long, value_enum, value_name = "STATE")]
    pub ticket: Option<TicketWord>,
    /// Read a new password that joining needs from one line of standard input
    #[arg(long, conflicts_with = "no_password")]
    pub password_stdin: bool,
    /// Let people join without a password
    #[arg(long)]
    pub no_password: bool,
}

impl RoomArgs {
    /// What is to change.
    #[must_use]
    pub fn changes(&self) -> RoomChanges {
        RoomChanges {
            topic: self.topic.clone(),
            tags: Some(self.tags.clone()).filter(|tags| self.no_tags || !tags.is_empty()),
            visibility: self.visibility.map(Into::into),
            posting: self.posting.map(Into::into),
            history: self.history.map(Into::into),
            slow_s: self.slow,
            retain_days: self.retain_days,
            retain_posts: self.retain_posts,
            archived: None,
            ticket: self.ticket.map(Into::into),
        }
    }
}

/// Somebody in a room.
#[derive(Debug, Args)]
pub struct InRoom {
    /// The room, with its #
    #[arg(value_name = "#ROOM")]
    pub room: Room,
    /// The person, with @
    #[arg(value_name = "@USER")]
    pub user: Who,
}

/// Somebody to be put out of a room.
#[derive(Debug, Args)]
pub struct PutOutArgs {
    /// Who, of where
    #[command(flatten)]
    pub whom: InRoom,
    /// Why; everybody in the room reads it
    #[arg(value_name = "REASON")]
    pub reason: Vec<String>,
}

/// Somebody to be muted.
#[derive(Debug, Args)]
pub struct MuteArgs {
    /// Who, in where
    #[command(flatten)]
    pub whom: InRoom,
    /// For how many seconds
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 3_600)]
    pub seconds: u32,
}

/// A role for somebody.
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// Who, in where
    #[command(flatten)]
    pub whom: InRoom,
    /// The role
    #[arg(value_enum, value_name = "ROLE")]
    pub role: RoleWord,
}

/// A room to be archived.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// The room, with its #
    #[arg(value_name = "#ROOM")]
    pub room: Room,
    /// Take it out of the archive again
    #[arg(long)]
    pub undo: bool,
}

impl ArchiveArgs {
    /// What is to change.
    #[must_use]
    pub fn changes(&self) -> RoomChanges {
        RoomChanges { archived: Some(if self.undo { Archived::No } else { Archived::Yes }), ..RoomChanges::default() }
    }
}

/// A message to be reported.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The room, with its #
    #[arg(value_name = "#ROOM")]
    pub room: Room,
    /// The message's position
    #[arg(value_name = "SEQ")]
    pub seq: u64,
    /// Why
    #[arg(value_name = "REASON")]
    pub reason: Vec<String>,
}

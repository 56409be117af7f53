//! Everything a command can print, as values: one list that the lines for people and the lines for programs both follow.

use crate::client::{LinkQuality, PublicKey};
use crate::message::{
    Account, AccountState, Attachment, BotSummary, DeviceId, DeviceSummary, Event, EventHash, IgnoredUser, Latest, LogId, Mark,
    Marked, Member, Membership, Overlay, Presence, Profile, Receipt, Report, RequestId, RoomSettings, RoomSummary, ScheduledPost,
    Seq, Stored, Typing,
};

/// One line of output.
#[derive(Debug, Clone)]
pub enum Line<'a> {
    /// An event of a log.
    Event {
        /// What the user calls the log; empty for the own log.
        room: &'a str,
        /// The author's name, without `@`.
        author: &'a str,
        /// The event.
        event: &'a Event,
        /// What became of it, if it is a message and something is known.
        overlay: Option<&'a Overlay>,
    },
    /// A stretch of a log that the user may not read, up to this position.
    Gap {
        /// What the user calls the log.
        room: &'a str,
        /// The log.
        log: LogId,
        /// The last position of the stretch.
        to: Seq,
    },
    /// An export is whole.
    Complete {
        /// What the user calls the log.
        room: &'a str,
        /// The log.
        log: LogId,
        /// The last event's place.
        to: Seq,
        /// How many events it has.
        event_count: u64,
    },
    /// A log's chain is whole.
    Verified {
        /// What the user calls the log.
        room: &'a str,
        /// The log.
        log: LogId,
        /// The newest event's place.
        to: Seq,
        /// The chain's hash there.
        hash: EventHash,
        /// How many events were read.
        event_count: u64,
        /// How many places are not the user's to read.
        hidden_count: u64,
    },
    /// Where the read marker of a log is.
    ReadTo(&'a Marked),
    /// A message that was sent.
    Sent {
        /// Where it is stored.
        stored: &'a Stored,
        /// Its id.
        id: RequestId,
        /// How far it has come.
        level: Level,
    },
    /// A message of the user that waits for its time.
    Scheduled(&'a ScheduledPost),
    /// A message that waited does not any more; its number.
    Canceled(u64),
    /// Who has a message of the user by now.
    Receipt {
        /// What the user calls the log.
        room: &'a str,
        /// The counts.
        receipt: &'a Receipt,
    },
    /// A file that was fetched.
    Fetched {
        /// The file.
        file: &'a Attachment,
        /// Where it is.
        path: &'a str,
    },
    /// A command that stored an event in a room.
    Did {
        /// What it did.
        deed: Deed,
        /// Where that is stored.
        stored: &'a Stored,
    },
    /// Something was done about a message.
    Marked {
        /// What.
        deed: Deed,
        /// The message's place.
        post: Seq,
        /// Where that is stored.
        stored: &'a Stored,
    },
    /// A public room.
    Room(&'a RoomSummary),
    /// What a room is set to.
    Settings(&'a RoomSettings),
    /// What was reported.
    Report {
        /// What the user calls the room.
        room: &'a str,
        /// The report.
        report: &'a Report,
    },
    /// Somebody who is ignored.
    Ignored(&'a IgnoredUser),
    /// Something was done that has no place in a log.
    Noted {
        /// For programs.
        kind: &'static str,
        /// For people.
        what: &'static str,
    },
    /// A log the user is a member of.
    Membership(&'a Membership),
    /// A member of a room.
    Member {
        /// What the user calls the room.
        room: &'a str,
        /// The member.
        member: &'a Member,
    },
    /// Somebody is typing.
    Typing {
        /// What the user calls the log.
        room: &'a str,
        /// Who and where.
        typing: &'a Typing,
    },
    /// A value of which only the newest counts.
    Latest {
        /// What the user calls the log.
        room: &'a str,
        /// The value.
        latest: &'a Latest,
    },
    /// Whether somebody is there.
    Presence(&'a Presence),
    /// The user and the device.
    Account {
        /// Who.
        account: &'a Account,
        /// `HOST:PORT`.
        server: &'a str,
        /// The server's proven key.
        key: Option<PublicKey>,
    },
    /// One of the user's devices.
    Device {
        /// The device.
        device: &'a DeviceSummary,
        /// Whether it is the one that asks.
        is_this: bool,
    },
    /// Another device of the user was logged out.
    DeviceRevoked(DeviceId),
    /// An account was disabled or enabled.
    AccountState {
        /// Whose, without `@`.
        user: &'a str,
        /// What it is now.
        state: AccountState,
    },
    /// What somebody says about themselves.
    Profile(&'a Profile),
    /// An invitation was made.
    Invitation {
        /// Its code.
        code: &'a str,
        /// How many people may register with it.
        uses: u32,
        /// For how many days.
        days: u32,
    },
    /// The account is no more.
    AccountDeleted,
    /// A token of a bot was made.
    BotToken {
        /// The bot's name, without `@`.
        bot: &'a str,
        /// The token.
        token: &'a str,
    },
    /// A bot of one's own.
    Bot(&'a BotSummary),
    /// A bot, by its name without `@`, was logged out everywhere.
    BotRevoked(&'a str),
    /// The password was changed.
    PasswordChanged,
    /// The device no longer belongs to the user.
    SignedOut,
    /// How good the way to the server is, all of it.
    Net(&'a LinkQuality),
    /// The same as one line of many.
    NetRow(&'a LinkQuality),
    /// The connection's state changed.
    State(LinkState<'a>),
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// The server has it on its disk.
    Stored,
    /// All devices of the others have acknowledged it.
    Delivered,
    /// All the others have read it.
    Read,
}

impl Level {
    /// What it is called, by people and programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    /// Whether a message with this receipt has come so far.
    #[must_use]
    pub fn is_reached(self, receipt: &Receipt) -> bool {
        match self {
            Self::Stored => true,
            Self::Delivered => receipt.delivered_count == receipt.device_count,
            Self::Read => receipt.read_count == receipt.reader_count,
        }
    }
}

/// What a command did to a room or a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Made it.
    Created,
    /// Became a member.
    Joined,
    /// Ended the membership.
    Left,
    /// Changed what it is set to.
    Changed,
    /// Invited somebody.
    Invited,
    /// Put somebody out.
    Kicked,
    /// Put somebody out for good.
    Banned,
    /// Let somebody come again.
    Unbanned,
    /// Muted somebody.
    Muted,
    /// Let somebody write again.
    Unmuted,
    /// Gave somebody a role.
    RoleGiven,
    /// Opened the user's ticket.
    TicketOpened,
    /// Replaced a message's text.
    Edited,
    /// Erased a message.
    Deleted,
    /// Showed a reaction.
    Reacted,
    /// Took a reaction back.
    Unreacted,
    /// Pinned a message.
    Pinned,
    /// Unpinned it.
    Unpinned,
    /// Said that a question is answered.
    Resolved,
    /// Said that it is open again.
    Reopened,
}

impl Deed {
    /// What the program says that it did.
    #[must_use]
    pub fn of(doing: &crate::message::Deed) -> Self {
        use crate::message::Deed as Doing;
        match doing {
            Doing::Invite => Self::Invited,
            Doing::Kick(_) => Self::Kicked,
            Doing::Ban(_) => Self::Banned,
            Doing::Unban => Self::Unbanned,
            Doing::Mute(0) => Self::Unmuted,
            Doing::Mute(_) => Self::Muted,
            Doing::Role(_) => Self::RoleGiven,
        }
    }

    /// For programs, and for people before the room's name.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Created => ("created", "created"),
            Self::Joined => ("joined", "joined"),
            Self::Left => ("left", "left"),
            Self::Changed => ("changed", "changed"),
            Self::Invited => ("invited", "invited to"),
            Self::Kicked => ("kicked", "put out of"),
            Self::Banned => ("banned", "banned from"),
            Self::Unbanned => ("unbanned", "may come again to"),
            Self::Muted => ("muted", "muted in"),
            Self::Unmuted => ("unmuted", "may write again in"),
            Self::RoleGiven => ("role_changed", "role given in"),
            Self::TicketOpened => ("ticket_opened", "opened"),
            Self::Edited => ("edited", "edited"),
            Self::Deleted => ("deleted", "deleted"),
            Self::Reacted => ("reacted", "reacted"),
            Self::Unreacted => ("unreacted", "unreacted"),
            Self::Pinned => ("pinned", "pinned"),
            Self::Unpinned => ("unpinned", "unpinned"),
            Self::Resolved => ("resolved", "resolved"),
            Self::Reopened => ("reopened", "reopened"),
        }
    }

    /// What asking for `mark` does.
    #[must_use]
    pub fn of_mark(mark: &Mark) -> Self {
        match mark {
            Mark::Delete => Self::Deleted,
            Mark::React(_) => Self::Reacted,
            Mark::Unreact(_) => Self::Unreacted,
            Mark::Pin => Self::Pinned,
            Mark::Unpin => Self::Unpinned,
            Mark::Resolve => Self::Resolved,
            Mark::Reopen => Self::Reopened,
        }
    }
}

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState<'a> {
    /// It stands.
    Online,
    /// It is lost, for this reason.
    Offline(&'a str),
    /// Everything of this log up to the position is here; what comes now is live.
    CaughtUp(&'a str, Seq),
}

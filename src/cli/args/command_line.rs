//! The command line: every command and option, each with its explanation.

use super::account::{DevicesAction, Invitation, LogIn, Profile, Register, WhoIs};
use super::bench::{BENCH_AFTER_HELP, Bench};
use super::bot::BotAction;
use super::ephemeral::Latest;
use super::message::{Edit, Get, React, Scheduled, Send, Written};
use super::moderation::{ArchiveArgs, InRoom, MuteArgs, PutOutArgs, ReportArgs, RoleArgs, RoomArgs, Who};
use super::reading::{Export, Follow, History, Inbox, MarkTo, Search, Tail, Verify};
use super::room::{Create, Join};
use super::words::{Conversation, Room, Seconds};
use crate::client::{ProfileName, ServerUrl, Weather};
use crate::message::Code;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Said after the help of the whole program.
const AFTER_HELP: &str = "\
Rooms are given with #, people with @. Quote them, because to a shell # begins a comment:
  udpchat-cli register 'udpchat://alice@chat.example.org'
  udpchat-cli create '#ops'
  udpchat-cli send '#ops' 'the first message'
  udpchat-cli tail -f '#ops'

Without a command: the conversation itself; type /help there.

Exit status:
  0  the promise is met
  1  refused by the server, or an error in what was asked
  2  the command line makes no sense
  3  the server was not reached in time; messages stay in the outbox and go with the next command
  4  not logged in, wrong password, or not allowed
  5  the server's key is unknown or has changed
  6  too much at once
  7  the message is stored, but what --wait asks for did not come about in time
  130  interrupted (Ctrl-C)
  143  terminated (SIGTERM)";

/// A conversation or one command.
#[derive(Debug, Parser)]
#[command(name = "udpchat-cli", version, about = "Chat on a udpchat server: one command, or the conversation itself", after_help = AFTER_HELP)]
pub struct CommandLine {
    /// What holds for every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do; without it, the conversation itself.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Directory of profiles, known servers and outboxes [default: `$XDG_DATA_HOME/udpchat` or `~/.local/share/udpchat`]
    #[arg(long, global = true, env = "UDPCHAT_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Use the profile on this server: udpchat://[NAME@]HOST[:PORT][?key=K]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "profile")]
    pub server: Option<ServerUrl>,
    /// Use this profile instead of the one that last registered or logged in
    #[arg(long, global = true, value_name = "NAME@HOST[:PORT]")]
    pub profile: Option<ProfileName>,
    /// Accept the key of a server that was never met, without asking; never a changed one
    #[arg(long, global = true)]
    pub trust: bool,
    /// Give up after this many seconds [default: 10 seconds without progress]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub timeout: Option<Seconds>,
    /// Write what happens inside connections to this file, a line of JSON each
    #[arg(long, global = true, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Print JSON lines on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// Try a bad network: every datagram, in and out, meets these odds
    #[arg(long, global = true, value_name = "loss=5%,dup=1%,reorder=2%,corrupt=1%,delay=25ms,seed=N")]
    pub chaos: Option<Weather>,
}

/// One command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an account on a server, and log this device in
    Register(Register),
    /// Log this device in to an account that exists; the password is needed once
    Login(LogIn),
    /// Make a room, and be its owner and first member
    Create(Create),
    /// Become a member of a room
    Join(Join),
    /// Stop being a member of a room
    Leave {
        /// The room, with its #
        #[arg(value_name = "#ROOM")]
        room: Room,
    },
    /// List the public rooms
    Rooms {
        /// Only rooms whose name or topic contains this
        text: Option<String>,
        /// Only rooms with this tag
        #[arg(long, value_name = "TAG", conflicts_with = "mine")]
        tag: Option<String>,
        /// Archived rooms instead of living ones
        #[arg(long, conflicts_with = "mine")]
        archived: bool,
        /// List the rooms and conversations you are in instead, unlisted ones included
        #[arg(long)]
        mine: bool,
    },
    /// List the members of a room
    Who {
        /// The room, with its #, or a person, with @
        #[arg(value_name = "#ROOM|@USER")]
        room: Conversation,
    },
    /// Change what a room is set to, or show it
    #[command(name = "room")]
    RoomSettings(RoomArgs),
    /// Invite somebody to a room; they may come in without its password
    Invite(InRoom),
    /// Put a member out of a room; they may come again
    Kick(PutOutArgs),
    /// Put somebody out of a room for good
    Ban(PutOutArgs),
    /// Let somebody come again who was banned
    Unban(InRoom),
    /// Let a member read but not write for a while
    Mute(MuteArgs),
    /// Let a muted member write again
    Unmute(InRoom),
    /// Give a member another role
    Role(RoleArgs),
    /// Archive a room: it stays to be read, and takes nothing more
    Archive(ArchiveArgs),
    /// Show a message to the moderators of its room
    Report(ReportArgs),
    /// List what was reported in a room, for its moderators
    Reports {
        /// The room, with its #
        #[arg(value_name = "#ROOM")]
        room: Room,
    },
    /// Print what the moderators of a room did, for them
    Audit {
        /// The room, with its #
        #[arg(value_name = "#ROOM")]
        room: Room,
    },
    /// Open your ticket at a desk, a room of the template ticket
    Ticket {
        /// The desk, with its #
        #[arg(value_name = "#DESK")]
        desk: Room,
    },
    /// Hear somebody no more: their messages are not shown, and they cannot write to you
    Ignore {
        /// The person, with @
        #[arg(value_name = "@USER")]
        user: Who,
    },
    /// Hear somebody again
    Unignore {
        /// The person, with @
        #[arg(value_name = "@USER")]
        user: Who,
    },
    /// List whom you ignore
    Ignored,
    /// Print who you are and on which server
    Whoami,
    /// Send a message and wait until the server has stored it; prints its room and position
    Send(Send),
    /// Replace the text of a message of yours
    Edit(Edit),
    /// Delete a message: its text and those of its edits are erased for everybody
    Delete(Written),
    /// React to a message
    React(React),
    /// Take a reaction back
    Unreact(React),
    /// Pin a message, so that it is kept in sight
    Pin(Written),
    /// Unpin a message
    Unpin(Written),
    /// Say that the question of a message is answered
    Resolve(Written),
    /// Say that it is open again
    Reopen(Written),
    /// List your messages that wait for their time
    Scheduled {
        /// Something else than listing them
        #[command(subcommand)]
        what: Option<Scheduled>,
    },
    /// Print the pinned messages of a room or conversation
    Pins {
        /// The room, with its #, or the person, with @
        #[arg(value_name = "#ROOM|@USER")]
        room: Conversation,
    },
    /// Print the messages that others answered: the beginnings of threads
    Threads {
        /// The room, with its #, or the person, with @
        #[arg(value_name = "#ROOM|@USER")]
        room: Conversation,
        /// Only those that are not resolved
        #[arg(long)]
        open: bool,
    },
    /// Fetch the file of a message; fetched again after a break, it goes on where it was
    Get(Get),
    /// Read rooms on for a program, from where it was: prints each message of others once, or runs a program for it
    Follow(Follow),
    /// Print the newest events of a room or conversation
    Tail(Tail),
    /// Print a part of the history of a room or conversation
    History(History),
    /// Print what concerns you: invitations, tickets of your desks, reports, devices
    Inbox(Inbox),
    /// Find messages by their words, the newest first
    Search(Search),
    /// Set a value of which only the newest counts, such as a position; or watch a room's values, who is there and who is typing
    Latest(Latest),
    /// Mark a room or conversation as read, on all of your devices
    Read(MarkTo),
    /// Mark a message and all behind it as unread, on all of your devices
    Unread {
        /// The room, with its #, or the person, with @
        #[arg(value_name = "#ROOM|@USER")]
        room: Conversation,
        /// The message's position
        #[arg(value_name = "SEQ")]
        seq: u64,
    },
    /// Print all of a room or conversation that you may read, a JSON object a line, the last one saying that it is complete
    Export(Export),
    /// Prove that nothing of a room or conversation is missing or was changed since it was written or since this was last run
    Verify(Verify),
    /// Change your password
    Passwd {
        /// Read the old password, then the new one, each on a line of standard input
        #[arg(long)]
        password_stdin: bool,
        /// Leave your other devices logged in
        #[arg(long)]
        keep_devices: bool,
    },
    /// Log this device out for good; its key is deleted
    Logout,
    /// End your account for good: you leave your rooms, those you own pass to others, and nobody else ever gets your name
    DeleteAccount {
        /// Erase everything you wrote, too; otherwise others keep it
        #[arg(long)]
        erase: bool,
        /// Do not ask whether you mean it
        #[arg(long)]
        yes: bool,
        /// Read the password from a line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List your devices, or log one of them out
    Devices {
        /// What to do; without it, list them
        #[command(subcommand)]
        action: Option<DevicesAction>,
    },
    /// Say something about yourself to everybody on the server; without options, print what you say
    Profile(Profile),
    /// Print what a person says about themselves
    Whois(WhoIs),
    /// Make, list and revoke bots: accounts of yours for programs, which may do only what you say
    Bot {
        /// What to do
        #[command(subcommand)]
        action: BotAction,
    },
    /// Become the server's admin, by the code that the server printed at its first start
    Claim {
        /// The code
        #[arg(value_name = "CODE")]
        code: Code,
    },
    /// Make an invitation for a server that wants one, and print its code; admins only
    Invitation(Invitation),
    /// Disable an account: its connections end, nobody logs in to it, and its bots go with it; admins only
    Disable {
        /// The person, with @
        #[arg(value_name = "@USER")]
        user: Who,
    },
    /// Let a disabled account be used again; admins only
    Enable {
        /// The person, with @
        #[arg(value_name = "@USER")]
        user: Who,
    },
    /// Print how good the way to the server is: round trip, loss, what was sent again or twice, changes of the path
    Net {
        /// Print a line a second, until Ctrl-C; with --timeout, for that long
        #[arg(long)]
        watch: bool,
    },
    /// Measure a server: many guests from this one process write to each other, and the figures come as one JSON object
    #[command(after_help = BENCH_AFTER_HELP)]
    Bench(Bench),
}

#[cfg(test)]
mod tests {
    use super::super::bench::{BenchKind, BenchTalk};
    use super::super::words::WordError;
    use super::*;
    use clap::CommandFactory;
    use std::num::NonZeroU32;
    use std::time::Duration;

    fn read(line: &[&str]) -> Result<CommandLine, clap::Error> {
        CommandLine::try_parse_from(["udpchat-cli"].iter().chain(line))
    }

    #[test]
    fn the_definition_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_explains_itself() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no explanation", command.get_name());
            for arg in command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version")) {
                assert!(arg.get_help().is_some(), "{} {} has no explanation", command.get_name(), arg.get_id());
            }
            command.get_subcommands().filter(|command| command.get_name() != "help").for_each(check);
        }
        check(&CommandLine::command());
    }

    #[test]
    fn rooms_have_a_hash_and_people_an_at() {
        assert_eq!("#ops".parse::<Conversation>().unwrap().to_string(), "#ops");
        assert_eq!("@小明".parse::<Conversation>().unwrap().to_string(), "@小明");
        assert_eq!("ops".parse::<Conversation>(), Err(WordError::NoSign("ops".into())));
        assert_eq!("@ops".parse::<Room>(), Err(WordError::NoSign("ops".into())));
        let skeleton = |word: &str| word.parse::<Conversation>().unwrap().skeleton();
        assert_eq!(skeleton("#Ops"), skeleton("#ops"), "one room, however it is written");
        assert_ne!(skeleton("#ops"), skeleton("@ops"));
    }

    #[test]
    fn a_wrong_command_line_has_status_2() {
        for line in [
            &["send", "ops", "hello"][..],
            &["send", "#ops"],
            &["get", "#ops"],
            &["history", "#ops", "--before", "1", "--after", "2"],
            &["--timeout", "0", "whoami"],
            &["register"],
            &["frobnicate"],
        ] {
            assert_eq!(read(line).unwrap_err().exit_code(), 2, "{line:?}");
        }
    }

    #[test]
    fn a_load_has_one_pace_and_one_kind() {
        let bench = |line: &[&str]| match read(line).map(|line| line.command) {
            Ok(Some(Command::Bench(bench))) => Ok(bench),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.exit_code()),
        };
        let all = [
            "bench",
            "--server",
            "udpchat://h",
            "--rooms",
            "1",
            "--members",
            "9",
            "--messages",
            "5",
            "--rate",
            "3",
            "--size",
            "20",
        ];
        let talk = bench(&all).unwrap().talk;
        assert_eq!((talk.rooms, talk.members, talk.messages, talk.size), (Some(1), Some(9), Some(5), Some(20)));
        assert_eq!((talk.rate, talk.window), (NonZeroU32::new(3), None));
        assert_eq!(bench(&["bench", "--rate", "5", "--window", "5"]).unwrap_err(), 2);
        assert_eq!(bench(&["bench", "--window", "0"]).unwrap_err(), 2);
        let idle = bench(&["bench", "idle", "--sessions", "7", "--seconds", "2", "--server", "udpchat://h"]).unwrap();
        let Some(BenchKind::Idle { sessions: 7, seconds }) = idle.kind else { panic!("{idle:?}") };
        assert_eq!(seconds, Seconds(Duration::from_secs(2)));
        assert_eq!(idle.talk, BenchTalk::default());
    }

    #[test]
    fn global_options_stand_before_or_behind_the_command() {
        for line in [&["--json", "--timeout", "2.5", "whoami"][..], &["whoami", "--json", "--timeout", "2.5s"]] {
            let globals = read(line).unwrap().globals;
            assert!(globals.json);
            assert_eq!(globals.timeout, Some(Seconds(Duration::from_millis(2_500))));
        }
    }
}

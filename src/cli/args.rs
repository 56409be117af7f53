//! The command line: every command and option, each with its explanation.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use thiserror::Error;

use crate::client::{ProfileName, ServerUrl, Weather};
use crate::message::{NameError, RoomName, Target, UserName};

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
  130  interrupted";

/// Said after the help of `bench`.
const BENCH_AFTER_HELP: &str = "\
The server must take guests (udpchat --guests). A measured server should be one of its own: guests and rooms stay in its
database. Its key is believed if it was never met, because guests have no secrets; a key in the URL or a known one must match.

The object on standard output:
  deliveries        messages that reached a member other than their sender, each once
  expected          how many that should be: N * (M - 1)
  lost, duplicated, out_of_order   what went wrong; not all 0 means exit status 1
  seconds           from the first message sent to the last delivery
  p50_us … max_us   from the send time, which every message carries, to the delivery, in microseconds
  setup_s           until all guests were connected, signed in, inside their rooms and listening";

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
    Register(SignIn),
    /// Log this device in to an account that exists; the password is needed once
    Login(SignIn),
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
        /// Only rooms whose name contains this
        text: Option<String>,
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
    /// Print who you are and on which server
    Whoami,
    /// Send a message and wait until the server has stored it; prints its room and position
    Send(Send),
    /// Print the newest events of a room or conversation
    Tail(Tail),
    /// Print a part of the history of a room or conversation
    History(History),
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
    /// Measure a server: many guests from this one process write to each other, and the figures come as one JSON object
    #[command(after_help = BENCH_AFTER_HELP)]
    Bench(Bench),
}

/// Who, where and how to prove it.
#[derive(Debug, Args)]
pub struct SignIn {
    /// Who you are and where the server is; K is the server's key, which makes --trust and the question needless
    #[arg(value_name = "udpchat://NAME@HOST[:PORT][?key=K]", required_unless_present = "server")]
    pub url: Option<ServerUrl>,
    /// Read the password from one line of standard input instead of asking for it
    #[arg(long, conflicts_with = "guest")]
    pub password_stdin: bool,
    /// Come as a guest: no password, so that the name goes with this device
    #[arg(long)]
    pub guest: bool,
    /// What to call this device [default: this machine's name]
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
}

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
    /// A name for the message: sending again under the same KEY stores nothing twice (with --lines: KEY/1, KEY/2, …)
    #[arg(long, value_name = "KEY")]
    pub id: Option<String>,
}

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

/// A load and its measurement.
#[derive(Debug, Args)]
pub struct Bench {
    /// Another kind of load
    #[command(subcommand)]
    pub kind: Option<BenchKind>,
    /// What the guests write to each other
    #[command(flatten)]
    pub talk: BenchTalk,
}

/// What guests write to each other; without a number, its default.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub struct BenchTalk {
    /// How many rooms [default: 10]
    #[arg(long, value_name = "R")]
    pub rooms: Option<u32>,
    /// How many guests in each room [default: 10]
    #[arg(long, value_name = "M")]
    pub members: Option<u32>,
    /// How many messages in all; senders take turns over rooms, then over members [default: 10000]
    #[arg(long, value_name = "N")]
    pub messages: Option<u64>,
    /// Open loop: this many messages a second over all rooms, whether the server keeps up or not
    #[arg(long, value_name = "PER_S", conflicts_with = "window")]
    pub rate: Option<NonZeroU32>,
    /// Closed loop: in each room, at most W messages at a time that have not reached all its members [default: 8]
    #[arg(long, value_name = "W")]
    pub window: Option<NonZeroU32>,
    /// Bytes of each message's text [default: 100]
    #[arg(long, value_name = "B")]
    pub size: Option<usize>,
}

/// Loads other than talk.
#[derive(Debug, Subcommand)]
pub enum BenchKind {
    /// Hold sessions that do nothing, and count those that are still there at the end
    Idle {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        sessions: u32,
        /// For how long, once all are there
        #[arg(long, value_name = "S", default_value = "30")]
        seconds: Seconds,
    },
}

/// A room's name, written with `#`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room(pub RoomName);

/// A room or a person, written with `#` or `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversation {
    /// `#room`
    Room(RoomName),
    /// `@user`
    User(UserName),
}

/// A span of time that is more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

/// Why a word of the command line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WordError {
    /// Neither `#` nor `@` stands before it.
    #[error("a room is given with #, a person with @, in quotes: '#{0}' or '@{0}'")]
    NoSign(String),
    /// It is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It is no time.
    #[error("a time is a number of seconds above 0, such as 5 or 0.5")]
    Seconds,
}

impl FromStr for Room {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        if !word.starts_with('#') {
            return Err(WordError::NoSign(word.trim_start_matches('@').to_owned()));
        }
        Ok(Self(RoomName::parse(word)?))
    }
}

impl FromStr for Conversation {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        match word.chars().next() {
            Some('#') => Ok(Self::Room(RoomName::parse(word)?)),
            Some('@') => Ok(Self::User(UserName::parse(word)?)),
            _ => Err(WordError::NoSign(word.to_owned())),
        }
    }
}

impl Conversation {
    /// As a request names it.
    #[must_use]
    pub fn target(&self) -> Target {
        match self {
            Self::Room(name) => Target::Room(name.to_string()),
            Self::User(name) => Target::User(name.to_string()),
        }
    }

    /// The same for all ways to write the name, with its `#` or `@`.
    #[must_use]
    pub fn skeleton(&self) -> String {
        match self {
            Self::Room(name) => format!("#{}", name.skeleton()),
            Self::User(name) => format!("@{}", name.skeleton()),
        }
    }
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(name) => fmt::Display::fmt(name, f),
            Self::User(name) => fmt::Display::fmt(name, f),
        }
    }
}

impl FromStr for Seconds {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        let seconds: f64 = word.strip_suffix('s').unwrap_or(word).parse().map_err(|_| WordError::Seconds)?;
        let span = Duration::try_from_secs_f64(seconds).map_err(|_| WordError::Seconds)?;
        if span.is_zero() { Err(WordError::Seconds) } else { Ok(Self(span)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

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

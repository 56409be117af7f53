//! What a typed line means: text, or a command that begins with `/`. A first `/` is never sent as text; `//` sends one.

use std::str::FromStr;

use super::super::args::{Conversation, Person, Room};
use super::bots::{self, AboutBots};
use super::filing::{self, Filing};
use super::looks::{self, Look};
use super::orders::{self, Order};
use super::waiting::{self, Waiting};
use crate::message::{ListKind, Mark, Seq};

/// Every command, with its arguments and its explanation.
const COMMANDS: [(&str, &str, &str); 59] = [
    ("join", "#ROOM [PASSWORD] | @USER", "enter a room, or turn to a room or person you know"),
    ("leave", "[#ROOM]", "stop being a member of a room"),
    ("create", "#ROOM [PASSWORD]", "make a room"),
    ("rooms", "", "list the public rooms"),
    ("who", "[#ROOM]", "list the members of a room"),
    ("whois", "@USER", "show what a person says about themselves"),
    ("devices", "", "list your devices"),
    ("bots", "", "list your bots"),
    ("newbot", "NAME #ROOM…", "make a bot that reads and posts in these rooms, and show its token"),
    ("revokebot", "NAME", "log a bot of yours out everywhere"),
    ("msg", "@USER TEXT", "write to a person"),
    ("later", "WHEN TEXT", "post in this room later: 10m, 2h, 2026-12-01T09:00Z"),
    ("scheduled", "", "list your messages that wait for their time"),
    ("cancel", "NUMBER", "take one of them back"),
    ("reply", "SEQ TEXT", "answer a message"),
    ("edit", "SEQ TEXT", "replace the text of a message of yours"),
    ("delete", "SEQ", "erase a message"),
    ("react", "SEQ EMOJI", "react to a message"),
    ("unreact", "SEQ EMOJI", "take a reaction back"),
    ("pin", "SEQ", "pin a message"),
    ("unpin", "SEQ", "unpin it"),
    ("pins", "", "show the pinned messages"),
    ("resolve", "SEQ", "say that a question is answered"),
    ("reopen", "SEQ", "say that it is open again"),
    ("threads", "", "show the questions that are not resolved"),
    ("history", "[N]", "show the newest N events, 20 without a number"),
    ("search", "TEXT", "find messages in all your rooms by their words"),
    ("topic", "TEXT", "say what the room is about"),
    ("invite", "@USER", "invite somebody to the room"),
    ("kick", "@USER [REASON]", "put somebody out of the room"),
    ("ban", "@USER [REASON]", "put somebody out for good"),
    ("unban", "@USER", "let somebody come again"),
    ("mute", "@USER [SECONDS]", "let somebody read only, for an hour unless you say"),
    ("unmute", "@USER", "let somebody write again"),
    ("op", "@USER", "make somebody a moderator"),
    ("deop", "@USER", "make a moderator a member"),
    ("give", "@USER", "make somebody the owner in your place"),
    ("slow", "[SECONDS]", "slow mode; without a number it ends"),
    ("archive", "", "archive the room; /unarchive takes it out again"),
    ("unarchive", "", "take the room out of the archive"),
    ("report", "SEQ [REASON]", "show a message to the moderators"),
    ("room", "", "show what the room is set to"),
    ("read", "[SEQ]", "mark the room as read, or up to a message"),
    ("unread", "SEQ", "mark a message and all behind it as unread"),
    ("reports", "", "show what was reported, to moderators"),
    ("audit", "", "show what moderators did last, to moderators"),
    ("ticket", "#DESK", "open your ticket at a desk"),
    ("ignore", "@USER", "hear somebody no more"),
    ("unignore", "@USER", "hear somebody again"),
    ("disable", "@USER", "let nobody use an account any more; for the server's admins"),
    ("enable", "@USER", "let it be used again"),
    ("upload", "PATH [TEXT]", "send a file; a path with spaces stands in double quotes"),
    ("get", "SEQ [PATH]", "fetch the file of a message"),
    ("away", "[TEXT]", "say that you are away from here"),
    ("back", "", "say that you are back"),
    ("typing", "on|off", "let others see that you are typing, or not"),
    ("net", "", "show how good the way to the server is"),
    ("help", "", "show this"),
    ("quit", "", "end"),
];

/// How many events `/history` shows unasked.
const HISTORY_COUNT: u16 = 20;

/// Two names this many edits apart or less may be meant for one another.
const EDIT_COUNT_MAX: usize = 2;

/// A line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Text for the current room.
    Text(String),
    /// Enter a room or turn to it.
    Join {
        /// Where to.
        to: Conversation,
        /// The room's password.
        password: Option<String>,
    },
    /// Stop being a member of this room, or of the current one.
    Leave(Option<Room>),
    /// Make a room.
    Create {
        /// Its name.
        room: Room,
        /// What joining will need.
        password: Option<String>,
    },
    /// List the public rooms.
    Rooms,
    /// List the members of this room, or of the current one.
    Who(Option<Conversation>),
    /// Show what a person says about themselves.
    WhoIs(Person),
    /// List one's devices.
    Devices,
    /// Write to a person or room without turning to it.
    Message {
        /// Where to.
        to: Conversation,
        /// The text.
        text: String,
    },
    /// Answer a message of the current room.
    Reply {
        /// Its place.
        to: Seq,
        /// The text.
        text: String,
    },
    /// Replace the text of a message of the current room.
    Edit {
        /// Its place.
        seq: Seq,
        /// The new text.
        text: String,
    },
    /// Do something about a message of the current room.
    Mark {
        /// Its place.
        seq: Seq,
        /// What.
        mark: Mark,
    },
    /// Show messages of the current room.
    Pick(ListKind),
    /// Show the newest events of the current room.
    History(u16),
    /// Find messages by their words.
    Search(String),
    /// Keep order in the current room.
    Order(Order),
    /// Look at the current room as a whole, or say how far it is read.
    Look(Look),
    /// Make, list or revoke one's bots.
    Bots(AboutBots),
    /// Post later, or say what becomes of what waits.
    Waiting(Waiting),
    /// Send or fetch a file.
    Filing(Filing),
    /// Be away, or back.
    Away(Option<String>),
    /// Tell that one is typing, or not.
    Typing(bool),
    /// Show how good the way to the server is.
    Net,
    /// Show the commands.
    Help,
    /// End.
    Quit,
    /// It makes no sense; what to say about it.
    Wrong(String),
}

/// Reads a typed line.
#[must_use]
pub fn read(line: &str) -> Said {
    let line = line.trim_end();
    let Some(command) = line.trim_start().strip_prefix('/') else { return Said::Text(line.to_owned()) };
    if command.starts_with('/') {
        return Said::Text(command.to_owned());
    }
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    let understood = match name.to_lowercase().as_str() {
        "join" | "j" | "query" => first_and_rest(rest).map(|(to, password)| Said::Join { to, password }),
        "leave" | "part" => optional(rest).map(Said::Leave),
        "create" => first_and_rest(rest).map(|(room, password)| Said::Create { room, password }),
        "rooms" | "list" => Ok(Said::Rooms),
        "who" | "names" => optional(rest).map(Said::Who),
        "whois" | "wi" => optional(rest).and_then(|user| user.map(Said::WhoIs).ok_or_else(String::new)),
        "devices" => Ok(Said::Devices),
        "msg" | "m" | "w" => match first_and_rest(rest) {
            Ok((to, Some(text))) => Ok(Said::Message { to, text }),
            Ok((_, None)) => Err(String::new()),
            Err(error) => Err(error),
        },
        "reply" | "r" => place_and_text(rest).map(|(to, text)| Said::Reply { to, text }),
        "edit" => place_and_text(rest).map(|(seq, text)| Said::Edit { seq, text }),
        "delete" => place(rest).map(|seq| Said::Mark { seq, mark: Mark::Delete }),
        "react" => place_and_text(rest).map(|(seq, shown)| Said::Mark { seq, mark: Mark::React(shown) }),
        "unreact" => place_and_text(rest).map(|(seq, shown)| Said::Mark { seq, mark: Mark::Unreact(shown) }),
        "pin" => place(rest).map(|seq| Said::Mark { seq, mark: Mark::Pin }),
        "unpin" => place(rest).map(|seq| Said::Mark { seq, mark: Mark::Unpin }),
        "resolve" => place(rest).map(|seq| Said::Mark { seq, mark: Mark::Resolve }),
        "reopen" => place(rest).map(|seq| Said::Mark { seq, mark: Mark::Reopen }),
        "pins" => Ok(Said::Pick(ListKind::Pinned)),
        "threads" => Ok(Said::Pick(ListKind::OpenThreads)),
        "history" => optional(rest).map(|count| Said::History(count.unwrap_or(HISTORY_COUNT))),
        "search" | "find" if !rest.is_empty() => Ok(Said::Search(rest.to_owned())),
        "typing" if rest == "on" || rest == "off" => Ok(Said::Typing(rest == "on")),
        "search" | "find" | "typing" => Err(String::new()),
        "away" | "afk" => Ok(Said::Away(Some(rest.to_owned()))),
        "back" => Ok(Said::Away(None)),
        // A password is not typed where others look on.
        "delete-account" | "passwd" => {
            return Said::Wrong(format!(
                "udpchat-cli {} does this outside; it asks for your password without showing it",
                name.to_lowercase()
            ));
        }
        "net" | "lag" => Ok(Said::Net),
        // These may take long, and end with a status.
        "export" | "verify" => {
            let name = name.to_lowercase();
            return Said::Wrong(format!("udpchat-cli {name} does this outside: udpchat-cli {name} '#room'|@user"));
        }
        "help" | "h" => Ok(Said::Help),
        "quit" | "q" | "exit" => Ok(Said::Quit),
        other => {
            let order = orders::read(other, rest).map(|order| order.map(Said::Order));
            let look = || looks::read(other, rest).map(|look| look.map(Said::Look));
            let waiting = || waiting::read(other, rest).map(|waiting| waiting.map(Said::Waiting));
            let filing = || filing::read(other, rest).map(|filing| filing.map(Said::Filing));
            let about_bots = || bots::read(other, rest).map(|about| about.map(Said::Bots));
            match order.or_else(look).or_else(waiting).or_else(filing).or_else(about_bots) {
                Some(understood) => understood,
                None => return Said::Wrong(unknown_command(other)),
            }
        }
    };
    understood.unwrap_or_else(|error| Said::Wrong(usage(name, &error)))
}

fn optional<T: FromStr<Err: ToString>>(rest: &str) -> Result<Option<T>, String> {
    if rest.is_empty() {
        return Ok(None);
    }
    rest.parse().map(Some).map_err(|error: T::Err| error.to_string())
}

/// A message's place, and what stands behind it.
fn place_and_text(rest: &str) -> Result<(Seq, String), String> {
    let (first, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let seq = place(first)?;
    if text.trim().is_empty() { Err(String::new()) } else { Ok((seq, text.trim().to_owned())) }
}

/// A message's place and nothing else.
fn place(rest: &str) -> Result<Seq, String> {
    if rest.is_empty() {
        return Err(String::new());
    }
    rest.parse().map(Seq).map_err(|_| "a message is named by its position, the number before its author".to_owned())
}

fn first_and_rest<T: FromStr<Err: ToString>>(rest: &str) -> Result<(T, Option<String>), String> {
    if rest.is_empty() {
        return Err(String::new());
    }
    let (first, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let rest = Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty());
    Ok((first.parse().map_err(|error: T::Err| error.to_string())?, rest))
}

fn usage(name: &str, error: &str) -> String {
    let line = COMMANDS.iter().find(|(command, ..)| *command == name).map(|(command, args, _)| format!("/{command} {args}"));
    match (line, error) {
        (Some(line), "") => line,
        (Some(line), error) => format!("{error} ({line})"),
        (None, error) => error.to_owned(),
    }
}

fn unknown_command(name: &str) -> String {
    let nearest = COMMANDS.iter().map(|(command, ..)| (strsim::damerau_levenshtein(name, command), command)).min();
    match nearest {
        Some((edit_count, command)) if edit_count <= EDIT_COUNT_MAX => {
            format!("there is no /{name}; did you mean /{command}? To send a line that begins with /, type it twice")
        }
        _ => format!("there is no /{name}; /help shows what there is. To send a line that begins with /, type it twice"),
    }
}

/// The commands, one a line.
#[must_use]
pub fn help() -> String {
    let lines: Vec<String> = COMMANDS
        .iter()
        .map(|(command, args, explanation)| {
            let usage = format!("/{command} {args}");
            format!("  {usage:<34}{explanation}")
        })
        .collect();
    format!("{}\nAll else is sent to the current room; // sends a line that begins with /.", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(text: &str) -> Conversation {
        text.parse().unwrap()
    }

    #[test]
    fn the_readme_lists_every_command() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        let listed = readme.lines().find(|line| line.starts_with("In the conversation a line is")).unwrap();
        for (name, arguments, _) in COMMANDS {
            let called = format!("`/{name} {arguments}").trim_end().to_owned() + "`";
            assert!(listed.contains(&called), "README.md lacks {called}");
        }
        assert_eq!(listed.matches("`/").count(), COMMANDS.len() + 1, "README.md lists what there is, and /help once more");
    }

    #[test]
    fn text_is_text_and_two_slashes_are_one() {
        assert_eq!(read("hello  you \n"), Said::Text("hello  you".into()));
        assert_eq!(read("//etc"), Said::Text("/etc".into()));
        assert_eq!(read("a /join"), Said::Text("a /join".into()));
    }

    #[test]
    fn commands_are_read_with_their_arguments() {
        assert_eq!(read("/join #ops"), Said::Join { to: conversation("#ops"), password: None });
        assert_eq!(read(" /JOIN #ops  p w"), Said::Join { to: conversation("#ops"), password: Some("p w".into()) });
        assert_eq!(read("/msg @bob hi there"), Said::Message { to: conversation("@bob"), text: "hi there".into() });
        assert_eq!(read("/leave"), Said::Leave(None));
        assert_eq!(read("/history 5"), Said::History(5));
        assert_eq!(read("/search deploy 部署"), Said::Search("deploy 部署".into()));
        assert_eq!(read("/whois @bob"), Said::WhoIs("@bob".parse().unwrap()));
        assert_eq!(read("/away for lunch"), Said::Away(Some("for lunch".into())));
        assert_eq!((read("/away"), read("/back")), (Said::Away(Some(String::new())), Said::Away(None)));
        assert_eq!((read("/typing off"), read("/typing on")), (Said::Typing(false), Said::Typing(true)));
        assert_eq!((read("/net"), read("/q")), (Said::Net, Said::Quit));
        assert_eq!(read("/reply 41 so it is"), Said::Reply { to: Seq(41), text: "so it is".into() });
        assert_eq!(read("/edit 41 new text"), Said::Edit { seq: Seq(41), text: "new text".into() });
        assert_eq!(read("/react 41 👍"), Said::Mark { seq: Seq(41), mark: Mark::React("👍".into()) });
        assert_eq!(read("/delete 41"), Said::Mark { seq: Seq(41), mark: Mark::Delete });
        assert_eq!(read("/threads"), Said::Pick(ListKind::OpenThreads));
    }

    #[test]
    fn what_makes_no_sense_is_never_sent_and_says_what_would() {
        let wrong = |line: &str| match read(line) {
            Said::Wrong(why) => why,
            other => panic!("{line}: {other:?}"),
        };
        assert!(wrong("/jion #ops").contains("did you mean /join?"));
        assert!(wrong("/frobnicate").contains("/help"));
        assert!(wrong("/delete-account").contains("udpchat-cli delete-account"));
        assert!(wrong("/verify").contains("udpchat-cli verify '#room'"));
        assert!(wrong("/unread").contains("/unread SEQ"));
        assert!(wrong("/join").contains("/join #ROOM"));
        assert!(wrong("/join ops").contains("'#ops'"));
        assert!(wrong("/msg @bob").contains("/msg @USER TEXT"));
        assert!(wrong("/search ").contains("/search TEXT"));
        assert!(wrong("/whois").contains("/whois @USER"));
        assert!(wrong("/react 41").contains("/react SEQ EMOJI"));
        assert!(wrong("/delete").contains("/delete SEQ"));
        assert!(wrong("/later soon tea").contains("/later WHEN TEXT"));
        assert!(wrong("/pin first").contains("position"));
        assert!(wrong("/history many").contains("/history [N]"));
    }

    #[test]
    fn the_help_names_every_command() {
        assert!(COMMANDS.iter().all(|(command, ..)| help().contains(&format!("/{command}"))));
    }
}

//! The words after commands about accounts.

use super::words::Person;
use crate::client::ServerUrl;
use crate::message::Code;
use clap::{Args, Subcommand};

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

/// An account to be made.
#[derive(Debug, Args)]
pub struct Register {
    /// Who, where and how to prove it.
    #[command(flatten)]
    pub sign_in: SignIn,
    /// The code of an invitation, for a server that wants one
    #[arg(long, value_name = "CODE", conflicts_with = "guest")]
    pub invitation: Option<Code>,
}

/// A device to be logged in.
#[derive(Debug, Args)]
pub struct LogIn {
    /// Who, where and how to prove it.
    #[command(flatten)]
    pub sign_in: SignIn,
    /// Log in as a bot, by a token that its owner made; no password is asked for
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["guest", "password_stdin"])]
    pub token: Option<Code>,
}

/// What to do with one's devices.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum DevicesAction {
    /// Log another of your devices out for good; its connections end at once
    Revoke {
        /// The device's number, as `devices` lists it
        #[arg(value_name = "N")]
        device: u64,
    },
}

/// What to say about oneself.
#[derive(Debug, Args)]
pub struct Profile {
    /// One line about you; '' takes it away
    #[arg(long, value_name = "TEXT")]
    pub about: Option<String>,
    /// An interest; may be given several times, and replaces those before
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Take all interests away
    #[arg(long, conflicts_with = "tag")]
    pub no_tags: bool,
}

/// Somebody to look up.
#[derive(Debug, Args)]
pub struct WhoIs {
    /// The person, with @
    #[arg(value_name = "@USER")]
    pub user: Person,
}

/// An invitation to be made.
#[derive(Debug, Args)]
pub struct Invitation {
    /// How many people may register with it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub uses: u32,
    /// For how many days
    #[arg(long, value_name = "D", default_value_t = 7)]
    pub days: u32,
}

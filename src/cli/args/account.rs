//! The words after `register` and `login`.

use crate::client::ServerUrl;
use clap::Args;

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

//! A person with a device: a home of their own, and the client program.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::program::{Ended, Program};

/// The password of everybody who has no reason for another.
pub const PASSWORD: &str = "correct horse";

/// Somebody with a home.
#[derive(Debug)]
pub struct Person {
    home: PathBuf,
    /// Who and where, with the server's key if it is given.
    pub url: String,
}

impl Person {
    /// Somebody whose device has not met the server yet.
    pub fn new(home: PathBuf, url: String) -> Self {
        std::fs::create_dir_all(&home).expect("the folder is ours");
        Self { home, url }
    }

    /// Where everything of this person is kept.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Starts the client.
    pub fn start(&self, args: &[&str]) -> Program {
        let all = ["--home", "."].iter().chain(args);
        Program::start(env!("CARGO_BIN_EXE_udpchat-cli"), all, &self.home)
    }

    /// Runs the client to its end, without input.
    pub fn run(&self, args: &[&str]) -> Ended {
        self.start(args).end()
    }

    /// Runs the client to its end with this input.
    pub fn run_with(&self, input: &str, args: &[&str]) -> Ended {
        let mut program = self.start(args);
        program.feed(input.to_owned());
        program.end()
    }

    /// Registers with this password.
    pub fn register(&self, password: &str) -> Ended {
        self.run_with(&format!("{password}\n"), &["register", &self.url, "--password-stdin"])
    }

    /// Logs in with this password.
    pub fn log_in(&self, password: &str) -> Ended {
        self.run_with(&format!("{password}\n"), &["login", &self.url, "--password-stdin"])
    }

    /// Everything in a room, as JSON.
    #[track_caller]
    pub fn history(&self, room: &str) -> Ended {
        self.run(&["history", room, "-n", "100000", "--json"]).well()
    }

    /// Starts to follow a room, and waits until whatever is written from now on will be seen.
    pub fn follow(&self, room: &str) -> Program {
        let mut follower = self.start(&["tail", "-f", "-n", "0", "--json", room]);
        follower.wait_for(r#""state":"caught_up""#);
        follower
    }
}

/// Who and where, as a person writes it.
pub fn url(name: &str, address: SocketAddr, key: Option<&str>) -> String {
    let key = key.map(|key| format!("?key={key}")).unwrap_or_default();
    format!("udpchat://{name}@{address}{key}")
}

//! A person at a terminal: questions, passwords that are not shown, and a line editor that others' lines do not tear.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use nix::pty::{Winsize, openpty};

use super::person::{Person, url};
use super::program::DEADLINE;
use super::world::World;

/// The client on a pseudo terminal of its own.
pub struct Terminal {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    /// Everything on the screen so far, with the sequences that drive it.
    screen: String,
}

impl Terminal {
    pub fn start(person: &Person, args: &[&str]) -> Self {
        let size = Winsize { ws_row: 24, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).expect("a pseudo terminal");
        let other_end = || Stdio::from(pair.slave.try_clone().expect("a file descriptor"));
        // setsid makes it the terminal that /dev/tty means.
        let child = Command::new("setsid")
            .args(["--ctty", env!("CARGO_BIN_EXE_udpchat-cli"), "--home", "."])
            .args(args)
            .env_remove("UDPCHAT_HOME")
            .env("TERM", "xterm")
            .current_dir(person.home())
            .stdin(other_end())
            .stdout(other_end())
            .stderr(other_end())
            .spawn()
            .expect("setsid is part of the system");
        let keys = File::from(pair.master);
        let mut from = keys.try_clone().expect("a file descriptor");
        let (show, shown) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(len @ 1..) = from.read(&mut buffer) {
                if show.send(buffer[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keys, shown, screen: String::new() }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal is there");
    }

    /// Waits until this is on the screen behind what was waited for before.
    pub fn wait_for(&mut self, part: &str) {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = self.screen.find(part) {
                self.screen.drain(..at + part.len());
                return;
            }
            match self.shown.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.screen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!("no {part:?} in {:?}", self.screen),
            }
        }
    }

    /// Waits for its end; what was on the screen meanwhile, and the status.
    pub fn end(mut self) -> (String, Option<i32>) {
        let until = Instant::now() + DEADLINE;
        while let Ok(bytes) = self.shown.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.screen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let status = self.child.wait().expect("it is a child of ours").code();
        (std::mem::take(&mut self.screen), status)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_newcomer_at_a_terminal_is_asked_and_never_shown_the_password() {
    let world = World::new();
    let alice = Person::new(world.folder().join("alice"), url("alice", world.server.address, None));
    let mut terminal = Terminal::start(&alice, &["register", &alice.url]);
    terminal.wait_for("was never met");
    terminal.wait_for("[y/N] ");
    terminal.press("y\n");
    terminal.wait_for("new password of ");
    terminal.press("correct horse\n");
    terminal.wait_for("once more: ");
    terminal.press("correct horse\n");
    let (screen, status) = terminal.end();
    assert!(screen.contains("@alice on ") && !screen.contains("correct"), "{screen:?}");
    assert_eq!(status, Some(0));

    let mut terminal = Terminal::start(&alice, &["passwd"]);
    terminal.wait_for("old password: ");
    terminal.press("\u{3}");
    assert_eq!(terminal.end().1, Some(130));
}

#[test]
fn whoever_says_no_to_the_key_goes_nowhere() {
    let world = World::new();
    let alice = Person::new(world.folder().join("alice"), url("alice", world.server.address, None));
    let mut terminal = Terminal::start(&alice, &["register", &alice.url]);
    terminal.wait_for("[y/N] ");
    terminal.press("\n");
    assert_eq!(terminal.end().1, Some(5));
}

#[test]
fn lines_of_others_appear_above_the_one_being_typed() {
    let world = World::new();
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    alice.run(&["create", "#ops"]).well();
    let mut terminal = Terminal::start(&bob, &[]);
    terminal.wait_for("/help");
    terminal.press("/join #ops\r");
    terminal.wait_for("joined #ops");
    terminal.wait_for("#ops> ");
    terminal.press("half a li");
    terminal.wait_for("half a li");
    alice.run(&["send", "#ops", "an interruption \u{202e}"]).with_status(1);
    alice.run(&["send", "#ops", "an interruption"]).well();
    terminal.wait_for("alice: an interruption");
    terminal.wait_for("#ops> half a li");
    terminal.press("ne\r");
    terminal.wait_for("bob: half a line");
    terminal.press("/quit\r");
    assert_eq!(terminal.end().1, Some(0));
    assert_eq!(alice.history("#ops").texts(), ["an interruption", "half a line"]);
}

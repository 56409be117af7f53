//! One running program: what it says, line by line, what it is told, and how it ends. It does not outlive its owner.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Above everything that a condition here can take on a busy machine.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// Where a line was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

/// A program that may still run.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Receiver<(Stream, String)>,
    line: String,
    /// Standard output so far.
    pub out: Vec<String>,
    /// Standard error so far.
    pub err: Vec<String>,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The command line.
    pub line: String,
    /// Its exit status; none if a signal ended it.
    pub status: Option<i32>,
    /// Lines of standard output.
    pub out: Vec<String>,
    /// Lines of standard error.
    pub err: Vec<String>,
}

/// A message as `--json` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    pub seq: u64,
    pub prev: u64,
    pub id: String,
    pub author: String,
    pub text: String,
}

impl Program {
    /// Starts a program in `folder`, with nothing of this process's environment.
    pub fn start<I: IntoIterator<Item: AsRef<OsStr>>>(path: &str, args: I, folder: &Path) -> Self {
        let mut command = Command::new(path);
        command.args(args).env_clear().current_dir(folder);
        let line = format!("{command:?}");
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = piped.unwrap_or_else(|error| panic!("{line}: {error}"));
        let (say, said) = channel();
        listen(child.stdout.take().expect("it is piped"), Stream::Out, say.clone());
        listen(child.stderr.take().expect("it is piped"), Stream::Err, say);
        let stdin = child.stdin.take();
        Self { child, stdin, said, line, out: Vec::new(), err: Vec::new() }
    }

    /// Types lines; the input stays open.
    pub fn type_in(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("the input is open");
        stdin.write_all(text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", self.line));
    }

    /// Gives it the whole input and ends it. It may go away before it has read all.
    pub fn feed(&mut self, text: String) {
        self.feed_slowly(vec![text], Duration::ZERO);
    }

    /// Gives it the pieces one after the other with a pause between, as a person or a log does, and ends the input.
    pub fn feed_slowly(&mut self, pieces: Vec<String>, pause: Duration) {
        let mut stdin = self.stdin.take().expect("the input is open");
        thread::spawn(move || {
            for piece in pieces {
                if stdin.write_all(piece.as_bytes()).is_err() {
                    return;
                }
                thread::sleep(pause);
            }
        });
    }

    /// Waits until what it said fulfils `condition`.
    pub fn wait_until(&mut self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let until = Instant::now() + DEADLINE;
        loop {
            self.listen_now();
            if condition(self) {
                return;
            }
            match self.said.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok((stream, line)) => self.note(stream, line),
                Err(RecvTimeoutError::Timeout) => panic!("{what}: not in time\n{self:#?}"),
                Err(RecvTimeoutError::Disconnected) if condition(self) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("{what}: it ended before\n{self:#?}"),
            }
        }
    }

    /// Waits until it has said so on standard output.
    pub fn wait_for(&mut self, part: &str) {
        self.wait_until(part, |program| program.out.iter().any(|line| line.contains(part)));
    }

    /// Waits until it has printed this many messages, each as a line of JSON.
    pub fn wait_for_posts(&mut self, count: usize) {
        self.wait_until(&format!("{count} messages"), |program| {
            program.out.len() >= count && program.out.iter().filter(|line| is_posted(line)).count() >= count
        });
    }

    /// The messages it has printed so far.
    pub fn posts(&mut self) -> Vec<Posted> {
        self.listen_now();
        posts_in(&self.out)
    }

    /// Waits for its end, with the input ended if it was not.
    pub fn end(mut self) -> Ended {
        self.wait_for_end()
    }

    /// As [`Program::end`], for a program that has an owner.
    pub fn wait_for_end(&mut self) -> Ended {
        self.stdin = None;
        let until = Instant::now() + DEADLINE;
        loop {
            match self.said.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok((stream, line)) => self.note(stream, line),
                Err(RecvTimeoutError::Timeout) => panic!("it does not end\n{self:#?}"),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = self.child.wait().expect("it is a child of ours").code();
        Ended { line: self.line.clone(), status, out: std::mem::take(&mut self.out), err: std::mem::take(&mut self.err) }
    }

    /// kill -9, and waits until it is gone with all it held.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is a child of ours");
        self.child.wait().expect("it is a child of ours");
        while let Ok((stream, line)) = self.said.recv() {
            self.note(stream, line);
        }
    }

    /// Asks it to end, as an operator's service manager does.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("there is a shell").success());
    }

    fn listen_now(&mut self) {
        while let Ok((stream, line)) = self.said.try_recv() {
            self.note(stream, line);
        }
    }

    fn note(&mut self, stream: Stream, line: String) {
        match stream {
            Stream::Out => self.out.push(line),
            Stream::Err => self.err.push(line),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself, and that is no concern of a test that is over.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Ended {
    /// It ended with this status; else everything it said is shown.
    #[track_caller]
    pub fn with_status(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{}\n{self:#?}", self.line);
        self
    }

    /// It kept its promise and had nothing to remark.
    #[track_caller]
    pub fn well(self) -> Self {
        assert!(self.err.is_empty(), "{self:#?}");
        self.with_status(0)
    }

    /// It ended with this status, one sentence that has this part, and no output.
    #[track_caller]
    pub fn saying(self, status: i32, part: &str) -> Self {
        assert!(self.err.len() == 1 && self.err[0].contains(part), "no {part:?} in {self:#?}");
        assert!(self.out.is_empty(), "{self:#?}");
        self.with_status(status)
    }

    /// The only line of its output.
    #[track_caller]
    pub fn only_line(&self) -> &str {
        assert_eq!(self.out.len(), 1, "{self:#?}");
        &self.out[0]
    }

    /// Its output as JSON.
    pub fn json(&self) -> Vec<Value> {
        self.out.iter().map(|line| json(line)).collect()
    }

    /// The messages in its output.
    pub fn posts(&self) -> Vec<Posted> {
        posts_in(&self.out)
    }

    /// The texts of the messages in its output.
    pub fn texts(&self) -> Vec<String> {
        self.posts().into_iter().map(|post| post.text).collect()
    }
}

fn listen(from: impl Read + Send + 'static, stream: Stream, say: Sender<(Stream, String)>) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
            if say.send((stream, text)).is_err() {
                return;
            }
            line.clear();
        }
    });
}

/// One line of JSON.
#[track_caller]
pub fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

fn is_posted(line: &str) -> bool {
    line.starts_with(r#"{"v":1,"type":"posted""#)
}

fn posts_in(lines: &[String]) -> Vec<Posted> {
    let posted = |line: &String| {
        let value = json(line);
        let word = |key: &str| value[key].as_str().unwrap_or_else(|| panic!("{key} in {line}")).to_owned();
        let number = |key: &str| value[key].as_u64().unwrap_or_else(|| panic!("{key} in {line}"));
        Posted { seq: number("seq"), prev: number("prev"), id: word("id"), author: word("author"), text: word("text") }
    };
    lines.iter().filter(|line| is_posted(line)).map(posted).collect()
}

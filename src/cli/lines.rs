//! Lines of standard input, read by a thread of their own, because reading waits and the connection must not.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::client::Waker;

/// Lines read ahead; the thread then waits.
const READ_AHEAD_COUNT: usize = 1_024;

/// Longest line that is kept, in bytes; above the longest message.
const LINE_LEN_MAX: u64 = 1 << 16;

/// What the thread found.
#[derive(Debug)]
pub enum InputLine {
    /// A line that is not empty; without a text if it is not UTF-8 or too long to keep.
    Line {
        /// Counted from 1, empty lines included.
        number: u64,
        /// The line without its newline.
        text: Option<String>,
    },
    /// There is no more.
    End,
    /// The person pressed Ctrl-C while typing.
    Interrupted,
    /// It cannot be read.
    Failed(io::Error),
}

/// Standard input, line by line.
#[derive(Debug)]
pub struct Lines {
    received: Receiver<InputLine>,
}

impl Lines {
    /// Begins to read; `waker` is woken at each line.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn of_stdin(waker: Waker) -> io::Result<Self> {
        let (send, received) = sync_channel(READ_AHEAD_COUNT);
        let read = move || read_all(io::stdin().lock(), &send, || waker.wake());
        std::thread::Builder::new().name("stdin".to_owned()).spawn(read)?;
        Ok(Self { received })
    }

    /// Lines that another thread sends.
    #[must_use]
    pub(super) fn from_thread(received: Receiver<InputLine>) -> Self {
        Self { received }
    }

    /// The next line, if one is there.
    #[must_use]
    pub fn next_if_there(&self) -> Option<InputLine> {
        self.received.try_recv().ok()
    }

    /// The next line, if one comes soon.
    #[must_use]
    pub fn next_within(&self, delay: Duration) -> Option<InputLine> {
        self.received.recv_timeout(delay).ok()
    }
}

/// Reads until the end, or until nobody wants the lines any more.
fn read_all(mut input: impl BufRead, send: &SyncSender<InputLine>, wake: impl Fn()) {
    let mut number = 0;
    loop {
        let line = match read_line(&mut input) {
            Ok(RawLine::End) => InputLine::End,
            Ok(RawLine::TooLong) => {
                number += 1;
                InputLine::Line { number, text: None }
            }
            Ok(RawLine::Whole(bytes)) => {
                number += 1;
                let text = String::from_utf8(bytes).ok();
                if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                    continue;
                }
                InputLine::Line { number, text }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => InputLine::Failed(error),
        };
        let is_last = !matches!(line, InputLine::Line { .. });
        if send.send(line).is_err() {
            return;
        }
        wake();
        if is_last {
            return;
        }
    }
}

enum RawLine {
    /// Without its newline.
    Whole(Vec<u8>),
    /// Read to its end and thrown away.
    TooLong,
    End,
}

fn read_line(input: &mut impl BufRead) -> io::Result<RawLine> {
    let mut line = Vec::new();
    if input.by_ref().take(LINE_LEN_MAX).read_until(b'\n', &mut line)? == 0 {
        return Ok(RawLine::End);
    }
    let is_whole = line.last() == Some(&b'\n') || u64::try_from(line.len()).unwrap_or(u64::MAX) < LINE_LEN_MAX;
    if !is_whole {
        input.skip_until(b'\n')?;
        return Ok(RawLine::TooLong);
    }
    for end in [b'\n', b'\r'] {
        if line.last() == Some(&end) {
            line.pop();
        }
    }
    Ok(RawLine::Whole(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Vec<(u64, Option<String>)> {
        let (send, received) = sync_channel(100);
        read_all(input, &send, || {});
        let mut lines = Vec::new();
        for line in received.try_iter() {
            match line {
                InputLine::Line { number, text } => lines.push((number, text)),
                InputLine::End => return lines,
                other => panic!("{other:?}"),
            }
        }
        panic!("no end");
    }

    #[test]
    fn lines_are_numbered_and_empty_ones_passed_over() {
        let lines = [(1, Some("one".into())), (3, Some("two 你好".into())), (5, Some(" three".into()))];
        assert_eq!(read("one\n\ntwo 你好\r\n  \n three".as_bytes()), lines);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn a_line_that_cannot_be_a_message_does_not_stop_the_next() {
        let mut input = vec![b'x'; 100_000];
        input.extend(b"\nbad \xff\ngood\n");
        assert_eq!(read(&input), [(1, None), (2, None), (3, Some("good".into()))]);
    }
}

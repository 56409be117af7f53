//! A program that is run for a message: it reads the text on standard input and who, where and when in its environment; what
//! it prints is its answer. A thread reads the answer, because that waits and the connection must not.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use super::moment::Moment;
use crate::client::{Followed, Waker};

/// Longest answer that is read; above that it is refused in any case.
const ANSWER_LEN_MAX: u64 = 1 << 20;

/// A program that is at work on a message, and does not outlive this.
#[derive(Debug)]
pub struct Handler {
    child: Child,
    answer: Receiver<io::Result<Vec<u8>>>,
}

impl Handler {
    /// Starts the program; `waker` is woken when its answer is there.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(program: &Path, message: &Followed, text: &str, waker: Waker) -> io::Result<Self> {
        let head = &message.event.head;
        let mut child = Command::new(program)
            .env("UDPCHAT_ROOM", &message.room)
            .env("UDPCHAT_SEQ", head.seq.to_string())
            .env("UDPCHAT_ID", head.id.to_string())
            .env("UDPCHAT_AUTHOR", &message.author)
            .env("UDPCHAT_TIME", Moment::from_ms(head.time_ms).rfc_3339())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (send, answer) = sync_channel(1);
        let text = text.to_owned();
        let read = move || {
            // A message fits into a pipe; a program that does not read it wants nothing of it.
            if let Some(mut stdin) = stdin {
                let _ = writeln!(stdin, "{text}");
            }
            let mut bytes = Vec::new();
            let read = stdout.map_or(Ok(0), |stdout| stdout.take(ANSWER_LEN_MAX).read_to_end(&mut bytes));
            if send.send(read.map(|_| bytes)).is_ok() {
                waker.wake();
            }
        };
        std::thread::Builder::new().name("handler".to_owned()).spawn(read)?;
        Ok(Self { child, answer })
    }

    /// Its answer and how it ended, once it has closed its output.
    ///
    /// # Errors
    /// If its output cannot be read.
    pub fn poll(&mut self) -> io::Result<Option<(Vec<u8>, ExitStatus)>> {
        match self.answer.try_recv() {
            Ok(answer) => Ok(Some((answer?, self.child.wait()?))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(io::Error::other("its output was lost")),
        }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

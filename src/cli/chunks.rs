//! Standard input as it comes, in pieces that need not be lines: read by a thread of its own, because reading waits and the
//! connection must not.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};

use crate::client::Waker;

/// Pieces read ahead; the thread then waits.
const READ_AHEAD_COUNT: usize = 64;

/// Longest piece, in bytes.
const CHUNK_LEN_MAX: usize = 4_096;

/// What the thread found.
#[derive(Debug)]
pub enum Chunk {
    /// The next bytes.
    Bytes(Vec<u8>),
    /// There is no more.
    End,
    /// It cannot be read.
    Failed(io::Error),
}

/// Standard input, piece by piece.
#[derive(Debug)]
pub struct Chunks {
    received: Receiver<Chunk>,
}

impl Chunks {
    /// Begins to read; `waker` is woken at each piece.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn of_stdin(waker: Waker) -> io::Result<Self> {
        let (send, received) = sync_channel(READ_AHEAD_COUNT);
        let read = move || {
            let mut input = io::stdin().lock();
            let mut buffer = [0; CHUNK_LEN_MAX];
            loop {
                let chunk = match input.read(&mut buffer) {
                    Ok(0) => Chunk::End,
                    Ok(len) => Chunk::Bytes(buffer.iter().take(len).copied().collect()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Chunk::Failed(error),
                };
                let is_last = !matches!(chunk, Chunk::Bytes(_));
                if send.send(chunk).is_err() {
                    return;
                }
                waker.wake();
                if is_last {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("stdin".to_owned()).spawn(read)?;
        Ok(Self { received })
    }

    /// The next piece, if one is there.
    #[must_use]
    pub fn next_if_there(&self) -> Option<Chunk> {
        self.received.try_recv().ok()
    }

    /// The next piece, once it comes; nothing after the last.
    #[must_use]
    pub fn next(&self) -> Option<Chunk> {
        self.received.recv().ok()
    }
}

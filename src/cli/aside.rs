//! Work on the disk that takes long, in a thread of its own, because it waits and the connection must not.

use std::io;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use crate::client::Waker;

/// Work under way.
#[derive(Debug)]
pub struct Aside<T> {
    result: Receiver<T>,
}

impl<T: Send + 'static> Aside<T> {
    /// Begins the work; `waker` is woken when it is done.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(waker: Waker, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        let (send, result) = sync_channel(1);
        let run = move || {
            if send.send(work()).is_ok() {
                waker.wake();
            }
        };
        std::thread::Builder::new().name("aside".to_owned()).spawn(run)?;
        Ok(Self { result })
    }

    /// What came of it, once.
    ///
    /// # Errors
    /// If the thread died.
    pub fn poll(&self) -> io::Result<Option<T>> {
        match self.result.try_recv() {
            Ok(result) => Ok(Some(result)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(io::Error::other("what was done aside was lost")),
        }
    }
}

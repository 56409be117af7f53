//! The hashing pool: a few threads that burn the processor, behind queues with a bound.
//!
//! It exists so that a thousand log-ins at once cost the server minutes of waiting and no memory: what does not fit is handed
//! back, and the asker is told to come again.

use super::password::{Hasher, Hashing, Task, Verdict};
use crate::worker::Worker;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// Most tasks that wait in the whole pool: at 20 ms each on one thread, the last one waits about 1.3 s.
pub const QUEUE_MAX: usize = 64;

/// The threads, each with an equal share of the queue.
#[derive(Debug)]
pub struct Pool {
    workers: Vec<Worker<(u64, Task)>>,
    next: usize,
}

impl Pool {
    /// Starts `thread_count` threads. Each result goes to `verdicts` with its task's ticket, then `wake` is called on the
    /// pool's thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn spawn(
        thread_count: NonZeroUsize,
        hashing: Hashing,
        verdicts: &Sender<(u64, Verdict)>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let wake = Arc::new(wake);
        let share = (QUEUE_MAX / thread_count.get()).max(1);
        let start = |_| {
            let (verdicts, wake) = (verdicts.clone(), Arc::clone(&wake));
            let mut hasher = Hasher::new(hashing);
            Worker::spawn("hashing", share, move |(ticket, task)| {
                // Nobody listens any more when the server is going down.
                if verdicts.send((ticket, hasher.perform(&task))).is_ok() {
                    wake();
                }
            })
        };
        Ok(Self { workers: (0..thread_count.get()).map(start).collect::<io::Result<_>>()?, next: 0 })
    }

    /// Queues `task` with the first thread in turn that has room.
    ///
    /// # Errors
    /// The task itself, if no thread has room.
    pub fn submit(&mut self, ticket: u64, task: Task) -> Result<(), Task> {
        let count = self.workers.len();
        let mut job = (ticket, task);
        for step in 0..count {
            let turn = (self.next + step) % count;
            match self.workers[turn].submit(job) {
                Ok(()) => {
                    self.next = turn + 1;
                    return Ok(());
                }
                Err(refused) => job = refused,
            }
        }
        Err(job.1)
    }

    /// Whether a thread has ended, by a panic.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.workers.iter().any(Worker::is_finished)
    }

    /// Lets the threads do what is queued, then waits for their end.
    pub fn finish(self) {
        self.workers.into_iter().for_each(Worker::finish);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::mpsc::channel;
    use zeroize::Zeroizing;

    fn hash() -> Task {
        Task::Hash { password: Zeroizing::new(b"correct horse".to_vec()), salt: [1; 16] }
    }

    #[test]
    fn every_task_is_answered_under_its_ticket() {
        let (verdicts, results) = channel();
        let (woken, wakes) = channel();
        let threads = NonZeroUsize::new(3).unwrap();
        let mut pool = Pool::spawn(threads, Hashing::CHEAPEST, &verdicts, move || woken.send(()).unwrap()).unwrap();
        for ticket in 0..10 {
            pool.submit(ticket, hash()).unwrap();
        }
        pool.finish();
        let tickets: BTreeSet<u64> = results.try_iter().map(|(ticket, _)| ticket).collect();
        assert_eq!(tickets, (0..10).collect());
        assert_eq!(wakes.try_iter().count(), 10);
    }

    #[test]
    fn a_flood_is_handed_back_once_the_queue_is_full() {
        let (verdicts, results) = channel();
        let (gate, opened) = channel::<()>();
        let (started, begun) = channel();
        let opened = std::sync::Mutex::new(opened);
        let wake = move || {
            let _ = started.send(());
            let _ = opened.lock().unwrap().recv();
        };
        let mut pool = Pool::spawn(NonZeroUsize::MIN, Hashing::CHEAPEST, &verdicts, wake).unwrap();
        pool.submit(0, hash()).unwrap();
        begun.recv().unwrap();
        let taken = (1..1_000).take_while(|ticket| pool.submit(*ticket, hash()).is_ok()).count();
        assert_eq!(taken, QUEUE_MAX);
        drop(gate);
        drop(begun);
        let _ = results.recv();
    }
}

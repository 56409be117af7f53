//! A named thread that takes jobs from a bounded queue.
//!
//! It exists so that the loop never blocks: whatever waits for the disk or burns the processor is handed to a worker, and the
//! work's closure gives the result back by a channel and a wake-up of its own. A full queue hands the job back at once, so
//! that pressure is felt where it can be told to the peer. It knows nothing of what the jobs are.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What makes a batch.
#[derive(Debug, Clone, Copy)]
pub struct Gathering {
    /// Most jobs in one.
    pub batch_max: usize,
    /// How long after one began the next may begin. The first job after a pause never waits; under load what comes
    /// meanwhile shares a batch.
    pub interval_min: Duration,
    /// How long a first rest must be for the work to be called without jobs; `None` if it waits for the first job.
    pub first_rest_delay: Option<Duration>,
}

/// A running thread and the door to its queue. Dropping it lets the thread finish what is queued, without waiting.
#[derive(Debug)]
pub struct Worker<Job> {
    queue: SyncSender<Job>,
    thread: JoinHandle<()>,
}

impl<Job: Send + 'static> Worker<Job> {
    /// Starts a thread called `name` (at most 15 bytes are shown by the system) whose queue holds `queue_max` jobs and which
    /// hands `work` one job at a time.
    ///
    /// # Errors
    /// If the system gives no thread.
    ///
    /// # Panics
    /// If `queue_max` is 0.
    pub fn spawn(name: &str, queue_max: usize, mut work: impl FnMut(Job) + Send + 'static) -> io::Result<Self> {
        let one = Gathering { batch_max: 1, interval_min: Duration::ZERO, first_rest_delay: None };
        Self::spawn_batched(name, queue_max, one, move |batch| {
            batch.into_iter().for_each(&mut work);
            None
        })
    }

    /// Like [`Worker::spawn`], but hands `work` all that is queued, in order, as `gathering` says. Work that has something else
    /// to do while nothing is queued returns how long a rest must be for that, and is then called with an empty batch.
    ///
    /// # Errors
    /// If the system gives no thread.
    ///
    /// # Panics
    /// If a maximum is 0.
    pub fn spawn_batched(
        name: &str,
        queue_max: usize,
        gathering: Gathering,
        work: impl FnMut(Vec<Job>) -> Option<Duration> + Send + 'static,
    ) -> io::Result<Self> {
        assert!(queue_max > 0 && gathering.batch_max > 0, "a worker without a queue cannot be reached");
        let (queue, jobs) = sync_channel(queue_max);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&jobs, gathering, work))?;
        Ok(Self { queue, thread })
    }

    /// Queues `job`.
    ///
    /// # Errors
    /// The job itself, if the queue is full or the thread has ended by a panic ([`Worker::is_finished`] tells).
    pub fn submit(&self, job: Job) -> Result<(), Job> {
        self.queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
        })
    }

    /// Whether the thread has ended; while this value lives, only a panic ends it.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Lets the thread do what is queued, then waits for its end.
    ///
    /// # Panics
    /// If the thread panicked: its panic goes on here.
    pub fn finish(self) {
        drop(self.queue);
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn run<Job>(jobs: &Receiver<Job>, gathering: Gathering, mut work: impl FnMut(Vec<Job>) -> Option<Duration>) {
    let (mut began_at, mut rest_delay): (Option<Instant>, _) = (None, gathering.first_rest_delay);
    loop {
        let first = match rest_delay {
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(delay) => jobs.recv_timeout(delay),
        };
        let first = match first {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                rest_delay = work(Vec::new());
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let rest = began_at.map_or(Duration::ZERO, |at| gathering.interval_min.saturating_sub(at.elapsed()));
        if !rest.is_zero() {
            std::thread::sleep(rest);
        }
        began_at = Some(Instant::now());
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(gathering.batch_max - 1));
        rest_delay = work(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const GATHERING: Gathering = Gathering { batch_max: 3, interval_min: Duration::ZERO, first_rest_delay: None };

    #[test]
    fn a_batch_begins_no_sooner_than_its_interval_after_the_one_before() {
        let (done, batches) = channel();
        let interval_min = Duration::from_millis(30);
        let work = move |batch: Vec<u32>| {
            done.send((Instant::now(), batch)).unwrap();
            None
        };
        let worker =
            Worker::spawn_batched("test", 8, Gathering { batch_max: 8, interval_min, first_rest_delay: None }, work).unwrap();
        worker.submit(0).unwrap();
        let (first_at, first) = batches.recv().unwrap();
        worker.submit(1).unwrap();
        worker.submit(2).unwrap();
        worker.finish();
        let (second_at, second) = batches.recv().unwrap();
        assert_eq!((first, second), (vec![0], vec![1, 2]));
        assert!(second_at - first_at >= interval_min / 2, "the first was told a little after it began");
    }

    #[test]
    fn queued_jobs_come_as_one_batch_in_order() {
        let (gate, opened) = channel();
        let (done, batches) = channel();
        let worker = Worker::spawn_batched("test", 8, GATHERING, move |batch: Vec<u32>| {
            done.send(batch).unwrap();
            opened.recv().unwrap();
            None
        })
        .unwrap();
        worker.submit(0).unwrap();
        assert_eq!(batches.recv(), Ok(vec![0]));
        for job in 1..=4 {
            worker.submit(job).unwrap();
        }
        (0..3).for_each(|_| gate.send(()).unwrap());
        worker.finish();
        assert_eq!(batches.iter().collect::<Vec<_>>(), [vec![1, 2, 3], vec![4]]);
    }

    #[test]
    fn a_rest_is_told_as_an_empty_batch_until_no_other_is_wanted() {
        let (done, batches) = channel();
        let mut rests = [Some(Duration::ZERO), Some(Duration::ZERO), None].into_iter();
        let worker = Worker::spawn_batched("test", 8, GATHERING, move |batch: Vec<u32>| {
            done.send(batch).unwrap();
            rests.next().flatten()
        })
        .unwrap();
        worker.submit(1).unwrap();
        assert_eq!((batches.recv(), batches.recv(), batches.recv()), (Ok(vec![1]), Ok(vec![]), Ok(vec![])));
        worker.submit(2).unwrap();
        assert_eq!(batches.recv(), Ok(vec![2]));
        worker.finish();
        assert_eq!(batches.recv().ok(), None);
    }

    #[test]
    fn a_full_queue_hands_the_job_back() {
        let (gate, opened) = channel();
        let (started, begun) = channel();
        let worker = Worker::spawn("test", 2, move |_: u32| {
            started.send(()).unwrap();
            opened.recv().unwrap();
        })
        .unwrap();
        worker.submit(0).unwrap();
        begun.recv().unwrap();
        assert_eq!((worker.submit(1), worker.submit(2), worker.submit(3)), (Ok(()), Ok(()), Err(3)));
        (0..3).for_each(|_| gate.send(()).unwrap());
        worker.finish();
    }

    #[test]
    #[should_panic(expected = "job went wrong")]
    fn a_panic_of_the_thread_goes_on_in_who_waits_for_it() {
        let worker = Worker::spawn("test", 1, |(): ()| panic!("job went wrong")).unwrap();
        worker.submit(()).unwrap();
        worker.finish();
    }
}

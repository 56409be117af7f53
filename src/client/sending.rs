//! Sends what is in the outbox, in order, until each message has an outcome.
//!
//! ```text
//!            a refusal to be repeated later               all in flight answered, the wait is over
//!  Running ────────────────────────────────▶ Halted ────────────────────────────────▶ Resuming
//!     ▲                                         │ connection lost                        │
//!     └─────────────────────────────────────────┴────────────────────────────────────────┘ done
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::database::LocalError;
use super::event::ClientEvent;
use super::outbox::{Draft, Entry, Outbox, Owner, Place, PostOutcome, SenderLock};
use super::requests::{Purpose, Requests};
use crate::message::{PostRequest, Refusal, RefusalCode, Reply, Request};
use crate::transport::{Micros, Time};

/// Most messages in flight: half of the requests that the server reads ahead, so that others find room beside them.
const IN_FLIGHT_COUNT_MAX: usize = 32;

/// Messages read from the disk at once.
const LOAD_COUNT: usize = 64;

/// How often to look whether another process has finished sending, while that matters.
const LOOK_DELAY: Micros = Micros::from_millis(50);

/// How often to look whether another process has sent what was left to it; it may have ended instead, or have looked too early.
const LEFT_LOOK_DELAY: Micros = Micros::from_secs(1);

/// How long to wait after the outbox could not be read.
const RETRY_DELAY: Micros = Micros::from_secs(1);

/// The first wait after a refusal to be repeated later; doubles with each further one.
const RESUME_DELAY_MIN: Micros = Micros::from_secs(1);

/// Longest such wait.
const RESUME_DELAY_MAX: Micros = Micros::from_secs(30);

#[derive(Debug)]
enum Flow {
    Running,
    Halted { resume_at: Time },
    Resuming,
}

/// The outbox and how far its sending is.
#[derive(Debug)]
pub(super) struct Sending {
    outbox: Outbox,
    lock: SenderLock,
    owner: Owner,
    flow: Flow,
    halt_count: u32,
    /// There may be messages on the disk behind `last_loaded`.
    may_have_more: bool,
    last_loaded: Option<Place>,
    loaded: VecDeque<Entry>,
    /// Sent, without an answer; whether each is our own.
    in_flight: BTreeMap<Place, bool>,
    /// Our own ones without an outcome, wherever they are.
    awaited: BTreeSet<Place>,
    /// Not written down yet.
    outcomes: Vec<(Place, PostOutcome)>,
    look_at: Option<Time>,
    /// Messages of others wait while another process has the right to send.
    is_left_to_another: bool,
}

impl Sending {
    pub(super) fn new(outbox: Outbox, lock: SenderLock, owner: Owner) -> Self {
        Self {
            outbox,
            lock,
            owner,
            flow: Flow::Running,
            halt_count: 0,
            may_have_more: true,
            last_loaded: None,
            loaded: VecDeque::new(),
            in_flight: BTreeMap::new(),
            awaited: BTreeSet::new(),
            outcomes: Vec::new(),
            look_at: None,
            is_left_to_another: false,
        }
    }

    /// Puts messages into the outbox.
    pub(super) fn append(&mut self, drafts: &[Draft]) -> Result<Vec<Place>, LocalError> {
        let places = self.outbox.append(self.owner, drafts)?;
        self.awaited.extend(&places);
        self.may_have_more = true;
        Ok(places)
    }

    /// Whether everything that this process has to do with the outbox is done.
    pub(super) fn is_idle(&self) -> bool {
        self.awaited.is_empty() && self.in_flight.is_empty() && self.loaded.is_empty() && !self.may_have_more
    }

    pub(super) fn unsent_count(&self) -> Result<u64, LocalError> {
        self.outbox.unsent_count()
    }

    /// When [`Sending::fill`] is wanted next.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self.flow {
            Flow::Running => self.look_at,
            Flow::Halted { resume_at } if self.in_flight.is_empty() => Some(resume_at),
            // An answer brings it on.
            Flow::Halted { .. } | Flow::Resuming => None,
        }
    }

    /// The user is signed in: whatever waits may go.
    pub(super) fn on_signed_in(&mut self) {
        self.may_have_more = true;
        self.look_at = None;
    }

    /// Makes requests of what waits, as many as may be in flight. What other processes achieved is told.
    pub(super) fn fill(
        &mut self,
        now: Time,
        requests: &mut Requests,
        tell: &mut VecDeque<ClientEvent>,
    ) -> Result<(), LocalError> {
        match self.flow {
            Flow::Halted { resume_at } if self.in_flight.is_empty() && resume_at <= now => {
                requests.add(&Request::Resume, Purpose::Resume);
                self.flow = Flow::Resuming;
                return Ok(());
            }
            Flow::Halted { .. } | Flow::Resuming => return Ok(()),
            Flow::Running => {}
        }
        self.may_have_more |= self.is_left_to_another && self.look_at.is_none_or(|look_at| look_at <= now);
        loop {
            while self.in_flight.len() < IN_FLIGHT_COUNT_MAX
                && let Some(Entry { place, owner, draft }) = self.loaded.pop_front()
            {
                if planted!(OutboxForgetsEarly) {
                    self.outbox.settle(owner, &[(place, Err(Refusal::new(RefusalCode::Malformed, "forgotten")))])?;
                }
                let Draft { id, to, text, reply_to, payload } = draft;
                let post = PostRequest { id, to: to.target(), text: text.as_str().to_owned(), reply_to, payload };
                requests.add(&Request::Post(post), Purpose::Post(place));
                self.in_flight.insert(place, owner == self.owner);
            }
            if !self.loaded.is_empty() || !self.may_have_more || self.look_at.is_some_and(|look_at| now < look_at) {
                break;
            }
            if !self.load(now, tell)? {
                break;
            }
        }
        if self.in_flight.is_empty() && self.loaded.is_empty() && !self.may_have_more && self.outcomes.is_empty() {
            self.lock.release();
        }
        Ok(())
    }

    /// Reads on from the disk; whether something was read.
    fn load(&mut self, now: Time, tell: &mut VecDeque<ClientEvent>) -> Result<bool, LocalError> {
        let held_before = self.lock.is_held();
        // If the disk fails.
        self.look_at = Some(now + RETRY_DELAY);
        let holds = self.lock.try_take()?;
        if !held_before && !self.awaited.is_empty() {
            for (place, outcome) in self.outbox.collect(self.owner)? {
                // The answer to our own try, if it is in flight too, is nothing new then.
                if self.awaited.remove(&place) {
                    tell.push_back(ClientEvent::Posted { place, own: true, outcome });
                }
            }
        }
        if !holds {
            // Another process sends. It also sends ours; without any of ours, all is left to it, and nobody waits here.
            self.may_have_more = !self.awaited.is_empty();
            self.is_left_to_another = !self.may_have_more && self.outbox.unsent_count()? > 0;
            let delay = if self.may_have_more { LOOK_DELAY } else { LEFT_LOOK_DELAY };
            self.look_at = (self.may_have_more || self.is_left_to_another).then_some(now + delay);
            return Ok(false);
        }
        self.is_left_to_another = false;
        self.look_at = None;
        self.loaded.extend(self.outbox.unsent(self.last_loaded, LOAD_COUNT)?);
        self.may_have_more = self.loaded.len() >= LOAD_COUNT;
        if let Some(last) = self.loaded.back() {
            self.last_loaded = Some(last.place);
        }
        Ok(!self.loaded.is_empty())
    }

    /// A message is answered.
    pub(super) fn on_reply(&mut self, now: Time, place: Place, reply: Reply) -> Option<ClientEvent> {
        let own = self.in_flight.remove(&place)?;
        let outcome = match reply {
            Reply::Stored(stored) => Ok(stored),
            Reply::Refused(refusal) if refusal.is_for_now() => return self.halt(now, refusal),
            Reply::Refused(refusal) => Err(refusal),
            _ => Err(Refusal::new(RefusalCode::Malformed, "the server does not understand messages of this program")),
        };
        self.halt_count = 0;
        self.outcomes.push((place, outcome.clone()));
        // Another process may have brought it first, when both were sending around a lost connection.
        let awaited = self.awaited.remove(&place);
        (awaited || !own).then_some(ClientEvent::Posted { place, own, outcome })
    }

    fn halt(&mut self, now: Time, refusal: Refusal) -> Option<ClientEvent> {
        if matches!(self.flow, Flow::Halted { .. }) {
            return None;
        }
        let doubled = RESUME_DELAY_MIN.times(1_u64.checked_shl(self.halt_count).unwrap_or(u64::MAX)).min(RESUME_DELAY_MAX);
        let delay = doubled.max(Micros::from_millis(u64::from(refusal.retry_after_ms)));
        self.halt_count = self.halt_count.saturating_add(1);
        self.flow = Flow::Halted { resume_at: now + delay };
        Some(ClientEvent::PostsHalted(refusal))
    }

    /// The server takes messages again; the refused ones are sent first.
    pub(super) fn on_resumed(&mut self) {
        self.start_over();
    }

    fn start_over(&mut self) {
        self.flow = Flow::Running;
        self.loaded.clear();
        self.last_loaded = None;
        self.may_have_more = true;
    }

    /// The connection is lost. Returns whether messages in flight are to be sent again as they are; if not, the order begins
    /// anew with the first one without an outcome.
    pub(super) fn on_lost(&mut self) -> bool {
        self.lock.release();
        self.look_at = None;
        // Unless a refused one stands before those in flight, or another process may send them now and be told what becomes of
        // them: then the disk says what is left to send.
        let goes_on = matches!(self.flow, Flow::Running) && !self.lock.is_shared();
        if !goes_on {
            self.in_flight.clear();
        }
        self.start_over();
        self.last_loaded = self.in_flight.last_key_value().map(|(place, _)| *place);
        goes_on
    }

    /// The server does not know the device: nothing is in flight, and the order begins anew once somebody signs in.
    pub(super) fn on_unknown(&mut self) {
        self.lock.release();
        self.in_flight.clear();
        self.start_over();
    }

    /// Writes the outcomes down.
    pub(super) fn settle(&mut self) -> Result<(), LocalError> {
        if self.outcomes.is_empty() {
            return Ok(());
        }
        // What could not be written down is not forgotten.
        self.outbox.settle(self.owner, &self.outcomes)?;
        self.outcomes.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::outbox::Recipient;
    use crate::message::{RequestId, Target, Text};

    /// What one process sends, beside another that has the right to send when it takes the returned lock.
    fn two_processes() -> (tempfile::TempDir, Sending, Outbox, SenderLock) {
        let dir = tempfile::tempdir().unwrap();
        let (outbox_path, lock_path) = (dir.path().join("client.db"), dir.path().join("sender.lock"));
        let sending = Sending::new(Outbox::open(&outbox_path).unwrap(), SenderLock::at(lock_path.clone()), [1; 16]);
        (dir, sending, Outbox::open(&outbox_path).unwrap(), SenderLock::at(lock_path))
    }

    fn draft(n: u8) -> Draft {
        let to = Recipient::new(&Target::Room("#ops".into()));
        Draft { id: RequestId([n; 16]), to, text: Text::parse("text").unwrap(), reply_to: None, payload: None }
    }

    fn at(millis: u64) -> Time {
        Time::default() + Micros::from_millis(millis)
    }

    #[test]
    fn a_message_that_another_process_settled_is_not_sent_again() {
        let (_dir, mut sending, mut other, mut other_lock) = two_processes();
        let (mut requests, mut told) = (Requests::default(), VecDeque::new());
        let place = sending.append(&[draft(1)]).unwrap()[0];
        sending.fill(at(0), &mut requests, &mut told).unwrap();
        // The connection is lost; the other process sends the message and is refused.
        assert!(!sending.on_lost(), "it is not sent again as it is");
        assert!(other_lock.try_take().unwrap());
        let refusal = Refusal::new(RefusalCode::NotMember, "join first");
        other.settle([2; 16], &[(place, Err(refusal.clone()))]).unwrap();
        other_lock.release();
        let mut after = Requests::default();
        sending.fill(at(1), &mut after, &mut told).unwrap();
        assert!(after.is_empty(), "whoever was told no must not find the message stored later");
        assert!(matches!(&told[0], ClientEvent::Posted { outcome: Err(no), .. } if *no == refusal));
    }

    #[test]
    fn what_was_left_to_a_process_that_ended_is_sent_after_all() {
        let (_dir, mut sending, mut other, mut other_lock) = two_processes();
        let (mut requests, mut told) = (Requests::default(), VecDeque::new());
        assert!(other_lock.try_take().unwrap());
        other.append([2; 16], &[draft(1)]).unwrap();
        sending.fill(at(0), &mut requests, &mut told).unwrap();
        assert!(requests.is_empty() && sending.is_idle(), "another process sends it, and nobody waits for that");
        sending.fill(at(1), &mut requests, &mut told).unwrap();
        assert!(sending.is_idle());
        // It ends with the right to send, and without having sent.
        other_lock.release();
        let look_at = sending.deadline().expect("it looks again");
        sending.fill(look_at, &mut requests, &mut told).unwrap();
        assert!(!requests.is_empty());
        assert_eq!(sending.deadline(), None);
    }

    #[test]
    fn what_another_process_has_sent_is_looked_for_no_more() {
        let (_dir, mut sending, mut other, mut other_lock) = two_processes();
        let (mut requests, mut told) = (Requests::default(), VecDeque::new());
        assert!(other_lock.try_take().unwrap());
        let place = other.append([2; 16], &[draft(1)]).unwrap()[0];
        sending.fill(at(0), &mut requests, &mut told).unwrap();
        other.settle([2; 16], &[(place, Err(Refusal::new(RefusalCode::NotMember, "join first")))]).unwrap();
        let look_at = sending.deadline().expect("it looks again");
        sending.fill(look_at, &mut requests, &mut told).unwrap();
        assert_eq!(sending.deadline(), None);
        assert!(requests.is_empty() && sending.is_idle());
    }

    #[test]
    fn while_an_answer_is_awaited_nothing_is_looked_for() {
        let (_dir, mut sending, _, _) = two_processes();
        let (mut requests, mut told) = (Requests::default(), VecDeque::new());
        let first = sending.append(&[draft(1)]).unwrap()[0];
        sending.fill(at(0), &mut requests, &mut told).unwrap();
        // As after a failed look at the disk.
        sending.look_at = Some(at(1));
        let full = Refusal::new(RefusalCode::ReadOnly, "the disk is full");
        assert!(matches!(sending.on_reply(at(2), first, Reply::Refused(full)), Some(ClientEvent::PostsHalted(_))));
        let resume_at = sending.deadline().unwrap();
        assert_eq!(resume_at, at(2) + RESUME_DELAY_MIN);
        sending.fill(resume_at, &mut requests, &mut told).unwrap();
        assert_eq!(sending.deadline(), None, "whoever is woken now has nothing to do and is woken again at once");
        sending.on_resumed();
        sending.fill(resume_at, &mut requests, &mut told).unwrap();
        assert_eq!(sending.deadline(), None, "it is on its way again");
    }
}

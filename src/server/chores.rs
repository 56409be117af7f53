//! When the ledger is to see to its chores: one at a time, each when it is due.
//!
//! The loop knows only the time of the next one, which outcomes tell. The first order of a running server finds out whether
//! there is any; looking in vain is harmless, so a clock that was set anew is met by looking at least once an hour.

use super::server::{Now, Server};
use super::steps::Step;
use crate::chat::{Action, Actor, ChoreTry, Command, Outcome};
use crate::message::{Refusal, RefusalCode, RequestId};
use crate::transport::{Micros, Time};

/// Longest time between two looks while there are chores.
const LOOK_DELAY_MAX: Micros = Micros::from_secs(3_600);

/// How long to wait after a disk had no room for a chore's step.
const RETRY_DELAY: Micros = Micros::from_secs(60);

/// What the loop knows of the chores.
#[derive(Debug)]
pub(super) struct Chores {
    /// When to look next; `None` while there is nothing to wait for.
    look_at: Option<Time>,
    /// What the next look does.
    next_try: ChoreTry,
    is_running: bool,
}

impl Chores {
    /// A server that has just started looks at once.
    pub(super) fn new(now: Now) -> Self {
        Self { look_at: Some(now.at), next_try: ChoreTry::Run, is_running: false }
    }

    /// When the server wants its turn for them.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.look_at.filter(|_| !self.is_running)
    }

    fn look_by(&mut self, at: Time) {
        self.look_at = Some(self.look_at.map_or(at, |before| before.min(at)));
    }
}

impl Server {
    /// Orders the next chore if it is time.
    pub(super) fn order_chore(&mut self, now: Now) {
        if self.chores.poll_timeout().is_none_or(|at| at > now.at) {
            return;
        }
        self.chores.look_at = None;
        self.chores.is_running = true;
        let what = std::mem::replace(&mut self.chores.next_try, ChoreTry::Run);
        let action = Action::Chore { what, guest_days: self.config.guest_days };
        let mut dice = [0; 10];
        self.dice.fill(&mut dice);
        let (id, salt) = (RequestId::at(now.wall_ms, dice), self.salt());
        let command = Command { actor: Actor::Server, id, fingerprint: [0; 32], time_ms: now.wall_ms, salt, action };
        self.order(Step::Chore, command);
    }

    /// An outcome says when the next chore is due.
    pub(super) fn on_chore_due(&mut self, now: Now, due_ms: u64) {
        let delay = Micros::from_millis(due_ms.saturating_sub(now.wall_ms).min(LOOK_DELAY_MAX.as_micros() / 1_000));
        self.chores.look_by(now.at + delay);
    }

    /// The ledger is through with a chore's step.
    pub(super) fn on_chore_done(&mut self, now: Now, result: &Result<Outcome, Refusal>) {
        self.chores.is_running = false;
        if let Err(refusal) = result {
            tracing::warn!(sentence = %refusal.sentence, "a chore failed");
            if refusal.code() == RefusalCode::ReadOnly {
                self.chores.look_by(now.at + RETRY_DELAY);
            } else {
                self.chores.next_try = ChoreTry::PutOff;
                self.chores.look_by(now.at);
            }
        }
    }
}

//! The race for a connection: a server's addresses are tried one shortly after the other, and the first to answer wins.
//!
//! Beside it, when the server's key is known and nobody answers to it, the key is asked for without proof: a server with
//! another key is silent to a handshake for the old one, and a person should not be told "no answer" then.

use std::net::SocketAddr;

use crate::crypto::{PublicKey, SecretKey};
use crate::transport::{CloseCode, CloseReason, ConnectionHandle, Endpoint, Event, Micros, Time};

/// How long one address has before the next one is tried beside it (RFC 8305 section 5, Connection Attempt Delay).
const RACE_DELAY: Micros = Micros::from_millis(250);

/// How long a known server may be silent before it is asked for its key.
const QUESTION_DELAY: Micros = Micros::from_millis(750);

/// Tries of one round.
#[derive(Debug)]
pub(super) struct Attempts {
    running: Vec<ConnectionHandle>,
    tried_count: usize,
    next_at: Time,
    question: Question,
}

#[derive(Debug)]
enum Question {
    At(Time),
    Asked(ConnectionHandle),
    Over,
}

/// What came of the tries.
#[derive(Debug)]
pub(super) enum Found {
    /// A server that was never met told its key.
    Key { handle: ConnectionHandle, key: PublicKey },
    /// A server that was met told another key.
    ChangedKey { known: PublicKey, told: PublicKey },
    /// A server proved its key.
    Connected { handle: ConnectionHandle, key: PublicKey },
    /// No address answered.
    Nobody(CloseReason),
}

impl Attempts {
    pub(super) fn begin(
        now: Time,
        endpoint: &mut Endpoint,
        remotes: &[SocketAddr],
        device: &SecretKey,
        known: Option<PublicKey>,
    ) -> Self {
        let question = if known.is_some() { Question::At(now + QUESTION_DELAY) } else { Question::Over };
        let mut attempts = Self { running: Vec::new(), tried_count: 0, next_at: now, question };
        attempts.handle_timeout(now, endpoint, remotes, device, known);
        attempts
    }

    /// One try is under way already, to an address at which the server was just heard.
    pub(super) fn going_on(now: Time, handle: ConnectionHandle) -> Self {
        Self { running: vec![handle], tried_count: usize::MAX, next_at: now, question: Question::At(now + QUESTION_DELAY) }
    }

    pub(super) fn deadline(&self, remotes: &[SocketAddr]) -> Option<Time> {
        let next = (self.tried_count < remotes.len()).then_some(self.next_at);
        let question = match self.question {
            Question::At(at) => Some(at),
            Question::Asked(_) | Question::Over => None,
        };
        [next, question].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(
        &mut self,
        now: Time,
        endpoint: &mut Endpoint,
        remotes: &[SocketAddr],
        device: &SecretKey,
        known: Option<PublicKey>,
    ) {
        if self.next_at <= now
            && let Some(remote) = remotes.get(self.tried_count)
        {
            self.tried_count += 1;
            self.next_at = now + RACE_DELAY;
            self.running.push(endpoint.connect(now, *remote, device, known));
        }
        if let Question::At(at) = self.question
            && at <= now
            && let Some(remote) = remotes.first()
        {
            self.question = Question::Asked(endpoint.connect(now, *remote, device, None));
        }
    }

    pub(super) fn on_event(
        &mut self,
        now: Time,
        endpoint: &mut Endpoint,
        handle: ConnectionHandle,
        event: Event,
        known: Option<PublicKey>,
    ) -> Option<Found> {
        if matches!(self.question, Question::Asked(asked) if asked == handle) {
            self.question = Question::Over;
            endpoint.close(now, handle, CloseCode::Done, "");
            return match (event, known) {
                (Event::ServerKey { key: told }, Some(known)) if told != known => Some(Found::ChangedKey { known, told }),
                _ => None,
            };
        }
        if !self.running.contains(&handle) {
            return None;
        }
        match event {
            Event::ServerKey { key } => {
                self.abandon_all_but(now, endpoint, handle);
                Some(Found::Key { handle, key })
            }
            Event::Connected { peer } => {
                self.abandon_all_but(now, endpoint, handle);
                Some(Found::Connected { handle, key: peer })
            }
            Event::Closed(reason) => {
                self.running.retain(|running| *running != handle);
                if !self.running.is_empty() {
                    return None;
                }
                self.abandon_all_but(now, endpoint, handle);
                Some(Found::Nobody(reason))
            }
            Event::Readable(_) | Event::Writable(_) | Event::Latest | Event::PathChanged(_) | Event::Silent => None,
        }
    }

    fn abandon_all_but(&mut self, now: Time, endpoint: &mut Endpoint, kept: ConnectionHandle) {
        let question = match self.question {
            Question::Asked(asked) => Some(asked),
            Question::At(_) | Question::Over => None,
        };
        for handle in self.running.drain(..).chain(question).filter(|handle| *handle != kept) {
            endpoint.close(now, handle, CloseCode::Done, "");
        }
        self.question = Question::Over;
    }
}

//! What happened inside connections, step by step, for people who look for the reason of something.
//!
//! Off unless [`Config::trace`](super::Config::trace) is on: then a connection keeps nothing and spends a comparison at each
//! hook. Whoever drives the endpoint polls the events in each turn and stamps them with its time.

use std::collections::VecDeque;
use std::fmt::Write;
use std::net::SocketAddr;

use super::error::{CloseCode, CloseReason};
use super::slots::ConnectionHandle;
use super::state::Stage;
use super::time::Time;

/// Events that wait to be polled; what comes when they are full is counted and forgotten.
pub const TRACE_COUNT_MAX: usize = 65_536;

/// Whether connections tell what happens inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    /// They do not; nothing is kept.
    Off,
    /// They do, and somebody polls.
    On,
}

/// Something that happened inside a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceEvent {
    /// There are keys.
    Opened {
        /// Where the peer is.
        remote: SocketAddr,
    },
    /// It went from one stage of its life to another.
    Stage {
        /// Before.
        from: Stage,
        /// After.
        to: Stage,
    },
    /// The peer is reached at another address.
    Path {
        /// The address.
        remote: SocketAddr,
    },
    /// A packet is taken for lost.
    Lost {
        /// Its length in bytes.
        len: u16,
    },
    /// No acknowledgement came in time; probes follow.
    Probe {
        /// How often in a row.
        count: u32,
    },
    /// It is over, or never came about.
    Closed {
        /// Why.
        reason: CloseReason,
    },
    /// Events were forgotten, because nobody polled.
    Dropped {
        /// How many.
        count: u64,
    },
}

impl TraceEvent {
    /// One line of JSON, without the line's end: `us` is the time in microseconds, `connection` names the connection within
    /// this run. Holds numbers, addresses and words of this file only, so nothing needs to be escaped.
    #[must_use]
    pub fn to_json(&self, at: Time, handle: ConnectionHandle) -> String {
        let (slot, generation) = (handle.slot, handle.generation);
        let mut line = format!(r#"{{"us":{},"connection":"{slot}.{generation}","#, at.as_micros());
        let written = match self {
            Self::Opened { remote } => write!(line, r#""event":"opened","remote":"{remote}"}}"#),
            Self::Stage { from, to } => write!(line, r#""event":"stage","from":"{}","to":"{}"}}"#, word(*from), word(*to)),
            Self::Path { remote } => write!(line, r#""event":"path","remote":"{remote}"}}"#),
            Self::Lost { len } => write!(line, r#""event":"lost","len":{len}}}"#),
            Self::Probe { count } => write!(line, r#""event":"probe","count":{count}}}"#),
            Self::Closed { reason } => {
                let (why, code) = reason_words(reason);
                match code {
                    Some(code) => write!(line, r#""event":"closed","why":"{why}","code":{}}}"#, code.to_u16()),
                    None => write!(line, r#""event":"closed","why":"{why}"}}"#),
                }
            }
            Self::Dropped { count } => write!(line, r#""event":"dropped","count":{count}}}"#),
        };
        written.map_or_else(|_| String::new(), |()| line)
    }
}

/// The lines of everything that `poll` yields, each with its end; what [`TraceEvent::to_json`] makes of it.
#[must_use]
pub fn trace_lines(at: Time, mut poll: impl FnMut() -> Option<(ConnectionHandle, TraceEvent)>) -> String {
    let mut lines = String::new();
    while let Some((handle, event)) = poll() {
        lines.push_str(&event.to_json(at, handle));
        lines.push('\n');
    }
    lines
}

const fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Handshaken => "handshaken",
        Stage::Established => "established",
        Stage::Closing => "closing",
        Stage::Draining => "draining",
        Stage::Closed => "closed",
    }
}

const fn reason_words(reason: &CloseReason) -> (&'static str, Option<CloseCode>) {
    match reason {
        CloseReason::Peer { code, .. } => ("peer", Some(*code)),
        CloseReason::Local { code } => ("local", Some(*code)),
        CloseReason::IdleTimeout => ("idle", None),
        CloseReason::HandshakeTimeout => ("no answer", None),
        CloseReason::Reset => ("reset", None),
        CloseReason::VersionMismatch { .. } => ("version", None),
    }
}

/// The events of one connection that its endpoint has not collected yet.
#[derive(Debug)]
#[expect(clippy::box_collection, reason = "a connection that tells nothing spends a pointer on it")]
pub(super) struct ConnectionTrace(Option<Box<Vec<TraceEvent>>>);

impl ConnectionTrace {
    pub(super) fn new(tracing: Tracing) -> Self {
        Self((tracing == Tracing::On).then(Box::default))
    }

    /// Notes an event; it is made only if somebody wants it.
    pub(super) fn note(&mut self, event: impl FnOnce() -> TraceEvent) {
        if let Some(events) = self.0.as_mut().filter(|events| events.len() < TRACE_COUNT_MAX) {
            events.push(event());
        }
    }

    fn take(&mut self) -> Vec<TraceEvent> {
        self.0.as_mut().map(|events| std::mem::take(&mut **events)).unwrap_or_default()
    }
}

/// The events of all connections, in the order in which they were collected.
#[derive(Debug, Default)]
pub(super) struct Trace {
    events: VecDeque<(ConnectionHandle, TraceEvent)>,
    dropped_count: u64,
}

impl Trace {
    pub(super) fn note(&mut self, handle: ConnectionHandle, event: TraceEvent) {
        if self.events.len() < TRACE_COUNT_MAX {
            self.events.push_back((handle, event));
        } else {
            self.dropped_count = self.dropped_count.saturating_add(1);
        }
    }

    pub(super) fn collect(&mut self, handle: ConnectionHandle, connection: &mut ConnectionTrace) {
        for event in connection.take() {
            self.note(handle, event);
        }
    }

    pub(super) fn poll(&mut self) -> Option<(ConnectionHandle, TraceEvent)> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        let count = std::mem::take(&mut self.dropped_count);
        let nobody = ConnectionHandle { slot: 0, generation: 0 };
        (count > 0).then_some((nobody, TraceEvent::Dropped { count }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLE: ConnectionHandle = ConnectionHandle { slot: 3, generation: 1 };

    #[test]
    fn an_event_is_a_line_of_json() {
        let reason = CloseReason::Peer { code: CloseCode::Limit, reason: "\"quoted\"\n".into() };
        let lines = [
            (TraceEvent::Lost { len: 120 }, r#"{"us":5,"connection":"3.1","event":"lost","len":120}"#),
            (TraceEvent::Closed { reason }, r#"{"us":5,"connection":"3.1","event":"closed","why":"peer","code":3}"#),
            (
                TraceEvent::Stage { from: Stage::Handshaken, to: Stage::Established },
                r#"{"us":5,"connection":"3.1","event":"stage","from":"handshaken","to":"established"}"#,
            ),
            (
                TraceEvent::Opened { remote: "[2001:db8::1]:5".parse().unwrap() },
                r#"{"us":5,"connection":"3.1","event":"opened","remote":"[2001:db8::1]:5"}"#,
            ),
        ];
        for (event, line) in lines {
            assert_eq!(event.to_json(Time::from_micros(5), HANDLE), line);
        }
    }

    #[test]
    fn what_nobody_polls_is_counted_and_forgotten() {
        let mut trace = Trace::default();
        for _ in 0..TRACE_COUNT_MAX + 7 {
            trace.note(HANDLE, TraceEvent::Lost { len: 1 });
        }
        let polled: Vec<_> = std::iter::from_fn(|| trace.poll()).map(|(_, event)| event).collect();
        assert_eq!(polled.len(), TRACE_COUNT_MAX + 1);
        assert_eq!(polled.last(), Some(&TraceEvent::Dropped { count: 7 }));
        trace.note(HANDLE, TraceEvent::Probe { count: 1 });
        assert_eq!(trace.poll(), Some((HANDLE, TraceEvent::Probe { count: 1 })));
        assert_eq!(trace.poll(), None);
        let mut off = ConnectionTrace::new(Tracing::Off);
        off.note(|| unreachable!("nobody wants it"));
        assert!(off.take().is_empty());
    }
}

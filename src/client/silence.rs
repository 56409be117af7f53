//! When the client should speak through another socket: probes are not answered, so its address may be nobody's any more.
//!
//! A network that is only bad or gone looks the same, so each further socket comes after a longer wait.

use super::client::Client;
use crate::transport::{ConnectionHandle, Micros, Time, TraceEvent};

/// The first wait between two sockets; doubles with each further one.
const WAIT_MIN: Micros = Micros::from_secs(1);

/// Longest such wait.
const WAIT_MAX: Micros = Micros::from_secs(32);

/// Silence that begins so long after the last new socket has nothing to do with it.
const FORGET_AFTER: Micros = Micros::from_secs(60);

/// The wish for a new socket, and when the last one was.
#[derive(Debug, Default)]
pub(super) struct Silence {
    is_wished: bool,
    last_at: Option<Time>,
    wait: Micros,
}

impl Silence {
    /// Two or more probes in a row went unanswered.
    pub(super) fn on_silent(&mut self, now: Time) {
        self.wait = match self.last_at {
            Some(last_at) if now < last_at + self.wait => return,
            Some(last_at) if now < last_at + FORGET_AFTER => self.wait.times(2).min(WAIT_MAX),
            _ => WAIT_MIN,
        };
        self.last_at = Some(now);
        self.is_wished = true;
    }

    /// Whether a new socket is wished for; told once.
    pub(super) fn take_wish(&mut self) -> bool {
        std::mem::take(&mut self.is_wished)
    }
}

/// What concerns sockets, for whoever drives a client.
impl Client {
    /// Whether the client wants to speak through a new socket, because nothing comes through this one; told once. With the
    /// new socket, [`Client::on_local_path_changed`]; the old one is of use until [`Client::heard_count`] grows by what comes
    /// through the new one.
    pub fn take_socket_wish(&mut self) -> bool {
        self.silence.take_wish()
    }

    /// How many authentic datagrams were heard.
    #[must_use]
    pub fn heard_count(&self) -> u64 {
        let counters = self.endpoint.counters();
        counters.packets_opened.saturating_add(counters.handshakes_completed)
    }

    /// What happened inside the connections, if the transport's settings ask for it.
    pub fn poll_trace(&mut self) -> Option<(ConnectionHandle, TraceEvent)> {
        self.endpoint.poll_trace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_come_more_slowly_while_silence_lasts_and_at_once_after_a_while() {
        let mut silence = Silence::default();
        let wishes = |silence: &mut Silence, seconds: std::ops::Range<u64>| -> Vec<u64> {
            let at = |second: u64| Time::from_micros(second * 1_000_000);
            seconds
                .filter(|second| {
                    silence.on_silent(at(*second));
                    silence.take_wish()
                })
                .collect()
        };
        assert_eq!(wishes(&mut silence, 0..100), [0, 1, 3, 7, 15, 31, 63, 95]);
        assert_eq!(wishes(&mut silence, 155..160), [155, 156, 158]);
        assert!(!silence.take_wish());
    }
}

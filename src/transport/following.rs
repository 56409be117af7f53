//! A connection follows its peer from address to address, and asks paths what they carry.
//!
//! Two kinds of packets here carry no stream bytes and are not waited for: the challenge that goes to the address before a
//! move, and the probe of a longer datagram. Their loss says nothing about the path in use, so recovery and congestion
//! control do not see them.

use super::congestion::Congestion;
use super::connection::{Connection, Role};
use super::datagram_size::Demand;
use super::path::{Move, Pace, Path};
use super::rtt::Rtt;
use super::sent_packets::Carried;
use super::state::State;
use super::stats::count;
use super::time::Time;
use super::trace::TraceEvent;
use crate::wire::{Frame, HEADER_LEN, StreamId, TAG_LEN};
use tracing::debug;

/// No packet of ours has such a number, so the seal over nothing is free to be used as a source of unpredictable bytes.
const CHALLENGE_NUMBERS: u64 = 1 << 63;

/// A client tells of silence after so many unanswered probe timeouts in a row, and again with each further period.
const SILENCE_COUNT: u32 = 2;
const SILENCE_PERIOD: u32 = 8;

/// What was learned about the network that a peer has left, in case it was only somebody who copied its packets.
#[derive(Debug)]
pub(super) struct LeftBehind {
    rtt: Rtt,
    congestion: Congestion,
}

impl Connection {
    /// The newest authentic packet came by `path`: that is where the peer is.
    pub(super) fn follow(&mut self, now: Time, path: Path) {
        if self.role == Role::Client {
            return;
        }
        let moves = self.counts.path_moves;
        let seal = &self.keys.seal;
        let challenges = || {
            let tag = seal.seal(CHALLENGE_NUMBERS.saturating_add(moves), b"path challenge", &mut []);
            let (first, second) = tag.split_at(8);
            [first, second].map(|half| half.first_chunk().copied().unwrap_or_default())
        };
        let pace = Pace { rtt: self.rtt.smoothed(), probe_timeout: self.rtt.probe_timeout() };
        match self.path.on_newest_packet(now, path, pace, challenges) {
            Move::None => return,
            Move::Refused => return count(&mut self.counts.caps.moves_refused),
            Move::Port => {}
            Move::Address => {
                // Another network: nothing learned about the old one holds (RFC 9000 section 9.4).
                let rtt = std::mem::replace(&mut self.rtt, Rtt::new(None));
                let congestion = self.exchange_congestion(Congestion::new());
                // Of several moves in a row, the first left the network that is proven.
                self.left_behind.get_or_insert_with(|| Box::new(LeftBehind { rtt, congestion }));
                self.size.on_moved();
            }
            Move::Back => self.take_up_left_behind(),
        }
        self.on_path_moved();
    }

    /// The peer echoed a challenge.
    pub(super) fn on_path_response(&mut self, now: Time, echo: [u8; 8]) {
        self.path.on_response(now, echo);
        if self.path.allowance() == u64::MAX {
            self.left_behind = None;
        }
    }

    /// Goes back to the last proven address if the new one was not proven in time.
    pub(super) fn on_path_timeout(&mut self, now: Time) {
        if self.path.on_timeout(now) {
            self.take_up_left_behind();
            self.on_path_moved();
        }
    }

    /// The peer is reached at another address now.
    fn on_path_moved(&mut self) {
        let remote = self.path.current().remote;
        debug!(%remote, "path moved");
        self.trace.note(|| TraceEvent::Path { remote });
        self.counts.path_moves = self.counts.path_moves.saturating_add(1);
        self.events.path_changed = true;
        self.probe_timer.on_path_moved();
    }

    fn take_up_left_behind(&mut self) {
        if let Some(left) = self.left_behind.take() {
            self.rtt = left.rtt;
            self.exchange_congestion(left.congestion);
        }
    }

    /// Goes on with another congestion state; what is in flight stays so. Returns the one before, with nothing in flight.
    fn exchange_congestion(&mut self, next: Congestion) -> Congestion {
        let mut before = std::mem::replace(&mut self.congestion, next);
        for packet in self.sent.in_flight().filter(|packet| packet.carried.eliciting) {
            before.on_forgotten(packet.len);
            self.congestion.on_inherited(packet);
        }
        before
    }

    /// Builds a packet that only asks about a path, if one is due, and says where to send it.
    pub(super) fn poll_question(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<Path> {
        if !matches!(self.state, State::Established) {
            return None;
        }
        if let Some((path, challenge)) = self.path.take_fallback_challenge(now) {
            self.put_question(now, &Frame::PathChallenge(challenge), None, buf);
            return Some(path);
        }
        // While nothing is known to arrive, nothing is learned from a size that does not.
        let is_quiet = self.probe_timer.count() > 0 || self.path.allowance() < u64::MAX;
        let demand = if is_quiet { Demand::None } else { self.size_demand() };
        let len = self.size.take_probe(now, demand, self.closing_delay())?;
        self.put_question(now, &Frame::Ping, Some(len), buf);
        Some(self.path.current())
    }

    fn size_demand(&self) -> Demand {
        if self.has_bulk() {
            Demand::Bulk
        } else if self.unacked_len(StreamId::Chat) > usize::from(self.size.current()) {
            Demand::Chat
        } else {
            Demand::None
        }
    }

    /// Seals a packet of one frame, padded to `len` bytes if that is given.
    fn put_question(&mut self, now: Time, frame: &Frame<'_>, len: Option<u16>, buf: &mut Vec<u8>) {
        buf.clear();
        buf.resize(HEADER_LEN, 0);
        frame.encode(buf);
        if let Some(len) = len {
            // Zeros are PADDING.
            buf.resize(usize::from(len).saturating_sub(TAG_LEN), 0);
        }
        self.seal(buf);
        self.on_sent(now, buf.len(), Carried::default());
    }

    /// The probe timer expired: a client that is not answered should look after its socket.
    pub(super) fn tell_silence(&mut self) {
        let count = self.probe_timer.count();
        self.trace.note(|| TraceEvent::Probe { count });
        let is_told = count.checked_rem(SILENCE_PERIOD) == Some(SILENCE_COUNT);
        self.events.silent |= is_told && self.role == Role::Client;
    }
}

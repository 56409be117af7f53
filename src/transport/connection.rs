//! One reliable conversation over lossy datagrams: the public face, the parts and their timers.
//!
//! A `Connection` begins when the handshake has made keys and ends when it is drained. It is handed datagrams and `now`, and
//! gives back packets, events and its next deadline; it never meets a socket or a clock. What comes in is in `receive.rs`,
//! what goes out in `transmit.rs`, the stages of its life in `state.rs`.

use super::ack::AckState;
use super::bulk_turn::BulkTurn;
use super::config::Config;
use super::congestion::Congestion;
use super::datagram_size::DatagramSize;
use super::error::{CloseCode, SendError};
use super::events::{ConnectionEvent, Events};
use super::following::LeftBehind;
use super::latest::{LatestKey, LatestReceiving, LatestSending};
use super::loss::LossDetector;
use super::loss_rate::{LossRate, Verdict};
use super::pacing::Pacer;
use super::path::{Path, PathState};
use super::pto::{AckRequest, ProbeTimer};
use super::recv_stream::RecvStream;
use super::redundancy::Redundancy;
use super::rtt::Rtt;
use super::send_stream::{INITIAL_CREDIT_LEN, SEND_BULK_LEN_MAX, SEND_QUEUE_LEN_MAX, SendStream};
use super::sent_packets::SentPackets;
use super::skips::Skips;
use super::state::{Stage, State};
use super::stats::{Counts, Stats};
use super::streams::Streams;
use super::time::{Micros, Time};
use super::trace::ConnectionTrace;
use crate::crypto::{PacketKeys, ReplayWindow};
use crate::wire::{BulkStream, CLOSE_REASON_LEN_MAX, ConnectionId, StreamId};
use std::sync::Arc;

/// The congestion window goes by the loss over so many packets.
pub(super) const LOSS_HORIZON: u16 = 1_024;

/// Which end of the conversation this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It called: it keeps address translators' mappings alive.
    Client,
    /// It was called: it follows the client's address.
    Server,
}

/// The established part of a conversation between two ends.
///
/// Drive it so: hand in every datagram that came, then `handle_timeout` if its deadline passed, then
/// poll events and packets until there are none. It has no `Clone`: a packet number must never be used twice.
#[derive(Debug)]
pub struct Connection {
    pub(super) role: Role,
    pub(super) state: State,
    pub(super) keys: PacketKeys,
    pub(super) local_id: ConnectionId,
    pub(super) remote_id: ConnectionId,
    pub(super) size: DatagramSize,
    pub(super) path: PathState,
    /// What was learned about the network of the last proven address, while another is not proven.
    pub(super) left_behind: Option<Box<LeftBehind>>,
    pub(super) opened: ReplayWindow,
    pub(super) acks: AckState,
    pub(super) sent: SentPackets,
    pub(super) rtt: Rtt,
    pub(super) loss: LossDetector,
    pub(super) probe_timer: ProbeTimer,
    pub(super) congestion: Congestion,
    /// Over many packets, for the congestion window.
    pub(super) loss_rate: LossRate<LOSS_HORIZON>,
    pub(super) pacer: Pacer,
    pub(super) redundancy: Redundancy,
    pub(super) skips: Skips,
    pub(super) bulk_turn: BulkTurn,
    /// The bulk stream that began the last packet with bulk bytes.
    pub(super) last_bulk: BulkStream,
    pub(super) sending: Streams<SendStream>,
    pub(super) receiving: Streams<RecvStream>,
    bulk_window_len: u32,
    pub(super) latest_sending: LatestSending,
    pub(super) latest_receiving: LatestReceiving,
    pub(super) ping_due: bool,
    pub(super) events: Events,
    pub(super) trace: ConnectionTrace,
    pub(super) counts: Counts,
    /// When something authentic was last heard.
    pub(super) heard_at: Time,
    /// When the idle timeout began: heard, or the first packet that asks for an answer after that (RFC 9000 section 10.1).
    pub(super) idle_since: Time,
    /// Whether such a packet was sent since something was heard.
    pub(super) asked_since_heard: bool,
    idle_timeout: Micros,
    keepalive_delay: Micros,
}

impl Connection {
    /// Begins with the keys that the handshake made.
    ///
    /// `datagram_len` is the size that is known to get through, `rtt` the handshake's sample if it took one.
    #[expect(clippy::too_many_arguments, reason = "these are exactly what a handshake yields")]
    pub(crate) fn new(
        role: Role,
        config: &Config,
        keys: PacketKeys,
        local_id: ConnectionId,
        remote_id: ConnectionId,
        path: Path,
        datagram_len: u16,
        rtt: Option<Micros>,
        now: Time,
    ) -> Self {
        Self {
            role,
            state: State::Handshaken,
            keys,
            local_id,
            remote_id,
            size: DatagramSize::new(datagram_len),
            path: PathState::new(path),
            left_behind: None,
            opened: ReplayWindow::new(),
            acks: AckState::new(),
            sent: SentPackets::new(),
            rtt: Rtt::new(rtt),
            loss: LossDetector::new(),
            probe_timer: ProbeTimer::new(),
            congestion: Congestion::new(),
            loss_rate: LossRate::new(LOSS_HORIZON),
            pacer: Pacer::new(),
            redundancy: Redundancy::new(now),
            skips: Skips::new(),
            bulk_turn: BulkTurn::new(),
            last_bulk: BulkStream::FIRST,
            sending: empty_queues(),
            receiving: Streams::new(RecvStream::new(config.chat_window_len, INITIAL_CREDIT_LEN)),
            bulk_window_len: config.bulk_window_len,
            latest_sending: LatestSending::default(),
            latest_receiving: LatestReceiving::default(),
            // The client's first packet confirms the keys to the server.
            ping_due: role == Role::Client,
            events: Events::default(),
            trace: ConnectionTrace::new(config.trace),
            counts: Counts::default(),
            heard_at: now,
            idle_since: now,
            asked_since_heard: false,
            idle_timeout: config.idle_timeout,
            keepalive_delay: config.keepalive_delay,
        }
    }

    /// The handshake took more attempts than one: so many packets were lost on the way or on the way back.
    pub(crate) fn seed_loss(&mut self, lost_count: u8) {
        for _ in 0..lost_count {
            self.redundancy.on_own(Verdict::Lost);
        }
        self.redundancy.on_own(Verdict::Arrived);
    }

    /// The next event, until there is none.
    pub(crate) fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.events.poll()
    }

    /// When [`Self::handle_timeout`] must be called at the latest.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        if !self.state.is_open() {
            return self.state.deadline();
        }
        let sending = [self.recovery_deadline(), self.pacer.held_until(), self.redundancy.next_at()];
        let others = [self.acks.deadline(), self.path.deadline(), Some(self.idle_at()), self.keepalive_at()];
        let sending = sending.into_iter().filter(|_| self.may_send());
        sending.chain(others).flatten().min()
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        if !self.state.is_open() {
            if self.state.deadline().is_some_and(|at| at <= now) {
                self.enter(State::Closed);
            }
            return;
        }
        if self.idle_at() <= now {
            self.on_idle();
            return;
        }
        self.acks.on_timeout(now);
        self.on_path_timeout(now);
        if self.loss.deadline().is_some_and(|at| at <= now) {
            self.detect_losses(now);
        } else if self.recovery_deadline().is_some_and(|at| at <= now) {
            self.on_probe_timeout(now);
        }
        if self.keepalive_at().is_some_and(|at| at <= now) {
            self.ping_due = true;
        }
    }

    /// Queues a message; it goes out with the next `poll_transmit`. The bytes are shared, not copied.
    ///
    /// # Errors
    /// [`SendError::Blocked`] if [`SEND_QUEUE_LEN_MAX`] bytes wait already ([`SEND_BULK_LEN_MAX`] on a bulk stream; an event follows
    /// when half is free), [`SendError::TooLong`], [`SendError::Closed`].
    pub fn send(&mut self, _now: Time, stream: StreamId, message: &Arc<[u8]>) -> Result<(), SendError> {
        if !self.state.is_open() {
            return Err(SendError::Closed);
        }
        self.sending_on(stream).queue(message)
    }

    /// The next whole message. Reading gives the peer credit; not reading holds it back. What came before the end can
    /// still be read after a [`CloseReason::Peer`](super::CloseReason::Peer).
    pub fn recv(&mut self, now: Time, stream: StreamId) -> Option<Vec<u8>> {
        match self.receiving.of_mut(stream)?.next_message() {
            Ok(message) => message,
            Err(code) => {
                self.close_here(now, code, "not a message length");
                None
            }
        }
    }

    /// Sends a value in the place of any older one of `key` that was not sent yet. It goes out at most once and may be lost; one
    /// that comes late is not told. The bytes are shared, not copied, so a value can go to many connections.
    ///
    /// # Errors
    /// [`SendError::TooLong`] above [`LATEST_LEN_MAX`](super::LATEST_LEN_MAX) bytes, [`SendError::Closed`].
    pub fn send_latest(&mut self, _now: Time, key: LatestKey, value: &Arc<[u8]>) -> Result<(), SendError> {
        if !self.state.is_open() {
            return Err(SendError::Closed);
        }
        if self.latest_sending.put(key, value)? {
            self.counts.latest_dropped = self.counts.latest_dropped.saturating_add(1);
        }
        Ok(())
    }

    /// The next latest value that came.
    pub fn recv_latest(&mut self) -> Option<Vec<u8>> {
        self.latest_receiving.take()
    }

    /// Bytes queued and not sent for the first time.
    #[must_use]
    pub fn queued_len(&self, stream: StreamId) -> usize {
        let len = self.sending.of(stream).map_or(0, SendStream::queued_len);
        usize::try_from(len).unwrap_or(usize::MAX)
    }

    /// Asks for [`ConnectionEvent::Writable`] once no more than `len` bytes of the stream are queued and unsent. A later call
    /// replaces an earlier one.
    pub fn notify_below(&mut self, stream: StreamId, len: usize) {
        self.sending_on(stream).notify_below(u32::try_from(len).unwrap_or(u32::MAX));
        self.tell_drained();
    }

    /// Asks for [`ConnectionEvent::Writable`] once, of what is queued on the stream by now, no more than `len` bytes are
    /// unacknowledged. Of several such wishes the first that comes true is told, and the others must be made anew.
    pub fn notify_acked_below(&mut self, stream: StreamId, len: usize) {
        self.sending_on(stream).notify_acked_below(u32::try_from(len).unwrap_or(u32::MAX));
        self.tell_drained();
    }

    /// The offset behind everything that was queued on the stream so far.
    #[must_use]
    pub fn written_len(&self, stream: StreamId) -> u64 {
        self.sending.of(stream).map_or(0, SendStream::written_len)
    }

    /// The offset below which everything on the stream is acknowledged.
    #[must_use]
    pub fn acked_len(&self, stream: StreamId) -> u64 {
        self.sending.of(stream).map_or(0, SendStream::acked_len)
    }

    /// Asks for [`ConnectionEvent::Writable`] once everything on the stream below `offset` is acknowledged; together with the
    /// wishes of [`Self::notify_acked_below`].
    pub fn notify_acked_to(&mut self, stream: StreamId, offset: u64) {
        self.sending_on(stream).notify_acked_to(offset);
        self.tell_drained();
    }

    /// Tells the owner of streams that have become as short as he waited for.
    pub(super) fn tell_drained(&mut self) {
        for (stream, sending) in self.sending.iter_mut() {
            if sending.take_drained() {
                self.events.writable.insert(stream);
            }
        }
    }

    /// Whether there is anything to poll by `poll_event`.
    pub(crate) fn has_events(&self) -> bool {
        self.events.is_any()
    }

    /// Bytes queued or sent and not acknowledged.
    #[must_use]
    pub fn unacked_len(&self, stream: StreamId) -> usize {
        let len = self.sending.of(stream).map_or(0, SendStream::unacked_len);
        usize::try_from(len).unwrap_or(usize::MAX)
    }

    /// Lets the peer send up to `window_len` bytes ahead of the reader from now on; never less than before.
    pub fn raise_credit(&mut self, _now: Time, stream: StreamId, window_len: u32) {
        self.receiving_on(stream).raise_window(window_len);
    }

    /// Ends the connection and tells the peer why; what is queued is not sent any more. Words beyond 64 bytes are cut off.
    pub fn close(&mut self, now: Time, code: CloseCode, reason: &str) {
        let end = reason.floor_char_boundary(CLOSE_REASON_LEN_MAX);
        self.close_here(now, code, reason.get(..end).unwrap_or_default());
    }

    /// Asks the peer for a sign of life at once.
    pub fn ping(&mut self, _now: Time) {
        self.ping_due = true;
        // Whoever pings has reason to doubt the path, so the next probe does not wait out an old back-off.
        self.probe_timer.on_path_moved();
    }

    /// What was counted and measured.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            counts: self.counts,
            rtt: self.rtt.smoothed(),
            rtt_var: self.rtt.var(),
            rtt_min: self.rtt.min(),
            congestion_window_len: self.congestion.window_len(),
            datagram_len: self.size.current(),
            in_flight_len: self.congestion.in_flight_len(),
            unacked_len: self.sending.iter().fold(0, |sum, (_, stream)| stream.unacked_len().saturating_add(sum)),
            next_packet_number: self.sent.next_number(),
            loss_per_mille: self.redundancy.loss_per_mille(),
            copies: self.redundancy.copies(),
        }
    }

    /// Smoothed round-trip time.
    #[must_use]
    pub const fn rtt(&self) -> Micros {
        self.rtt.smoothed()
    }

    /// Where the connection is in its life.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.state.stage()
    }

    /// Where the peer is.
    #[must_use]
    pub const fn path(&self) -> Path {
        self.path.current()
    }

    /// Three probe timeouts: how long late packets are waited out, and how long losses must last to mean that nothing is
    /// known about the path any more (RFC 9000 section 10.2, RFC 9002 section 7.6.1).
    pub(super) fn closing_delay(&self) -> Micros {
        (self.rtt.probe_timeout() + super::ack::ACK_DELAY_MAX).times(3)
    }

    /// The end of a stage in which messages pass: what was for sending them is given back. Whole messages can still be read.
    pub(super) fn release(&mut self) {
        self.sending = empty_queues();
        self.latest_sending.clear();
        self.receiving.iter_mut().for_each(|(_, stream)| stream.forget_beyond());
        self.sent.clear();
        self.redundancy.clear();
        self.pacer.release();
    }

    /// Its timer came up and nothing was due, so that it has fallen silent: an idle connection keeps no room for what it might
    /// send. While packets come and go the room stays, so that nobody asks for memory with each of them.
    pub(super) fn on_quiet(&mut self, now: Time) {
        self.sent.tidy(now, self.lost_patience());
        self.sent.release();
        self.sending.iter_mut().for_each(|(_, sending)| sending.release());
        self.receiving.iter_mut().for_each(|(_, receiving)| receiving.release());
    }

    /// How long a packet that was given up is remembered, in case that it arrives after all: two probe timeouts.
    pub(super) fn lost_patience(&self) -> Micros {
        (self.rtt.probe_timeout() + super::ack::ACK_DELAY_MAX).times(2)
    }

    /// When loss detection or the probe timer must run. Silent while the address in use may not be sent to.
    pub(super) fn recovery_deadline(&self) -> Option<Time> {
        if self.loss.deadline().is_some() {
            return self.loss.deadline();
        }
        let oldest = self.sent.oldest_in_flight().filter(|_| self.may_send())?;
        let request = if oldest.carried.ack_now { AckRequest::AtOnce } else { AckRequest::Usual };
        Some(self.probe_timer.deadline(&self.rtt, oldest.sent_at, request))
    }

    /// The sending half of a stream, which is in use from now on.
    pub(super) fn sending_on(&mut self, stream: StreamId) -> &mut SendStream {
        let limit = match self.role {
            Role::Client => 0,
            Role::Server => INITIAL_CREDIT_LEN,
        };
        self.sending.open(stream, || SendStream::new(SEND_BULK_LEN_MAX, limit))
    }

    /// The receiving half of a bulk stream that was never used.
    pub(super) fn fresh_bulk(&self) -> RecvStream {
        let limit = match self.role {
            Role::Client => INITIAL_CREDIT_LEN,
            Role::Server => 0,
        };
        RecvStream::new(self.bulk_window_len, limit)
    }

    /// The receiving half of a stream, which is in use from now on.
    pub(super) fn receiving_on(&mut self, stream: StreamId) -> &mut RecvStream {
        let fresh = self.fresh_bulk();
        self.receiving.open(stream, || fresh)
    }

    fn idle_at(&self) -> Time {
        self.idle_since + self.idle_timeout
    }

    /// The client asks for a sign of life after a silence, unless an answer is awaited already.
    fn keepalive_at(&self) -> Option<Time> {
        let silent = self.role == Role::Client && !self.ping_due && self.sent.in_flight_count() == 0;
        silent.then(|| self.heard_at.max(self.idle_since) + self.keepalive_delay)
    }
}

/// Nothing to send on any stream.
const fn empty_queues() -> Streams<SendStream> {
    Streams::new(SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN))
}

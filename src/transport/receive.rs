//! What comes in: a packet is opened, all its frames are checked, and only then is any of them applied.
//!
//! A packet is never half applied: whatever is wrong with it is found in the first pass, before the replay window or the
//! acknowledgements remember it.

use super::ack::stated_delay;
use super::congestion::{LossCause, NOISE_PER_MILLE, Queue};
use super::connection::{Connection, LOSS_HORIZON, Role};
use super::error::{CloseCode, PacketError};
use super::loss_rate::{LossRate, Verdict};
use super::path::Path;
use super::range_set::Span;
use super::recv_stream::STREAM_GAPS_MAX;
use super::sent_packets::{Carried, Fate, News, SentPacket};
use super::state::State;
use super::stats::count;
use super::time::Time;
use super::trace::TraceEvent;
use crate::crypto::Freshness;
use crate::wire::{Ack, Frame, HEADER_LEN, Header, StreamId, VARINT_MAX, expand_packet_number, frames};
use tracing::{debug, trace};

/// What the first pass learned about a packet.
#[derive(Debug, Clone, Copy, Default)]
struct Survey {
    eliciting: bool,
    ack_now: bool,
}

/// Why the first pass refused a packet.
#[derive(Debug)]
enum Fault {
    /// Drop it as if it had been lost.
    Drop(PacketError),
    /// The peer broke a rule.
    Close(CloseCode, &'static str),
}

impl Connection {
    /// Takes in a datagram: 17 bytes of clear header, already decoded as `header`, and the sealed rest, opened in place. The streams
    /// may hold so many bytes more beyond holes.
    ///
    /// # Errors
    /// [`PacketError`] if the packet had no effect. A peer that breaks a rule in an authentic packet is no error: the
    /// connection is then closing.
    pub(crate) fn handle_packet(
        &mut self,
        now: Time,
        header: &Header,
        path: Path,
        datagram: &mut [u8],
        reassembly_room: u64,
    ) -> Result<(), PacketError> {
        let taken = self.take_packet(now, header, path, datagram, reassembly_room);
        if let Err(error) = taken {
            trace!(%error, "packet dropped");
            self.counts.packets_refused = self.counts.packets_refused.saturating_add(1);
        }
        taken
    }

    fn take_packet(
        &mut self,
        now: Time,
        header: &Header,
        path: Path,
        datagram: &mut [u8],
        reassembly_room: u64,
    ) -> Result<(), PacketError> {
        if matches!(self.state, State::Draining { .. } | State::Closed) {
            return Err(PacketError::Closed);
        }
        let len = datagram.len();
        let number = expand_packet_number(self.opened.largest(), header.packet_number_low);
        let is_fresh = self.opened.check(number) == Freshness::Fresh || planted!(ReplayWindowMissing);
        if number > VARINT_MAX || !is_fresh {
            return Err(PacketError::Replayed);
        }
        if planted!(ReplayNotedBeforeSeal) {
            self.opened.commit(number);
        }
        let (aad, sealed) = datagram.split_at_mut_checked(HEADER_LEN).ok_or(PacketError::Short)?;
        let plain = self.keys.open.open(number, aad, sealed).map_err(|_| PacketError::Forged)?;

        if let State::Closing(closing) = &mut self.state {
            closing.on_heard();
            self.opened.commit(number);
            for frame in frames(plain) {
                if let Ok(Frame::Close { code, reason }) = frame {
                    self.on_close(now, CloseCode::from_u16(code), reason);
                    break;
                }
            }
            return Ok(());
        }
        let survey = match self.survey(plain, reassembly_room) {
            Ok(survey) => survey,
            Err(Fault::Drop(error)) => return Err(error),
            Err(Fault::Close(code, why)) => {
                debug!(why, "the peer broke a rule");
                self.close_here(now, code, why);
                return Ok(());
            }
        };
        let newest = self.opened.largest().is_none_or(|largest| number > largest);
        self.opened.commit(number);
        self.on_heard(now, len, path, newest);
        let redundancy = &mut self.redundancy;
        if self.acks.on_packet(now, number, survey.eliciting, survey.ack_now, |verdict| redundancy.on_other(verdict)) {
            count(&mut self.counts.caps.runs_forgotten);
        }
        for frame in frames(plain) {
            // The first pass has decoded every frame already.
            let Ok(frame) = frame else { break };
            self.apply(now, number, &frame);
            if !self.state.is_open() {
                break;
            }
        }
        Ok(())
    }

    /// The first pass: changes nothing.
    fn survey(&self, plain: &[u8], reassembly_room: u64) -> Result<Survey, Fault> {
        let mut survey = Survey::default();
        let mut holes = [0_usize; StreamId::COUNT];
        let mut reaches = [None; StreamId::COUNT];
        let mut ack_count = 0_u32;
        let mut says_more = false;
        if plain.is_empty() {
            return Err(Fault::Close(CloseCode::Frame, "empty packet"));
        }
        for frame in frames(plain) {
            let Ok(frame) = frame else { return Err(Fault::Close(CloseCode::Frame, "unreadable frame")) };
            survey.eliciting |= frame.is_eliciting();
            says_more |= frame.is_eliciting() && frame != Frame::Ping;
            match frame {
                Frame::AckNow => survey.ack_now = true,
                Frame::Ack(ack) => {
                    ack_count = ack_count.saturating_add(1);
                    if ack_count > 1 {
                        return Err(Fault::Close(CloseCode::Protocol, "two ACK frames in a packet"));
                    }
                    if ack.largest >= self.sent.next_number() && !planted!(NeverSentAcknowledged) {
                        return Err(Fault::Close(CloseCode::Protocol, "acknowledged what was never sent"));
                    }
                    if ack.runs().any(|(low, high)| self.skips.is_named(low, high)) && !planted!(SkippedAcknowledged) {
                        return Err(Fault::Close(CloseCode::Protocol, "acknowledged a number that was left out"));
                    }
                }
                Frame::Data { stream, offset, bytes } => {
                    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    let span = Span { start: offset, end: offset.saturating_add(len) };
                    let fresh;
                    let receiving = if let Some(receiving) = self.receiving.of(stream) {
                        receiving
                    } else {
                        fresh = self.fresh_bulk();
                        &fresh
                    };
                    let made = receiving.check(span).map_err(|code| Fault::Close(code, "beyond the credit"))?;
                    if let Some(reach) = reaches.get_mut(usize::from(stream.number())) {
                        reach.get_or_insert_with(|| receiving.reach()).extend(span, receiving.beyond());
                    }
                    if let Some(count) = holes.get_mut(usize::from(stream.number())) {
                        *count = count.saturating_add(made);
                    }
                }
                _ => {}
            }
        }
        // Nothing will be answered to a mere sign of life that its acknowledgement could ride on: to wait is to wake twice.
        survey.ack_now |= survey.eliciting && !says_more;
        let (mut before_len, mut after_len) = (0_u64, 0_u64);
        for (stream, reach) in StreamId::all().zip(reaches) {
            let Some(reach) = reach else { continue };
            let before = self.receiving.of(stream).map_or(0, |receiving| receiving.reach().beyond_len());
            before_len = before_len.saturating_add(before);
            after_len = after_len.saturating_add(reach.beyond_len());
        }
        if after_len > before_len && after_len.saturating_sub(before_len) > reassembly_room {
            return Err(Fault::Drop(PacketError::Crowded));
        }
        for (stream, count) in StreamId::all().zip(holes) {
            if let Some(receiving) = self.receiving.of(stream) {
                receiving.has_room_for(count).map_err(Fault::Drop)?;
            } else if count > STREAM_GAPS_MAX {
                return Err(Fault::Drop(PacketError::NoRoom));
            }
        }
        Ok(survey)
    }

    /// An authentic packet came.
    fn on_heard(&mut self, now: Time, len: usize, path: Path, newest: bool) {
        self.counts.packets_received = self.counts.packets_received.saturating_add(1);
        self.counts.bytes_received = self.counts.bytes_received.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        if matches!(self.state, State::Handshaken) {
            if self.role == Role::Server {
                // The client answers the handshake at once, so this is a round trip, or more if something was lost.
                self.rtt.on_hint(now - self.heard_at);
            }
            self.enter(State::Established);
        }
        self.heard_at = now;
        self.probe_timer.on_heard();
        self.idle_since = now;
        self.asked_since_heard = false;
        if newest {
            self.follow(now, path);
        }
        if path.remote == self.path.current().remote {
            self.path.on_received(len);
        }
    }

    /// The second pass, frame by frame.
    fn apply(&mut self, now: Time, number: u64, frame: &Frame<'_>) {
        match frame {
            Frame::Padding(_) | Frame::Ping | Frame::AckNow => {}
            Frame::Ack(ack) => self.on_ack(now, ack),
            Frame::Data { stream, offset, bytes } => match self.receiving_on(*stream).on_bytes(*offset, bytes) {
                Ok(false) => {}
                Ok(true) => self.events.readable.insert(*stream),
                Err(code) => self.close_here(now, code, "not a message length"),
            },
            Frame::Credit { stream, limit } => self.sending_on(*stream).on_credit(*limit),
            Frame::Blocked { stream, limit } => self.receiving_on(*stream).on_blocked(*limit),
            Frame::PathChallenge(challenge) => self.path.on_challenge(*challenge),
            Frame::PathResponse(echo) => self.on_path_response(now, *echo),
            Frame::Latest { slot, bytes } => {
                if self.latest_receiving.on_value(number, *slot, bytes) {
                    self.events.latest = true;
                } else {
                    self.counts.latest_late = self.counts.latest_late.saturating_add(1);
                }
            }
            Frame::Close { code, reason } => self.on_close(now, CloseCode::from_u16(*code), reason),
        }
    }

    /// The peer says what arrived.
    fn on_ack(&mut self, now: Time, ack: &Ack<'_>) {
        let flight_len = self.congestion.in_flight_len();
        let mut newly_eliciting = false;
        let mut sample_from = None;
        for (low, high) in ack.runs() {
            let mut number = low.max(self.sent.first_number());
            while number <= high {
                if let Some(packet) = self.sent.acknowledge(number) {
                    self.judge_acked(now, number, &packet);
                    newly_eliciting |= packet.carried.eliciting;
                    if number == ack.largest {
                        sample_from = Some(packet.sent_at);
                    }
                    self.size.on_acked(now, packet.len);
                    self.on_packet_acked(&packet, flight_len);
                }
                number = number.saturating_add(1);
            }
        }
        self.loss.on_acked(ack.largest);
        // RFC 9002 section 5.1: a sample needs a newly acknowledged largest packet, and one that was acknowledged promptly.
        // What is said again after the first saying was lost is no sample.
        let delay = stated_delay(ack.delay).filter(|_| newly_eliciting);
        if let (Some(sent_at), Some(delay)) = (sample_from, delay) {
            self.rtt.on_sample(now, now - sent_at, delay);
        }
        if newly_eliciting {
            self.probe_timer.on_acked();
        }
        self.detect_losses(now);
    }

    /// What an acknowledgement says about the network.
    fn judge_acked(&mut self, now: Time, number: u64, packet: &SentPacket) {
        let verdict = if packet.fate == Fate::InFlight { Verdict::Arrived } else { Verdict::Late };
        self.redundancy.on_own(verdict);
        if packet.fate != Fate::Spare {
            self.loss_rate.on_verdict(verdict);
        }
        if packet.fate == Fate::Lost && packet.carried.eliciting {
            self.counts.losses_spurious = self.counts.losses_spurious.saturating_add(1);
            self.loss.on_spurious(now, number);
            self.congestion.on_spurious(packet.sent_at);
        }
    }

    fn on_packet_acked(&mut self, packet: &SentPacket, flight_len: u64) {
        if packet.carried.eliciting && packet.fate == Fate::InFlight {
            let queue = if self.rtt.has_queue() { Queue::Standing } else { Queue::Short };
            self.congestion.on_acked(packet.sent_at, packet.len, flight_len, queue);
        }
        if packet.carried.acked_below > 0 {
            let redundancy = &mut self.redundancy;
            self.acks.on_acked(packet.carried.acked_below, |verdict| redundancy.on_other(verdict));
        }
        for chunk in packet.carried.chunks() {
            let Some(sending) = self.sending.of_mut(chunk.stream) else { continue };
            if sending.on_acked(chunk.span()) | sending.take_drained() {
                self.events.writable.insert(chunk.stream);
            }
        }
    }

    /// Finds what is lost by now and puts its contents back in line.
    pub(super) fn detect_losses(&mut self, now: Time) {
        let mut pass = self.loss.begin(now, &self.sent, &self.rtt, self.closing_delay());
        let mut count = 0_u32;
        while let Some(packet) = self.loss.next_lost(&mut pass, &mut self.sent) {
            self.size.on_lost(now, packet.len);
            // A packet that only acknowledges is in no window, and no answer to a loss waits for it to arrive after all.
            count = count.saturating_add(u32::from(packet.carried.eliciting));
            self.redundancy.on_own(Verdict::Lost);
            if !self.congestion.is_answered(packet.sent_at) {
                self.loss_rate.on_verdict(Verdict::Lost);
            }
            self.on_packet_lost(&packet);
        }
        if let Some(newest_sent_at) = pass.newest_sent_at {
            let cause = match self.loss_rate.per_mille() {
                _ if pass.persistent => LossCause::Outage,
                0..=NOISE_PER_MILLE if !self.rtt.is_inflated() => LossCause::Noise,
                _ if self.rtt.is_inflated() => LossCause::Full { clear_per_mille: self.rtt.clear_per_mille() },
                _ => LossCause::Full { clear_per_mille: 0 },
            };
            if cause != LossCause::Noise && !self.congestion.is_answered(newest_sent_at) {
                // What was lost until now is being answered; the rate that counts is that of the smaller window.
                self.loss_rate = LossRate::new(LOSS_HORIZON);
            }
            self.congestion.on_lost(now, count, newest_sent_at, cause);
        }
        self.sent.tidy(now, self.lost_patience());
    }

    /// A packet in flight is given up.
    pub(super) fn on_packet_lost(&mut self, packet: &SentPacket) {
        if packet.carried.eliciting {
            self.trace.note(|| TraceEvent::Lost { len: packet.len });
            self.counts.packets_lost = self.counts.packets_lost.saturating_add(1);
            self.congestion.on_forgotten(packet.len);
        }
        for chunk in packet.carried.chunks() {
            if let Some(sending) = self.sending.of_mut(chunk.stream) {
                sending.on_lost(chunk.span());
            }
        }
        self.tell_again(&packet.carried);
    }

    /// No acknowledgement came in time.
    pub(super) fn on_probe_timeout(&mut self, now: Time) {
        self.spare_copies(now);
        if self.recovery_deadline().is_none_or(|at| at > now) {
            return;
        }
        self.probe_timer.on_expired(now);
        trace!(count = self.probe_timer.count(), "probe timeout");
        self.tell_silence();
        let carried = self.sent.in_flight().fold(Carried::default(), |mut all, packet| {
            let news = packet.carried.news;
            all.news.credit.add(news.credit);
            all.news.blocked.add(news.blocked);
            all.news.challenge |= news.challenge;
            all
        });
        self.tell_again(&carried);
    }

    /// Nobody probes for a packet of which nothing is missing, because another one brought all that was in it. It counts as
    /// lost until the peer says otherwise.
    fn spare_copies(&mut self, now: Time) {
        let patience = self.rtt.probe_timeout();
        let is_spare = |packet: &SentPacket| {
            let carried = &packet.carried;
            let mut chunks = carried.chunks().peekable();
            packet.sent_at + patience <= now
                && carried.news == News::default()
                && (carried.latest || chunks.peek().is_some())
                && chunks
                    .all(|chunk| self.sending.of(chunk.stream).is_none_or(|sending| sending.missing_in(chunk.span()).is_none()))
        };
        let spare = self.sent.asking().filter(|(_, packet)| is_spare(packet)).map(|(number, packet)| (number, packet.len));
        for (number, len) in spare.collect::<Vec<_>>() {
            self.sent.spare(number);
            self.congestion.on_forgotten(len);
            self.redundancy.on_own(Verdict::Lost);
        }
    }

    /// News that may not have arrived are due again.
    fn tell_again(&mut self, carried: &Carried) {
        for stream in carried.news.credit.iter() {
            if let Some(receiving) = self.receiving.of_mut(stream) {
                receiving.on_credit_lost();
            }
        }
        for stream in carried.news.blocked.iter() {
            if let Some(sending) = self.sending.of_mut(stream) {
                sending.on_blocked_lost();
            }
        }
        if carried.news.challenge {
            self.path.on_challenge_lost();
        }
    }
}

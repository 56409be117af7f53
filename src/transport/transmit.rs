//! What goes out: packets are built as late as possible, from whatever fits by then.
//!
//! The order in a packet is the order of urgency: the acknowledgement, short news, lost chat bytes, new chat bytes, copies of
//! lines, latest values, bulk bytes. Acknowledgements, news, probes and copies wait neither for the congestion window nor for the pace.

use super::bulk_turn::BULK_SHARE;
use super::connection::{Connection, Role};
use super::pacing::{Pace, Urgency};
use super::path::Path;
use super::pto::PROBE_PATIENCE_COUNT;
use super::range_set::Span;
use super::redundancy::COPY_LEN_MAX;
use super::send_stream::Sendable;
use super::sent_packets::{Carried, Chunk};
use super::skips::SKIP_FLIGHT_MIN;
use super::state::State;
use super::stats::count;
use super::streams::in_turn;
use super::time::{Micros, Time};
use crate::wire::{
    BULK_STREAMS_MAX, Frame, HEADER_LEN, Header, LATEST_OVERHEAD_MAX, StreamId, TAG_LEN, VARINT_MAX, data_header_len,
    put_data_header,
};

/// Less room than this in a packet is not worth a DATA frame.
const CHUNK_LEN_MIN: usize = 24;

/// How many CREDIT frames a packet carries at most, and how many BLOCKED; those of further streams go with the next.
const STREAM_NEWS_MAX: usize = 2;

/// What everything but acknowledgement and stream bytes takes at most: two path frames of 9 bytes, CREDIT and BLOCKED of 10
/// for [`STREAM_NEWS_MAX`] streams, PING and `ACK_NOW`.
const NEWS_LEN_MAX: usize = 60;

/// A packet to an unproven address is not begun with less allowance than this: header, news and tag. Three times the
/// smallest packet that can come from there is 102.
const PACKET_LEN_MIN: u64 = 100;

/// On a path this slow an acknowledgement that waits is felt, so it is asked for at once.
const ACK_NOW_RTT_MIN: Micros = Micros::from_millis(5);

/// With this many packets in flight later ones bring the acknowledgement anyway.
const ACK_NOW_FLIGHT_MAX: usize = 4;

/// What the head of a DATA frame with a copy takes, about.
const COPY_OVERHEAD_LEN: u64 = 6;

/// No packet of ours has such a number, so the seal over nothing is free to be used as a source of unpredictable bytes. The
/// path challenges have those from 2^63 on.
const SKIP_NUMBERS: u64 = 3 << 62;

/// What has something to send, and is held back by neither window nor pace.
#[derive(Debug, Clone, Copy)]
struct Going {
    chat: bool,
    latest: bool,
    bulk: BulkGoes,
}

impl Going {
    fn is_any(self) -> bool {
        self.chat || self.latest || self.bulk != BulkGoes::Not
    }
}

/// Whether bulk bytes go into a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BulkGoes {
    /// Not into this one.
    Not,
    /// Behind the chat.
    Last,
    /// It is their turn.
    First,
}

/// A packet under construction.
struct Draft<'a> {
    buf: &'a mut Vec<u8>,
    /// The packet may grow to this length, its tag not counted.
    len_max: usize,
    carried: Carried,
}

impl Draft<'_> {
    fn room(&self) -> usize {
        self.len_max.saturating_sub(self.buf.len())
    }

    fn put(&mut self, frame: &Frame<'_>) {
        frame.encode(self.buf);
        self.carried.eliciting |= frame.is_eliciting();
    }

    /// How many stream bytes from `offset` on fit, 0 if it is not worth it.
    fn chunk_len_max(&self, offset: u64) -> u64 {
        if !self.carried.has_room() || self.room() < CHUNK_LEN_MIN {
            return 0;
        }
        let room = self.room();
        u64::try_from(room.saturating_sub(data_header_len(offset, room))).unwrap_or_default()
    }
}

impl Connection {
    /// Builds the next packet into `buf`, which is cleared before, and says where to send it. Nothing to send: `None`.
    pub(crate) fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<Path> {
        buf.clear();
        if let Some(path) = self.poll_question(now, buf) {
            return Some(path);
        }
        if !self.may_send() {
            if self.path.allowance() < PACKET_LEN_MIN {
                count(&mut self.counts.caps.sends_held);
            }
            return None;
        }
        buf.resize(HEADER_LEN, 0);
        let allowance = usize::try_from(self.path.allowance()).unwrap_or(usize::MAX);
        let len_max = usize::from(self.size.in_silence(self.probe_timer.count())).min(allowance).saturating_sub(TAG_LEN);
        let mut draft = Draft { buf, len_max, carried: Carried::default() };
        let wanted = match &mut self.state {
            State::Closing(closing) => {
                let due = std::mem::take(&mut closing.due);
                let (code, reason) = (closing.code.to_u16(), closing.reason.as_str());
                if due {
                    draft.put(&Frame::Close { code, reason });
                }
                due
            }
            State::Handshaken | State::Established => self.fill(now, &mut draft),
            State::Draining { .. } | State::Closed => false,
        };
        if !wanted {
            draft.buf.clear();
            return None;
        }
        let carried = draft.carried;
        self.tell_drained();
        self.seal(buf);
        self.path.on_sent(buf.len());
        self.on_sent(now, buf.len(), carried);
        Some(self.path.current())
    }

    /// Whether the address in use may be sent to. A server that has not opened a packet yet owes the address nothing: the
    /// handshake's answer was all that came in was good for.
    pub(super) fn may_send(&self) -> bool {
        let confirmed = !matches!(self.state, State::Handshaken) || self.role == Role::Client;
        confirmed && self.path.allowance() >= PACKET_LEN_MIN
    }

    /// Puts in what there is to say. Returns whether it is worth a packet.
    fn fill(&mut self, now: Time, draft: &mut Draft<'_>) -> bool {
        self.review_copies(now);
        let pace = Pace::new(&self.rtt, &self.congestion);
        let probe = self.probe_timer.probes_due() > 0;
        let going = self.may_go(now, pace, draft.room());
        let others = probe || going.is_any() || self.acks.is_due() || self.has_news();
        if !others && !self.redundancy.is_due(now) {
            return false;
        }
        self.skip_number(now);
        // While much is lost, what was acknowledged before is said again with everything that goes.
        if self.acks.is_owed() || self.redundancy.is_high() {
            let kept =
                self.latest_sending.next_len().filter(|_| going.latest).map_or(0, |len| len.saturating_add(LATEST_OVERHEAD_MAX));
            let room = draft.room().saturating_sub(NEWS_LEN_MAX).saturating_sub(kept);
            draft.carried.acked_below = self.acks.write(now, room, draft.buf);
        }
        self.put_news(draft);
        // The byte for ACK_NOW is kept free.
        draft.len_max = draft.len_max.saturating_sub(1);
        if probe {
            self.put_unacked(draft);
            self.counts.probes_sent = self.counts.probes_sent.saturating_add(1);
        }
        if going.bulk == BulkGoes::First {
            self.put_bulk(draft);
        }
        if going.chat {
            self.put_stream(draft, StreamId::Chat);
        }
        self.note_line(now, &draft.carried);
        self.put_copies(now, draft, others);
        if going.latest {
            self.put_latest(draft);
        }
        if going.bulk == BulkGoes::Last {
            self.put_bulk(draft);
        }
        self.count_turn(now, going, draft);
        if probe && !draft.carried.eliciting {
            draft.put(&Frame::Ping);
        }
        draft.len_max = draft.len_max.saturating_add(1);
        if draft.carried.eliciting {
            let alone = self.sent.in_flight_count() < ACK_NOW_FLIGHT_MAX && self.rtt.smoothed() >= ACK_NOW_RTT_MIN;
            if probe || alone && !draft.carried.is_passing() {
                draft.put(&Frame::AckNow);
                draft.carried.ack_now = true;
            }
            self.probe_timer.on_sent();
            if going.is_any() {
                self.pacer.on_sent(pace, len_u64(draft.buf));
            }
        } else if draft.carried.acked_below > 0 {
            self.counts.ack_only_sent = self.counts.ack_only_sent.saturating_add(1);
            if self.acks.wants_ping() {
                draft.put(&Frame::Ping);
                self.probe_timer.on_sent();
            }
        }
        draft.buf.len() > HEADER_LEN
    }

    /// What may go into a packet of so much room now: it has something, and neither window nor pace holds it.
    fn may_go(&mut self, now: Time, pace: Pace, room: usize) -> Going {
        self.pacer.release();
        let has_room = self.sent.has_room();
        let (has_chat, has_bulk) = (has_room && self.sending.chat.is_sendable(), has_room && self.has_bulk());
        let for_chat = self.congestion.has_room_for_chat();
        let fits = |len: usize| len.saturating_add(LATEST_OVERHEAD_MAX).saturating_add(NEWS_LEN_MAX) < room;
        let has_latest = has_room && self.latest_sending.next_len().is_some_and(fits);
        let quick = (has_chat || has_latest) && for_chat && self.pacer.allows(now, pace, Urgency::Interactive);
        let (chat, latest) = (quick && has_chat, quick && has_latest);
        let bulk = if !has_bulk {
            BulkGoes::Not
        } else if quick && self.bulk_turn.is_now(now, self.rtt.smoothed()) {
            BulkGoes::First
        } else if self.congestion.has_room() && self.pacer.allows(now, pace, Urgency::Bulk) {
            BulkGoes::Last
        } else {
            BulkGoes::Not
        };
        Going { chat, latest, bulk }
    }

    /// Keeps account of who goes first.
    fn count_turn(&mut self, now: Time, going: Going, draft: &Draft<'_>) {
        if going.bulk == BulkGoes::First {
            self.bulk_turn.on_turn();
        } else if going.is_any() {
            let len: usize =
                draft.carried.chunks().filter(|chunk| chunk.stream != StreamId::Chat).map(|c| usize::from(c.len)).sum();
            let is_served = len.saturating_mul(usize::from(BULK_SHARE)) >= draft.len_max;
            self.bulk_turn.on_chat(now, !is_served && self.has_bulk());
        }
    }

    /// Leaves a packet number out now and then, while many packets are in flight.
    fn skip_number(&mut self, now: Time) {
        if self.sent.in_flight_count() <= SKIP_FLIGHT_MIN || !self.sent.has_room() {
            return;
        }
        let window_count = self.congestion.window_len().div_ceil(u64::from(self.size.current()).max(1));
        let seal = &self.keys.seal;
        let dice = |last: u64| {
            let tag = seal.seal(SKIP_NUMBERS.saturating_add(last), b"skip", &mut []);
            u64::from_be_bytes(tag.first_chunk().copied().unwrap_or_default())
        };
        if self.skips.skips(self.sent.next_number(), window_count, self.loss.largest_acked(), dice) {
            self.sent.skip(now);
        }
    }

    /// Forgets copies of what has arrived, and all of them while the network is full: they would only fill it more.
    fn review_copies(&mut self, now: Time) {
        if self.redundancy.is_due(now) {
            if self.rtt.is_inflated() {
                self.redundancy.clear();
            }
            let chat = &self.sending.chat;
            self.redundancy.retain(|span| chat.missing_in(span).is_some());
        }
    }

    /// If the chat bytes of this packet are a line that somebody waits for, it will be sent again, unless nothing was heard
    /// for so long that the network must be away.
    fn note_line(&mut self, now: Time, carried: &Carried) {
        let chunks = || carried.chunks().filter(|chunk| chunk.stream == StreamId::Chat);
        let len: u64 = chunks().map(|chunk| u64::from(chunk.len)).sum();
        if len <= COPY_LEN_MAX && self.probe_timer.count() <= PROBE_PATIENCE_COUNT && !self.rtt.is_inflated() {
            for chunk in chunks() {
                if !self.redundancy.on_sent(now, chunk.span(), self.rtt.smoothed()) {
                    count(&mut self.counts.caps.copies_left_out);
                }
            }
        }
    }

    /// Copies that are due, or fit into a packet that goes anyway (`rides`).
    fn put_copies(&mut self, now: Time, draft: &mut Draft<'_>, rides: bool) {
        let mut overhead = if rides { 0 } else { len_u64(draft.buf).saturating_add(u64::try_from(TAG_LEN).unwrap_or(u64::MAX)) };
        while let Some(span) = self.redundancy.take_next(now, draft.chunk_len_max(u64::MAX >> 2)) {
            let Some(missing) = self.sending.chat.missing_in(span) else { continue };
            let len = missing.len().min(draft.chunk_len_max(missing.start));
            let cost = len.saturating_add(COPY_OVERHEAD_LEN).saturating_add(overhead);
            if len == 0 || !self.redundancy.afford(now, cost) {
                continue;
            }
            overhead = 0;
            let span = Span { start: missing.start, end: missing.start.saturating_add(len) };
            self.put_chunk(draft, StreamId::Chat, Sendable { span, again: false });
            self.counts.copies_sent = self.counts.copies_sent.saturating_add(1);
            self.counts.redundant_bytes_sent = self.counts.redundant_bytes_sent.saturating_add(cost);
        }
    }

    fn has_news(&self) -> bool {
        self.ping_due
            || self.path.echo_due().is_some()
            || self.path.challenge_due().is_some()
            || self.receiving.iter().any(|(_, receiving)| receiving.wants_credit())
            || self.sending.iter().any(|(_, sending)| sending.blocked_at().is_some())
    }

    /// Everything but acknowledgement and stream bytes: [`NEWS_LEN_MAX`] at most, for which every packet has room.
    fn put_news(&mut self, draft: &mut Draft<'_>) {
        if let Some(echo) = self.path.echo_due() {
            draft.put(&Frame::PathResponse(echo));
            self.path.on_echo_sent();
        }
        if let Some(challenge) = self.path.challenge_due() {
            draft.put(&Frame::PathChallenge(challenge));
            draft.carried.news.challenge = true;
            self.path.on_challenge_sent();
        }
        let wanting = self.receiving.iter_mut().filter(|(_, receiving)| receiving.wants_credit());
        for (stream, receiving) in wanting.take(STREAM_NEWS_MAX) {
            draft.put(&Frame::Credit { stream, limit: receiving.give_credit() });
            draft.carried.news.credit.insert(stream);
        }
        let blocked = self.sending.iter_mut().filter_map(|(stream, sending)| Some((stream, sending.blocked_at()?, sending)));
        for (stream, limit, sending) in blocked.take(STREAM_NEWS_MAX) {
            sending.on_blocked_told(limit);
            draft.put(&Frame::Blocked { stream, limit });
            draft.carried.news.blocked.insert(stream);
        }
        if std::mem::take(&mut self.ping_due) && !draft.carried.eliciting {
            draft.put(&Frame::Ping);
        }
    }

    /// A probe's load: the oldest stream bytes that were sent and not acknowledged.
    fn put_unacked(&mut self, draft: &mut Draft<'_>) {
        for stream in StreamId::all() {
            let mut from = 0;
            let len_max = |draft: &Draft<'_>| draft.chunk_len_max(u64::MAX >> 2);
            while let Some(sendable) = self.sending.of_mut(stream).and_then(|sending| sending.take_unacked(from, len_max(draft)))
            {
                from = sendable.span.end;
                self.put_chunk(draft, stream, sendable);
            }
        }
    }

    /// Latest values, as many as fit.
    fn put_latest(&mut self, draft: &mut Draft<'_>) {
        while self.latest_sending.next_len().is_some_and(|len| len.saturating_add(LATEST_OVERHEAD_MAX) <= draft.room()) {
            let Some((slot, value)) = self.latest_sending.take() else { return };
            draft.put(&Frame::Latest { slot, bytes: &value });
            draft.carried.latest = true;
            self.counts.latest_sent = self.counts.latest_sent.saturating_add(1);
        }
    }

    /// Whether a bulk stream has something that may be sent.
    pub(super) fn has_bulk(&self) -> bool {
        self.sending.bulk().any(|(_, sending)| sending.is_sendable())
    }

    /// Bytes of the bulk streams: another one begins each packet, and what it leaves free is for those after it.
    fn put_bulk(&mut self, draft: &mut Draft<'_>) {
        let last = self.last_bulk;
        let mut is_first = true;
        for bulk in (1..=BULK_STREAMS_MAX).map(|steps| in_turn(last, steps)) {
            if self.put_stream(draft, StreamId::Bulk(bulk)) && std::mem::take(&mut is_first) {
                self.last_bulk = bulk;
            }
        }
    }

    /// Lost and new bytes of a stream. Returns whether there were any.
    fn put_stream(&mut self, draft: &mut Draft<'_>, stream: StreamId) -> bool {
        let mut any = false;
        let len_max = |draft: &Draft<'_>| draft.chunk_len_max(u64::MAX >> 2);
        while let Some(sendable) = self.sending.of_mut(stream).and_then(|sending| sending.take_next(len_max(draft))) {
            self.put_chunk(draft, stream, sendable);
            any = true;
        }
        any
    }

    fn put_chunk(&mut self, draft: &mut Draft<'_>, stream: StreamId, sendable: Sendable) {
        let span = sendable.span;
        let len = u16::try_from(span.len()).unwrap_or(u16::MAX);
        put_data_header(draft.buf, stream, span.start, usize::from(len));
        let Some(sending) = self.sending.of(stream) else { unreachable!("the span was just taken from this stream") };
        sending.copy(span, draft.buf);
        assert!(draft.buf.len() <= draft.len_max, "a chunk is cut to fit");
        let noted = draft.carried.add(Chunk { stream, len, offset: span.start });
        assert!(noted, "the room for the note was asked for");
        if sendable.again {
            self.counts.bytes_resent = self.counts.bytes_resent.saturating_add(span.len());
        }
    }

    /// Turns header room and frames into a sealed packet.
    pub(super) fn seal(&self, buf: &mut Vec<u8>) {
        let is_doubled = planted!(NumberUsedTwice) && self.probe_timer.count() > 0;
        let number = self.sent.next_number().saturating_sub(u64::from(is_doubled));
        assert!(number <= VARINT_MAX, "no connection lives for 2^62 packets");
        let [_, _, _, _, a, b, c, d] = number.to_be_bytes();
        let header = Header { connection_id: self.remote_id, packet_number_low: u32::from_be_bytes([a, b, c, d]) };
        let Some((front, plain)) = buf.split_first_chunk_mut::<HEADER_LEN>() else { return };
        *front = header.encode();
        let tag = self.keys.seal.seal(number, front, plain);
        buf.extend_from_slice(&tag);
    }

    /// Notes what was sent, under the number that [`Self::seal`] used.
    pub(super) fn on_sent(&mut self, now: Time, len: usize, carried: Carried) {
        self.counts.packets_sent = self.counts.packets_sent.saturating_add(1);
        self.counts.bytes_sent = self.counts.bytes_sent.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        let len = u16::try_from(len).unwrap_or(u16::MAX);
        self.sent.tidy(now, self.lost_patience());
        if let Some(evicted) = self.sent.push(now, len, carried) {
            count(&mut self.counts.caps.packets_evicted);
            self.on_packet_lost(&evicted);
        }
        if carried.eliciting {
            self.congestion.on_sent(now, len);
            if !self.asked_since_heard {
                self.asked_since_heard = true;
                self.idle_since = now;
            }
        }
    }
}

/// A length, for counters.
fn len_u64(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

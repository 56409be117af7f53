//! The frames inside a data packet: a closed set, each with one way to be written.
//!
//! Decoding borrows from the packet and validates everything about a frame that can be known without a connection, so that
//! what decodes encodes again to the same bytes. What the frames do is the transport's business (protocol.md, "Frames").

use super::codec::{DecodeError, Reader, VARINT_MAX, put_varint, varint_len};
use super::stream_id::StreamId;

/// The most (gap, run) pairs after the first run of an ACK frame.
pub const ACK_GAPS_MAX: usize = 32;

/// The longest reason in a CLOSE frame, in bytes of UTF-8.
pub const CLOSE_REASON_LEN_MAX: usize = 64;

/// The most bytes that a DATA frame spends besides its payload: code, stream, offset (8) and a two-byte length.
pub const DATA_OVERHEAD_MAX: usize = 12;

const PADDING: u8 = 0x00;
const PING: u8 = 0x01;
const ACK_NOW: u8 = 0x02;
const ACK: u8 = 0x03;
const DATA: u8 = 0x04;
const CREDIT: u8 = 0x05;
const BLOCKED: u8 = 0x06;
const PATH_CHALLENGE: u8 = 0x07;
const PATH_RESPONSE: u8 = 0x08;
const CLOSE: u8 = 0x09;
const LATEST: u8 = 0x0a;

/// How many slots for latest values a direction has.
pub const LATEST_SLOTS_MAX: u8 = 64;

/// The longest latest value, in bytes.
pub const LATEST_LEN_MAX: usize = 400;

/// The most bytes that a LATEST frame spends besides its value: code, slot and a two-byte length.
pub const LATEST_OVERHEAD_MAX: usize = 4;

/// A place for values of which only the newest counts, below [`LATEST_SLOTS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot(u8);

impl Slot {
    /// The slot with this number, if there is one.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < LATEST_SLOTS_MAX { Some(Self(number)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A typed piece of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A run of this many zero bytes, at least one.
    Padding(usize),
    /// Asks for nothing but an acknowledgement.
    Ping,
    /// Asks the receiver to acknowledge this packet without delay.
    AckNow,
    /// Which packets arrived.
    Ack(Ack<'a>),
    /// Bytes of a stream.
    Data {
        /// The stream.
        stream: StreamId,
        /// Where in the stream the first byte belongs.
        offset: u64,
        /// The bytes, at least one.
        bytes: &'a [u8],
    },
    /// The sender of this frame takes stream bytes below `limit`.
    Credit {
        /// The stream.
        stream: StreamId,
        /// The absolute offset at which the receiver of the frame must stop.
        limit: u64,
    },
    /// The sender of this frame has bytes to send at `limit` and may not.
    Blocked {
        /// The stream.
        stream: StreamId,
        /// The credit it is held at.
        limit: u64,
    },
    /// To be echoed, which proves that its receiver can be reached at this address.
    PathChallenge([u8; 8]),
    /// The echo.
    PathResponse([u8; 8]),
    /// The connection ends.
    Close {
        /// Why, as a number (protocol.md, "Close codes").
        code: u16,
        /// Why, for people; at most [`CLOSE_REASON_LEN_MAX`] bytes.
        reason: &'a str,
    },
    /// A value that counts until a newer one of its slot comes; never sent again.
    Latest {
        /// The slot.
        slot: Slot,
        /// The value, at most [`LATEST_LEN_MAX`] bytes.
        bytes: &'a [u8],
    },
}

impl<'a> Frame<'a> {
    /// Reads the next frame.
    ///
    /// # Errors
    /// A [`DecodeError`] if the bytes are no frame in its shortest form; the packet is then refused whole.
    pub fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            PADDING => {
                let more = reader.rest().iter().take_while(|byte| **byte == PADDING).count();
                reader.bytes(more)?;
                Ok(Self::Padding(more.saturating_add(1)))
            }
            PING => Ok(Self::Ping),
            ACK_NOW => Ok(Self::AckNow),
            ACK => Ack::decode(reader).map(Self::Ack),
            DATA => {
                let stream = StreamId::decode(reader)?;
                let offset = reader.varint()?;
                let len = reader.varint()?;
                let end = offset.checked_add(len).ok_or(DecodeError::OutOfRange)?;
                if len == 0 || end > VARINT_MAX {
                    return Err(DecodeError::OutOfRange);
                }
                let bytes = reader.bytes(usize::try_from(len).map_err(|_| DecodeError::Truncated)?)?;
                Ok(Self::Data { stream, offset, bytes })
            }
            CREDIT => Ok(Self::Credit { stream: StreamId::decode(reader)?, limit: reader.varint()? }),
            BLOCKED => Ok(Self::Blocked { stream: StreamId::decode(reader)?, limit: reader.varint()? }),
            PATH_CHALLENGE => reader.array().map(Self::PathChallenge),
            PATH_RESPONSE => reader.array().map(Self::PathResponse),
            CLOSE => {
                let code = reader.u16()?;
                let len = usize::try_from(reader.varint()?).map_err(|_| DecodeError::OutOfRange)?;
                if len > CLOSE_REASON_LEN_MAX {
                    return Err(DecodeError::OutOfRange);
                }
                let reason = std::str::from_utf8(reader.bytes(len)?).map_err(|_| DecodeError::OutOfRange)?;
                Ok(Self::Close { code, reason })
            }
            LATEST => {
                let slot = Slot::new(reader.u8()?).ok_or(DecodeError::OutOfRange)?;
                let len = usize::try_from(reader.varint()?).map_err(|_| DecodeError::OutOfRange)?;
                if len > LATEST_LEN_MAX {
                    return Err(DecodeError::OutOfRange);
                }
                Ok(Self::Latest { slot, bytes: reader.bytes(len)? })
            }
            _ => Err(DecodeError::UnknownFrame),
        }
    }

    /// Appends the frame's bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Padding(count) => out.resize(out.len().saturating_add(*count), PADDING),
            Self::Ping => out.push(PING),
            Self::AckNow => out.push(ACK_NOW),
            Self::Ack(ack) => ack.encode(out),
            Self::Data { stream, offset, bytes } => {
                put_data_header(out, *stream, *offset, bytes.len());
                out.extend_from_slice(bytes);
            }
            Self::Credit { stream, limit } => {
                out.extend([CREDIT, stream.number()]);
                put_varint(out, *limit);
            }
            Self::Blocked { stream, limit } => {
                out.extend([BLOCKED, stream.number()]);
                put_varint(out, *limit);
            }
            Self::PathChallenge(echo) => {
                out.push(PATH_CHALLENGE);
                out.extend_from_slice(echo);
            }
            Self::PathResponse(echo) => {
                out.push(PATH_RESPONSE);
                out.extend_from_slice(echo);
            }
            Self::Close { code, reason } => {
                out.push(CLOSE);
                out.extend(code.to_be_bytes());
                put_varint(out, len_u64(reason.len()));
                out.extend_from_slice(reason.as_bytes());
            }
            Self::Latest { slot, bytes } => {
                out.extend([LATEST, slot.number()]);
                put_varint(out, len_u64(bytes.len()));
                out.extend_from_slice(bytes);
            }
        }
    }

    /// Whether the packet that carries this frame is to be acknowledged (RFC 9000 section 13.2).
    #[must_use]
    pub const fn is_eliciting(&self) -> bool {
        !matches!(self, Self::Padding(_) | Self::AckNow | Self::Ack(_) | Self::Close { .. })
    }
}

/// Appends a DATA frame up to its payload; exactly `len` bytes must follow. Spares a copy when the bytes lie in pieces.
pub fn put_data_header(out: &mut Vec<u8>, stream: StreamId, offset: u64, len: usize) {
    out.extend([DATA, stream.number()]);
    put_varint(out, offset);
    put_varint(out, len_u64(len));
}

/// Bytes that [`put_data_header`] writes for a payload that begins at `offset` and is shorter than 16 KiB.
#[must_use]
pub fn data_header_len(offset: u64, len: usize) -> usize {
    varint_len(offset).saturating_add(varint_len(len_u64(len))).saturating_add(2)
}

/// The frames of an opened packet; ends after the first error.
pub fn frames(bytes: &[u8]) -> impl Iterator<Item = Result<Frame<'_>, DecodeError>> {
    let mut reader = Some(Reader::new(bytes));
    std::iter::from_fn(move || {
        let mut rest = reader.take()?;
        if rest.is_empty() {
            return None;
        }
        let frame = Frame::decode(&mut rest);
        if frame.is_ok() {
            reader = Some(rest);
        }
        Some(frame)
    })
}

/// The packets that an ACK frame names: runs of numbers, the newest first, with gaps of at least one between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The largest acknowledged number.
    pub largest: u64,
    /// How long the acknowledgement of `largest` was held back, in units of 8 µs.
    pub delay: u64,
    /// How many numbers directly below `largest` are acknowledged too.
    first_run: u64,
    /// How many (gap, run) pairs `pairs` holds.
    pair_count: u64,
    /// The pairs, still encoded, already validated.
    pairs: &'a [u8],
}

impl<'a> Ack<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let largest = reader.varint()?;
        let delay = reader.varint()?;
        let pair_count = reader.varint()?;
        if pair_count > len_u64(ACK_GAPS_MAX) {
            return Err(DecodeError::OutOfRange);
        }
        let first_run = reader.varint()?;
        let before = reader.rest();
        let mut low = largest.checked_sub(first_run).ok_or(DecodeError::OutOfRange)?;
        for _ in 0..pair_count {
            let (_, next_low) = next_run(reader, low)?;
            low = next_low;
        }
        let len = before.len().saturating_sub(reader.remaining());
        let pairs = before.get(..len).ok_or(DecodeError::Truncated)?;
        Ok(Self { largest, delay, first_run, pair_count, pairs })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(ACK);
        for value in [self.largest, self.delay, self.pair_count, self.first_run] {
            put_varint(out, value);
        }
        out.extend_from_slice(self.pairs);
    }

    /// The runs as (smallest, largest), both included, from the newest to the oldest.
    pub fn runs(&self) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        let first = (self.largest.saturating_sub(self.first_run), self.largest);
        let mut reader = Reader::new(self.pairs);
        let mut low = first.0;
        std::iter::once(first).chain(std::iter::from_fn(move || {
            // Validated when the frame was decoded, so the only error left is the end.
            let (high, next_low) = next_run(&mut reader, low).ok()?;
            low = next_low;
            Some((next_low, high))
        }))
    }
}

/// Reads a (gap, run) pair below `low` and returns the run as (largest, smallest).
fn next_run(reader: &mut Reader<'_>, low: u64) -> Result<(u64, u64), DecodeError> {
    let gap = reader.varint()?;
    let run = reader.varint()?;
    let high = low.checked_sub(gap.saturating_add(2)).ok_or(DecodeError::OutOfRange)?;
    Ok((high, high.checked_sub(run).ok_or(DecodeError::OutOfRange)?))
}

/// Appends an ACK frame for `runs`: (smallest, largest) pairs, the newest first, with at least one number missing between
/// two of them. Takes as many as fit into `room` bytes and [`ACK_GAPS_MAX`] allow, the newest first.
///
/// Returns whether a frame was written: not if there is no run or not even the first fits.
pub fn put_ack(out: &mut Vec<u8>, delay: u64, room: usize, runs: impl Iterator<Item = (u64, u64)> + Clone) -> bool {
    let Some((first_low, largest)) = runs.clone().next() else { return false };
    // The count takes one byte whatever it is, since it is below 64.
    let fixed = [largest, delay, largest.saturating_sub(first_low)].map(varint_len).iter().sum::<usize>().saturating_add(2);
    let Some(mut left) = room.checked_sub(fixed) else { return false };
    let pairs = runs.clone().zip(runs.skip(1)).map(|(newer, older)| {
        let gap = newer.0.saturating_sub(older.1).saturating_sub(2);
        (gap, older.1.saturating_sub(older.0))
    });
    let mut count = 0_u64;
    for (gap, run) in pairs.clone().take(ACK_GAPS_MAX) {
        let Some(less) = left.checked_sub(varint_len(gap).saturating_add(varint_len(run))) else { break };
        left = less;
        count = count.saturating_add(1);
    }
    out.push(ACK);
    for value in [largest, delay, count, largest.saturating_sub(first_low)] {
        put_varint(out, value);
    }
    for (gap, run) in pairs.take(usize::try_from(count).unwrap_or(ACK_GAPS_MAX)) {
        put_varint(out, gap);
        put_varint(out, run);
    }
    true
}

fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(frame: &Frame<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        frame.encode(&mut out);
        out
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<Frame<'_>>, DecodeError> {
        frames(bytes).collect()
    }

    fn ack_bytes(delay: u64, room: usize, runs: &[(u64, u64)]) -> Vec<u8> {
        let mut out = Vec::new();
        put_ack(&mut out, delay, room, runs.iter().copied());
        out
    }

    #[test]
    fn every_kind_of_frame_reads_back() {
        let ack = ack_bytes(3, 100, &[(90, 100), (10, 20), (0, 0)]);
        let Ok(ack) = Frame::decode(&mut Reader::new(&ack)) else { panic!("an ack") };
        let kinds = [
            Frame::Padding(3),
            Frame::Ping,
            Frame::AckNow,
            ack,
            Frame::Data { stream: StreamId::BULK, offset: 70_000, bytes: b"hello" },
            Frame::Credit { stream: StreamId::Chat, limit: VARINT_MAX },
            Frame::Blocked { stream: StreamId::BULK, limit: 0 },
            Frame::PathChallenge(*b"12345678"),
            Frame::PathResponse(*b"87654321"),
            Frame::Close { code: 2, reason: "naïve" },
            Frame::Latest { slot: Slot(63), bytes: b"" },
            Frame::Latest { slot: Slot(0), bytes: &[7; LATEST_LEN_MAX] },
        ];
        let bytes: Vec<u8> = kinds.iter().flat_map(encoded).collect();
        assert_eq!(decoded(&bytes).unwrap(), kinds);
    }

    #[test]
    fn an_ack_names_its_runs_newest_first() {
        let runs = [(90, 100), (10, 20), (0, 0)];
        let bytes = ack_bytes(0, 100, &runs);
        let Ok(Frame::Ack(ack)) = Frame::decode(&mut Reader::new(&bytes)) else { panic!("an ack") };
        assert_eq!(ack.largest, 100);
        assert_eq!(ack.runs().collect::<Vec<_>>(), runs);
    }

    #[test]
    fn an_ack_that_does_not_fit_names_the_newest_runs() {
        let runs: Vec<_> = (0..40).rev().map(|n| (n * 10, n * 10 + 1)).collect();
        for room in 0..120 {
            let bytes = ack_bytes(0, room, &runs);
            assert!(bytes.len() <= room);
            if !bytes.is_empty() {
                let Ok(Frame::Ack(ack)) = Frame::decode(&mut Reader::new(&bytes)) else { panic!("an ack") };
                let named: Vec<_> = ack.runs().collect();
                assert_eq!(named, runs[..named.len()]);
                assert!(named.len() <= ACK_GAPS_MAX + 1);
            }
        }
        assert!(ack_bytes(0, 100, &[]).is_empty());
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for (bytes, error) in [
            (&[0x0b][..], DecodeError::UnknownFrame),
            (&[0x0a, 64, 0], DecodeError::OutOfRange),
            (&[0x0a, 0, 0x41, 0x91], DecodeError::OutOfRange),
            (&[0x0a, 0, 2, 1], DecodeError::Truncated),
            (&[0xff], DecodeError::UnknownFrame),
            (&[0x04, 9, 0, 1, 7], DecodeError::OutOfRange), // stream 9
            (&[0x04, 0, 0, 0], DecodeError::OutOfRange),    // no bytes
            (&[0x04, 0, 0, 2, 7], DecodeError::Truncated),  // fewer bytes than said
            (&[0x04, 0, 0x40, 1, 1, 7], DecodeError::NotCanonical),
            (&[0x03, 5, 0, 0, 6], DecodeError::OutOfRange), // runs below zero
            (&[0x03, 5, 0, 1, 2, 2, 0], DecodeError::OutOfRange),
            (&[0x03, 5, 0, 33, 0], DecodeError::OutOfRange),    // 33 pairs
            (&[0x09, 0, 0, 0x40, 65], DecodeError::OutOfRange), // a reason of 65 bytes
            (&[0x09, 0, 0, 1, 0xff], DecodeError::OutOfRange),  // not UTF-8
            (&[0x07, 1, 2, 3], DecodeError::Truncated),
        ] {
            assert_eq!(decoded(bytes), Err(error), "{bytes:x?}");
        }
        let mut past_the_end = vec![0x04, 0];
        put_varint(&mut past_the_end, VARINT_MAX);
        past_the_end.extend([1, 7]);
        assert_eq!(decoded(&past_the_end), Err(DecodeError::OutOfRange));
    }

    #[test]
    fn the_data_header_is_as_long_as_said() {
        for offset in [0, 63, 64, 16_383, 16_384, 1 << 30, VARINT_MAX - 20_000] {
            for len in [1, 63, 64, 1_200, 16_383] {
                let mut out = Vec::new();
                put_data_header(&mut out, StreamId::Chat, offset, len);
                assert_eq!(out.len(), data_header_len(offset, len));
                assert!(out.len() <= DATA_OVERHEAD_MAX);
            }
        }
    }

    /// Bytes that look like frames more often than noise does.
    fn frame_like() -> impl Strategy<Value = Vec<u8>> {
        let code = prop_oneof![9 => 0_u8..0x0a, 1 => any::<u8>()];
        let small = prop_oneof![8 => 0_u8..8, 2 => any::<u8>()];
        proptest::collection::vec((code, proptest::collection::vec(small, 0..14)), 0..12)
            .prop_map(|parts| parts.into_iter().flat_map(|(code, rest)| std::iter::once(code).chain(rest)).collect())
    }

    fn reencodes(bytes: &[u8]) -> Result<(), TestCaseError> {
        let mut out = Vec::new();
        let mut at = 0;
        let mut reader = Reader::new(bytes);
        while let Ok(frame) = Frame::decode(&mut reader) {
            frame.encode(&mut out);
            at = bytes.len() - reader.remaining();
        }
        prop_assert_eq!(&out[..], &bytes[..at]);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_decodes_encodes_to_the_same_bytes(bytes in frame_like()) {
            reencodes(&bytes)?;
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            reencodes(&bytes)?;
        }

        #[test]
        fn any_runs_read_back(delay in 0..=VARINT_MAX, steps in proptest::collection::vec((0_u64..1 << 40, 0_u64..1 << 40), 1..33)) {
            let mut runs = Vec::new();
            let mut next = 0;
            for (gap, run) in steps {
                runs.push((next + gap, next + gap + run));
                next = next + gap + run + 2;
            }
            runs.reverse();
            let bytes = ack_bytes(delay, 10_000, &runs);
            let Ok(Frame::Ack(ack)) = Frame::decode(&mut Reader::new(&bytes)) else { panic!("an ack") };
            prop_assert_eq!(ack.delay, delay);
            prop_assert_eq!(ack.runs().collect::<Vec<_>>(), runs);
        }

        #[test]
        fn any_data_reads_back(offset in 0..VARINT_MAX - 2_000, bytes in proptest::collection::vec(any::<u8>(), 1..1_200)) {
            let frame = Frame::Data { stream: StreamId::Chat, offset, bytes: &bytes };
            let out = encoded(&frame);
            prop_assert_eq!(decoded(&out).unwrap(), vec![frame]);
        }
    }
}

//! Packets ↔ bytes: the lowest floor. It knows layouts and nothing else: no keys, no time, no sockets, no people.
//!
//! Decoding is total: any bytes yield a value or a [`DecodeError`], nothing panics, nothing is allocated beyond the input,
//! and what decodes encodes again to the same bytes. The layouts are in protocol.md.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic, clippy::expect_used)
)]

mod codec;
mod frame;
mod handshake;
mod header;
mod stream_id;

pub use codec::{DecodeError, Reader, VARINT_MAX, put_varint, varint_len};
pub use frame::{
    ACK_GAPS_MAX, Ack, CLOSE_REASON_LEN_MAX, DATA_OVERHEAD_MAX, Frame, LATEST_LEN_MAX, LATEST_OVERHEAD_MAX, LATEST_SLOTS_MAX,
    Slot, data_header_len, frames, put_ack, put_data_header,
};
pub use handshake::{
    COOKIE_LEN, Cookie, Foreign, HANDSHAKE_LEN_MAX, HandshakePacket, Hello, HelloReply, Init, MAC_LEN, OPENING_LEN_MIN, Resp,
    Retry, VERSION_COUNT_MAX, Versions,
};
pub use header::{ConnectionId, DATA_FLAGS, HEADER_LEN, Header, MAGIC, TAG_LEN, VERSION, checksum, expand_packet_number};
pub use stream_id::{BULK_STREAMS_MAX, BulkStream, StreamId};

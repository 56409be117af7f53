//! What an owner may choose about its connections. What both ends must agree on is a constant beside the code that uses it.

use super::admission::Admission;
use super::reassembly::REASSEMBLY_LEN_MAX;
use super::time::Micros;
use super::trace::Tracing;

/// Choices of one end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// A connection ends when nothing authentic was heard for this long.
    pub idle_timeout: Micros,
    /// After this much silence a client asks for a sign of life, so that address translators keep its mapping.
    pub keepalive_delay: Micros,
    /// How many bytes of the chat stream a fresh connection takes ahead of its reader; at least
    /// [`INITIAL_CREDIT_LEN`](super::INITIAL_CREDIT_LEN).
    pub chat_window_len: u32,
    /// The same for each bulk stream. A client takes at least [`INITIAL_CREDIT_LEN`](super::INITIAL_CREDIT_LEN); a server may take
    /// nothing until it has agreed to something and calls [`ConnectionMut::raise_credit`](super::ConnectionMut::raise_credit).
    pub bulk_window_len: u32,
    /// How many bytes that came before their turn may wait over all connections, the holes between them included.
    pub reassembly_len_max: u64,
    /// Client: after so long a connection gets fresh keys.
    pub key_lifetime: Micros,
    /// Client: after so many packets in one direction, too.
    pub key_packet_count_max: u64,
    /// Whether connections tell what happens inside, by [`Endpoint::poll_trace`](super::Endpoint::poll_trace).
    pub trace: Tracing,
    /// What a server does for strangers; nothing to a client.
    pub admission: Admission,
}

impl Config {
    /// What a client should use: it trusts its server with memory.
    #[must_use]
    pub const fn client() -> Self {
        Self {
            idle_timeout: Micros::from_secs(120),
            keepalive_delay: Micros::from_secs(20),
            chat_window_len: 96 * 1_024,
            bulk_window_len: 2 * 1_024 * 1_024,
            reassembly_len_max: REASSEMBLY_LEN_MAX,
            key_lifetime: Micros::from_secs(3_600),
            key_packet_count_max: 1 << 32,
            trace: Tracing::Off,
            admission: Admission::DEFAULT,
        }
    }

    /// What a server should use: little room until a session is logged in and raises it, no bulk that nobody asked for.
    #[must_use]
    pub const fn server() -> Self {
        Self { chat_window_len: 20 * 1_024, bulk_window_len: 0, ..Self::client() }
    }
}

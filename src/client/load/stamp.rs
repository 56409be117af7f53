//! The text of a measured message: its send time in hexadecimal, filled up with letters to the wished length.

use crate::transport::Time;

/// Bytes of the send time: 16 hexadecimal digits of microseconds.
pub(super) const STAMP_LEN: usize = 16;

/// A text of `len` bytes, at least [`STAMP_LEN`], that says when it was sent.
pub(super) fn stamped(now: Time, len: usize) -> String {
    let micros = now.as_micros();
    format!("{micros:016x}{:x<fill$}", "", fill = len.saturating_sub(STAMP_LEN))
}

/// When a text was sent; `None` if it is no measured message.
pub(super) fn sent_at(text: &str) -> Option<Time> {
    u64::from_str_radix(text.get(..STAMP_LEN)?, 16).ok().map(Time::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_its_length_and_says_when_it_was_sent() {
        for len in [STAMP_LEN, 100, 16_384] {
            let text = stamped(Time::from_micros(1_234_567), len);
            assert_eq!(text.len(), len);
            assert_eq!(sent_at(&text), Some(Time::from_micros(1_234_567)));
        }
    }

    #[test]
    fn what_somebody_else_wrote_is_no_measurement() {
        assert_eq!(sent_at("hello"), None);
        assert_eq!(sent_at("somebody else wrote this"), None);
        assert_eq!(sent_at("0123456789abcde👋"), None);
    }
}

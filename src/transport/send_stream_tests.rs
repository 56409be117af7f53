//! The sending half of a stream: what is sent, again or not, and whom it tells what.

use super::*;
use proptest::prelude::*;

fn message(bytes: &[u8]) -> Arc<[u8]> {
    Arc::from(bytes)
}

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        crate::wire::put_varint(&mut out, message.len() as u64);
        out.extend_from_slice(message);
    }
    out
}

#[test]
fn messages_stand_in_the_stream_with_their_length() {
    let mut stream = SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN);
    for len in [0, 1, 63, 64, 16_383, 100] {
        stream.queue(&message(&vec![7; len])).unwrap();
    }
    let sendable = stream.take_next(u64::MAX).unwrap();
    let mut out = Vec::new();
    stream.copy(sendable.span, &mut out);
    assert_eq!(out, framed(&[vec![], vec![7], vec![7; 63], vec![7; 64], vec![7; 16_383], vec![7; 100]]));
    assert_eq!((stream.queued_len(), stream.unacked_len()), (0, out.len() as u64));
    let mut prefix = Vec::new();
    crate::wire::put_varint(&mut prefix, MESSAGE_LEN_MAX as u64);
    assert_eq!(Prefix::new(MESSAGE_LEN_MAX).bytes(), prefix);
}

#[test]
fn a_full_queue_refuses_and_says_when_half_is_free() {
    let mut stream = SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN);
    stream.on_credit(u64::MAX);
    let big = message(&vec![0; MESSAGE_LEN_MAX]);
    assert_eq!(stream.queue(&message(&vec![0; MESSAGE_LEN_MAX + 1])), Err(SendError::TooLong));
    for _ in 0..3 {
        stream.queue(&big).unwrap();
    }
    assert_eq!(stream.queue(&big), Err(SendError::Blocked), "four with their prefixes are over the cap");
    assert!(stream.unacked_len() <= SEND_QUEUE_LEN_MAX as u64);
    let sent = stream.take_next(u64::MAX).unwrap().span;
    assert!(!stream.on_acked(Span { start: 0, end: 60_000 }));
    assert!(stream.on_acked(Span { start: 60_000, end: 70_000 }), "half is free");
    assert!(!stream.on_acked(Span { start: 70_000, end: sent.end }), "said once");
    assert_eq!(stream.unacked_len(), 0);
}

#[test]
fn an_owner_who_waits_for_a_short_queue_hears_once() {
    let mut stream = SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN);
    stream.queue(&message(&[1; 99])).unwrap();
    stream.notify_below(50);
    assert!(!stream.take_drained());
    stream.take_next(60).unwrap();
    assert!(stream.take_drained());
    assert!(!stream.take_drained());
}

#[test]
fn a_queue_of_empty_messages_is_capped_too() {
    let mut stream = SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN);
    let empty = message(&[]);
    for _ in 0..SEND_QUEUE_COUNT_MAX {
        stream.queue(&empty).unwrap();
    }
    assert_eq!(stream.queue(&empty), Err(SendError::Blocked));
}

#[test]
fn nothing_is_sent_beyond_the_credit_and_the_peer_is_told_once() {
    let mut stream = SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN);
    stream.queue(&message(&vec![1; 40_000])).unwrap();
    assert!(stream.blocked_at().is_none());
    assert_eq!(stream.take_next(u64::MAX).unwrap().span.end, u64::from(INITIAL_CREDIT_LEN));
    assert!(!stream.is_sendable());
    let limit = stream.blocked_at().unwrap();
    stream.on_blocked_told(limit);
    assert!(stream.blocked_at().is_none());
    stream.on_blocked_lost();
    assert_eq!(stream.blocked_at(), Some(limit));
    stream.on_credit(limit - 1);
    assert!(!stream.is_sendable(), "credit is never taken back");
    stream.on_credit(limit + 10);
    assert!(stream.is_sendable() && stream.blocked_at().is_none());
    assert_eq!(stream.take_next(100).unwrap().span, Span { start: limit, end: limit + 10 });
}

#[test]
fn lost_bytes_go_first_and_only_if_no_copy_arrived() {
    let mut stream = SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN);
    stream.queue(&message(&[1; 99])).unwrap();
    for _ in 0..3 {
        stream.take_next(20).unwrap();
    }
    stream.on_acked(Span { start: 10, end: 15 });
    stream.on_lost(Span { start: 0, end: 20 });
    stream.on_acked(Span { start: 15, end: 18 });
    let next: Vec<_> = std::iter::from_fn(|| stream.take_next(8)).map(|s| (s.span.start, s.span.end, s.again)).collect();
    assert_eq!(next[..4], [(0, 8, true), (8, 10, true), (18, 20, true), (60, 68, false)]);
}

#[test]
fn a_probe_takes_the_oldest_bytes_that_are_missing() {
    let mut stream = SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN);
    assert_eq!(stream.take_unacked(0, 50), None);
    stream.queue(&message(&[1; 99])).unwrap();
    assert_eq!(stream.take_unacked(0, 50), None, "nothing was sent");
    stream.take_next(60).unwrap();
    stream.on_acked(Span { start: 20, end: 30 });
    stream.on_lost(Span { start: 0, end: 20 });
    assert_eq!(stream.take_unacked(0, 50).unwrap().span, Span { start: 0, end: 20 });
    assert_eq!(stream.take_unacked(20, 50).unwrap().span, Span { start: 30, end: 60 });
    assert!(!stream.take_next(50).unwrap().again, "the probe took what was lost");
}

#[test]
fn what_is_missing_is_known_for_copies() {
    let mut stream = SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN);
    stream.queue(&message(&[1; 99])).unwrap();
    let all = Span { start: 0, end: 101 };
    assert_eq!(stream.missing_in(all), None, "not sent yet");
    stream.take_next(80).unwrap();
    assert_eq!(stream.missing_in(all), Some(Span { start: 0, end: 80 }));
    stream.on_acked(Span { start: 10, end: 20 });
    stream.on_acked(Span { start: 0, end: 10 });
    assert_eq!(stream.missing_in(Span { start: 5, end: 60 }), Some(Span { start: 20, end: 60 }));
    assert_eq!(stream.missing_in(Span { start: 5, end: 20 }), None);
}

#[test]
fn the_lowest_offset_that_somebody_waits_for_is_told_once() {
    let mut stream = SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN);
    stream.queue(&Arc::from(vec![0; 50])).unwrap();
    let first = stream.written_len();
    stream.queue(&Arc::from(vec![0; 50])).unwrap();
    stream.notify_acked_to(stream.written_len());
    stream.notify_acked_to(first);
    stream.take_next(1_000).unwrap();
    assert!(!stream.take_drained());
    stream.on_acked(Span { start: 10, end: 60 });
    assert!(!stream.take_drained(), "there is a hole");
    stream.on_acked(Span { start: 0, end: 10 });
    assert!(stream.acked_len() >= first && stream.take_drained() && !stream.take_drained());
}

proptest! {
    #[test]
    fn whatever_is_lost_and_acknowledged_every_byte_is_sent_until_acknowledged(
        lens in proptest::collection::vec(0_usize..300, 1..12),
        steps in proptest::collection::vec((1_u64..200, any::<bool>()), 1..400),
    ) {
        let mut stream = SendStream::new(SEND_QUEUE_LEN_MAX, INITIAL_CREDIT_LEN);
        let messages: Vec<Vec<u8>> = lens.iter().enumerate().map(|(n, len)| vec![n as u8; *len]).collect();
        for bytes in &messages {
            stream.queue(&message(bytes)).unwrap();
        }
        let wanted = framed(&messages);
        let mut received = vec![None; wanted.len()];
        let mut arrive = |stream: &mut SendStream, span: Span, lost: bool| {
            let mut bytes = Vec::new();
            stream.copy(span, &mut bytes);
            if lost {
                stream.on_lost(span);
            } else {
                for (offset, byte) in (span.start..).zip(bytes) {
                    received[offset as usize] = Some(byte);
                }
                stream.on_acked(span);
            }
        };
        for (len_max, lost) in steps {
            if let Some(sendable) = stream.take_next(len_max) {
                arrive(&mut stream, sendable.span, lost);
            }
        }
        while let Some(sendable) = stream.take_next(100) {
            arrive(&mut stream, sendable.span, false);
        }
        prop_assert_eq!(received.into_iter().collect::<Option<Vec<u8>>>(), Some(wanted));
        prop_assert_eq!(stream.unacked_len(), 0);
        prop_assert!(stream.pieces.is_empty() && stream.acked.is_empty() && stream.lost.is_empty());
    }
}

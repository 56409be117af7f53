//! The receiving half of a stream against a plain vector of bytes.

use super::error::{CloseCode, PacketError};
use super::range_set::Span;
use super::recv_stream::{RecvStream, STREAM_GAPS_MAX};
use super::send_stream::{INITIAL_CREDIT_LEN, MESSAGE_LEN_MAX};
use crate::wire::put_varint;
use proptest::prelude::*;

const WINDOW: u32 = 96 * 1_024;

fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, message.len() as u64);
    out.extend_from_slice(message);
    out
}

fn span(start: u64, len: usize) -> Span {
    Span { start, end: start + len as u64 }
}

/// Feeds a frame as a packet would.
fn feed(stream: &mut RecvStream, offset: u64, bytes: &[u8]) -> Result<bool, PacketError> {
    let holes = stream.check(span(offset, bytes.len())).expect("within the credit");
    stream.has_room_for(holes)?;
    Ok(stream.on_bytes(offset, bytes).expect("a message"))
}

#[test]
fn a_message_is_handed_on_when_its_last_byte_is_there() {
    let mut stream = RecvStream::new(WINDOW, INITIAL_CREDIT_LEN);
    let bytes = framed(b"hello");
    assert_eq!(feed(&mut stream, 3, &bytes[3..]), Ok(false));
    assert_eq!(feed(&mut stream, 0, &bytes[..2]), Ok(false));
    assert_eq!(stream.next_message(), Ok(None));
    assert_eq!(feed(&mut stream, 1, &bytes[1..4]), Ok(true), "overlapping frames are fine");
    assert_eq!(stream.next_message(), Ok(Some(b"hello".to_vec())));
    assert_eq!(stream.next_message(), Ok(None));
    assert_eq!(feed(&mut stream, 0, &bytes), Ok(false), "old bytes change nothing");
}

#[test]
fn an_empty_message_is_a_message() {
    let mut stream = RecvStream::new(WINDOW, INITIAL_CREDIT_LEN);
    assert_eq!(feed(&mut stream, 0, &[0, 0]), Ok(true));
    assert_eq!(stream.next_message(), Ok(Some(vec![])));
    assert_eq!(stream.next_message(), Ok(Some(vec![])));
    assert_eq!(stream.next_message(), Ok(None));
}

#[test]
fn a_reader_that_stops_stops_its_sender() {
    let mut stream = RecvStream::new(INITIAL_CREDIT_LEN, INITIAL_CREDIT_LEN);
    let message = framed(&[1; 998]);
    let mut sent = 0;
    while stream.check(span(sent, message.len())).is_ok() {
        feed(&mut stream, sent, &message).unwrap();
        sent += message.len() as u64;
    }
    assert!(sent <= u64::from(INITIAL_CREDIT_LEN));
    assert!(!stream.wants_credit());
    assert_eq!(stream.check(span(sent, 1_000)), Err(CloseCode::Limit));
    for _ in 0..6 {
        stream.next_message().unwrap().unwrap();
    }
    assert!(stream.wants_credit(), "a quarter is free");
    assert_eq!(stream.give_credit(), 6_000 + u64::from(INITIAL_CREDIT_LEN));
    assert!(!stream.wants_credit());
    assert!(stream.check(span(sent, 1_000)).is_ok());
}

#[test]
fn a_peer_that_waits_gets_even_a_little_credit() {
    let mut stream = RecvStream::new(INITIAL_CREDIT_LEN, INITIAL_CREDIT_LEN);
    stream.on_blocked(u64::from(INITIAL_CREDIT_LEN));
    assert!(!stream.wants_credit(), "there is none to give");
    feed(&mut stream, 0, &framed(b"hello")).unwrap();
    stream.next_message().unwrap();
    assert!(!stream.wants_credit());
    stream.on_blocked(u64::from(INITIAL_CREDIT_LEN));
    assert!(stream.wants_credit());
    assert_eq!(stream.give_credit(), u64::from(INITIAL_CREDIT_LEN) + 6);
    stream.on_credit_lost();
    assert!(stream.wants_credit(), "lost credit is given again");
}

#[test]
fn credit_that_ends_within_a_message_is_raised_at_once() {
    let mut stream = RecvStream::new(INITIAL_CREDIT_LEN, INITIAL_CREDIT_LEN);
    let first = framed(&[1; 4_000]);
    let second = framed(&[2; 20_000]);
    feed(&mut stream, 0, &first).unwrap();
    stream.next_message().unwrap();
    assert!(!stream.wants_credit());
    feed(&mut stream, first.len() as u64, &second[..100]).unwrap();
    assert!(stream.wants_credit());
}

#[test]
fn a_message_longer_than_the_window_passes() {
    let mut stream = RecvStream::new(INITIAL_CREDIT_LEN, INITIAL_CREDIT_LEN);
    let message: Vec<u8> = (0..MESSAGE_LEN_MAX).map(|n| n as u8).collect();
    let bytes = [framed(&message), framed(b"next")].concat();
    let mut sent = 0;
    while sent < bytes.len() {
        let len = 1_000.min(bytes.len() - sent);
        if stream.check(span(sent as u64, len)).is_err() {
            assert!(stream.wants_credit());
            stream.give_credit();
        }
        feed(&mut stream, sent as u64, &bytes[sent..sent + len]).unwrap();
        sent += len;
    }
    assert_eq!(stream.next_message(), Ok(Some(message)));
    assert_eq!(stream.next_message(), Ok(Some(b"next".to_vec())));
}

#[test]
fn while_a_long_message_is_not_read_the_window_still_holds() {
    let mut stream = RecvStream::new(INITIAL_CREDIT_LEN, INITIAL_CREDIT_LEN);
    let bytes = [framed(&vec![1; MESSAGE_LEN_MAX]), vec![0; 200_000]].concat();
    let mut sent = 0;
    loop {
        if stream.check(span(sent as u64, 1_000)).is_err() {
            if !stream.wants_credit() {
                break;
            }
            stream.give_credit();
            continue;
        }
        feed(&mut stream, sent as u64, &bytes[sent..sent + 1_000]).unwrap();
        sent += 1_000;
    }
    assert!(sent <= MESSAGE_LEN_MAX + 4 + INITIAL_CREDIT_LEN as usize);
}

#[test]
fn a_length_that_is_none_closes() {
    let too_long = {
        let mut out = Vec::new();
        put_varint(&mut out, MESSAGE_LEN_MAX as u64 + 1);
        out
    };
    for (bytes, code) in [(&too_long[..], CloseCode::Limit), (&[0xc0, 0, 0], CloseCode::Limit), (&[0x40, 1], CloseCode::Frame)] {
        assert_eq!(RecvStream::new(WINDOW, INITIAL_CREDIT_LEN).on_bytes(0, bytes), Err(code));
    }
}

#[test]
fn a_bad_length_behind_a_good_message_closes_when_it_is_reached() {
    let mut stream = RecvStream::new(WINDOW, INITIAL_CREDIT_LEN);
    assert_eq!(stream.on_bytes(0, &[1, 7, 0xff]), Ok(true));
    assert_eq!(stream.next_message(), Err(CloseCode::Limit));
}

#[test]
fn a_thirty_third_hole_is_refused_until_one_is_filled() {
    let mut stream = RecvStream::new(WINDOW, INITIAL_CREDIT_LEN);
    for hole in 1..=STREAM_GAPS_MAX as u64 {
        assert_eq!(feed(&mut stream, hole * 2, &[0]), Ok(false));
    }
    assert_eq!(feed(&mut stream, 200, &[0]), Err(PacketError::NoRoom));
    assert_eq!(feed(&mut stream, 3, &[0]), Ok(false), "filling a hole is always possible");
    assert_eq!(feed(&mut stream, 200, &[0]), Ok(false));
    assert_eq!(feed(&mut stream, 210, &[0]), Err(PacketError::NoRoom));
    assert_eq!(feed(&mut stream, 0, &[0, 0]), Ok(true));
    assert_eq!(feed(&mut stream, 210, &[0]), Ok(false));
}

proptest! {
    #[test]
    fn any_order_of_any_pieces_gives_the_messages_back(
        lens in proptest::collection::vec(prop_oneof![0_usize..70, 60_usize..3_000, Just(25_000_usize)], 1..8),
        cuts in proptest::collection::vec((0_usize..1_000, 1_usize..1_500), 0..300),
    ) {
        let messages: Vec<Vec<u8>> = lens.iter().enumerate().map(|(n, len)| (0..*len).map(|at| (n * 31 + at * 7) as u8).collect()).collect();
        let bytes: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        let mut stream = RecvStream::new(INITIAL_CREDIT_LEN, INITIAL_CREDIT_LEN);
        let mut found = Vec::new();
        let in_order = (0..bytes.len()).step_by(1_000).map(|at| (at, 1_000));
        let random = cuts.iter().map(|(at, len)| (at * bytes.len() / 1_000, *len));
        for (at, len) in random.chain(in_order) {
            let end = (at + len).min(bytes.len());
            if at >= end {
                continue;
            }
            if stream.check(span(at as u64, end - at)).is_ok() {
                let _ = feed(&mut stream, at as u64, &bytes[at..end]);
            }
            while let Some(message) = stream.next_message().unwrap() {
                found.push(message);
            }
            stream.give_credit();
        }
        prop_assert_eq!(found, messages);
    }
}

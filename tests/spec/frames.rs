//! Frames, streams, recovery.

use udpchat::wire::{CLOSE_REASON_LEN_MAX, DecodeError, Frame, Slot, StreamId, frames, put_ack, put_varint};
use udpchat::{crypto, transport, wire};

use super::{PROTOCOL, examples};

#[track_caller]
fn example(name: &str) -> Vec<u8> {
    examples().get(name).unwrap_or_else(|| panic!("protocol.md has an example {name}")).clone()
}

fn encoded(frames: &[Frame<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        frame.encode(&mut out);
    }
    out
}

/// The runs of an acknowledgement as an ACK frame.
fn ack(delay: u64, runs: &[(u64, u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(put_ack(&mut out, delay, 1_000, runs.iter().copied()));
    out
}

#[test]
fn every_frame_is_written_as_printed() {
    let slot = Slot::new(17).expect("a slot");
    let printed: [(&str, Frame<'_>); 10] = [
        ("frame-padding", Frame::Padding(3)),
        ("frame-ping", Frame::Ping),
        ("frame-ack-now", Frame::AckNow),
        ("frame-data", Frame::Data { stream: StreamId::Chat, offset: 300, bytes: b"\x05hello" }),
        ("frame-credit", Frame::Credit { stream: StreamId::BULK, limit: 131_072 }),
        ("frame-blocked", Frame::Blocked { stream: StreamId::Chat, limit: 20_480 }),
        ("frame-path-challenge", Frame::PathChallenge([1, 2, 3, 4, 5, 6, 7, 8])),
        ("frame-path-response", Frame::PathResponse([1, 2, 3, 4, 5, 6, 7, 8])),
        ("frame-latest", Frame::Latest { slot, bytes: b"typing" }),
        ("frame-close", Frame::Close { code: 5, reason: "back soon" }),
    ];
    for (name, frame) in printed {
        let written = encoded(std::slice::from_ref(&frame));
        let printed = example(name);
        assert_eq!(printed, written, "{name} should be {}", data_encoding::HEXLOWER.encode(&written));
        assert_eq!(frames(&printed).collect::<Result<Vec<_>, _>>(), Ok(vec![frame]), "{name}");
    }
}

#[test]
fn the_acknowledgement_names_the_printed_numbers() {
    let runs = [(998, 1_000), (995, 996), (900, 900)];
    let written = ack(125, &runs);
    let printed = example("frame-ack");
    assert_eq!(printed, written, "frame-ack should be {}", data_encoding::HEXLOWER.encode(&written));
    let Some(Ok(Frame::Ack(ack))) = frames(&printed).next() else { panic!("an ACK frame") };
    assert_eq!((ack.largest, ack.delay), (1_000, 125));
    assert_eq!(ack.runs().collect::<Vec<_>>(), runs);
}

#[test]
fn frames_stand_in_a_packet_as_printed() {
    let data = Frame::Data { stream: StreamId::Chat, offset: 0, bytes: b"\x08good day" };
    let written = [ack(0, &[(0, 2)]), encoded(&[data, Frame::AckNow])].concat();
    let printed = example("packet-frames");
    assert_eq!(printed, written, "packet-frames should be {}", data_encoding::HEXLOWER.encode(&written));
    let found = frames(&printed).collect::<Result<Vec<_>, _>>();
    assert!(matches!(found.as_deref(), Ok([Frame::Ack(_), Frame::Data { .. }, Frame::AckNow])), "{found:?}");
}

#[test]
fn messages_stand_in_a_stream_as_printed() {
    let mut written = Vec::new();
    for message in [&b"hello"[..], b""] {
        put_varint(&mut written, message.len() as u64);
        written.extend_from_slice(message);
    }
    assert_eq!(example("stream-messages"), written);
}

#[test]
fn what_is_called_malformed_is_refused() {
    let refused = |bytes: &[u8]| frames(bytes).find_map(Result::err);
    assert_eq!(refused(&[0x0b]), Some(DecodeError::UnknownFrame));
    assert_eq!(refused(&[0x0a, 64, 0]), Some(DecodeError::OutOfRange));
    assert_eq!(refused(&[0x0a, 0, 0x41, 0x91]), Some(DecodeError::OutOfRange));
    assert_eq!(refused(&[0x04, 0, 0x40, 0x01, 1, 7]), Some(DecodeError::NotCanonical));
    assert_eq!(refused(&[0x04, 9, 0, 1, 7]), Some(DecodeError::OutOfRange));
    assert_eq!(refused(&[0x03, 5, 0, 33, 0]), Some(DecodeError::OutOfRange));
    for len in [CLOSE_REASON_LEN_MAX, CLOSE_REASON_LEN_MAX + 1] {
        let reason = "x".repeat(len);
        let bytes = encoded(&[Frame::Close { code: 0, reason: &reason }]);
        assert_eq!(refused(&bytes).is_some(), len > CLOSE_REASON_LEN_MAX);
    }
}

#[test]
fn the_close_codes_are_as_printed() {
    let names = ["DONE", "PROTOCOL", "FRAME", "LIMIT", "INTERNAL", "RESTARTING", "REVOKED", "IDLE"];
    for (code, name) in (0..).zip(names) {
        assert!(PROTOCOL.contains(&format!("| {code} | {name} |")), "protocol.md lacks code {code}");
        let ours = transport::CloseCode::from_u16(code);
        assert_eq!(format!("{ours:?}").to_uppercase(), name);
    }
}

#[test]
fn the_constants_of_the_transport_are_as_printed() {
    let ours: [(&str, u64); 36] = [
        ("REASSEMBLY_LEN_MAX", transport::REASSEMBLY_LEN_MAX),
        ("LATEST_SLOTS_MAX", transport::LATEST_SLOTS_MAX.into()),
        ("LATEST_LEN_MAX", transport::LATEST_LEN_MAX as u64),
        ("LATEST_WAITING_MAX", transport::LATEST_WAITING_MAX as u64),
        ("BULK_STREAMS_MAX", transport::BULK_STREAMS_MAX.into()),
        ("INITIAL_CREDIT_LEN", u64::from(transport::INITIAL_CREDIT_LEN)),
        ("MESSAGE_LEN_MAX", transport::MESSAGE_LEN_MAX as u64),
        ("STREAM_GAPS_MAX", transport::STREAM_GAPS_MAX as u64),
        ("ACK_GAPS_MAX", wire::ACK_GAPS_MAX as u64),
        ("ACK_DELAY_MAX", transport::ACK_DELAY_MAX.as_micros()),
        ("ACK_DELAY_UNIT_MICROS", transport::ACK_DELAY_UNIT_MICROS),
        ("CLOSE_REASON_LEN_MAX", CLOSE_REASON_LEN_MAX as u64),
        ("REPLAY_WINDOW", crypto::REPLAY_WINDOW),
        ("ACK_OWED_MAX", u64::from(transport::ACK_OWED_MAX)),
        ("ACK_ONLY_PER_PING", u64::from(transport::ACK_ONLY_PER_PING)),
        ("PACKET_THRESHOLD", transport::PACKET_THRESHOLD),
        ("INITIAL_RTT", transport::INITIAL_RTT.as_micros()),
        ("PROBE_COUNT", u64::from(transport::PROBE_COUNT)),
        ("PROBE_PATIENCE_COUNT", u64::from(transport::PROBE_PATIENCE_COUNT)),
        ("PROBE_INTERVAL_MAX", transport::PROBE_INTERVAL_MAX.as_micros()),
        ("WINDOW_LEN_INITIAL", transport::WINDOW_LEN_INITIAL),
        ("WINDOW_LEN_MIN", transport::WINDOW_LEN_MIN),
        ("AMPLIFICATION_MAX", transport::AMPLIFICATION_MAX),
        ("UNPROVEN_MOVE_COUNT_MAX", transport::UNPROVEN_MOVE_COUNT_MAX.into()),
        ("DATAGRAM_LEN_MAX", transport::DATAGRAM_LEN_MAX.into()),
        ("SEND_QUEUE_LEN_MAX", transport::SEND_QUEUE_LEN_MAX as u64),
        ("SEND_BULK_LEN_MAX", transport::SEND_BULK_LEN_MAX as u64),
        ("PACKET_THRESHOLD_MAX", transport::PACKET_THRESHOLD_MAX),
        ("NOISE_PER_MILLE", u64::from(transport::NOISE_PER_MILLE)),
        ("BURST_PACKET_COUNT", transport::BURST_PACKET_COUNT),
        ("BULK_SHARE", u64::from(transport::BULK_SHARE)),
        ("SKIP_FLIGHT_MIN", transport::SKIP_FLIGHT_MIN as u64),
        ("COPY_LEN_MAX", transport::COPY_LEN_MAX),
        ("COPY_RATE", transport::COPY_RATE),
        ("CLEAN_RUN_MIN", u64::from(transport::CLEAN_RUN_MIN)),
        ("SEND_QUEUE_COUNT_MAX", transport::SEND_QUEUE_COUNT_MAX as u64),
    ];
    for (name, value) in ours {
        let row = format!("| `{name}` | {value} |");
        assert!(PROTOCOL.contains(&row), "protocol.md lacks: {row}");
    }
    let (client, server) = (transport::Config::client(), transport::Config::server());
    assert_eq!((server.chat_window_len, server.bulk_window_len), (20_480, 0));
    assert_eq!((client.chat_window_len, client.bulk_window_len), (98_304, 2_097_152));
    assert_eq!((client.idle_timeout.as_millis(), client.keepalive_delay.as_millis()), (120_000, 20_000));
}

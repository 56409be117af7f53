//! Lines for programs about a log as a whole: an export is complete, a chain is proved, a marker moved.

use super::json::versioned;
use super::line::Line;
use serde::Serialize;

#[derive(Serialize)]
struct Complete<'a> {
    room: &'a str,
    room_id: u64,
    seq: u64,
    events: u64,
}

#[derive(Serialize)]
struct Verified<'a> {
    room: &'a str,
    room_id: u64,
    seq: u64,
    hash: String,
    events: u64,
    hidden: u64,
}

#[derive(Serialize)]
struct Marked<'a> {
    room: &'a str,
    room_id: u64,
    read: u64,
    unread: u64,
    mentions: u32,
}

/// The line, without its newline.
pub(super) fn write(line: &Line<'_>) -> String {
    match line {
        Line::Complete { room, log, to, event_count } => {
            versioned("complete", Complete { room, room_id: log.0, seq: to.0, events: *event_count })
        }
        Line::Verified { room, log, to, hash, event_count, hidden_count } => {
            let (hash, events, hidden) = (format!("{hash:?}"), *event_count, *hidden_count);
            versioned("verified", Verified { room, room_id: log.0, seq: to.0, hash, events, hidden })
        }
        Line::ReadTo(marked) => {
            let (room, room_id, read, unread) = (&marked.room, marked.log.0, marked.seq.0, marked.unread_count);
            versioned("read", Marked { room, room_id, read, unread, mentions: marked.mention_count })
        }
        _ => unreachable!("the caller has looked"),
    }
}

//! Lines for programs about messages that wait for their time.

use super::json::versioned;
use super::line::Line;
use super::moment::Moment;
use crate::message::Target;
use serde::Serialize;

#[derive(Serialize)]
struct Scheduled<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_id: Option<u64>,
    number: u64,
    id: String,
    at: String,
    text: &'a str,
}

#[derive(Serialize)]
struct Canceled {
    number: u64,
}

/// The line, without its newline.
pub(super) fn write(line: &Line<'_>) -> String {
    match line {
        Line::Scheduled(waiting) => {
            let (room, room_id) = match &waiting.post.to {
                Target::Room(name) | Target::User(name) => (Some(name.as_str()), None),
                Target::Log(log) => (None, Some(log.0)),
                Target::Own => (None, None),
            };
            let (number, id, text) = (waiting.number, waiting.post.id.to_string(), waiting.post.text.as_str());
            let at = Moment::from_ms(waiting.at_ms).rfc_3339();
            versioned("scheduled", Scheduled { room, room_id, number, id, at, text })
        }
        Line::Canceled(number) => versioned("canceled", Canceled { number: *number }),
        _ => unreachable!("the caller has looked"),
    }
}

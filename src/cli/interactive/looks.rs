//! Typed commands that look at the current room as a whole, or say how far it is read.

use super::super::args::Room;
use crate::message::{MarkRead, Request, RequestId, Seq, Target};

/// A look at a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// All up to here is read, or all there is.
    Read(Option<Seq>),
    /// This and all behind it is not read.
    Unread(Seq),
    /// What moderators did last.
    Audit,
    /// What was reported.
    Reports,
    /// What the room is set to.
    Settings,
    /// One's ticket at a desk, opened if there is none.
    Ticket(Room),
}

/// Reads a command of this name; `None` if it is none of these, an error with an empty sentence if something is missing.
pub fn read(name: &str, rest: &str) -> Option<Result<Look, String>> {
    Some(match name {
        "read" if rest.is_empty() => Ok(Look::Read(None)),
        "read" => place(rest).map(|seq| Look::Read(Some(seq))),
        "unread" => place(rest).map(Look::Unread),
        "audit" => Ok(Look::Audit),
        "reports" => Ok(Look::Reports),
        "room" => Ok(Look::Settings),
        "ticket" if rest.is_empty() => Err(String::new()),
        "ticket" => rest.parse().map(Look::Ticket).map_err(|error| format!("{error}")),
        _ => return None,
    })
}

fn place(word: &str) -> Result<Seq, String> {
    if word.is_empty() {
        return Err(String::new());
    }
    word.parse().map(Seq).map_err(|_| "a message is named by its position, the number before its author".to_owned())
}

impl Look {
    /// The request for it about `room`.
    #[must_use]
    pub fn request(&self, id: RequestId, room: Target) -> Request {
        let mark = |log, seq| Request::MarkRead(MarkRead { id, log, seq });
        match self {
            Self::Read(seq) => mark(room, seq.unwrap_or(Seq(u64::MAX))),
            Self::Unread(seq) => mark(room, Seq(seq.0.saturating_sub(1))),
            Self::Audit => Request::Audit((room, Seq(0))),
            Self::Reports => Request::Reports((room, Seq(0))),
            Self::Settings => Request::RoomSettings(room),
            Self::Ticket(desk) => Request::OpenTicket((id, Target::Room(desk.0.to_string()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_read_with_their_places() {
        assert_eq!((read("read", ""), read("read", "7")), (Some(Ok(Look::Read(None))), Some(Ok(Look::Read(Some(Seq(7)))))));
        assert_eq!((read("unread", "7"), read("unread", "")), (Some(Ok(Look::Unread(Seq(7)))), Some(Err(String::new()))));
        assert_eq!(read("ticket", "#desk"), Some(Ok(Look::Ticket("#desk".parse().unwrap()))));
        assert!(read("unread", "all").unwrap().unwrap_err().contains("position") && read("ticket", "desk").unwrap().is_err());
        let Request::MarkRead(mark) = Look::Unread(Seq(7)).request(RequestId([1; 16]), Target::Own) else { panic!("no mark") };
        assert_eq!(mark.seq, Seq(6));
        assert_eq!(read("join", "#ops"), None);
    }
}

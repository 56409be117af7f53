//! Typed commands about messages that are posted later.

use super::super::args::Time;
use crate::message::{CancelScheduled, PostRequest, Request, RequestId, ScheduleRequest, Target, Text, TextError};

/// What a person says about messages that wait for their time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// Post this in the current room later.
    Post {
        /// When.
        at: Time,
        /// The text.
        text: String,
    },
    /// List what waits.
    List,
    /// Take one back.
    Cancel {
        /// Its number in the list.
        number: u64,
    },
}

/// Reads a command of this name; `None` if it is none of these, an error with an empty sentence if something is missing.
pub fn read(name: &str, rest: &str) -> Option<Result<Waiting, String>> {
    let (first, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Some(match name {
        "later" | "schedule" if text.trim().is_empty() => Err(String::new()),
        "later" | "schedule" => {
            first.parse().map(|at| Waiting::Post { at, text: text.trim().to_owned() }).map_err(|error| format!("{error}"))
        }
        "scheduled" => Ok(Waiting::List),
        "cancel" if rest.is_empty() => Err(String::new()),
        "cancel" => rest
            .parse()
            .map(|number| Waiting::Cancel { number })
            .map_err(|_| format!("{rest} is no number of the list, /scheduled")),
        _ => return None,
    })
}

impl Waiting {
    /// The request, of a person in `room` whose clock says `now_ms`.
    ///
    /// # Errors
    /// [`TextError`] if the text is none that can be sent.
    pub fn request(self, id: RequestId, room: Target, now_ms: u64) -> Result<Request, TextError> {
        Ok(match self {
            Self::Post { at, text } => {
                let text = Text::parse(text)?.as_str().to_owned();
                let post = PostRequest { id, to: room, text, reply_to: None, payload: None };
                Request::Schedule(ScheduleRequest { post, at_ms: at.at_ms(now_ms) })
            }
            Self::List => Request::ListScheduled(0),
            Self::Cancel { number } => Request::CancelScheduled(CancelScheduled { id, number }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_messages_are_spoken_of_by_time_and_number() {
        let soon = Waiting::Post { at: Time::In(600_000), text: "tea time".into() };
        assert_eq!(read("later", "10m  tea time"), Some(Ok(soon)));
        assert_eq!(read("cancel", "4"), Some(Ok(Waiting::Cancel { number: 4 })));
        assert_eq!(read("scheduled", ""), Some(Ok(Waiting::List)));
        assert_eq!((read("later", "10m"), read("cancel", "")), (Some(Err(String::new())), Some(Err(String::new()))));
        assert!(read("later", "soon tea").unwrap().unwrap_err().contains("10m"));
        assert!(read("cancel", "tea").unwrap().unwrap_err().contains("/scheduled"));
        assert_eq!(read("join", "#ops"), None);
    }
}

//! What goes on in the current room and is not stored: who is typing, who comes and goes, what is being written. Programs get
//! every line, people only what is news.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::super::exit::Failure;
use super::super::line::Line;
use super::super::output::Output;
use crate::client::{ClientEvent, TYPING_LIFE};
use crate::message::{Availability, LogId, RequestId, UserId};

/// A message that is being written is shown anew so often.
const DRAFT_INTERVAL: Duration = Duration::from_secs(2);

/// People and messages that are remembered; of more, all are forgotten, and what they do is news again.
const REMEMBERED_MAX: usize = 1_024;

/// What was shown.
#[derive(Debug)]
pub struct Watching {
    /// Whether others are told that the person is typing.
    pub tells_typing: bool,
    typing: HashMap<(LogId, UserId), Instant>,
    drafts: HashMap<RequestId, Instant>,
    present: HashMap<UserId, (Availability, String)>,
}

impl Default for Watching {
    fn default() -> Self {
        Self { tells_typing: true, typing: HashMap::new(), drafts: HashMap::new(), present: HashMap::new() }
    }
}

impl Watching {
    /// Shows what the client tells, if it is news.
    ///
    /// # Errors
    /// If nobody reads any more, or the terminal fails.
    pub fn show(&mut self, output: &mut Output, event: &ClientEvent) -> Result<(), Failure> {
        let is_for_programs = output.is_json();
        let (line, is_news) = match event {
            ClientEvent::Typing { room, typing } => {
                let life = Duration::from_micros(TYPING_LIFE.as_micros());
                (Line::Typing { room, typing }, is_late(&mut self.typing, (typing.log, typing.user), life, Renewal::Always))
            }
            ClientEvent::Latest { room, latest } => {
                let is_news = latest.draft().is_some_and(|id| {
                    !latest.value.is_empty() && is_late(&mut self.drafts, id, DRAFT_INTERVAL, Renewal::WhenLate)
                });
                (Line::Latest { room, latest }, is_news)
            }
            ClientEvent::Presence(presence) => {
                if self.present.len() >= REMEMBERED_MAX {
                    self.present.clear();
                }
                let told = (presence.availability, presence.text.clone());
                let before = self.present.insert(presence.user, told.clone());
                // That somebody is there is not worth a line when a room is entered.
                let is_news = before.map_or(presence.availability != Availability::Online, |before| before != told);
                (Line::Presence(presence), is_news)
            }
            _ => return Ok(()),
        };
        if is_for_programs || is_news { Ok(output.line(&line)?) } else { Ok(()) }
    }
}

/// Whether what is heard again too soon still counts as heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    Always,
    WhenLate,
}

/// Whether this was last heard longer ago than `span`, or never.
fn is_late<K: Eq + std::hash::Hash>(heard: &mut HashMap<K, Instant>, key: K, span: Duration, renewal: Renewal) -> bool {
    let now = Instant::now();
    if heard.len() >= REMEMBERED_MAX {
        heard.clear();
    }
    let is_late = heard.get(&key).is_none_or(|before| now.saturating_duration_since(*before) > span);
    if is_late || renewal == Renewal::Always {
        heard.insert(key, now);
    }
    is_late
}

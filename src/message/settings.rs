//! What a room is set to: who finds it, who may post, what is kept, and the request that changes it.

use super::id::{LogId, RequestId};
use super::request::Target;
use super::room_event::Setting;
use super::text::Password;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Longest topic of a room, in bytes of UTF-8.
pub const TOPIC_LEN_MAX: usize = 512;

/// Most tags of a room.
pub const TAGS_MAX: usize = 10;

/// Longest tag, in characters.
const TAG_CHARS_MAX: usize = 32;

/// Longest pause between two posts of one member in slow mode, in seconds.
pub const SLOW_S_MAX: u32 = 6 * 3_600;

/// Longest time that retention keeps posts, in days.
pub const RETAIN_DAYS_MAX: u32 = 36_500;

/// Most posts that retention keeps.
pub const RETAIN_POSTS_MAX: u32 = 1_000_000_000;

/// Who may find a room, and who may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// Listed for every user.
    Public,
    /// Not listed; whoever knows the name may join.
    Unlisted,
    /// Not listed; only who was invited may join.
    InviteOnly,
}

/// Who may post in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Posting {
    /// Every member.
    Everyone,
    /// Its owner and moderators; in a class everybody may answer.
    Moderators,
}

/// What of a room's past its members may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum History {
    /// Everything.
    All,
    /// What was said while they were members.
    SinceJoin,
}

/// What a room is for; decides what it is set to when it is made, and what its state means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Template {
    /// A room like any other.
    Plain,
    /// One visitor's matter: invite-only, with a state.
    Ticket,
    /// Moderators announce, members ask in threads.
    Class,
}

/// How far the matter of a ticket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TicketState {
    /// Nobody has taken it.
    Open,
    /// Somebody sees to it.
    Assigned,
    /// It is done.
    Resolved,
}

/// Whether a room still takes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Archived {
    /// It does.
    No,
    /// It is kept to be read, and not listed unless asked for.
    Yes,
}

/// What becomes of a room's password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordChange {
    /// It stays as it is.
    Keep,
    /// Joining needs none any more.
    Remove,
    /// Joining needs this one from now on.
    Set(Password),
}

/// What is to change about a room; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomChanges {
    /// What it is about; empty for nothing.
    pub topic: Option<String>,
    /// What it is found by.
    pub tags: Option<Vec<String>>,
    /// Who finds it.
    pub visibility: Option<Visibility>,
    /// Who may post.
    pub posting: Option<Posting>,
    /// What of its past members read.
    pub history: Option<History>,
    /// Seconds between two posts of one member; 0 for none.
    pub slow_s: Option<u32>,
    /// Days after which posts are erased; 0 for never.
    pub retain_days: Option<u32>,
    /// How many of the newest posts are kept; 0 for all.
    pub retain_posts: Option<u32>,
    /// Whether it still takes anything.
    pub archived: Option<Archived>,
    /// How far a ticket is.
    pub ticket: Option<TicketState>,
}

/// A room to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRoom {
    /// The request's id.
    pub id: RequestId,
    /// The room.
    pub room: Target,
    /// What becomes of its password.
    pub password: PasswordChange,
    /// What else changes.
    pub changes: RoomChanges,
}

/// What a room is set to, as its members and, of a public room, all users may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSettings {
    /// The room.
    pub log: LogId,
    /// Its name, with `#`.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// What it is found by.
    pub tags: Vec<String>,
    /// What it is for.
    pub template: Template,
    /// Who finds it.
    pub visibility: Visibility,
    /// Whether joining needs a password.
    pub locked: bool,
    /// Who may post.
    pub posting: Posting,
    /// What of its past members read.
    pub history: History,
    /// Seconds between two posts of one member; 0 for none.
    pub slow_s: u32,
    /// Days after which posts are erased; 0 for never.
    pub retain_days: u32,
    /// How many of the newest posts are kept; 0 for all.
    pub retain_posts: u32,
    /// Whether it still takes anything.
    pub archived: Archived,
    /// How far a ticket is.
    pub ticket: TicketState,
    /// How many members it has.
    pub member_count: u32,
}

/// One line of text without control characters, at most 512 bytes; may be empty. For topics and reasons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phrase(String);

impl Phrase {
    /// Checks `typed`; `None` if it is no such line.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let good = typed.len() <= TOPIC_LEN_MAX && !typed.chars().any(|c| c.is_control() || matches!(c, '\u{202d}' | '\u{202e}'));
        good.then(|| Self(typed.trim().to_owned()))
    }

    /// The line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Changes that were checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoodChanges {
    /// What the room is about.
    pub topic: Option<Phrase>,
    /// What else it is set to.
    pub settings: Vec<Setting>,
    /// Whether it still takes anything.
    pub archived: Option<Archived>,
}

impl RoomChanges {
    /// Checks lengths and ranges, folds tags and drops repeated ones.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn check(self) -> Result<GoodChanges, String> {
        let topic = match self.topic {
            Some(typed) => match Phrase::parse(&typed) {
                None => return Err(format!("a topic is one line of at most {TOPIC_LEN_MAX} bytes")),
                topic => topic,
            },
            None => None,
        };
        let within = |name: &str, number: Option<u32>, max: u32| match number {
            Some(number) if number > max => Err(format!("{name} is at most {max}")),
            number => Ok(number),
        };
        let mut settings = Vec::new();
        settings.extend(self.visibility.map(Setting::Visibility));
        settings.extend(self.posting.map(Setting::Posting));
        settings.extend(self.history.map(Setting::History));
        settings.extend(within("the pause of slow mode, in seconds,", self.slow_s, SLOW_S_MAX)?.map(Setting::Slow));
        settings.extend(within("the number of days", self.retain_days, RETAIN_DAYS_MAX)?.map(Setting::RetainDays));
        settings.extend(within("the number of posts", self.retain_posts, RETAIN_POSTS_MAX)?.map(Setting::RetainPosts));
        if let Some(tags) = self.tags {
            settings.push(Setting::Tags(good_tags(&tags)?));
        }
        settings.extend(self.ticket.map(Setting::Ticket));
        Ok(GoodChanges { topic, settings, archived: self.archived })
    }
}

fn good_tags(typed: &[String]) -> Result<Vec<String>, String> {
    if typed.len() > TAGS_MAX {
        return Err(format!("a room has at most {TAGS_MAX} tags"));
    }
    let mut tags = Vec::new();
    for tag in typed {
        let Some(tag) = fold_tag(tag) else {
            return Err(format!("a tag is 1 to {TAG_CHARS_MAX} letters, digits and -, without spaces"));
        };
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    Ok(tags)
}

/// The tag as it is kept and compared: case folded, in NFC; `None` if it cannot be one. Tags are words: letters, digits and
/// `-`, in any script, 1 to 32 characters.
#[must_use]
pub fn fold_tag(typed: &str) -> Option<String> {
    // Before folding, so that a flood of text costs nothing.
    if typed.len() > 4 * TAG_CHARS_MAX {
        return None;
    }
    let folded: String = caseless::default_case_fold_str(typed).nfc().collect();
    let good = (1..=TAG_CHARS_MAX).contains(&folded.chars().count())
        && folded.chars().all(|c| c == '-' || unicode_security::GeneralSecurityProfile::identifier_allowed(c));
    good.then_some(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_checked_before_they_are_made() {
        let changes =
            RoomChanges { tags: Some(vec!["B".into(), "a".into(), "b".into()]), slow_s: Some(5), ..RoomChanges::default() };
        let good = changes.check().unwrap();
        assert_eq!(good.settings, [Setting::Slow(5), Setting::Tags(vec!["a".into(), "b".into()])]);
        let tags = |count: usize| RoomChanges { tags: Some(vec!["a".into(); count]), ..RoomChanges::default() };
        assert!(tags(TAGS_MAX).check().is_ok());
        for bad in [
            tags(TAGS_MAX + 1),
            RoomChanges { topic: Some("x".repeat(TOPIC_LEN_MAX + 1)), ..RoomChanges::default() },
            RoomChanges { topic: Some("two\nlines".into()), ..RoomChanges::default() },
            RoomChanges { slow_s: Some(SLOW_S_MAX + 1), ..RoomChanges::default() },
            RoomChanges { retain_days: Some(RETAIN_DAYS_MAX + 1), ..RoomChanges::default() },
            RoomChanges { retain_posts: Some(RETAIN_POSTS_MAX + 1), ..RoomChanges::default() },
        ] {
            assert!(bad.check().is_err());
        }
    }

    #[test]
    fn tags_are_words_of_any_script_without_case() {
        assert_eq!(fold_tag("Rust"), Some("rust".into()));
        assert_eq!(fold_tag("客服"), Some("客服".into()));
        assert_eq!(fold_tag("on-call"), Some("on-call".into()));
        for bad in ["", "two words", "a\u{200b}", "#x", &"x".repeat(33), &"x".repeat(1 << 20)] {
            assert_eq!(fold_tag(bad), None, "{bad:.20}");
        }
    }
}

//! What happened in a room beside messages, as a sentence and as fields.

use serde::Serialize;

use super::human::printable;
use super::moment::Moment;
use crate::message::{
    Archived, Concerned, History, Posting, PutOut, Role, RoomEvent, RoomSettings, Setting, Template, TicketState, Visibility,
};

/// The fields of one such event; each has some.
#[derive(Default, Serialize)]
pub(super) struct RoomFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<SettingFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archived: Option<bool>,
}

/// Settings by name; those that did not change are left out.
#[derive(Default, Serialize)]
struct SettingFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    posting: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retain_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retain_posts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<&'static str>,
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Moderator => "moderator",
        Role::Member => "member",
    }
}

fn visibility_name(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Unlisted => "unlisted",
        Visibility::InviteOnly => "invite-only",
    }
}

fn posting_name(posting: Posting) -> &'static str {
    match posting {
        Posting::Everyone => "everyone",
        Posting::Moderators => "moderators",
    }
}

fn history_name(history: History) -> &'static str {
    match history {
        History::All => "all",
        History::SinceJoin => "since-join",
    }
}

fn ticket_name(state: TicketState) -> &'static str {
    match state {
        TicketState::Open => "open",
        TicketState::Assigned => "assigned",
        TicketState::Resolved => "resolved",
    }
}

/// What happened, in a sentence; `author` is printable already.
pub(super) fn sentence(author: &str, event: &RoomEvent) -> String {
    let at = |who: &Concerned| format!("@{}", printable(&who.name));
    let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {}", printable(reason)) };
    match event {
        RoomEvent::Invited(who) => format!("{author} invited {}", at(who)),
        RoomEvent::Kicked(who, reason) => format!("{author} put {} out{}", at(who), because(reason)),
        RoomEvent::Banned(who, reason) => format!("{author} banned {}{}", at(who), because(reason)),
        RoomEvent::Unbanned(who) => format!("{author} lets {} come again", at(who)),
        RoomEvent::RoleChanged(who, role) => format!("{author} made {} {}", at(who), role_name(*role)),
        RoomEvent::Muted(who, 0) => format!("{author} lets {} write again", at(who)),
        RoomEvent::Muted(who, until_ms) => {
            format!("{author} muted {} until {}", at(who), Moment::from_ms(*until_ms).date_and_time())
        }
        RoomEvent::Topic(topic) if topic.is_empty() => format!("{author} removed the topic"),
        RoomEvent::Topic(topic) => format!("{author} set the topic: {}", printable(topic)),
        RoomEvent::Settings(settings) => {
            let settings: Vec<String> = settings.iter().map(setting_words).collect();
            format!("{author} set {}", settings.join(", "))
        }
        RoomEvent::RangeErased(first, last, None) => format!("messages from {first} to {last} were erased"),
        RoomEvent::RangeErased(first, last, Some(_)) => format!("what {author} wrote from {first} to {last} was erased"),
        RoomEvent::Archived(Archived::Yes) => format!("{author} archived the room"),
        RoomEvent::Archived(Archived::No) => format!("{author} took the room out of the archive"),
    }
}

fn setting_words(setting: &Setting) -> String {
    match setting {
        Setting::Visibility(visibility) => format!("visibility {}", visibility_name(*visibility)),
        Setting::Posting(posting) => format!("posting {}", posting_name(*posting)),
        Setting::History(history) => format!("history {}", history_name(*history)),
        Setting::Slow(0) => "slow mode off".to_owned(),
        Setting::Slow(seconds) => format!("slow mode {seconds} s"),
        Setting::RetainDays(0) => "messages kept at any age".to_owned(),
        Setting::RetainDays(days) => format!("messages kept for {days} days"),
        Setting::RetainPosts(0) => "any number of messages kept".to_owned(),
        Setting::RetainPosts(count) => format!("the newest {count} messages kept"),
        Setting::Tags(tags) if tags.is_empty() => "no tags".to_owned(),
        Setting::Tags(tags) => format!("tags {}", printable(&tags.join(" "))),
        Setting::Locked(true) => "a password".to_owned(),
        Setting::Locked(false) => "no password".to_owned(),
        Setting::Ticket(state) => format!("ticket {}", ticket_name(*state)),
    }
}

/// The name of the event's type, and its fields.
pub(super) fn fields(event: RoomEvent) -> (&'static str, RoomFields) {
    let none = RoomFields::default;
    let about = |who: Concerned| RoomFields { user: Some(who.name), user_id: Some(who.user.0), ..none() };
    match event {
        RoomEvent::Invited(who) => ("invited", about(who)),
        RoomEvent::Kicked(who, reason) => ("kicked", RoomFields { reason: Some(reason), ..about(who) }),
        RoomEvent::Banned(who, reason) => ("banned", RoomFields { reason: Some(reason), ..about(who) }),
        RoomEvent::Unbanned(who) => ("unbanned", about(who)),
        RoomEvent::RoleChanged(who, role) => ("role_changed", RoomFields { role: Some(role_name(role)), ..about(who) }),
        RoomEvent::Muted(who, 0) => ("unmuted", about(who)),
        RoomEvent::Muted(who, until_ms) => {
            ("muted", RoomFields { until: Some(Moment::from_ms(until_ms).rfc_3339()), ..about(who) })
        }
        RoomEvent::Topic(topic) => ("topic", RoomFields { topic: Some(topic), ..none() }),
        RoomEvent::Settings(settings) => ("settings_changed", RoomFields { settings: Some(setting_fields(settings)), ..none() }),
        RoomEvent::RangeErased(first, last, author) => {
            let user_id = author.map(|author| author.0);
            ("range_erased", RoomFields { first: Some(first.0), last: Some(last.0), user_id, ..none() })
        }
        RoomEvent::Archived(archived) => ("archived", RoomFields { archived: Some(archived == Archived::Yes), ..none() }),
    }
}

/// That the user was put out of a room; `author` is printable already.
pub(super) fn put_out_sentence(author: &str, room: &str, how: PutOut, reason: &str) -> String {
    let because = if reason.is_empty() { String::new() } else { format!(": {}", printable(reason)) };
    match how {
        PutOut::Kicked => format!("{author} put you out of #{}{because}", printable(room)),
        PutOut::Banned => format!("{author} banned you from #{}{because}", printable(room)),
    }
}

/// What a room is set to, a line for each thing.
pub(super) fn settings_block(room: &RoomSettings) -> String {
    let mut lines = vec![printable(&room.name)];
    let settings = [
        Setting::Visibility(room.visibility),
        Setting::Locked(room.locked),
        Setting::Posting(room.posting),
        Setting::History(room.history),
        Setting::Slow(room.slow_s),
        Setting::RetainDays(room.retain_days),
        Setting::RetainPosts(room.retain_posts),
        Setting::Tags(room.tags.clone()),
    ];
    if !room.topic.is_empty() {
        lines.push(format!("topic {}", printable(&room.topic)));
    }
    lines.extend(settings.iter().map(setting_words));
    if room.template == Template::Ticket {
        lines.push(setting_words(&Setting::Ticket(room.ticket)));
    }
    if room.archived == Archived::Yes {
        lines.push("archived".to_owned());
    }
    lines.join("\n  ")
}

/// What a room is set to, for programs.
#[derive(Serialize)]
pub(super) struct AllFields {
    room: String,
    room_id: u64,
    topic: String,
    members: u32,
    archived: bool,
    template: &'static str,
    #[serde(flatten)]
    settings: SettingFields,
}

pub(super) fn all_fields(room: &RoomSettings) -> AllFields {
    let settings = SettingFields {
        visibility: Some(visibility_name(room.visibility)),
        posting: Some(posting_name(room.posting)),
        history: Some(history_name(room.history)),
        slow_s: Some(room.slow_s),
        retain_days: Some(room.retain_days),
        retain_posts: Some(room.retain_posts),
        tags: Some(room.tags.clone()),
        password: Some(room.locked),
        ticket: Some(ticket_name(room.ticket)).filter(|_| room.template == Template::Ticket),
    };
    AllFields {
        room: room.name.clone(),
        room_id: room.log.0,
        topic: room.topic.clone(),
        members: room.member_count,
        archived: room.archived == Archived::Yes,
        template: match room.template {
            Template::Plain => "plain",
            Template::Ticket => "ticket",
            Template::Class => "class",
        },
        settings,
    }
}

fn setting_fields(settings: Vec<Setting>) -> SettingFields {
    let mut fields = SettingFields::default();
    for setting in settings {
        match setting {
            Setting::Visibility(visibility) => fields.visibility = Some(visibility_name(visibility)),
            Setting::Posting(posting) => fields.posting = Some(posting_name(posting)),
            Setting::History(history) => fields.history = Some(history_name(history)),
            Setting::Slow(seconds) => fields.slow_s = Some(seconds),
            Setting::RetainDays(days) => fields.retain_days = Some(days),
            Setting::RetainPosts(count) => fields.retain_posts = Some(count),
            Setting::Tags(tags) => fields.tags = Some(tags),
            Setting::Locked(locked) => fields.password = Some(locked),
            Setting::Ticket(state) => fields.ticket = Some(ticket_name(state)),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Seq, UserId};

    #[test]
    fn a_hostile_reason_or_topic_reaches_no_terminal_as_it_is() {
        let bob = Concerned { user: UserId(2), name: "b\u{1b}ob".into() };
        for event in [RoomEvent::Banned(bob, "\u{1b}[2J".into()), RoomEvent::Topic("\u{202e}x".into())] {
            assert!(!sentence("alice", &event).contains(['\u{1b}', '\u{202e}']));
        }
    }

    #[test]
    fn programs_get_only_the_fields_that_an_event_has() {
        let json = |event| serde_json::to_string(&fields(event).1).unwrap();
        assert_eq!(json(RoomEvent::RangeErased(Seq(3), Seq(9), None)), r#"{"first":3,"last":9}"#);
        let settings = RoomEvent::Settings(vec![Setting::Slow(5), Setting::Locked(false)]);
        assert_eq!(json(settings), r#"{"settings":{"slow_s":5,"password":false}}"#);
    }
}

//! Lines for people. Nothing that somebody else wrote reaches the terminal as it is: what could drive it is spelled out.

use std::fmt::Write as _;

use super::bot_lines;
use super::line::{Level, Line, LinkState};
use super::moment::Moment;
use super::net_lines;
use super::room_event;
use crate::client::PublicKey;
use crate::message::{
    Account, AccountKind, AccountState, Availability, Event, EventBody, MENTIONS_COUNTED_MAX, Overlay, Post, Profile, Role,
    RoomKind, ScheduledPost, ServerRole, Target,
};

/// How much of an event's place and time stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Date, time, room and position: for commands, whose output is kept.
    Full,
    /// Time and room: for a conversation that goes by.
    Short,
}

/// How much is unread, and how much of that names the reader.
#[must_use]
pub fn unread(unread_count: u64, mention_count: u32) -> String {
    match mention_count {
        0 => format!("{unread_count} unread"),
        MENTIONS_COUNTED_MAX.. => format!("{unread_count} unread, {}+ mention you", MENTIONS_COUNTED_MAX - 1),
        1 => format!("{unread_count} unread, 1 mentions you"),
        _ => format!("{unread_count} unread, {mention_count} mention you"),
    }
}

/// `text` with everything spelled out that could move the cursor, change colours, hide text or turn its direction around;
/// newlines too, so that the result is one line.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if must_be_spelled_out(c) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Controls, and the characters that break lines or turn what follows around (UAX #9 section 2).
pub(super) fn must_be_spelled_out(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A message's text: its own lines stay lines, those after the first are set in, so that no text can pose as a line of its
/// own; a tab is four spaces.
fn text_block(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| printable(&line.replace('\t', "    "))).collect();
    lines.join("\n    ")
}

/// The line, without its newline.
#[must_use]
pub fn write(line: &Line<'_>, style: Style) -> String {
    match line {
        Line::Event { room, author, event, overlay } => event_line(room, author, event, *overlay, style),
        Line::Gap { room, to, .. } => format!("-- {} up to {to}: not yours to read", printable(room)),
        Line::Complete { .. } | Line::Verified { .. } | Line::ReadTo(_) => log_sentence(line),
        Line::Sent { stored, .. } => format!("{} {}", printable(&stored.room), stored.seq),
        Line::Scheduled(post) => scheduled_line(post),
        Line::Canceled(number) => format!("canceled {number}"),
        Line::Receipt { room, receipt } => {
            let mark = if Level::Delivered.is_reached(receipt) && receipt.device_count > 0 { "✓✓" } else { "✓" };
            let (delivered, devices) = (receipt.delivered_count, receipt.device_count);
            let read = if receipt.read_count > 0 { format!(", read by {}", receipt.read_count) } else { String::new() };
            format!("{mark} {delivered}/{devices} {} {}{read}", printable(room), receipt.seq)
        }
        Line::Did { deed, stored } => {
            format!("{} {}", deed.words().1, printable(&stored.room))
        }
        Line::Marked { deed, post, stored } => format!("{} {} {post}", deed.words().1, printable(&stored.room)),
        Line::Room(room) => {
            let members = if room.member_count == 1 { "member" } else { "members" };
            let mut out = format!("{}  {} {members}", printable(&room.name), room.member_count);
            out.push_str(if room.locked { "  password" } else { "" });
            out.push_str(if room.joined { "  joined" } else { "" });
            for tag in &room.tags {
                let _ = write!(out, "  +{}", printable(tag));
            }
            if !room.topic.is_empty() {
                let _ = write!(out, "  {}", printable(&room.topic));
            }
            out
        }
        Line::Settings(settings) => room_event::settings_block(settings),
        Line::Report { report, .. } => {
            let reason = if report.reason.is_empty() { "no reason given" } else { &report.reason };
            let (author, reporter) = (printable(&report.author), printable(&report.reporter));
            format!("{} by @{author}, reported by @{reporter}: {}", report.seq, printable(reason))
        }
        Line::Fetched { path, .. } => printable(path),
        Line::Ignored(user) => format!("@{}", printable(&user.name)),
        Line::Noted { what, .. } => (*what).to_owned(),
        Line::Membership(membership) => {
            let unread = match (membership.unread_count, membership.mention_count) {
                (0, _) => String::new(),
                (unread_count, mention_count) => format!("  {}", unread(unread_count, mention_count)),
            };
            format!("{}  {} events{unread}", printable(&membership.room), membership.head)
        }
        Line::Member { member, .. } => {
            let role = match member.role {
                Role::Owner => "  owner",
                Role::Moderator => "  moderator",
                Role::Member => "",
            };
            let online = match member.availability {
                Availability::Offline => "",
                Availability::Online => "  online",
                Availability::Away => "  away",
            };
            let bot = if member.kind == AccountKind::Bot { "  bot" } else { "" };
            format!("@{}{bot}{role}{online}", printable(&member.name))
        }
        Line::Typing { room, typing } => format!("-- {} is typing in {}", printable(&typing.name), printable(room)),
        Line::Latest { room, latest } => {
            let (room, name, value) = (printable(room), printable(&latest.name), printable(&latest.value));
            match latest.draft() {
                Some(_) => format!("-- {name} is writing in {room}: {value}"),
                None => format!("-- {room} {} = {value} ({name})", printable(&latest.key)),
            }
        }
        Line::Presence(presence) => {
            let name = printable(&presence.name);
            match presence.availability {
                Availability::Offline => {
                    format!("-- @{name} is offline, last seen {}", Moment::from_ms(presence.time_ms).date_and_time())
                }
                Availability::Online => format!("-- @{name} is online"),
                Availability::Away if presence.text.is_empty() => format!("-- @{name} is away"),
                Availability::Away => format!("-- @{name} is away: {}", printable(&presence.text)),
            }
        }
        Line::Account { account, server, key } => account_line(account, server, *key),
        Line::Device { device, is_this } => {
            let seen = Moment::from_ms(device.last_seen_ms).date_and_time();
            let online = if device.online { "  online" } else { "" };
            let this = if *is_this { "  this one" } else { "" };
            format!("{}  {}  last seen {seen}{online}{this}", device.device, printable(&device.name))
        }
        Line::DeviceRevoked(device) => format!("device {device} is logged out"),
        Line::AccountState { user, state: AccountState::Disabled } => format!("@{} is disabled", printable(user)),
        Line::AccountState { user, state: AccountState::Enabled } => format!("@{} is enabled", printable(user)),
        Line::Profile(profile) => profile_lines(profile),
        // The code alone, so that it can be taken by a script.
        Line::Invitation { code, .. } => (*code).to_owned(),
        Line::AccountDeleted => "the account is deleted".to_owned(),
        Line::BotToken { .. } | Line::Bot(_) | Line::BotRevoked(_) => bot_lines::human(line),
        Line::PasswordChanged => "the password is changed".to_owned(),
        Line::SignedOut => "logged out".to_owned(),
        Line::Net(_) | Line::NetRow(_) => net_lines::human(line),
        Line::State(LinkState::Online) => "-- connected".to_owned(),
        Line::State(LinkState::Offline(why)) => format!("-- connection lost ({}); trying again", printable(why)),
        Line::State(LinkState::CaughtUp(room, _)) => format!("-- {} is up to date", printable(room)),
    }
}

fn account_line(account: &Account, server: &str, key: Option<PublicKey>) -> String {
    let guest = match account.kind {
        AccountKind::Person => "",
        AccountKind::Guest => ", a guest",
        AccountKind::Bot => ", a bot",
    };
    let admin = if account.role == ServerRole::Admin { ", admin" } else { "" };
    let name = printable(&account.name);
    let key = key.map_or(String::new(), |key| format!(", server key {}", key.fingerprint()));
    format!("@{name} on {server} (user {}, device {}{guest}{admin}{key})", account.user, account.device)
}

fn profile_lines(profile: &Profile) -> String {
    let mut out = format!("@{}", printable(&profile.name));
    out.push_str(if profile.kind == AccountKind::Guest { "  guest" } else { "" });
    if let Some(owner) = &profile.owner {
        let _ = write!(out, "  bot of @{}", printable(owner));
    }
    out.push_str(if profile.role == ServerRole::Admin { "  admin" } else { "" });
    out.push_str(if profile.online { "  online" } else { "" });
    let _ = write!(out, "  since {}", Moment::from_ms(profile.created_ms).date_and_time());
    if !profile.about.is_empty() {
        let _ = write!(out, "\n    {}", printable(&profile.about));
    }
    if !profile.tags.is_empty() {
        let _ = write!(out, "\n    {}", printable(&profile.tags.join(", ")));
    }
    out
}

fn scheduled_line(waiting: &ScheduledPost) -> String {
    let to = match &waiting.post.to {
        Target::Room(name) | Target::User(name) => printable(name),
        Target::Log(log) => format!("log {log}"),
        Target::Own => String::new(),
    };
    let at = Moment::from_ms(waiting.at_ms).date_and_time();
    format!("{}  {at}  {to}  {}", waiting.number, text_block(&waiting.post.text))
}

/// What is said about a log as a whole.
fn log_sentence(line: &Line<'_>) -> String {
    match line {
        Line::Complete { room, to, event_count, .. } => {
            format!("-- {} is complete up to {to}: {event_count} events", printable(room))
        }
        Line::Verified { room, to, hash, event_count, hidden_count, .. } => {
            let hidden = if *hidden_count > 0 { format!(", {hidden_count} not yours to read") } else { String::new() };
            format!("{} is whole up to {to}: {event_count} events{hidden}; hash {hash:?}", printable(room))
        }
        Line::ReadTo(marked) => {
            let unread = unread(marked.unread_count, marked.mention_count);
            format!("{} is read up to {}; {unread}", printable(&marked.room), marked.seq)
        }
        _ => unreachable!("the caller has looked"),
    }
}

fn event_line(room: &str, author: &str, event: &Event, overlay: Option<&Overlay>, style: Style) -> String {
    let author = printable(author);
    // One's own log has no name.
    let room = if room.is_empty() { String::new() } else { format!("{} ", printable(room)) };
    let moment = Moment::from_ms(event.head.time_ms);
    let place = match style {
        Style::Full => format!("{} {room}{}", moment.date_and_time(), event.head.seq),
        Style::Short => format!("[{}] {room}{}", moment.minute(), event.head.seq),
    };
    match event.content() {
        EventBody::Posted(post) => {
            let text = overlay.and_then(|overlay| overlay.edit.as_ref()).map_or(&post.text, |edit| &edit.text);
            let answers = post.reply_to.map(|seq| format!(" (to {seq})")).unwrap_or_default();
            let notes = notes(&post, overlay);
            format!("{place} {author}{answers}: {}{notes}", text_block(text))
        }
        body => format!("{place} -- {}", happening(&author, &body)),
    }
}

/// What a message is besides its text: what it carries for programs, and what became of it.
fn notes(post: &Post, overlay: Option<&Overlay>) -> String {
    let mut notes = Vec::new();
    notes.extend(post.file.as_ref().map(|file| format!("file {}, {} bytes", printable(&file.name), file.len)));
    notes.extend(post.payload.as_ref().map(|payload| printable(&payload.kind)));
    if let Some(overlay) = overlay {
        notes.extend(overlay.edit.as_ref().map(|_| "edited".to_owned()));
        notes.extend(overlay.reactions.iter().map(|shown| match shown.count {
            1 => printable(&shown.reaction),
            count => format!("{} {count}", printable(&shown.reaction)),
        }));
        notes.extend(overlay.pinned.then(|| "pinned".to_owned()));
        notes.extend(match overlay.reply_count {
            0 => None,
            1 => Some("1 answer".to_owned()),
            count => Some(format!("{count} answers")),
        });
        notes.extend(overlay.resolved.then(|| "resolved".to_owned()));
    }
    if notes.is_empty() { String::new() } else { format!("  [{}]", notes.join(", ")) }
}

/// What happened, in a sentence; `author` is printable already.
fn happening(author: &str, body: &EventBody) -> String {
    match body {
        EventBody::Created(RoomKind::Room, name) => format!("{author} created #{}", printable(name)),
        EventBody::Created(RoomKind::Direct, _) => format!("{author} began the conversation"),
        EventBody::Joined => format!("{author} joined"),
        EventBody::Left => format!("{author} left"),
        EventBody::Posted(_) => format!("{author} wrote"),
        EventBody::Room(event) => room_event::sentence(author, event),
        EventBody::Edited(edit) => format!("{author} edited {}: {}", edit.post, text_block(&edit.text)),
        EventBody::Deleted(post) => format!("{author} deleted {post}"),
        EventBody::Reacted(post, reaction) => format!("{author} reacted to {post} with {}", printable(reaction)),
        EventBody::Unreacted(post, reaction) => format!("{author} took {} to {post} back", printable(reaction)),
        EventBody::Pinned(post) => format!("{author} pinned {post}"),
        EventBody::Unpinned(post) => format!("{author} unpinned {post}"),
        EventBody::Resolved(post) => format!("{author} resolved {post}"),
        EventBody::Reopened(post) => format!("{author} reopened {post}"),
        EventBody::RoomEntered(_, name) => format!("you are in #{} now", printable(name)),
        EventBody::RoomLeft(_, name) => format!("you are no longer in #{}", printable(name)),
        EventBody::NotPosted(room, why) => format!("a message for {} was not posted: {}", printable(room), printable(why)),
        EventBody::DirectOpened(_, _, name) => format!("a conversation with @{} began", printable(name)),
        EventBody::DeviceAdded(device, name) => format!("device {device} ({}) was added", printable(name)),
        EventBody::PostReported(_, name, seq) => {
            let name = printable(name);
            format!("{author} reported {seq} in #{name}; udpchat-cli reports '#{name}' says why")
        }
        EventBody::ReadMarker(log, seq) => format!("room {log} is read up to {seq}"),
        EventBody::DeviceRevoked(device) => format!("device {device} was revoked"),
        EventBody::InvitedTo(_, name) => format!("{author} invites you to #{}; join it if you like", printable(name)),
        EventBody::PutOutOf(_, name, how, reason) => room_event::put_out_sentence(author, name, *how, reason),
        EventBody::Unknown(kind) => format!("{author} did something that this version does not know (kind {kind})"),
        EventBody::Erased => format!("a message of {author} was erased"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{DeviceId, Head, LogId, NewestEdit, Payload, ReactionCount, RequestId, Seq, UserId, body_bytes};

    fn event(body: &EventBody) -> Event {
        let head = Head {
            log: LogId(7),
            seq: Seq(42),
            prev: Seq(41),
            time_ms: 1_772_358_731_204,
            author: UserId(3),
            device: DeviceId(4),
            id: RequestId([0xab; 16]),
        };
        Event { head, body: Ok(body_bytes(body, &[0; 16])) }
    }

    fn posted(text: &str) -> Event {
        event(&EventBody::Posted(Post { text: text.into(), ..Post::default() }))
    }

    #[test]
    fn a_message_says_when_where_who_and_what() {
        let event = posted("hello 你好");
        let line = Line::Event { room: "#ops", author: "bob", event: &event, overlay: None };
        assert_eq!(write(&line, Style::Full), "2026-03-01 09:52:11Z #ops 42 bob: hello 你好");
        assert_eq!(write(&line, Style::Short), "[09:52] #ops 42 bob: hello 你好");
    }

    #[test]
    fn no_escape_sequence_reaches_the_terminal() {
        let event = posted("\u{1b}[2J\u{9b}31m\u{7}\u{202e}\r");
        let line = Line::Event { room: "#o\u{1b}ps", author: "b\u{1b}]0;x\u{7}ob", event: &event, overlay: None };
        let written = write(&line, Style::Full);
        assert!(!written.chars().any(must_be_spelled_out), "{written:?}");
        assert!(written.ends_with(r"\u{1b}[2J\u{9b}31m\u{7}\u{202e}\u{d}"), "{written:?}");
    }

    #[test]
    fn a_text_of_several_lines_cannot_pose_as_several_messages() {
        let event = posted("first\n2026-03-01 09:52:11Z #ops 43 root: fake\n\tset in");
        let written = write(&Line::Event { room: "#ops", author: "bob", event: &event, overlay: None }, Style::Full);
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1..].iter().all(|line| line.starts_with("    ")));
    }

    #[test]
    fn events_that_are_no_messages_are_told_in_a_sentence() {
        let event = event(&EventBody::Joined);
        let line = Line::Event { room: "#ops", author: "bob", event: &event, overlay: None };
        assert_eq!(write(&line, Style::Short), "[09:52] #ops 42 -- bob joined");
    }

    #[test]
    fn what_became_of_a_message_stands_behind_its_newest_text() {
        let post = Post {
            text: "teh plan".into(),
            reply_to: Some(Seq(40)),
            mentions: vec![],
            payload: Some(Payload { kind: "homework".into(), json: "{}".into() }),
            thread: None,
            file: None,
        };
        let event = event(&EventBody::Posted(post));
        let reactions = [("👍", 2), ("\u{1b}", 1)]
            .map(|(reaction, count)| ReactionCount { reaction: reaction.into(), count, own: false })
            .to_vec();
        let edit = Some(NewestEdit { seq: Seq(50), text: "the plan".into(), mentions: vec![] });
        let overlay = Overlay { seq: Seq(42), edit, reactions, pinned: true, reply_count: 1, resolved: true };
        let line = Line::Event { room: "#ops", author: "bob", event: &event, overlay: Some(&overlay) };
        assert_eq!(
            write(&line, Style::Short),
            "[09:52] #ops 42 bob (to 40): the plan  [homework, edited, 👍 2, \\u{1b}, pinned, 1 answer, resolved]"
        );
    }
}

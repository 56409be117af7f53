//! Writing a message, to a room or to a person.
//!
//! The post is its own outcome: its author and id find it again, so a repeat costs no row of its own.

use super::command::{Change, Outcome};
use super::execute::id_reused;
use super::reading::head_of;

use super::moderation;
use super::rights::Rights;
use super::rooms::stored;
use super::target::{find, other};
use super::turn::{Ruled, Speaker, Stop, Turn, refuse};
use crate::message::{Event, EventBody, Post, RefusalCode, Reply, RoomKind, Stored, Target, Text};
use crate::store::{KeptEvent, LogHead, User, UserCount};

/// Most direct conversations that a user begins; there is no limit on how many others begin with the user.
pub const CONVERSATIONS_OPENED_MAX: u64 = 1_000;

/// Writes `text`; a direct conversation is made by its first message.
pub(super) fn post(mut turn: Turn<'_>, speaker: &Speaker, to: &Target, text: &Text) -> Ruled<Outcome> {
    let first = turn.db.tables().post_by_id(speaker.user.id, turn.command.id)?;
    if let Some(first) = first.filter(|_| !planted!(RepeatStoredTwice)) {
        return repeat(turn, speaker, &first, to, text);
    }
    if turn.db.tables().outcome(speaker.user.id, turn.command.id)?.is_some() {
        return id_reused();
    }
    let (head, called) = place_for(&mut turn, speaker, to)?;
    let body = EventBody::Posted(Post { text: text.as_str().to_owned(), reply_to: None, mentions: Vec::new() });
    let posted = turn.append(&head, speaker, &body)?;
    Ok(turn.done(stored(called, &posted)))
}

/// Where the message goes, if the speaker may write there: the log's end and what the speaker calls it.
fn place_for(turn: &mut Turn<'_>, speaker: &Speaker, to: &Target) -> Ruled<(LogHead, String)> {
    if let Target::User(typed) = to {
        let other = other(turn.db.tables(), speaker.user.id, typed)?;
        if turn.db.tables().direct_log(speaker.user.id, other.id)?.is_none() {
            if turn.db.tables().ignores(other.id, speaker.user.id)? {
                return moderation::ignored(&other);
            }
            return Ok((open(turn, speaker, &other)?, format!("@{}", other.name)));
        }
    }
    let place = find(turn.db.tables(), speaker.user.id, to)?;
    let rights = Rights::of_member(turn.db.tables(), speaker.user.id, &place, turn.command.time_ms)?;
    rights.may_write(None)?;
    if rights.is_slowed() {
        turn.db.set_last_post(place.id(), speaker.user.id, turn.command.time_ms)?;
    }
    Ok((place.log.head, place.called))
}

/// Begins the conversation; both follow their own logs and learn of it there.
fn open(turn: &mut Turn<'_>, speaker: &Speaker, other: &User) -> Ruled<LogHead> {
    if speaker.user.conversations_opened >= CONVERSATIONS_OPENED_MAX {
        let sentence = format!("you have begun {CONVERSATIONS_OPENED_MAX} conversations, the most there may be");
        return refuse(RefusalCode::LimitReached, sentence);
    }
    let user = &speaker.user;
    let head = turn.db.add_direct(user.id, other.id, turn.command.time_ms)?;
    turn.db.count_up(user.id, UserCount::ConversationsOpened)?;
    let head = turn.append(&head, speaker, &EventBody::Created(RoomKind::Direct, String::new()))?;
    turn.append_own(user, speaker, &EventBody::DirectOpened(head.log, other.id, other.name.clone()))?;
    turn.append_own(other, speaker, &EventBody::DirectOpened(head.log, user.id, user.name.clone()))?;
    turn.change(Change::Entered { log: head.log, user: user.id });
    turn.change(Change::Entered { log: head.log, user: other.id });
    Ok(head)
}

/// The same message again gets its place; the id with another log or text is refused.
fn repeat(turn: Turn<'_>, speaker: &Speaker, first: &KeptEvent, to: &Target, text: &Text) -> Ruled<Outcome> {
    let head = head_of(first)?;
    let place = match find(turn.db.tables(), speaker.user.id, to) {
        Ok(place) if place.id() == head.log => place,
        Ok(_) | Err(Stop::Refused(_)) => return id_reused(),
        Err(failed) => return Err(failed),
    };
    let same = match (Event { head, body: first.body.clone() }.content(), &first.body) {
        (EventBody::Posted(post), Ok(_)) => post.text == text.as_str(),
        // The text was erased, nobody can tell any more; the place is still the right answer.
        (_, Err(_)) => true,
        (_, Ok(_)) => false,
    };
    if !same {
        return id_reused();
    }
    let reply = Stored { log: head.log, room: place.called, seq: head.seq, time_ms: head.time_ms };
    Ok(turn.repeated(Reply::Stored(reply)))
}

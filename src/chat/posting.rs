//! Writing a message, to a room or to a person.
//!
//! The post is its own outcome: its author and id find it again, so a repeat costs no row of its own.

use super::command::{Actor, Change, FileDraft, Outcome};
use super::deletion::not_gone;
use super::execute::id_reused;
use super::files;
use super::marking;
use super::marks::post_at;
use super::mentions::{mentions, others};
use super::moderation;
use super::reading::head_of;
use super::rights::Rights;
use super::rooms::stored;
use super::target::{find, other};
use super::turn::{Ruled, Speaker, Stop, Turn, refuse};
use super::visible::View;
use crate::message::{Event, EventBody, LogId, Payload, Post, RefusalCode, Reply, RoomKind, Seq, Stored, Target, Template, Text};
use crate::store::{KeptEvent, LogHead, StoreError, Tables, User, UserCount};

/// Most direct conversations that a user begins; there is no limit on how many others begin with the user.
pub const CONVERSATIONS_OPENED_MAX: u64 = 1_000;

/// A message to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Where to.
    pub to: Target,
    /// The text.
    pub text: Text,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
    /// What it carries for programs, checked.
    pub payload: Option<Payload>,
}

impl Draft {
    /// A message that is only a text.
    #[must_use]
    pub fn plain(to: Target, text: Text) -> Self {
        Self { to, text, reply_to: None, payload: None }
    }
}

/// Writes a message, unless it was written before.
pub(super) fn post(mut turn: Turn<'_>, speaker: &Speaker, draft: &Draft, file: Option<&FileDraft>) -> Ruled<Outcome> {
    let first = turn.db.tables().post_by_id(speaker.user.id, turn.command.id)?;
    if let Some(first) = first.filter(|_| !planted!(RepeatStoredTwice)) {
        return repeat(turn, speaker, &first, draft, file);
    }
    if turn.db.tables().outcome(speaker.user.id, turn.command.id)?.is_some() {
        return id_reused();
    }
    let reply = write(&mut turn, speaker, draft, file)?;
    Ok(turn.done(reply))
}

/// Writes a message; a direct conversation is made by its first one.
pub(super) fn write(turn: &mut Turn<'_>, speaker: &Speaker, draft: &Draft, file: Option<&FileDraft>) -> Ruled<Reply> {
    let (head, called) = place_for(turn, speaker, draft)?;
    let Draft { to: _, text, reply_to, payload } = draft.clone();
    let thread = match reply_to {
        Some(seq) => thread_of(turn.db.tables(), speaker, head.log, seq)?,
        None => Thread::None,
    };
    let root = if let Thread::Of(root) = thread { Some(root) } else { None };
    let mentions = mentions(turn.db.tables(), head.log, text.as_str())?;
    let named = others(&mentions, speaker);
    let (text, named_root) = (text.as_str().to_owned(), root.filter(|_| root != reply_to));
    if let Some(wish) = file {
        files::check(turn.db.tables(), speaker, wish)?;
    }
    let post = Post { text, reply_to, mentions, payload, thread: named_root, file: file.map(|wish| wish.file.clone()) };
    let posted = turn.append(&head, speaker, &EventBody::Posted(post))?;
    if let Some(wish) = file {
        turn.db.add_file(posted.log, posted.seq, speaker.user.id, &wish.file.offer())?;
    }
    turn.db.add_mentions(posted.log, posted.seq, &named)?;
    // What was scheduled is written while its author may be away.
    if turn.command.actor != Actor::Server {
        marking::has_written(turn, speaker, &posted)?;
    }
    match thread {
        Thread::Of(root) => turn.db.add_reply(head.log, root)?,
        Thread::Own => turn.db.set_resolved(head.log, posted.seq, None)?,
        Thread::None => {}
    }
    Ok(stored(called, &posted))
}

/// Where the message goes, if the speaker may write there: the log's end and what the speaker calls it.
fn place_for(turn: &mut Turn<'_>, speaker: &Speaker, draft: &Draft) -> Ruled<(LogHead, String)> {
    if let Target::User(typed) = &draft.to {
        let other = other(turn.db.tables(), speaker.user.id, typed)?;
        if turn.db.tables().direct_log(speaker.user.id, other.id)?.is_none() {
            not_gone(&other)?;
            if turn.db.tables().ignores(other.id, speaker.user.id)? {
                return moderation::ignored(&other);
            }
            if draft.reply_to.is_some() {
                return refuse(RefusalCode::NoSuchPost, "there is no message to answer yet");
            }
            return Ok((open(turn, speaker, &other)?, format!("@{}", other.name)));
        }
    }
    let place = find(turn.db.tables(), speaker.user.id, &draft.to)?;
    let rights = Rights::of_member(turn.db.tables(), speaker.user.id, &place, turn.command.time_ms)?;
    rights.may_write(draft.reply_to)?;
    if let Some(seq) = draft.reply_to {
        thread_of(turn.db.tables(), speaker, place.id(), seq)?;
    }
    // Nothing is refused any more from here on: a chore that is refused must have written nothing.
    if rights.is_slowed() {
        turn.db.set_last_post(place.id(), speaker.user.id, turn.command.time_ms)?;
    }
    Ok((place.log.head, place.called))
}

/// Which thread a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thread {
    /// None, until somebody answers it.
    None,
    /// The one that began with this message.
    Of(Seq),
    /// One of its own that is open from now on: in a class, what answers an announcement is a question.
    Own,
}

/// The thread of an answer to the message at `seq`.
fn thread_of(tables: &Tables, speaker: &Speaker, log: LogId, seq: Seq) -> Ruled<Thread> {
    let place = find(tables, speaker.user.id, &Target::Log(log))?;
    let view = View::of_member(tables, speaker.user.id, &place)?;
    let (_, post) = post_at(tables, &view, log, seq)?;
    let is_class = place.log.settings.template == Template::Class;
    Ok(match root_of(tables, log, seq, &post)? {
        None if is_class && post.root().is_none() => Thread::Own,
        None => Thread::Of(seq),
        Some(root) => Thread::Of(root),
    })
}

/// The message with which the thread of the message at `seq` began, if that is another one. A question of a class answers an
/// announcement and is the beginning of a thread all the same.
pub(super) fn root_of(tables: &Tables, log: LogId, seq: Seq, post: &Post) -> Result<Option<Seq>, StoreError> {
    match post.root() {
        Some(root) if tables.threads(log, (seq, seq))?.is_empty() => Ok(Some(root)),
        _ => Ok(None),
    }
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

/// The same message again gets its place; the id with another log or content is refused.
fn repeat(turn: Turn<'_>, speaker: &Speaker, first: &KeptEvent, draft: &Draft, file: Option<&FileDraft>) -> Ruled<Outcome> {
    let head = head_of(first)?;
    let place = match find(turn.db.tables(), speaker.user.id, &draft.to) {
        Ok(place) if place.id() == head.log => place,
        Ok(_) | Err(Stop::Refused(_)) => return id_reused(),
        Err(failed) => return Err(failed),
    };
    let same = match (Event { head, body: first.body.clone() }.content(), &first.body) {
        (EventBody::Posted(post), Ok(_)) => {
            let same = post.text == draft.text.as_str() && post.reply_to == draft.reply_to && post.payload == draft.payload;
            same && post.file.as_ref() == file.map(|wish| &wish.file)
        }
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

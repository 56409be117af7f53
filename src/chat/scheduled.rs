//! Messages that are posted later: kept as chores, posted once, in their authors' names and by the rules of that time.

use super::command::{Action, Change};
use super::posting::{Draft, write};
use super::rights::Rights;
use super::target::{find, other};
use super::turn::{Ruled, Speaker, Stop, Turn, refuse};
use crate::message::{EventBody, PostRequest, RefusalCode, Reply, Request, ScheduledPage, ScheduledPost, Target, Text, UserId};
use crate::store::{Chore, ChoreKind, ChoreWork, Reader, StoreError, Tables};

/// Most messages of one user that wait.
pub const SCHEDULED_MAX: usize = 100;

/// How far ahead a message is planned.
const AHEAD_MS_MAX: u64 = 366 * 24 * 3_600 * 1_000;

/// Bytes of messages on a page.
const PAGE_LEN_MAX: usize = 40 * 1024;

/// Keeps a message until its time.
pub(super) fn schedule(turn: &mut Turn<'_>, speaker: &Speaker, post: &PostRequest, at_ms: u64) -> Ruled<Reply> {
    let now_ms = turn.command.time_ms;
    if at_ms <= now_ms {
        return refuse(RefusalCode::BadTime, "that time is over; give one that is still to come");
    }
    if at_ms - now_ms > AHEAD_MS_MAX {
        return refuse(RefusalCode::BadTime, "a message is planned at most a year ahead");
    }
    let user = speaker.user.id;
    is_within_reach(turn.db.tables(), user, &post.to, now_ms)?;
    if turn.db.tables().chores_of_user(ChoreKind::Post, user, 0, SCHEDULED_MAX)?.len() >= SCHEDULED_MAX {
        let sentence = format!("{SCHEDULED_MAX} of your messages wait, the most there may be; cancel one first");
        return refuse(RefusalCode::LimitReached, sentence);
    }
    let state = Request::Post(post.clone()).encode(0);
    let work = ChoreWork { kind: ChoreKind::Post, user, device: speaker.device, log: None, state };
    let number = turn.db.add_chore(at_ms, &work)?;
    turn.change(Change::ChoreDue { at_ms });
    Ok(Reply::Scheduled(ScheduledPost { number, post: post.clone(), at_ms }))
}

/// The reply as it is kept for a repeat: without what was written, which must go when the message goes.
pub(super) fn kept(reply: Reply) -> Reply {
    match reply {
        Reply::Scheduled(mut waiting) => {
            (waiting.post.text, waiting.post.payload) = (String::new(), None);
            Reply::Scheduled(waiting)
        }
        other => other,
    }
}

/// The kept reply to a repeat of `action`, which brings what was written along.
pub(super) fn told_again(action: &Action, kept: Reply) -> Reply {
    match (action, kept) {
        (Action::Schedule { post, .. }, Reply::Scheduled(waiting)) => {
            Reply::Scheduled(ScheduledPost { post: post.clone(), ..waiting })
        }
        (_, other) => other,
    }
}

/// Refuses a place that the user could not write to in any case, so that a slip of the hand is told now. Whether they may is
/// judged when the time has come.
fn is_within_reach(tables: &Tables, user: UserId, to: &Target, now_ms: u64) -> Ruled<()> {
    if let Target::User(typed) = to {
        return other(tables, user, typed).map(|_| ());
    }
    let place = find(tables, user, to)?;
    Rights::of_member(tables, user, &place, now_ms).map(|_| ())
}

/// Forgets a message that waits.
pub(super) fn cancel(turn: &mut Turn<'_>, speaker: &Speaker, number: u64) -> Ruled<Reply> {
    let from = number.saturating_sub(1);
    let found = turn.db.tables().chores_of_user(ChoreKind::Post, speaker.user.id, from, 1)?;
    if !found.iter().any(|chore| chore.id == number) {
        return refuse(RefusalCode::NothingToUndo, format!("none of your messages waits under number {number}"));
    }
    turn.db.remove_chore(number)?;
    Ok(Reply::Done)
}

/// The user's messages that wait, those behind the number `after`.
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn scheduled(reader: &Reader, user: UserId, after: u64) -> Result<ScheduledPage, StoreError> {
    reader.snapshot(|tables| {
        let mut page = ScheduledPage { posts: Vec::new(), more: false };
        let mut len = 0;
        for chore in tables.chores_of_user(ChoreKind::Post, user, after, SCHEDULED_MAX)? {
            len += chore.work.state.len();
            if len > PAGE_LEN_MAX && !page.posts.is_empty() {
                page.more = true;
                break;
            }
            page.posts.push(ScheduledPost { number: chore.id, post: asked(&chore)?, at_ms: chore.due_ms });
        }
        Ok(page)
    })
}

/// Posts the message whose time has come. If its author may not write there any more, their own log says so.
pub(super) fn step(turn: &mut Turn<'_>, speaker: &Speaker, chore: &Chore) -> Ruled<()> {
    let PostRequest { id, to, text, reply_to, payload } = asked(chore)?;
    turn.db.remove_chore(chore.id)?;
    let text = Text::parse(text).map_err(|_| StoreError::Damaged("a message that waits has a text that none has"))?;
    turn.id = id;
    let draft = Draft { to, text, reply_to, payload };
    if !speaker.user.enabled {
        return Ok(());
    }
    // Who took a device away takes what it planned with it.
    let is_live = turn.db.tables().live_devices(speaker.user.id)?.iter().any(|device| device.id == speaker.device);
    let ran = if is_live {
        write(turn, speaker, &draft, None)
    } else {
        refuse(RefusalCode::DeviceRevoked, "the device that planned it was logged out meanwhile")
    };
    match ran {
        Ok(_) => Ok(()),
        Err(Stop::Refused(refusal)) => {
            let called = match draft.to {
                Target::Room(name) | Target::User(name) => name,
                Target::Log(log) => format!("log {log}"),
                Target::Own => String::new(),
            };
            turn.append_own(&speaker.user, speaker, &EventBody::NotPosted(called, refusal.sentence))?;
            Ok(())
        }
        Err(failed) => Err(failed),
    }
}

/// The message as it was asked for.
fn asked(chore: &Chore) -> Result<PostRequest, StoreError> {
    match Request::decode(&chore.work.state) {
        Ok((_, Request::Post(post))) => Ok(post),
        _ => Err(StoreError::Damaged("a message that waits does not read")),
    }
}

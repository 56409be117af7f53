//! The end of an account.
//!
//! The command itself closes the door: no password, no device, no profile. Leaving the rooms and erasing what was written can
//! be much, so a chore does it in steps: first the rooms and conversations, a few at a time, each owned room passing to who has
//! kept order in it longest; then, if that is wished, the texts, log by log, with one event a step that names the range; at last
//! what only the user could read. The name stays taken and the places stay, so that every chain of hashes still holds.

use super::accounts::wrong_password;
use super::bots::BOTS_MAX;
use super::command::{Change, Outcome};
use super::forgetting;
use super::posting::root_of;
use super::scheduled::SCHEDULED_MAX;
use super::target::known_user;
use super::turn::{Ruled, Speaker, Turn, refuse};
use crate::message::{Concerned, EventBody, LogId, RefusalCode, Reply, Role, RoomEvent, Seq, Texts, UserId};
use crate::store::{Chore, ChoreKind, ChoreWork, Log, LogKind, StoreError, User, WrittenEvent};

/// Rooms and conversations that one step leaves, with at most two events each.
const STEP_LOGS_MAX: usize = 10;

/// Events that one step of the erasure looks at, and rows that one step removes.
pub(super) const STEP_EVENTS_MAX: usize = 200;

/// Edits of messages and reactions to them after which a step erases no further message.
const STEP_ROWS_MAX: usize = 400;

/// How far a deletion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The user is taken out of rooms and conversations.
    Leaving(Texts),
    /// What the user wrote in this log and the following ones is erased; this log is through up to this place.
    Erasing(LogId, Seq),
    /// The user's own log is erased; it is through up to this place.
    OwnLog(Seq),
    /// Rows are removed.
    Rows,
}

impl Stage {
    /// What the row of the chore says: the stage, log and place, in big-endian.
    fn bytes(self) -> Vec<u8> {
        let (stage, log, seq) = match self {
            Self::Leaving(Texts::Stay) => (0, 0, 0),
            Self::Leaving(Texts::AreErased) => (1, 0, 0),
            Self::Erasing(log, seq) => (2, log.0, seq.0),
            Self::OwnLog(seq) => (3, 0, seq.0),
            Self::Rows => (4, 0, 0),
        };
        [&[stage][..], &log.to_be_bytes(), &seq.to_be_bytes()].concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (stage, rest) = bytes.split_first()?;
        let (log, seq) = rest.split_first_chunk::<8>()?;
        let (log, seq) = (LogId(u64::from_be_bytes(*log)), Seq(u64::from_be_bytes(seq.try_into().ok()?)));
        Some(match stage {
            0 => Self::Leaving(Texts::Stay),
            1 => Self::Leaving(Texts::AreErased),
            2 => Self::Erasing(log, seq),
            3 => Self::OwnLog(seq),
            4 => Self::Rows,
            _ => return None,
        })
    }
}

/// Ends the speaker's account.
pub(super) fn begin(mut turn: Turn<'_>, speaker: &Speaker, verified: Option<&str>, texts: Texts) -> Ruled<Outcome> {
    if speaker.user.password_hash.as_deref() != verified {
        return wrong_password();
    }
    end(&mut turn, speaker, texts)?;
    Ok(turn.done(Reply::Done))
}

/// Closes the door of an account, and leaves the rest to a chore.
pub(super) fn end(turn: &mut Turn<'_>, speaker: &Speaker, texts: Texts) -> Ruled<()> {
    let (user, time_ms) = (speaker.user.id, turn.command.time_ms);
    turn.change(Change::AccountEnded { user });
    for device in turn.db.tables().live_devices(user)? {
        turn.db.revoke_device(device.id, time_ms)?;
        turn.change(Change::DeviceRevoked { device: device.id });
    }
    turn.db.end_account(user, time_ms)?;
    for waiting in turn.db.tables().chores_of_user(ChoreKind::Post, user, 0, SCHEDULED_MAX)? {
        turn.db.remove_chore(waiting.id)?;
    }
    let state = Stage::Leaving(texts).bytes();
    let work = ChoreWork { kind: ChoreKind::Deletion, user, device: speaker.device, log: None, state };
    turn.db.add_chore(time_ms, &work)?;
    turn.change(Change::ChoreDue { at_ms: time_ms });
    // Bots go with their owner, and own none themselves.
    for bot in turn.db.tables().bots_of(user, UserId(0), BOTS_MAX)? {
        turn.db.end_tokens_of(bot.id)?;
        end(turn, &Speaker { user: bot, device: speaker.device }, texts)?;
    }
    Ok(())
}

/// Nobody writes to somebody who is gone, invites them or gives them anything.
pub(super) fn not_gone(user: &User) -> Ruled<()> {
    if user.deleted {
        return refuse(RefusalCode::NoSuchUser, format!("@{} is nobody's name any more, the account was deleted", user.name));
    }
    Ok(())
}

/// Does a part of what is left; the chore ends when there is nothing.
pub(super) fn step(turn: &mut Turn<'_>, speaker: &Speaker, chore: &Chore) -> Ruled<()> {
    let stage = Stage::read(&chore.work.state).ok_or(StoreError::Damaged("a deletion's state does not read"))?;
    let next = match stage {
        Stage::Leaving(texts) => leave_some(turn, speaker, texts)?,
        Stage::Erasing(log, after) => erase_texts(turn, speaker, log, after)?,
        Stage::OwnLog(after) => erase_own_log(turn, &speaker.user, after)?,
        Stage::Rows => {
            if turn.db.forget_rows_of(speaker.user.id, STEP_EVENTS_MAX)? == 0 {
                turn.db.remove_chore(chore.id)?;
                return Ok(());
            }
            Stage::Rows
        }
    };
    turn.db.set_chore_state(chore.id, &next.bytes())?;
    // Behind whatever else is due by now: there can be very much to erase.
    turn.db.set_chore_due(chore.id, turn.command.time_ms)?;
    Ok(())
}

fn leave_some(turn: &mut Turn<'_>, speaker: &Speaker, texts: Texts) -> Ruled<Stage> {
    let logs = turn.db.tables().some_logs_of(speaker.user.id, STEP_LOGS_MAX)?;
    for log in &logs {
        leave(turn, speaker, *log)?;
    }
    Ok(match texts {
        _ if !logs.is_empty() => Stage::Leaving(texts),
        Texts::Stay => Stage::OwnLog(Seq(0)),
        Texts::AreErased => Stage::Erasing(LogId(0), Seq(0)),
    })
}

/// Ends one membership. A room that would stay without an owner passes on – it may have lost its owner before, when all others
/// in it were gone too; one that loses its last member stays empty.
fn leave(turn: &mut Turn<'_>, speaker: &Speaker, id: LogId) -> Ruled<()> {
    let log = existing(turn, id)?;
    let user = speaker.user.id;
    let mut head = log.head;
    if matches!(log.kind, LogKind::Room { .. })
        && !turn.db.tables().has_owner_beside(id, user)?
        && let Some(heir) = turn.db.tables().heir(id, user)?
    {
        turn.db.set_role(id, heir, Role::Owner)?;
        let heir = known_user(turn.db.tables(), heir)?;
        let passed = RoomEvent::RoleChanged(Concerned { user: heir.id, name: heir.name }, Role::Owner);
        head = turn.append(&head, speaker, &EventBody::Room(passed))?;
    }
    let left = turn.append(&head, speaker, &EventBody::Left)?;
    match log.kind {
        LogKind::Room { .. } => turn.db.leave_room(id, user, left.seq)?,
        LogKind::Direct(..) | LogKind::Own => turn.db.leave_direct(id, user, left.seq)?,
    }
    turn.change(Change::Left { log: id, user });
    Ok(())
}

/// Erases what the user wrote in the next few hundred events behind `after`.
fn erase_texts(turn: &mut Turn<'_>, speaker: &Speaker, log: LogId, after: Seq) -> Ruled<Stage> {
    let user = speaker.user.id;
    let stretch = turn.db.tables().written_by(Some(user), log, after, STEP_EVENTS_MAX)?;
    let Some(mut last) = stretch.last else {
        let next = turn.db.tables().next_log_ever(user, log)?;
        return Ok(next.map_or(Stage::OwnLog(Seq(0)), |log| Stage::Erasing(log, Seq(0))));
    };
    let (mut erased, mut row_count): (Option<(Seq, Seq)>, usize) = (None, 0);
    for event in &stretch.written {
        let place = (event.seq, event.seq);
        let tables = turn.db.tables();
        row_count += tables.edits(log, place)?.len() + tables.reactions(log, place)?.len();
        if erase_text(turn, user, log, event)? {
            erased = Some((erased.map_or(event.seq, |(first, _)| first), event.seq));
        }
        if row_count >= STEP_ROWS_MAX {
            last = event.seq;
            break;
        }
    }
    if let Some((first, end)) = erased {
        let head = existing(turn, log)?.head;
        turn.append(&head, speaker, &EventBody::Room(RoomEvent::RangeErased(first, end, Some(user))))?;
        forgetting::begin(turn, speaker)?;
    }
    Ok(Stage::Erasing(log, last))
}

/// Erases the event if it holds what the user said or showed; what the user did to others' messages stays.
fn erase_text(turn: &mut Turn<'_>, user: UserId, log: LogId, event: &WrittenEvent) -> Ruled<bool> {
    match EventBody::read(&event.body) {
        EventBody::Posted(post) => {
            let root = root_of(turn.db.tables(), log, event.seq, &post)?;
            turn.db.erase_post(log, event.seq, root)?;
            return Ok(true);
        }
        // It was erased with its message, should that have stood in this stretch too.
        EventBody::Edited(_) if turn.db.tables().event(log, event.seq)?.is_none_or(|kept| kept.body.is_err()) => {
            return Ok(false);
        }
        EventBody::Edited(_) | EventBody::Unreacted(..) => {}
        EventBody::Reacted(post, reaction) => turn.db.erase_reaction(log, post, &reaction, user)?,
        _ => return Ok(false),
    }
    turn.db.erase_body(log, event.seq, &event.body)?;
    Ok(true)
}

/// Nobody can read the own log any more; what it says of rooms, people and devices is erased.
fn erase_own_log(turn: &mut Turn<'_>, user: &User, after: Seq) -> Ruled<Stage> {
    let stretch = turn.db.tables().written_by(None, user.own_log, after, STEP_EVENTS_MAX)?;
    for event in &stretch.written {
        turn.db.erase_body(user.own_log, event.seq, &event.body)?;
    }
    Ok(stretch.last.map_or(Stage::Rows, Stage::OwnLog))
}

fn existing(turn: &Turn<'_>, log: LogId) -> Result<Log, StoreError> {
    turn.db.tables().log(log)?.ok_or(StoreError::Damaged("a membership names no log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_reads_back() {
        let stages = [
            Stage::Leaving(Texts::Stay),
            Stage::Leaving(Texts::AreErased),
            Stage::Erasing(LogId(7), Seq(9)),
            Stage::OwnLog(Seq(3)),
            Stage::Rows,
        ];
        for stage in stages {
            assert_eq!(Stage::read(&stage.bytes()), Some(stage));
        }
        assert_eq!(Stage::read(&[9; 17]), None);
        assert_eq!(Stage::read(&[0; 3]), None);
    }
}

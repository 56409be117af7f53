//! What a bot's device may do: the one gate before every command and every read of such a device.
//!
//! A device of a person may do all that the person may. A bot's device has a scope, which its owner gave and which never
//! changes; within it, the rules for everybody hold as for everybody. What is needed for each command stands here, what is
//! needed for each read where the reads are listed; both lists name everything, so that nothing new is let through unseen.

use super::command::Action;
use super::reading::head_of;
use super::turn::{Ruled, Speaker, refuse, settle};
use crate::message::{AccountKind, LogId, Mark, MembershipPage, Refusal, RefusalCode, Right, Seq, Target, UserId};
use crate::store::{KeptScope, Reader, StoreError, Tables, User};

/// What a device needs for a command or a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Nothing that a bot's device lacks.
    Nothing,
    /// This right in this place.
    In(Target, Right),
    /// To read in all places at once.
    EveryRoom,
    /// To come into this room or go out of it.
    Door(Target),
    /// To delete this message: one's own, or to keep order.
    Deletion(Target, Seq),
    /// To be a person's device.
    Person,
}

/// What a command needs.
pub(super) fn need_of(action: &Action) -> Need {
    let post = |to: &Target| Need::In(to.clone(), Right::Post);
    let moderate = |to: &Target| Need::In(to.clone(), Right::Moderate);
    match action {
        Action::LogOut
        | Action::Seen
        | Action::SetProfile { .. }
        | Action::CancelScheduled(_)
        | Action::Register { .. }
        | Action::BindDevice { .. }
        | Action::BindBot { .. }
        | Action::Guest { .. }
        | Action::Chore { .. } => Need::Nothing,
        Action::Post(draft) => post(&draft.to),
        Action::PostFile(wish) => post(&wish.draft.to),
        Action::Schedule { post: wished, .. } => post(&wished.to),
        Action::Edit { log, .. } => post(log),
        Action::Mark { log, seq, mark } => match mark {
            Mark::Delete => Need::Deletion(log.clone(), *seq),
            Mark::React(_) | Mark::Unreact(_) => post(log),
            Mark::Pin | Mark::Unpin | Mark::Resolve | Mark::Reopen => moderate(log),
        },
        Action::MarkRead { log, .. } => Need::In(log.clone(), Right::Read),
        Action::Report { room, .. } => Need::In(room.clone(), Right::Read),
        Action::JoinRoom { name, .. } => Need::Door(Target::Room(name.to_string())),
        Action::LeaveRoom { room } => Need::Door(room.clone()),
        Action::ChangeRoom { room, .. } | Action::Moderate { room, .. } => moderate(room),
        Action::ChangePassword { .. }
        | Action::DeleteAccount { .. }
        | Action::RevokeDevice { .. }
        | Action::Claim { .. }
        | Action::MakeInvitation { .. }
        | Action::CreateRoom(_)
        | Action::Ignore { .. }
        | Action::OpenTicket { .. }
        | Action::SetAccountState { .. }
        | Action::CreateBot { .. }
        | Action::RenewBot { .. }
        | Action::RevokeBot { .. } => Need::Person,
    }
}

/// Refuses what is beyond the scope of the speaker's device.
pub(super) fn judge(tables: &Tables, speaker: &Speaker, need: &Need) -> Ruled<()> {
    if speaker.user.kind != AccountKind::Bot || *need == Need::Nothing {
        return Ok(());
    }
    let Some(scope) = tables.scope_of(speaker.device)? else {
        return Err(StoreError::Damaged("a bot's device has no scope").into());
    };
    let (place, right) = match need {
        Need::Nothing => return Ok(()),
        Need::Person => return refuse(RefusalCode::OutOfScope, "no bot does this; ask the one whose bot it is"),
        Need::EveryRoom if scope.rooms.is_some() => {
            return refuse(RefusalCode::OutOfScope, "this device of a bot sees some rooms only; name one of them");
        }
        Need::EveryRoom => (&Target::Own, Some(Right::Read)),
        Need::In(place, right) => (place, Some(*right)),
        Need::Door(place) => (place, None),
        Need::Deletion(place, seq) => (place, Some(right_to_delete(tables, speaker, place, *seq)?)),
    };
    // What the server tells the bot itself is read without a right.
    if is_own(&speaker.user, place) && *need != Need::EveryRoom {
        return Ok(());
    }
    if let Some(rooms) = &scope.rooms
        && !log_of(tables, place)?.is_some_and(|log| rooms.contains(&log))
    {
        return refuse(RefusalCode::OutOfScope, "the owner of this bot did not let this device in there");
    }
    match right {
        Some(right) if !scope.rights.has(right) => {
            let sentence = format!("the owner of this bot did not let this device {}", right.word());
            refuse(RefusalCode::OutOfScope, sentence)
        }
        _ => Ok(()),
    }
}

/// Whether a device of `user` may read what has this `need`: what it may see of the answer.
///
/// # Errors
/// [`StoreError`] if the database fails; within, why not.
pub fn may_read(
    reader: &Reader,
    user: UserId,
    device: crate::message::DeviceId,
    need: &Need,
) -> Result<Result<Sight, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let user = super::target::known_user(tables, user)?;
        let speaker = Speaker { user, device };
        judge(tables, &speaker, need)?;
        Ok(Sight(tables.scope_of(device)?))
    }))
}

/// Which of a user's logs a device sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight(Option<KeptScope>);

impl Sight {
    /// Takes out of the page what the device does not see.
    pub fn narrow(&self, page: &mut MembershipPage) {
        if let Self(Some(KeptScope { rooms: Some(rooms), .. })) = self {
            page.memberships.retain(|membership| rooms.contains(&membership.log));
        }
    }
}

fn is_own(user: &User, place: &Target) -> bool {
    *place == Target::Own || *place == Target::Log(user.own_log)
}

/// The log of this id or of the room of this name. Conversations are in no scope that names rooms.
fn log_of(tables: &Tables, place: &Target) -> Result<Option<LogId>, StoreError> {
    Ok(match place {
        Target::Log(log) => Some(*log),
        Target::Room(typed) => match crate::message::RoomName::parse(typed) {
            Ok(name) => tables.room_by_skeleton(&name.skeleton())?.map(|log| log.head.log),
            Err(_) => None,
        },
        Target::User(_) | Target::Own => None,
    })
}

fn right_to_delete(tables: &Tables, speaker: &Speaker, place: &Target, seq: Seq) -> Ruled<Right> {
    let log = match place {
        Target::User(_) => match super::target::find(tables, speaker.user.id, place) {
            Ok(found) => Some(found.id()),
            Err(_) => None,
        },
        _ => log_of(tables, place)?,
    };
    let Some(log) = log else { return Ok(Right::Post) };
    let is_own = match tables.event(log, seq)? {
        Some(event) => head_of(&event)?.author == speaker.user.id,
        None => false,
    };
    Ok(if is_own { Right::Post } else { Right::Moderate })
}

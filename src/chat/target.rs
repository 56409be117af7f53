//! Which log is meant, what its asker calls it, and what the asker may know of it.

use super::turn::{Ruled, refuse};
use crate::message::{LogId, RefusalCode, RoomName, Seq, Target, UserId, UserName, Visibility};
use crate::store::{Log, LogKind, Span, StoreError, Tables, User};

/// A log as one user sees it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) log: Log,
    /// `#room`, or the other's `@name`; the own log goes by the asker's own `@name`.
    pub(super) called: String,
}

/// Finds the log that `asker` means. That there is such a log does not mean that the asker may know: [`not_member`] says.
pub(super) fn find(tables: &Tables, asker: UserId, target: &Target) -> Ruled<Place> {
    match target {
        Target::Log(id) => place(tables, asker, *id),
        Target::Room(typed) => match RoomName::parse(typed) {
            Ok(name) => room(tables, &name),
            Err(error) => refuse(RefusalCode::BadName, error.to_string()),
        },
        Target::User(typed) => {
            let other = other(tables, asker, typed)?;
            match tables.direct_log(asker, other.id)? {
                Some(log) => Ok(Place { log, called: format!("@{}", other.name) }),
                None => refuse(RefusalCode::NoSuchRoom, format!("there is no conversation with @{} yet", other.name)),
            }
        }
        Target::Own => {
            let user = known_user(tables, asker)?;
            place(tables, asker, user.own_log)
        }
    }
}

/// The room of this name.
pub(super) fn room(tables: &Tables, name: &RoomName) -> Ruled<Place> {
    match tables.room_by_skeleton(&name.skeleton())? {
        Some(log) => {
            let called = called_room(&log);
            Ok(Place { log, called })
        }
        None => refuse(RefusalCode::NoSuchRoom, format!("there is no room {name}")),
    }
}

/// The other person of a conversation.
pub(super) fn other(tables: &Tables, asker: UserId, typed: &str) -> Ruled<User> {
    let name = match UserName::parse(typed) {
        Ok(name) => name,
        Err(error) => return refuse(RefusalCode::BadName, error.to_string()),
    };
    match tables.user_by_skeleton(&name.skeleton())? {
        Some(user) if user.id == asker => refuse(RefusalCode::SelfMessage, "a conversation needs two people"),
        Some(user) => Ok(user),
        None => refuse(RefusalCode::NoSuchUser, format!("there is no user {name}")),
    }
}

/// A user whose id the database itself has given out.
pub(super) fn known_user(tables: &Tables, id: UserId) -> Result<User, StoreError> {
    tables.user(id)?.ok_or(StoreError::Damaged("a user that a row names is missing"))
}

/// Refuses what only members may do; a room that the asker may not know of is as good as none.
pub(super) fn not_member<T>(place: &Place, spans: &[Span]) -> Ruled<T> {
    let called = &place.called;
    match &place.log.kind {
        LogKind::Room { visibility: Visibility::Public, .. } => {
            refuse(RefusalCode::NotMember, format!("you are not a member of {called}; join it first"))
        }
        _ if !spans.is_empty() => refuse(RefusalCode::NotMember, format!("you are no longer a member of {called}")),
        _ => no_such_log(),
    }
}

fn place(tables: &Tables, asker: UserId, id: LogId) -> Ruled<Place> {
    let Some(log) = tables.log(id)? else { return no_such_log() };
    let called = match &log.kind {
        LogKind::Room { .. } => called_room(&log),
        LogKind::Direct(low, high) if *low == asker => format!("@{}", known_user(tables, *high)?.name),
        LogKind::Direct(low, high) if *high == asker => format!("@{}", known_user(tables, *low)?.name),
        LogKind::Own => match tables.user(asker)? {
            Some(user) if user.own_log == id => format!("@{}", user.name),
            _ => return no_such_log(),
        },
        LogKind::Direct(..) => return no_such_log(),
    };
    Ok(Place { log, called })
}

/// The same words whether there is none or the asker may not know of it.
fn no_such_log<T>() -> Ruled<T> {
    refuse(RefusalCode::NoSuchRoom, "there is no such room")
}

fn called_room(log: &Log) -> String {
    match &log.kind {
        LogKind::Room { name, .. } => format!("#{name}"),
        LogKind::Direct(..) | LogKind::Own => unreachable!("only rooms are looked up by their names"),
    }
}

impl Place {
    pub(super) fn id(&self) -> LogId {
        self.log.head.log
    }

    pub(super) fn head(&self) -> Seq {
        self.log.head.seq
    }
}

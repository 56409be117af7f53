//! What people say about themselves to everybody who is logged in.

use super::deletion::not_gone;
use super::target::known_user;
use super::turn::{Ruled, Speaker, Turn, refuse, settle};
use crate::message::{About, Profile, Refusal, RefusalCode, Reply, Tags, UserName};
use crate::store::{Reader, StoreError};

/// Replaces what is given.
pub(super) fn set(turn: &mut Turn<'_>, speaker: &Speaker, about: Option<&About>, tags: Option<&Tags>) -> Ruled<Reply> {
    if let Some(about) = about {
        turn.db.set_about(speaker.user.id, about)?;
    }
    if let Some(tags) = tags {
        turn.db.set_profile_tags(speaker.user.id, tags)?;
    }
    Ok(Reply::Done)
}

/// What the user of this name says. Nobody is marked online: the store does not know.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal if there is no such user.
pub fn profile(reader: &Reader, typed: &str) -> Result<Result<Profile, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let name = match UserName::parse(typed) {
            Ok(name) => name,
            Err(error) => return refuse(RefusalCode::BadName, error.to_string()),
        };
        let Some(user) = tables.user_by_skeleton(&name.skeleton())? else {
            return refuse(RefusalCode::NoSuchUser, format!("there is no user {name}"));
        };
        not_gone(&user)?;
        let kept = tables.profile(user.id)?;
        let owner = user.owner.map(|owner| known_user(tables, owner)).transpose()?.map(|owner| owner.name);
        Ok(Profile {
            user: user.id,
            name: user.name,
            kind: user.kind,
            role: user.role,
            about: kept.about,
            tags: kept.tags,
            created_ms: kept.created_ms,
            online: false,
            owner,
        })
    }))
}

//! What a room is set to. Moderators change what belongs to the day: topic, tags, slow mode, a ticket's state. The rest is
//! the owner's.

use super::retention;
use super::rights::Rights;
use super::rooms::stored;
use super::target::{Place, find};
use super::turn::{Ruled, Speaker, Turn, refuse, settle};
use super::visible::View;
use crate::message::{
    Archived, EventBody, GoodChanges, Refusal, RefusalCode, Reply, RoomEvent, RoomSettings, Setting, Target, Template, UserId,
    Visibility,
};
use crate::store::{LogHead, LogKind, Reader, StoreError};

/// Changes a room: one event for its topic, one for its settings, one for its archiving, as far as they change.
pub(super) fn change(
    turn: &mut Turn<'_>,
    speaker: &Speaker,
    target: &Target,
    password_hash: Option<&Option<String>>,
    changes: &GoodChanges,
) -> Ruled<Reply> {
    let place = find(turn.db.tables(), speaker.user.id, target)?;
    let rights = Rights::of_member(turn.db.tables(), speaker.user.id, &place, turn.command.time_ms)?;
    judge(&rights, &place, password_hash.is_some(), changes)?;
    let head = apply(turn, speaker, place.log.head, password_hash, changes)?;
    Ok(stored(place.called, &head))
}

/// Makes the changes and tells them to the room that ends at `head`.
pub(super) fn apply(
    turn: &mut Turn<'_>,
    speaker: &Speaker,
    mut head: LogHead,
    password_hash: Option<&Option<String>>,
    changes: &GoodChanges,
) -> Ruled<LogHead> {
    let id = head.log;
    if changes.archived == Some(Archived::No) {
        turn.db.set_archived(id, Archived::No)?;
        head = turn.append(&head, speaker, &EventBody::Room(RoomEvent::Archived(Archived::No)))?;
    }
    if let Some(topic) = &changes.topic {
        turn.db.set_topic(id, topic.as_str())?;
        head = turn.append(&head, speaker, &EventBody::Room(RoomEvent::Topic(topic.as_str().to_owned())))?;
    }
    let mut settings = changes.settings.clone();
    settings.iter().try_for_each(|setting| turn.db.set_setting(id, setting))?;
    if let Some(hash) = password_hash {
        turn.db.set_room_password(id, hash.as_deref())?;
        settings.push(Setting::Locked(hash.is_some()));
    }
    if !settings.is_empty() {
        let keeps = |setting: &Setting| matches!(setting, Setting::RetainDays(_) | Setting::RetainPosts(_));
        if settings.iter().any(keeps) {
            retention::begin(turn, speaker, id)?;
        }
        head = turn.append(&head, speaker, &EventBody::Room(RoomEvent::Settings(settings)))?;
    }
    if changes.archived == Some(Archived::Yes) {
        turn.db.set_archived(id, Archived::Yes)?;
        head = turn.append(&head, speaker, &EventBody::Room(RoomEvent::Archived(Archived::Yes)))?;
    }
    Ok(head)
}

/// What a room is set to, for its members and, of a public room, for everybody.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal.
pub fn room_settings(reader: &Reader, user: UserId, target: &Target) -> Result<Result<RoomSettings, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let place = find(tables, user, target)?;
        let LogKind::Room { visibility, password_hash, .. } = &place.log.kind else {
            return refuse(RefusalCode::NoSuchRoom, format!("{} is not a room; only rooms have settings", place.called));
        };
        if *visibility != Visibility::Public {
            View::of_member(tables, user, &place)?;
        }
        let (topic, tags) = tables.topic_and_tags(place.id())?;
        let settings = &place.log.settings;
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(RoomSettings {
            log: place.id(),
            name: place.called.clone(),
            topic,
            tags,
            template: settings.template,
            visibility: *visibility,
            locked: password_hash.is_some(),
            posting: settings.posting,
            history: settings.history,
            slow_s: number(settings.slow_s),
            retain_days: number(settings.retain_days),
            retain_posts: number(settings.retain_posts),
            archived: settings.archived,
            ticket: settings.ticket,
            member_count: number(place.log.member_count),
        })
    }))
}

fn judge(rights: &Rights<'_>, place: &Place, changes_password: bool, changes: &GoodChanges) -> Ruled<()> {
    if !matches!(place.log.kind, LogKind::Room { .. }) {
        return refuse(RefusalCode::NoSuchRoom, format!("{} is not a room; only rooms have settings", place.called));
    }
    let GoodChanges { topic, settings, archived } = changes;
    if topic.is_none() && settings.is_empty() && archived.is_none() && !changes_password {
        return refuse(RefusalCode::BadSetting, "say what to change about the room");
    }
    rights.may_moderate()?;
    let is_ticket = place.log.settings.template == Template::Ticket && place.log.settings.desk.is_some();
    if !is_ticket && settings.iter().any(|setting| matches!(setting, Setting::Ticket(_))) {
        return refuse(RefusalCode::BadSetting, format!("{} is no ticket; only tickets are open or resolved", place.called));
    }
    let daily = |setting: &Setting| matches!(setting, Setting::Tags(_) | Setting::Slow(_) | Setting::Ticket(_));
    if changes_password || archived.is_some() || !settings.iter().all(daily) {
        rights.may_own()?;
    }
    if place.log.settings.archived == Archived::Yes && *archived != Some(Archived::No) {
        let sentence = format!("{} is archived; take it out of the archive first", place.called);
        return refuse(RefusalCode::ArchivedRoom, sentence);
    }
    Ok(())
}

//! What a member may do in a place: the one answer that every rule about writing and moderating asks for.

use super::deletion::not_gone;
use super::target::{Place, known_user, not_member};
use super::turn::{Ruled, Stop, refuse};
use crate::message::{Archived, Posting, Refusal, RefusalCode, Role, Seq, Template, UserId};
use crate::store::{LogKind, OpenSpan, Tables, User};

/// One member's standing in one place at one time.
#[derive(Debug)]
pub(super) struct Rights<'a> {
    place: &'a Place,
    membership: OpenSpan,
    now_ms: u64,
    /// The other one of a conversation.
    other: Option<User>,
    /// Whether that one does not want to hear this one.
    is_ignored: bool,
}

impl<'a> Rights<'a> {
    /// The rights of a member; refuses anybody else, and everybody in an own log, which only the server writes.
    pub(super) fn of_member(tables: &Tables, user: UserId, place: &'a Place, now_ms: u64) -> Ruled<Self> {
        if place.log.kind == LogKind::Own {
            return refuse(RefusalCode::SelfMessage, "a conversation needs two people");
        }
        match tables.open_span(place.id(), user)? {
            Some(membership) => {
                let other = match place.log.kind {
                    LogKind::Direct(low, high) => Some(known_user(tables, if low == user { high } else { low })?),
                    LogKind::Room { .. } | LogKind::Own => None,
                };
                let is_ignored = match &other {
                    Some(other) => tables.ignores(other.id, user)?,
                    None => false,
                };
                Ok(Self { place, membership, now_ms, other, is_ignored })
            }
            None => not_member(place, &tables.spans(place.id(), user)?),
        }
    }

    /// Whether the member may say anything at all, a reaction or an edit included: not in an archived room, not while muted.
    pub(super) fn may_speak(&self) -> Ruled<()> {
        let called = &self.place.called;
        if self.place.log.settings.archived == Archived::Yes {
            return refuse(RefusalCode::ArchivedRoom, format!("{called} is archived and takes nothing any more"));
        }
        if let Some(other) = &self.other {
            not_gone(other)?;
        }
        if self.is_ignored {
            return refuse(RefusalCode::Ignored, format!("{called} takes no messages from you"));
        }
        if !self.is_moderator() && self.membership.muted_until_ms > self.now_ms {
            let left_s = (self.membership.muted_until_ms - self.now_ms).div_ceil(1_000);
            return refuse(RefusalCode::Muted, format!("you may read but not write in {called} for {left_s} more seconds"));
        }
        Ok(())
    }

    /// Whether the member may post, in answer to the message at `answers` or to none.
    pub(super) fn may_write(&self, answers: Option<Seq>) -> Ruled<()> {
        self.may_speak()?;
        if self.is_moderator() {
            return Ok(());
        }
        let (settings, called) = (&self.place.log.settings, &self.place.called);
        let is_class = settings.template == Template::Class;
        if settings.posting == Posting::Moderators && !(is_class && answers.is_some()) {
            let sentence = if is_class {
                format!("only moderators begin threads in {called}; ask by answering an announcement")
            } else {
                format!("only moderators post in {called}")
            };
            return refuse(RefusalCode::AnnouncementsOnly, sentence);
        }
        let wait_ms = match self.membership.last_post_ms {
            0 => 0,
            last_post_ms => (last_post_ms + settings.slow_s * 1_000).saturating_sub(self.now_ms),
        };
        // A clock that was set back since holds nobody up for longer than the room does.
        if wait_ms > 0 && wait_ms <= settings.slow_s * 1_000 {
            let sentence = format!("{called} is in slow mode: one message every {} seconds", settings.slow_s);
            let wait_ms = u32::try_from(wait_ms).unwrap_or(u32::MAX);
            return Err(Stop::Refused(Refusal::retry_after(RefusalCode::SlowMode, sentence, wait_ms)));
        }
        Ok(())
    }

    /// Whether the member's posts must be spaced out, so that the time of each is kept.
    pub(super) fn is_slowed(&self) -> bool {
        self.place.log.settings.slow_s > 0 && !self.is_moderator()
    }

    /// Whether the member keeps order here.
    pub(super) fn may_moderate(&self) -> Ruled<()> {
        if self.is_moderator() {
            return Ok(());
        }
        refuse(RefusalCode::NotModerator, format!("only the owner and the moderators of {} may do this", self.place.called))
    }

    /// Whether the member may do something to another one of this role: everybody's role is below the owner's, and
    /// moderators leave each other alone.
    pub(super) fn may_act_on(&self, other: Role) -> Ruled<()> {
        match (self.membership.role, other) {
            (Role::Owner, _) | (Role::Moderator, Role::Member) => Ok(()),
            (Role::Moderator, Role::Moderator) => self.may_own(),
            (_, Role::Owner) => refuse(RefusalCode::NotOwner, format!("nobody does this to the owner of {}", self.place.called)),
            (Role::Member, _) => self.may_moderate(),
        }
    }

    /// Whether the room is the member's.
    pub(super) fn may_own(&self) -> Ruled<()> {
        if self.membership.role == Role::Owner && matches!(self.place.log.kind, LogKind::Room { .. }) {
            return Ok(());
        }
        refuse(RefusalCode::NotOwner, format!("only the owner of {} may do this", self.place.called))
    }

    fn is_moderator(&self) -> bool {
        matches!(self.membership.role, Role::Owner | Role::Moderator)
    }
}

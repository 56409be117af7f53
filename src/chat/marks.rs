//! What is done about a message after it was written: edit, delete, react, pin, resolve – and what each of these takes back.
//!
//! Each is an event of its own. What a state that is asked for already has brings the place of the event that made it so; what
//! is to be taken back and is not there is refused.

use super::forgetting;
use super::mentions::{mentions, others};
use super::posting::root_of;
use super::reading::head_of;
use super::rights::Rights;
use super::rooms::stored;
use super::target::{Place, find};
use super::turn::{Ruled, Speaker, Stop, Turn, refuse};
use super::visible::View;
use crate::message::{Edit, Event, EventBody, Head, LogId, Mark, Post, Reaction, RefusalCode, Reply, Seq, Stored, Target, Text};
use crate::store::{KeptReaction, LogHead, LogKind, StoreError, Tables};

/// Most edits of one message: deleting it erases them all at once.
pub const EDITS_MAX: usize = 100;

/// Most reactions to one message, over all users.
pub const REACTIONS_MAX: usize = 500;

/// Most different reactions to one message.
pub const REACTION_KINDS_MAX: usize = 32;

/// Most pinned messages of one log.
pub const PINS_MAX: u64 = 50;

/// Replaces the text of the speaker's own message.
pub(super) fn edit(turn: &mut Turn<'_>, speaker: &Speaker, log: &Target, seq: Seq, text: &Text) -> Ruled<Reply> {
    let about = About::find(turn.db.tables(), speaker, log, seq)?;
    about.rights(turn, speaker)?.may_speak()?;
    if about.head.author != speaker.user.id {
        return refuse(RefusalCode::NotYourPost, format!("message {seq} is not yours; only its author can edit it"));
    }
    let log = about.place.id();
    if turn.db.tables().edits(log, (seq, seq))?.len() >= EDITS_MAX {
        return refuse(RefusalCode::LimitReached, format!("message {seq} was edited {EDITS_MAX} times, the most there may be"));
    }
    let mentions = mentions(turn.db.tables(), log, text.as_str())?;
    turn.db.set_mentions(log, seq, &others(&mentions, speaker))?;
    let body = EventBody::Edited(Edit { post: seq, text: text.as_str().to_owned(), mentions });
    let edited = turn.append(&about.place.log.head, speaker, &body)?;
    turn.db.add_edit(log, seq, edited.seq)?;
    Ok(stored(about.place.called, &edited))
}

/// Does what `mark` says about the message at `seq`.
pub(super) fn mark(turn: &mut Turn<'_>, speaker: &Speaker, log: &Target, seq: Seq, mark: &Mark) -> Ruled<Reply> {
    let about = About::find(turn.db.tables(), speaker, log, seq)?;
    match mark {
        Mark::Delete => about.delete(turn, speaker),
        Mark::React(typed) => about.react(turn, speaker, &reaction(typed)?),
        Mark::Unreact(typed) => about.unreact(turn, speaker, &reaction(typed)?),
        Mark::Pin => about.pin(turn, speaker),
        Mark::Unpin => about.unpin(turn, speaker),
        Mark::Resolve => about.resolve(turn, speaker),
        Mark::Reopen => about.reopen(turn, speaker),
    }
}

fn reaction(typed: &str) -> Ruled<Reaction> {
    Reaction::parse(typed).or_else(|error| refuse(RefusalCode::BadReaction, error.to_string()))
}

/// The message of this log that its reader may read and that was not erased.
pub(super) fn post_at(tables: &Tables, view: &View, log: LogId, seq: Seq) -> Ruled<(Head, Post)> {
    let kept = if view.shows(seq) { tables.event(log, seq)? } else { None };
    let Some(kept) = kept else { return refuse(RefusalCode::NoSuchPost, format!("there is no message {seq}")) };
    let head = head_of(&kept)?;
    match (Event { head, body: kept.body }).content() {
        EventBody::Posted(post) => Ok((head, post)),
        EventBody::Erased => refuse(RefusalCode::NoSuchPost, format!("message {seq} was deleted")),
        _ => refuse(RefusalCode::NoSuchPost, format!("event {seq} is not a message")),
    }
}

/// A message, and where it is.
struct About {
    place: Place,
    head: Head,
    post: Post,
}

impl About {
    fn find(tables: &Tables, speaker: &Speaker, target: &Target, seq: Seq) -> Ruled<Self> {
        let place = find(tables, speaker.user.id, target)?;
        let view = View::of_member(tables, speaker.user.id, &place)?;
        let (head, post) = post_at(tables, &view, place.id(), seq)?;
        Ok(Self { place, head, post })
    }

    fn delete(self, turn: &mut Turn<'_>, speaker: &Speaker) -> Ruled<Reply> {
        if self.head.author != speaker.user.id && self.rights(turn, speaker)?.may_moderate().is_err() {
            let sentence = format!("message {} is not yours; only its author and moderators can delete it", self.head.seq);
            return refuse(RefusalCode::NotYourPost, sentence);
        }
        let root = self.root(turn)?;
        turn.db.erase_post(self.place.id(), self.head.seq, root)?;
        forgetting::begin(turn, speaker)?;
        let deleted = EventBody::Deleted(self.head.seq);
        self.append(turn, speaker, &deleted).map(|(reply, _)| reply)
    }

    fn react(self, turn: &mut Turn<'_>, speaker: &Speaker, reaction: &Reaction) -> Ruled<Reply> {
        let shown = self.reactions(turn)?;
        let same = shown.iter().filter(|kept| kept.reaction == reaction.as_str());
        if let Some(own) = same.clone().find(|kept| kept.user == speaker.user.id) {
            return self.done_at(turn, own.seq);
        }
        let mut kinds: Vec<&str> = shown.iter().map(|kept| kept.reaction.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if shown.len() >= REACTIONS_MAX || (same.count() == 0 && kinds.len() >= REACTION_KINDS_MAX) {
            let sentence = format!(
                "message {} has as many reactions as there may be: {REACTIONS_MAX}, of {REACTION_KINDS_MAX} kinds",
                self.head.seq
            );
            return refuse(RefusalCode::LimitReached, sentence);
        }
        self.rights(turn, speaker)?.may_speak()?;
        let (log, post, reaction) = (self.place.id(), self.head.seq, reaction.as_str().to_owned());
        let (reply, after) = self.append(turn, speaker, &EventBody::Reacted(post, reaction.clone()))?;
        turn.db.add_reaction(log, &KeptReaction { post, reaction, user: speaker.user.id, seq: after.seq })?;
        Ok(reply)
    }

    fn unreact(self, turn: &mut Turn<'_>, speaker: &Speaker, reaction: &Reaction) -> Ruled<Reply> {
        let own = |kept: &KeptReaction| kept.user == speaker.user.id && kept.reaction == reaction.as_str();
        if !self.reactions(turn)?.iter().any(own) {
            let sentence = format!("you do not show {} to message {}", reaction.as_str(), self.head.seq);
            return refuse(RefusalCode::NothingToUndo, sentence);
        }
        let (post, reaction) = (self.head.seq, reaction.as_str());
        turn.db.remove_reaction(self.place.id(), post, reaction, speaker.user.id)?;
        self.append(turn, speaker, &EventBody::Unreacted(post, reaction.to_owned())).map(|(reply, _)| reply)
    }

    fn pin(self, turn: &mut Turn<'_>, speaker: &Speaker) -> Ruled<Reply> {
        self.may_pin(turn, speaker)?;
        let (log, post) = (self.place.id(), self.head.seq);
        if let Some((_, pinned)) = turn.db.tables().pins(log, (post, post))?.first() {
            return self.done_at(turn, *pinned);
        }
        if turn.db.tables().pin_count(log)? >= PINS_MAX {
            let sentence = format!("{} has {PINS_MAX} pinned messages, the most there may be", self.place.called);
            return refuse(RefusalCode::LimitReached, sentence);
        }
        let (reply, after) = self.append(turn, speaker, &EventBody::Pinned(post))?;
        turn.db.add_pin(log, post, after.seq)?;
        Ok(reply)
    }

    fn unpin(self, turn: &mut Turn<'_>, speaker: &Speaker) -> Ruled<Reply> {
        self.may_pin(turn, speaker)?;
        let (log, post) = (self.place.id(), self.head.seq);
        if turn.db.tables().pins(log, (post, post))?.is_empty() {
            return refuse(RefusalCode::NothingToUndo, format!("message {post} is not pinned"));
        }
        turn.db.remove_pin(log, post)?;
        self.append(turn, speaker, &EventBody::Unpinned(post)).map(|(reply, _)| reply)
    }

    fn resolve(self, turn: &mut Turn<'_>, speaker: &Speaker) -> Ruled<Reply> {
        self.may_resolve(turn, speaker)?;
        if let Some(resolved) = self.resolved(turn)? {
            return self.done_at(turn, resolved);
        }
        let (log, root) = (self.place.id(), self.head.seq);
        let (reply, after) = self.append(turn, speaker, &EventBody::Resolved(root))?;
        turn.db.set_resolved(log, root, Some(after.seq))?;
        Ok(reply)
    }

    fn reopen(self, turn: &mut Turn<'_>, speaker: &Speaker) -> Ruled<Reply> {
        self.may_resolve(turn, speaker)?;
        let (log, root) = (self.place.id(), self.head.seq);
        if self.resolved(turn)?.is_none() {
            return refuse(RefusalCode::NothingToUndo, format!("message {root} is not resolved"));
        }
        turn.db.set_resolved(log, root, None)?;
        self.append(turn, speaker, &EventBody::Reopened(root)).map(|(reply, _)| reply)
    }

    fn reactions(&self, turn: &Turn<'_>) -> Result<Vec<KeptReaction>, StoreError> {
        turn.db.tables().reactions(self.place.id(), (self.head.seq, self.head.seq))
    }

    /// The message with which its thread began, if that is another one.
    fn root(&self, turn: &Turn<'_>) -> Result<Option<Seq>, StoreError> {
        root_of(turn.db.tables(), self.place.id(), self.head.seq, &self.post)
    }

    fn resolved(&self, turn: &Turn<'_>) -> Result<Option<Seq>, StoreError> {
        let threads = turn.db.tables().threads(self.place.id(), (self.head.seq, self.head.seq))?;
        Ok(threads.first().and_then(|thread| thread.resolved))
    }

    fn append(self, turn: &mut Turn<'_>, speaker: &Speaker, body: &EventBody) -> Ruled<(Reply, LogHead)> {
        let after = turn.append(&self.place.log.head, speaker, body)?;
        Ok((stored(self.place.called, &after), after))
    }

    /// It was so before; the place of the event that made it so.
    fn done_at(self, turn: &Turn<'_>, seq: Seq) -> Ruled<Reply> {
        let log = self.place.id();
        let kept = turn.db.tables().event(log, seq)?;
        let kept = kept.ok_or(Stop::Failed(StoreError::Damaged("what became of a message names no event")))?;
        let time_ms = head_of(&kept)?.time_ms;
        Ok(Reply::Stored(Stored { log, room: self.place.called, seq, time_ms }))
    }

    fn rights(&self, turn: &Turn<'_>, speaker: &Speaker) -> Ruled<Rights<'_>> {
        Rights::of_member(turn.db.tables(), speaker.user.id, &self.place, turn.command.time_ms)
    }

    fn may_pin(&self, turn: &Turn<'_>, speaker: &Speaker) -> Ruled<()> {
        let rights = self.rights(turn, speaker)?;
        rights.may_speak()?;
        if matches!(self.place.log.kind, LogKind::Direct(..)) { Ok(()) } else { rights.may_moderate() }
    }

    fn may_resolve(&self, turn: &Turn<'_>, speaker: &Speaker) -> Ruled<()> {
        let seq = self.head.seq;
        if let Some(root) = self.root(turn)? {
            let sentence = format!("message {seq} is an answer; the question is message {root}");
            return refuse(RefusalCode::NoSuchPost, sentence);
        }
        let rights = self.rights(turn, speaker)?;
        rights.may_speak()?;
        if self.head.author == speaker.user.id || rights.may_moderate().is_ok() {
            return Ok(());
        }
        let sentence = format!("message {seq} is not yours; only its author and moderators can say that it is resolved");
        refuse(RefusalCode::NotYourPost, sentence)
    }
}

//! What became of messages, laid over a page of them: newest texts, reactions, pins, threads.
//!
//! A reader learns only what events say that they may read themselves: an edit in a stretch that is hidden from them does not
//! show. What was erased is nowhere to be found, because erasing forgets what is laid over it.

use super::reading::head_of;
use super::visible::View;
use crate::message::{Event, EventBody, LogId, NewestEdit, Overlay, ReactionCount, Seq, UserId};
use crate::store::{KeptEvent, StoreError, Tables};
use std::collections::BTreeMap;

/// One reader of one log.
pub(super) struct Overlays<'a> {
    pub(super) tables: &'a Tables,
    pub(super) log: LogId,
    pub(super) reader: UserId,
    pub(super) view: &'a View,
}

impl Overlays<'_> {
    /// What became of the messages among `events`, in the order of the log; those that nothing happened to are left out.
    pub(super) fn of(&self, events: &[KeptEvent]) -> Result<Vec<Overlay>, StoreError> {
        let places: Vec<Seq> = events.iter().filter(|event| event.body.is_ok()).map(|event| event.seq).collect();
        let (Some(first), Some(last)) = (places.iter().min(), places.iter().max()) else { return Ok(Vec::new()) };
        let range = (*first, *last);
        let mut laid: BTreeMap<Seq, Overlay> = BTreeMap::new();
        let mut newest: BTreeMap<Seq, Seq> = BTreeMap::new();
        for (post, seq) in self.tables.edits(self.log, range)? {
            if self.view.shows(seq) || planted!(HiddenEditShown) {
                newest.insert(post, seq);
            }
        }
        for (post, seq) in newest {
            if places.contains(&post) {
                of(&mut laid, post).edit = self.edit(seq)?;
            }
        }
        for kept in self.tables.reactions(self.log, range)?.into_iter().filter(|kept| self.view.shows(kept.seq)) {
            let counts = &mut of(&mut laid, kept.post).reactions;
            let own = kept.user == self.reader;
            match counts.iter_mut().find(|count| count.reaction == kept.reaction) {
                Some(count) => (count.count, count.own) = (count.count + 1, count.own || own),
                None => counts.push(ReactionCount { reaction: kept.reaction, count: 1, own }),
            }
        }
        for (post, seq) in self.tables.pins(self.log, range)? {
            of(&mut laid, post).pinned = self.view.shows(seq);
        }
        for thread in self.tables.threads(self.log, range)? {
            let overlay = of(&mut laid, thread.root);
            overlay.resolved = thread.resolved.is_some_and(|seq| self.view.shows(seq));
            // How many answers there are is only told to who may read them all.
            let count = if self.view.ranges.len() == 1 && self.view.member { thread.reply_count } else { 0 };
            overlay.reply_count = u32::try_from(count).unwrap_or(u32::MAX);
        }
        laid.retain(|post, overlay| places.contains(post) && *overlay != Overlay { seq: *post, ..Overlay::default() });
        Ok(laid.into_values().collect())
    }

    fn edit(&self, seq: Seq) -> Result<Option<NewestEdit>, StoreError> {
        let Some(kept) = self.tables.event(self.log, seq)? else { return Ok(None) };
        let head = head_of(&kept)?;
        Ok(match (Event { head, body: kept.body }).content() {
            EventBody::Edited(edit) => Some(NewestEdit { seq, text: edit.text, mentions: edit.mentions }),
            _ => None,
        })
    }
}

fn of(laid: &mut BTreeMap<Seq, Overlay>, post: Seq) -> &mut Overlay {
    laid.entry(post).or_insert_with(|| Overlay { seq: post, ..Overlay::default() })
}

/// About how many bytes an overlay takes in a message.
pub(super) fn overlay_len(overlay: &Overlay) -> usize {
    let edit_len = overlay.edit.as_ref().map_or(0, |edit| edit.text.len() + 9 * edit.mentions.len() + 24);
    let reactions_len: usize = overlay.reactions.iter().map(|count| count.reaction.len() + 10).sum();
    edit_len + reactions_len + 32
}

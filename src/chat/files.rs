//! Files of messages: who may bring one, and who may read it.
//!
//! A file is found by its message only, never by its hash: whoever may read the message may read the file, and nobody learns
//! whether the server has a file from elsewhere.

use super::command::FileDraft;
use super::target::find;
use super::turn::{Ruled, Speaker, refuse, settle};
use super::visible::View;
use crate::message::{Attachment, EventBody, FileRead, Refusal, RefusalCode, UserId};
use crate::store::{Reader, StoreError, Tables};

/// Refuses a file that is not here, or that the speaker has no room for any more.
pub(super) fn check(tables: &Tables, speaker: &Speaker, draft: &FileDraft) -> Ruled<()> {
    if !draft.is_here {
        return refuse(RefusalCode::FileMissing, "the file has not been sent whole; send it first");
    }
    let kept_len = tables.files_len(speaker.user.id)?;
    if kept_len.saturating_add(draft.file.len) > draft.user_len_max {
        return refuse(RefusalCode::QuotaFull, quota_sentence(kept_len, draft.user_len_max));
    }
    Ok(())
}

/// What to say to somebody whose files take up what there is for one user.
#[must_use]
pub fn quota_sentence(kept_len: u64, user_len_max: u64) -> String {
    format!("your files have {kept_len} of the {user_len_max} bytes there are for you; delete messages with files first")
}

/// The file of a message that `user` may read, as a member.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal.
pub fn file_of(reader: &Reader, user: UserId, request: &FileRead) -> Result<Result<Attachment, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let place = find(tables, user, &request.log)?;
        let view = View::of_member(tables, user, &place)?;
        let may_read = view.ranges.iter().any(|range| range.from <= request.seq && range.to.is_none_or(|to| request.seq <= to));
        let kept = if may_read { tables.file_at(place.id(), request.seq)? } else { None };
        let event = if kept.is_some() { tables.event(place.id(), request.seq)? } else { None };
        let post = event.and_then(|event| event.body.ok()).map(|body| EventBody::read(&body));
        match post {
            Some(EventBody::Posted(post)) if post.file.is_some() => match post.file {
                Some(file) if request.offset <= file.len => Ok(file),
                _ => refuse(RefusalCode::OutOfRange, "the file is shorter than that"),
            },
            _ => refuse(RefusalCode::NoSuchFile, "there is no file at this place that you may read"),
        }
    }))
}

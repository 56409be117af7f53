//! Messages picked out of a log: the pinned ones, the threads.

use super::overlay::{Overlays, overlay_len};
use super::reading::{Budget, PAGE_LEN_MAX, told_len};
use super::target::find;
use super::told::told_of;
use super::turn::settle;
use super::visible::View;
use crate::message::{PickPage, PickRequest, Refusal, Seq, UserId};
use crate::store::{Reader, StoreError};

/// Most messages on a page.
const PICKED_PAGE: usize = 100;

/// A page of messages of the kind that is asked for, at most `len_max` bytes and at least one message if there is any.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal.
pub fn pick(
    reader: &Reader,
    user: UserId,
    request: &PickRequest,
    len_max: usize,
) -> Result<Result<PickPage, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let place = find(tables, user, &request.log)?;
        let view = View::of_member(tables, user, &place)?;
        let log = place.id();
        let overlays = Overlays { tables, log, reader: user, view: &view };
        let mut budget = Budget::new(len_max.min(PAGE_LEN_MAX), PICKED_PAGE);
        let mut page = PickPage { log, room: place.called.clone(), posts: Vec::new(), overlays: Vec::new(), more: false };
        for range in &view.ranges {
            let (first, last) = (range.from.max(Seq(request.after.0.saturating_add(1))), range.to.unwrap_or(place.head()));
            // One more than a page holds tells whether there is more.
            for seq in tables.picked(log, request.kind, (first, last), PICKED_PAGE + 1)? {
                let Some(event) = tables.event(log, seq)? else { continue };
                let laid = overlays.of(std::slice::from_ref(&event))?;
                let len = told_len(&event) + laid.iter().map(overlay_len).sum::<usize>();
                if !budget.pays(len) {
                    page.more = true;
                    return Ok(page);
                }
                page.posts.push(told_of(&event));
                page.overlays.extend(laid);
            }
        }
        Ok(page)
    }))
}

//! What keepers of order read: what moderators did, what was reported, and whom one ignores.
//!
//! There is no second record beside the log: the audit is the log, with everything left out that is no moderation.

use super::moderation::IGNORED_MAX;
use super::reading::PAGE_LEN_MAX;
use super::rights::Rights;
use super::target::find;
use super::told::told_of;
use super::turn::{Ruled, settle};
use crate::message::{EventPage, IgnoredUser, Refusal, ReportPage, RoomEvent, Seq, Target, Told, UserId};
use crate::store::{Direction, Reader, StoreError};

/// Events that one page of the audit looks through.
pub const AUDIT_SCAN_MAX: usize = 2_000;

/// Reports on a page.
pub const REPORTS_PAGE: usize = 50;

/// What moderators did, backward from before `before` (0: from the newest): for moderators. The events of a page do not follow
/// each other; the next page is the one before the place behind `after`, and `more` says whether there is one.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal.
pub fn audit(reader: &Reader, user: UserId, target: &Target, before: Seq) -> Result<Result<EventPage, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| -> Ruled<EventPage> {
        let place = find(tables, user, target)?;
        Rights::of_member(tables, user, &place, 0)?.may_moderate()?;
        let last = if before.0 == 0 { place.head() } else { Seq(before.0 - 1).min(place.head()) };
        let mut events: Vec<Told> = Vec::new();
        let (mut scanned, mut len, mut first) = (0, 0, last.0 + 1);
        tables.events(place.id(), (Seq(1), last), Direction::Backward, |event| {
            scanned += 1;
            let kind = event.body.as_ref().ok().and_then(|body| body.first_chunk::<2>());
            if kind.is_some_and(|kind| RoomEvent::is_moderation(u16::from_be_bytes(*kind))) {
                let told = told_of(&event);
                len += told.event.len() + told.author.len() + 16;
                if len > PAGE_LEN_MAX && !events.is_empty() {
                    return false;
                }
                events.push(told);
            }
            first = event.seq.0;
            scanned < AUDIT_SCAN_MAX
        })?;
        events.reverse();
        let (after, hash) = tables.chain_at(place.id(), Seq(first - 1))?;
        Ok(EventPage {
            log: place.id(),
            room: place.called,
            events,
            overlays: Vec::new(),
            after,
            hash: hash.0,
            more: after > Seq(0),
        })
    }))
}

/// What was reported about messages behind `after`: for moderators.
///
/// # Errors
/// [`StoreError`] if the database fails; within, a refusal.
pub fn reports(reader: &Reader, user: UserId, target: &Target, after: Seq) -> Result<Result<ReportPage, Refusal>, StoreError> {
    settle(reader.snapshot(|tables| -> Ruled<ReportPage> {
        let place = find(tables, user, target)?;
        Rights::of_member(tables, user, &place, 0)?.may_moderate()?;
        let mut reports = tables.reports(place.id(), after, REPORTS_PAGE + 1)?;
        // A page ends with a message, so that the next one begins with another.
        let more = reports.len() > REPORTS_PAGE;
        if more && let Some(cut) = reports.last().map(|last| last.seq) {
            let whole = reports.iter().filter(|report| report.seq < cut).count();
            reports.truncate(if whole > 0 { whole } else { REPORTS_PAGE });
        }
        Ok(ReportPage { log: place.id(), room: place.called, reports, more })
    }))
}

/// Whom the user ignores, at most [`IGNORED_MAX`].
///
/// # Errors
/// [`StoreError`] if the database fails.
pub fn ignored(reader: &Reader, user: UserId) -> Result<Vec<IgnoredUser>, StoreError> {
    reader.snapshot(|tables| tables.ignored(user, IGNORED_MAX))
}

//! Who is heard with what is told at once and never stored: typing, and values of which only the newest counts.

use super::rights::Rights;
use super::target::find;
use super::turn::{Stop, settle};
use crate::message::{LogId, Refusal, RefusalCode, Target, UserId};
use crate::store::{Reader, StoreError};

/// Whether `user` may be heard in `log` at `now_ms`: who may post there may. Slow mode spaces what is stored, not this.
///
/// # Errors
/// [`StoreError`] if the database fails; within, why not.
pub fn voice(reader: &Reader, user: UserId, log: LogId, now_ms: u64) -> Result<Result<(), Refusal>, StoreError> {
    settle(reader.snapshot(|tables| {
        let place = find(tables, user, &Target::Log(log))?;
        match Rights::of_member(tables, user, &place, now_ms)?.may_write(None) {
            Err(Stop::Refused(refusal)) if refusal.code() == RefusalCode::SlowMode => Ok(()),
            judged => judged,
        }
    }))
}

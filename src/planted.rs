//! Mistakes sown on purpose, to see that the tests find them: each is one that somebody could make, where they would make it.
//!
//! Only builds with the feature `planted-bugs` know them, and in those one is on at a time and on one thread only. In all
//! others `planted!` is `false`, and the compiler leaves nothing of it. `tests/sim/planted.rs` joins each to the test that
//! finds it.

#[cfg(feature = "planted-bugs")]
use std::cell::Cell;

/// Whether this mistake is made here and now.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($bug:ident) => {
        crate::planted::is_sown(crate::planted::Bug::$bug)
    };
}

/// Whether this mistake is made here and now: never.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

/// A mistake that can be made on purpose.
#[cfg(feature = "planted-bugs")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A packet's number counts as seen before its seal was opened.
    ReplayNotedBeforeSeal,
    /// Packets that were opened before are opened again.
    ReplayWindowMissing,
    /// An acknowledgement of packets that were never sent is taken in.
    NeverSentAcknowledged,
    /// A packet that was left out on purpose may be acknowledged.
    SkippedAcknowledged,
    /// Copies of lines are sent whatever they cost.
    CopiesWithoutBudget,
    /// The half-open table grows without an end.
    HalfOpenWithoutCap,
    /// A stream keeps track of any number of holes.
    GapsWithoutCap,
    /// A probe is sealed under the number of the packet before it.
    NumberUsedTwice,
    /// What was lost is not sent again, unless a probe happens to bring it.
    LossForgotten,
    /// Stream bytes beyond the credit are taken in.
    CreditNotEnforced,
    /// An unproven address is sent whatever there is.
    AmplificationIgnored,
    /// The address of the newest packet counts as proven.
    MoveWithoutProof,
    /// Any packet that does not open is believed to be a stateless reset.
    ResetOfAnybody,
    /// A cookie is good at any address.
    CookieForAnyAddress,
    /// The connections of a revoked device live on.
    RevokedStaysConnected,
    /// A batch of several commands is told and never committed.
    ToldWithoutCommit,
    /// Events are pushed to followers that have not heard those before.
    PushedOverAGap,
    /// Who left a room is told on.
    LeaverStillTold,
    /// A message leaves the outbox when it is sent, not when it is stored.
    OutboxForgetsEarly,
    /// A repeated message is stored again.
    RepeatStoredTwice,
    /// An edit is shown with its message to who may not read the edit.
    HiddenEditShown,
    /// The bytes of a file are not synced before its message is stored.
    FileNotSynced,
}

#[cfg(feature = "planted-bugs")]
thread_local! {
    static SOWN: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// From now on this thread makes this mistake and no other.
#[cfg(feature = "planted-bugs")]
pub fn sow(bug: Option<Bug>) {
    SOWN.set(bug);
}

/// Whether this thread makes this mistake.
#[cfg(feature = "planted-bugs")]
pub(crate) fn is_sown(bug: Bug) -> bool {
    SOWN.get() == Some(bug)
}

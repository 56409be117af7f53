//! An event as it is told, in one place: what a command appends and what a reader reads later are the same bytes.

use crate::message::{Event, HEAD_LEN, Notice, Told};
use crate::store::KeptEvent;
use std::sync::Arc;

/// An event with its author's name, from the parts as they are kept.
pub(super) fn told(author: &str, head: &[u8; HEAD_LEN], body: Result<&[u8], &[u8; 32]>) -> Told {
    Told { author: author.to_owned(), event: Event::join(head, body) }
}

/// The whole notice of an event.
pub(super) fn notice(told: Told) -> Arc<[u8]> {
    Notice::Event(told).encode().into()
}

/// [`told`], of a kept event.
pub(super) fn told_of(kept: &KeptEvent) -> Told {
    told(&kept.author, &kept.head, kept.body.as_deref())
}

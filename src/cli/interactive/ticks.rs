//! The ticks behind what was typed at a terminal: `✓` stored, `✓✓` at all devices of the others.

use std::collections::BTreeSet;

use super::super::exit::Failure;
use super::super::line::{Level, Line};
use super::super::output::Output;
use crate::message::{LogId, Receipt, Request, Seq, Stored, Target};

/// Most messages that are watched at a time; below what the server allows a session.
const WATCHED_MAX: usize = 16;

/// The messages whose way is watched.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    watched: BTreeSet<(LogId, Seq)>,
}

impl Ticks {
    /// A message of the user is stored: what to ask the server.
    pub(super) fn on_stored(&mut self, stored: &Stored) -> Vec<Request> {
        let mut requests = Vec::new();
        if self.watched.len() >= WATCHED_MAX
            && let Some(oldest) = self.watched.pop_first()
        {
            requests.push(Request::EndReceipts(oldest));
        }
        self.watched.insert((stored.log, stored.seq));
        requests.push(Request::Receipts((Target::Log(stored.log), stored.seq)));
        requests
    }

    /// A new connection knows nothing of what was asked on the old one.
    pub(super) fn ask_again(&self) -> Vec<Request> {
        self.watched.iter().map(|(log, seq)| Request::Receipts((Target::Log(*log), *seq))).collect()
    }

    /// The server says who has a message: shown at first, and when it has come everywhere. Then nothing more is asked about it.
    pub(super) fn on_receipt(
        &mut self,
        output: &mut Output,
        room: &str,
        receipt: &Receipt,
        is_first: bool,
    ) -> Result<Option<Request>, Failure> {
        let message = (receipt.log, receipt.seq);
        if !self.watched.contains(&message) {
            return Ok(None);
        }
        let is_everywhere = Level::Delivered.is_reached(receipt);
        if is_first || is_everywhere {
            output.line(&Line::Receipt { room, receipt })?;
        }
        Ok((is_everywhere && self.watched.remove(&message)).then_some(Request::EndReceipts(message)))
    }
}

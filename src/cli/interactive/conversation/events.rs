//! What the client tells: events of logs are shown and count as read, changes of the connection are said.

use super::super::super::exit::Failure;
use super::super::super::human;
use super::super::super::line::{Line, LinkState};
use super::super::super::session::refused_of_others;
use super::super::showing;
use super::{Asked, ENTRY_COUNT, Talk};
use crate::client::{ClientEvent, Followed, RoomsNote};
use crate::message::{EventBody, EventPage, HistoryFrom, LogId, Receipt, Request, Seq, Target};

impl Talk<'_> {
    pub(super) fn on_event(&mut self, event: ClientEvent) -> Result<(), Failure> {
        let (client, now) = self.session.client();
        for note in self.rooms.on_event(client, now, &event)? {
            self.on_note(note)?;
        }
        self.go_on_sending(&event)?;
        match event {
            ClientEvent::Event(followed) if self.rooms.was_shown(followed.log, followed.cursor.seq) => {}
            ClientEvent::Hidden { log, cursor, .. } if self.rooms.was_shown(log, cursor.seq) => {}
            ClientEvent::Event(followed) => self.show(&followed)?,
            ClientEvent::Hidden { log, room, cursor } => {
                self.context.output.line(&Line::Gap { room: &room, log, to: cursor.seq })?;
            }
            ClientEvent::Reply { tag, reply } => {
                if let Some(asked) = self.asked.remove(&tag) {
                    self.on_reply(asked, reply)?;
                }
            }
            ClientEvent::Typing { .. } | ClientEvent::Latest { .. } | ClientEvent::Presence(_) => {
                self.watching.show(&mut self.context.output, &event)?;
            }
            ClientEvent::Posted { own: true, outcome: Ok(stored), .. } if self.typing.is_some() => {
                for request in self.ticks.on_stored(&stored) {
                    self.ask_ticks(&request, true);
                }
            }
            ClientEvent::Receipt(receipt) => self.on_receipt(&receipt, false)?,
            ClientEvent::Posted { own: true, outcome: Err(refusal), .. } => {
                self.context.output.remark(&format!("! not sent: {}", refusal.sentence))?;
            }
            ClientEvent::Posted { own: false, outcome: Err(refusal), .. } => {
                self.context.output.remark(&refused_of_others(&refusal.sentence))?;
            }
            ClientEvent::PostsHalted(refusal) => {
                self.context.output.remark(&format!("{}; trying again", refusal.sentence))?;
            }
            ClientEvent::Offline { reason, failure_count: 1, .. } => {
                self.context.output.line(&Line::State(LinkState::Offline(&reason.to_string())))?;
            }
            ClientEvent::Online { .. } => {
                self.context.output.line(&Line::State(LinkState::Online))?;
                for request in self.ticks.ask_again() {
                    self.ask_ticks(&request, false);
                }
            }
            ClientEvent::Forked { log, at, .. } => {
                let room = self.rooms.name(log).unwrap_or("your list of rooms");
                let text = format!("{room} is no longer as it was at {at}: the server was restored from an older copy");
                self.context.output.remark(&text)?;
            }
            ClientEvent::Broken { log, at, .. } => {
                let room = self.rooms.name(log).unwrap_or("your list of rooms");
                let text = format!("the server left out events of {room} behind {at}; do not rely on it");
                self.context.output.remark(&text)?;
            }
            ClientEvent::CaughtUp { log, at, .. } if self.entering == Some(log) => {
                // It was in the list of rooms already, and what comes behind this position is told by the follow.
                self.entering = None;
                self.show_history(Target::Log(log), HistoryFrom::Before(Seq(at.0.saturating_add(1))), ENTRY_COUNT);
            }
            ClientEvent::Unfollowed { log, room, refusal } => {
                self.entering = self.entering.filter(|entering| *entering != log);
                self.context.output.remark(&format!("{room}: {}", refusal.sentence))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn ask_ticks(&mut self, request: &Request, is_first: bool) {
        let asked = if matches!(request, Request::Receipts(_)) { Asked::Receipt { is_first } } else { Asked::Nothing };
        self.ask(request, asked);
    }

    pub(super) fn on_receipt(&mut self, receipt: &Receipt, is_first: bool) -> Result<(), Failure> {
        let room = self.rooms.name(receipt.log).unwrap_or_default();
        let end = self.ticks.on_receipt(&mut self.context.output, room, receipt, is_first)?;
        if let Some(request) = end {
            self.ask_ticks(&request, false);
        }
        Ok(())
    }

    fn on_note(&mut self, note: RoomsNote) -> Result<(), Failure> {
        match note {
            RoomsNote::Skipped { room, event_count } => {
                let text = format!("{room}: {event_count} events since last time are not shown; /history shows the newest");
                Ok(self.context.output.remark(&text)?)
            }
            RoomsNote::Mentioned { room, unread_count, mention_count } => {
                let unread = human::unread(unread_count, mention_count);
                Ok(self.context.output.remark(&format!("{}: {unread}", human::printable(&room)))?)
            }
            RoomsNote::Entered(page) => {
                self.entering = self.entering.filter(|entering| *entering != page.log);
                self.show_page(&page)
            }
            RoomsNote::Refused { room, refusal } => {
                self.entering = None;
                Ok(self.context.output.remark(&format!("{room}: {}", refusal.sentence))?)
            }
        }
    }

    fn show(&mut self, followed: &Followed) -> Result<(), Failure> {
        let Followed { log, room, author, event, .. } = followed;
        // What another of the user's devices has shown is nothing to look at.
        if matches!(event.content(), EventBody::ReadMarker(..)) {
            return Ok(());
        }
        self.context.output.line(&Line::Event { room, author, event, overlay: None })?;
        // The own log has no messages to be read.
        if self.rooms.follows(*log) {
            self.mark_read(*log, event.head.seq);
        }
        Ok(())
    }

    /// Shows a page, whose messages then count as read.
    pub(super) fn show_page(&mut self, page: &EventPage) -> Result<(), Failure> {
        if let Some(newest) = showing::page(&mut self.context.output, page)? {
            self.mark_read(page.log, newest);
        }
        Ok(())
    }

    /// What is shown counts as read, on all devices.
    fn mark_read(&mut self, log: LogId, seq: Seq) {
        let id = self.session.new_id();
        let (client, now) = self.session.client();
        client.mark_read(now, id, log, seq);
    }
}

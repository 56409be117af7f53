//! Looks at the current room as a whole, and what the server shows.

use super::super::super::exit::Failure;
use super::super::super::line::{Deed, Line};
use super::super::looks::Look;
use super::{Asked, Talk};
use crate::message::{Event, Reply, Target};

impl Talk<'_> {
    pub(super) fn look_at(&mut self, look: &Look) -> Result<(), Failure> {
        let room = match (&self.current, look) {
            (Some(room), _) => room.target(),
            // A desk has its own name.
            (None, Look::Ticket(_)) => Target::Own,
            (None, _) => return Ok(self.context.output.remark("there is no current room; /join #room first")?),
        };
        let id = self.session.new_id();
        let asked = if matches!(look, Look::Ticket(_)) { Asked::Order(Deed::TicketOpened) } else { Asked::Look };
        self.ask(&look.request(id, room), asked);
        Ok(())
    }

    pub(super) fn on_look(&mut self, reply: &Reply) -> Result<(), Failure> {
        let output = &mut self.context.output;
        let is_more = match reply {
            Reply::Marked(marked) => {
                output.line(&Line::ReadTo(marked))?;
                false
            }
            Reply::RoomSettings(settings) => {
                output.line(&Line::Settings(settings))?;
                false
            }
            Reply::Reports(page) => {
                for report in &page.reports {
                    output.line(&Line::Report { room: &page.room, report })?;
                }
                if page.reports.is_empty() {
                    output.remark("nothing is reported")?;
                }
                page.more
            }
            // What moderators did lies far apart, so what is between is no gap.
            Reply::Page(page) => {
                for told in &page.events {
                    let Some(event) = Event::decode(&told.event) else { continue };
                    output.line(&Line::Event { room: &page.room, author: &told.author, event: &event, overlay: None })?;
                }
                page.more
            }
            _ => return Ok(output.remark("the server gave an answer that does not belong to the question")?),
        };
        if is_more {
            output.remark("there is more; the commands udpchat-cli audit and reports show all")?;
        }
        Ok(())
    }
}

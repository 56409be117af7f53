//! What the server's answers mean for the conversation.

use super::super::super::exit::Failure;
use super::super::super::line::{Deed, Line};
use super::super::showing;
use super::{Asked, ENTRY_COUNT, Talk};
use crate::message::{HistoryFrom, Reply, Target};

impl Talk<'_> {
    pub(super) fn on_reply(&mut self, asked: Asked, reply: Reply) -> Result<(), Failure> {
        match (asked, reply) {
            (Asked::Did { current, before, .. }, Reply::Refused(refusal)) => {
                if self.current == current {
                    self.current = before;
                    if self.current != current && !self.has_ended {
                        self.context.output.remark(&format!("still in {}", self.place()))?;
                    }
                } else {
                    // What was asked for since took this for granted; if that is refused too, the way back leads past it.
                    for later in self.asked.values_mut() {
                        if let Asked::Did { before: back, .. } = later
                            && *back == current
                        {
                            back.clone_from(&before);
                        }
                    }
                }
                self.context.output.remark(&refusal.sentence)?;
            }
            (Asked::Receipt { is_first }, Reply::Receipt(receipt)) => self.on_receipt(&receipt, is_first)?,
            // Rooms with many members have no ticks.
            (Asked::Receipt { .. } | Asked::Nothing, _) | (Asked::Away, Reply::Done) | (Asked::PostedFile, Reply::Stored(_)) => {}
            (Asked::Piece(number), reply) => self.on_piece(number, reply)?,
            (_, Reply::Refused(refusal)) => self.context.output.remark(&refusal.sentence)?,
            (Asked::Did { deed, .. }, Reply::Stored(stored)) => {
                self.context.output.line(&Line::Did { deed, stored: &stored })?;
                match deed {
                    Deed::Left => self.entering = self.entering.filter(|entering| *entering != stored.log),
                    Deed::Created | Deed::Joined if !self.rooms.follows(stored.log) => self.entering = Some(stored.log),
                    Deed::Joined => self.show_history(Target::Log(stored.log), HistoryFrom::Last, ENTRY_COUNT),
                    _ => {}
                }
            }
            (Asked::Order(deed), Reply::Stored(stored)) => {
                self.context.output.line(&Line::Did { deed, stored: &stored })?;
            }
            (Asked::Order(_) | Asked::Waiting | Asked::Bots, Reply::Done) => self.context.output.remark("done")?,
            (Asked::Ignored, Reply::Ignored(people)) => self.context.output.ignore(people.iter().map(|user| user.user)),
            (Asked::Rooms, Reply::Rooms(page)) => {
                for room in &page.rooms {
                    self.context.output.line(&Line::Room(room))?;
                }
                if page.more {
                    self.context.output.remark("there are more rooms; udpchat-cli rooms lists all")?;
                }
            }
            (Asked::Who, Reply::Members(page)) => {
                for member in &page.members {
                    self.context.output.line(&Line::Member { room: &page.room, member })?;
                }
                if page.more {
                    self.context.output.remark("there are more members; udpchat-cli who lists all")?;
                }
            }
            (Asked::Search, Reply::Found(page)) => showing::found(&mut self.context.output, &page)?,
            (Asked::WhoIs, Reply::Profile(profile)) => self.context.output.line(&Line::Profile(&profile))?,
            (Asked::Devices, Reply::Devices(devices)) => {
                let own = self.session.account().map(|account| account.device);
                for device in &devices {
                    self.context.output.line(&Line::Device { device, is_this: own == Some(device.device) })?;
                }
            }
            (Asked::BotToken(bot, code), Reply::Done) => {
                self.context.output.line(&Line::BotToken { bot: &bot, token: &code.to_string() })?;
            }
            (Asked::Bots, Reply::Bots(page)) => {
                for bot in &page.bots {
                    self.context.output.line(&Line::Bot(bot))?;
                }
                if page.bots.is_empty() || page.more {
                    self.context.output.remark(if page.more {
                        "there are more; udpchat-cli bot list lists all"
                    } else {
                        "you have no bots"
                    })?;
                }
            }
            (Asked::Waiting, Reply::Scheduled(post)) => self.context.output.line(&Line::Scheduled(&post))?,
            (Asked::Waiting, Reply::ScheduledPosts(page)) => showing::scheduled(&mut self.context.output, &page)?,
            (Asked::History, Reply::Page(page)) => self.show_page(&page)?,
            (Asked::Picked, Reply::Picked(page)) => showing::picked(&mut self.context.output, &page)?,
            (Asked::Marked { deed, post }, Reply::Stored(stored)) => {
                self.context.output.line(&Line::Marked { deed, post, stored: &stored })?;
            }
            (Asked::Look, reply) if !matches!(reply, Reply::Unsupported) => self.on_look(&reply)?,
            (_, Reply::Unsupported) => self.context.output.remark("the server does not know this request; it is older")?,
            _ => self.context.output.remark("the server gave an answer that does not belong to the question")?,
        }
        Ok(())
    }
}

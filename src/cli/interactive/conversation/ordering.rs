//! What a person orders that is no message: order kept in a room, messages for later.

use super::super::super::exit::Failure;
use super::super::super::line::Deed;
use super::super::bots::AboutBots;
use super::super::orders::Order;
use super::super::waiting::Waiting;
use super::{Asked, Talk};
use crate::client::EventLoop;
use crate::message::{Code, Request, Target};

impl Talk<'_> {
    pub(super) fn order(&mut self, order: Order) -> Result<(), Failure> {
        let room = match (&self.current, &order) {
            (Some(room), _) => room.target(),
            // Whom one hears, and who may use the server, is no matter of a room.
            (None, Order::Ignore(..) | Order::Account(..)) => Target::Own,
            (None, _) => return Ok(self.context.output.remark("there is no current room; /join #room first")?),
        };
        let deed = match &order {
            Order::Moderate(_, doing) => Deed::of(doing),
            Order::Change(_) | Order::Report(..) | Order::Ignore(..) | Order::Account(..) => Deed::Changed,
        };
        let is_about_hearing = matches!(order, Order::Ignore(..));
        let id = self.session.new_id();
        self.ask(&order.request(id, room), Asked::Order(deed));
        if is_about_hearing {
            self.ask(&Request::Ignored, Asked::Ignored);
        }
        Ok(())
    }

    pub(super) fn see_to_bots(&mut self, about: &AboutBots) {
        let code = Code::new(self.context.dice.array());
        let request = about.request(self.session.new_id(), &code);
        let asked = match about {
            AboutBots::Create { name, .. } => Asked::BotToken(name.as_str().to_owned(), code),
            AboutBots::List | AboutBots::Revoke { .. } => Asked::Bots,
        };
        self.ask(&request, asked);
    }

    pub(super) fn wait_with(&mut self, waiting: Waiting) -> Result<(), Failure> {
        let room = match (&self.current, &waiting) {
            (Some(room), _) => room.target(),
            (None, Waiting::Post { .. }) => {
                return Ok(self.context.output.remark("there is no current room; /join #room first")?);
            }
            (None, _) => Target::Own,
        };
        match waiting.request(self.session.new_id(), room, EventLoop::time_ms()) {
            Ok(request) => self.ask(&request, Asked::Waiting),
            Err(error) => self.context.output.remark(&error.to_string())?,
        }
        Ok(())
    }
}

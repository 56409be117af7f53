//! What the person says: text goes to the current room, commands become requests.

use super::super::super::args::{Conversation, Room};
use super::super::super::exit::Failure;
use super::super::super::line::{Deed, Line};
use super::super::slash::{self, Said};
use super::{Asked, ENTRY_COUNT, Talk};
use crate::client::{Draft, Recipient};
use crate::message::{
    CreateRoom, EditRequest, HistoryFrom, JoinRoom, MarkRequest, Password, PickRequest, Request, RoomChanges, RoomSearch,
    SearchRequest, Seq, Template, Text, Visibility,
};

/// How many messages `/search` shows.
const SEARCH_COUNT: u16 = 10;

impl Talk<'_> {
    pub(super) fn on_said(&mut self, said: Said) -> Result<(), Failure> {
        match said {
            Said::Text(text) => match self.current.clone() {
                Some(to) => self.post(&to, text, None)?,
                None => self.context.output.remark("there is no room to send this to; /join #room first")?,
            },
            Said::Message { to, text } => self.post(&to, text, None)?,
            Said::Reply { .. } | Said::Edit { .. } | Said::Mark { .. } | Said::Pick(_) => match self.current.clone() {
                Some(room) => self.on_said_about_message(&room, said)?,
                None => self.context.output.remark("there is no current room; /join #room first")?,
            },
            Said::Join { to, password } => self.join(to, password),
            Said::Create { room, password } => self.create(&room, password),
            Said::Leave(room) => match room.map(|room| Conversation::Room(room.0)).or_else(|| self.current.clone()) {
                Some(room @ Conversation::Room(_)) => {
                    let id = self.session.new_id();
                    let current = self.current.clone().filter(|current| *current != room);
                    self.go(&Request::LeaveRoom((id, room.target())), Deed::Left, current);
                }
                _ => self.context.output.remark("there is no room to leave; /leave #room")?,
            },
            Said::Rooms => self.ask(&Request::ListRooms(RoomSearch::default()), Asked::Rooms),
            Said::Who(room) => match room.or_else(|| self.current.clone()) {
                Some(room) => self.ask(&Request::Who((room.target(), 0)), Asked::Who),
                None => self.context.output.remark("which room? /who #room")?,
            },
            Said::WhoIs(user) => self.ask(&Request::WhoIs(user.0.as_str().to_owned()), Asked::WhoIs),
            Said::Devices => self.ask(&Request::Devices, Asked::Devices),
            Said::History(count) => match self.current.clone() {
                Some(room) => self.show_history(room.target(), HistoryFrom::Last, count),
                None => self.context.output.remark("there is no current room; /join #room first")?,
            },
            Said::Search(words) => {
                let search = SearchRequest { words, log: None, before: None, count: SEARCH_COUNT };
                self.ask(&Request::Search(search), Asked::Search);
            }
            Said::Order(order) => self.order(order)?,
            Said::Look(look) => self.look_at(&look)?,
            Said::Bots(about) => self.see_to_bots(&about),
            Said::Waiting(waiting) => self.wait_with(waiting)?,
            Said::Filing(filing) => self.on_filing(filing)?,
            Said::Away(away) => self.ask(&Request::SetAway(away), Asked::Away),
            Said::Typing(tells) => self.watching.tells_typing = tells,
            Said::Net => self.context.output.line(&Line::Net(&self.session.client().0.link_quality()?))?,
            Said::Help => self.context.output.put(&slash::help())?,
            Said::Quit => self.end(),
            Said::Wrong(why) => self.context.output.remark(&why)?,
        }
        Ok(())
    }

    fn on_said_about_message(&mut self, room: &Conversation, said: Said) -> Result<(), Failure> {
        let (id, log) = (self.session.new_id(), room.target());
        match said {
            Said::Reply { to, text } => self.post(room, text, Some(to))?,
            Said::Edit { seq, text } => {
                let asked = Asked::Marked { deed: Deed::Edited, post: seq };
                self.ask(&Request::Edit(EditRequest { id, log, seq, text }), asked);
            }
            Said::Mark { seq, mark } => {
                let asked = Asked::Marked { deed: Deed::of_mark(&mark), post: seq };
                self.ask(&Request::Mark(MarkRequest { id, log, seq, mark }), asked);
            }
            Said::Pick(kind) => self.ask(&Request::Pick(PickRequest { log, kind, after: Seq(0) }), Asked::Picked),
            _ => unreachable!("only what is said about messages comes here"),
        }
        Ok(())
    }

    fn join(&mut self, to: Conversation, password: Option<String>) {
        match &to {
            Conversation::Room(name) => {
                let id = self.session.new_id();
                let password = password.map(Password::new);
                let request = Request::JoinRoom(JoinRoom { id, name: name.to_string(), password });
                self.go(&request, Deed::Joined, Some(to));
            }
            Conversation::User(_) => {
                self.show_history(to.target(), HistoryFrom::Last, ENTRY_COUNT);
                self.current = Some(to);
            }
        }
    }

    fn create(&mut self, room: &Room, password: Option<String>) {
        let id = self.session.new_id();
        let password = password.map(Password::new);
        let name = room.0.to_string();
        let request = Request::CreateRoom(CreateRoom {
            id,
            name,
            password,
            visibility: Visibility::Public,
            template: Template::Plain,
            changes: RoomChanges::default(),
        });
        self.go(&request, Deed::Created, Some(Conversation::Room(room.0.clone())));
    }

    /// Asks for what makes `current` the current room: what is typed next is meant for it.
    fn go(&mut self, request: &Request, deed: Deed, current: Option<Conversation>) {
        let before = std::mem::replace(&mut self.current, current.clone());
        self.ask(request, Asked::Did { deed, current, before });
    }

    fn post(&mut self, to: &Conversation, text: String, reply_to: Option<Seq>) -> Result<(), Failure> {
        let text = match Text::parse(text) {
            Ok(text) => text,
            Err(error) => return Ok(self.context.output.remark(&error.to_string())?),
        };
        let draft = Draft { id: self.session.new_id(), to: Recipient::new(&to.target()), text, reply_to, payload: None };
        let (client, now) = self.session.client();
        client.stop_typing();
        client.post(now, &[draft])?;
        Ok(())
    }
}

//! The conversation's loop: lines in, requests out, events shown.

mod answers;
mod files;
mod looking;
mod ordering;

use std::collections::{BTreeMap, VecDeque};
use std::io::IsTerminal;

use super::super::args::{Conversation, Room};
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::human;
use super::super::line::{Deed, Line, LinkState};
use super::super::lines::{InputLine, Lines};
use super::super::output::Output;
use super::super::session::{Happening, Session, refused_of_others};
use super::showing;
use super::slash::{self, Said};
use super::ticks::Ticks;
use super::typing::Typing;
use super::watching::Watching;
use crate::client::{ClientEvent, Cursors, Draft, Followed, Recipient, Rooms, RoomsNote, Tag};
use crate::message::{
    Code, CreateRoom, EditRequest, EventBody, EventPage, HistoryFrom, HistoryRequest, JoinRoom, LogId, MarkRequest, Password,
    PickRequest, Receipt, Request, RoomChanges, RoomSearch, SearchRequest, Seq, Target, Template, Text, Visibility,
};
use files::{Fetches, Sending};

/// The name of this program's cursors.
const READER: &str = "screen";

/// How many events are shown of a room that becomes the current one.
const ENTRY_COUNT: u16 = 10;

/// How many messages `/search` shows.
const SEARCH_COUNT: u16 = 10;

/// What a request was for.
#[derive(Debug)]
enum Asked {
    /// It made `current` the current room; if it is refused, `before` is that again.
    Did {
        deed: Deed,
        current: Option<Conversation>,
        before: Option<Conversation>,
    },
    /// It did something about a message.
    Marked {
        deed: Deed,
        post: Seq,
    },
    Rooms,
    Who,
    WhoIs,
    Devices,
    History,
    Search,
    /// Something was ordered.
    Order(Deed),
    Ignored,
    Look,
    Away,
    Picked,
    /// One's bots are listed, or one was revoked.
    Bots,
    /// A bot of this name was made, with this token.
    BotToken(String, Code),
    /// A message for later was kept or canceled, or all of them listed.
    Waiting,
    /// How far a message has come; whether it is asked for the first time.
    Receipt {
        is_first: bool,
    },
    /// A piece of the file with this number among those that were fetched.
    Piece(u64),
    /// The message of a file that was sent.
    PostedFile,
    /// There is nothing to say about the answer.
    Nothing,
}

struct Talk<'a> {
    context: &'a mut Context,
    session: Session,
    rooms: Rooms,
    current: Option<Conversation>,
    /// A room that is new to the user, until it is followed.
    entering: Option<LogId>,
    asked: BTreeMap<Tag, Asked>,
    typing: Option<Typing>,
    watching: Watching,
    ticks: Ticks,
    /// Files to be sent, in turn.
    outgoing: VecDeque<Sending>,
    /// Files to be fetched, in turn.
    incoming: Fetches,
    has_ended: bool,
}

/// Talks until the person quits or input ends.
///
/// # Errors
/// As commands do: the server is not reached at the start, the device is signed out, the terminal fails.
pub fn run(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::start(context)?;
    session.leave_refusals_to_caller();
    let cursors = Cursors::open(&session.profile().database_path()?)?;
    let mut talk = Talk {
        context,
        session,
        rooms: Rooms::new(READER, cursors),
        current: None,
        entering: None,
        asked: BTreeMap::new(),
        typing: None,
        watching: Watching::default(),
        ticks: Ticks::default(),
        outgoing: VecDeque::new(),
        incoming: Fetches::default(),
        has_ended: false,
    };
    talk.connect()?;
    let lines = talk.take_input()?;
    match talk.run(&lines) {
        // What is unsent is more than somebody who reads no further may want to know.
        Err(Failure::ReaderGone) => talk.session.unsent().map_or(Ok(()), |unsent| Err(Failure::new(Exit::Unreached, unsent)))?,
        ended => ended?,
    }
    talk.typing = None;
    talk.session.finish();
    Ok(())
}

impl Talk<'_> {
    /// Waits for the first greeting: a question about the server's key comes before anything is typed.
    fn connect(&mut self) -> Result<(), Failure> {
        let mut is_online = false;
        while !is_online {
            if let Happening::Event(event) = self.session.next()? {
                is_online = matches!(*event, ClientEvent::Online { .. });
                self.on_event(*event)?;
            }
        }
        self.session.be_calm();
        self.ask(&Request::Ignored, Asked::Ignored);
        Ok(())
    }

    fn take_input(&mut self) -> Result<Lines, Failure> {
        let waker = self.session.waker();
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            return Ok(Lines::of_stdin(waker)?);
        }
        let (typing, lines, printer) = Typing::start(waker)?;
        if !self.context.output.is_json() {
            self.context.output = Output::above(printer);
        }
        self.context.output.put("/help shows the commands; /join #room to begin")?;
        self.typing = Some(typing);
        self.prompt();
        Ok(lines)
    }

    fn prompt(&self) {
        if let Some(typing) = &self.typing {
            let room = self.current.as_ref().map(ToString::to_string).unwrap_or_default();
            typing.next(format!("{room}> "));
        }
    }

    fn run(&mut self, lines: &Lines) -> Result<(), Failure> {
        loop {
            while !self.has_ended
                && let Some(line) = lines.next_if_there()
            {
                self.on_input(line)?;
            }
            let is_idle =
                self.asked.is_empty() && self.outgoing.is_empty() && self.incoming.is_empty() && self.entering.is_none();
            if self.has_ended && is_idle && self.session.client().0.is_idle() {
                return Ok(());
            }
            self.look();
            if self.has_ended && self.works_aside() {
                self.session.be_calm();
            }
            match self.session.next()? {
                Happening::Event(event) => self.on_event(*event)?,
                Happening::Woken => self.on_woken()?,
                Happening::TimeIsUp => return Ok(()),
            }
        }
    }

    /// What is before the person's eyes is in view; what the person types there, others may see.
    fn look(&mut self) {
        let log = self.current.as_ref().and_then(|current| {
            let is_current = |name: &str| name.parse().is_ok_and(|name: Conversation| name.skeleton() == current.skeleton());
            self.rooms.logs().find(|(_, name)| is_current(name)).map(|(log, _)| log)
        });
        let has_typed = self.typing.as_ref().is_some_and(Typing::take_typed);
        let (client, now) = self.session.client();
        client.set_in_view(now, log.into_iter().collect());
        if let Some(log) = log.filter(|_| has_typed && self.watching.tells_typing) {
            client.tell_typing(now, log);
        }
    }

    fn on_input(&mut self, line: InputLine) -> Result<(), Failure> {
        match line {
            InputLine::Line { text: Some(text), .. } if text.trim().is_empty() => {}
            InputLine::Line { text: Some(text), .. } => self.on_said(slash::read(&text))?,
            InputLine::Line { number, text: None } => {
                self.context.output.remark(&format!("line {number} is not UTF-8 text or far too long"))?;
            }
            InputLine::End => self.end(),
            InputLine::Interrupted => return Err(Failure::Silent(Exit::Interrupted)),
            InputLine::Failed(error) => return Err(error.into()),
        }
        if !self.has_ended {
            self.prompt();
        }
        Ok(())
    }

    /// No more input: what was asked and written is waited for, as patiently as commands do.
    fn end(&mut self) {
        self.has_ended = true;
        self.session.be_patient();
        let (client, now) = self.session.client();
        client.finish_marks(now);
    }

    fn on_said(&mut self, said: Said) -> Result<(), Failure> {
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

    fn ask(&mut self, request: &Request, asked: Asked) {
        let (client, now) = self.session.client();
        let tag = client.request(now, request);
        self.asked.insert(tag, asked);
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

    fn show_history(&mut self, log: Target, from: HistoryFrom, count: u16) {
        self.ask(&Request::History(HistoryRequest { log, from, count }), Asked::History);
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

    fn on_event(&mut self, event: ClientEvent) -> Result<(), Failure> {
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

    fn on_receipt(&mut self, receipt: &Receipt, is_first: bool) -> Result<(), Failure> {
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
    fn show_page(&mut self, page: &EventPage) -> Result<(), Failure> {
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

    fn place(&self) -> String {
        self.current.as_ref().map_or_else(|| "no room".to_owned(), ToString::to_string)
    }
}

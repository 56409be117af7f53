//! The conversation's loop: lines in, requests out, events shown. What each of them means is in the files beside.

mod answers;
mod events;
mod files;
mod looking;
mod ordering;
mod sayings;

use std::collections::{BTreeMap, VecDeque};
use std::io::IsTerminal;

use super::super::args::Conversation;
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::line::Deed;
use super::super::lines::{InputLine, Lines};
use super::super::output::Output;
use super::super::session::{Happening, Session};
use super::slash;
use super::ticks::Ticks;
use super::typing::Typing;
use super::watching::Watching;
use crate::client::{ClientEvent, Cursors, Rooms, Tag};
use crate::message::{Code, HistoryFrom, HistoryRequest, LogId, Request, Seq, Target};
use files::{Fetches, Sending};

/// The name of this program's cursors.
const READER: &str = "screen";

/// How many events are shown of a room that becomes the current one.
const ENTRY_COUNT: u16 = 10;

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
                self.context.output.remark(&format!("line {number} is not UTF-8 text, or longer than 65,536 bytes"))?;
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

    fn ask(&mut self, request: &Request, asked: Asked) {
        let (client, now) = self.session.client();
        let tag = client.request(now, request);
        self.asked.insert(tag, asked);
    }

    fn show_history(&mut self, log: Target, from: HistoryFrom, count: u16) {
        self.ask(&Request::History(HistoryRequest { log, from, count }), Asked::History);
    }

    fn place(&self) -> String {
        self.current.as_ref().map_or_else(|| "no room".to_owned(), ToString::to_string)
    }
}

//! send: messages go through the outbox, so that a message that was accepted is never lost, and never stored twice.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use super::super::args::{Conversation, Send};
use super::super::context::Context;
use super::super::exit::{Exit, Failure, exit_of};
use super::super::human::printable;
use super::super::line::Line;
use super::super::lines::{InputLine, Lines};
use super::super::session::{Happening, Session};
use crate::client::{ClientEvent, Draft, Place, PostOutcome, Recipient};
use crate::message::{RequestId, Text};

/// Longest text that is read from standard input; above that it is refused in any case.
const INPUT_LEN_MAX: u64 = 1 << 20;

/// Most lines that wait in the outbox before more are read.
const WAITING_COUNT_MAX: usize = 2_048;

/// Most lines that enter the outbox together, with one sync of the disk.
const CHUNK_COUNT_MAX: usize = 256;

/// When the server is not reached: how long to wait for one more line to keep.
const LAST_LINES_DELAY: Duration = Duration::from_millis(100);

pub(super) fn run(context: &mut Context, args: Send) -> Result<(), Failure> {
    let is_stdin = args.text == ["-"];
    if args.lines && !is_stdin {
        return Err(Failure::new(Exit::Usage, "--lines goes with -, which reads the messages from standard input"));
    }
    if args.stream && !is_stdin {
        return Err(Failure::new(Exit::Usage, "--stream goes with -, which reads the message from standard input"));
    }
    if args.stream {
        return super::streaming::run(context, &args.to, args.id.as_deref());
    }
    if args.lines {
        return Sending::start(context, args.to, args.id)?.run_lines();
    }
    let text = if is_stdin { all_of_stdin()? } else { args.text.join(" ") };
    let text = Text::parse(text)?;
    let mut sending = Sending::start(context, args.to, args.id)?;
    sending.append(vec![text])?;
    sending.run_to_end()
}

/// Standard input as one message: without the newline that ends its last line.
fn all_of_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(INPUT_LEN_MAX).read_to_end(&mut bytes)?;
    let mut text = String::from_utf8(bytes).map_err(|_| Failure::new(Exit::Refused, "standard input is not UTF-8 text"))?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text.replace("\r\n", "\n"))
}

/// Messages on their way.
struct Sending<'a> {
    context: &'a mut Context,
    session: Session,
    to: Conversation,
    key: Option<String>,
    keyed_count: u64,
    lines: bool,
    waiting: BTreeMap<Place, RequestId>,
    /// The worst that happened to one message does not stop the others.
    worst: Option<Failure>,
    reader: Reader,
}

/// Whoever reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Reads,
    Gone,
}

impl<'a> Sending<'a> {
    fn start(context: &'a mut Context, to: Conversation, key: Option<String>) -> Result<Self, Failure> {
        let session = Session::start(context)?;
        Ok(Self {
            context,
            session,
            to,
            key,
            keyed_count: 0,
            lines: false,
            waiting: BTreeMap::new(),
            worst: None,
            reader: Reader::Reads,
        })
    }

    /// Keeps messages before anything is sent: from here on they are not lost.
    fn append(&mut self, texts: Vec<Text>) -> Result<(), Failure> {
        if texts.is_empty() {
            return Ok(());
        }
        let to = Recipient::new(&self.to.target());
        let mut drafts = Vec::with_capacity(texts.len());
        for text in texts {
            drafts.push(Draft { id: self.id(), to: to.clone(), text });
        }
        let was_idle = self.waiting.is_empty();
        let (client, now) = self.session.client();
        let places = client.post(now, &drafts)?;
        self.waiting.extend(places.into_iter().zip(drafts.into_iter().map(|draft| draft.id)));
        if was_idle {
            self.session.be_patient();
        }
        Ok(())
    }

    fn id(&mut self) -> RequestId {
        let Some(key) = &self.key else { return self.session.new_id() };
        self.keyed_count += 1;
        let room = self.to.skeleton();
        if self.lines {
            RequestId::for_key(&room, &format!("{key}/{}", self.keyed_count))
        } else {
            RequestId::for_key(&room, key)
        }
    }

    fn run_to_end(mut self) -> Result<(), Failure> {
        while !self.waiting.is_empty() {
            let happening = self.session.next()?;
            self.on_happening(happening)?;
        }
        self.finish()
    }

    fn run_lines(mut self) -> Result<(), Failure> {
        self.lines = true;
        let lines = Lines::of_stdin(self.session.waker())?;
        let mut has_ended = false;
        while !has_ended || !self.waiting.is_empty() {
            if !has_ended && self.waiting.len() < WAITING_COUNT_MAX {
                has_ended = self.take_lines(&lines)?;
                if has_ended && self.waiting.is_empty() {
                    break;
                }
            }
            if self.waiting.is_empty() {
                self.session.be_calm();
            }
            match self.session.next() {
                Ok(Happening::TimeIsUp) => break,
                Ok(happening) => self.on_happening(happening)?,
                Err(failure) => {
                    self.keep_last_lines(&lines)?;
                    return Err(failure);
                }
            }
        }
        self.finish()
    }

    /// Takes the lines that are there; whether the last one is among them.
    fn take_lines(&mut self, lines: &Lines) -> Result<bool, Failure> {
        let mut texts = Vec::new();
        let mut has_ended = false;
        while texts.len() < CHUNK_COUNT_MAX && !has_ended {
            let Some(line) = lines.next_if_there() else { break };
            has_ended = self.take_line(line, &mut texts)?;
        }
        let is_full = texts.len() == CHUNK_COUNT_MAX;
        self.append(texts)?;
        if is_full && self.waiting.len() < WAITING_COUNT_MAX {
            return self.take_lines(lines);
        }
        Ok(has_ended)
    }

    fn take_line(&mut self, line: InputLine, texts: &mut Vec<Text>) -> Result<bool, Failure> {
        match line {
            InputLine::Line { number, text } => match text.map(Text::parse) {
                Some(Ok(text)) => texts.push(text),
                Some(Err(error)) => self.note(Failure::new(Exit::Refused, format!("line {number}: {error}")))?,
                None => self.note(Failure::new(Exit::Refused, format!("line {number} is not UTF-8 text or far too long")))?,
            },
            InputLine::End | InputLine::Interrupted => return Ok(true),
            InputLine::Failed(error) => {
                self.note(error.into())?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The server was not reached: lines that were read already are kept all the same.
    fn keep_last_lines(&mut self, lines: &Lines) -> Result<(), Failure> {
        let mut texts = Vec::new();
        while let Some(line) = lines.next_within(LAST_LINES_DELAY) {
            if self.take_line(line, &mut texts)? {
                break;
            }
        }
        self.append(texts)
    }

    fn on_happening(&mut self, happening: Happening) -> Result<(), Failure> {
        let Happening::Event(event) = happening else { return Ok(()) };
        match *event {
            ClientEvent::Posted { place, own: true, outcome } => self.on_outcome(place, outcome),
            // It stays in the outbox. Waiting is for the next command: scripts want to know.
            ClientEvent::PostsHalted(refusal) => {
                let sentence = format!("{}; what is unsent stays in the outbox", refusal.sentence);
                Err(Failure::new(exit_of(refusal.class), sentence))
            }
            _ => Ok(()),
        }
    }

    fn on_outcome(&mut self, place: Place, outcome: PostOutcome) -> Result<(), Failure> {
        let Some(id) = self.waiting.remove(&place) else { return Ok(()) };
        match outcome {
            Ok(stored) => self.print(&Line::Sent { stored: &stored, id }),
            Err(refusal) => self.note(refusal.into()),
        }
    }

    /// That nobody reads any more is no reason to leave messages unsent.
    fn print(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        if self.reader == Reader::Gone {
            return Ok(());
        }
        match self.context.output.line(line) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.reader = Reader::Gone;
                Ok(())
            }
            printed => Ok(printed?),
        }
    }

    /// One message of several fails: it is said at once, and the first one's status is the command's.
    fn note(&mut self, failure: Failure) -> Result<(), Failure> {
        if !self.lines {
            return Err(failure);
        }
        if let Some(sentence) = failure.sentence() {
            self.context.output.remark(&printable(sentence))?;
        }
        if let (None, Failure::Told(exit, _) | Failure::Silent(exit)) = (&self.worst, &failure) {
            self.worst = Some(Failure::Silent(*exit));
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        self.session.finish();
        self.worst.map_or(Ok(()), Err)
    }
}

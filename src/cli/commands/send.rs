//! send: messages go through the outbox, so that a message that was accepted is never lost, and never stored twice.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use super::super::args::{Conversation, Send};
use super::super::context::Context;
use super::super::exit::{Exit, Failure, exit_of};
use super::super::human::printable;
use super::super::line::{Level, Line};
use super::super::lines::{InputLine, Lines};
use super::super::session::{Happening, Session, accepted, unexpected};
use super::scheduled::{Later, schedule};
use crate::client::{ClientEvent, Draft, Place, PostOutcome, Recipient, Tag};
use crate::message::{Payload, Receipt, Reply, Request, RequestId, Seq, Stored, TEXT_LEN_MAX, Target, Text};

/// Longest text that is read from standard input; above that it is refused in any case.
const INPUT_LEN_MAX: u64 = 1 << 20;

/// Most lines that wait in the outbox before more are read.
const WAITING_COUNT_MAX: usize = 2_048;

/// Most lines that enter the outbox together, with one sync of the disk.
const CHUNK_COUNT_MAX: usize = 256;

/// When the server is not reached: how long to wait for one more line to keep.
const LAST_LINES_DELAY: Duration = Duration::from_millis(100);

pub(super) fn run(context: &mut Context, args: Send) -> Result<(), Failure> {
    if args.lines && args.text != ["-"] {
        return Err(Failure::new(Exit::Usage, "--lines goes with -, which reads the messages from standard input"));
    }
    if args.stream && args.text != ["-"] {
        return Err(Failure::new(Exit::Usage, "--stream goes with -, which reads the message from standard input"));
    }
    if args.stream {
        return super::streaming::run(context, &args.to, args.id.as_deref());
    }
    let payload = args.payload_kind.zip(args.payload).map(|(kind, json)| Payload { kind, json });
    if let Some(payload) = &payload {
        payload.check().map_err(|error| Failure::new(Exit::Refused, error))?;
    }
    if let Some(at) = args.at.or(args.after) {
        let (text, reply_to) = (text_of(&args.text)?, args.reply_to.map(Seq));
        return schedule(context, Later { to: args.to, key: args.id, text, reply_to, payload, at });
    }
    let pattern = Pattern { to: args.to, key: args.id, wait: args.wait, reply_to: args.reply_to.map(Seq), payload };
    if args.lines {
        return Sending::start(context, pattern)?.run_lines();
    }
    let text = text_of(&args.text)?;
    let mut sending = Sending::start(context, pattern)?;
    sending.append(vec![text])?;
    sending.run_to_end()
}

/// The text that these words of the command line give: themselves, or standard input.
pub(super) fn text_of(words: &[String]) -> Result<Text, Failure> {
    Ok(Text::parse(if words == ["-"] { all_of_stdin()? } else { words.join(" ") })?)
}

/// What all messages of a command have in common.
struct Pattern {
    to: Conversation,
    key: Option<String>,
    wait: Level,
    reply_to: Option<Seq>,
    payload: Option<Payload>,
}

/// Standard input as one message: without the newline that ends its last line.
fn all_of_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(INPUT_LEN_MAX).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len == INPUT_LEN_MAX) {
        let sentence = format!("standard input is far too long for a message, which has at most {TEXT_LEN_MAX} bytes");
        return Err(Failure::new(Exit::Refused, sentence));
    }
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
    pattern: Pattern,
    keyed_count: u64,
    lines: bool,
    waiting: BTreeMap<Place, RequestId>,
    /// Stored, and on the way to the level that is waited for.
    wish: Option<Wish>,
    /// The worst that happened to one message does not stop the others.
    worst: Option<Failure>,
    reader: Reader,
}

/// A stored message that is waited for.
struct Wish {
    stored: Stored,
    id: RequestId,
    asked: Tag,
    /// What the server said last.
    receipt: Option<Receipt>,
}

/// Whoever reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Reads,
    Gone,
}

impl<'a> Sending<'a> {
    fn start(context: &'a mut Context, pattern: Pattern) -> Result<Self, Failure> {
        let session = Session::start(context)?;
        Ok(Self {
            context,
            session,
            pattern,
            keyed_count: 0,
            lines: false,
            waiting: BTreeMap::new(),
            wish: None,
            worst: None,
            reader: Reader::Reads,
        })
    }

    /// Keeps messages before anything is sent: from here on they are not lost.
    fn append(&mut self, texts: Vec<Text>) -> Result<(), Failure> {
        if texts.is_empty() {
            return Ok(());
        }
        let to = Recipient::new(&self.pattern.to.target());
        let mut drafts = Vec::with_capacity(texts.len());
        for text in texts {
            let (reply_to, payload) = (self.pattern.reply_to, self.pattern.payload.clone());
            drafts.push(Draft { id: self.id(), to: to.clone(), text, reply_to, payload });
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
        let Some(key) = &self.pattern.key else { return self.session.new_id() };
        self.keyed_count += 1;
        let room = self.pattern.to.skeleton();
        if self.lines {
            RequestId::for_key(&room, &format!("{key}/{}", self.keyed_count))
        } else {
            RequestId::for_key(&room, key)
        }
    }

    fn run_to_end(mut self) -> Result<(), Failure> {
        while !self.waiting.is_empty() || self.wish.is_some() {
            match (self.session.next(), &self.wish) {
                (Ok(happening), _) => self.on_happening(happening)?,
                // It is stored all the same.
                (Err(failure), Some(_)) if failure.status() == Exit::Unreached as u8 => return self.give_up_wish(),
                (Err(failure), _) => return Err(failure),
            }
        }
        self.finish()
    }

    /// The message is stored; asks how far it has come.
    fn wish(&mut self, stored: Stored, id: RequestId) {
        let asked = self.session.request(&Request::Receipts((Target::Log(stored.log), stored.seq)));
        self.wish = Some(Wish { stored, id, asked, receipt: None });
    }

    fn on_receipt(&mut self, receipt: Receipt) -> Result<(), Failure> {
        let level = self.pattern.wait;
        match &mut self.wish {
            Some(wish) if (wish.stored.log, wish.stored.seq) == (receipt.log, receipt.seq) => wish.receipt = Some(receipt),
            _ => return Ok(()),
        }
        if !level.is_reached(&receipt) {
            return Ok(());
        }
        let Some(Wish { stored, id, .. }) = self.wish.take() else { return Ok(()) };
        self.print(&Line::Sent { stored: &stored, id, level })
    }

    /// Time is up: the message is stored, and that is said.
    fn give_up_wish(mut self) -> Result<(), Failure> {
        let Some(Wish { stored, id, receipt, .. }) = self.wish.take() else { return Ok(()) };
        self.print(&Line::Sent { stored: &stored, id, level: Level::Stored })?;
        let so_far = match (receipt, self.pattern.wait) {
            (Some(of), Level::Delivered) => format!("delivered to {} of {} devices", of.delivered_count, of.device_count),
            (Some(of), _) => format!("read by {} of {}", of.read_count, of.reader_count),
            (None, _) => "the server has not said who has it".to_owned(),
        };
        Err(Failure::new(Exit::LevelMissed, format!("stored as {} {}; {so_far} in time", stored.room, stored.seq)))
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
                None => self
                    .note(Failure::new(Exit::Refused, format!("line {number} is not UTF-8 text, or longer than 65,536 bytes")))?,
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
            ClientEvent::Receipt(receipt) => self.on_receipt(receipt),
            ClientEvent::Reply { tag, reply } if self.wish.as_ref().is_some_and(|wish| wish.asked == tag) => match reply {
                Reply::Receipt(receipt) => self.on_receipt(receipt),
                reply => self.on_no_receipt(reply),
            },
            // The server tells receipts to the connection that asked for them.
            ClientEvent::Online { .. } => {
                if let Some(Wish { stored, id, .. }) = self.wish.take() {
                    self.wish(stored, id);
                }
                Ok(())
            }
            // It stays in the outbox. Waiting is for the next command: scripts want to know.
            ClientEvent::PostsHalted(refusal) => {
                let sentence = format!("{}; what is unsent stays in the outbox", refusal.sentence);
                Err(Failure::new(exit_of(refusal.class), sentence))
            }
            _ => Ok(()),
        }
    }

    /// The server will not say how far the message has come: it is stored, and no more is known.
    fn on_no_receipt(&mut self, reply: Reply) -> Result<(), Failure> {
        let Some(Wish { stored, id, .. }) = self.wish.take() else { return Ok(()) };
        self.print(&Line::Sent { stored: &stored, id, level: Level::Stored })?;
        let why = match accepted(reply) {
            Err(failure) => failure.sentence().unwrap_or_default().to_owned(),
            Ok(_) => unexpected().sentence().unwrap_or_default().to_owned(),
        };
        Err(Failure::new(Exit::LevelMissed, format!("stored as {} {}; {why}", stored.room, stored.seq)))
    }

    fn on_outcome(&mut self, place: Place, outcome: PostOutcome) -> Result<(), Failure> {
        let Some(id) = self.waiting.remove(&place) else { return Ok(()) };
        match outcome {
            Ok(stored) if self.pattern.wait == Level::Stored => {
                self.print(&Line::Sent { stored: &stored, id, level: Level::Stored })
            }
            Ok(stored) => {
                self.wish(stored, id);
                Ok(())
            }
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

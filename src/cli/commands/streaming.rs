//! send --stream: a message is shown while it is being written, and stored once, at its end.

use super::super::args::Conversation;
use super::super::chunks::{Chunk, Chunks};
use super::super::context::Context;
use super::super::exit::{Exit, Failure, exit_of};
use super::super::line::{Level, Line};
use super::super::session::{Happening, Session};
use super::latest::follow;
use crate::client::{ClientEvent, Draft, Place, Recipient};
use crate::message::{LogId, RequestId, Text, VALUE_LEN_MAX, draft_key};

/// Longest text that is read from standard input; above that it is refused in any case.
const INPUT_LEN_MAX: usize = 1 << 20;

pub(super) fn run(context: &mut Context, to: &Conversation, key: Option<&str>) -> Result<(), Failure> {
    let mut session = Session::start(context)?;
    let id = key.map_or_else(|| session.new_id(), |key| RequestId::for_key(&to.skeleton(), key));
    let chunks = Chunks::of_stdin(session.waker())?;
    let mut written = Vec::new();
    let shown = show_all(&mut session, to, id, &chunks, &mut written);
    if shown.is_err() {
        // What comes is kept all the same, and goes with the next command.
        while !take(chunks.next(), &mut written)? {}
    }
    let text = String::from_utf8(written).map_err(|_| Failure::new(Exit::Refused, "standard input is not UTF-8 text"))?;
    let text = Text::parse(text.strip_suffix('\n').unwrap_or(&text).replace("\r\n", "\n"))?;
    let (client, now) = session.client();
    let draft = Draft { id, to: Recipient::new(&to.target()), text, reply_to: None, payload: None };
    let places = client.post(now, &[draft])?;
    let log = shown?;
    session.be_patient();
    finish(context, session, log, id, &places)
}

/// Shows what is there of the text while it comes, until its end; in which log.
fn show_all(
    session: &mut Session,
    to: &Conversation,
    id: RequestId,
    chunks: &Chunks,
    written: &mut Vec<u8>,
) -> Result<LogId, Failure> {
    let log = follow(session, to)?;
    let key = draft_key(id);
    session.be_calm();
    loop {
        let before_len = written.len();
        let mut has_ended = false;
        while let Some(chunk) = chunks.next_if_there() {
            has_ended = take(Some(chunk), written)?;
        }
        if has_ended {
            return Ok(log);
        }
        if written.len() > before_len {
            let (client, now) = session.client();
            client.set_latest(now, log, &key, tail(written, VALUE_LEN_MAX - key.len()));
        }
        if let Happening::TimeIsUp = session.next()? {
            return Err(Failure::new(Exit::Unreached, "time was up before the text was; it goes with the next command"));
        }
    }
}

/// Takes a piece in; whether it was the last.
fn take(chunk: Option<Chunk>, written: &mut Vec<u8>) -> Result<bool, Failure> {
    match chunk {
        Some(Chunk::Bytes(bytes)) if written.len() + bytes.len() > INPUT_LEN_MAX => {
            Err(Failure::new(Exit::Refused, "standard input is far too long for a message"))
        }
        Some(Chunk::Bytes(bytes)) => {
            written.extend(bytes);
            Ok(false)
        }
        Some(Chunk::End) | None => Ok(true),
        Some(Chunk::Failed(error)) => Err(error.into()),
    }
}

/// The last characters that are whole and fit.
fn tail(written: &[u8], len_max: usize) -> String {
    let text = written.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let from = text.ceil_char_boundary(text.len().saturating_sub(len_max));
    text.get(from..).unwrap_or_default().to_owned()
}

/// Waits until the text is stored, and takes the preview away.
fn finish(context: &mut Context, mut session: Session, log: LogId, id: RequestId, places: &[Place]) -> Result<(), Failure> {
    loop {
        let Happening::Event(event) = session.next()? else { continue };
        match *event {
            ClientEvent::Posted { place, own: true, outcome } if places.contains(&place) => {
                let (client, now) = session.client();
                client.set_latest(now, log, &draft_key(id), String::new());
                context.output.line(&Line::Sent { stored: &outcome?, id, level: Level::Stored })?;
                session.finish();
                return Ok(());
            }
            ClientEvent::PostsHalted(refusal) => {
                let sentence = format!("{}; what is unsent stays in the outbox", refusal.sentence);
                return Err(Failure::new(exit_of(refusal.class), sentence));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_ends_with_the_last_whole_character_and_begins_with_one() {
        assert_eq!(tail("hello".as_bytes(), 10), "hello");
        assert_eq!(tail("hello 你好".as_bytes(), 5), "好");
        assert_eq!(tail(&"hello 你好".as_bytes()[..8], 100), "hello ");
    }
}

//! send --file and get: files go and come in pieces, and go on where they were when they are asked for again.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::args::{Get, Send};
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::incoming::{Destination, Existing, Incoming, Progress};
use super::super::line::{Level, Line};
use super::super::outgoing::Outgoing;
use super::super::session::{Happening, Session, accepted, unexpected};
use crate::client::{ClientEvent, UploadState};
use crate::message::{PostFile, RefusalCode, Reply, Request, RequestId, Seq, Text};

/// Sends a file, then the message that has it; without a text, the file's name is the text.
pub(super) fn send(context: &mut Context, args: &Send, path: &Path) -> Result<(), Failure> {
    if args.text == ["-"] {
        return Err(Failure::new(Exit::Usage, "a file is sent with a text from the command line, or with none"));
    }
    let mut outgoing = Outgoing::open(path)?;
    let file = outgoing.file().clone();
    let text = Text::parse(if args.text.is_empty() { file.name.clone() } else { args.text.join(" ") })?;
    let mut session = Session::open(context)?;
    let id = match &args.id {
        Some(key) => RequestId::for_key(&args.to.skeleton(), key),
        None => session.new_id(),
    };
    let post = Request::PostFile(PostFile { id, to: args.to.target(), text: text.as_str().to_owned(), file });
    // Asked first, before a long file goes for nothing: an earlier try with the same key may have stored the message, and
    // whoever may not write here learns it now.
    let reply = match session.ask_plainly(&post)? {
        Reply::Refused(refusal) if refusal.code() == RefusalCode::FileMissing => {
            upload(&mut session, &mut outgoing)?;
            session.ask(&post)?
        }
        other => accepted(other)?,
    };
    let Reply::Stored(stored) = reply else { return Err(unexpected()) };
    context.output.line(&Line::Sent { stored: &stored, id, level: Level::Stored })?;
    session.finish();
    Ok(())
}

/// Sends what the server lacks of the file.
fn upload(session: &mut Session, outgoing: &mut Outgoing) -> Result<(), Failure> {
    let (client, now) = session.client();
    outgoing.begin(client, now);
    session.be_patient();
    loop {
        let Happening::Event(event) = session.next()? else { continue };
        let (client, now) = session.client();
        match outgoing.handle_event(client, now, &event)? {
            UploadState::Going => {}
            UploadState::Whole => return Ok(()),
            UploadState::Refused(refusal) => return Err(refusal.into()),
        }
    }
}

/// Fetches the file of a message.
pub(super) fn get(context: &mut Context, args: &Get) -> Result<(), Failure> {
    let destination = match &args.output {
        Some(path) if path.as_os_str() == "-" => Destination::Stdout,
        Some(path) => Destination::Path(path.clone()),
        None => Destination::OwnName,
    };
    let existing = if args.force { Existing::GivesWay } else { Existing::Stays };
    let mut session = Session::open(context)?;
    let mut incoming = Incoming::new(args.room.target(), Seq(args.seq), destination, existing);
    fetch(&mut session, &mut incoming)?;
    let (file, path) = incoming.finish()?;
    if let Some(path) = path {
        context.output.line(&Line::Fetched { file: &file, path: &path.display().to_string() })?;
    }
    session.finish();
    Ok(())
}

/// Fetches all of a file.
fn fetch(session: &mut Session, incoming: &mut Incoming) -> Result<(), Failure> {
    let mut asked = BTreeSet::new();
    loop {
        while let Some(wanted) = incoming.wanted() {
            asked.insert(session.request(&Request::ReadFile(wanted)));
        }
        let Happening::Event(event) = session.next()? else { continue };
        let ClientEvent::Reply { tag, reply } = *event else { continue };
        if !asked.remove(&tag) {
            continue;
        }
        let Reply::FilePiece(piece) = accepted(reply)? else { return Err(unexpected()) };
        if incoming.take(piece)? == Progress::Whole {
            return Ok(());
        }
    }
}

//! latest: values that are told at once and never stored.

use super::super::args::{Conversation, Latest};
use super::super::context::Context;
use super::super::exit::{Exit, Failure};
use super::super::line::{Line, LinkState};
use super::super::lines::{InputLine, Lines};
use super::super::session::{Happening, Session, accepted, unexpected};
use crate::client::ClientEvent;
use crate::message::{FollowFrom, FollowRequest, LogId, Reply, Request, SetLatest};

pub(super) fn run(context: &mut Context, args: &Latest) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let log = follow(&mut session, &args.room)?;
    match (&args.key, args.value.as_deref()) {
        (Some(key), Some("-")) => set_lines(&mut session, log, key)?,
        (Some(key), Some(value)) => set(&mut session, log, key, value)?,
        _ => watch(context, &mut session, log)?,
    }
    session.finish();
    Ok(())
}

/// Follows a log from now on: only who follows it tells and hears what is not stored.
pub(super) fn follow(session: &mut Session, room: &Conversation) -> Result<LogId, Failure> {
    let (client, now) = session.client();
    let tag = client.follow(now, FollowRequest { log: room.target(), from: FollowFrom::Now });
    session.be_patient();
    loop {
        if let Happening::Event(event) = session.next()?
            && let ClientEvent::Reply { tag: answered, reply } = *event
            && answered == tag
        {
            let Reply::Following(following) = accepted(reply)? else { return Err(unexpected()) };
            return Ok(following.log);
        }
    }
}

/// Sets a value and waits until the server has passed it on, or says why not.
fn set(session: &mut Session, log: LogId, key: &str, value: &str) -> Result<(), Failure> {
    let stamp = session.client().0.next_stamp();
    let set = SetLatest { log, key: key.to_owned(), value: value.to_owned(), stamp };
    session.ask(&Request::SetLatest(set)).map(drop)
}

/// Each line is the newest value. The first is asked for, so that who may not speak hears it.
fn set_lines(session: &mut Session, log: LogId, key: &str) -> Result<(), Failure> {
    let lines = Lines::of_stdin(session.waker())?;
    let mut is_first = true;
    loop {
        while let Some(line) = lines.next_if_there() {
            match line {
                InputLine::Line { text: Some(value), .. } if is_first => {
                    set(session, log, key, &value)?;
                    is_first = false;
                }
                InputLine::Line { number, text } => {
                    let value = text.filter(|value| is_short(log, key, value));
                    let Some(value) = value else {
                        return Err(Failure::new(Exit::Refused, format!("line {number} is not UTF-8 text or too long a value")));
                    };
                    let (client, now) = session.client();
                    client.set_latest(now, log, key, value);
                }
                InputLine::End | InputLine::Interrupted => return Ok(()),
                InputLine::Failed(error) => return Err(error.into()),
            }
        }
        session.be_calm();
        if let Happening::TimeIsUp = session.next()? {
            return Ok(());
        }
    }
}

fn is_short(log: LogId, key: &str, value: &str) -> bool {
    SetLatest { log, key: key.to_owned(), value: value.to_owned(), stamp: 0 }.has_good_len()
}

/// Prints what goes on, until the time given by `--timeout` is over, else for ever.
fn watch(context: &mut Context, session: &mut Session, log: LogId) -> Result<(), Failure> {
    let (client, now) = session.client();
    client.set_in_view(now, vec![log]);
    session.be_calm();
    if context.output.is_json() {
        context.output.line(&Line::State(LinkState::Online))?;
    }
    loop {
        let event = match session.next()? {
            Happening::Event(event) => *event,
            Happening::Woken => continue,
            Happening::TimeIsUp => return Ok(()),
        };
        match event {
            ClientEvent::Latest { room, latest } => context.output.line(&Line::Latest { room: &room, latest: &latest })?,
            ClientEvent::Typing { room, typing } => context.output.line(&Line::Typing { room: &room, typing: &typing })?,
            ClientEvent::Presence(presence) => context.output.line(&Line::Presence(&presence))?,
            ClientEvent::Unfollowed { log: ended, refusal, .. } if ended == log => return Err(refusal.into()),
            ClientEvent::Forked { .. } | ClientEvent::Broken { .. } => {
                let sentence = "the server no longer has the room as it was; run the command again";
                return Err(Failure::new(Exit::Refused, sentence));
            }
            _ => {}
        }
    }
}

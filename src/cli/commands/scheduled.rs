//! send --at, scheduled, scheduled cancel.

use super::super::args::{Conversation, Time};
use super::super::context::Context;
use super::super::exit::Failure;
use super::super::line::Line;
use super::super::session::{Session, accepted, unexpected};
use crate::client::EventLoop;
use crate::message::{CancelScheduled, Payload, PostRequest, Reply, Request, RequestId, ScheduleRequest, Seq, Text};

/// What is to be posted later.
pub(super) struct Later {
    pub(super) to: Conversation,
    pub(super) key: Option<String>,
    pub(super) text: Text,
    pub(super) reply_to: Option<Seq>,
    pub(super) payload: Option<Payload>,
    pub(super) at: Time,
}

pub(super) fn schedule(context: &mut Context, later: Later) -> Result<(), Failure> {
    let Later { to, key, text, reply_to, payload, at } = later;
    let at_ms = at.at_ms(EventLoop::time_ms());
    let mut session = Session::open(context)?;
    let id = key.map_or_else(|| session.new_id(), |key| RequestId::for_key(&to.skeleton(), &key));
    let post = PostRequest { id, to: to.target(), text: text.as_str().to_owned(), reply_to, payload };
    let reply = session.ask(&Request::Schedule(ScheduleRequest { post, at_ms }))?;
    let Reply::Scheduled(waiting) = reply else { return Err(unexpected()) };
    context.output.line(&Line::Scheduled(&waiting))?;
    session.finish();
    Ok(())
}

pub(super) fn list(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let mut after = 0;
    loop {
        let reply = accepted(session.ask_plainly(&Request::ListScheduled(after))?)?;
        let Reply::ScheduledPosts(page) = reply else { return Err(unexpected()) };
        for waiting in &page.posts {
            context.output.line(&Line::Scheduled(waiting))?;
        }
        let Some(last) = page.posts.last().filter(|_| page.more) else { break };
        after = last.number;
    }
    session.finish();
    Ok(())
}

pub(super) fn cancel(context: &mut Context, number: u64) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let id = session.new_id();
    session.ask(&Request::CancelScheduled(CancelScheduled { id, number }))?;
    context.output.line(&Line::Canceled(number))?;
    session.finish();
    Ok(())
}

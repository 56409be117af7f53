//! edit, delete, react, pin, resolve and what takes them back; pins and threads.

use super::super::args::{Conversation, Edit, Written};
use super::super::context::Context;
use super::super::exit::Failure;
use super::super::line::{Deed, Line};
use super::super::session::{Session, accepted, unexpected};
use super::send::text_of;
use crate::message::{EditRequest, Event, ListKind, Mark, MarkRequest, PickRequest, Reply, Request, Seq};

pub(super) fn edit(context: &mut Context, args: &Edit) -> Result<(), Failure> {
    let text = text_of(&args.text)?.as_str().to_owned();
    let mut session = Session::open(context)?;
    let (id, seq) = (session.new_id(), Seq(args.written.seq));
    let reply = session.ask(&Request::Edit(EditRequest { id, log: args.written.room.target(), seq, text }))?;
    print(context, Deed::Edited, seq, &reply)?;
    session.finish();
    Ok(())
}

pub(super) fn mark(context: &mut Context, args: &Written, mark: Mark) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let (id, seq, deed) = (session.new_id(), Seq(args.seq), Deed::of_mark(&mark));
    let reply = session.ask(&Request::Mark(MarkRequest { id, log: args.room.target(), seq, mark }))?;
    print(context, deed, seq, &reply)?;
    session.finish();
    Ok(())
}

fn print(context: &mut Context, deed: Deed, post: Seq, reply: &Reply) -> Result<(), Failure> {
    let Reply::Stored(stored) = reply else { return Err(unexpected()) };
    Ok(context.output.line(&Line::Marked { deed, post, stored })?)
}

pub(super) fn pick(context: &mut Context, room: &Conversation, kind: ListKind) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let mut after = Seq(0);
    loop {
        let request = PickRequest { log: room.target(), kind, after };
        let Reply::Picked(page) = accepted(session.ask_plainly(&Request::Pick(request))?)? else { return Err(unexpected()) };
        let before = after;
        for told in &page.posts {
            let Some(event) = Event::decode(&told.event) else { continue };
            after = event.head.seq;
            let overlay = page.overlays.iter().find(|overlay| overlay.seq == after);
            context.output.line(&Line::Event { room: &page.room, author: &told.author, event: &event, overlay })?;
        }
        // A page of which nothing can be read leads no further.
        if !page.more || after == before {
            break;
        }
    }
    session.finish();
    Ok(())
}

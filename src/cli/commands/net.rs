//! net: how good the way to the server is.

use std::time::Duration;

use super::super::context::Context;
use super::super::exit::Failure;
use super::super::line::Line;
use super::super::net_lines::row_head;
use super::super::session::Session;
use crate::message::Request;

/// Round trips that are made for a single look.
const ROUND_TRIP_COUNT: u32 = 8;

/// How often it is looked at while somebody watches.
const INTERVAL: Duration = Duration::from_secs(1);

/// Prints it once, or a line a second until the time given by `--timeout` is over, else for ever.
pub(super) fn run(context: &mut Context, watches: bool) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    if watches {
        watch(context, &mut session)?;
    } else {
        for _ in 0..ROUND_TRIP_COUNT {
            session.ask(&Request::WhoAmI)?;
        }
        context.output.line(&Line::Net(&session.client().0.link_quality()?))?;
    }
    session.finish();
    Ok(())
}

fn watch(context: &mut Context, session: &mut Session) -> Result<(), Failure> {
    if !context.output.is_json() {
        context.output.put(&row_head())?;
    }
    loop {
        let (client, now) = session.client();
        // A round trip a second, so that what is printed is about now; what waits for a connection is asked once.
        if client.is_online() && client.is_idle() {
            client.request(now, &Request::WhoAmI);
        }
        if !session.pass(INTERVAL)? {
            return Ok(());
        }
        context.output.line(&Line::NetRow(&session.client().0.link_quality()?))?;
    }
}

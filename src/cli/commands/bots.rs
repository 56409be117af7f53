//! bot create, bot token, bot list, bot revoke.

use super::super::args::{BotAction, BotWords};
use super::super::context::Context;
use super::super::exit::Failure;
use super::super::line::Line;
use super::super::session::{Session, unexpected};
use crate::message::{BotToken, Code, Reply, Request, RevokeBot, UserName};

pub(super) fn run(context: &mut Context, action: &BotAction) -> Result<(), Failure> {
    match action {
        BotAction::Create(words) => make_token(context, words, Request::CreateBot),
        BotAction::Token(words) => make_token(context, words, Request::RenewBot),
        BotAction::List => list(context),
        BotAction::Revoke { name } => revoke(context, name),
    }
}

/// The token is made here and only its hash is sent, as with invitations.
fn make_token(context: &mut Context, words: &BotWords, request: fn(BotToken) -> Request) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let code = Code::new(context.dice.array());
    let (id, name) = (session.new_id(), words.name.as_str().to_owned());
    let wished = BotToken { id, name, token: code.hash(), scope: words.scope() };
    let Reply::Done = session.ask(&request(wished))? else { return Err(unexpected()) };
    context.output.line(&Line::BotToken { bot: words.name.as_str(), token: &code.to_string() })?;
    session.finish();
    Ok(())
}

fn list(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let mut after = 0;
    loop {
        let Reply::Bots(page) = session.ask(&Request::Bots(after))? else { return Err(unexpected()) };
        for bot in &page.bots {
            context.output.line(&Line::Bot(bot))?;
        }
        let Some(last) = page.bots.last().filter(|_| page.more) else { break };
        after = last.user.0;
    }
    session.finish();
    Ok(())
}

fn revoke(context: &mut Context, name: &UserName) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let request = RevokeBot { id: session.new_id(), name: name.as_str().to_owned() };
    let Reply::Done = session.ask(&Request::RevokeBot(request))? else { return Err(unexpected()) };
    context.output.line(&Line::BotRevoked(name.as_str()))?;
    session.finish();
    Ok(())
}

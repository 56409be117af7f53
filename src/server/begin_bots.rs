//! Begins requests about bots: their owners make and revoke them, a device with a token becomes one's.

use super::dispatch::{bad_name, user_name};
use super::job::Read;
use super::server::{Now, Server};
use super::steps::{Asked, Step};
use crate::chat::Action;
use crate::message::{
    Account, AccountKind, BindBot, BotToken, Code, DeviceName, GoodScope, Refusal, RefusalCode, Request, ScopeError, UserName,
};

impl Server {
    /// Orders what an owner wants of a bot, or lists the owner's bots.
    pub(super) fn begin_about_bots(
        &mut self,
        now: Now,
        asked: Asked,
        account: &Account,
        request: Request,
    ) -> Result<(), Refusal> {
        let (id, action) = match request {
            Request::CreateBot(wished) => {
                let (name, scope) = parts(&wished)?;
                (wished.id, Action::CreateBot { name, token: wished.token, scope })
            }
            Request::RenewBot(wished) => {
                let (name, scope) = parts(&wished)?;
                (wished.id, Action::RenewBot { name, token: wished.token, scope })
            }
            Request::RevokeBot(revoke) => (revoke.id, Action::RevokeBot { name: user_name(&revoke.name)? }),
            Request::Bots(after) => {
                self.read(Step::Answer(asked), Read::Bots(account.user, after));
                return Ok(());
            }
            _ => unreachable!("only requests about bots come here"),
        };
        self.command(now, Step::Answer(asked), asked, id, action);
        Ok(())
    }

    /// Orders that a device becomes a bot's.
    pub(super) fn begin_bind_bot(&mut self, now: Now, asked: Asked, bind: &BindBot) -> Result<(), Refusal> {
        let name = user_name(&bind.name)?;
        let token: Result<Code, _> = bind.token.parse();
        let token = token.map_err(|error| Refusal::new(RefusalCode::WrongToken, error.to_string()))?.hash();
        let action = Action::BindBot { name, token, device: DeviceName::lenient(&bind.device) };
        self.command(now, Step::Answer(asked), asked, bind.id, action);
        Ok(())
    }

    /// The read, held to the scope of the device that asks, if that is a bot's.
    pub(super) fn within_scope(&self, step: &Step, read: Read) -> Read {
        let account = step.session().and_then(|handle| self.sessions.get(&handle)).and_then(|session| session.account());
        match account.filter(|account| account.kind == AccountKind::Bot) {
            Some(account) => Read::Within(account.user, account.device, Box::new(read)),
            None => read,
        }
    }
}

fn parts(wished: &BotToken) -> Result<(UserName, GoodScope), Refusal> {
    let scope = wished.scope.check().map_err(|error| match error {
        ScopeError::Name(error) => bad_name(error),
        ScopeError::NoRight | ScopeError::Rooms => Refusal::new(RefusalCode::OutOfRange, error.to_string()),
    })?;
    Ok((user_name(&wished.name)?, scope))
}

//! register, login, whoami, passwd, logout, delete-account.

use super::super::args::SignIn;
use super::super::context::{Chosen, Context};
use super::super::exit::{Exit, Failure};
use super::super::line::Line;
use super::super::prompt::{self, PasswordSource};
use super::super::session::{Session, unexpected};
use crate::message::{
    Account, AccountKind, BindBot, ChangePassword, Code, Credentials, DeleteAccount, DeviceName, GuestRequest, Password, Refusal,
    RefusalCode, Registration, Reply, Request, Texts, Welcome,
};

/// Whether the account is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// With this invitation.
    Register(Option<Code>),
    /// With this token of a bot.
    LogIn(Option<Code>),
}

/// Where a machine keeps its name.
const HOST_NAME_PATHS: [&str; 2] = ["/proc/sys/kernel/hostname", "/etc/hostname"];

pub(super) fn sign_in(context: &mut Context, args: &SignIn, wish: Wish) -> Result<(), Failure> {
    let chosen = context.profile_to_sign_in(args)?;
    let mut session = Session::start_unsigned(context, &chosen)?;
    let mut welcome = session.greet()?.clone();
    if is_revoked(&welcome) {
        // Begin anew with another key.
        session.finish();
        chosen.profile.forget_device()?;
        session = Session::start_unsigned(context, &chosen)?;
        welcome = session.greet()?.clone();
    }
    let account = match welcome.account {
        // The device's key says who it is; a password would add nothing.
        Some(account) if matches!(wish, Wish::LogIn(_)) || args.guest => account,
        _ => {
            may_register(&welcome, args, wish)?;
            prove(&mut session, &chosen, args, wish)?
        }
    };
    chosen.profile.save_account(&account)?;
    context.home.make_current(chosen.profile.name())?;
    print_account(context, &session, &account)?;
    session.finish();
    Ok(())
}

/// Whether the server will never take this device's key again.
fn is_revoked(welcome: &Welcome) -> bool {
    let is_for_good = |refusal: &Refusal| matches!(refusal.code(), RefusalCode::DeviceRevoked | RefusalCode::AccountDeleted);
    welcome.refusal.as_ref().is_some_and(is_for_good)
}

/// A server that takes nobody says so before a password is typed.
fn may_register(welcome: &Welcome, args: &SignIn, wish: Wish) -> Result<(), Failure> {
    if args.guest || wish != Wish::Register(None) {
        return Ok(());
    }
    match welcome.registration {
        Registration::Open => Ok(()),
        Registration::Invite => {
            let sentence = "this server takes people by invitation; register with --invitation CODE";
            Err(Failure::new(Exit::Denied, sentence))
        }
        Registration::Closed => Err(Failure::new(Exit::Denied, "nobody can register on this server; ask its operator")),
    }
}

fn prove(session: &mut Session, chosen: &Chosen, args: &SignIn, wish: Wish) -> Result<Account, Failure> {
    let id = session.new_id();
    let name = chosen.profile.name().name.as_str().to_owned();
    let device = DeviceName::lenient(&args.device.clone().unwrap_or_else(machine_name)).as_str().to_owned();
    let request = if args.guest {
        Request::Guest(GuestRequest { id, name, device })
    } else {
        let source = if args.password_stdin { PasswordSource::Stdin } else { PasswordSource::Prompt };
        let what = format!("password of {}", chosen.profile.name());
        match wish {
            Wish::Register(invitation) => {
                let password = prompt::new_password(source, &format!("new {what}"))?;
                let credentials = Credentials { id, name, password, device };
                match invitation {
                    Some(code) => Request::RegisterInvited((credentials, code.to_string())),
                    None => Request::Register(credentials),
                }
            }
            Wish::LogIn(Some(token)) => Request::BindBot(BindBot { id, name, token: token.to_string(), device }),
            Wish::LogIn(None) => {
                let password = prompt::password(source, &what)?;
                Request::LogIn(Credentials { id, name, password, device })
            }
        }
    };
    match session.ask(&request)? {
        Reply::Account(account) => Ok(account),
        _ => Err(unexpected()),
    }
}

fn machine_name() -> String {
    HOST_NAME_PATHS.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
}

/// Says who one is.
pub(super) fn print_account(context: &mut Context, session: &Session, account: &Account) -> Result<(), Failure> {
    let server = session.profile().name().server.to_string();
    Ok(context.output.line(&Line::Account { account, server: &server, key: session.server_key() })?)
}

pub(super) fn who_am_i(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let Reply::Account(account) = session.ask(&Request::WhoAmI)? else { return Err(unexpected()) };
    print_account(context, &session, &account)?;
    session.finish();
    Ok(())
}

pub(super) fn change_password(context: &mut Context, from_stdin: bool, keep_devices: bool) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let source = if from_stdin { PasswordSource::Stdin } else { PasswordSource::Prompt };
    let old = prompt::password(source, "old password")?;
    let new = prompt::new_password(source, "new password")?;
    let id = session.new_id();
    let request = Request::ChangePassword(ChangePassword { id, old, new, revoke_others: !keep_devices });
    let Reply::Done = session.ask(&request)? else { return Err(unexpected()) };
    context.output.line(&Line::PasswordChanged)?;
    session.finish();
    Ok(())
}

pub(super) fn log_out(context: &mut Context) -> Result<(), Failure> {
    let chosen = context.profile()?;
    let mut session = Session::start_unsigned(context, &chosen)?;
    // A device that the server has forgotten is logged out already; an earlier try may have got that far.
    let welcome = session.greet()?;
    if welcome.account.is_none() {
        forgotten(welcome)?;
    } else {
        let id = session.new_id();
        match session.ask(&Request::LogOut(id)) {
            Ok(Reply::Done) => {}
            Ok(_) => return Err(unexpected()),
            // The connection was lost behind it, and the server had already done it.
            Err(Failure::Told(Exit::Denied, _)) if session.account().is_none() => forgotten(session.greet()?)?,
            Err(failure) => return Err(failure),
        }
    }
    chosen.profile.forget_device()?;
    context.output.line(&Line::SignedOut)?;
    session.finish();
    Ok(())
}

/// Ends the account, after the person was asked whether that is meant, and for the password.
pub(super) fn delete(context: &mut Context, erase: bool, yes: bool, from_stdin: bool) -> Result<(), Failure> {
    let chosen = context.profile()?;
    let mut session = Session::start_unsigned(context, &chosen)?;
    let welcome = session.greet()?;
    match welcome.account.clone() {
        // An earlier try may have got that far.
        None => forgotten(welcome)?,
        Some(account) => {
            let texts = if erase { Texts::AreErased } else { Texts::Stay };
            let what = if erase { " and erase your messages, edits and reactions" } else { "" };
            if !yes && !prompt::confirm(&format!("end the account {} for good{what}?", chosen.profile.name()), "--yes")? {
                return Err(Failure::new(Exit::Refused, "nothing is deleted"));
            }
            let password = match account.kind {
                AccountKind::Guest | AccountKind::Bot => Password::default(),
                AccountKind::Person => {
                    let source = if from_stdin { PasswordSource::Stdin } else { PasswordSource::Prompt };
                    prompt::password(source, &format!("password of {}", chosen.profile.name()))?
                }
            };
            let id = session.new_id();
            match session.ask(&Request::DeleteAccount(DeleteAccount { id, password, texts })) {
                Ok(Reply::Done) => {}
                Ok(_) => return Err(unexpected()),
                // The connection was lost behind it, and the server had already done it.
                Err(Failure::Told(Exit::Denied, _)) if session.account().is_none() => forgotten(session.greet()?)?,
                Err(failure) => return Err(failure),
            }
        }
    }
    chosen.profile.forget_device()?;
    context.output.line(&Line::AccountDeleted)?;
    session.finish();
    Ok(())
}

/// Whether a server that does not say whose device this is has forgotten it for good, not only cannot look just now: a key
/// that is deleted too early leaves a device behind that nobody can log out, and a guest without an account.
fn forgotten(welcome: &Welcome) -> Result<(), Failure> {
    match &welcome.refusal {
        Some(refusal) if !is_revoked(welcome) => Err(refusal.clone().into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_has_looked_has_forgotten_a_device() {
        let welcome = |code: Option<RefusalCode>| Welcome {
            server: "udpchat".into(),
            account: None,
            refusal: code.map(|code| Refusal::new(code, "no")),
            guests: true,
            registration: Registration::Open,
            time_ms: 1,
        };
        assert_eq!(forgotten(&welcome(None)), Ok(()));
        assert_eq!(forgotten(&welcome(Some(RefusalCode::DeviceRevoked))), Ok(()));
        assert_eq!(forgotten(&welcome(Some(RefusalCode::AccountDeleted))), Ok(()));
        assert_eq!(forgotten(&welcome(Some(RefusalCode::Busy))).unwrap_err().status(), 6);
        assert_eq!(forgotten(&welcome(Some(RefusalCode::StoreFailed))).unwrap_err().status(), 1);
    }
}

//! devices, profile, whois, claim, invitation, disable, enable.

use super::super::args::{Invitation, Person, Profile as Words, Who};
use super::super::context::Context;
use super::super::exit::Failure;
use super::super::line::Line;
use super::super::session::{Session, unexpected};
use super::account::print_account;
use crate::message::{AccountState, Code, DeviceId, MakeInvitation, Reply, Request, RevokeDevice, SetAccountState, SetProfile};

pub(super) fn devices(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let own = session.account().map(|account| account.device);
    let Reply::Devices(devices) = session.ask(&Request::Devices)? else { return Err(unexpected()) };
    for device in &devices {
        context.output.line(&Line::Device { device, is_this: own == Some(device.device) })?;
    }
    session.finish();
    Ok(())
}

pub(super) fn revoke_device(context: &mut Context, device: DeviceId) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let id = session.new_id();
    let Reply::Done = session.ask(&Request::RevokeDevice(RevokeDevice { id, device }))? else { return Err(unexpected()) };
    context.output.line(&Line::DeviceRevoked(device))?;
    session.finish();
    Ok(())
}

pub(super) fn profile(context: &mut Context, words: &Words) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let tags = (words.no_tags || !words.tag.is_empty()).then(|| words.tag.clone());
    if words.about.is_some() || tags.is_some() {
        let request = SetProfile { id: session.new_id(), about: words.about.clone(), tags };
        let Reply::Done = session.ask(&Request::SetProfile(request))? else { return Err(unexpected()) };
    }
    let name = session.account().map(|account| account.name).unwrap_or_default();
    show(context, session, name)
}

pub(super) fn who_is(context: &mut Context, user: &Person) -> Result<(), Failure> {
    let session = Session::open(context)?;
    show(context, session, user.0.as_str().to_owned())
}

fn show(context: &mut Context, mut session: Session, name: String) -> Result<(), Failure> {
    let Reply::Profile(profile) = session.ask(&Request::WhoIs(name))? else { return Err(unexpected()) };
    context.output.line(&Line::Profile(&profile))?;
    session.finish();
    Ok(())
}

pub(super) fn claim(context: &mut Context, code: Code) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let id = session.new_id();
    let Reply::Account(account) = session.ask(&Request::Claim((id, code.to_string())))? else { return Err(unexpected()) };
    print_account(context, &session, &account)?;
    session.finish();
    Ok(())
}

/// The code is made here and only its hash is sent: the server never has it, so that nobody can read it there.
pub(super) fn invitation(context: &mut Context, words: &Invitation) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let code = Code::new(context.dice.array());
    let id = session.new_id();
    let request = MakeInvitation { id, code: code.hash(), uses: words.uses, days: words.days };
    let Reply::Done = session.ask(&Request::MakeInvitation(request))? else { return Err(unexpected()) };
    let code = code.to_string();
    context.output.line(&Line::Invitation { code: &code, uses: words.uses, days: words.days })?;
    session.finish();
    Ok(())
}

pub(super) fn set_account_state(context: &mut Context, user: &Who, state: AccountState) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let request = SetAccountState { id: session.new_id(), user: user.to_string(), state };
    let Reply::Done = session.ask(&Request::SetAccountState(request))? else { return Err(unexpected()) };
    context.output.line(&Line::AccountState { user: user.0.as_str(), state })?;
    session.finish();
    Ok(())
}

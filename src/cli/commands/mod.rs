//! The one-shot commands, one file per group. Each connects, signs in, does its thing, and ends when its promise is met or
//! time is up.

mod account;
mod bench;
mod bots;
mod export;
mod filing;
mod following;
mod inbox;
mod latest;
mod marks;
mod moderation;
mod net;
mod people;
mod reading;
mod rooms;
mod scheduled;
mod searching;
mod seen;
mod send;
mod streaming;
mod verify;

use super::args::{Command, DevicesAction, Scheduled};
use super::context::Context;
use super::exit::Failure;
use crate::message::{AccountState, Deed, DeviceId, ListKind, Mark, RoomSearch, Wish};

/// Runs one command.
///
/// # Errors
/// Why the promise is not met.
pub fn run(context: &mut Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Register(args) => account::sign_in(context, &args.sign_in, account::Wish::Register(args.invitation)),
        Command::Login(args) => account::sign_in(context, &args.sign_in, account::Wish::LogIn(args.token)),
        Command::Whoami => account::who_am_i(context),
        Command::DeleteAccount { erase, yes, password_stdin } => account::delete(context, erase, yes, password_stdin),
        Command::Passwd { password_stdin, keep_devices } => account::change_password(context, password_stdin, keep_devices),
        Command::Logout => account::log_out(context),
        Command::Devices { action: None } => people::devices(context),
        Command::Devices { action: Some(DevicesAction::Revoke { device }) } => people::revoke_device(context, DeviceId(device)),
        Command::Profile(args) => people::profile(context, &args),
        Command::Whois(args) => people::who_is(context, &args.user),
        Command::Bot { action } => bots::run(context, &action),
        Command::Claim { code } => people::claim(context, code),
        Command::Invitation(args) => people::invitation(context, &args),
        Command::Disable { user } => people::set_account_state(context, &user, AccountState::Disabled),
        Command::Enable { user } => people::set_account_state(context, &user, AccountState::Enabled),
        Command::Create(args) => rooms::create(context, &args),
        Command::Join(args) => rooms::join(context, &args),
        Command::Leave { room } => rooms::leave(context, &room),
        Command::Rooms { mine: true, text, .. } => rooms::mine(context, text.as_deref()),
        Command::Rooms { mine: false, text, tag, archived } => {
            rooms::public(context, RoomSearch { text, tag, archived, after: None })
        }
        Command::RoomSettings(args) => moderation::room(context, &args),
        Command::Invite(whom) => moderation::moderate(context, &whom, Deed::Invite),
        Command::Kick(args) => moderation::moderate(context, &args.whom, Deed::Kick(args.reason.join(" "))),
        Command::Ban(args) => moderation::moderate(context, &args.whom, Deed::Ban(args.reason.join(" "))),
        Command::Unban(whom) => moderation::moderate(context, &whom, Deed::Unban),
        Command::Mute(args) => moderation::moderate(context, &args.whom, Deed::Mute(args.seconds)),
        Command::Unmute(whom) => moderation::moderate(context, &whom, Deed::Mute(0)),
        Command::Role(args) => moderation::moderate(context, &args.whom, Deed::Role(args.role.into())),
        Command::Archive(args) => moderation::archive(context, &args),
        Command::Report(args) => moderation::report(context, &args),
        Command::Reports { room } => moderation::reports(context, &room),
        Command::Audit { room } => moderation::audit(context, &room),
        Command::Ticket { desk } => moderation::ticket(context, &desk),
        Command::Ignore { user } => moderation::ignore(context, &user, Wish::Ignore),
        Command::Unignore { user } => moderation::ignore(context, &user, Wish::Hear),
        Command::Ignored => moderation::ignored(context),
        Command::Who { room } => rooms::who(context, &room),
        Command::Send(args) => match args.file.clone() {
            Some(path) => filing::send(context, &args, &path),
            None => send::run(context, args),
        },
        Command::Get(args) => filing::get(context, &args),
        Command::Scheduled { what: None } => scheduled::list(context),
        Command::Scheduled { what: Some(Scheduled::Cancel { number }) } => scheduled::cancel(context, number),
        Command::Edit(args) => marks::edit(context, &args),
        Command::Delete(args) => marks::mark(context, &args, Mark::Delete),
        Command::React(args) => marks::mark(context, &args.written, Mark::React(args.reaction)),
        Command::Unreact(args) => marks::mark(context, &args.written, Mark::Unreact(args.reaction)),
        Command::Pin(args) => marks::mark(context, &args, Mark::Pin),
        Command::Unpin(args) => marks::mark(context, &args, Mark::Unpin),
        Command::Resolve(args) => marks::mark(context, &args, Mark::Resolve),
        Command::Reopen(args) => marks::mark(context, &args, Mark::Reopen),
        Command::Pins { room } => marks::pick(context, &room, ListKind::Pinned),
        Command::Threads { room, open: false } => marks::pick(context, &room, ListKind::Threads),
        Command::Threads { room, open: true } => marks::pick(context, &room, ListKind::OpenThreads),
        Command::Follow(args) => following::run(context, &args),
        Command::Tail(args) => reading::tail(context, &args),
        Command::History(args) => reading::history(context, &args),
        Command::Inbox(args) => inbox::inbox(context, &args),
        Command::Latest(args) => latest::run(context, &args),
        Command::Read(args) => rooms::mark_read(context, &args.room, args.seq.unwrap_or(u64::MAX)),
        Command::Unread { room, seq } => rooms::mark_read(context, &room, seq.saturating_sub(1)),
        Command::Export(args) => export::export(context, &args),
        Command::Verify(args) => verify::verify(context, &args),
        Command::Search(args) => searching::search(context, &args),
        Command::Net { watch } => net::run(context, watch),
        Command::Bench(args) => bench::run(context, &args),
    }
}

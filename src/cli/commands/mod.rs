//! The one-shot commands, one file per group. Each connects, signs in, does its thing, and ends when its promise is met or
//! time is up.

mod account;
mod bench;
mod reading;
mod rooms;
mod searching;
mod send;

use super::args::Command;
use super::context::Context;
use super::exit::Failure;

/// Runs one command.
///
/// # Errors
/// Why the promise is not met.
pub fn run(context: &mut Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Register(args) => account::sign_in(context, &args, account::Wish::Register),
        Command::Login(args) => account::sign_in(context, &args, account::Wish::LogIn),
        Command::Whoami => account::who_am_i(context),
        Command::Passwd { password_stdin, keep_devices } => account::change_password(context, password_stdin, keep_devices),
        Command::Logout => account::log_out(context),
        Command::Create(args) => rooms::create(context, &args),
        Command::Join(args) => rooms::join(context, &args),
        Command::Leave { room } => rooms::leave(context, &room),
        Command::Rooms { mine: true, text } => rooms::mine(context, text.as_deref()),
        Command::Rooms { mine: false, text } => rooms::public(context, text.as_deref()),
        Command::Who { room } => rooms::who(context, &room),
        Command::Send(args) => send::run(context, args),
        Command::Tail(args) => reading::tail(context, &args),
        Command::History(args) => reading::history(context, &args),
        Command::Search(args) => searching::search(context, &args),
        Command::Bench(args) => bench::run(context, &args),
    }
}

//! From the command line to the exit status.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use clap::error::ErrorKind;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::args::CommandLine;
use super::commands;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::human::printable;
use super::interactive;

/// Said behind a usage error: the commonest one is a `#` that the shell took for a comment.
const HASH_HINT: &str = "hint: to a shell, # begins a comment; write rooms in quotes: '#room'";

/// Runs the program with these arguments, the first of which is its name.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let names_a_room = args.iter().any(|arg| arg.as_encoded_bytes().starts_with(b"#"));
    let command_line = match CommandLine::try_parse_from(args) {
        Ok(command_line) => command_line,
        Err(error) => return usage(&error, names_a_room),
    };
    match run_command(command_line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(sentence) = failure.sentence() {
                // That nobody reads standard error is no further failure.
                let _ = writeln!(io::stderr(), "udpchat-cli: {}", printable(sentence));
            }
            ExitCode::from(failure.status())
        }
    }
}

fn usage(error: &clap::Error, names_a_room: bool) -> ExitCode {
    let _ = error.print();
    if error.kind() == ErrorKind::MissingRequiredArgument && !names_a_room {
        let _ = writeln!(io::stderr(), "{HASH_HINT}");
    }
    // Help and version are no errors.
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8))
}

fn run_command(CommandLine { globals, command }: CommandLine) -> Result<(), Failure> {
    let mut context = Context::open(globals, end_on_signals()?)?;
    match command {
        Some(command) => commands::run(&mut context, command),
        None => interactive::run(&mut context),
    }
}

/// SIGINT and SIGTERM end the program at once while the returned flag says so: whatever must survive is on the disk already. A
/// session takes the flag down, because it says goodbye first; a second signal does not wait for that. (While a line or a
/// password is typed, the terminal sends no signal, and the key is seen there.)
fn end_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let at_once = Arc::new(AtomicBool::new(true));
    for (signal, exit) in [(SIGINT, Exit::Interrupted), (SIGTERM, Exit::Terminated)] {
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(exit as u8), Arc::clone(&at_once))?;
        signal_hook::flag::register(signal, Arc::clone(&at_once))?;
    }
    Ok(at_once)
}

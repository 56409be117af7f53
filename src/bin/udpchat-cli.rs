//! The client: commands for scripts, and the conversation for people.

use std::process::ExitCode;

fn main() -> ExitCode {
    udpchat::cli::run(std::env::args_os())
}

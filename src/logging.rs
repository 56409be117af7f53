//! Where the programs' own log lines go: standard error, one line each.
//!
//! `info` and above is for operators, `debug` and below for developers. No line carries a secret or a message's text.

use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;

/// Sends log lines of `level` and above to standard error. A second call changes nothing.
pub fn to_stderr(level: LevelFilter) {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt().with_max_level(level).with_ansi(colour).with_target(false);
    // Only a subscriber set before this one makes this fail, and then that one is wanted.
    drop(lines.with_writer(std::io::stderr).try_init());
}

//! The server program: arguments, settings, run, exit code.

use clap::Parser;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing::level_filters::LevelFilter;
use udpchat::chaos::Weather;
use udpchat::logging;
use udpchat::message::Registration;
use udpchat::server::{self, Config, Started};

/// A chat server over encrypted, reliable UDP.
///
/// Without any option it keeps its data in ./udpchat-data, listens on port 4747 of every address, takes registrations and
/// prints the line to connect with. DIR/udpchat.toml is read when there; a flag wins over the environment, that over the
/// file, that over the default.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Args {
    /// Where everything is kept; made if missing.
    #[arg(long, value_name = "DIR", env = "UDPCHAT_DATA", default_value = "udpchat-data")]
    data: PathBuf,
    /// Address to listen on; may be given several times. Port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", env = "UDPCHAT_LISTEN", value_delimiter = ',')]
    listen: Vec<SocketAddr>,
    /// Let people in without a password.
    #[arg(long, env = "UDPCHAT_GUESTS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    guests: Option<bool>,
    /// Who may register: open, invite (needs a code that an admin makes), or closed.
    #[arg(long, value_name = "MODE", env = "UDPCHAT_REGISTRATION", value_parser = server::registration)]
    registration: Option<Registration>,
    /// Print a new code for becoming the server's admin. At the first start one is printed without it.
    #[arg(long)]
    new_claim: bool,
    /// Settings to read instead of DIR/udpchat.toml.
    #[arg(long, value_name = "FILE", env = "UDPCHAT_CONFIG")]
    config: Option<PathBuf>,
    /// Write what happens inside connections to this file, a line of JSON each.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// How much to log: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", env = "UDPCHAT_LOG")]
    log: Option<LevelFilter>,
    /// Try a bad network: every datagram, in and out, meets these odds.
    #[arg(long, value_name = "loss=5%,dup=1%,reorder=2%,corrupt=1%,delay=25ms,seed=N")]
    chaos: Option<Weather>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("udpchat: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), String> {
    let file = args.config.clone().unwrap_or_else(|| args.data.join("udpchat.toml"));
    let mut config = Config::read(&file, args.config.is_some()).map_err(|error| error.to_string())?;
    if !args.listen.is_empty() {
        config.listen = args.listen;
    }
    config.guests = args.guests.unwrap_or(config.guests);
    config.registration = args.registration.unwrap_or(config.registration);
    config.new_claim = args.new_claim;
    config.log = args.log.unwrap_or(config.log);
    config.chaos = args.chaos;
    logging::to_stderr(config.log);
    let shown = args.data.display().to_string();
    let trace = args.trace.map(|path| File::create(&path).map_err(|error| format!("cannot write {}: {error}", path.display())));
    server::run(&config, &args.data, trace.transpose()?, |started| print_start(&shown, &config, started))
        .map_err(|error| error.to_string())
}

/// What an operator wants to know first, last of all the line to connect with.
fn print_start(data: &str, config: &Config, started: &Started) {
    // That nobody reads it is no reason not to serve.
    let _ = write_start(&mut io::stdout().lock(), data, config, started);
}

fn write_start(out: &mut impl Write, data: &str, config: &Config, started: &Started) -> io::Result<()> {
    writeln!(out, "udpchat {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "data         {data}")?;
    for address in &started.addresses {
        writeln!(out, "listening    {address}")?;
    }
    writeln!(out, "key          {}", started.key.fingerprint())?;
    let people = match config.registration {
        Registration::Open => "register with a password",
        Registration::Invite => "register with an invitation and a password",
        Registration::Closed => "log in; nobody can register",
    };
    writeln!(out, "people       {people}{}", if config.guests { ", or come as guests" } else { "" })?;
    if let Some(claim) = &started.claim {
        writeln!(out, "admin        whoever is logged in and says: udpchat-cli claim {claim}")?;
        if config.registration != Registration::Open {
            writeln!(out, "             or registers with it: udpchat-cli register … --invitation {claim}")?;
        }
    }
    let connect_to = started.addresses.first().map(|address| {
        let host = if address.ip().is_unspecified() { "127.0.0.1".parse().unwrap_or(address.ip()) } else { address.ip() };
        SocketAddr::new(host, address.port())
    });
    if let Some(address) = connect_to {
        writeln!(out, "connect      udpchat-cli register 'udpchat://NAME@{address}?key={}'", started.key)?;
    }
    out.flush()
}

//! What all commands start from: the home, the options that hold for every command, and which profile is meant.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::args::{Globals, SignIn};
use super::exit::{Exit, Failure};
use super::human::Style;
use super::output::{Format, Output};
use crate::client::{Dice, Home, HostPort, Profile, ProfileName, PublicKey, ServerUrl, Weather};

/// The program's start: what the command line says, and the home.
#[derive(Debug)]
pub struct Context {
    /// Where profiles are.
    pub home: Home,
    /// The program's randomness.
    pub dice: Dice,
    /// Whether a server that was never met is trusted without asking.
    pub trust: bool,
    /// How long the whole command may take.
    pub timeout: Option<Duration>,
    /// Where to write what happens inside connections.
    pub trace: Option<PathBuf>,
    /// The bad network that was asked for.
    pub chaos: Option<Weather>,
    /// Whether a signal ends the program without a goodbye.
    pub ends_at_once: Arc<AtomicBool>,
    /// The way out.
    pub output: Output,
    server: Option<ServerUrl>,
    profile: Option<ProfileName>,
}

/// A profile, and the key that the command line gives its server.
#[derive(Debug)]
pub struct Chosen {
    /// The profile.
    pub profile: Profile,
    /// The key in the URL.
    pub key: Option<PublicKey>,
}

impl Context {
    /// Opens the home. A signal ends the program without a goodbye while `ends_at_once` says so.
    ///
    /// # Errors
    /// If there is no place for it, or no entropy.
    pub fn open(globals: Globals, ends_at_once: Arc<AtomicBool>) -> Result<Self, Failure> {
        let format = if globals.json { Format::Json } else { Format::Human(Style::Full) };
        Ok(Self {
            home: Home::open(globals.home)?,
            dice: Dice::from_os()?,
            trust: globals.trust,
            timeout: globals.timeout.map(|timeout| timeout.0),
            trace: globals.trace,
            chaos: globals.chaos,
            ends_at_once,
            output: Output::stdout(format),
            server: globals.server,
            profile: globals.profile,
        })
    }

    /// The profile to sign in with.
    ///
    /// # Errors
    /// Status 2 if nothing says who and where.
    pub fn profile_to_sign_in(&self, args: &SignIn) -> Result<Chosen, Failure> {
        let Some(url) = args.url.as_ref().or(self.server.as_ref()) else {
            return Err(Failure::new(Exit::Usage, "say who and where: udpchat://NAME@HOST[:PORT]"));
        };
        let name = url.named().map_err(|error| Failure::new(Exit::Usage, error))?.clone();
        let profile = self.home.profile(ProfileName { name, server: url.server.clone() });
        Ok(Chosen { profile, key: url.key })
    }

    /// The profile that a command speaks for: the one that the command line names, else the one last logged in.
    ///
    /// # Errors
    /// Status 4 if nobody is logged in there.
    pub fn profile(&self) -> Result<Chosen, Failure> {
        let name = match (&self.profile, &self.server) {
            (Some(name), _) => name.clone(),
            (None, Some(url)) => self.profile_on(url)?,
            (None, None) => self.home.current()?.ok_or_else(|| {
                let hint = "register or log in first: udpchat-cli register 'udpchat://NAME@HOST[:PORT]'";
                Failure::new(Exit::Denied, format!("nobody is logged in; {hint}"))
            })?,
        };
        let profile = self.home.profile(name);
        if profile.account()?.is_none() {
            let name = profile.name();
            let hint = format!("udpchat-cli login 'udpchat://{name}'");
            return Err(Failure::new(Exit::Denied, format!("{name} is not logged in here; log in first: {hint}")));
        }
        Ok(Chosen { profile, key: self.server.as_ref().and_then(|url| url.key) })
    }

    /// The server that is meant, with the key in its URL: the one that the command line names, else the current profile's.
    ///
    /// # Errors
    /// Status 2 if nothing says which.
    pub fn server(&self) -> Result<(HostPort, Option<PublicKey>), Failure> {
        if let Some(url) = &self.server {
            return Ok((url.server.clone(), url.key));
        }
        let profile = match &self.profile {
            Some(profile) => Some(profile.clone()),
            None => self.home.current()?,
        };
        let server = profile.map(|profile| (profile.server, None));
        server.ok_or_else(|| Failure::new(Exit::Usage, "say which server: --server udpchat://HOST[:PORT]"))
    }

    /// The profile of the URL's user, or the only one on its server, or the current one if that is there.
    fn profile_on(&self, url: &ServerUrl) -> Result<ProfileName, Failure> {
        if let Some(name) = &url.name {
            return Ok(ProfileName { name: name.clone(), server: url.server.clone() });
        }
        let there: Vec<ProfileName> = self.home.profiles()?.into_iter().filter(|profile| profile.server == url.server).collect();
        let current = self.home.current()?.filter(|current| current.server == url.server);
        match (current, there.as_slice()) {
            (Some(current), _) => Ok(current),
            (None, [only]) => Ok(only.clone()),
            (None, []) => {
                let sentence = format!("nobody is logged in on {}; use register or login first", url.server);
                Err(Failure::new(Exit::Denied, sentence))
            }
            (None, several) => {
                let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(Failure::new(Exit::Usage, format!("say which with --profile: {}", names.join(", "))))
            }
        }
    }
}

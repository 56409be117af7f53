//! A conversation with the server as commands hold it: start, ask, wait, finish – each until the promise is met or time is up.
//!
//! Whatever concerns every command is decided here: whom to trust, how long to be patient, what a lost connection means.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGTERM;

use super::context::{Chosen, Context};
use super::exit::{Exit, Failure};
use super::human::printable;
use super::prompt;
use crate::client::{
    Client, ClientConfig, ClientEvent, CloseReason, EventLoop, Known, KnownServers, Outbox, Profile, PublicKey, Tag, Time,
    Tracing, TransportConfig, Turn, Waker,
};
use crate::message::{Account, RefusalCode, Reply, Request, RequestId, Welcome};

/// How long nothing may happen before a command gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a command that has met its promise stays to send what older commands left in the outbox.
const FAREWELL: Duration = Duration::from_secs(3);

/// A client and what the command wants of it.
#[derive(Debug)]
pub struct Session {
    event_loop: EventLoop,
    profile: Profile,
    known_servers: KnownServers,
    trust: bool,
    /// For the whole command.
    until: Option<Instant>,
    /// For the next progress; none while there is nothing to wait for.
    patient_until: Option<Instant>,
    welcome: Option<Welcome>,
    key: Option<PublicKey>,
    must_be_signed_in: bool,
    last_reason: Option<CloseReason>,
    refusals_of_others: RefusalsOfOthers,
    /// Whether a signal ends the program without a goodbye.
    ends_at_once: Arc<AtomicBool>,
}

/// Who says that a message of an earlier command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefusalsOfOthers {
    ToStandardError,
    ByTheCaller,
}

/// Why waiting ended.
#[derive(Debug)]
pub enum Happening {
    /// The client told something that the session has no answer to.
    Event(Box<ClientEvent>),
    /// Another thread has something.
    Woken,
    /// The time of the whole command is over; only while nothing is waited for.
    TimeIsUp,
}

impl Session {
    /// Begins to connect for `chosen`, whose user need not be signed in yet.
    ///
    /// # Errors
    /// If the profile's files cannot be used, or the server's key in the URL contradicts the known one (status 5).
    pub fn start_unsigned(context: &mut Context, chosen: &Chosen) -> Result<Self, Failure> {
        let Chosen { profile, key } = chosen;
        let known_servers = context.home.known_servers();
        let server = &profile.name().server;
        let known = match known_servers.look_up(server)? {
            Known::Never => *key,
            Known::Key(known) if key.is_none_or(|key| key == known) => Some(known),
            Known::Key(known) => {
                let sentence = format!("the key in the URL is not the one that {server} had, {}", known.fingerprint());
                return Err(key_failure(&sentence, &known_servers));
            }
            Known::Unreadable => {
                return Err(key_failure(&format!("the line of {server} cannot be read"), &known_servers));
            }
        };
        let device = profile.device_key(&mut context.dice)?;
        let outbox = Outbox::open(&profile.database_path()?)?;
        let sender_lock = profile.sender_lock();
        let trace = match &context.trace {
            Some(path) => Some(
                File::create(path)
                    .map_err(|error| Failure::new(Exit::Usage, format!("cannot write {}: {error}", path.display())))?,
            ),
            None => None,
        };
        let tracing = if trace.is_some() { Tracing::On } else { Tracing::Off };
        let mut event_loop = EventLoop::start(server.clone(), context.dice.fork(), |remotes| ClientConfig {
            transport: TransportConfig { trace: tracing, ..TransportConfig::client() },
            remotes,
            server_key: known,
            device,
            outbox,
            sender_lock,
        })?;
        if let Some(file) = trace {
            event_loop.trace_to(file);
        }
        if let Some(weather) = context.chaos {
            event_loop.meet(weather);
        }
        event_loop.heed_signals()?;
        context.ends_at_once.store(false, Ordering::SeqCst);
        Ok(Self {
            event_loop,
            profile: profile.clone(),
            known_servers,
            trust: context.trust,
            until: context.timeout.map(|timeout| Instant::now() + timeout),
            patient_until: Some(Instant::now() + PATIENCE),
            welcome: None,
            key: None,
            must_be_signed_in: false,
            last_reason: None,
            refusals_of_others: RefusalsOfOthers::ToStandardError,
            ends_at_once: Arc::clone(&context.ends_at_once),
        })
    }

    /// Begins to connect for the profile that the command line means, whose user is signed in.
    ///
    /// # Errors
    /// As [`Session::start_unsigned`], and status 4 if nobody is logged in.
    pub fn start(context: &mut Context) -> Result<Self, Failure> {
        let chosen = context.profile()?;
        let mut session = Self::start_unsigned(context, &chosen)?;
        session.must_be_signed_in = true;
        Ok(session)
    }

    /// [`Session::start`], and waits for the server's greeting.
    ///
    /// # Errors
    /// As [`Session::next`].
    pub fn open(context: &mut Context) -> Result<Self, Failure> {
        let mut session = Self::start(context)?;
        session.greet()?;
        Ok(session)
    }

    /// Waits for the server's greeting.
    ///
    /// # Errors
    /// As [`Session::next`].
    pub fn greet(&mut self) -> Result<&Welcome, Failure> {
        while self.welcome.is_none() {
            self.next()?;
        }
        let Some(welcome) = &self.welcome else { unreachable!("waited for above") };
        Ok(welcome)
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The server's proven key.
    #[must_use]
    pub fn server_key(&self) -> Option<PublicKey> {
        self.key
    }

    /// The user, once the server has said who it is.
    pub fn account(&mut self) -> Option<Account> {
        self.event_loop.client().0.account().cloned()
    }

    /// The client, and what time it is for it.
    pub fn client(&mut self) -> (&mut Client, Time) {
        self.event_loop.client()
    }

    /// Ends the current or next wait from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.event_loop.waker()
    }

    /// A new id for a request.
    pub fn new_id(&mut self) -> RequestId {
        self.event_loop.client().0.new_id(EventLoop::time_ms())
    }

    /// Sends a request without waiting.
    pub fn request(&mut self, request: &Request) -> Tag {
        let (client, now) = self.event_loop.client();
        let tag = client.request(now, request);
        self.be_patient();
        tag
    }

    /// Sends a request and waits for an answer that is not a no.
    ///
    /// # Errors
    /// The refusal, or as [`Session::next`].
    pub fn ask(&mut self, request: &Request) -> Result<Reply, Failure> {
        accepted(self.ask_plainly(request)?)
    }

    /// Sends a request and waits for its answer, whatever that is.
    ///
    /// # Errors
    /// As [`Session::next`].
    pub fn ask_plainly(&mut self, request: &Request) -> Result<Reply, Failure> {
        let tag = self.request(request);
        loop {
            if let Happening::Event(event) = self.next()?
                && let ClientEvent::Reply { tag: answered, reply } = *event
                && answered == tag
            {
                return Ok(reply);
            }
        }
    }

    /// From now on there may be no progress for as long as at the start.
    pub fn be_patient(&mut self) {
        self.patient_until = Some(Instant::now() + PATIENCE);
    }

    /// From now on the caller says when a message of an earlier command was refused.
    pub fn leave_refusals_to_caller(&mut self) {
        self.refusals_of_others = RefusalsOfOthers::ByTheCaller;
    }

    /// There is nothing to wait for: silence is no failure, and neither is a lost connection.
    pub fn be_calm(&mut self) {
        self.patient_until = None;
    }

    /// Waits for what happens next.
    ///
    /// # Errors
    /// Status 130 or 143 if a signal says so, 3 if time is up, 4 if the device is not signed in where it must be, 5 if the server is not to be trusted, 1 if
    /// it speaks another version or the outbox fails.
    pub fn next(&mut self) -> Result<Happening, Failure> {
        let until = [self.until, self.patient_until].into_iter().flatten().min();
        let event = match self.event_loop.turn(until)? {
            Turn::Event(event) => event,
            Turn::Woken => return Ok(Happening::Woken),
            Turn::Signal(signal) => return Err(ended_by(signal)),
            Turn::TimedOut if self.patient_until.is_none() => return Ok(Happening::TimeIsUp),
            Turn::TimedOut => return Err(self.unreached()),
        };
        if !matches!(*event, ClientEvent::Offline { .. }) && self.patient_until.is_some() {
            self.be_patient();
        }
        self.judge(&event)?;
        Ok(Happening::Event(event))
    }

    /// Lets time pass, whatever happens meanwhile; `false` if the time of the whole command is over before.
    ///
    /// # Errors
    /// As [`Session::next`], but a lost connection is no failure.
    pub fn pass(&mut self, delay: Duration) -> Result<bool, Failure> {
        self.be_calm();
        let pass_until = Instant::now() + delay;
        let until = self.until.map_or(pass_until, |until| until.min(pass_until));
        loop {
            match self.event_loop.turn(Some(until))? {
                Turn::Event(event) => self.judge(&event)?,
                Turn::Woken => {}
                Turn::Signal(signal) => return Err(ended_by(signal)),
                Turn::TimedOut => return Ok(until == pass_until),
            }
        }
    }

    fn judge(&mut self, event: &ClientEvent) -> Result<(), Failure> {
        match event {
            ClientEvent::ServerKey(key) => self.decide_on_key(key),
            ClientEvent::ServerKeyChanged { known, told } => {
                let server = &self.profile.name().server;
                let sentence = format!(
                    "{server} says that its key is {}, but it was {}: somebody may be listening in, or it was set up anew",
                    told.fingerprint(),
                    known.fingerprint(),
                );
                Err(key_failure(&sentence, &self.known_servers))
            }
            ClientEvent::Online { key, welcome } => {
                self.key = Some(*key);
                self.known_servers.remember(&self.profile.name().server, key)?;
                self.last_reason = None;
                self.welcome = Some(welcome.clone());
                if self.must_be_signed_in && welcome.account.is_none() {
                    return Err(self.not_signed_in(welcome));
                }
                Ok(())
            }
            ClientEvent::Offline { reason, .. } => {
                self.last_reason = Some(reason.clone());
                match reason {
                    CloseReason::VersionMismatch { .. } => Err(Failure::new(Exit::Refused, reason)),
                    _ if self.event_loop.look_up_failure().is_some() && self.patient_until.is_some() => Err(self.unreached()),
                    _ => Ok(()),
                }
            }
            ClientEvent::SignedOut(refusal) => Err(refusal.clone().into()),
            ClientEvent::OutboxFailed(error) => Err(Failure::new(Exit::Refused, error)),
            ClientEvent::Posted { own: false, outcome: Err(refusal), .. }
                if self.refusals_of_others == RefusalsOfOthers::ToStandardError =>
            {
                // That nobody reads standard error is no failure.
                let _ = writeln!(io::stderr(), "udpchat-cli: {}", printable(&refused_of_others(&refusal.sentence)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn decide_on_key(&mut self, key: &PublicKey) -> Result<(), Failure> {
        let server = &self.profile.name().server;
        let fingerprint = key.fingerprint();
        let trusted = if self.trust {
            true
        } else if prompt::somebody_is_there() {
            let question = format!(
                "{server} was never met. Its key is {fingerprint}\nCompare this with what the server printed at its start. \
                 Is it the same?"
            );
            // Nobody is greeted yet, so nobody is owed a goodbye.
            self.ends_at_once.store(true, Ordering::SeqCst);
            let answer = prompt::confirm(&question, "--trust or a URL with ?key=")?;
            self.ends_at_once.store(false, Ordering::SeqCst);
            answer
        } else {
            false
        };
        if !trusted {
            let sentence =
                format!("the key of {server} is unknown ({fingerprint}); if it is right, use --trust or a URL with ?key={key}");
            return Err(Failure::new(Exit::ServerKey, sentence));
        }
        // Somebody may have thought for a while.
        self.be_patient();
        let (client, now) = self.event_loop.client();
        client.trust_server_key(now, *key);
        Ok(())
    }

    fn not_signed_in(&mut self, welcome: &Welcome) -> Failure {
        let name = self.profile.name();
        let log_in = format!("log in first: udpchat-cli login 'udpchat://{name}'");
        let why = match &welcome.refusal {
            None => format!("the server does not know this device; {log_in}"),
            // Logging in would meet the same, and the sentence says what helps.
            Some(refusal) if matches!(refusal.code(), RefusalCode::AccountDisabled | RefusalCode::AccountDeleted) => {
                refusal.sentence.clone()
            }
            Some(refusal) => format!("{}; {log_in}", refusal.sentence),
        };
        let unsent = self.unsent().map(|unsent| format!("; {unsent}")).unwrap_or_default();
        Failure::new(Exit::Denied, why + &unsent)
    }

    fn unreached(&mut self) -> Failure {
        let server = self.profile.name().server.to_string();
        let is_online = self.event_loop.client().0.is_online();
        let why = match (self.event_loop.look_up_failure(), &self.last_reason) {
            (Some(error), _) => format!("{server} cannot be looked up: {error}"),
            (None, _) if is_online => format!("{server} did not answer in time"),
            (None, Some(reason)) => format!("{server} was not reached: {reason}"),
            (None, None) => format!("{server} was not reached"),
        };
        let unsent = self.unsent().map(|unsent| format!("; {unsent}")).unwrap_or_default();
        Failure::new(Exit::Unreached, why + &unsent)
    }

    /// What is to be said about messages without an outcome, if there are any.
    pub fn unsent(&mut self) -> Option<String> {
        match self.event_loop.client().0.unsent_count() {
            Ok(0) | Err(_) => None,
            Ok(1) => Some("1 message stays in the outbox and goes with the next command that gets through".to_owned()),
            Ok(count) => Some(format!("{count} messages stay in the outbox and go with the next command")),
        }
    }

    /// Sends what older commands left behind, if that goes quickly.
    pub fn finish(mut self) {
        let farewell_until = Instant::now() + FAREWELL;
        self.until = Some(self.until.map_or(farewell_until, |until| until.min(farewell_until)));
        while self.event_loop.client().0.account().is_some() && !self.event_loop.client().0.is_idle() {
            match self.next() {
                Ok(Happening::Event(event)) if !matches!(*event, ClientEvent::PostsHalted(_)) => {}
                _ => break,
            }
        }
    }
}

/// However a command ends, it says goodbye: else the server would keep the connection, and show the user as there, until
/// it has been silent for long.
impl Drop for Session {
    fn drop(&mut self) {
        self.event_loop.close();
        self.ends_at_once.store(true, Ordering::SeqCst);
    }
}

/// A signal asked the program to end.
fn ended_by(signal: i32) -> Failure {
    Failure::Silent(if signal == SIGTERM { Exit::Terminated } else { Exit::Interrupted })
}

/// A message that another command put into the outbox was refused, for this reason.
#[must_use]
pub fn refused_of_others(sentence: &str) -> String {
    format!("a message of an earlier command was refused, and is not kept: {sentence}")
}

/// The reply, unless it is a no.
///
/// # Errors
/// The refusal's status and sentence.
pub fn accepted(reply: Reply) -> Result<Reply, Failure> {
    match reply {
        Reply::Refused(refusal) => Err(refusal.into()),
        Reply::Unsupported => Err(Failure::new(Exit::Refused, "the server does not know this request; it is older")),
        reply => Ok(reply),
    }
}

/// The server answered with another kind of reply than its version promises.
#[must_use]
pub fn unexpected() -> Failure {
    Failure::new(Exit::Refused, "the server gave an answer that does not belong to the question")
}

fn key_failure(sentence: &str, known_servers: &KnownServers) -> Failure {
    let path = known_servers.path().display();
    Failure::new(Exit::ServerKey, format!("{sentence}. If you know that this is right, remove its line from {path}"))
}

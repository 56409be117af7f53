//! How a command ends: its exit status, which scripts depend on, and one sentence for the person.

use std::fmt;
use std::io;

use crate::client::{LocalError, ProfileError, UrlError};
use crate::message::{NameError, Refusal, RefusalClass, TextError};

/// An exit status other than 0, "the promise is met".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Refused by the server, or the user's or this machine's error.
    Refused = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The server was not reached before the promise was met.
    Unreached = 3,
    /// Not signed in, a wrong password, or not allowed.
    Denied = 4,
    /// The server's key is unknown or has changed.
    ServerKey = 5,
    /// Too much at once.
    RateLimited = 6,
    /// The message is stored, but the level that was waited for was not reached in time.
    LevelMissed = 7,
    /// Ctrl-C, or SIGINT from elsewhere.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

/// Why a command did not do what it promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It says so and ends with this status.
    Told(Exit, String),
    /// It has said all there is to say.
    Silent(Exit),
    /// Nobody reads standard output any more: the command ends quietly with status 0, as `head` wants it.
    ReaderGone,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(exit: Exit, sentence: impl fmt::Display) -> Self {
        Self::Told(exit, sentence.to_string())
    }

    /// The status to exit with.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Told(exit, _) | Self::Silent(exit) => *exit as u8,
            Self::ReaderGone => 0,
        }
    }

    /// What to say on standard error.
    #[must_use]
    pub fn sentence(&self) -> Option<&str> {
        match self {
            Self::Told(_, sentence) => Some(sentence),
            Self::Silent(_) | Self::ReaderGone => None,
        }
    }
}

/// The status that a refusal of this class means.
#[must_use]
pub fn exit_of(class: RefusalClass) -> Exit {
    match class {
        RefusalClass::Request | RefusalClass::Later => Exit::Refused,
        RefusalClass::Permission => Exit::Denied,
        RefusalClass::Rate => Exit::RateLimited,
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let wait = match refusal.retry_after_ms {
            0 => String::new(),
            wait_ms => format!(" (try again in {} s)", wait_ms.div_ceil(1_000)),
        };
        Self::Told(exit_of(refusal.class), format!("{}{wait}", refusal.sentence))
    }
}

/// Standard output or the terminal failed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::new(Exit::Refused, format!("standard input or output failed: {error}"))
        }
    }
}

macro_rules! users_or_machines_error {
    ($($error:ty)*) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(Exit::Refused, error)
            }
        }
    )* };
}

users_or_machines_error!(LocalError ProfileError NameError TextError UrlError);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::RefusalCode;

    #[test]
    fn the_class_of_a_refusal_fixes_the_status() {
        let status = |code| Failure::from(Refusal::new(code, "no")).status();
        assert_eq!(status(RefusalCode::NoSuchRoom), 1);
        assert_eq!(status(RefusalCode::ReadOnly), 1);
        assert_eq!(status(RefusalCode::NotMember), 4);
        assert_eq!(status(RefusalCode::TooMany), 6);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure_to_speak_of() {
        let gone = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((gone.status(), gone.sentence()), (0, None));
        assert_eq!(Failure::from(io::Error::other("disk")).status(), 1);
    }
}

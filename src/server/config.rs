//! What an operator may choose, and where the choices come from.
//!
//! Every setting has a default, a key in `DIR/udpchat.toml`, an environment variable and, where it matters daily, a flag.
//! The flag wins over the environment, that over the file, that over the default; the program merges the first two, this
//! file the rest. A key that does not exist is refused with the nearest one that does, so that a slip of the pen is never a
//! silent default.

use super::allowance::AllowanceConfig;
use super::filing::FileLimits;
use crate::chaos::Weather;
use crate::message::Registration;
use crate::transport::{Admission, Config as TransportConfig, HelloPolicy, Tracing};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::Path;
use thiserror::Error;
use tracing::level_filters::LevelFilter;

/// The port of a server or a URL that names none.
pub const DEFAULT_PORT: u16 = 4747;

/// Everything the server can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Addresses to listen on; empty: every address of this machine, port 4747.
    pub listen: Vec<SocketAddr>,
    /// Whether people may come without a password.
    pub guests: bool,
    /// Who may register.
    pub registration: Registration,
    /// Whether to make a new code for becoming the server's admin, although there was one before; a flag only.
    pub new_claim: bool,
    /// Whether the server shows its key to whoever asks; `false` makes it silent to all who lack the key.
    pub hello: bool,
    /// How much is logged.
    pub log: LevelFilter,
    /// What may grow how far.
    pub limits: Limits,
    /// A bad network to try out; a flag only.
    pub chaos: Option<Weather>,
}

/// What may grow how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Connections at a time; more are met with silence. At most 2^24.
    pub connections_max: u32,
    /// Connections of one device at a time.
    pub connections_per_device_max: u32,
    /// Handshakes a second above which strangers must first prove their address.
    pub cookie_above_per_s: u32,
    /// Handshakes a second in all; more are met with silence, so that strangers never take the time of those who are in.
    pub handshakes_per_s_max: u32,
    /// Handshakes a second from one address prefix (IPv4 /24, IPv6 /48); this machine's own addresses are exempt.
    pub handshakes_per_prefix_per_s_max: u32,
    /// Threads that hash passwords; 0: one less than the machine has cores, at least one. Each needs 19 MiB while it works.
    pub hashing_threads: u32,
    /// Logs that one session follows at a time.
    pub follows_per_session_max: u32,
    /// Days for which a guest is kept who is not seen; 0: for ever.
    pub guest_days: u32,
    /// Requests of one user a second, other than messages; ten times as many at once.
    pub requests_per_user_per_s: u32,
    /// Messages of one user a second; ten times as many at once.
    pub posts_per_user_per_s: u32,
    /// New accounts an hour from one address prefix (IPv4 /24, IPv6 /48), guests included; half as many at once.
    pub registrations_per_prefix_per_hour: u32,
    /// Wrong passwords an hour from one address prefix.
    pub wrong_passwords_per_prefix_per_hour: u32,
    /// Whether this machine's own addresses are exempt from the four limits above.
    pub loopback_exempt: bool,
    /// Bytes of one file; 0: the server keeps no files.
    pub file_len_max: u64,
    /// Bytes of all files of one user; 0: the server keeps no files.
    pub files_per_user_len_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            guests: false,
            registration: Registration::Open,
            new_claim: false,
            hello: true,
            log: LevelFilter::INFO,
            limits: Limits::default(),
            chaos: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 250_000,
            connections_per_device_max: 8,
            cookie_above_per_s: 200,
            handshakes_per_s_max: 2_000,
            handshakes_per_prefix_per_s_max: 50,
            hashing_threads: 0,
            follows_per_session_max: 1_024,
            guest_days: 30,
            requests_per_user_per_s: AllowanceConfig::DEFAULT.requests_per_user,
            posts_per_user_per_s: AllowanceConfig::DEFAULT.posts_per_user,
            registrations_per_prefix_per_hour: AllowanceConfig::DEFAULT.registrations_per_prefix,
            wrong_passwords_per_prefix_per_hour: AllowanceConfig::DEFAULT.wrong_passwords_per_prefix,
            loopback_exempt: AllowanceConfig::DEFAULT.is_loopback_exempt,
            file_len_max: 8 << 20,
            files_per_user_len_max: 1 << 30,
        }
    }
}

/// Why the settings cannot be used, in words for the operator.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no TOML, or a value has the wrong type.
    #[error("{path}: {what}")]
    Malformed {
        /// The file.
        path: String,
        /// What the reader says.
        what: String,
    },
    /// A key that does not exist.
    #[error("{path}: there is no setting `{key}`{}", .nearest.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownKey {
        /// The file.
        path: String,
        /// What stands there.
        key: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// A value outside its range.
    #[error("{path}: {what}")]
    OutOfRange {
        /// The file.
        path: String,
        /// Which value, and the range.
        what: String,
    },
}

/// The file as written. Every key is in [`KEYS`] too, for finding the nearest.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    listen: Vec<SocketAddr>,
    guests: Option<bool>,
    registration: Option<String>,
    hello: Option<bool>,
    log: Option<String>,
    limits: Limits,
}

const KEYS: &[&str] = &["listen", "guests", "registration", "hello", "log", "limits"];
const LIMIT_KEYS: &[&str] = &[
    "connections_max",
    "connections_per_device_max",
    "cookie_above_per_s",
    "handshakes_per_s_max",
    "handshakes_per_prefix_per_s_max",
    "hashing_threads",
    "follows_per_session_max",
    "guest_days",
    "requests_per_user_per_s",
    "posts_per_user_per_s",
    "registrations_per_prefix_per_hour",
    "wrong_passwords_per_prefix_per_hour",
    "loopback_exempt",
    "file_len_max",
    "files_per_user_len_max",
];

impl Config {
    /// Reads `path`; the defaults if there is no such file and `must_exist` is false.
    ///
    /// # Errors
    /// [`ConfigError`] says what to mend.
    pub fn read(path: &Path, must_exist: bool) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &shown),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => Ok(Self::default()),
            Err(source) => Err(ConfigError::Unreadable { path: shown, source }),
        }
    }

    /// Reads settings from `text`, called `path` in errors.
    ///
    /// # Errors
    /// [`ConfigError`] says what to mend.
    pub fn parse(text: &str, path: &str) -> Result<Self, ConfigError> {
        let malformed = |error: &dyn std::fmt::Display| ConfigError::Malformed { path: path.to_owned(), what: error.to_string() };
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| malformed(&error))?;
        refuse_unknown(&table, KEYS, path)?;
        if let Some(limits) = table.get("limits").and_then(toml::Value::as_table) {
            refuse_unknown(limits, LIMIT_KEYS, path)?;
        }
        let file: File = toml::from_str(text).map_err(|error| malformed(&error))?;
        let log = match file.log {
            None => LevelFilter::INFO,
            Some(level) => level
                .parse()
                .map_err(|_| malformed(&format!("`log` is one of off, error, warn, info, debug, trace; not `{level}`")))?,
        };
        let registration = match file.registration {
            None => Registration::Open,
            Some(word) => registration(&word).map_err(|what| malformed(&what))?,
        };
        let config = Self {
            listen: file.listen,
            guests: file.guests.unwrap_or(false),
            registration,
            new_claim: false,
            hello: file.hello.unwrap_or(true),
            log,
            limits: file.limits,
            chaos: None,
        };
        config.limits.check().map_err(|what| ConfigError::OutOfRange { path: path.to_owned(), what })?;
        Ok(config)
    }
}

impl Config {
    /// The transport's settings under these settings.
    #[must_use]
    pub fn transport(&self, trace: Tracing) -> TransportConfig {
        TransportConfig { admission: self.admission(), trace, ..TransportConfig::server() }
    }

    /// How many bytes of files are kept under these settings.
    #[must_use]
    pub fn files(&self) -> FileLimits {
        FileLimits { file_len_max: self.limits.file_len_max, user_len_max: self.limits.files_per_user_len_max }
    }

    /// What the transport does for strangers under these settings.
    #[must_use]
    pub fn admission(&self) -> Admission {
        Admission {
            hello: if self.hello { HelloPolicy::Answer } else { HelloPolicy::Silent },
            unproven_rate: self.limits.cookie_above_per_s,
            prefix_rate: self.limits.handshakes_per_prefix_per_s_max,
            handshake_rate: self.limits.handshakes_per_s_max,
            connection_count_max: self.limits.connections_max,
            device_connection_count_max: self.limits.connections_per_device_max as usize,
            ..Admission::DEFAULT
        }
    }
}

impl Limits {
    fn check(&self) -> Result<(), String> {
        for (key, value, max) in [
            ("connections_max", self.connections_max, 1 << 24),
            ("connections_per_device_max", self.connections_per_device_max, 1_000_000),
            ("cookie_above_per_s", self.cookie_above_per_s, 1_000_000),
            ("handshakes_per_s_max", self.handshakes_per_s_max, 1_000_000),
            ("handshakes_per_prefix_per_s_max", self.handshakes_per_prefix_per_s_max, 1_000_000),
            ("follows_per_session_max", self.follows_per_session_max, 65_536),
            ("requests_per_user_per_s", self.requests_per_user_per_s, 100_000),
            ("posts_per_user_per_s", self.posts_per_user_per_s, 100_000),
            ("registrations_per_prefix_per_hour", self.registrations_per_prefix_per_hour, 1_000_000),
            ("wrong_passwords_per_prefix_per_hour", self.wrong_passwords_per_prefix_per_hour, 1_000_000),
        ] {
            if value == 0 || value > max {
                return Err(format!("`limits.{key}` is {value}; it can be 1 to {max}"));
            }
        }
        if self.hashing_threads > 256 {
            return Err(format!("`limits.hashing_threads` is {}; it can be 0 to 256", self.hashing_threads));
        }
        Ok(())
    }

    /// How much one person or one address may ask.
    #[must_use]
    pub fn allowances(&self) -> AllowanceConfig {
        AllowanceConfig {
            requests_per_user: self.requests_per_user_per_s,
            posts_per_user: self.posts_per_user_per_s,
            registrations_per_prefix: self.registrations_per_prefix_per_hour,
            wrong_passwords_per_prefix: self.wrong_passwords_per_prefix_per_hour,
            is_loopback_exempt: self.loopback_exempt,
        }
    }

    /// How many threads hash passwords.
    #[must_use]
    pub fn hashing_thread_count(&self) -> usize {
        match self.hashing_threads {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1)),
            threads => threads as usize,
        }
    }
}

/// Who may register, as settings and flags name it.
///
/// # Errors
/// A sentence that says which words there are.
pub fn registration(word: &str) -> Result<Registration, String> {
    match word {
        "open" => Ok(Registration::Open),
        "invite" => Ok(Registration::Invite),
        "closed" => Ok(Registration::Closed),
        other => Err(format!("`registration` is one of open, invite, closed; not `{other}`")),
    }
}

fn refuse_unknown(table: &toml::Table, known: &'static [&'static str], path: &str) -> Result<(), ConfigError> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let distance = |near: &&&str| strsim::damerau_levenshtein(key, near);
            let nearest = known.iter().min_by_key(distance).filter(|near| distance(near) <= 1 + key.len() / 3).copied();
            Err(ConfigError::UnknownKey { path: path.to_owned(), key: key.clone(), nearest })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Config::parse(text, "udpchat.toml").unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(Config::parse("", "udpchat.toml").unwrap(), Config::default());
    }

    #[test]
    fn every_key_can_be_set() {
        let config = Config::parse(
            "listen = [\"127.0.0.1:5000\", \"[::1]:5000\"]\nguests = true\nhello = false\nlog = \"debug\"\n\
             registration = \"invite\"\n\
             [limits]\nconnections_max = 5\nconnections_per_device_max = 6\ncookie_above_per_s = 7\nhandshakes_per_s_max = 10\n\
             handshakes_per_prefix_per_s_max = 11\nhashing_threads = 8\n\
             follows_per_session_max = 9\nrequests_per_user_per_s = 12\nposts_per_user_per_s = 13\n\
             registrations_per_prefix_per_hour = 14\nwrong_passwords_per_prefix_per_hour = 15\nloopback_exempt = false\nguest_days = 16\n\
             file_len_max = 16\nfiles_per_user_len_max = 17\n",
            "udpchat.toml",
        )
        .unwrap();
        assert_eq!((config.listen.len(), config.guests, config.hello, config.log), (2, true, false, LevelFilter::DEBUG));
        assert_eq!(config.registration, Registration::Invite);
        let limits = Limits {
            connections_max: 5,
            connections_per_device_max: 6,
            cookie_above_per_s: 7,
            handshakes_per_s_max: 10,
            handshakes_per_prefix_per_s_max: 11,
            hashing_threads: 8,
            follows_per_session_max: 9,
            guest_days: 16,
            requests_per_user_per_s: 12,
            posts_per_user_per_s: 13,
            registrations_per_prefix_per_hour: 14,
            wrong_passwords_per_prefix_per_hour: 15,
            loopback_exempt: false,
            file_len_max: 16,
            files_per_user_len_max: 17,
        };
        assert_eq!(config.limits, limits);
    }

    #[test]
    fn a_slip_of_the_pen_is_refused_with_the_nearest_key() {
        assert_eq!(refusal("lisen = []"), "udpchat.toml: there is no setting `lisen`; did you mean `listen`?");
        assert_eq!(
            refusal("[limits]\nconection_max = 1"),
            "udpchat.toml: there is no setting `conection_max`; did you mean `connections_max`?"
        );
        assert_eq!(refusal("colour = 1"), "udpchat.toml: there is no setting `colour`");
    }

    #[test]
    fn wrong_values_say_what_would_be_right() {
        assert!(refusal("guests = \"yes\"").contains("expected a boolean"));
        assert!(refusal("registration = \"maybe\"").contains("open, invite, closed"));
        assert!(refusal("log = \"loud\"").contains("off, error, warn, info, debug, trace"));
        assert!(refusal("[limits]\nconnections_max = 0").contains("1 to 16777216"));
        assert!(refusal("listen = [\"here\"]").contains("listen"));
    }
}

//! Which key each server had when it was first met: one line `HOST:PORT KEY` each, like SSH's `known_hosts`.
//!
//! A server is written down only after it has proved its key in a handshake. A changed key is never written over the old one
//! by a program: a person removes the line.

use std::fmt::Write;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::files;
use super::url::HostPort;
use crate::crypto::PublicKey;

/// The file of known servers.
#[derive(Debug, Clone)]
pub struct KnownServers {
    path: PathBuf,
}

/// What is known of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It was never met.
    Never,
    /// It had this key.
    Key(PublicKey),
    /// There is a line for it that cannot be read.
    Unreadable,
}

impl KnownServers {
    /// The file at `path`, which need not be there yet.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where the file is, to tell a person whose server changed its key.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of `server`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn look_up(&self, server: &HostPort) -> io::Result<Known> {
        let text = files::read_text(&self.path)?.unwrap_or_default();
        let server = server.to_string();
        let line = text.lines().filter_map(|line| line.trim().split_once(' ')).find(|(name, _)| *name == server);
        Ok(match line.map(|(_, key)| key.trim().parse()) {
            None => Known::Never,
            Some(Ok(key)) => Known::Key(key),
            Some(Err(_)) => Known::Unreadable,
        })
    }

    /// Writes down that `server` has `key`, unless something is written about it already.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn remember(&self, server: &HostPort, key: &PublicKey) -> io::Result<()> {
        // Two processes may each meet another server at once: read and write under a lock of its own.
        let lock_path = self.path.with_extension("lock");
        let lock = OpenOptions::new().create(true).append(true).open(lock_path)?;
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| io::Error::from(errno))?;
        if self.look_up(server)? != Known::Never {
            return Ok(());
        }
        let mut text = files::read_text(&self.path)?.unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let _ = writeln!(text, "{server} {key}");
        files::write_whole(&self.path, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_of_a_server_stays() {
        let dir = tempfile::tempdir().unwrap();
        let known = KnownServers::at(dir.path().join("known_servers"));
        let [one, two]: [HostPort; 2] = ["one:1".parse().unwrap(), "[::1]:2".parse().unwrap()];
        assert_eq!(known.look_up(&one).unwrap(), Known::Never);
        known.remember(&one, &PublicKey([1; 32])).unwrap();
        known.remember(&two, &PublicKey([2; 32])).unwrap();
        known.remember(&one, &PublicKey([3; 32])).unwrap();
        assert_eq!(known.look_up(&one).unwrap(), Known::Key(PublicKey([1; 32])));
        assert_eq!(known.look_up(&two).unwrap(), Known::Key(PublicKey([2; 32])));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_not_a_server_never_met() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_servers");
        std::fs::write(&path, "# a remark\none:4747 damaged\n").unwrap();
        assert_eq!(KnownServers::at(path).look_up(&"one".parse().unwrap()).unwrap(), Known::Unreadable);
    }
}

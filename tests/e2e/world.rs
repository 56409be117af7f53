//! A folder with a server in it and people around it.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use super::person::{PASSWORD, Person, url};
use super::program::{Ended, Program};

/// A running server program.
#[derive(Debug)]
pub struct Server {
    /// The program.
    pub program: Program,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its key as URLs write it.
    pub key: String,
}

impl Server {
    /// Starts a server and waits until it has said where it listens and how to connect.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        let mut program = Program::start(env!("CARGO_BIN_EXE_udpchat"), args, folder);
        program.wait_for("connect  ");
        let line = program.out.iter().find(|line| line.starts_with("connect  ")).expect("waited for");
        let (_, place) = line.split_once("udpchat-cli register 'udpchat://NAME@").expect("it can be pasted into a shell");
        let (address, key) = place.trim_end_matches('\'').split_once("?key=").expect("it has the key");
        let (address, key) = (address.parse().expect("an address"), key.to_owned());
        Self { program, address, key }
    }

    /// Its key as people compare it.
    pub fn fingerprint(&self) -> &str {
        let line = self.program.out.iter().find_map(|line| line.strip_prefix("key  "));
        line.expect("it says so at its start").trim_start()
    }
}

/// A server and the homes of people, in a folder that goes away with them.
#[derive(Debug)]
pub struct World {
    /// The server.
    pub server: Server,
    args: Vec<String>,
    folder: TempDir,
}

impl World {
    /// A server on a free port.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A server on a free port, with these options.
    pub fn with(options: &[&str]) -> Self {
        Self::listening("127.0.0.1:0".parse().expect("an address"), options)
    }

    /// A server that can be restarted on the same port: one that the system does not give to others meanwhile.
    pub fn restartable() -> Self {
        Self::listening(lasting_address(), &[])
    }

    fn listening(address: SocketAddr, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut args = vec!["--data".to_owned(), "D".to_owned(), "--listen".to_owned(), address.to_string()];
        args.extend(options.iter().map(ToString::to_string));
        let server = start(folder.path(), &args);
        Self { server, args, folder }
    }

    /// Where everything is.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// kill -9 and start again, same port, same data.
    pub fn kill_and_restart_server(&mut self) {
        self.server.program.kill();
        self.restart_server();
    }

    /// Starts the server again, same port, same data.
    pub fn restart_server(&mut self) {
        let before = (self.server.address, self.server.key.clone());
        self.server = start(self.folder.path(), &self.args);
        assert_eq!((self.server.address, self.server.key.clone()), before);
    }

    /// Somebody who has the line to connect with and a home in the folder of that name.
    pub fn newcomer(&self, name: &str, home: &str) -> Person {
        self.newcomer_through(self.server.address, name, home)
    }

    /// As [`World::newcomer`], for whom the server is at `address`.
    pub fn newcomer_through(&self, address: SocketAddr, name: &str, home: &str) -> Person {
        Person::new(self.folder.path().join(home), url(name, address, Some(&self.server.key)))
    }

    /// Somebody who has registered.
    pub fn person(&self, name: &str) -> Person {
        self.person_through(self.server.address, name)
    }

    /// Somebody who has registered, and for whom the server is at `address`.
    pub fn person_through(&self, address: SocketAddr, name: &str) -> Person {
        let person = self.newcomer_through(address, name, name);
        person.register(PASSWORD).well();
        person
    }

    /// Runs another server program in the folder, to its end.
    pub fn run_server(&self, args: &[&str]) -> Ended {
        Program::start(env!("CARGO_BIN_EXE_udpchat"), args, self.folder.path()).end()
    }
}

fn start(folder: &Path, args: &[String]) -> Server {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Server::start(folder, &args)
}

/// An address with a free port below those that the system gives to whoever asks for any.
fn lasting_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 200).expect("it is small") * 50;
    (0..500)
        .map(|_| SocketAddr::from(([127, 0, 0, 1], 20_000 + start + NEXT.fetch_add(1, Ordering::Relaxed))))
        .find(|address| UdpSocket::bind(address).is_ok())
        .expect("some port is free")
}

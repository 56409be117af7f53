//! Asking the person at the terminal: a question, or a password without showing it.
//!
//! Both speak to the terminal itself, not to standard input and output, so that neither a pipe nor `--json` is disturbed. The
//! password is read key by key with echo and signals off, so that Ctrl-C cannot leave the terminal silent.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};

use nix::sys::termios::{self, LocalFlags, SetArg, SpecialCharacterIndices, Termios};
use zeroize::Zeroizing;

use super::exit::{Exit, Failure};
use super::human::printable;
use crate::message::{PASSWORD_LEN_MAX, PASSWORD_LEN_MIN, Password};

/// Whether somebody is there to be asked.
#[must_use]
pub fn somebody_is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks a question that is answered by yes or no; an empty answer is no. Where nobody can be asked, `instead` helps.
///
/// # Errors
/// If the terminal fails.
pub fn confirm(question: &str, instead: &str) -> Result<bool, Failure> {
    let mut terminal = terminal(instead)?;
    write!(terminal, "{question} [y/N] ")?;
    let mut answer = String::new();
    BufReader::new(terminal).take(1_024).read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The terminal of this session, whatever standard input and output are; without one the question can be avoided by `instead`.
fn terminal(instead: &str) -> Result<File, Failure> {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/tty");
    opened.map_err(|error| Failure::new(Exit::Usage, format!("there is no terminal to ask at: {error}; use {instead}")))
}

/// Where a password comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordSource {
    /// The next line of standard input.
    Stdin,
    /// The person at the terminal.
    Prompt,
}

/// Gets a password from `source` and checks its length; `what` names it to the person.
///
/// # Errors
/// Status 1 for a password that is too short or too long, 2 if nobody is there to type it.
pub fn password(source: PasswordSource, what: &str) -> Result<Password, Failure> {
    let typed = match source {
        PasswordSource::Stdin => line_of_stdin()?,
        PasswordSource::Prompt => secret(&format!("{what}: "))?,
    };
    let password = Password::new(typed.to_string());
    if !password.has_good_len() {
        let sentence = format!("a password has {PASSWORD_LEN_MIN} to {PASSWORD_LEN_MAX} bytes");
        return Err(Failure::new(Exit::Refused, sentence));
    }
    Ok(password)
}

/// Gets a new password, which a person has to type twice.
///
/// # Errors
/// As [`password`], and status 1 if the two differ.
pub fn new_password(source: PasswordSource, what: &str) -> Result<Password, Failure> {
    let first = password(source, what)?;
    if source == PasswordSource::Prompt && secret(&format!("{what}, once more: "))?.as_bytes() != first.as_bytes() {
        return Err(Failure::new(Exit::Refused, "the two passwords differ"));
    }
    Ok(first)
}

/// One line, byte by byte, so that what follows stays for whoever reads next.
fn line_of_stdin() -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(PASSWORD_LEN_MAX + 2));
    let mut stdin = io::stdin().lock();
    let mut byte = [0];
    while stdin.read(&mut byte)? == 1 && byte != *b"\n" {
        if bytes.len() > PASSWORD_LEN_MAX {
            return Err(Failure::new(Exit::Refused, format!("a password has at most {PASSWORD_LEN_MAX} bytes")));
        }
        bytes.extend(byte);
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    utf_8(&bytes)
}

fn utf_8(bytes: &[u8]) -> Result<Zeroizing<String>, Failure> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Failure::new(Exit::Refused, "the password is not UTF-8")),
    }
}

fn secret(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if !somebody_is_there() {
        let sentence = "nobody is at the terminal to type a password; use --password-stdin";
        return Err(Failure::new(Exit::Usage, sentence));
    }
    let mut terminal = terminal("--password-stdin")?;
    let before = termios::tcgetattr(&terminal).map_err(io::Error::from)?;
    let mut silent: Termios = before.clone();
    silent.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
    silent.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
    silent.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
    termios::tcsetattr(&terminal, SetArg::TCSAFLUSH, &silent).map_err(io::Error::from)?;
    // Asked only now: what is typed at once is neither shown nor thrown away.
    let asked = write!(terminal, "{}", printable(prompt));
    let typed = asked.map_err(Failure::from).and_then(|()| read_keys(&mut terminal));
    termios::tcsetattr(&terminal, SetArg::TCSAFLUSH, &before).map_err(io::Error::from)?;
    writeln!(terminal)?;
    typed
}

fn read_keys(terminal: &mut File) -> Result<Zeroizing<String>, Failure> {
    let mut typed = Zeroizing::new(Vec::with_capacity(2 * PASSWORD_LEN_MAX));
    let mut key = [0];
    loop {
        if terminal.read(&mut key)? == 0 {
            return utf_8(&typed);
        }
        match key[0] {
            b'\r' | b'\n' | 0x04 => return utf_8(&typed),
            0x03 => return Err(Failure::Silent(Exit::Interrupted)),
            // Ctrl-U
            0x15 => typed.clear(),
            // A character of several bytes goes as a whole.
            0x08 | 0x7f => while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            byte if typed.len() < 2 * PASSWORD_LEN_MAX => typed.push(byte),
            _ => {}
        }
    }
}

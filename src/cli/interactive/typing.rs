//! The person's keyboard: a line editor in a thread of its own, and a way to print above the line being typed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use nix::sys::termios::{self, SetArg, Termios};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, ExternalPrinter, Helper};

use super::super::lines::{InputLine, Lines};
use crate::client::Waker;

/// The line editor's thread. It reads one line each time it is told the prompt, so that it does not hold the terminal while
/// the program ends.
#[derive(Debug)]
pub struct Typing {
    prompts: Sender<String>,
    terminal: Option<Termios>,
    has_typed: Arc<AtomicBool>,
}

/// Notices that somebody types a line that is for others: the editor asks it for a hint at every key.
struct Keys {
    has_typed: Arc<AtomicBool>,
    waker: Waker,
}

impl Hinter for Keys {
    type Hint = String;

    fn hint(&self, line: &str, _: usize, _: &Context<'_>) -> Option<String> {
        let is_text = !line.trim().is_empty() && !line.starts_with('/');
        if is_text && !self.has_typed.swap(true, Ordering::Relaxed) {
            self.waker.wake();
        }
        None
    }
}

impl Completer for Keys {
    type Candidate = String;
}

impl Highlighter for Keys {}

impl Validator for Keys {}

impl Helper for Keys {}

type LineEditor = Editor<Keys, DefaultHistory>;

impl Typing {
    /// Takes the terminal over; `waker` is woken at each line.
    ///
    /// # Errors
    /// If the terminal cannot be used so, or the system gives no thread.
    pub fn start(waker: Waker) -> io::Result<(Self, Lines, Box<dyn ExternalPrinter + Send>)> {
        let terminal = termios::tcgetattr(io::stdin()).ok();
        let mut editor = LineEditor::new().map_err(io::Error::other)?;
        let has_typed = Arc::new(AtomicBool::new(false));
        editor.set_helper(Some(Keys { has_typed: Arc::clone(&has_typed), waker: waker.clone() }));
        let printer = editor.create_external_printer().map_err(io::Error::other)?;
        let (prompts, told) = channel();
        let (send, received) = sync_channel(1);
        let edit = move || edit(&mut editor, &told, &send, || waker.wake());
        std::thread::Builder::new().name("typing".to_owned()).spawn(edit)?;
        Ok((Self { prompts, terminal, has_typed }, Lines::from_thread(received), Box::new(printer)))
    }

    /// Whether the person has typed at a text since this was asked last.
    #[must_use]
    pub fn take_typed(&self) -> bool {
        self.has_typed.swap(false, Ordering::Relaxed)
    }

    /// Lets the person type the next line behind `prompt`.
    pub fn next(&self, prompt: String) {
        // The thread ends only behind its last line, and then no prompt is wanted.
        let _ = self.prompts.send(prompt);
    }
}

impl Drop for Typing {
    /// Whatever the editor was doing: the terminal is left as it was found.
    fn drop(&mut self) {
        if let Some(terminal) = &self.terminal {
            let _ = termios::tcsetattr(io::stdin(), SetArg::TCSADRAIN, terminal);
        }
    }
}

fn edit(editor: &mut LineEditor, prompts: &Receiver<String>, send: &SyncSender<InputLine>, wake: impl Fn()) {
    let mut number = 0;
    while let Ok(prompt) = prompts.recv() {
        let line = match editor.readline(&prompt) {
            Ok(text) => {
                number += 1;
                if !text.trim().is_empty() {
                    let _ = editor.add_history_entry(&text);
                }
                InputLine::Line { number, text: Some(text) }
            }
            Err(ReadlineError::Interrupted) => InputLine::Interrupted,
            Err(ReadlineError::Eof) => InputLine::End,
            Err(error) => InputLine::Failed(io::Error::other(error)),
        };
        if send.send(line).is_err() {
            return;
        }
        wake();
    }
}

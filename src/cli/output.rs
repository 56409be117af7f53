//! Where lines go: standard output, for people or as JSON, or above the line that is being typed. Diagnostics go to standard
//! error, so that `--json` output is JSON only.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};

use rustyline::ExternalPrinter;

use super::human::{self, Style};
use super::json;
use super::line::Line;
use crate::message::{EventBody, UserId};

/// Whom the lines are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// People.
    Human(Style),
    /// Programs: JSON lines.
    Json,
}

enum Sink {
    Stdout,
    /// Prints above a line that is being typed.
    Above(Box<dyn ExternalPrinter + Send>),
}

/// The way out.
pub struct Output {
    format: Format,
    sink: Sink,
    /// Whose messages people do not want to see.
    ignored: BTreeSet<UserId>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({:?})", self.format)
    }
}

impl Output {
    /// To standard output.
    #[must_use]
    pub fn stdout(format: Format) -> Self {
        Self { format, sink: Sink::Stdout, ignored: BTreeSet::new() }
    }

    /// To the terminal, above the line that is being typed there.
    #[must_use]
    pub fn above(printer: Box<dyn ExternalPrinter + Send>) -> Self {
        Self { format: Format::Human(Style::Short), sink: Sink::Above(printer), ignored: BTreeSet::new() }
    }

    /// Whether programs read the lines.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// From now on, messages of these users are not shown to people, and marked for programs.
    pub fn ignore(&mut self, users: impl Iterator<Item = UserId>) {
        self.ignored = users.collect();
    }

    /// Prints a line at once.
    ///
    /// # Errors
    /// If nobody reads any more, or the device fails.
    pub fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        if let (Format::Human(_), Line::Event { event, .. }) = (self.format, line)
            && self.ignored.contains(&event.head.author)
            && matches!(event.content(), EventBody::Posted(_) | EventBody::Edited(_))
        {
            return Ok(());
        }
        let text = match self.format {
            Format::Human(style) => human::write(line, style),
            Format::Json => json::write(line, &self.ignored),
        };
        self.put(&text)
    }

    /// Says something that is not part of the output proper: to people who are typing, above their line, to all others on
    /// standard error.
    ///
    /// # Errors
    /// If the terminal fails. That nobody reads standard error is no error.
    pub fn remark(&mut self, text: &str) -> io::Result<()> {
        match &self.sink {
            Sink::Above(_) => self.put(&human::printable(text)),
            Sink::Stdout => {
                let _ = writeln!(io::stderr(), "udpchat-cli: {}", human::printable(text));
                Ok(())
            }
        }
    }

    /// Prints text of this program's own, such as help.
    ///
    /// # Errors
    /// If nobody reads any more, or the device fails.
    pub fn put(&mut self, text: &str) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout => {
                let mut out = io::stdout().lock();
                writeln!(out, "{text}")?;
                // Whoever reads a pipe wants each line when it is there.
                out.flush()
            }
            Sink::Above(printer) => printer.print(format!("{text}\n")).map_err(io::Error::other),
        }
    }
}

use std::io::{self, Read, Write};

use clap::builder::StyledStr;
use clap::builder::styling::{AnsiColor, Style};

/// What a command reads from and writes to.
pub struct Console<'a> {
    /// Where `-` is read from.
    pub input: &'a mut dyn Read,
    /// Where results go.
    pub out: Sink<'a>,
    /// Where errors, warnings and notes go.
    pub err: Sink<'a>,
}

/// Somewhere to write to, with colours where a person looks at it.
pub struct Sink<'a> {
    write: &'a mut dyn Write,
    is_terminal: bool,
    is_coloured: bool,
}

/// What a piece of text means, which decides how it looks in colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    /// Good, or added.
    Good,
    /// Bad, or removed.
    Bad,
    /// Worth a look.
    Warn,
    /// Where something is.
    Place,
    /// Of less interest.
    Faint,
}

impl<'a> Sink<'a> {
    /// A sink that is a terminal or isn't; colours are for terminals only, and only where the user lets them be.
    pub fn new(write: &'a mut dyn Write, is_terminal: bool, may_colour: bool) -> Self {
        Self {
            write,
            is_terminal,
            is_coloured: is_terminal && may_colour,
        }
    }

    /// Whether a person looks at it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// The text as it is to be written to this sink.
    pub(crate) fn paint(&self, ink: Ink, text: &str) -> String {
        let style = ink.style();
        if self.is_coloured && ink != Ink::Plain && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// Help, with its emphasis where that can be seen.
    pub(crate) fn help(&mut self, help: &StyledStr) -> io::Result<()> {
        if self.is_coloured {
            return self.text(&help.ansi().to_string());
        }
        self.text(&help.to_string())
    }

    /// Writes text that ends in a newline, or several lines of it.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.write.write_all(text.as_bytes())?;
        self.write.flush()
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: &str) -> io::Result<()> {
        self.text(&format!("{line}\n"))
    }
}

impl Ink {
    fn style(self) -> Style {
        let coloured = |colour: AnsiColor| colour.on_default();
        match self {
            Self::Plain => Style::new(),
            Self::Good => coloured(AnsiColor::Green),
            Self::Bad => coloured(AnsiColor::Red),
            Self::Warn => coloured(AnsiColor::Yellow),
            Self::Place => coloured(AnsiColor::Cyan),
            Self::Faint => Style::new().dimmed(),
        }
    }
}

impl std::fmt::Debug for Console<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Sink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink")
            .field("is_terminal", &self.is_terminal)
            .field("is_coloured", &self.is_coloured)
            .finish_non_exhaustive()
    }
}

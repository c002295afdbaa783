//! Where the demo is shown: redrawn in place on a terminal, else written line after line.

use std::io::{self, IsTerminal, Stdout, Write};

/// Another page, without cursor: what was on the terminal comes back at the end.
const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const CLOSE: &str = "\x1b[?25h\x1b[?1049l";

/// Standard output.
#[derive(Debug)]
pub(crate) struct Screen {
    out: Stdout,
    is_terminal: bool,
}

impl Screen {
    pub(crate) fn open() -> io::Result<Self> {
        let mut screen = Self {
            out: io::stdout(),
            is_terminal: io::stdout().is_terminal(),
        };
        if screen.is_terminal {
            screen.write(OPEN)?;
        }
        Ok(screen)
    }

    /// Whether pictures can be drawn over one another.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Draws a picture over the last one. What is left of that is cleared behind each line and below, not before, which
    /// would flicker.
    pub(crate) fn draw(&mut self, picture: &str) -> io::Result<()> {
        let lines = picture.replace('\n', "\x1b[K\r\n");
        self.write(&format!("\x1b[H{lines}\x1b[J"))
    }

    /// Gives the terminal back. Lines can be written still.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_terminal) {
            self.write(CLOSE)?;
        }
        Ok(())
    }

    pub(crate) fn line(&mut self, line: &str) -> io::Result<()> {
        self.write(&format!("{line}\n"))
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Fails only if the terminal is gone.
        let _ = self.close();
    }
}

//! Standard output: how wide it is, whether it shows colours, and lines on it.

use std::io::{self, IsTerminal, Write};

use ratatui::text::Line;

use super::text::{self, Colour};

/// Whether there is anybody who still reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reader {
    /// There is.
    There,
    /// It has read enough, as `head` does: no reason to complain, and none to go on.
    Gone,
}

/// The width of the terminal that standard output is; `None` if it is none, or does not say.
pub fn width() -> Option<usize> {
    if !is_terminal() {
        return None;
    }
    let size = ratatui::crossterm::terminal::size();
    size.ok().map(|(columns, _)| usize::from(columns)).filter(|&columns| columns > 0)
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard output is a terminal that can be drawn on.
pub fn is_screen() -> bool {
    is_terminal() && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

/// Colours and bars are for terminals that can draw, and for people who have not set NO_COLOR.
pub fn colour() -> Colour {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if is_screen() && !unwanted { Colour::With } else { Colour::Without }
}

/// Prints lines.
///
/// # Errors
///
/// The system's own, but for a reader that is gone.
pub fn print(lines: &[Line<'_>]) -> io::Result<Reader> {
    print_text(&text::text(lines, colour()))
}

/// Prints a text that has its own line ends.
///
/// # Errors
///
/// The system's own, but for a reader that is gone.
pub fn print_text(text: &str) -> io::Result<Reader> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error),
    }
}

//! What shows a running site on a terminal: `status`, `top`, `tail`.
//!
//! What is shown is made by pure functions of what the broker and the supervisor said; the drivers ask, draw and
//! read keys. All text from outside goes through [`text::printable`] before a terminal sees it.

pub mod events;
pub mod format;
pub mod jobs;
mod load;
pub mod operation;
pub mod output;
pub mod problems;
pub mod processes;
pub mod site;
pub mod status;
pub mod table;
pub mod tail;
mod terminal;
pub mod text;
pub mod top;
pub mod wait;
pub mod watch;

#[cfg(test)]
mod tests;

/// This moment, in seconds since the Unix epoch.
pub fn moment() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}

//! What shows a running site on a terminal: `status`, `top`, `tail`.
//!
//! What is shown is made by pure functions of what the broker and the supervisor said; the drivers ask, draw and
//! read keys. All text from outside goes through [`shown::printable`] before a terminal sees it.

pub mod figures;
pub mod jobs;
mod load;
pub mod news;
pub mod order;
pub mod output;
pub mod processes;
pub mod shown;
pub mod site;
pub mod status;
pub mod table;
pub mod tail;
mod terminal;
pub mod top;
pub mod troubles;
pub mod wait;
pub mod watch;

#[cfg(test)]
mod tests;

/// This moment, in seconds since the Unix epoch.
pub fn moment() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}

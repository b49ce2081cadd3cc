//! What shows a running site on a terminal: `status`, `top`, `tail`.
//!
//! What is shown is made by pure functions of what the broker and the supervisor said; the drivers ask, draw and
//! read keys. All text from outside goes through [`shown::printable`] before a terminal sees it.

pub mod figures;
pub mod order;
pub mod processes;
pub mod shown;
pub mod site;
pub mod status;
pub mod table;
pub mod troubles;

#[cfg(test)]
mod tests;

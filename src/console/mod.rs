//! What shows a running site on a terminal: `status`, `top`, `tail`.
//!
//! What is shown is made by pure functions of what the broker and the supervisor said; the drivers ask, draw and
//! read keys. All text from outside goes through [`shown::printable`] before a terminal sees it.

pub mod figures;
pub mod shown;
pub mod table;

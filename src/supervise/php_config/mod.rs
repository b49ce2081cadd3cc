//! PHP's `etc/config.php`, read and not executed.

mod fault;
mod lexer;
mod literal;
mod value;

pub use fault::{EntryFault, Fault, ReadError};

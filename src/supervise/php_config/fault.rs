//! What can be wrong with a configuration file, and where.

use thiserror::Error;

/// Why a file is not taken: `etc/config.php:14: cannot read include: …`.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{file}:{line}: {fault}")]
pub struct ReadError {
    /// The file as the owner named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is there.
    pub fault: Fault,
}

/// What stands in a file that cannot be taken.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Fault {
    /// PHP that does something, where we read only what says something.
    #[error("cannot read {0}: zmws does not execute PHP; write its outcome in its place, or use zmws.toml")]
    Code(String),
    /// What PHP takes for an error, too, or would warn of and go on without.
    #[error("{0}")]
    Mistake(String),
    /// Something else than must come.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What must come.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// A string or a comment that goes on to the end of the file.
    #[error("{0} begins here and never ends")]
    Unfinished(&'static str),
    /// More than a configuration needs, by far.
    #[error("{0}")]
    TooMuch(String),
    /// A program that the lists describe badly.
    #[error("{0}")]
    Entry(#[from] EntryFault),
}

/// What is wrong with an element of `$serverList` or `$workerList`.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum EntryFault {
    /// A list that is none.
    #[error("${0} is not an array")]
    NoList(&'static str),
    /// An element that is no array.
    #[error("{list}[{key}] is not an array")]
    NoArray {
        /// The list.
        list: &'static str,
        /// The element's key.
        key: String,
    },
    /// `name` or `file` is missing, or null, or empty.
    #[error("{list}[{key}] has no '{field}'")]
    Lacks {
        /// The list.
        list: &'static str,
        /// The element's key.
        key: String,
        /// `name` or `file`.
        field: &'static str,
    },
    /// Something that is a string neither as it is nor as PHP would write it.
    #[error("{what} is not text in UTF-8")]
    NoText {
        /// What: `'name' of $serverList[0]`.
        what: String,
    },
    /// `flags` that are no array.
    #[error("'flags' of {0:?} is not an array")]
    NoFlags(String),
    /// A name that cannot be part of the name of a file.
    #[error("the name {0:?} cannot name a pid file: it has a slash or a control character")]
    BadName(String),
    /// A name that another entry has.
    #[error("the name {name:?} is that of line {line}, too: both would have one pid file")]
    SameName {
        /// The name.
        name: String,
        /// The line of the first.
        line: usize,
    },
}

impl Fault {
    /// Names a piece of PHP that does something.
    pub(super) fn code(what: impl Into<String>) -> Self {
        Self::Code(what.into())
    }
}

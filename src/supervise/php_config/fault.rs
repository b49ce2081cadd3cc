//! What can be wrong with a configuration file, and where.

use std::io;

use thiserror::Error;

/// Why a file is not taken: `etc/config.php:14: syntax error, unexpected …`.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{place}: {fault}")]
pub struct ReadError {
    /// The file as the owner named it, or a file that it includes; with a line where there is one.
    pub place: String,
    /// What is wrong.
    pub fault: Fault,
}

/// Why what a file says cannot be taken.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Fault {
    /// There is no PHP to ask.
    #[error(
        "there is no program {0:?} to read it with: install PHP (on Debian, apt-get install php-cli), or write a zmws.toml (zmws config init)"
    )]
    NoPhp(String),
    /// PHP cannot be started.
    #[error("cannot run {php:?} to read it: {error}")]
    CannotRun {
        /// The program.
        php: String,
        /// The system's word.
        error: io::ErrorKind,
    },
    /// PHP does not end.
    #[error("PHP has not read it within {0} s")]
    TooSlow(u64),
    /// PHP ended without a word, or the file printed too much.
    #[error("PHP ends without saying what the file says")]
    NoAnswer,
    /// PHP's own message.
    #[error("PHP says: {0}")]
    Php(String),
    /// A program that the lists describe badly.
    #[error("{0}")]
    Entry(#[from] EntryFault),
}

/// What is wrong with an element of `$serverList` or `$workerList`.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum EntryFault {
    /// A list that is none.
    #[error("{0} is not an array")]
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
    #[error("the name {0:?} stands twice: both would have one pid file")]
    SameName(String),
}

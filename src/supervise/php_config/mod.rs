//! PHP's `etc/config.php`, read and not executed.
//!
//! PHP's start script includes that file, and uses `$serverList`, `$workerList` and two constants of it.
//! Owners write them as values: arrays, strings, numbers, constants, paths made with `dirname`. That part
//! of PHP is read here as PHP reads it, to the letter of a key and of a float; all else is refused with its
//! line, since a configuration that is half understood starts the wrong programs.
//!
//! Nothing is executed, and nothing is looked up: text in, values out. The depth of what is within each
//! other and the memory of all values are limited.

mod entries;
mod expression;
mod fault;
mod fleet;
mod import;
mod lexer;
mod literal;
mod own;
mod parser;
mod value;

#[cfg(test)]
mod carried;
#[cfg(test)]
mod tests;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub use fault::{EntryFault, Fault, ReadError};
pub use fleet::fleet;
pub use import::import;
pub use own::{Own, OwnFlag};

use parser::{Parser, Place};

/// What PHP's start script would take from the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PhpConfig {
    /// The file as the owner named it: `etc/config.php`.
    pub file: String,
    /// `$serverList`: broker, gateway, and what else.
    pub servers: Vec<Entry>,
    /// `$workerList`.
    pub workers: Vec<Entry>,
    /// The constant `HEARTBEAT_INTERVAL`, as PHP writes it into the environment.
    pub heartbeat_interval: Option<String>,
    /// The constant `HEARTBEAT_MAXTRIES`, as PHP writes it into the environment.
    pub heartbeat_maxtries: Option<String>,
    /// What the file says that has no effect here, a line each, with file and line.
    pub warnings: Vec<String>,
}

/// A program that the file lists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Names its pid file and its log. Has no slash; no two entries have the same.
    pub name: String,
    /// The script, from the folder in which PHP's start script runs.
    pub file: String,
    /// Its flags without dashes, and their values as PHP writes them: true is `1`, false and null are empty.
    pub flags: Vec<(String, String)>,
    /// Where it begins in the file, from 1.
    pub line: usize,
}

/// Why there is nothing to read, or why it is not taken.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("cannot read {file}: {source}")]
    Away {
        /// The file as the owner named it.
        file: String,
        /// The system's word.
        source: io::Error,
    },
    /// What it says cannot be taken.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Bytes of the longest file.
const LENGTH_MAX: usize = 1 << 20;

/// Reads the file at `path`.
///
/// # Errors
///
/// The file cannot be read, or [`read`] does not take it.
pub fn open(path: &Path) -> Result<PhpConfig, OpenError> {
    let file = path.display().to_string();
    let away = |source| OpenError::Away { file: file.clone(), source };
    let text = std::fs::read(path).map_err(away)?;
    let absolute = std::fs::canonicalize(path).map_err(away)?;
    Ok(read(&text, &file, &absolute)?)
}

/// Reads `text`. `file` is how errors and warnings name it, `absolute` what `__FILE__` is: the file's path
/// without links.
///
/// # Errors
///
/// The first thing that is not among what a configuration may say, with its line.
pub fn read(text: &[u8], file: &str, absolute: &Path) -> Result<PhpConfig, ReadError> {
    let place = Place { file: absolute.as_os_str().as_bytes() };
    let said = match text.len() {
        0..=LENGTH_MAX => Parser::read(text, place),
        length => {
            Err((1, Fault::TooMuch(format!("{length} bytes: a configuration has {LENGTH_MAX} at most"))))
        }
    };
    said.and_then(|said| entries::config(said, file)).map_err(|(line, fault)| ReadError {
        file: file.to_owned(),
        line,
        fault,
    })
}

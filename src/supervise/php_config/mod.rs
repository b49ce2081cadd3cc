//! PHP's `etc/config.php`, as PHP reads it.
//!
//! PHP's start script includes that file, and uses `$serverList`, `$workerList` and two constants of it. A site that
//! has one has PHP, since its workers are scripts; so its own `php` includes the file here, too, and prints what came of
//! it (`read.php`). Whatever a configuration does in PHP, it does here.

mod ask;
#[cfg(test)]
mod carried;
mod entries;
mod fault;
mod fleet;
mod import;
mod own;

use std::io;
use std::path::Path;

pub use fault::{EntryFault, Fault, ReadError};
pub use fleet::fleet;
pub use import::import;
pub use own::{Own, OwnFlag};

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
    /// What PHP warns of, and what the file says that has no effect here, a line each, with the file.
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

/// Lets the program `php` include the file at `path`, in the current directory.
///
/// # Errors
///
/// The file cannot be read, there is no such program, PHP refuses the file or does not end within 10 s, or the lists
/// describe a program badly.
pub fn open(php: &str, path: &Path) -> Result<PhpConfig, OpenError> {
    let file = path.display().to_string();
    let away = |source| OpenError::Away { file: file.clone(), source };
    std::fs::File::open(path).map_err(away)?;
    let absolute = std::fs::canonicalize(path).map_err(away)?;
    let wrong = |place: &str, fault| OpenError::Read(ReadError { place: place.to_owned(), fault });
    let mut answer = ask::ask(php, &absolute).map_err(|fault| wrong(&file, fault))?;
    let shown = absolute.display().to_string();
    for (place, _, _) in answer.error.iter_mut().chain(&mut answer.notices) {
        // As the owner knows it, not by the path that PHP was given.
        if *place == shown {
            file.clone_into(place);
        }
    }
    if let Some((place, line, message)) = answer.error {
        let place = if line == 0 { place } else { format!("{place}:{line}") };
        return Err(wrong(&place, Fault::Php(message)));
    }
    entries::config(answer, &file).map_err(|fault| wrong(&file, fault.into()))
}

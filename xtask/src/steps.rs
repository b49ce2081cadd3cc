//! Running other programs, one step after the other, and saying how each ended.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// Why a chore did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The words on the command line make no sense.
    #[error("{0}")]
    Usage(String),
    /// A program could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program ran and said no.
    #[error("{step} failed ({status})")]
    Step {
        /// What was being done.
        step: String,
        /// How the program ended.
        status: ExitStatus,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Tidy found something.
    #[error("tidy: {0} to mend")]
    Untidy(usize),
    /// A client takes more crates than it may.
    #[error("lean: {0}")]
    Heavy(String),
    /// Dependencies bring in what they may not.
    #[error("deny: {0} objections")]
    Denied(usize),
    /// What is generated is not what stands there.
    #[error("docs: {0} files are stale; `cargo xtask docs` writes them")]
    Stale(usize),
    /// A file of rules lacks a part.
    #[error("{0} is no TOML, or lacks a list that is read")]
    NoRules(PathBuf),
    /// Tests were left out although nothing may be.
    #[error("{0} tests were left out, and none may be")]
    LeftOut(usize),
    /// A peer that the tests need is not on this machine.
    #[error("the tests need {0}")]
    NoPeer(String),
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}

/// The cargo that runs us, at the root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a program to its end with our own terminal.
pub(crate) fn finish(step: &str, command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|source| start_failure(command, source))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Step { step: step.to_owned(), status }),
    }
}

/// Runs a program to its end and takes what it prints.
pub(crate) fn output(step: &str, command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(|source| start_failure(command, source))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(Failure::Step { step: step.to_owned(), status: output.status }),
    }
}

fn start_failure(command: &Command, source: std::io::Error) -> Failure {
    Failure::Start { program: command.get_program().to_string_lossy().into_owned(), source }
}

/// Turns a file's error into ours.
pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Failure + use<> {
    let path = path.to_owned();
    move |source| Failure::File { path, source }
}

/// Seconds, for people: `4.2 s`, `2 min 05 s`.
pub(crate) fn show(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

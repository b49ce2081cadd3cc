//! `zmws trace`: hands over to `zmws-trace`, a program of its own that sites need once.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::Failure;

/// Record, show and replay traffic: runs zmws-trace, found beside this program or in PATH
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(super) struct Args {
    /// Its words; zmws trace --help tells which there are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORD")]
    words: Vec<OsString>,
}

const PROGRAM: &str = "zmws-trace";

/// Becomes `zmws-trace`, and so returns only if there is none.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let beside = std::env::current_exe().map(|program| program.with_file_name(PROGRAM));
    let program = beside.ok().filter(|program| program.exists()).unwrap_or_else(|| PROGRAM.into());
    let error = Command::new(&program).args(args.words).exec();
    Err(match error.kind() {
        io::ErrorKind::NotFound => format!("{PROGRAM} is not installed: cargo install --path compat"),
        _ => format!("{}: {error}", program.display()),
    })
}

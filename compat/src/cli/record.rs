//! `zmws-trace record`.

use std::process::ExitCode;

use super::Trouble;

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

impl Args {
    pub(super) fn run(self) -> Result<ExitCode, Trouble> {
        Err(Trouble::Usage("nothing to record".into()))
    }
}

//! `zmws reload`.

use zmws::supervise::control::Request;

use super::Failure;
use super::site::{self, ConfigArg};

/// Read the configuration anew, and restart what it changes
///
/// Programs that are as before go on undisturbed; a program whose file has changed counts as changed. Workers are
/// replaced without losing a job. A configuration with an error changes nothing, nor does one that would end a broker
/// with queued jobs, without --force. SIGHUP to the supervisor does the same.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,

    /// Do it even if queued jobs are lost by it
    #[arg(long)]
    force: bool,
}

/// Reloads, and waits until all runs.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let fleet = args.config.fleet()?;
    site::ask(&fleet, &Request::Reload { force: args.force })
}

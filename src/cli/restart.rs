//! `zmws restart`.

use zmws::supervise::control::Request;

use super::Failure;
use super::site::{self, Target};

/// Stop and start programs of this site again
///
/// Workers are replaced one after the other of each group, when they have ended the jobs they have; the broker gives
/// them no others meanwhile. A job that does not end within its worker's grace is cut off, which is said, with exit status
/// 1. The broker's queue does not outlive its restart: one that holds jobs is not restarted without --force.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,

    /// Do it even if queued jobs are lost by it
    #[arg(long)]
    force: bool,
}

/// Restarts, and waits until all runs.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let fleet = args.target.config.fleet()?;
    site::ask(&fleet, &Request::Restart { which: args.target.filter.which(), force: args.force })
}

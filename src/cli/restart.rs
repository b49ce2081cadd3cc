//! `zmws restart`.

use zmws::supervise::control::Request;

use super::Failure;
use super::site::{self, Meant};

/// Stop and start programs of this site again
///
/// Workers are replaced one after the other of each group, when they have ended the jobs they have; the broker gives
/// them no others meanwhile. The broker's queue does not outlive its restart.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    meant: Meant,
}

/// Restarts, and waits until all runs.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let fleet = args.meant.configured.fleet()?;
    site::ask(&fleet, &Request::Restart(args.meant.chosen.which()))
}

//! `zmws stop`.

use zmws::supervise::control::Request;

use super::Failure;
use super::site::{self, Target};

/// Stop the programs of this site
///
/// Each is asked to end and has its grace for it; one that does not is killed, and the line says so. Without names,
/// the supervisor ends, too. A process that zmws did not start is never signalled, whatever a pid file says.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
}

/// Stops, and waits until all is stopped.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let fleet = args.target.config.fleet()?;
    site::tell(fleet, Request::Stop(args.target.filter.which()))
}

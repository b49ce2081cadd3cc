//! `zmws top`: services, workers and jobs as they are now.

use zmws::console::{output, top};

use super::operator::AdminPort;
use super::status::no_terminal;
use super::{Failure, process};

/// Watch services, workers and jobs, and act on them
///
/// ? explains the keys. What changes something is asked first. q or Ctrl-C ends it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    port: AdminPort,
}

/// Shows until it is ended.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    if !output::is_screen() {
        return Err("top needs a terminal; zmws status prints without one".to_owned());
    }
    let admin = args.port.admin()?;
    process::on_one_thread(async { top::run(admin).await.map_err(no_terminal) })
}

//! `zmws pause`: hold back the jobs of a service.

use zmws::console::operation::Operation;

use super::operator::{self, AdminPort, Services};
use super::{Failure, process};

/// Hold back the jobs of a service, until `zmws resume`
///
/// New jobs are taken and wait; those that a worker has go on.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true).args(["names", "flagged"])))]
pub(super) struct Args {
    #[command(flatten)]
    services: Services,

    #[command(flatten)]
    port: AdminPort,
}

/// Gives the order.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let orders = args.services.all().into_iter().map(|service| Operation::Pause { service });
    process::on_one_thread(async { operator::give_all(orders, &args.port.admin()?).await })
}

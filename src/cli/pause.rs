//! `zmws pause`: hold back the jobs of a service.

use zmws::console::order::Order;

use super::operator::{self, AdminPort};
use super::{Failure, process};

/// Hold back the jobs of a service, until `zmws resume`
///
/// New jobs are taken and wait; those that a worker has go on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose jobs, as STR-REV
    #[arg(long, value_name = "SERVICE")]
    service: String,

    #[command(flatten)]
    port: AdminPort,
}

/// Gives the order.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let order = Order::Pause { service: args.service };
    process::on_one_thread(async { operator::give(&order, &args.port.admin()?).await })
}

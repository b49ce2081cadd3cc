//! `zmws resume`: the end of `pause` and of `drain`.

use zmws::console::order::Order;

use super::operator::{self, AdminPort};
use super::{Failure, process};

/// Take and give out jobs again, after `zmws pause` or `zmws drain`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose jobs, as STR-REV; without it, the broker takes jobs again
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,

    #[command(flatten)]
    port: AdminPort,
}

/// Gives the order.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let order = args.service.map_or(Order::ResumeAll, |service| Order::Resume { service });
    process::on_one_thread(async { operator::give(&order, &args.port.admin()?).await })
}

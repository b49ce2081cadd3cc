//! `zmws resume`: the end of `pause` and of `drain`.

use zmws::console::operation::Operation;

use super::operator::{self, AdminPort, Services};
use super::{Failure, process};

/// Take and give out jobs again, after `zmws pause` or `zmws drain`
///
/// Without a service, the broker takes jobs again; services that were paused or drained by name stay so.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    services: Services,

    #[command(flatten)]
    port: AdminPort,
}

/// Gives the order.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let orders = orders(&args.services);
    process::on_one_thread(async { operator::give_all(orders, &args.port.admin()?).await })
}

/// What lets these services go on, or all.
pub(super) fn orders(services: &Services) -> Vec<Operation> {
    match services.all() {
        none if none.is_empty() => vec![Operation::ResumeAll],
        services => services.into_iter().map(|service| Operation::Resume { service }).collect(),
    }
}

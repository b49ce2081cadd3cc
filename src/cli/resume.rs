//! `zmws resume`: the end of `pause` and of `drain`.

use zmws::console::order::Order;

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
pub(super) fn orders(services: &Services) -> Vec<Order> {
    match services.all() {
        none if none.is_empty() => vec![Order::ResumeAll],
        services => services.into_iter().map(|service| Order::Resume { service }).collect(),
    }
}

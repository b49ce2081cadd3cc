//! `zmws drain`: take no new jobs.

use zmws::console::order::Order;
use zmws::console::wait;

use super::operator::{self, AdminPort};
use super::{Failure, process};

/// Take no new jobs, and do those that are there, until `zmws resume`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of this service only, as STR-REV
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,

    /// Take jobs again, as `zmws resume`
    #[arg(long, conflicts_with = "wait")]
    undo: bool,

    /// Return when nothing is queued or active any more
    #[arg(long)]
    wait: bool,

    #[command(flatten)]
    port: AdminPort,
}

/// Gives the order, and waits for what comes of it.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let admin = args.port.admin()?;
    process::on_one_thread(async {
        operator::give(&args.order(), &admin).await?;
        if args.wait {
            let idle = wait::until_idle(&admin, args.service.as_deref()).await;
            idle.map_err(|error| format!("the broker is draining, but: {error}"))?;
            operator::say("nothing is queued or active")?;
        }
        Ok(())
    })
}

impl Args {
    fn order(&self) -> Order {
        match (self.service.clone(), self.undo) {
            (Some(service), false) => Order::Drain { service },
            (Some(service), true) => Order::Resume { service },
            (None, false) => Order::DrainAll,
            (None, true) => Order::ResumeAll,
        }
    }
}

//! `zmws drain`: take no new jobs.

use zmws::console::operation::Operation;
use zmws::console::wait;

use super::operator::{self, AdminPort, Services};
use super::{Failure, process, resume};

/// Take no new jobs, and do those that are there, until `zmws resume`
///
/// Without a service, of none.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    services: Services,

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
        operator::give_all(args.orders(), &admin).await?;
        if args.wait {
            let still = |error| format!("the broker is draining, but: {error}");
            let services = args.services.all();
            if services.is_empty() {
                wait::until_idle(&admin, None).await.map_err(still)?;
            }
            for service in &services {
                wait::until_idle(&admin, Some(service)).await.map_err(still)?;
            }
            operator::say("nothing is queued or active")?;
        }
        Ok(())
    })
}

impl Args {
    fn orders(&self) -> Vec<Operation> {
        if self.undo {
            return resume::orders(&self.services);
        }
        match self.services.all() {
            none if none.is_empty() => vec![Operation::DrainAll],
            services => services.into_iter().map(|service| Operation::Drain { service }).collect(),
        }
    }
}

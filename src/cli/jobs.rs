//! `zmws jobs`: what waits, runs and has failed; and orders about single jobs.

use clap::ValueEnum;
use zmws::console::jobs::{self, Which};
use zmws::console::operation::Operation;
use zmws::console::{moment, output, text};

use super::operator::{self, AdminPort, cannot_write};
use super::{Failure, process};

/// List jobs, try dead ones again, delete them
///
/// Without a state, those that run, that wait, and the last that failed. A dead job is one that failed because the
/// broker gave it up, after too many workers had died of it; the broker keeps it whole.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,

    #[command(flatten)]
    list: Listing,
}

#[derive(Debug, clap::Args)]
struct Listing {
    /// Of this service only, as STR-REV
    #[arg(value_name = "SERVICE")]
    name: Option<String>,

    /// The same as a flag
    #[arg(long = "service", value_name = "SERVICE", conflicts_with = "name")]
    flagged: Option<String>,

    /// In this state only
    #[arg(long, value_name = "STATE")]
    state: Option<StateName>,

    /// So many of each state at most
    #[arg(long, value_name = "JOBS", default_value_t = 100)]
    limit: usize,

    /// Print an array as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    port: AdminPort,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The same as without a word
    List(Listing),
    /// Queue dead jobs again, under their ids; a job that a worker has is taken from it
    Retry(JobIds),
    /// Delete jobs that wait, and forget dead ones
    Delete(JobIds),
}

#[derive(Debug, clap::Args)]
struct JobIds {
    /// Ids of jobs, as 00C0-FFEE
    #[arg(value_name = "JOB", required = true)]
    jobs: Vec<String>,

    #[command(flatten)]
    port: AdminPort,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum StateName {
    /// Waits for a worker
    Queued,
    /// A worker has it
    Active,
    /// Ended well
    Completed,
    /// Ended badly; dead ones are among them
    Failed,
    /// Given up by the broker, and kept
    Dead,
}

impl From<StateName> for Which {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Queued => Self::Queued,
            StateName::Active => Self::Active,
            StateName::Completed => Self::Completed,
            StateName::Failed => Self::Failed,
            StateName::Dead => Self::Dead,
        }
    }
}

/// Lists, or gives the orders.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    process::on_one_thread(async {
        match &args.what {
            None => list(&args.list).await,
            Some(What::List(listing)) => list(listing).await,
            Some(What::Retry(ids)) => {
                let orders = ids.jobs.iter().map(|job| Operation::Retry { job: job.clone() });
                operator::give_all(orders, &ids.port.admin()?).await
            }
            Some(What::Delete(ids)) => {
                let orders = ids.jobs.iter().map(|job| Operation::Delete { job: job.clone() });
                operator::give_all(orders, &ids.port.admin()?).await
            }
        }
    })
}

async fn list(args: &Listing) -> Result<(), Failure> {
    let service = args.name.as_deref().or(args.flagged.as_deref());
    let asked = jobs::ask(&args.port.admin()?, service, args.state.map(Which::from), args.limit).await;
    let jobs = asked.map_err(|error| text::printable(&error.to_string()))?;
    match args.json {
        true => {
            let json = serde_json::to_value(&jobs).expect("strings and numbers are always JSON");
            output::print_text(&(text::json_line(&json) + "\n"))
        }
        false => output::print(&jobs::screen(&jobs, moment(), output::width())),
    }
    .map(drop)
    .map_err(cannot_write)
}

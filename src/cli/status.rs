//! `zmws status`: what a site does, and what is wrong with it.

use std::path::PathBuf;
use std::time::Duration;

use zmws::console::problems::{Problem, Severity};
use zmws::console::site::Site;
use zmws::console::{output, status, text, watch};
use zmws::duration;

use super::operator::{AdminPort, cannot_write};
use super::site::Filter;
use super::{Failure, process};

/// Show what is wrong, then the programs, then the services
///
/// Exit status 0 if all is well or only worth a look; 1 if the broker or the supervisor does not answer, a program is
/// down, or a service has jobs and no worker. Services that are paused or draining, programs that were stopped, jobs
/// that failed in the last minute or have waited for 5 minutes are worth a look.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    port: AdminPort,

    #[command(flatten)]
    filter: Filter,

    /// Where the supervisor's socket is; without a socket there, no programs are shown [default: the run_dir of the
    /// configuration that is here, or run]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,

    /// Show it again and again, every 2 seconds or so many, until q or Ctrl-C
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "2", value_parser = duration::parse_positive)]
    watch: Option<Duration>,

    /// Print an object as JSON: broker (null if it does not answer), processes (null without a supervisor), problems
    #[arg(long, conflicts_with = "watch")]
    json: bool,
}

/// Asks and shows.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let which = args.filter.which();
    let fleet = if args.run_dir.is_some() && args.port.is_given() { None } else { args.port.fleet()? };
    let admin = args.port.admin_of(fleet.as_ref());
    let configured = || fleet.map(|fleet| fleet.run_dir);
    let run_dir = args.run_dir.or_else(configured).unwrap_or_else(|| PathBuf::from("run"));
    process::on_one_thread(async {
        if let Some(every) = args.watch {
            if !output::is_screen() {
                return Err("--watch needs a terminal; without it, the screen is printed once".to_owned());
            }
            return watch::run(&admin, &run_dir, &which, every).await.map_err(no_terminal);
        }
        let site = Site::ask(&admin, &run_dir).await.only(&which);
        match args.json {
            true => output::print_text(&(text::json_line(&site.json()) + "\n")),
            false => output::print(&status::screen(&site, output::width(), output::colour())),
        }
        .map_err(cannot_write)?;
        verdict(&site.problems())
    })
}

/// Why the terminal could not be used.
pub(super) fn no_terminal(error: std::io::Error) -> Failure {
    format!("cannot use the terminal: {error}")
}

/// The line for standard error, and with it exit status 1, if anything is down: what it is that is. What is wrong with
/// it stands on the screen.
fn verdict(problems: &[Problem]) -> Result<(), Failure> {
    let down = problems.iter().filter(|problem| problem.severity == Severity::Down);
    let down: Vec<&str> = down.map(|problem| problem.subject.as_str()).collect();
    if down.is_empty() {
        return Ok(());
    }
    Err(text::printable(&format!("not all is well: {}", down.join(", "))))
}

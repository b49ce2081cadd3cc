//! `zmws tail`: what happens to jobs, as it happens.

use zmws::console::tail::{self, Form};

use super::site::{ConfigArg, broker_flag};
use super::{Failure, operator, process};

/// Show what happens to jobs, as it happens: a line each
///
/// Times are UTC. Connects again when the broker was gone; what happened in between is not shown. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of this service only, as STR-REV; may be given several times
    #[arg(long, value_name = "SERVICE")]
    service: Vec<String>,

    /// Print an object as JSON a line
    ///
    /// What the news port says, and `event` before it: accepted, started or ended.
    #[arg(long)]
    json: bool,

    /// The broker's port for news [default: that of the configuration that is here, or 127.0.0.1:5557]
    #[arg(long, value_name = "HOST:PORT")]
    news: Option<String>,

    #[command(flatten)]
    config: ConfigArg,
}

/// Prints until it is ended.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let form = if args.json { Form::Json } else { Form::Lines };
    let news = args.news()?;
    process::on_one_thread(async {
        let stop = tokio::sync::Notify::new();
        let signals = process::at_each_signal(|| stop.notify_one(), || stop.notify_one())?;
        tokio::select! {
            ended = tail::run(news, &args.service, form) => ended.map_err(operator::cannot_write),
            () = stop.notified() => Ok(()),
            never = signals => match never {},
        }
    })
}

impl Args {
    fn news(&self) -> Result<String, Failure> {
        if let Some(news) = &self.news {
            return Ok(news.clone());
        }
        let config = self.config.if_there()?;
        let port = config.as_ref().and_then(|fleet| broker_flag(fleet, "news-port"));
        Ok(format!("127.0.0.1:{}", port.unwrap_or("5557")))
    }
}

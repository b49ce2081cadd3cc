//! `zmws worker`: jobs done by a program of yours, or by a sample of ours.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, ValueEnum};

use zmws::duration;
use zmws::server;
use zmws::worker::builtin::Builtin;
use zmws::worker::program::{IfDies, Mode, Program};
use zmws::worker::{Builder, Worker, WorkerEnd};

use super::broker::Heartbeats;
use super::dialect::DialectName;
use super::layers::SiteFile;
use super::log::{self, LogArgs};
use super::{Failure, notify, process};

/// Run a worker that does the jobs of one service
///
/// The work is done by a program (after --), which needs no ZeroMQ: it reads the parameter as JSON from its standard
/// input, or from ZMWS_PARAM_<name> in its environment, and writes the result to its standard output; exit status 0 is
/// success. Takes the flags of PHP's workers, with one dash or two. Serves zmws's broker, PHP's, and Majordomo brokers.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("work").required(true).args(["builtin", "command"])))]
pub(super) struct Args {
    /// Whose jobs it does; the default is the builtin's own service, or DEMO
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    service_name: Option<String>,

    /// A sample instead of a program: sleep (0.8 s), reverse (the parameter str), random (100 parts of a result)
    #[arg(long, value_name = "WHAT", conflicts_with = "command")]
    builtin: Option<Builtin>,

    /// The program and its arguments, after --
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,

    /// once: a process a job; lines: one process for all, a line of JSON a job in, lines of JSON out
    #[arg(long, value_name = "MODE", default_value = "once", conflicts_with = "builtin")]
    mode: ModeName,

    /// Seconds a job may take before the program and what it has started are killed
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive, conflicts_with = "builtin")]
    timeout: Option<Duration>,

    /// Give the job back to the broker when a program in lines mode dies, instead of failing it
    #[arg(long, conflicts_with = "builtin")]
    give_back: bool,

    /// Hosts of the brokers, in the order they are tried
    #[arg(
        long,
        visible_alias = "backend-server",
        value_name = "HOST,…",
        value_delimiter = ',',
        default_value = "127.0.0.1"
    )]
    backend_servers: Vec<String>,

    /// The brokers' port for workers
    #[arg(long, value_name = "PORT", default_value_t = 5556)]
    backend_port: u16,

    /// The brokers' port for clients; PHP's workers connect to it, ours need not
    #[arg(long, value_name = "PORT", default_value_t = 5555)]
    frontend_port: u16,

    /// Jobs at once
    #[arg(long, value_name = "N", value_parser = process::one_or_more, default_value_t = 1)]
    concurrency: usize,

    /// End after so many jobs, when they are done
    #[arg(long, value_name = "JOBS", value_parser = clap::value_parser!(u64).range(1..))]
    max_jobs: Option<u64>,

    /// What to speak; by default zmws2 to our broker, zmws1 to others
    #[arg(long, value_name = "DIALECT")]
    dialect: Option<DialectName>,

    #[command(flatten)]
    _site: SiteFile,

    #[command(flatten)]
    heartbeats: Heartbeats,

    /// Seconds that running jobs may take to end when the worker is stopped
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30")]
    grace: Duration,

    #[command(flatten)]
    log: LogArgs,
}

/// Runs until stopped.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    log::start_as(&args.log);
    process::raise_descriptor_limit();
    process::enough_descriptors(args.concurrency)?;
    process::on_one_thread(async {
        let worker = args.worker()?;
        let (stopper, mut stopped) = server::stopper();
        let mut ended = stopped.clone();
        let signals = tokio::task::spawn_local(process::at_each_signal(move || stopper.stop(), || {})?);
        for host in &args.backend_servers {
            let (date, port) = (log::date(), args.backend_port);
            log::announce(
                &format!("[{date}] [I] - Worker connecting to {host} with port: {port}\n"),
                "worker started",
                &[("service", &args.service()), ("broker", &process::host_port(host, port))],
            );
        }
        notify::watchdog();
        notify::status("connecting");
        let end = tokio::select! {
            end = worker.run(async move { stopped.draining().await }) => end,
            () = ended.ending() => WorkerEnd::CutOff,
        };
        signals.abort();
        match end {
            WorkerEnd::Done => Ok(()),
            // Whoever stops a worker must hear of it.
            WorkerEnd::CutOff => {
                Err("stopped in the middle of a job, which goes back to the broker".to_owned())
            }
        }
    })
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeName {
    Once,
    Lines,
}

impl Args {
    /// The program that does its jobs.
    pub(super) fn program(&self) -> Option<&OsStr> {
        self.command.first().map(OsString::as_os_str)
    }

    /// Whether clients can ask for its service.
    pub(super) fn check_service(&self) -> Result<(), Failure> {
        let service = self.service();
        let is_list =
            ["SERVER-WORKERS", "SERVER-JOBS", "SERVER-ACTIVE", "SERVER-HIST"].contains(&service.as_str());
        match is_list || service.starts_with("SYNC-") || service.starts_with("mmi.") {
            true => Err(format!(
                "service: {service} is a name of the broker's own, which no client can ask for as a job"
            )),
            false => Ok(()),
        }
    }

    fn service(&self) -> String {
        let sample = self.builtin.map_or("DEMO", |builtin| builtin.service());
        self.service_name.clone().unwrap_or_else(|| sample.to_owned())
    }

    fn worker(&self) -> Result<Worker, Failure> {
        let servers = self.backend_servers.iter().map(|host| process::host_port(host, self.backend_port));
        let mut builder = Worker::builder(self.service())
            .servers(servers)
            .concurrency(self.concurrency)
            .heartbeat(self.heartbeats.interval(), self.heartbeats.tries())
            .grace(self.grace)
            .connected(|address| notify::ready(&format!("connected to {address}")));
        if let Some(jobs) = self.max_jobs {
            builder = builder.jobs_max(jobs);
        }
        if let Some(dialect) = self.dialect {
            builder = builder.dialect(dialect.into());
        }
        self.work(builder)
    }

    fn work(&self, builder: Builder) -> Result<Worker, Failure> {
        if let Some(builtin) = self.builtin {
            return builtin.worker(builder).map_err(|error| error.to_string());
        }
        process::check_program(self.command.first().map_or(OsStr::new(""), OsString::as_os_str))?;
        let program = Program {
            mode: match self.mode {
                ModeName::Once => Mode::Once,
                ModeName::Lines => Mode::Lines,
            },
            timeout: self.timeout,
            // This very program, also when another version has taken its place on the disk.
            guard: Some(PathBuf::from("/proc/self/exe")),
            if_dies: if self.give_back { IfDies::GiveBack } else { IfDies::Fail },
            ..Program::new(&self.command)
        };
        program.worker(builder).map_err(|error| error.to_string())
    }
}

//! `zmws broker`: clients and workers over ZeroMQ.

mod bounds;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_local;
use zmws::broker;
use zmws::duration;
use zmws::job::ServiceName;
use zmws::server::{self, Config, Recovery, Server, StartError, Unfinished};
use zmws::supervise::{self, Notice};
use zmws::transport::ListenerOptions;
use zmws::zmtp::Limits;

use super::Failure;
use super::check::{self, Port};
use super::layers::ConfigFile;
use super::log::{self, LogArgs};
use super::memory::{self, Size};
use super::{notify, process};
use bounds::BrokerBounds;

/// Run the broker: jobs from clients to workers, over ZeroMQ
///
/// Speaks zmws 1 and 2 and strict Majordomo 0.1 and 0.2 on the same ports. Takes the flags of PHP's
/// server_run.php, with one dash or two.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    _config: ConfigFile,

    #[command(flatten)]
    pub(super) ports: Ports,

    #[command(flatten)]
    data: Data,

    #[command(flatten)]
    pub(super) limits: BrokerLimits,

    #[command(flatten)]
    pub(super) log: LogArgs,
}

/// Where background jobs are kept.
#[derive(Debug, clap::Args)]
pub(super) struct Data {
    /// Directory of the jobs in the background, which outlive the broker there; zmws up and zmws start have ./data
    #[arg(long, value_name = "DIR", overrides_with = "memory")]
    data_dir: Option<PathBuf>,

    /// Keep all jobs in memory: they are gone when the broker ends
    #[arg(long, overrides_with = "data_dir")]
    memory: bool,
}

impl Data {
    /// The directory that is said, if it is.
    fn said(&self) -> Option<PathBuf> {
        self.data_dir.clone().filter(|_| !self.memory)
    }

    /// The directory that is said, or `./data` if nothing is.
    pub(super) fn said_or_default(&self) -> Option<PathBuf> {
        let here = || (!self.memory).then(|| PathBuf::from("data"));
        self.said().or_else(here)
    }
}

/// Where the broker listens.
#[derive(Debug, clap::Args)]
pub(super) struct Ports {
    /// Address to listen at; 0.0.0.0 opens the ports to the network
    #[arg(long, visible_alias = "iface", value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(super) address: IpAddr,

    /// Port for clients
    #[arg(long, visible_alias = "cport", value_name = "PORT", default_value_t = 5555)]
    pub(super) client_port: u16,

    /// Port for workers
    #[arg(long, visible_alias = "wport", value_name = "PORT", default_value_t = 5556)]
    pub(super) worker_port: u16,

    /// Port where each job's end is published
    #[arg(long, visible_alias = "nport", value_name = "PORT", default_value_t = 5557)]
    pub(super) news_port: u16,

    /// Address to listen at for operators and monitoring; whoever reaches it can stop the work [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    admin_address: Option<IpAddr>,

    /// Port for operators and monitoring, over HTTP: /status, /metrics, /healthz [default: 5581, or none if it is taken]
    #[arg(long, value_name = "PORT")]
    admin_port: Option<u16>,

    /// Open no port for operators and monitoring
    #[arg(long)]
    no_admin: bool,

    /// Socket for operators of the same user, over HTTP; zmws start makes one in the run directory of its site
    #[arg(long, value_name = "PATH")]
    admin_socket: Option<PathBuf>,
}

impl Ports {
    /// The ports that it will listen at.
    pub(super) fn all(&self) -> impl Iterator<Item = Port> {
        let at = |key, number| Port { key, address: self.address, number, may_lack: false };
        let ports = [
            at("client_port", self.client_port),
            at("worker_port", self.worker_port),
            at("news_port", self.news_port),
        ];
        let admin = self.admin().map(|admin| Port {
            key: "admin_port",
            address: admin.ip(),
            number: admin.port(),
            may_lack: self.admin_may_lack(),
        });
        ports.into_iter().chain(admin)
    }

    /// Two brokers on a machine need not differ in a port that nobody asked for.
    fn admin_may_lack(&self) -> bool {
        self.admin_port.is_none() && self.admin_address.is_none()
    }

    fn admin(&self) -> Option<SocketAddr> {
        let address = self.admin_address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        (!self.no_admin).then(|| SocketAddr::new(address, self.admin_port.unwrap_or(5581)))
    }
}

/// What the broker holds, and for how long.
#[derive(Debug, clap::Args)]
pub(super) struct BrokerLimits {
    #[command(flatten)]
    pub(super) heartbeats: Heartbeats,

    /// Workers a job may take down before it is failed
    #[arg(long, value_name = "N", default_value_t = 5)]
    max_attempts: u32,

    /// Seconds a job may take, as SERVICE=DURATION, or DURATION for all other services; may be repeated
    #[arg(long, value_name = "[SERVICE=]DURATION")]
    job_timeout: Vec<JobTimeout>,

    /// Jobs that may wait in one service
    #[arg(long, value_name = "JOBS", default_value_t = 1_000_000)]
    queue_max: usize,

    /// Megabytes of parameters that may wait in all services
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 1024)]
    queue_max_mb: usize,

    /// Megabytes of the largest frame a peer may send
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 64)]
    frame_max_mb: usize,

    /// Megabytes that may wait for a peer that does not read, before it is disconnected
    #[arg(long, value_name = "MB", value_parser = process::megabytes, default_value_t = 16)]
    unread_max_mb: usize,

    /// Memory that may be held for all peers together, as 512M or 4G [default: half of what the system has for the process]
    #[arg(long, value_name = "SIZE")]
    memory_max: Option<Size>,

    #[command(flatten)]
    bounds: Box<BrokerBounds>,

    /// Connections to each port
    #[arg(long, value_name = "N", value_parser = process::one_or_more, default_value_t = 16_384)]
    pub(super) max_connections: usize,

    /// Let a new connection take over an identity that is in use
    #[arg(long)]
    handover: bool,

    /// Seconds that running jobs may take to end when the broker is stopped
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10")]
    grace: Duration,
}

/// When silence becomes news, for brokers and workers alike.
#[derive(Debug, clap::Args)]
pub(super) struct Heartbeats {
    /// Seconds between two heartbeats between the broker and an idle worker
    #[arg(long, value_name = "DURATION", env = "HEARTBEAT_INTERVAL", default_value = "5", value_parser = interval)]
    heartbeat_interval: Duration,

    /// Heartbeats that may be missed before the other side is given up
    #[arg(long, value_name = "N", env = "HEARTBEAT_MAXTRIES", default_value = "3", value_parser = tries)]
    heartbeat_maxtries: u32,
}

impl Heartbeats {
    pub(super) fn interval(&self) -> Duration {
        self.heartbeat_interval
    }

    pub(super) fn tries(&self) -> u32 {
        self.heartbeat_maxtries
    }
}

/// PHP's programs take 0, and whatever begins with no number, for the default (original.md §3). Whoever writes that
/// means something else.
fn interval(text: &str) -> Result<Duration, Failure> {
    let interval = duration::parse(text).map_err(|error| error.to_string())?;
    match interval >= INTERVAL_MIN {
        true => Ok(interval),
        false => Err("at least 10ms is expected; leave it out for the default, 5 seconds".to_owned()),
    }
}

/// More beats than that would be all that broker and workers do.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

fn tries(text: &str) -> Result<u32, Failure> {
    let tries = text.trim().parse().ok().filter(|&tries| tries > 0);
    tries.ok_or_else(|| "a whole number from 1 on is expected; leave it out for the default, 3".to_owned())
}

#[derive(Clone, Debug)]
struct JobTimeout {
    service: Option<ServiceName>,
    limit: Duration,
}

impl std::str::FromStr for JobTimeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (service, seconds) = match text.rsplit_once('=') {
            Some((service, seconds)) => (ServiceName::new(service.to_owned()), seconds),
            None => (None, text),
        };
        let limit = duration::parse_positive(seconds).map_err(|error| error.to_string())?;
        Ok(Self { service, limit })
    }
}

impl Args {
    /// The server's settings.
    pub(super) fn config(&self) -> Config {
        config(&self.ports, &self.limits, self.data.said(), 1)
    }
}

/// The server's settings. `shares`: in how many parts the process's descriptors go, one of which is the broker's.
pub(super) fn config(ports: &Ports, limits: &BrokerLimits, data_dir: Option<PathBuf>, shares: u64) -> Config {
    Config {
        address: ports.address,
        client_port: ports.client_port,
        worker_port: ports.worker_port,
        news_port: ports.news_port,
        admin: ports.admin(),
        admin_may_lack: ports.admin_may_lack(),
        admin_socket: ports.admin_socket.clone(),
        data_dir,
        grace: limits.grace,
        broker: limits.broker(),
        memory: memory::books(limits.memory_max),
        sockets: ListenerOptions { connections: process::connections_allowed(shares), ..limits.sockets() },
    }
}

impl BrokerLimits {
    fn broker(&self) -> broker::Config {
        let millis = |limit: Duration| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let mut job_timeout_ms = HashMap::new();
        let mut job_timeout_default_ms = None;
        for timeout in &self.job_timeout {
            match &timeout.service {
                Some(service) => {
                    job_timeout_ms.insert(service.clone(), millis(timeout.limit));
                }
                None => job_timeout_default_ms = Some(millis(timeout.limit)),
            }
        }
        broker::Config {
            heartbeat_ms: millis(self.heartbeats.interval()),
            missed_max: self.heartbeats.tries(),
            attempts_max: self.max_attempts,
            job_timeout_ms,
            job_timeout_default_ms,
            queued_per_service_max: self.queue_max,
            bytes_max: self.queue_max_mb << 20,
            ..self.bounds.broker()
        }
    }

    fn sockets(&self) -> ListenerOptions {
        let frame_max = self.frame_max_mb << 20;
        ListenerOptions {
            limits: Limits { frame_max, message_max: 2 * frame_max, ..Limits::default() },
            connections_max: self.max_connections,
            unread_max: self.unread_max_mb << 20,
            handover: self.handover,
            ..self.bounds.sockets()
        }
    }
}

/// Runs until stopped.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    log::start_as(&args.log);
    check::ports_differ(args.ports.all())?;
    process::raise_descriptor_limit();
    process::enough_descriptors(args.limits.max_connections)?;
    process::on_one_thread(async {
        let config = args.config();
        let data_dir = config.data_dir.clone();
        let server = bind(config)?;
        let at = server.addresses();
        let (stopper, stopped) = server::stopper();
        let signals = spawn_local(process::at_each_signal(move || stopper.stop(), || {})?);
        let ports = format!("clients {}  workers {}  news {}", at.clients, at.workers, at.news);
        let admin = at.admin.map(|admin| format!("http://{admin}/"));
        let shown = admin.as_ref().map(|admin| format!("admin {admin}\n")).unwrap_or_default();
        let jobs = jobs_are(data_dir.as_deref(), server.recovery());
        log::announce(
            &format!("[{0}] [I] - Server startup @{0}\n{ports}\n{shown}jobs {jobs}\n", log::date()),
            "broker started",
            &[
                ("clients", &at.clients),
                ("workers", &at.workers),
                ("news", &at.news),
                ("admin", &admin.as_deref().unwrap_or("none")),
                ("jobs", &jobs),
            ],
        );
        notify::watchdog();
        notify::ready(&ports);
        // A task like those that read: one that all of them are within would be looked at whenever any of them wakes.
        let unfinished =
            spawn_local(server.run(stopped)).await.unwrap_or_else(|error| resume_unwind(error.into_panic()));
        signals.abort();
        say_what_was_left(&unfinished);
        Ok(())
    })
}

/// Binds the ports.
pub(super) fn bind(config: Config) -> Result<Server, Failure> {
    Server::bind(config).map_err(|error| {
        let StartError::Bind(error) = error else { return error.to_string() };
        let flag = match error.what {
            "clients" => "--client-port",
            "workers" => "--worker-port",
            "operators" if error.place.contains('/') => "--admin-socket",
            "operators" => "--admin-port",
            _ => "--news-port",
        };
        process::cannot_listen(error.what, &error.place, &error.source, flag)
    })
}

/// Where jobs are, and what was there already.
pub(super) fn jobs_are(data_dir: Option<&Path>, recovery: Option<Recovery>) -> String {
    let (Some(directory), Some(Recovery { jobs, dead, took_us })) = (data_dir, recovery) else {
        return "in memory; with --data-dir DIR those in the background outlive the broker".to_owned();
    };
    let place = directory.display();
    if jobs + dead == 0 {
        return format!("in {place}");
    }
    let (jobs, noun) = (grouped(jobs), if jobs == 1 { "job" } else { "jobs" });
    let dead = if dead == 0 { String::new() } else { format!(" and {} dead", grouped(dead)) };
    let tenths = took_us.div_ceil(100_000);
    format!("in {place}: recovered {jobs} {noun}{dead} in {}.{} s", tenths / 10, tenths % 10)
}

/// `1,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

/// A line each for what is kept and for what was lost; and the supervisor hears it.
pub(super) fn say_what_was_left(unfinished: &Unfinished) {
    let Unfinished { queued, active, kept } = unfinished;
    if *queued == 0 && active.is_empty() && *kept == 0 {
        return;
    }
    let named = active.iter().map(|(job, service)| format!("{job} ({service})"));
    notify::tell_supervisor(&Notice::Unfinished(supervise::Unfinished::new(*queued, named, *kept)));
    if *kept > 0 {
        let line = format!("Kept for the next start: {kept} jobs\n");
        log::announce(&line, "jobs are kept for the next start", &[("jobs", kept)]);
    }
    let active = active.len();
    if *queued + active > 0 {
        let line = format!("Given up: {queued} queued jobs, {active} running jobs\n");
        log::announce(&line, "jobs were given up", &[("queued", queued), ("active", &active)]);
    }
}

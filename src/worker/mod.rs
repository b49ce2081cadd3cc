//! A worker: jobs from a broker, done by a function of yours.
//!
//! ```
//! use zmws::worker::{Job, ParamError, Worker};
//!
//! #[derive(serde::Deserialize)]
//! struct Param {
//!     str: String,
//! }
//!
//! async fn reverse(job: Job) -> Result<String, ParamError> {
//!     let param: Param = job.param()?; // JSON or PHP's serialization
//!     Ok(param.str.chars().rev().collect())
//! }
//!
//! # // A broker and a client, so that the example runs.
//! # use zmws::server::{Config, Server, stopper};
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # tokio::task::LocalSet::new().block_on(&runtime, async {
//! # let server = Server::bind(Config { client_port: 0, worker_port: 0, news_port: 0, ..Config::default() })?;
//! # let (addresses, (_stopper, stopped)) = (server.addresses(), stopper());
//! # tokio::task::spawn_local(server.run(stopped));
//! # let broker = addresses.workers.to_string(); // "127.0.0.1:5556"
//! # let client = zmws::client::Client::builder().servers([addresses.clients.to_string()]).connect();
//! # let stop = async move {
//! #     let param = serde_json::json!({"str": "Hello, world"});
//! #     let reply = loop {
//! #         match client.call("STR-REV", param.clone()).await {
//! #             Err(zmws::client::CallError::Refused { .. }) => tokio::task::yield_now().await, // not there yet
//! #             reply => break reply.expect("a reply"),
//! #         }
//! #     };
//! #     assert_eq!(reply.json(), Some("dlrow ,olleH".into()));
//! # };
//! let worker = Worker::builder("STR-REV").servers([broker]).concurrency(4).handler(reverse)?;
//! worker.run(stop).await; // until your future `stop` is done; std::future::pending() never is
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The function gets a [`Job`] and returns what becomes an [`Answer`]: nothing, a value, or an error,
//! which fails the job, as a panic does; the worker lives on. It may send parts of its result ahead
//! ([`Job::partial`]) and is told when nobody waits any more ([`Job::cancellation`]).
//!
//! A worker of concurrency n is n peers of the broker, each with a connection and an identity of its
//! own and one job at a time, since no dialect knows a peer that takes more. What each says and when
//! is told in [`session`]; `driver` carries it out.
//!
//! Delivery is at least once: a job whose worker is lost is given to another, so a job may be done
//! twice. Make that harmless.

mod answer;
pub mod builtin;
mod cancel;
mod driver;
mod job;
#[cfg(unix)]
pub mod program;
pub mod session;

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::job::ServiceName;
use crate::message::Dialect;
use crate::params::tag::BareParam;

pub use answer::{Answer, Json};
pub use cancel::Cancellation;
pub use job::{Job, NotTaken, ParamError};

use driver::{Driver, Stage, Work};

/// A worker that is ready to run.
pub struct Worker {
    service: ServiceName,
    settings: Arc<Settings>,
    work: Work,
}

/// Why there is no worker.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a service must have a name")]
pub struct NoService;

/// Settings of a [`Worker`]; [`Builder::handler`] or [`Builder::blocking`] ends them.
#[derive(Clone, Debug)]
pub struct Builder {
    service: Bytes,
    settings: Settings,
}

/// What to call with the address of a broker.
type Connected = Arc<dyn Fn(&str) + Send + Sync>;

/// What all connections of a worker share.
#[derive(Clone)]
struct Settings {
    servers: Vec<String>,
    concurrency: usize,
    heartbeat: Duration,
    tries: u32,
    grace: Duration,
    jobs_max: Option<u64>,
    dialect: Option<Dialect>,
    bare_param: BareParam,
    idle: Option<Arc<dyn Fn() + Send + Sync>>,
    connected: Option<Connected>,
    seed: Option<u64>,
}

impl Worker {
    /// Settings, each with a default, of a worker that does `service`.
    pub fn builder(service: impl Into<Bytes>) -> Builder {
        let settings = Settings {
            servers: vec![with_port("127.0.0.1")],
            concurrency: 1,
            heartbeat: Duration::from_secs(5),
            tries: 3,
            grace: Duration::from_secs(30),
            jobs_max: None,
            dialect: None,
            bare_param: BareParam::default(),
            idle: None,
            connected: None,
            seed: None,
        };
        Builder { service: service.into(), settings }
    }

    /// Connects, registers, and does jobs until `stop` is done; then finishes what runs, takes nothing
    /// new, and returns, within the time of grace. What still runs shortly before that is over is told so by
    /// its [`Cancellation`], programs are killed, and then its broker gives it to another worker. Dropping the future
    /// leaves at once.
    ///
    /// Runs on the current tokio runtime, of either flavour, with its I/O and time enabled.
    pub async fn run(self, stop: impl Future<Output = ()>) -> WorkerEnd {
        let (stage, stages) = watch::channel(Stage::Serve);
        let seed = self.settings.seed.unwrap_or_else(|| RandomState::new().hash_one(()));
        let mut seeds = fastrand::Rng::with_seed(seed);
        let mut drivers = JoinSet::new();
        let (counted, spent) = self.counted();
        for _ in 0..self.settings.concurrency {
            let (settings, work) = (Arc::clone(&self.settings), Arc::clone(&counted));
            let driver = Driver::new(self.service.clone(), settings, work, seeds.u64(..), stages.clone());
            drivers.spawn(driver.run());
        }
        let mut stop = pin!(stop);
        tokio::select! {
            () = &mut stop => {}
            () = all_left(&mut drivers) => {}
            () = spent.notified() => {
                // Nobody is in a hurry: the last jobs have their time.
                stage.send_replace(Stage::Drain);
                tokio::select! {
                    () = stop => {}
                    () = all_left(&mut drivers) => return WorkerEnd::Done,
                }
            }
        }
        stage.send_replace(Stage::Drain);
        let margin = self.settings.margin();
        if timeout(self.settings.grace.saturating_sub(margin), all_left(&mut drivers)).await.is_ok() {
            return WorkerEnd::Done;
        }
        stage.send_replace(Stage::Leave);
        all_left(&mut drivers).await;
        WorkerEnd::CutOff
    }
}

/// How a worker that was stopped has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WorkerEnd {
    /// What it had begun is done.
    Done,
    /// The time of grace was over before: its broker gives what it was at to another.
    CutOff,
}

impl Settings {
    /// The last part of the grace, in which what runs is ended.
    fn margin(&self) -> Duration {
        (self.grace / 4).min(MARGIN_MAX)
    }
}

/// The longest such part.
const MARGIN_MAX: Duration = Duration::from_secs(1);

impl Worker {
    /// The work, which gives back what comes beyond the most jobs that it may do; who hears that the last has begun.
    fn counted(&self) -> (Work, Arc<Notify>) {
        let (work, spent) = (Arc::clone(&self.work), Arc::new(Notify::new()));
        let Some(max) = self.settings.jobs_max else { return (work, spent) };
        let (begun, told) = (AtomicU64::new(0), Arc::clone(&spent));
        let counted: Work = Arc::new(move |job| {
            let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
            if number >= max {
                told.notify_one();
            }
            if number > max { Box::pin(async { Answer::GiveBack }) } else { work(job) }
        });
        (counted, spent)
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("service", &self.service)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// The brokers' worker ports, `host` or `host:port` (5556) each, in the order they are tried. When
    /// one is silent for too long the next is tried, and after the last the first. Default `127.0.0.1`.
    #[must_use]
    pub fn servers<S: AsRef<str>>(mut self, servers: impl IntoIterator<Item = S>) -> Self {
        let servers: Vec<_> = servers.into_iter().map(|server| with_port(server.as_ref())).collect();
        if !servers.is_empty() {
            self.settings.servers = servers;
        }
        self
    }

    /// Jobs at once, each over a connection of its own. Default 1.
    #[must_use]
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.settings.concurrency = jobs.max(1);
        self
    }

    /// Time between two heartbeats, to be the same as the broker's; and how many silent intervals make
    /// the server dead. Default 5 s and 3. Fewer leave live servers on a slow network, more keep
    /// workers at dead ones.
    #[must_use]
    pub fn heartbeat(mut self, interval: Duration, tries: u32) -> Self {
        self.settings.heartbeat = interval.max(HEARTBEAT_MIN);
        self.settings.tries = tries.max(1);
        self
    }

    /// How long running jobs may take to end when the worker is told to stop. Default 30 s.
    #[must_use]
    pub fn grace(mut self, limit: Duration) -> Self {
        self.settings.grace = limit;
        self
    }

    /// How many jobs to do: [`Worker::run`] then returns, when they are done. Default: as many as come.
    #[must_use]
    pub fn jobs_max(mut self, jobs: u64) -> Self {
        self.settings.jobs_max = Some(jobs.max(1));
        self
    }

    /// What to speak. By default zmws 2 with a broker of ours, which says so in its handshake, and zmws
    /// 1 with others: all of upstream's but 2.0's development branch, which wants [`Dialect::Zmws2`].
    /// Majordomo brokers want theirs.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.settings.dialect = Some(dialect);
        self
    }

    /// How to read a parameter that is tagged `PARAM: ` and looks like PHP. Default: as PHP.
    #[must_use]
    pub fn bare_param(mut self, reading: BareParam) -> Self {
        self.settings.bare_param = reading;
        self
    }

    /// What to call when no job has come for three heartbeats, once until the next job: the moment to
    /// close files and database connections. It must not block; its panic is that of [`Worker::run`].
    #[must_use]
    pub fn idle(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.settings.idle = Some(Arc::new(hook));
        self
    }

    /// What to call, with the broker's address, each time that a connection is up: the first is the moment to tell
    /// others that the worker serves. It must not block; its panic is that of [`Worker::run`].
    #[must_use]
    pub fn connected(mut self, hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.settings.connected = Some(Arc::new(hook));
        self
    }

    /// Where identities begin. Default: at random.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = Some(seed);
        self
    }

    /// A worker whose jobs are done by an async function.
    ///
    /// # Errors
    ///
    /// [`NoService`] if the service's name is empty.
    pub fn handler<F, T>(self, function: F) -> Result<Worker, NoService>
    where
        F: Fn(Job) -> T + Send + Sync + 'static,
        T: Future<Output: Into<Answer>> + Send + 'static,
    {
        self.finish(Arc::new(move |job| {
            let future = function(job);
            Box::pin(async move { future.await.into() })
        }))
    }

    /// A worker whose jobs are done by a function that computes for long or waits for files: it runs
    /// on tokio's pool of threads for such. It cannot be stopped from outside; a long one should look
    /// at [`Job::cancellation`].
    ///
    /// # Errors
    ///
    /// [`NoService`] if the service's name is empty.
    pub fn blocking<F, T>(self, function: F) -> Result<Worker, NoService>
    where
        F: Fn(Job) -> T + Send + Sync + 'static,
        T: Into<Answer>,
    {
        let function = Arc::new(function);
        self.finish(Arc::new(move |job| {
            let function = Arc::clone(&function);
            let span = tracing::Span::current();
            let task = tokio::task::spawn_blocking(move || span.in_scope(|| function(job).into()));
            Box::pin(async move {
                match task.await {
                    Ok(answer) => answer,
                    Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                    Err(_) => Answer::GiveBack, // the runtime goes down
                }
            })
        }))
    }

    fn finish(self, work: Work) -> Result<Worker, NoService> {
        let service = ServiceName::new(self.service).ok_or(NoService)?;
        Ok(Worker { service, settings: Arc::new(self.settings), work })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("servers", &self.servers)
            .field("concurrency", &self.concurrency)
            .field("heartbeat", &self.heartbeat)
            .field("tries", &self.tries)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

/// A job's panic stops at its driver; what comes through is the idle hook's, or a fault of ours.
async fn all_left(drivers: &mut JoinSet<()>) {
    while let Some(left) = drivers.join_next().await {
        if let Err(error) = left
            && error.is_panic()
        {
            resume_unwind(error.into_panic());
        }
    }
}

/// `host`, `host:port`, either with `tcp://` in front, as `host:port`.
fn with_port(server: &str) -> String {
    let server = server.trim();
    let server = server.strip_prefix("tcp://").unwrap_or(server);
    let name_end = server.rfind(']').map_or(0, |bracket| bracket + 1);
    match server[name_end..].contains(':') {
        true => server.to_owned(),
        false => format!("{server}:5556"),
    }
}

/// Below this a worker would do little else.
const HEARTBEAT_MIN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_may_leave_out_the_port() {
        let cases = [
            ("10.0.0.1", "10.0.0.1:5556"),
            ("broker:7000", "broker:7000"),
            ("tcp://broker:7000", "broker:7000"),
            ("[::1]", "[::1]:5556"),
            ("[::1]:7000", "[::1]:7000"),
        ];
        for (given, meant) in cases {
            assert_eq!(with_port(given), meant);
        }
    }

    #[test]
    fn a_service_without_a_name_is_refused() {
        assert_eq!(Worker::builder("").handler(|_| async {}).err(), Some(NoService));
    }
}

//! `zmws up`: broker, gateway and sample workers in one process.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_local};
use zmws::client::Client;
use zmws::message::View;
use zmws::server::{self, Addresses};
use zmws::worker::builtin::Builtin;
use zmws::worker::{Worker, WorkerEnd};

use super::broker::{self, BrokerLimits, Data, Ports};
use super::check::{self, Port};
use super::gateway::{self, GatewayOptions};
use super::layers::ConfigFile;
use super::log::{self, LogArgs};
use super::{Failure, notify, process};

/// Run broker, gateway and two sample workers in one process
///
/// The sample workers are those of PHP's sample configuration: SLEEP and STR-REV.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    _config: ConfigFile,

    #[command(flatten)]
    ports: Ports,

    /// Port for HTTP
    #[arg(long, value_name = "PORT", default_value_t = 5580)]
    http_port: u16,

    #[command(flatten)]
    data: Data,

    #[command(flatten)]
    limits: BrokerLimits,

    #[command(flatten)]
    options: GatewayOptions,

    /// Start no sample workers
    #[arg(long)]
    no_samples: bool,

    #[command(flatten)]
    log: LogArgs,
}

/// Runs until stopped.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    log::start_as(&args.log);
    let http =
        Port { key: "http_port", address: args.ports.address, number: args.http_port, may_lack: false };
    check::ports_differ([http].into_iter().chain(args.ports.all()))?;
    process::raise_descriptor_limit();
    process::enough_descriptors(args.limits.max_connections)?;
    process::on_one_thread(async {
        let data_dir = args.data.said_or_default();
        let config = broker::config(&args.ports, &args.limits, data_dir.clone(), 2);
        // One process, one account: what HTTP clients hold counts against the same total.
        let memory = config.memory.clone();
        let server = broker::bind(config)?;
        let jobs = broker::jobs_are(data_dir.as_deref(), server.recovery());
        let at = server.addresses();
        let listener = gateway::listen(args.ports.address, args.http_port).await?;
        let http = listener.local_addr().map_err(|error| error.to_string())?;
        let options = args.options.config(vec![reachable(at.clients)], memory, args.log.log_form)?;

        let (stopper, stopped) = server::stopper();
        let (mut closing, mut ending) = (stopped.clone(), stopped.clone());
        let (access_log, reload) = (options.access_log.clone(), args.options.reload(&options));
        let signals = spawn_local(process::at_each_signal(move || stopper.stop(), reload)?);
        let server = spawn_local(server.run(stopped));
        let gateway =
            spawn_local(zmws::gateway::serve(listener, options, async move { closing.draining().await }));
        let samples = if args.no_samples { None } else { Some(Samples::start(&args, at).await?) };
        log::announce(
            &screen(at, http, &jobs, samples.is_some()),
            "all is up",
            &[
                ("http", &http),
                ("clients", &at.clients),
                ("workers", &at.workers),
                ("news", &at.news),
                ("jobs", &jobs),
            ],
        );

        notify::watchdog();
        notify::ready(&format!("http://{http}/, clients {}, workers {}", at.clients, at.workers));
        let unfinished = server.await.map_err(|error| format!("the broker failed: {error}"))?;
        tokio::select! {
            _ = gateway => {}
            () = ending.ending() => {}
        }
        if let Some(samples) = samples {
            samples.stop().await;
        }
        signals.abort();
        gateway::finish(access_log.as_ref());
        broker::say_what_was_left(&unfinished);
        Ok(())
    })
}

/// Where a program on this machine reaches a socket that listens at `address`.
fn reachable(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address.to_string()
}

/// The sample workers.
struct Samples {
    stop: watch::Sender<bool>,
    running: Vec<JoinHandle<WorkerEnd>>,
}

impl Samples {
    const ALL: [Builtin; 2] = [Builtin::Sleep, Builtin::Reverse];

    /// Starts them, and waits until the broker knows them: what the screen says to try shall work.
    async fn start(args: &Args, at: Addresses) -> Result<Self, Failure> {
        let (stop, stopping) = watch::channel(false);
        let mut running = Vec::new();
        for sample in Self::ALL {
            let heartbeats = &args.limits.heartbeats;
            let builder = Worker::builder(sample.service())
                .servers([reachable(at.workers)])
                .heartbeat(heartbeats.interval(), heartbeats.tries());
            let worker = sample.worker(builder).map_err(|error| error.to_string())?;
            let mut stopping = stopping.clone();
            let stopped = async move { drop(stopping.wait_for(|&stop| stop).await) };
            running.push(spawn_local(worker.run(stopped)));
        }
        let client = Client::builder().servers([reachable(at.clients)]).connect();
        let all_known = async {
            while known_workers(&client).await < Self::ALL.len() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let known = tokio::time::timeout(Duration::from_secs(10), all_known).await;
        known.map_err(|_| "the sample workers did not reach the broker".to_owned())?;
        Ok(Self { stop, running })
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        for worker in self.running {
            // They have no broker any more and nothing to do; a panic of theirs is already in the log.
            let _ = worker.await;
        }
    }
}

async fn known_workers(client: &Client) -> usize {
    let list = client.list(View::Workers).await.unwrap_or_default();
    serde_json::from_slice::<Vec<serde_json::Value>>(&list).map_or(0, |workers| workers.len())
}

fn screen(at: Addresses, http: SocketAddr, jobs: &str, samples: bool) -> String {
    let mut text = format!(
        "zmws {} is up; Ctrl-C stops it\n\n  \
         HTTP     http://{http}/\n  \
         clients  tcp://{}   ZeroMQ: zmws 1 and 2, Majordomo 0.1 and 0.2\n  \
         workers  tcp://{}   the same\n  \
         news     tcp://{}   each job's end, to subscribers of JOB.\n",
        env!("CARGO_PKG_VERSION"),
        at.clients,
        at.workers,
        at.news,
    );
    if let Some(admin) = at.admin {
        text += &format!("  admin    http://{admin}/   /status, /metrics, /healthz\n");
    }
    text += &format!("  jobs     {jobs}\n");
    if samples {
        text += &format!(
            "\nTry\n\n  \
             curl 'http://{http}/SYNC-STR-REV?str=Hello,+world'\n  \
             curl 'http://{http}/SLEEP'\n  \
             curl 'http://{http}/SERVER-WORKERS'\n"
        );
    }
    text
}

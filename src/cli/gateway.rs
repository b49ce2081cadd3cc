//! `zmws gateway`: clients over HTTP.

mod limits;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use tokio::net::TcpListener;
use zmws::duration;
use zmws::gateway::{self, AccessLog, BodyForm, Config, Origins, TokenError, Tokens};
use zmws::log_writer::Rotation;
use zmws::memory::Memory;
use zmws::server;

use super::check::Port;
use super::dialect::DialectName;
use super::layers::ConfigFile;
use super::log::{self, LogArgs, LogForm};
use super::memory::{self, Size};
use super::{Failure, notify, process};
use limits::GatewayLimits;

/// Run the HTTP gateway: jobs by URL, in front of a broker
///
/// GET or POST /SERVICE?query takes a job and answers its id, /SYNC-SERVICE?query waits for the result,
/// /SERVER-WORKERS, /SERVER-JOBS, /SERVER-ACTIVE and /SERVER-HIST show what the broker does. Works in front of
/// zmws's broker and of PHP's. Takes the flags of PHP's http_gateway.php, with one dash or two.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    _config: ConfigFile,

    #[command(flatten)]
    pub(super) options: GatewayOptions,

    /// Address to listen at; 0.0.0.0 opens the port to the network
    #[arg(long, visible_alias = "iface", value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,

    /// Port for HTTP
    #[arg(long, visible_alias = "wport", value_name = "PORT", default_value_t = 5580)]
    http_port: u16,

    /// Hosts of the broker, in the order they are tried
    #[arg(long, value_name = "HOST,…", value_delimiter = ',', default_value = "127.0.0.1")]
    broker: Vec<String>,

    /// The broker's port for clients
    #[arg(long, visible_alias = "cport", value_name = "PORT", default_value_t = 5555)]
    client_port: u16,

    /// Memory that may be held for all HTTP clients together, as 512M or 4G [default: half of what the system has for the process]
    #[arg(long, value_name = "SIZE")]
    memory_max: Option<Size>,

    /// Port for monitoring, over HTTP: /metrics and /healthz, at 127.0.0.1 [default: none]
    #[arg(long, value_name = "PORT")]
    metrics_port: Option<u16>,

    /// What to speak to a broker that is not ours: zmws1 for PHP's 1.0.0, zmws2 for its 2.x
    #[arg(long, value_name = "DIALECT", default_value = "zmws1")]
    dialect: DialectName,

    #[command(flatten)]
    log: LogArgs,
}

impl Args {
    /// The ports that it will listen at.
    pub(super) fn ports(&self) -> impl Iterator<Item = Port> {
        let at = |key, address, number| Port { key, address, number, may_lack: false };
        let metrics = self.metrics_port.map(|number| at("metrics_port", METRICS_ADDRESS, number));
        [at("http_port", self.address, self.http_port)].into_iter().chain(metrics)
    }

    /// Binds the port for monitoring, if there is to be one; what is done there, for ever.
    async fn metrics(&self, config: &Config) -> Result<impl Future<Output = ()> + use<>, Failure> {
        let listener = match self.metrics_port {
            Some(port) => {
                let address = SocketAddr::new(METRICS_ADDRESS, port);
                let bound = gateway::bind(address).await;
                let flag = "--metrics-port";
                Some(bound.map_err(|error| process::cannot_listen("monitoring", &address, &error, flag))?)
            }
            None => None,
        };
        let (counters, memory) = (config.counters.clone(), config.memory.clone());
        Ok(async move {
            match listener {
                Some(listener) => gateway::serve_metrics(listener, counters, memory).await,
                None => std::future::pending().await,
            }
        })
    }
}

/// What is shown there is nobody else's business.
const METRICS_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Settings of the gateway that `zmws up` has, too.
#[derive(Debug, clap::Args)]
pub(super) struct GatewayOptions {
    /// Form of the old paths' bodies: v1 as PHP's 1.0.0, v2 as its 2.x
    #[arg(long, value_name = "FORM", default_value = "v1")]
    body_form: Form,

    /// Seconds a result may take before the answer is 504
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60")]
    timeout: Duration,

    /// Longest time limit, in seconds, that a request may ask for by ?_timeout=DURATION; without it a request may not ask
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    asked_timeout_max: Option<Duration>,

    #[command(flatten)]
    limits: GatewayLimits,

    /// Do not serve the paths under /v1/
    #[arg(long)]
    no_api: bool,

    /// Pages whose scripts may read answers (CORS), instead of all
    #[arg(long, value_name = "ORIGIN,…", value_delimiter = ',')]
    origins: Option<Vec<String>>,

    /// File with bearer tokens: a token, a blank, the services it may call (or *) in each line
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,

    /// Where to write a line for each request; - for standard output
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,

    /// Form of these lines: common, as other web servers have it, or json; by default that of the log, common for php
    #[arg(long, value_name = "FORM")]
    access_log_form: Option<AccessForm>,

    /// Megabytes from which on the file of these lines begins anew, the old one kept as FILE.1; 0 for never
    #[arg(long, value_name = "MB", default_value_t = 10)]
    access_log_max_mb: u64,

    /// Old files of these lines that are kept
    #[arg(long, value_name = "N", default_value_t = 5)]
    access_log_keep: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    V1,
    V2,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum AccessForm {
    Common,
    Json,
}

impl GatewayOptions {
    /// The gateway's settings, for brokers at `servers`; what it holds is weighed in `memory`.
    pub(super) fn config(
        &self,
        servers: Vec<String>,
        memory: Memory,
        log: LogForm,
    ) -> Result<Config, Failure> {
        Ok(self.limits.apply(Config {
            servers,
            body_form: match self.body_form {
                Form::V1 => BodyForm::V1,
                Form::V2 => BodyForm::V2,
            },
            result_timeout: self.timeout,
            asked_timeout_max: self.asked_timeout_max,
            api: !self.no_api,
            origins: self.origins.clone().map_or(Origins::Any, Origins::Only),
            tokens: self.tokens()?,
            access_log: self.access_log(log)?,
            memory,
            ..Config::default()
        }))
    }

    /// Whether the files that it names can be used.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.tokens().map(drop)
    }

    fn tokens(&self) -> Result<Option<Tokens>, Failure> {
        let Some(path) = &self.tokens else { return Ok(None) };
        Tokens::read(path).map(Some).map_err(|error| match error {
            TokenError::Unreadable { .. } => format!("{error}; see --tokens"),
            TokenError::Line { .. } => format!("{}, {error}; see --tokens", path.display()),
        })
    }

    fn access_log(&self, log: LogForm) -> Result<Option<AccessLog>, Failure> {
        let Some(path) = &self.access_log else { return Ok(None) };
        let to_stdout = path.as_os_str() == "-";
        let form = match (self.access_log_form, log) {
            (Some(AccessForm::Common), LogForm::Json) if to_stdout => {
                return Err("--log-form json and --access-log-form common would mix on standard output; \
                            give --access-log a file, or leave out its form"
                    .to_owned());
            }
            (Some(AccessForm::Json), _) | (None, LogForm::Json) => gateway::LogForm::Json,
            (Some(AccessForm::Common), _) | (None, LogForm::Php | LogForm::Compact) => {
                gateway::LogForm::Common
            }
        };
        let log = match to_stdout {
            true => AccessLog::stdout(form),
            false => AccessLog::file(form, path, self.rotation()),
        };
        log.map(Some).map_err(|error| format!("cannot write {}: {error}; see --access-log", path.display()))
    }
}

impl GatewayOptions {
    fn rotation(&self) -> Rotation {
        Rotation { bytes: self.access_log_max_mb.saturating_mul(1 << 20), keep: self.access_log_keep }
    }
}

impl GatewayOptions {
    /// What SIGHUP does: the access log is opened anew, and the tokens are read anew. Tokens that cannot be read leave
    /// those that there are.
    pub(super) fn reload(&self, config: &Config) -> impl FnMut() + use<> {
        let (log, tokens) = (config.access_log.clone(), config.tokens.clone());
        let path = self.tokens.clone();
        move || {
            if let Some(log) = &log {
                log.reopen();
            }
            if let (Some(tokens), Some(path)) = (&tokens, &path)
                && let Err(error) = tokens.read_anew(path)
            {
                tracing::warn!(%error, "the tokens stay as they are");
            }
        }
    }
}

/// Lets the last lines of the access log be written.
pub(super) fn finish(access_log: Option<&AccessLog>) {
    if let Some(log) = access_log {
        log.flush(Duration::from_secs(1));
    }
}

/// Binds the gateway's port.
pub(super) async fn listen(address: IpAddr, port: u16) -> Result<TcpListener, Failure> {
    let address = SocketAddr::new(address, port);
    gateway::bind(address)
        .await
        .map_err(|error| process::cannot_listen("HTTP", &address, &error, "--http-port"))
}

/// Runs until stopped.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    log::start_as(&args.log);
    process::raise_descriptor_limit();
    process::enough_descriptors(args.options.limits.in_flight_max)?;
    process::on_one_thread(async {
        let servers = args.broker.iter().map(|host| process::host_port(host, args.client_port)).collect();
        let memory = memory::books(args.memory_max);
        let config = Config {
            dialect: args.dialect.into(),
            ..args.options.config(servers, memory, args.log.log_form)?
        };
        let listener = listen(args.address, args.http_port).await?;
        let metrics = args.metrics(&config).await?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (stopper, mut stopped) = server::stopper();
        let mut ended = stopped.clone();
        let (access_log, reload) = (config.access_log.clone(), args.options.reload(&config));
        let signals = tokio::task::spawn_local(process::at_each_signal(move || stopper.stop(), reload)?);
        let date = log::date();
        log::announce(
            &format!(
                "[{date}] [I] - client port {}\n[{date}] [I] - Server startup @{date} http://{address}/\nHTTP http://{address}/\n",
                args.client_port
            ),
            "gateway started",
            &[("http", &address), ("broker", &config.servers.join(","))],
        );
        notify::watchdog();
        notify::ready(&format!("http://{address}/"));
        tokio::select! {
            () = gateway::serve(listener, config, async move { stopped.draining().await }) => {}
            () = metrics => {}
            () = ended.ending() => {}
        }
        signals.abort();
        finish(access_log.as_ref());
        Ok(())
    })
}

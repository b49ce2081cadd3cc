//! `zmws-trace record`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use super::CliError;
use crate::record::{RecordOptions, Route, TraceWriter, record};
use crate::trace::{Header, Port};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Listen here for peers: a port, or address and port; one for each --to
    #[arg(long, value_name = "[ADDRESS:]PORT", required = true)]
    listen: Vec<String>,

    /// Pass what comes there on to this broker or gateway
    #[arg(long, value_name = "HOST:PORT", required = true)]
    to: Vec<String>,

    /// Which port each is: frontend, backend, news or http; else it is known by 5556, 5557 and 5580
    #[arg(long = "as", value_name = "NAME", value_enum)]
    names: Vec<Port>,

    /// The ports speak HTTP: a gateway's
    #[arg(long)]
    http: bool,

    /// Where the recording goes
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// What is recorded: a tag of the PHP original, for the header
    #[arg(long, value_name = "VERSION", default_value = "unknown")]
    upstream: String,

    /// The broker's HEARTBEAT_INTERVAL, in seconds, for the header
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    heartbeat_interval: f64,

    /// The broker's HEARTBEAT_MAXTRIES, for the header
    #[arg(long, value_name = "N", default_value_t = 3)]
    heartbeat_maxtries: u32,

    /// Keep of parameters and results no more than their length and a keyed hash
    #[arg(long)]
    mask: bool,

    /// Begin a new file after so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20)]
    max_bytes: u64,

    /// Keep so many files
    #[arg(long, value_name = "N", default_value_t = 8)]
    max_files: usize,

    /// Cut longer frames to so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    max_frame: usize,
}

impl Args {
    pub(super) fn run(self) -> Result<ExitCode, CliError> {
        let routes = self.routes()?;
        let header = Header {
            scenario: self.output.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into()),
            upstream: self.upstream.clone(),
            about: "recorded by zmws-trace".into(),
            heartbeat_interval: self.heartbeat_interval,
            heartbeat_maxtries: self.heartbeat_maxtries,
            ..Header::default()
        };
        let options = RecordOptions {
            file: self.output.clone(),
            bytes_max: self.max_bytes,
            files_max: self.max_files,
            frame_max: self.max_frame,
            mask: self.mask,
        };
        let trace_writer =
            TraceWriter::new(options, header, &routes).map_err(CliError::io(self.output.display()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(CliError::io("runtime"))?;
        let told = |addresses: &[SocketAddr]| {
            for (address, to) in addresses.iter().zip(&self.to) {
                println!("recording {address} to {to}");
            }
        };
        runtime.block_on(record(routes, trace_writer, told, stopped())).map_err(CliError::io("recording"))?;
        Ok(ExitCode::SUCCESS)
    }

    fn routes(&self) -> Result<Vec<Route>, CliError> {
        if self.listen.len() != self.to.len() {
            return Err(CliError::Usage("each --listen needs its --to".into()));
        }
        let pairs = self.listen.iter().zip(&self.to).enumerate();
        pairs.map(|(index, (listen, to))| self.route(index, listen, to)).collect()
    }

    fn route(&self, index: usize, listen: &str, to: &str) -> Result<Route, CliError> {
        let full = if listen.contains(':') { listen.to_owned() } else { format!("127.0.0.1:{listen}") };
        let bad = |what: &str| CliError::Usage(format!("{what:?} is no port to record"));
        let port = match self.names.get(index) {
            Some(&port) => port,
            None if self.http => Port::Http,
            None => match to.rsplit(':').next() {
                Some("5556") => Port::Backend,
                Some("5557") => Port::News,
                Some("5580") => Port::Http,
                _ => Port::Frontend,
            },
        };
        Ok(Route { listen: full.parse().map_err(|_| bad(listen))?, to: to.to_owned(), port })
    }
}

/// Until Ctrl-C or SIGTERM.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

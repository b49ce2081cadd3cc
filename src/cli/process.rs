//! What every long-running command needs of the process: a runtime, signals, descriptors.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use super::{Failure, notify};

/// Runs a command on one thread: the sockets that listen live on it.
pub(super) fn on_one_thread<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    LocalSet::new().block_on(&runtime, command)
}

/// Listens to SIGINT and SIGTERM from now on. At each, the future tells the service manager and calls `stop`; it
/// never ends. To be called before the command says that it is ready: who reads that may stop it.
///
/// # Errors
///
/// The system does not let us listen to signals.
pub(super) fn at_each_signal(mut stop: impl FnMut()) -> Result<impl Future<Output = Infallible>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| format!("cannot listen to signals: {error}"));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            notify::stopping();
            stop();
        }
    })
}

/// As many descriptors as the system lets us have: one a connection, and the usual 1 024 are few.
pub(super) fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "cannot raise the limit of open files");
        }
    }
}

/// `host:port`, with brackets around an address that has colons of its own.
pub(super) fn host_port(host: &str, port: u16) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// Why a port is not ours, and what to do.
pub(super) fn cannot_listen(what: &str, address: SocketAddr, error: &io::Error, flag: &str) -> Failure {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another program has the port; stop it, or choose another with {flag}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 need a privilege; choose another with {flag}")
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have the address; see --address".to_owned(),
        _ => error.to_string(),
    };
    format!("cannot listen for {what} at {address}: {advice}")
}

/// A time in seconds: `60`, `60s`, `0.5`.
pub(super) fn seconds(text: &str) -> Result<Duration, Failure> {
    let seconds = text.trim_end_matches('s').parse();
    let time = seconds.ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero()).ok_or_else(|| format!("{text:?} is no number of seconds"))
}

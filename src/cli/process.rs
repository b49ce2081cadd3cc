//! What every long-running command needs of the process: a runtime, signals, descriptors.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::fmt::Display;
use std::future::Future;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;
use zmws::transport::ConnectionLimit;

use super::{Failure, notify};

/// Runs a command on one thread: the sockets that listen live on it.
pub(super) fn on_one_thread<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    LocalSet::new().block_on(&runtime, command)
}

/// Listens to SIGINT, SIGTERM and SIGHUP from now on. At each of the first two, the future tells the service manager and
/// calls `stop`; at the third `reload`, or `stop` if it says that our terminal has gone. It never ends. To be called
/// before the command says that it is ready: who reads that may stop it.
///
/// # Errors
///
/// The system does not let us listen to signals.
pub(super) fn at_each_signal(
    mut stop: impl FnMut(),
    mut reload: impl FnMut(),
) -> Result<impl Future<Output = Infallible>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| format!("cannot listen to signals: {error}"));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let mut hangup = listen(SignalKind::hangup())?;
    let on_terminal = std::io::stdin().is_terminal();
    Ok(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                // A terminal that has been closed is one no more.
                _ = hangup.recv() => if !on_terminal || std::io::stdin().is_terminal() {
                    tracing::info!("SIGHUP: what can be read or opened anew is");
                    reload();
                    continue;
                },
            }
            notify::stopping();
            stop();
        }
    })
}

/// Fails if there are too few descriptors for anything to work; warns if there are fewer than connections may come.
pub(super) fn enough_descriptors(connections: usize) -> Result<(), Failure> {
    // None: as many as one likes.
    let Some(limit) = getrlimit(Resource::Nofile).current else { return Ok(()) };
    if limit < DESCRIPTORS_MIN {
        return Err(format!(
            "the limit of open files is {limit}, and {DESCRIPTORS_MIN} are needed at least; raise it with ulimit -n, \
             or LimitNOFILE= in a unit of systemd"
        ));
    }
    let room = limit.saturating_sub(DESCRIPTORS_MIN);
    if usize::try_from(room).is_ok_and(|room| room < connections) {
        tracing::warn!(
            limit,
            connections,
            "fewer files may be open than connections may come; raise the limit"
        );
    }
    Ok(())
}

/// Connections that a broker may have: what the descriptors allow, less some for logs and for operators who want to know
/// why there are no more. `shares`: in how many parts they go, one of which is the broker's.
pub(super) fn connections_allowed(shares: u64) -> ConnectionLimit {
    // None: as many as one likes.
    let Some(limit) = getrlimit(Resource::Nofile).current else { return ConnectionLimit::default() };
    let reserve = (limit / 8).clamp(DESCRIPTORS_MIN, RESERVE_MAX);
    let allowed = limit.saturating_sub(reserve) / shares;
    ConnectionLimit::new(usize::try_from(allowed).unwrap_or(usize::MAX).max(1))
}

/// The most descriptors that are kept from connections.
const RESERVE_MAX: u64 = 128;

/// What a command needs beside its connections: sockets that listen, logs, pipes of programs.
const DESCRIPTORS_MIN: u64 = 32;

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

/// Where the program that runs is.
pub(super) fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| format!("cannot find the program zmws itself: {error}"))
}

/// `host:port`, with brackets around an address that has colons of its own.
pub(super) fn host_port(host: &str, port: u16) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// Why a port is not ours, and what to do.
pub(super) fn cannot_listen(what: &str, place: &dyn Display, error: &io::Error, flag: &str) -> Failure {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse if flag == "--admin-socket" => {
            format!("another broker listens there; stop it, or choose another with {flag}")
        }
        io::ErrorKind::AddrInUse => {
            format!("another program has the port; stop it, or choose another with {flag}")
        }
        io::ErrorKind::PermissionDenied if flag != "--admin-socket" => {
            format!("ports below 1024 need a privilege; choose another with {flag}")
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have the address; see --address".to_owned(),
        _ => error.to_string(),
    };
    format!("cannot listen for {what} at {place}: {advice}")
}

/// Whether a program can be started: a path, or a name that is in PATH.
pub(super) fn check_program(program: &OsStr) -> Result<(), Failure> {
    let shown = program.display();
    let path = Path::new(program);
    if path.components().count() > 1 {
        return match access(path, Access::EXEC_OK) {
            Ok(()) if path.is_dir() => Err(format!("cannot start {shown}: it is a folder")),
            Ok(()) => Ok(()),
            Err(Errno::NOENT) => Err(format!("cannot start {shown}: there is no such file")),
            Err(Errno::ACCESS) => Err(format!("cannot start {shown}: it is not executable; see chmod +x")),
            Err(error) => Err(format!("cannot start {shown}: {error}")),
        };
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |folder: PathBuf| access(folder.join(path), Access::EXEC_OK).is_ok();
    match std::env::split_paths(&folders).any(is_there) {
        true => Ok(()),
        false => Err(format!("cannot start {shown}: no folder of PATH has it; begin with ./ if it is here")),
    }
}

/// Megabytes: at least one, at most a million.
pub(super) fn megabytes(text: &str) -> Result<usize, Failure> {
    let megabytes = text.parse().ok().filter(|megabytes| (1..=1 << 20).contains(megabytes));
    megabytes.ok_or_else(|| format!("a whole number of megabytes from 1 to {} is expected", 1 << 20))
}

/// A number of things of which there must be one at least.
pub(super) fn one_or_more(text: &str) -> Result<usize, Failure> {
    let number = text.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| "a whole number from 1 on is expected".to_owned())
}

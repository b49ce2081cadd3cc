//! The supervisor's socket: questions are answered here, changes are handed on.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tracing::{debug, warn};

use super::super::control::{self, Process, Question, Report, Request};
use super::super::files;
use super::super::process_table::ProcessTable;
use super::{ClaimError, Shown, Task};

/// How long somebody who connects may take to say what they want.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait when the system has no descriptor left for a connection.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens where an earlier supervisor may have left its socket. Only its owner may connect.
pub(super) fn listen(run_dir: &Path) -> Result<UnixListener, ClaimError> {
    let path = control::socket(run_dir);
    let bound = files::clear_socket(&path).and_then(|()| UnixListener::bind(&path)).and_then(|listener| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    });
    bound.map_err(|source| ClaimError::Place { path, source })
}

/// Takes connections. Never ends.
pub(super) async fn listen_to(
    listener: UnixListener,
    config: Option<PathBuf>,
    tasks: mpsc::Sender<Task>,
    shown: Shown,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                spawn_local(converse(stream, config.clone(), tasks.clone(), shown.clone()));
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One connection: a request, its reports.
async fn converse(mut stream: UnixStream, config: Option<PathBuf>, tasks: mpsc::Sender<Task>, shown: Shown) {
    let Question { request, config: meant } =
        match tokio::time::timeout(ANSWER_TIMEOUT, control::read_request(&mut stream)).await {
            Ok(Ok(question)) => question,
            Ok(Err(error)) => {
                debug!(%error, "a request that cannot be read");
                return refuse(&mut stream, format!("the supervisor cannot read the request: {error}")).await;
            }
            Err(_) => return,
        };
    if let (Some(config), Some(meant)) = (&config, &meant)
        && config != meant
    {
        let (config, meant) = (config.display(), meant.display());
        let text = format!(
            "the programs here are those of {config}; give {meant} a run_dir of its own, and ports, to have both"
        );
        return refuse(&mut stream, text).await;
    }
    if request == Request::Status {
        // It may have gone.
        let _ = control::write_report(&mut stream, &Report::Processes { processes: processes(&shown) }).await;
        return;
    }
    let (reports, mut come) = mpsc::unbounded_channel();
    if tasks.send((request, reports)).await.is_err() {
        return;
    }
    while let Some(report) = come.recv().await {
        let last = matches!(report, Report::Done { .. });
        if control::write_report(&mut stream, &report).await.is_err() || last {
            return;
        }
    }
}

async fn refuse(stream: &mut UnixStream, text: String) {
    // It may have gone.
    let _ = control::write_report(stream, &Report::Line { text }).await;
    let _ = control::write_report(stream, &Report::Done { ok: false }).await;
}

/// What the programs show of themselves, with the memory they hold at this moment.
fn processes(shown: &Shown) -> Vec<Process> {
    let table = ProcessTable::look(Vec::new());
    let mut processes: Vec<Process> = shown.borrow().iter().map(|one| one.borrow().now()).collect();
    for process in &mut processes {
        process.memory = process.pid.map(|pid| table.memory(pid));
    }
    processes
}

//! One session: our broker, a recorder in front of it, a worker, its clients.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};
use zmws::client::Client;
use zmws::message::View;

use super::{Programs, command};
use crate::over_tcp::LocalServer;
use crate::record::{RecordOptions, Recorder};
use crate::trace::Header;

/// How long a worker may take to come, and a client to end.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How often it is looked whether they have.
const POLL: Duration = Duration::from_millis(20);

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSession {
    /// The worker ended before it had come, with these words.
    #[error("its worker ended: {0}")]
    WorkerEnded(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Records a session of `programs` to a file.
pub(super) fn record(programs: &Programs, file: &Path) -> Result<(), NoSession> {
    let header = Header {
        scenario: programs.name.clone(),
        upstream: "zmws".into(),
        about: "real programs against our broker".into(),
        heartbeat_interval: 1.0,
        heartbeat_maxtries: 3,
        ..Header::default()
    };
    let server = LocalServer::start(&header)?;
    let options = RecordOptions {
        file: file.to_owned(),
        bytes_max: u64::MAX,
        files_max: 1,
        frame_max: 1 << 20,
        mask: false,
    };
    let recorder = Recorder::start(&server, &header, options)?;
    let [clients, workers] = recorder.addresses.map(|address| address.port());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let played = || -> Result<(), NoSession> {
        let log = file.with_extension("log");
        let mut worker = Process::start(command(&programs.worker, clients, workers)?, &log)?;
        if !known(&runtime, server.clients, &programs.service, &mut worker)? {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let line = text.lines().find(|line| line.contains("rror")).unwrap_or("it does not say why");
            return Err(NoSession::WorkerEnded(line.to_owned()));
        }
        for client in &programs.clients {
            let mut client =
                Process::start(command(client, clients, workers)?, &file.with_extension("client.log"))?;
            // One that does not end in time is seen by what it did not get.
            runtime.block_on(async { timeout(TIMEOUT, client.end()).await }).ok();
        }
        Ok(())
    };
    let played = played();
    recorder.stop()?;
    played
}

/// Waits until the broker knows a worker of the service; `false` if the worker ends before.
fn known(runtime: &Runtime, broker: SocketAddr, service: &str, worker: &mut Process) -> io::Result<bool> {
    let listed = format!("\"service\":\"{service}\"");
    runtime.block_on(async {
        let client = Client::builder().servers([broker.to_string()]).connect();
        let waiting = async {
            loop {
                let list = client.list(View::Workers).await.map_err(io::Error::other)?;
                if String::from_utf8_lossy(&list).contains(&listed) {
                    return Ok(true);
                }
                if worker.0.try_wait()?.is_some() {
                    return Ok(false);
                }
                sleep(POLL).await;
            }
        };
        timeout(TIMEOUT, waiting).await.map_err(|_| io::Error::other("its worker did not come"))?
    })
}

/// A program that ends with its owner.
struct Process(Child);

impl Process {
    /// What it prints goes to `log`.
    fn start(mut command: Command, log: &Path) -> io::Result<Self> {
        let log = File::create(log)?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Self(command.spawn()?))
    }

    async fn end(&mut self) {
        while matches!(self.0.try_wait(), Ok(None)) {
            sleep(POLL).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! One session: our broker, a recorder in front of it, a worker, its clients.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use zmws::client::Client;
use zmws::message::View;

use super::{Programs, command};
use crate::live::Own;
use crate::record::{Door, Paper, Scribe, record as recorded};
use crate::trace::{Header, Port};

/// How long a worker may take to come, and a client to end.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(20);

/// Records a session of `programs` to a file.
pub(super) fn record(programs: &Programs, file: &Path) -> io::Result<()> {
    let header = Header {
        scenario: programs.name.clone(),
        upstream: "zmws".into(),
        about: "real programs against our broker".into(),
        heartbeat_interval: 1.0,
        heartbeat_maxtries: 3,
        ..Header::default()
    };
    let server = Own::start(&header)?;
    let recorder = Recorder::start(&server, header, file)?;
    let [clients, workers] = recorder.ports;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let played = || -> io::Result<()> {
        let mut worker = Process::start(command(&programs.worker, clients, workers)?)?;
        known(&runtime, server.clients, &programs.service, &mut worker)?;
        for client in &programs.clients {
            let mut client = Process::start(command(client, clients, workers)?)?;
            // One that does not end in time is seen by what it did not get.
            runtime.block_on(async { timeout(PATIENCE, client.end()).await }).ok();
        }
        Ok(())
    };
    let played = played();
    recorder.stop()?;
    played
}

/// Waits until the broker knows a worker of the service.
fn known(runtime: &Runtime, broker: SocketAddr, service: &str, worker: &mut Process) -> io::Result<()> {
    let listed = format!("\"service\":\"{service}\"");
    runtime.block_on(async {
        let client = Client::builder().servers([broker.to_string()]).connect();
        let waiting = async {
            loop {
                let list = client.list(View::Workers).await.map_err(io::Error::other)?;
                if String::from_utf8_lossy(&list).contains(&listed) {
                    return Ok(());
                }
                if worker.0.try_wait()?.is_some() {
                    return Err(io::Error::other("its worker ended"));
                }
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, waiting).await.map_err(|_| io::Error::other("its worker did not come"))?
    })
}

/// A program that ends with its owner.
struct Process(Child);

impl Process {
    fn start(mut command: Command) -> io::Result<Self> {
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(silent.spawn()?))
    }

    async fn end(&mut self) {
        while matches!(self.0.try_wait(), Ok(None)) {
            sleep(LOOK).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A recorder in a thread of its own.
struct Recorder {
    /// For clients and for workers.
    ports: [u16; 2],
    stop: oneshot::Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Recorder {
    fn start(server: &Own, header: Header, file: &Path) -> io::Result<Self> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let doors = vec![
            Door { listen, to: server.clients.to_string(), port: Port::Frontend },
            Door { listen, to: server.workers.to_string(), port: Port::Backend },
        ];
        let file = file.to_owned();
        let paper = Paper { file, bytes_max: u64::MAX, files_max: 1, frame_max: 1 << 20, mask: false };
        let scribe = Scribe::new(paper, header, &doors)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let ready = move |addresses: &[SocketAddr]| {
                let _ = tell.send([addresses[0].port(), addresses[1].port()]);
            };
            runtime.block_on(recorded(doors, scribe, ready, async {
                let _ = stopped.await;
            }))
        });
        let ports = told.recv().map_err(|_| io::Error::other("the recorder did not start"))?;
        Ok(Self { ports, stop, thread })
    }

    fn stop(self) -> io::Result<()> {
        let _ = self.stop.send(());
        self.thread.join().map_err(|_| io::Error::other("the recorder panicked"))?
    }
}

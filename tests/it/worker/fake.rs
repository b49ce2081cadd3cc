//! A broker that does what the test says.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, LocalSet};
use zmws::job::PeerId;
use zmws::transport::{ListenerOptions, Router, RouterEvent};
use zmws::worker::{Builder, Worker};

/// The longest wait for anything. Two slow cores, a debug build.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test on one thread, with the deadline that no single wait needs.
pub(crate) fn play(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = LocalSet::new();
    runtime.block_on(local.run_until(async {
        tokio::time::timeout(3 * PATIENCE, test).await.expect("the test comes to its end");
    }));
    // What still runs has been left behind by its test on purpose.
    runtime.shutdown_background();
}

/// A ROUTER in the broker's place.
pub(crate) struct Fake {
    router: Router,
}

impl Fake {
    /// A broker that says it is ours.
    pub(crate) fn ours() -> Self {
        Self::bind(0, vec![("X-Zmws", Bytes::from_static(b"test"))])
    }

    /// A broker that says nothing of itself, as upstream's.
    pub(crate) fn foreign() -> Self {
        Self::bind(0, Vec::new())
    }

    /// A broker that comes back at a port.
    pub(crate) async fn at(port: u16) -> Self {
        let returning = async {
            loop {
                match Self::try_bind(port, vec![("X-Zmws", Bytes::from_static(b"test"))]) {
                    Ok(fake) => return fake,
                    // The one before has yet to let go of it.
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, returning).await.expect("the port becomes free")
    }

    fn bind(port: u16, properties: Vec<(&'static str, Bytes)>) -> Self {
        Self::try_bind(port, properties).expect("the port is free")
    }

    fn try_bind(port: u16, properties: Vec<(&'static str, Bytes)>) -> std::io::Result<Self> {
        let options = ListenerOptions { properties, ..ListenerOptions::default() };
        Ok(Self { router: Router::bind(SocketAddr::from(([127, 0, 0, 1], port)), options)? })
    }

    pub(crate) fn port(&self) -> u16 {
        self.router.local_addr().port()
    }

    pub(crate) fn address(&self) -> String {
        self.router.local_addr().to_string()
    }

    async fn event(&self) -> RouterEvent {
        tokio::time::timeout(PATIENCE, self.router.recv()).await.expect("the worker does something")
    }

    /// The next peer, and its identity.
    pub(crate) async fn came(&self) -> (PeerId, Bytes) {
        match self.event().await {
            RouterEvent::Came { peer, identity, .. } => (peer, identity),
            other => panic!("somebody should come, not {other:?}"),
        }
    }

    /// The next message but heartbeats, its frames parted by `|`.
    pub(crate) async fn said(&self) -> (PeerId, String) {
        loop {
            match self.event().await {
                RouterEvent::Message { peer, frames, .. } => {
                    let said = show(&frames);
                    if said != "HEARTBEAT" {
                        return (peer, said);
                    }
                }
                other => panic!("somebody should say something, not {other:?}"),
            }
        }
    }

    /// The next peer's identity, or the next message but heartbeats.
    pub(crate) async fn came_or_said(&self) -> Result<Bytes, (PeerId, String)> {
        loop {
            match self.event().await {
                RouterEvent::Came { identity, .. } => return Ok(identity),
                RouterEvent::Message { peer, frames, .. } if show(&frames) != "HEARTBEAT" => {
                    return Err((peer, show(&frames)));
                }
                RouterEvent::Message { .. } => {}
                RouterEvent::Left { .. } | RouterEvent::HeldBack { .. } => panic!("nobody should go"),
            }
        }
    }

    /// The next peer's identity, once it has registered as `ready`.
    pub(crate) async fn registered(&self, ready: &str) -> (PeerId, Bytes) {
        let (peer, identity) = self.came().await;
        assert_eq!(self.said().await, (peer, ready.to_owned()));
        (peer, identity)
    }

    /// Waits until a peer goes, whatever is said before.
    pub(crate) async fn left(&self) -> PeerId {
        loop {
            if let RouterEvent::Left { peer, .. } = self.event().await {
                return peer;
            }
        }
    }

    /// Says frames that are parted by `|`.
    pub(crate) fn say(&self, peer: PeerId, frames: &str) {
        let frames: Vec<_> =
            frames.split('|').map(|frame| Bytes::copy_from_slice(frame.as_bytes())).collect();
        self.router.send(peer, &frames).expect("the peer is there");
        self.router.flush();
    }

    /// A job to a zmws 2 worker, and what it says next.
    pub(crate) async fn ask(&self, peer: PeerId, id: &str, param: &str) -> String {
        self.say(peer, &format!("|MDPC02|1|{param}|JOB: {id}"));
        self.said().await.1
    }
}

/// Byte 1 and its kin as `\x01`.
fn show(frames: &[Bytes]) -> String {
    let frames: Vec<_> =
        frames.iter().map(|frame| frame.escape_ascii().to_string().replace("\\\"", "\"")).collect();
    frames.join("|")
}

/// A worker that runs until it is stopped.
pub(crate) struct Running {
    stop: Option<oneshot::Sender<()>>,
    pub(crate) task: JoinHandle<zmws::worker::WorkerEnd>,
}

impl Running {
    pub(crate) fn start(worker: Worker) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::task::spawn_local(worker.run(async {
            // A test that forgets its worker does not stop it.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        }));
        Self { stop: Some(stop), task }
    }

    /// Tells it to stop.
    pub(crate) fn stop(&mut self) {
        let stop = self.stop.take().expect("a worker is stopped once");
        stop.send(()).expect("the worker runs");
    }

    /// Waits for its end.
    pub(crate) async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the worker ends")
            .expect("and does not panic");
    }
}

/// A worker of DEMO at a broker.
pub(crate) fn demo(broker: &Fake) -> Builder {
    Worker::builder("DEMO").servers([broker.address()])
}

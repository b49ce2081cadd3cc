//! A broker over real sockets, in real time: any that runs, or our own server started for the purpose.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::{Instant, timeout, timeout_at};
use zmws::server::{Config, Server, Stopper, stopper};
use zmws::transport::{Dealer, DealerEvent, DealerOptions, DealerSender};

use crate::in_memory;
use crate::target::{Opening, Output, Target, WANTS_IDS};
use crate::trace::{ConnIndex, Header, Port};

/// Where a broker listens.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// For clients, as `host:port`.
    pub clients: String,
    pub workers: String,
}

#[derive(Debug)]
pub struct OverTcp {
    endpoints: Endpoints,
    runtime: Runtime,
    start: Instant,
    epoch: u64,
    conns: HashMap<ConnIndex, Connection>,
    sender: mpsc::UnboundedSender<(ConnIndex, Vec<Bytes>)>,
    heard: mpsc::UnboundedReceiver<(ConnIndex, Vec<Bytes>)>,
    /// Received, and not asked for yet.
    pending: VecDeque<Output>,
    last: Option<ConnIndex>,
    /// Our own server, if it is one; it ends with the replay.
    _server: Option<LocalServer>,
}

#[derive(Debug)]
struct Connection {
    sender: DealerSender,
    hang_up: tokio::sync::oneshot::Sender<()>,
    gone: tokio::task::JoinHandle<()>,
}

/// How long nothing is heard from a broker that has nothing to say.
const QUIET: Duration = Duration::from_millis(4);
/// The least time between two things that peers do.
const PAUSE: Duration = Duration::from_millis(1);
/// How long a connection, or its end, may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long what was said may take to be read before its peer hangs up.
const LINGER: Duration = Duration::from_millis(500);

impl OverTcp {
    pub fn connect(endpoints: Endpoints) -> io::Result<Self> {
        Self::at(endpoints, None)
    }

    /// To our own server, started with the timing that a recording's header names.
    pub fn own(header: &Header) -> io::Result<Self> {
        let server = LocalServer::start(header)?;
        let endpoints =
            Endpoints { clients: server.clients.to_string(), workers: server.workers.to_string() };
        Self::at(endpoints, Some(server))
    }

    fn at(endpoints: Endpoints, server: Option<LocalServer>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let start = runtime.block_on(async { Instant::now() });
        let (sender, heard) = mpsc::unbounded_channel();
        let epoch = unix_micros();
        Ok(Self {
            endpoints,
            runtime,
            start,
            epoch,
            conns: HashMap::new(),
            sender,
            heard,
            pending: VecDeque::new(),
            last: None,
            _server: server,
        })
    }
}

impl OverTcp {
    fn hear(&mut self, deadline: Instant) -> Option<Output> {
        let heard = &mut self.heard;
        let (conn, frames) =
            self.runtime.block_on(async { timeout_at(deadline, heard.recv()).await }).ok()??;
        let at = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Some(Output { at, conn, frames })
    }

    /// Waits until the broker has nothing more to say: what two peers say is to arrive in the order in which
    /// they say it.
    fn wait_until_quiet(&mut self) {
        loop {
            let quiet = self.runtime.block_on(async { Instant::now() }) + QUIET;
            match self.hear(quiet) {
                Some(output) => self.pending.push_back(output),
                None => return,
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a recording's times are compared with the real ones")]
fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

impl Target for OverTcp {
    fn open(&mut self, _at: u64, conn: ConnIndex, opening: &Opening<'_>) {
        let endpoint = match opening.port {
            Port::Frontend => &self.endpoints.clients,
            Port::Backend => &self.endpoints.workers,
            Port::News | Port::Http => return,
        };
        let properties = if opening.wants_ids { vec![(WANTS_IDS, Bytes::new())] } else { Vec::new() };
        let options =
            DealerOptions { identity: opening.identity.clone(), properties, ..DealerOptions::default() };
        let (endpoint, heard) = (endpoint.clone(), self.sender.clone());
        let connection = self.runtime.block_on(async move {
            let mut dealer = Dealer::connect(endpoint, options);
            // What comes later is heard by the task.
            let connected = async { while !matches!(dealer.recv().await, DealerEvent::Connected(_)) {} };
            let _ = timeout(TIMEOUT, connected).await;
            let sender = dealer.sender();
            let (hang_up, hung_up) = tokio::sync::oneshot::channel();
            let gone = tokio::spawn(listen(dealer, conn, heard, hung_up));
            Connection { sender, hang_up, gone }
        });
        self.conns.insert(conn, connection);
    }

    /// What the peer said last has had its effect by then: a broker that reads it together with the end gives no job to
    /// a worker that is gone, and one that reads it before does.
    fn close(&mut self, _at: u64, conn: ConnIndex) {
        self.wait_until_quiet();
        let Some(connection) = self.conns.remove(&conn) else { return };
        let _ = connection.hang_up.send(());
        let _ = self.runtime.block_on(async { timeout(TIMEOUT, connection.gone).await });
    }

    fn say(&mut self, _at: u64, conn: ConnIndex, frames: Vec<Bytes>) {
        if self.last.replace(conn) != Some(conn) {
            self.wait_until_quiet();
        }
        if let Some(connection) = self.conns.get(&conn) {
            let _ = self.runtime.block_on(async { timeout(TIMEOUT, connection.sender.send(frames)).await });
        }
    }

    /// A broker over sockets is not ours to kill: recordings in which one dies are for memory.
    fn restart(&mut self, _at: u64, _broker: &str) {}

    fn next(&mut self, until: u64) -> Option<Output> {
        if let Some(output) = self.pending.pop_front() {
            return Some(output);
        }
        // What is overdue still leaves the broker the time to speak.
        let soon = self.runtime.block_on(async { Instant::now() }) + PAUSE;
        self.hear(soon.max(self.start + Duration::from_micros(until)))
    }

    fn slack(&self) -> u64 {
        700_000
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }
}

async fn listen(
    mut dealer: Dealer,
    conn: ConnIndex,
    heard: mpsc::UnboundedSender<(ConnIndex, Vec<Bytes>)>,
    mut hung_up: tokio::sync::oneshot::Receiver<()>,
) {
    loop {
        let event = tokio::select! {
            event = dealer.recv() => event,
            _ = &mut hung_up => break,
        };
        if let DealerEvent::Message(frames) = event {
            let _ = heard.send((conn, frames));
        }
    }
    dealer.close(LINGER).await;
}

/// Our server in a thread of its own.
#[derive(Debug)]
pub struct LocalServer {
    pub clients: SocketAddr,
    pub workers: SocketAddr,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl LocalServer {
    /// Starts it, with the timing that a recording's header names.
    pub fn start(header: &Header) -> io::Result<Self> {
        let broker = in_memory::config(header);
        let config =
            Config { client_port: 0, worker_port: 0, news_port: 0, admin: None, broker, ..Config::default() };
        let (stopper, stopped) = stopper();
        let (tell, told) = std::sync::mpsc::channel();
        let serve = move || -> io::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            LocalSet::new().block_on(&runtime, async move {
                let server = Server::bind(config).map_err(io::Error::other)?;
                let _ = tell.send(server.addresses());
                server.run(stopped).await;
                Ok(())
            })
        };
        let thread = std::thread::Builder::new().name("zmws".into()).spawn(move || drop(serve()))?;
        let addresses = told.recv().map_err(|_| io::Error::other("the server did not start"))?;
        Ok(Self { clients: addresses.clients, workers: addresses.workers, stopper, thread: Some(thread) })
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.stopper.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

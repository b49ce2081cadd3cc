//! A client's settings.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};

use crate::client::connection_task::ConnectionTask;
use crate::client::{Client, Link, Shared};
use crate::job::Body;
use crate::memory::{Account, MemoryFull};
use crate::message::{ClientReply, Dialect};
use crate::transport::DealerOptions;

/// What a request does when as many are in flight as are allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WhenFull {
    /// It waits for room, as long as its time limit lets it.
    Wait,
    /// It ends with [`CallError::Busy`](super::CallError::Busy).
    Refuse,
}

/// The room for results that are here and not taken yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Results {
    account: Option<Account>,
    max: usize,
}

impl Results {
    /// Holds a reply for as long as its bytes are there.
    pub(super) fn hold(&self, mut reply: ClientReply) -> Result<ClientReply, MemoryFull> {
        let Some(account) = &self.account else { return Ok(reply) };
        let bytes = match &mut reply {
            ClientReply::Partial { body, .. }
            | ClientReply::Finished { body, .. }
            | ClientReply::Refused { body, .. } => match body {
                Body::One(frame) => std::slice::from_mut(frame),
                Body::Many(frames) => frames,
            },
            ClientReply::Snapshot { json, .. } => std::slice::from_mut(json),
            ClientReply::Accepted { .. } | ClientReply::Managed { .. } => &mut [],
        };
        let weight: usize = bytes.iter().map(|bytes| FRAME + bytes.len()).sum();
        let held = account.held();
        if weight > 0 && held + weight > self.max {
            return Err(MemoryFull { purpose: account.purpose(), held, max: self.max });
        }
        for bytes in bytes {
            *bytes = account.charge(FRAME + bytes.len())?.around(std::mem::take(bytes));
        }
        Ok(reply)
    }
}

/// What a frame of a reply costs beside its bytes, more or less.
const FRAME: usize = 256;

/// Settings of a [`Client`].
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) servers: Vec<String>,
    pub(super) spread: bool,
    pub(super) dialect: Dialect,
    pub(super) in_flight_max: usize,
    pub(super) when_full: WhenFull,
    pub(super) pool_max: usize,
    pub(super) connections: usize,
    pub(super) param_max: usize,
    pub(super) result_max: usize,
    pub(super) results: Results,
    pub(super) job_ids: bool,
    /// Whether it is the first of several connections, which speaks for all of them in the log.
    pub(super) is_first: bool,
    pub(super) connect_wait: Duration,
    pub(super) dealer: DealerOptions,
    pub(super) seed: Option<u64>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            servers: vec!["127.0.0.1:5555".to_owned()],
            spread: false,
            dialect: Dialect::Zmws1,
            in_flight_max: 1_000,
            when_full: WhenFull::Wait,
            pool_max: 64,
            connections: 1,
            param_max: 64 << 20,
            result_max: 64 << 20,
            results: Results::default(),
            job_ids: false,
            is_first: true,
            connect_wait: Duration::from_secs(2),
            dealer: DealerOptions::default(),
            seed: None,
        }
    }
}

impl Builder {
    /// The brokers' client ports, `host:port` each, in the order they are tried. When one is lost
    /// the next is tried, and after the last the first. Default `127.0.0.1:5555`.
    #[must_use]
    pub fn servers<S: Into<String>>(mut self, servers: impl IntoIterator<Item = S>) -> Self {
        let servers: Vec<String> = servers.into_iter().map(Into::into).collect();
        if !servers.is_empty() {
            self.servers = servers;
        }
        self
    }

    /// Spreads requests over all servers of the list, in turns, instead of keeping to one of them. A
    /// server that is away is passed over.
    #[must_use]
    pub fn spread(mut self) -> Self {
        self.spread = true;
        self
    }

    /// What is spoken to a foreign broker; our own is known and needs no telling. Default
    /// [`Dialect::Zmws1`], that of PHP's 1.0.0.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Requests that may be in flight at once. Default 1 000. Each costs its own size in memory.
    #[must_use]
    pub fn in_flight_max(mut self, count: usize) -> Self {
        self.in_flight_max = count.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// What a request does when that many are in flight. Default [`WhenFull::Wait`].
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Connections to a foreign broker, where each carries one request at a time; further requests
    /// wait for one to come free. Default 64.
    #[must_use]
    pub fn pool_max(mut self, count: usize) -> Self {
        self.pool_max = count.max(1);
        self
    }

    /// Connections to a broker of ours, over which requests are spread: the one with the fewest in flight is next. When one
    /// is lost, only what was on it is. Default 1.
    #[must_use]
    pub fn connections(mut self, count: usize) -> Self {
        self.connections = count.max(1);
        self
    }

    /// Bytes that a frame of a parameter may have, tag and all; a larger one is not sent and ends with
    /// [`CallError::TooLarge`](super::CallError::TooLarge). Default 64 MiB, the default of our broker, which cuts the
    /// connection at larger ones. If the broker tells what it takes, as ours does, the smaller of the two holds.
    #[must_use]
    pub fn param_max(mut self, bytes: usize) -> Self {
        self.param_max = bytes;
        self
    }

    /// Bytes that a result may have; a larger one is dropped, and its call ends with
    /// [`CallError::ResultTooLarge`](super::CallError::ResultTooLarge). Default 64 MiB.
    #[must_use]
    pub fn result_max(mut self, bytes: usize) -> Self {
        self.result_max = bytes;
        self
    }

    /// The account that results are held on until they are taken, and the bytes that all of them may have; a call whose
    /// result finds no room ends with [`CallError::NoRoom`](super::CallError::NoRoom). Default: neither.
    #[must_use]
    pub fn results(mut self, account: Account, max: usize) -> Self {
        self.results = Results { account: Some(account), max };
        self
    }

    /// Asks a broker of ours for the id of each job at once, so that
    /// [`CallError::Timeout`](super::CallError::Timeout) can name it. Costs a message a job. Default no.
    #[must_use]
    pub fn job_ids(mut self) -> Self {
        self.job_ids = true;
        self
    }

    /// How long a request waits for a connection before it ends with
    /// [`CallError::Unavailable`](super::CallError::Unavailable). Default 2 s. With zero it ends at
    /// once while no broker is connected, also in the first moments of the client.
    #[must_use]
    pub fn connect_wait(mut self, wait: Duration) -> Self {
        self.connect_wait = wait;
        self
    }

    /// How the sockets behave: limits, PING, times.
    #[must_use]
    pub fn socket(mut self, options: DealerOptions) -> Self {
        self.dealer = options;
        self
    }

    /// The seed of what is random: tags and waits. Default: drawn from the system.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts to connect and returns at once; requests made meanwhile wait.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn connect(self) -> Client {
        let (room, when_full) = (Arc::new(Semaphore::new(self.in_flight_max)), self.when_full);
        let connections = self.connections.min(self.pool_max);
        let servers: Vec<Vec<String>> = match self.spread {
            true => self.servers.iter().map(|server| vec![server.clone()]).collect(),
            false => vec![self.servers.clone()],
        };
        let of_one = |servers: &Vec<String>| {
            let one = self.clone().servers(servers.clone());
            // At a foreign broker the others are in reserve, with a pooled connection each.
            let first = Self { pool_max: self.pool_max - (connections - 1), ..one.clone() };
            let others = (1..connections).map(move |_| Self { is_first: false, pool_max: 1, ..one.clone() });
            std::iter::once(first).chain(others).map(Self::link)
        };
        let links = servers.iter().flat_map(of_one).collect();
        let shared = Shared { links, room, when_full, next: AtomicU64::new(0) };
        Client { shared: Arc::new(shared), timeout: None, repeatable: false }
    }

    /// Starts the task that keeps a connection to one of the servers.
    fn link(self) -> Link {
        let (commands, from_handles) = mpsc::unbounded_channel();
        let (announce, connected) = watch::channel(false);
        tokio::spawn(ConnectionTask::new(self, from_handles, announce).run());
        Link { commands, connected, in_flight: Arc::default() }
    }

    pub(super) fn rng(&self) -> fastrand::Rng {
        // RandomState's keys are the standard library's way to the system's randomness.
        fastrand::Rng::with_seed(self.seed.unwrap_or_else(|| RandomState::new().hash_one(())))
    }
}

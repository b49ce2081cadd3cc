//! A client's settings.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};

use crate::client::hub::Hub;
use crate::client::{Client, Link, Shared};
use crate::message::Dialect;
use crate::transport::DealerOptions;

/// What a request does when as many are in flight as are allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WhenFull {
    /// It waits for room, as long as its time limit lets it.
    Wait,
    /// It ends with [`CallError::Busy`](super::CallError::Busy).
    Refuse,
}

/// Settings of a [`Client`].
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) servers: Vec<String>,
    pub(super) spread: bool,
    pub(super) dialect: Dialect,
    pub(super) in_flight_max: usize,
    pub(super) when_full: WhenFull,
    pub(super) lanes_max: usize,
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
            lanes_max: 64,
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
    pub fn lanes_max(mut self, count: usize) -> Self {
        self.lanes_max = count.max(1);
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
        let links = match self.spread {
            true => self.servers.iter().map(|server| self.clone().servers([server]).link()).collect(),
            false => vec![self.link()],
        };
        let shared = Shared { links, room, when_full, next: AtomicU64::new(0) };
        Client { shared: Arc::new(shared), timeout: None, repeatable: false }
    }

    /// Starts the task that keeps a connection to one of the servers.
    fn link(self) -> Link {
        let (orders, from_handles) = mpsc::unbounded_channel();
        let (announce, connected) = watch::channel(false);
        tokio::spawn(Hub::new(self, from_handles, announce).run());
        Link { orders, connected }
    }

    pub(super) fn rng(&self) -> fastrand::Rng {
        // RandomState's keys are the standard library's way to the system's randomness.
        fastrand::Rng::with_seed(self.seed.unwrap_or_else(|| RandomState::new().hash_one(())))
    }
}

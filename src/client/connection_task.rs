//! The task behind a client: keeps the connection, and everything that waits for it.
//!
//! One owner, no locks. It is always in one of three states:
//!
//! ```text
//!            connected, ours                connected, foreign
//!   shared <----------------- reaching -----------------------> pool
//!      '------ lost ------------^  ^------- lost ----------------'
//! ```
//!
//! A connection that is lost is never used again: its [`Dealer`] is dropped, with what it had
//! queued, and a new one is made for the next server of the list.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info, warn};

use crate::client::CallError;
use crate::client::builder::Builder;
use crate::client::link::Link;
use crate::client::pooled::{Pooled, PooledEnd, PooledSettings, carry};
use crate::client::request::{Command, Request};
use crate::client::session::RequestId;
use crate::transport::{Dealer, DealerEvent, DealerOptions};
use crate::zmtp::{Limits, PeerInfo};

/// The READY property by which our own broker is known.
const OURS: &[u8] = b"X-Zmws";
/// The READY property by which a client asks our broker for the ids of jobs it waits for.
const WANTS_IDS: &str = "X-Zmws-Ids";
/// Bytes of a message beside its largest frame, at most.
const AROUND_MAX: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct ConnectionTask {
    settings: Builder,
    commands: mpsc::UnboundedReceiver<Command>,
    connected: watch::Sender<bool>,
    rng: fastrand::Rng,
    /// Which server of the list is, or is to be, connected.
    server: usize,
    /// Rounds through the list without success.
    rounds: u32,
    /// Requests that are not sent yet, each with the moment its patience ends.
    waiting: VecDeque<(Instant, Box<Request>)>,
    /// Requests on connections of their own.
    pooled: JoinSet<PooledEnd>,
}

/// All handles are dropped.
struct Closed;

impl ConnectionTask {
    pub(super) fn new(
        settings: Builder,
        commands: mpsc::UnboundedReceiver<Command>,
        connected: watch::Sender<bool>,
    ) -> Self {
        let rng = settings.rng();
        let (waiting, pooled) = (VecDeque::new(), JoinSet::new());
        Self { settings, commands, connected, rng, server: 0, rounds: 0, waiting, pooled }
    }

    pub(super) async fn run(mut self) {
        while self.serve().await.is_ok() {}
    }

    async fn serve(&mut self) -> Result<(), Closed> {
        let (mut dealer, mut peer) = self.reach().await?;
        self.rounds = 0;
        if !self.settings.is_first && !is_ours(&peer) && self.waiting.is_empty() {
            // One is enough: it makes as many connections as it needs.
            drop(dealer);
            self.wait_for_a_command().await?;
            (dealer, peer) = self.reach().await?;
        }
        self.connected.send_replace(true);
        let lost = match is_ours(&peer) {
            true => self.shared(dealer, &peer).await,
            false => self.pool(dealer).await,
        };
        self.connected.send_replace(false);
        self.next_server();
        lost
    }

    // ---- reaching -------------------------------------------------------------------------

    /// Tries one server after the other until one is connected.
    async fn reach(&mut self) -> Result<(Dealer, PeerInfo), Closed> {
        let until = self.patience();
        self.waiting.iter_mut().for_each(|waiting| waiting.0 = until);
        // Of the connections of one client, one tells it.
        let mut told = !self.settings.is_first;
        loop {
            let mut dealer = self.dial();
            match self.meanwhile(dealer.recv()).await? {
                DealerEvent::Connected(peer) => return Ok((dealer, peer)),
                DealerEvent::Message(_) | DealerEvent::TooLarge { .. } => {
                    debug!("a message before the handshake, connection dropped");
                }
                DealerEvent::Disconnected(reason) if told => {
                    debug!(address = self.address(), reason, "broker not reached");
                }
                // Once an outage, and not once a try.
                DealerEvent::Disconnected(reason) => {
                    told = true;
                    warn!(address = self.address(), reason, "broker not reached, trying on");
                }
            }
            drop(dealer);
            self.next_server();
            if self.server == 0 {
                let pause = self.pause();
                self.meanwhile(sleep(pause)).await?;
            }
        }
    }

    /// Waits for `event`; takes commands meanwhile, and ends requests whose patience is over.
    async fn meanwhile<T>(&mut self, event: impl Future<Output = T>) -> Result<T, Closed> {
        let mut event = pin!(event);
        loop {
            let expiry = self.waiting.front().map(|waiting| waiting.0);
            tokio::select! {
                output = &mut event => return Ok(output),
                command = self.commands.recv() => match command.ok_or(Closed)? {
                    Command::Send(request) => self.waiting.push_back((self.patience(), request)),
                    Command::Cancel(id) => self.forget(id),
                },
                Some(end) = self.pooled.join_next() => self.enqueue_unsent(end),
                () = at(expiry) => self.expire(),
            }
        }
    }

    async fn wait_for_a_command(&mut self) -> Result<(), Closed> {
        match self.commands.recv().await.ok_or(Closed)? {
            Command::Send(request) => self.waiting.push_back((self.patience(), request)),
            Command::Cancel(_) => {}
        }
        Ok(())
    }

    fn expire(&mut self) {
        let now = Instant::now();
        while self.waiting.front().is_some_and(|waiting| waiting.0 <= now) {
            if let Some((_, request)) = self.waiting.pop_front() {
                request.fail(CallError::Unavailable);
            }
        }
    }

    fn enqueue_unsent(&mut self, end: Result<PooledEnd, JoinError>) {
        if let Some(request) = end.ok().and_then(|end| end.unsent) {
            self.waiting.push_back((self.patience(), request));
        }
    }

    fn forget(&mut self, id: RequestId) {
        self.waiting.retain(|(_, request)| request.id != id);
    }

    fn patience(&self) -> Instant {
        Instant::now() + self.settings.connect_wait
    }

    fn address(&self) -> &str {
        &self.settings.servers[self.server]
    }

    fn next_server(&mut self) {
        self.server = (self.server + 1) % self.settings.servers.len();
        if self.server == 0 {
            self.rounds = self.rounds.saturating_add(1);
        }
    }

    /// How long to wait after a round: doubled with each, and a half of it by chance, so that a
    /// thousand clients do not come back in the same moment.
    fn pause(&mut self) -> Duration {
        let DealerOptions { reconnect_min, reconnect_max, .. } = self.settings.dealer;
        let doubled = reconnect_min.saturating_mul(1 << self.rounds.saturating_sub(1).min(16));
        doubled.min(reconnect_max).mul_f64(0.5 + self.rng.f64() / 2.0)
    }

    fn dial(&self) -> Dealer {
        let queue_max = self.settings.dealer.queue_max.max(self.settings.in_flight_max);
        let result_max = self.settings.result_max;
        let limits = Limits {
            frame_max: result_max,
            message_max: result_max.saturating_add(AROUND_MAX),
            ..self.settings.dealer.limits.clone()
        };
        let mut options =
            DealerOptions { queue_max, limits, drop_too_large: true, ..self.settings.dealer.clone() };
        if self.settings.job_ids {
            options.properties.push((WANTS_IDS, Bytes::from_static(b"1")));
        }
        Dealer::connect(self.address(), options)
    }

    // ---- shared ---------------------------------------------------------------------------

    /// All requests over one connection, told apart by tags, until it is lost.
    async fn shared(&mut self, mut dealer: Dealer, peer: &PeerInfo) -> Result<(), Closed> {
        self.tell_connected("connected");
        let mut link = Link::new(self.rng.u64(..), dealer.sender(), &self.settings, peer);
        for (_, request) in std::mem::take(&mut self.waiting) {
            link.send(request);
        }
        loop {
            tokio::select! {
                event = dealer.recv() => match event {
                    DealerEvent::Message(frames) => link.receive(frames),
                    DealerEvent::TooLarge { frames, size } => link.too_large(&frames, size),
                    DealerEvent::Connected(_) => break,
                    DealerEvent::Disconnected(reason) => {
                        info!(address = self.address(), reason, "connection lost");
                        break;
                    }
                },
                command = self.commands.recv() => match command.ok_or(Closed)? {
                    Command::Send(request) => link.send(request),
                    Command::Cancel(id) => drop(link.session.close(id)),
                },
                () = link.sender.moved(), if !link.leaving.is_empty() => link.release(),
                Some(end) = self.pooled.join_next() => {
                    if let Some(request) = end.ok().and_then(|end| end.unsent) {
                        link.send(request);
                    }
                },
            }
        }
        self.after_loss(link);
        Ok(())
    }

    /// What had not begun to leave is sent again, and so is what may be; the rest is told how far it had come.
    fn after_loss(&mut self, link: Link) {
        let until = self.patience();
        let (begun, written) = (link.sender.begun(), link.sender.written());
        for request in link.session.into_waiting() {
            match request.place {
                place if place > begun || request.repeatable => self.waiting.push_back((until, request)),
                place if place > written => request.fail(CallError::Interrupted),
                _ => request.fail(CallError::Lost),
            }
        }
    }

    /// Of several connections to the same broker one is told of.
    fn tell_connected(&self, message: &str) {
        match self.settings.is_first {
            true => info!(address = self.address(), dialect = ?self.settings.dialect, "{message}"),
            false => debug!(address = self.address(), "{message}"),
        }
    }

    // ---- pool -----------------------------------------------------------------------------

    /// A connection for each request in flight, until one cannot be made or is lost.
    async fn pool(&mut self, first: Dealer) -> Result<(), Closed> {
        self.tell_connected("connected to a foreign broker");
        let mut idle = vec![first];
        loop {
            self.fill_pool(&mut idle);
            tokio::select! {
                command = self.commands.recv() => match command.ok_or(Closed)? {
                    Command::Send(request) => self.waiting.push_back((self.patience(), request)),
                    Command::Cancel(id) => self.forget(id),
                },
                Some(end) = self.pooled.join_next() => {
                    let Ok(end) = end else { continue };
                    idle.extend(end.dealer);
                    if let Some(request) = end.unsent {
                        self.waiting.push_front((self.patience(), request));
                    }
                    if end.broken {
                        info!(address = self.address(), "connection lost");
                        return Ok(());
                    }
                },
            }
        }
    }

    fn fill_pool(&mut self, idle: &mut Vec<Dealer>) {
        while self.pooled.len() < self.settings.pool_max {
            let Some((_, request)) = self.waiting.pop_front() else { return };
            let pooled = match idle.pop() {
                Some(dealer) => Pooled::Used(dealer),
                None => Pooled::New(self.dial()),
            };
            let settings = PooledSettings {
                dialect: self.settings.dialect,
                param_max: self.settings.param_max,
                result_max: self.settings.result_max,
                results: self.settings.results.clone(),
            };
            self.pooled.spawn(carry(pooled, settings, request));
        }
    }
}

fn is_ours(peer: &PeerInfo) -> bool {
    peer.properties.iter().any(|(name, _)| name.eq_ignore_ascii_case(OURS))
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

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
use crate::client::lane::{Lane, LaneEnd, carry};
use crate::client::request::{Order, Request};
use crate::client::session::{Received, RequestId, Session};
use crate::message::{ClientReply, Dialect, Origin};
use crate::transport::{Dealer, DealerEvent, DealerOptions, DealerSender, SendError};
use crate::wire;
use crate::zmtp::PeerInfo;

/// The READY property by which our own broker is known.
const OURS: &[u8] = b"X-Zmws";

#[derive(Debug)]
pub(super) struct Hub {
    settings: Builder,
    orders: mpsc::UnboundedReceiver<Order>,
    connected: watch::Sender<bool>,
    rng: fastrand::Rng,
    /// Which server of the list is, or is to be, connected.
    server: usize,
    /// Rounds through the list without success.
    rounds: u32,
    /// Requests that are not sent yet, each with the moment its patience ends.
    waiting: VecDeque<(Instant, Box<Request>)>,
    /// Requests on connections of their own.
    lanes: JoinSet<LaneEnd>,
}

/// All handles are dropped.
struct Closed;

impl Hub {
    pub(super) fn new(
        settings: Builder,
        orders: mpsc::UnboundedReceiver<Order>,
        connected: watch::Sender<bool>,
    ) -> Self {
        let rng = settings.rng();
        let (waiting, lanes) = (VecDeque::new(), JoinSet::new());
        Self { settings, orders, connected, rng, server: 0, rounds: 0, waiting, lanes }
    }

    pub(super) async fn run(mut self) {
        while self.serve().await.is_ok() {}
    }

    async fn serve(&mut self) -> Result<(), Closed> {
        let (dealer, peer) = self.reach().await?;
        self.rounds = 0;
        self.connected.send_replace(true);
        let lost = match is_ours(&peer) {
            true => self.shared(dealer).await,
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
        let mut told = false;
        loop {
            let mut dealer = self.dial();
            match self.meanwhile(dealer.recv()).await? {
                DealerEvent::Connected(peer) => return Ok((dealer, peer)),
                DealerEvent::Message(_) => debug!("a message before the handshake, connection dropped"),
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

    /// Waits for `event`; takes orders meanwhile, and ends requests whose patience is over.
    async fn meanwhile<T>(&mut self, event: impl Future<Output = T>) -> Result<T, Closed> {
        let mut event = pin!(event);
        loop {
            let expiry = self.waiting.front().map(|waiting| waiting.0);
            tokio::select! {
                output = &mut event => return Ok(output),
                order = self.orders.recv() => match order.ok_or(Closed)? {
                    Order::Send(request) => self.waiting.push_back((self.patience(), request)),
                    Order::Cancel(id) => self.forget(id),
                },
                Some(end) = self.lanes.join_next() => self.enqueue_unsent(end),
                () = at(expiry) => self.expire(),
            }
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        while self.waiting.front().is_some_and(|waiting| waiting.0 <= now) {
            if let Some((_, request)) = self.waiting.pop_front() {
                request.fail(CallError::Unavailable);
            }
        }
    }

    fn enqueue_unsent(&mut self, end: Result<LaneEnd, JoinError>) {
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
        let options = DealerOptions { queue_max, ..self.settings.dealer.clone() };
        Dealer::connect(self.address(), options)
    }

    // ---- shared ---------------------------------------------------------------------------

    /// All requests over one connection, told apart by tags, until it is lost.
    async fn shared(&mut self, mut dealer: Dealer) -> Result<(), Closed> {
        info!(address = self.address(), "connected");
        let mut link = Link { session: Session::new(self.rng.u64(..)), sender: dealer.sender() };
        for (_, request) in std::mem::take(&mut self.waiting) {
            link.send(request);
        }
        loop {
            tokio::select! {
                event = dealer.recv() => match event {
                    DealerEvent::Message(frames) => link.receive(frames),
                    DealerEvent::Connected(_) => break,
                    DealerEvent::Disconnected(reason) => {
                        info!(address = self.address(), reason, "connection lost");
                        break;
                    }
                },
                order = self.orders.recv() => match order.ok_or(Closed)? {
                    Order::Send(request) => link.send(request),
                    Order::Cancel(id) => drop(link.session.close(id)),
                },
                Some(end) = self.lanes.join_next() => {
                    if let Some(request) = end.ok().and_then(|end| end.unsent) {
                        link.send(request);
                    }
                },
            }
        }
        self.after_loss(link.session);
        Ok(())
    }

    fn after_loss(&mut self, session: Session<Box<Request>>) {
        let until = self.patience();
        for request in session.into_waiting() {
            match request.repeatable {
                true => self.waiting.push_back((until, request)),
                false => request.fail(CallError::Lost),
            }
        }
    }

    // ---- pool -----------------------------------------------------------------------------

    /// A connection for each request in flight, until one cannot be made or is lost.
    async fn pool(&mut self, first: Dealer) -> Result<(), Closed> {
        info!(address = self.address(), dialect = ?self.settings.dialect, "connected to a foreign broker");
        let mut idle = vec![first];
        loop {
            self.fill_lanes(&mut idle);
            tokio::select! {
                order = self.orders.recv() => match order.ok_or(Closed)? {
                    Order::Send(request) => self.waiting.push_back((self.patience(), request)),
                    Order::Cancel(id) => self.forget(id),
                },
                Some(end) = self.lanes.join_next() => {
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

    fn fill_lanes(&mut self, idle: &mut Vec<Dealer>) {
        while self.lanes.len() < self.settings.lanes_max {
            let Some((_, request)) = self.waiting.pop_front() else { return };
            let lane = match idle.pop() {
                Some(dealer) => Lane::Used(dealer),
                None => Lane::New(self.dial()),
            };
            self.lanes.spawn(carry(lane, self.settings.dialect, request));
        }
    }
}

/// The one connection to a broker of ours.
struct Link {
    session: Session<Box<Request>>,
    sender: DealerSender,
}

impl Link {
    fn send(&mut self, request: Box<Request>) {
        let (id, command) = (request.id, request.command.clone());
        let origin = self.session.open(id, &command, request);
        let sent = match wire::encode_client_command(&origin, &command) {
            None => Err(CallError::Unsupported),
            Some(frames) => self.sender.try_send(frames).map_err(|error| match error {
                SendError::Full => CallError::Busy,
                SendError::Closed => CallError::Unavailable,
            }),
        };
        if let Err(error) = sent {
            self.fail(id, error);
        }
    }

    fn receive(&mut self, frames: Vec<Bytes>) {
        match wire::decode_client_reply(Dialect::Zmws2, frames) {
            Ok((origin, reply)) => self.deliver(&origin, reply),
            Err(error) => debug!(%error, "a reply that cannot be read"),
        }
    }

    fn deliver(&mut self, origin: &Origin, reply: ClientReply) {
        match self.session.receive(origin, reply) {
            Received::Partial(id, request, reply) => {
                if request.waiter.part(reply).is_err() {
                    self.fail(id, CallError::Overrun);
                }
            }
            Received::Final(request, reply) => request.waiter.finish(Ok(reply)),
            Received::Stray => debug!("a reply that nobody waits for"),
            Received::Mismatch(request) => request.fail(CallError::Garbled),
        }
    }

    fn fail(&mut self, id: RequestId, error: CallError) {
        if let Some(request) = self.session.close(id) {
            request.fail(error);
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

//! The loop that owns broker, sockets, store and clock.
//!
//! One task, no lock. It has no opinions: messages become events, the broker answers with actions, and the
//! actions are carried out in their order. What one turn sends leaves in one write a connection.

mod admin;
pub mod clock;
mod config;
mod ids;
mod log;
mod news;
mod stop;
#[cfg(test)]
mod tests;

pub use config::{Addresses, Config};
pub use stop::{Stopped, Stopper, stopper};

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Sleep;
use tracing::{debug, info};

use crate::broker::{Action, Announcement, Audience, Broker, Denied, Done, Event, Stage};
use crate::job::Timestamp;
use crate::message::{Address, ClientReply, WorkerOrder};
use crate::store::Memory;
use crate::transport::{ListenerOptions, Publisher, Router, RouterEvent};
use crate::wire;
use admin::Desk;
use clock::Clock;
use ids::IdSeekers;

/// A port that could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for {what} at {address}: {source}")]
pub struct BindError {
    /// Who would have come there.
    pub what: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// The system's word.
    pub source: io::Error,
}

/// What a server left behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Farewell {
    /// Jobs that no worker had got.
    pub queued: usize,
    /// Jobs that a worker had not finished.
    pub active: usize,
}

/// A broker on its ports.
#[derive(Debug)]
pub struct Server {
    config: Config,
    clients: Router,
    workers: Router,
    news: Publisher,
    /// The version of the subscriptions that the broker knows of, and whether there were clients that want ids.
    audience_version: (u64, bool),
    id_seekers: IdSeekers,
    desk: Desk,
    broker: Broker,
    store: Memory,
    clock: Clock,
    started_at: Timestamp,
    /// Kept from turn to turn for its memory.
    actions: Vec<Action>,
    /// What the last operation came to, until it is handed to whoever asked.
    operated: Option<Result<Done, Denied>>,
    malformed: Malformed,
}

/// Messages that could not be read.
#[derive(Clone, Copy, Debug, Default)]
struct Malformed {
    clients: u64,
    workers: u64,
}

/// The READY property by which our own clients know our broker: it gives return envelopes back.
const PROPERTY: &str = "X-Zmws";
/// The READY property in which our own clients find how large a frame may be.
const FRAME_MAX_PROPERTY: &str = "X-Zmws-Frame-Max";
/// Messages taken in one turn, so that no turn is long.
const TURN: usize = 1_024;
/// How long peers may take to read the last answers when the server ends.
const LINGER: Duration = Duration::from_secs(1);

impl Server {
    /// Binds the ports. Needs a `LocalSet`, as does [`Server::run`].
    ///
    /// # Errors
    ///
    /// The first port that cannot be bound.
    pub fn bind(mut config: Config) -> Result<Self, BindError> {
        let seed = clock::seed();
        config.broker.seed = seed;
        let addresses = config.addresses();
        let sockets = ListenerOptions {
            seed: seed as u32,
            properties: vec![
                (PROPERTY, Bytes::from_static(env!("CARGO_PKG_VERSION").as_bytes())),
                (FRAME_MAX_PROPERTY, config.sockets.limits.frame_max.to_string().into()),
            ],
            ..config.sockets.clone()
        };
        let cannot = |what, address| move |source| BindError { what, address, source };
        let clients = Router::bind(addresses.clients, sockets.clone());
        let workers = Router::bind(addresses.workers, sockets.clone());
        let news = Publisher::bind(addresses.news, sockets);
        let desk = addresses
            .admin
            .map_or_else(|| Ok(Desk::closed()), |at| Desk::open(at).map_err(cannot("operators", at)));
        let clock = Clock::start();
        let mut broker = Broker::new(config.broker.clone());
        let store = Memory::default();
        for job in store.scan() {
            broker.restore(job);
        }
        Ok(Self {
            clients: clients.map_err(cannot("clients", addresses.clients))?,
            workers: workers.map_err(cannot("workers", addresses.workers))?,
            news: news.map_err(cannot("subscribers", addresses.news))?,
            audience_version: (0, false),
            id_seekers: IdSeekers::default(),
            desk: desk?,
            broker,
            store,
            config,
            started_at: clock.now(),
            clock,
            actions: Vec::new(),
            operated: None,
            malformed: Malformed::default(),
        })
    }

    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> Addresses {
        Addresses {
            clients: self.clients.local_addr(),
            workers: self.workers.local_addr(),
            news: self.news.local_addr(),
            admin: self.desk.address(),
        }
    }

    /// Serves until told to stop; then takes no new jobs, and ends when the running ones are done, their
    /// grace is over, or it is told again.
    pub async fn run(mut self, stopped: Stopped) -> Farewell {
        let (mut draining, mut ending) = (stopped.clone(), stopped);
        self.serve(draining.draining(), |_| false).await;
        info!(grace_ms = self.config.grace.as_millis(), "stopping: no new jobs");
        self.handle(self.clock.now(), Event::Drain);
        let grace = self.config.grace;
        let over = async {
            tokio::select! {
                () = tokio::time::sleep(grace) => {}
                () = ending.ending() => {}
            }
        };
        self.serve(over, Broker::is_idle).await;
        self.clients.drain(LINGER).await;
        self.workers.drain(LINGER).await;
        self.news.flush();
        self.log_counts();
        let totals = self.broker.totals();
        Farewell { queued: totals.queued, active: totals.active }
    }

    /// What was counted, in one line.
    fn log_counts(&self) {
        let jobs = self.broker.counters();
        let (clients, workers) = (self.clients.counters(), self.workers.counters());
        info!(
            accepted = jobs.jobs_accepted,
            completed = jobs.jobs_completed,
            failed = jobs.jobs_failed,
            requeued = jobs.jobs_requeued,
            malformed = self.malformed.clients + self.malformed.workers,
            protocol_errors = clients.protocol_errors + workers.protocol_errors,
            slow = clients.slow + workers.slow,
            vanished = clients.vanished + workers.vanished,
            "stopped"
        );
    }

    /// Turn after turn, until `stop` or until the broker is as `done` wants it.
    async fn serve(&mut self, stop: impl Future<Output = ()>, done: impl Fn(&Broker) -> bool) {
        let mut stop = pin!(stop);
        let mut alarm = pin!(tokio::time::sleep(Duration::ZERO));
        while !done(&self.broker) {
            self.set(alarm.as_mut());
            let event = tokio::select! {
                biased;
                () = &mut stop => return,
                event = self.workers.recv() => self.of_worker(event),
                event = self.clients.recv() => self.of_client(event),
                // One that has rung and was not set anew would ring for ever.
                () = &mut alarm, if self.broker.deadline().is_some() => Some(Event::Tick),
                ask = self.desk.next(&self.clock) => {
                    self.answer(ask);
                    None
                }
            };
            self.turn(event);
        }
    }

    /// Lets `alarm` ring when the broker wants it. One that rings too early costs a look, one that is set
    /// anew each turn costs more; so it is only ever moved forward, or when it has rung.
    fn set(&self, mut alarm: Pin<&mut Sleep>) {
        let Some(deadline) = self.broker.deadline() else { return };
        let deadline = self.clock.instant(deadline);
        if alarm.is_elapsed() || deadline < alarm.deadline() {
            alarm.as_mut().reset(deadline);
        }
    }

    /// Handles the event that woke us and what else has arrived, then writes all that came of it.
    fn turn(&mut self, event: Option<Event>) {
        self.know_the_audience();
        let now = self.clock.now();
        self.handle_some(now, event);
        for _ in 0..TURN {
            let worker = self.workers.try_recv();
            let client = self.clients.try_recv();
            if worker.is_none() && client.is_none() {
                break;
            }
            let event = worker.and_then(|event| self.of_worker(event));
            self.handle_some(now, event);
            let event = client.and_then(|event| self.of_client(event));
            self.handle_some(now, event);
        }
        if let Some(ask) = self.desk.try_next(now) {
            self.answer(ask);
        }
        // The alarm is looked at when nothing else wakes us, which may be never.
        if self.broker.deadline().is_some_and(|due| due <= now) {
            self.handle(now, Event::Tick);
        }
        self.workers.flush();
        self.clients.flush();
        self.news.flush();
    }

    /// What the broker tells of jobs before they end follows who listens.
    fn know_the_audience(&mut self) {
        let version = (self.news.version(), !self.id_seekers.is_empty());
        if version != self.audience_version {
            self.audience_version = version;
            let wants = |stage| self.news.wants(news::topic(stage));
            let accepted = version.1 || wants(Stage::Accepted);
            let audience = Audience { accepted, started: wants(Stage::Started) };
            self.broker.set_audience(audience);
        }
    }

    fn handle_some(&mut self, now: Timestamp, event: Option<Event>) {
        if let Some(event) = event {
            self.handle(now, event);
        }
    }

    fn handle(&mut self, now: Timestamp, event: Event) {
        let mut actions = std::mem::take(&mut self.actions);
        self.broker.handle(now, event, &mut actions);
        for action in actions.drain(..) {
            self.carry_out(action);
        }
        self.id_seekers.take(); // a request that was not taken has no id
        self.actions = actions;
    }

    // --- what comes in

    fn of_client(&mut self, event: RouterEvent) -> Option<Event> {
        let (peer, identity, frames) = match event {
            RouterEvent::Came { peer, info, .. } => {
                info.properties.iter().for_each(|(name, _)| self.id_seekers.came_with(peer, name));
                self.know_the_audience();
                return None;
            }
            RouterEvent::Left { peer, .. } => {
                self.id_seekers.left(peer);
                return Some(Event::ClientLeft(peer));
            }
            RouterEvent::Message { peer, identity, frames } => (peer, identity, frames),
        };
        match wire::decode_client_command(frames) {
            Ok((origin, command)) => {
                let from = Address { peer, identity, origin };
                self.id_seekers.asked(&from, &command);
                Some(Event::Client { from, command })
            }
            Err(rejected) => {
                self.malformed.clients += 1;
                debug!(%peer, error = %rejected.error, "malformed request of a client");
                if let Some((origin, reply)) = rejected.reply {
                    self.reply(&Address { peer, identity, origin }, &reply);
                }
                None
            }
        }
    }

    fn of_worker(&mut self, event: RouterEvent) -> Option<Event> {
        let (peer, identity, frames) = match event {
            RouterEvent::Came { .. } => return None,
            RouterEvent::Left { peer, .. } => return Some(Event::WorkerLeft(peer)),
            RouterEvent::Message { peer, identity, frames } => (peer, identity, frames),
        };
        match wire::decode_worker_command(frames) {
            Ok((origin, command)) => {
                Some(Event::Worker { from: Address { peer, identity, origin }, command })
            }
            Err(error) => {
                self.malformed.workers += 1;
                debug!(%peer, %error, "malformed message of a worker");
                None
            }
        }
    }

    // --- what goes out

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Reply { to, reply } => self.reply(&to, &reply),
            Action::Inspect { to, view, echo } => {
                let json = crate::admin::json(&self.broker.snapshot(view));
                self.reply(&to, &ClientReply::Snapshot { view, json, echo });
            }
            Action::Order { to, order } => self.order(&to, &order),
            Action::Record(record) => self.store.append(&record),
            Action::Publish(end) => {
                if self.news.has_subscribers() {
                    self.news.send(&news::frames(&end));
                }
            }
            Action::Announce(announcement) => {
                if self.news.has_subscribers() {
                    self.news.send(&news::announcement(&announcement));
                }
                let Announcement { job, service, stage, .. } = announcement;
                let seeker = if stage == Stage::Accepted { self.id_seekers.take() } else { None };
                if let Some(to) = seeker {
                    self.reply(&to, &ClientReply::Accepted { job, service });
                }
            }
            Action::Operated(outcome) => self.operated = Some(outcome),
            Action::Note(note) => log::note(&note),
        }
    }

    /// A client that has come back under its own identity gets what was meant for its old connection.
    fn reply(&self, to: &Address, reply: &ClientReply) {
        let Some(frames) = wire::encode_client_reply(&to.origin, reply) else { return };
        if self.clients.send(to.peer, &frames).is_ok() {
            return;
        }
        let again = self.clients.peer_of(&to.identity).map(|peer| self.clients.send(peer, &frames));
        if again.is_none_or(|sent| sent.is_err()) {
            debug!(peer = %to.peer, "answer for a client that is gone");
        }
    }

    fn order(&self, to: &Address, order: &WorkerOrder) {
        let Some(frames) = wire::encode_worker_order(&to.origin, order) else { return };
        if self.workers.send(to.peer, &frames).is_err() {
            // Its `Left` is on the way and gives the job back.
            debug!(peer = %to.peer, "order for a worker that is gone");
        }
    }
}

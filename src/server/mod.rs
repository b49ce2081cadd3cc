//! The loop that owns broker, sockets, store and clock.
//!
//! One task, no lock. It has no opinions: messages become events, the broker answers with actions, and the
//! actions are carried out in their order. What one turn sends leaves in one write a connection.

mod admin;
pub mod clock;
mod config;
mod durability;
mod error;
pub mod exchange;
mod held_back;
mod lists;
mod log;
mod news;
mod outgoing;
mod stop;
#[cfg(test)]
mod tests;
mod turns;

pub use config::{Addresses, Config};
pub use durability::Recovery;
pub use error::{BindError, StartError};
pub use stop::{Stopped, Stopper, stopper};

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Sleep;
use tracing::{debug, info};

use crate::broker::{Action, Broker, Denied, Done, Event, LogEvent, Stage, Subscriptions};
use crate::job::{JobId, PeerId, ServiceName, Timestamp};
use crate::message::{ClientCommand, ClientReply, Mode};
use crate::store::Report;
use crate::transport::{Interest, ListenerOptions, Publisher, Router, RouterEvent};
use crate::wire;
use admin::{AdminQueue, AdminRequest};
use clock::Clock;
use durability::Durability;
use exchange::Exchange;
use lists::Lists;
use outgoing::Sockets;
use turns::{Turns, Work};

/// What a server left behind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unfinished {
    /// Jobs that no worker had got.
    pub queued: usize,
    /// Jobs that a worker had not finished, and what they ask for.
    pub active: Vec<(JobId, ServiceName)>,
    /// Jobs that are on disk, for the next start. They are none of the others.
    pub kept: usize,
}

/// A broker on its ports.
#[derive(Debug)]
pub struct Server {
    config: Config,
    clients: Router,
    workers: Router,
    news: Publisher,
    /// Who listens to jobs that are taken, and to those that begin.
    interests: [Interest; 2],
    exchange: Exchange,
    lists: Lists,
    admin: AdminQueue,
    broker: Broker,
    durability: Durability,
    recovery: Option<Recovery>,
    clock: Clock,
    started_at: Timestamp,
    /// Kept from turn to turn for its memory.
    actions: Vec<Action>,
    /// What the last operation came to, until it is handed to whoever asked.
    operated: Option<Result<Done, Denied>>,
    malformed: Malformed,
    turns: Turns,
    /// What this turn has done so far.
    work: Work,
}

/// What wakes the loop.
#[derive(Debug)]
enum Woken {
    Worker(RouterEvent),
    Client(RouterEvent),
    /// The last turn left something for this one.
    Unfinished,
    Alarm,
    Asked(AdminRequest),
    /// The store has written something, or cannot.
    Stored(Report),
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
/// How long peers may take to read the last answers when the server ends.
const LINGER: Duration = Duration::from_secs(1);

impl Server {
    /// Takes back what is in the store, then binds the ports. Needs a `LocalSet`, as does [`Server::run`].
    ///
    /// # Errors
    ///
    /// The store cannot be opened, or the first port that cannot be bound.
    pub fn bind(mut config: Config) -> Result<Self, StartError> {
        let seed = clock::seed();
        config.broker.seed = seed;
        config.broker.memory = config.memory.clone();
        let addresses = config.addresses();
        let sockets = ListenerOptions {
            seed: seed as u32,
            memory: config.memory.clone(),
            properties: vec![
                (PROPERTY, Bytes::from_static(env!("CARGO_PKG_VERSION").as_bytes())),
                (FRAME_MAX_PROPERTY, config.sockets.limits.frame_max.to_string().into()),
            ],
            ..config.sockets.clone()
        };
        let cannot =
            |what, address: SocketAddr| move |source| BindError { what, place: address.to_string(), source };
        let clock = Clock::start();
        let mut broker = Broker::new(config.broker.clone());
        let (durability, recovery) = Durability::open(&config, &mut broker, || clock.now())?;
        let clients = Router::bind(addresses.clients, sockets.clone());
        let workers = Router::bind(addresses.workers, sockets.clone());
        let news = Publisher::bind(addresses.news, sockets);
        let lists = Lists::new(&config.memory);
        let clients = clients.map_err(cannot("clients", addresses.clients))?;
        let workers = workers.map_err(cannot("workers", addresses.workers))?;
        let news = news.map_err(cannot("subscribers", addresses.news))?;
        let interests = [Stage::Accepted, Stage::Started].map(|stage| news.interest(news::kind(stage)));
        let name = format!("{} (pid {})", clients.local_addr(), std::process::id());
        let admin = AdminQueue::open(&config, &name)?;
        Ok(Self {
            clients,
            workers,
            news,
            interests,
            exchange: Exchange::default(),
            lists,
            admin,
            broker,
            durability,
            recovery,
            config,
            started_at: clock.now(),
            clock,
            actions: Vec::new(),
            operated: None,
            malformed: Malformed::default(),
            turns: Turns::default(),
            work: Work::default(),
        })
    }

    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> Addresses {
        Addresses {
            clients: self.clients.local_addr(),
            workers: self.workers.local_addr(),
            news: self.news.local_addr(),
            admin: self.admin.address(),
        }
    }

    /// What the start found in the directory of the data, if there is one.
    pub fn recovery(&self) -> Option<Recovery> {
        self.recovery
    }

    /// Serves until told to stop; then takes no new jobs, and ends when the running ones are done, their
    /// grace is over, or it is told again.
    pub async fn run(mut self, stopped: Stopped) -> Unfinished {
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
        self.serve(over, |server| server.broker.is_idle() && server.durability.is_settled()).await;
        self.clients.drain(LINGER).await;
        self.workers.drain(LINGER).await;
        self.news.flush();
        self.log_counts();
        let keeps = self.durability.is_durable();
        let (queued, active) = if keeps { self.broker.background() } else { (0, 0) };
        Unfinished {
            queued: self.broker.totals().queued - queued,
            active: self.broker.active(|mode| !keeps || mode == Mode::Wait),
            kept: queued + active,
        }
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
    async fn serve(&mut self, stop: impl Future<Output = ()>, done: impl Fn(&Self) -> bool) {
        let mut stop = pin!(stop);
        let mut alarm = pin!(tokio::time::sleep(Duration::ZERO));
        let mut more = false;
        while !done(self) {
            if more {
                // Those who read and write have their turn, too, though there is more to do.
                tokio::task::yield_now().await;
            }
            self.set(alarm.as_mut());
            let woken = tokio::select! {
                biased;
                () = &mut stop => return,
                event = self.workers.recv() => Woken::Worker(event),
                event = self.clients.recv() => Woken::Client(event),
                report = self.durability.report() => Woken::Stored(report),
                () = std::future::ready(()), if more => Woken::Unfinished,
                // One that has rung and was not set anew would ring for ever.
                () = &mut alarm, if self.broker.deadline().is_some() => Woken::Alarm,
                ask = self.admin.next(&self.clock) => Woken::Asked(ask),
                () = self.lists.wake(&self.clock) => Woken::Unfinished,
            };
            more = self.turn(woken);
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

    /// Handles what woke us and what else has arrived, then writes all that came of it. Whether more may be there: a turn
    /// has a bound.
    fn turn(&mut self, woken: Woken) -> bool {
        self.work = Work::default();
        self.refresh_subscriptions();
        self.lists.begin_turn();
        let now = self.clock.now();
        match woken {
            Woken::Worker(event) => self.take_worker(now, event),
            Woken::Client(event) => self.take_client(now, event),
            Woken::Unfinished => {}
            Woken::Alarm => self.tick(now),
            Woken::Asked(ask) => self.answer(ask),
            Woken::Stored(report) => self.take_report(now, report),
        }
        self.take_reports(now);
        let mut more = self.take_what_arrived(now);
        if let Some(ask) = self.admin.try_next(now) {
            self.answer(ask);
        }
        // The alarm is looked at when nothing else wakes us, which may be never.
        if self.broker.deadline().is_some_and(|due| due <= now) {
            self.tick(now);
        }
        self.serve_lists();
        self.commit_turn(now);
        more |= self.workers.flush_some() | self.clients.flush_some() | self.news.flush_some();
        self.turns.ended(now, self.clock.now(), &self.work);
        more
    }

    /// One of the workers', one of the clients': neither port waits for the other.
    fn take_what_arrived(&mut self, now: Timestamp) -> bool {
        while !self.work.is_enough(now, || self.clock.now()) {
            let (worker, client) = (self.workers.try_recv(), self.clients.try_recv());
            if worker.is_none() && client.is_none() {
                return false;
            }
            if let Some(event) = worker {
                self.take_worker(now, event);
            }
            if let Some(event) = client {
                self.take_client(now, event);
            }
        }
        true
    }

    fn take_worker(&mut self, now: Timestamp, event: RouterEvent) {
        self.work.of_workers += 1;
        self.work.add(1);
        if let Some(event) = self.decode_worker(event) {
            self.handle(now, event);
        }
    }

    fn take_client(&mut self, now: Timestamp, event: RouterEvent) {
        self.work.of_clients += 1;
        self.work.add(1);
        if let Some(event) = self.decode_client(event) {
            self.handle(now, event);
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.work.ticks += 1;
        self.handle(now, Event::Tick);
    }

    /// What the broker tells of jobs before they end follows who listens.
    fn refresh_subscriptions(&mut self) {
        let [accepted, started] = self.interests.each_ref().map(Interest::is_wanted);
        let accepted = accepted || self.exchange.has_id_seekers();
        self.broker.set_subscriptions(Subscriptions { accepted, started });
    }

    fn handle(&mut self, now: Timestamp, event: Event) {
        let mut actions = std::mem::take(&mut self.actions);
        self.broker.handle(now, event, &mut actions);
        for action in actions.drain(..) {
            self.carry_out(action);
        }
        self.exchange.handled();
        self.actions = actions;
    }

    // --- what comes in

    fn decode_client(&mut self, event: RouterEvent) -> Option<Event> {
        let (peer, identity, frames) = match event {
            RouterEvent::Came { peer, info, .. } => {
                let names = info.properties.iter().map(|(name, _)| &name[..]);
                self.exchange.client_came(self.clock.now(), peer, names);
                self.refresh_subscriptions();
                return None;
            }
            RouterEvent::Left { peer, .. } => {
                self.lists.forget(peer);
                return Some(self.exchange.client_left(peer));
            }
            RouterEvent::Message { peer, identity, frames } => (peer, identity, frames),
            RouterEvent::HeldBack { peer, frames, .. } => {
                self.refuse_held_back(peer, frames);
                return None;
            }
        };
        let sockets = Sockets { clients: &self.clients, workers: &self.workers };
        match self.exchange.decode_client(&sockets, &self.broker, (peer, identity), frames) {
            Ok(event) => {
                self.charge_request(peer, &event);
                Some(event)
            }
            Err(refused) => {
                self.malformed.clients += 1;
                debug!(%peer, error = %refused.error, "malformed request of a client");
                self.blame(peer);
                if let Some((to, reply)) = refused.answer {
                    self.reply(&to, &reply);
                }
                None
            }
        }
    }

    /// What takes longer costs more of a peer's turn.
    fn charge_request(&mut self, peer: PeerId, event: &Event) {
        let Event::Client { command, .. } = event else { return };
        let cost = turns::cost_of_request(command);
        if cost > 1 {
            self.work.lists += u32::from(matches!(command, ClientCommand::Inspect { .. }));
            self.work.add(cost);
            self.clients.charge_turn(peer, cost);
        }
    }

    /// Whoever waits behind an identity that is in use gets an end, too.
    fn refuse_held_back(&mut self, peer: PeerId, frames: Vec<Bytes>) {
        debug!(%peer, "request under an identity that is in use, refused");
        let refused = match wire::decode_client_command(frames) {
            Ok((origin, command)) => held_back::refusal(command).map(|reply| (origin, reply)),
            Err(rejected) => rejected.reply,
        };
        if let Some((origin, reply)) = refused {
            // To this connection and no other: the identity is somebody else's.
            let frames = wire::encode_client_reply(&origin, &reply);
            let _gone = frames.map(|frames| self.clients.send(peer, &frames));
        }
    }

    fn decode_worker(&mut self, event: RouterEvent) -> Option<Event> {
        let (peer, identity, frames) = match event {
            RouterEvent::Came { .. } => return None,
            RouterEvent::Left { peer, .. } => return Some(Event::WorkerLeft(peer)),
            RouterEvent::Message { peer, identity, frames } => (peer, identity, frames),
            // A worker has no word for it: it is one when it has its identity.
            RouterEvent::HeldBack { peer, .. } => {
                debug!(%peer, "word of a worker whose identity is in use, dropped");
                return None;
            }
        };
        match exchange::decode_worker((peer, identity), frames) {
            Ok(event) => {
                if let Event::Worker { command, .. } = &event {
                    let cost = turns::cost_of_word(command);
                    if cost > 1 {
                        self.work.add(cost);
                        self.workers.charge_turn(peer, cost);
                    }
                }
                Some(event)
            }
            Err(error) => {
                self.malformed.workers += 1;
                debug!(%peer, %error, "malformed message of a worker");
                self.blame(peer);
                None
            }
        }
    }

    /// A peer said what cannot be right: that is looked at less often, and not for ever.
    fn blame(&mut self, peer: PeerId) {
        self.work.add(turns::MALFORMED);
        // Peers have one number over all ports.
        for port in [&self.clients, &self.workers] {
            port.charge_turn(peer, turns::MALFORMED);
            port.blame(peer);
        }
    }

    // --- what goes out

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Reply { to, reply: ClientReply::Accepted { job, service } } => {
                if let Some((to, reply)) = self.durability.hold(to, job, service) {
                    self.reply(&to, &reply);
                }
            }
            Action::Reply { to, reply } => self.reply(&to, &reply),
            Action::Inspect { to, view, echo } => self.inspect(to, view, echo),
            Action::Order { to, order } => self.order(&to, &order),
            Action::Record(record) => self.durability.record(record),
            Action::Publish(end) => {
                if self.news.has_subscribers() {
                    self.news.send(news::topic(news::ENDS, &end.service), || news::end(&end));
                }
            }
            Action::Announce(news) => {
                let topic = news::topic(news::kind(news.stage), &news.service);
                self.news.send(topic, || news::announcement(&news));
                self.exchange.tell_id(&Sockets { clients: &self.clients, workers: &self.workers }, &news);
            }
            Action::Operated(outcome) => self.operated = Some(outcome),
            Action::Log(event) => {
                if let LogEvent::WorkerUnknown { peer } | LogEvent::AnswerIgnored { peer, .. } = &event {
                    self.blame(*peer);
                }
                log::event(&event);
            }
        }
    }
}

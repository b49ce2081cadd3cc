//! A worker's side of the conversation with its broker: one identity, one job at a time.
//!
//! A pure state machine. [`Session::handle`] takes the time and one [`Event`] and appends the
//! [`Action`]s that its driver must carry out, in order. It reads no clock, owns no socket, knows no
//! dialect and runs no job; the driver does.
//!
//! ```text
//!             Connected: READY          Run                    Finished: answer
//!   Connect --------------------> free ------> busy ----------------------------> free
//!      ^                            |            | connection lost, back again: nothing until
//!      |  silent too long           |            |   Finished, then the answer and READY
//!      '--- or told to go ----------'            | connection lost for too long, or told to go:
//!           (new identity)                       '-- Connect (new identity), Abandon; the answer
//!                                                    is dropped, READY follows when the job ends
//! ```
//!
//! Invariants:
//! - READY is sent only while no job runs, so a broker never takes a busy worker for a free one;
//! - an identity is never used at two servers, nor again after its server was given up;
//! - nothing is sent while the connection is down but answers, which the driver's socket keeps.
//!
//! Sources: original.md §2.3, §2.4, §3; RFC 7 and RFC 18 for DISCONNECT, which asks for a new socket.
//! What differs from the PHP worker is that a lost connection is noticed at once, and that
//! heartbeats go on while a job runs.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::job::{Body, ServiceName, Timestamp};
use crate::message::{Dialect, JobRef, Outcome, WorkerCommand, WorkerOrder};

/// What a [`Session`] is told at its birth.
#[derive(Clone, Debug)]
pub struct Config {
    /// The work that is offered.
    pub service: ServiceName,
    /// How many servers the list has; at least one. They are tried in order, round and round.
    pub servers: usize,
    /// Time between two heartbeats, in microseconds. Default 5 s, as `HEARTBEAT_INTERVAL` has it. The
    /// broker should have the same: a worker that is much slower is dropped as dead.
    pub heartbeat_us: u64,
    /// Silent intervals after which the server counts as dead. Default 3; lower leaves live servers on
    /// a slow network, higher keeps workers at dead ones.
    pub tries: u32,
    /// Where identities begin.
    pub seed: u64,
}

impl Config {
    /// The defaults for a service and a number of servers.
    pub fn new(service: ServiceName, servers: usize, seed: u64) -> Self {
        Self { service, servers, heartbeat_us: 5_000_000, tries: 3, seed }
    }
}

/// What happens to a worker.
#[derive(Clone, Debug)]
pub enum Event {
    /// The connection last asked for is up, and this will be spoken.
    Connected(Dialect),
    /// It is down, or could not be made; the driver goes on trying.
    Disconnected,
    /// The broker gave an order.
    Order(WorkerOrder),
    /// The broker sent something that is no order: a sign of life, no more (original.md quirk 33).
    Unreadable,
    /// The running job brought a part of its result.
    Partial(Body),
    /// The running job is over.
    Finished {
        /// How it ended.
        outcome: Outcome,
        /// What it brought; empty if nothing.
        body: Body,
    },
    /// The running job is over and was not done: the broker shall give it to another worker.
    GivenBack,
    /// Take nothing new; close when the running job is answered.
    Drain,
    /// [`Session::deadline`] has come.
    Tick,
}

/// What the driver must do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// Leave the present connection, with all that is unsent, and connect anew.
    Connect {
        /// Which server of the list, from 0.
        server: usize,
        /// The identity to announce: `XXXX-XXXX`.
        identity: Bytes,
    },
    /// Tell the broker. While the connection is down this must wait for it.
    Send(WorkerCommand),
    /// Run this job, and report its parts and its end.
    Start(Order),
    /// Nobody waits for the running job any more. It may stop early; its end must still be reported.
    Abandon,
    /// Nothing has come for three heartbeats: let go of what is held for nothing.
    Idle,
    /// All is said: close the connection once it is written. The last action.
    Close,
}

/// A job as it was ordered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// Which.
    pub job: JobRef,
    /// The client's ZeroMQ identity, where the dialect tells it.
    pub client: Bytes,
    /// The parameter.
    pub body: Body,
}

/// The state machine.
#[derive(Debug)]
pub struct Session {
    config: Config,
    random: fastrand::Rng,
    server: usize,
    link: Link,
    /// READY was sent under this identity, so heartbeats mean something.
    registered: bool,
    /// READY must be said over this connection, and was not.
    ready_due: bool,
    /// A message came over this connection.
    heard: bool,
    /// From when on silence counts.
    silent_since: Timestamp,
    beat_at: Timestamp,
    /// When this identity was made.
    joined_at: Timestamp,
    /// We were told to go soon after we came, and come again then.
    rejoin_at: Option<Timestamp>,
    /// Heartbeats since the last job; `None` once [`Action::Idle`] was given for it.
    idle_beats: Option<u32>,
    work: Work,
    /// Orders that came while a job ran. No broker should; a PHP worker finds them in its socket later.
    waiting: VecDeque<Order>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Link {
    Down,
    Up,
}

#[derive(Debug)]
enum Work {
    Free,
    Busy {
        job: JobRef,
        /// The server that ordered it is still the one we talk to.
        wanted: bool,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Serving,
    Draining,
    Closed,
}

impl Session {
    /// A worker that begins to connect to the first server.
    pub fn new(config: Config, now: Timestamp, actions: &mut Vec<Action>) -> Self {
        let mut session = Self {
            random: fastrand::Rng::with_seed(config.seed),
            server: 0,
            link: Link::Down,
            registered: false,
            ready_due: true,
            heard: false,
            silent_since: now,
            beat_at: now,
            joined_at: now,
            rejoin_at: None,
            idle_beats: Some(0),
            work: Work::Free,
            waiting: VecDeque::new(),
            stage: Stage::Serving,
            config,
        };
        session.connect(now, actions);
        session
    }

    /// Takes one event and appends what must be done to `actions`.
    pub fn handle(&mut self, now: Timestamp, event: Event, actions: &mut Vec<Action>) {
        if self.stage == Stage::Closed {
            return;
        }
        match event {
            Event::Connected(dialect) => self.connected(now, dialect, actions),
            Event::Disconnected => self.link = Link::Down,
            Event::Order(order) => self.order(now, order, actions),
            Event::Unreadable => self.hear(now),
            Event::Partial(body) => self.partial(body, actions),
            Event::Finished { outcome, body } => self.finished(now, outcome, body, actions),
            Event::GivenBack => self.given_back(now, actions),
            Event::Drain => self.drain(actions),
            Event::Tick => self.tick(now, actions),
        }
    }

    /// When to send [`Event::Tick`], if nothing happens before.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.stage == Stage::Closed {
            return None;
        }
        let beat = self.beats().then_some(self.beat_at);
        [beat, self.given_up_at(), self.rejoin_at].into_iter().flatten().min()
    }

    /// Whether a job runs.
    pub fn is_busy(&self) -> bool {
        matches!(self.work, Work::Busy { .. })
    }

    fn beats(&self) -> bool {
        self.link == Link::Up && self.registered
    }

    /// When the server counts as dead. Never while a job runs over a live connection, since upstream's
    /// brokers send no heartbeats to busy workers (`1.0.0/hb-busy`).
    fn given_up_at(&self) -> Option<Timestamp> {
        let counts = !self.is_busy() || self.link == Link::Down;
        let patience = self.config.heartbeat_us.saturating_mul(u64::from(self.config.tries));
        counts.then(|| self.silent_since.plus_micros(patience))
    }

    /// A new identity, and a new connection under it.
    fn connect(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.link = Link::Down;
        (self.registered, self.ready_due, self.heard) = (false, true, false);
        (self.silent_since, self.joined_at, self.rejoin_at) = (now, now, None);
        self.waiting.clear();
        let (high, low) = (self.random.u16(..), self.random.u16(..));
        let identity = format!("{high:04X}-{low:04X}").into();
        actions.push(Action::Connect { server: self.server, identity });
        self.abandon(actions);
    }

    fn abandon(&mut self, actions: &mut Vec<Action>) {
        if let Work::Busy { wanted, .. } = &mut self.work
            && std::mem::replace(wanted, false)
        {
            actions.push(Action::Abandon);
        }
    }

    /// A broker that does not want us is not asked again and again without a pause.
    fn dismissed(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let earliest = self.joined_at.plus_micros(self.config.heartbeat_us);
        if now >= earliest {
            return self.connect(now, actions);
        }
        (self.link, self.registered, self.rejoin_at) = (Link::Down, false, Some(earliest));
        self.waiting.clear();
        self.abandon(actions);
    }

    fn connected(&mut self, now: Timestamp, dialect: Dialect, actions: &mut Vec<Action>) {
        if self.rejoin_at.is_some() {
            return;
        }
        self.link = Link::Up;
        self.ready_due = !self.registered || may_repeat_ready(dialect);
        // A server that was well before has all its tries again. One that lets us in, says nothing and
        // hangs up does not: it may be holding our identity against us.
        if std::mem::replace(&mut self.heard, false) {
            self.silent_since = now;
        }
        match self.stage {
            _ if self.is_busy() => {}
            Stage::Serving if self.ready_due => self.ready(now, actions),
            Stage::Serving => self.beat(now, actions),
            // The answer that waited for this is on its way.
            Stage::Draining | Stage::Closed => self.close(actions),
        }
    }

    fn ready(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        (self.registered, self.ready_due) = (true, false);
        self.beat_at = now.plus_micros(self.config.heartbeat_us);
        actions.push(Action::Send(WorkerCommand::Ready { service: self.config.service.clone() }));
    }

    fn hear(&mut self, now: Timestamp) {
        self.heard = true;
        self.silent_since = now;
    }

    fn order(&mut self, now: Timestamp, order: WorkerOrder, actions: &mut Vec<Action>) {
        self.hear(now);
        match order {
            WorkerOrder::Run { job, client, body } => self.run(Order { job, client, body }, actions),
            WorkerOrder::Heartbeat => {}
            WorkerOrder::Disconnect => match self.stage {
                Stage::Serving => self.dismissed(now, actions),
                Stage::Draining | Stage::Closed => self.close(actions),
            },
        }
    }

    fn run(&mut self, order: Order, actions: &mut Vec<Action>) {
        match &self.work {
            // The broker gives it to another when we close.
            _ if self.stage != Stage::Serving || self.rejoin_at.is_some() => {}
            Work::Free => self.begin(order, actions),
            // One answer serves both. An address is a client's, who may well ask twice.
            Work::Busy { job: running @ JobRef::Named(_), .. } if *running == order.job => {}
            Work::Busy { .. } if self.has_room_for(&order) => self.waiting.push_back(order),
            Work::Busy { .. } => self.answer(order.job, Outcome::Fail, Body::EMPTY, actions),
        }
    }

    /// Whether one more order may wait, by number and by bytes.
    fn has_room_for(&self, order: &Order) -> bool {
        let waiting: usize = self.waiting.iter().map(|order| order.body.len()).sum();
        self.waiting.len() < WAITING_MAX && waiting + order.body.len() <= WAITING_BYTES_MAX
    }

    fn begin(&mut self, order: Order, actions: &mut Vec<Action>) {
        self.work = Work::Busy { job: order.job.clone(), wanted: true };
        self.idle_beats = Some(0);
        actions.push(Action::Start(order));
    }

    fn partial(&mut self, body: Body, actions: &mut Vec<Action>) {
        if let Work::Busy { job, wanted: true } = &self.work {
            let (job, service) = (job.clone(), Some(self.config.service.clone()));
            actions.push(Action::Send(WorkerCommand::Partial { job, service, body }));
        }
    }

    fn answer(&self, job: JobRef, outcome: Outcome, body: Body, actions: &mut Vec<Action>) {
        let service = Some(self.config.service.clone());
        actions.push(Action::Send(WorkerCommand::Finish { job, service, outcome, body }));
    }

    fn finished(&mut self, now: Timestamp, outcome: Outcome, body: Body, actions: &mut Vec<Action>) {
        let Work::Busy { job, wanted } = std::mem::replace(&mut self.work, Work::Free) else { return };
        if wanted {
            self.answer(job, outcome, body, actions);
        }
        self.silent_since = now;
        self.beat_at = now.plus_micros(self.config.heartbeat_us);
        self.next(now, actions);
    }

    fn given_back(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let Work::Busy { wanted, .. } = std::mem::replace(&mut self.work, Work::Free) else { return };
        match self.stage {
            // No zmws dialect has a word for it but a connection that closes.
            Stage::Serving if wanted => self.connect(now, actions),
            Stage::Serving => self.next(now, actions),
            Stage::Draining | Stage::Closed => self.close(actions),
        }
    }

    /// After a job: say that we are free where the broker cannot know, or go on with what waits.
    fn next(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.stage != Stage::Serving {
            // With the connection down the answer waits for it; the silence that follows ends that.
            if self.link == Link::Up {
                self.close(actions);
            }
        } else if let Some(order) = self.waiting.pop_front() {
            self.begin(order, actions);
        } else if self.link == Link::Up && self.ready_due {
            self.ready(now, actions);
        }
    }

    fn drain(&mut self, actions: &mut Vec<Action>) {
        self.stage = Stage::Draining;
        self.waiting.clear();
        if !self.is_busy() {
            self.close(actions);
        }
    }

    fn close(&mut self, actions: &mut Vec<Action>) {
        if self.beats() {
            actions.push(Action::Send(WorkerCommand::Disconnect));
        }
        self.stage = Stage::Closed;
        actions.push(Action::Close);
    }

    fn tick(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.given_up_at().is_some_and(|at| now >= at) {
            match self.stage {
                Stage::Serving => {
                    self.server = (self.server + 1) % self.config.servers.max(1);
                    self.connect(now, actions);
                }
                Stage::Draining | Stage::Closed => self.close(actions),
            }
        } else if self.rejoin_at.is_some_and(|at| now >= at) {
            self.connect(now, actions);
        } else if self.beats() && now >= self.beat_at {
            self.beat(now, actions);
        }
    }

    fn beat(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.beat_at = now.plus_micros(self.config.heartbeat_us);
        actions.push(Action::Send(WorkerCommand::Heartbeat));
        if self.is_busy() {
            return;
        }
        self.idle_beats = match self.idle_beats {
            Some(beats) if beats + 1 >= BEATS_TO_IDLE => {
                actions.push(Action::Idle);
                None
            }
            Some(beats) => Some(beats + 1),
            None => None,
        };
    }
}

/// Whether READY may be said twice under one identity. A zmws broker takes it for news, or leaves it
/// (`1.0.0/dup-ready`). To a Majordomo broker it is an offence (zguide's `mdbroker.py` even dies if it has
/// given us a job meanwhile), so a worker that returns there says HEARTBEAT, and is told to go if it is
/// not known any more.
fn may_repeat_ready(dialect: Dialect) -> bool {
    match dialect {
        Dialect::Zmws1 | Dialect::Zmws2 => true,
        Dialect::Mdp01 | Dialect::Mdp02 => false,
    }
}

/// Heartbeats without a job before [`Action::Idle`] (`1.0.0/hb-idle`).
const BEATS_TO_IDLE: u32 = 3;
/// Orders kept while a job runs; more are failed.
const WAITING_MAX: usize = 64;
/// Bytes of parameters in these.
const WAITING_BYTES_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests;

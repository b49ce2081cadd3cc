//! The broker: jobs in, jobs out, nothing else.
//!
//! A pure state machine. [`Broker::handle`] takes the time and one [`Event`], and appends the [`Action`]s that
//! the server must carry out, in order. It reads no clock, decodes no frame and knows no dialect.
//!
//! What is in which file: `submit` what clients want, `workers` what workers say, `assign` how a job and a
//! worker find each other, `finish` how a job ends, `expiry` what time brings, `operate` what operators want,
//! `record` what is kept and `restore` how it comes back, `listing` and `inspect` what it shows of itself.
//!
//! Invariants, checked after every event in tests (`check`):
//! - a job is queued or active, never both, and ends once;
//! - a worker has at most `worker::CREDIT` jobs, and rests only while it has room for more;
//! - no job waits while a worker that could take it rests, but for those of a paused service;
//! - a worker that is retired does not rest;
//! - what is held because of somebody outside is weighed in `Config::memory`, by a charge beside it;
//! - nothing costs more because there are more jobs, services or workers (but a logarithm of the idle ones).

#![deny(clippy::wildcard_enum_match_arm)]

mod assign;
#[cfg(any(test, debug_assertions))]
mod check;
mod config;
mod dead_letters;
mod event;
mod expiry;
mod finish;
mod inspect;
mod job;
mod listing;
mod log_event;
mod operate;
mod operation;
mod queue;
mod reason;
mod record;
mod restore;
mod services;
pub mod snapshot;
mod statistics;
mod stopping;
mod submit;
#[cfg(test)]
mod tests;
mod timers;
mod weights;
mod worker;
mod workers;

pub use config::Config;
pub use event::{Action, Event, JobEnd, JobProgress, Stage, Subscriptions};
pub use log_event::{
    Counters, FailReason, Ignored, LogEvent, Refusal, RequeueReason, ServiceTotals, Totals, Unoffered,
};
pub use operation::{Denied, Done, Operation};
pub use reason::Reason;
pub use record::{Record, Restored, ServiceState, StoreState, StoredDeadLetter, StoredJob};

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::job::{JobId, PeerId, Timestamp};
use dead_letters::DeadLetters;
use finish::Ended;
use job::Job;
use queue::Positions;
use services::{ServiceKey, Services};
use stopping::Unbegun;
use timers::Timers;
use weights::Accounts;
use worker::Worker;

/// The state machine.
#[derive(Debug)]
pub struct Broker {
    config: Config,
    accounts: Accounts,
    /// Jobs that are not over. Ids and peers are numbers of our own choice, so their hash may be quick. Boxed, so
    /// that the table is small: it is never full, and is copied as it grows.
    jobs: FxHashMap<JobId, Box<Job>>,
    services: Services,
    workers: FxHashMap<PeerId, Worker>,
    history: VecDeque<Ended>,
    history_bytes: usize,
    /// Jobs that were ever put into the history.
    ended: u64,
    /// The ids in `history`: they are not given again.
    remembered: FxHashSet<JobId>,
    /// Jobs that were given up.
    dead_letters: DeadLetters,
    /// Connections whose workers get no more jobs.
    retired: FxHashSet<PeerId>,
    /// Connections to the clients' port over which workers answer, and whose they are.
    answers_over: FxHashMap<PeerId, PeerId>,
    timers: Timers,
    positions: Positions,
    /// Counts workers that go to rest, for the order among them.
    rests: u64,
    ids: fastrand::Rng,
    subscriptions: Subscriptions,
    /// What can be promised of background jobs.
    store: StoreState,
    /// Told by an operator to take no new jobs.
    closed: bool,
    /// The server ends: no new jobs, and none begins.
    stopping: bool,
    unbegun: Option<Unbegun>,
    queued: usize,
    active: usize,
    bytes: usize,
    counters: Counters,
}

impl Broker {
    /// A broker that knows no service, no worker, no job.
    pub fn new(config: Config) -> Self {
        let ids = fastrand::Rng::with_seed(config.seed);
        Self {
            accounts: Accounts::of(&config.memory),
            config,
            jobs: FxHashMap::default(),
            services: Services::default(),
            workers: FxHashMap::default(),
            history: VecDeque::new(),
            history_bytes: 0,
            ended: 0,
            remembered: FxHashSet::default(),
            dead_letters: DeadLetters::default(),
            retired: FxHashSet::default(),
            answers_over: FxHashMap::default(),
            timers: Timers::default(),
            positions: Positions::default(),
            rests: 0,
            ids,
            subscriptions: Subscriptions::default(),
            store: StoreState::Writable,
            closed: false,
            stopping: false,
            unbegun: None,
            queued: 0,
            active: 0,
            bytes: 0,
            counters: Counters::default(),
        }
    }

    /// Takes one event and appends what must be done to `actions`.
    pub fn handle(&mut self, now: Timestamp, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Client { from, command } => self.client(now, from, command, actions),
            // Its jobs go on: a background job has to, and a client that waits may come back under its
            // identity before the result is there.
            Event::ClientLeft(peer) => {
                if let Some(worker) = self.answers_over.remove(&peer)
                    && let Some(worker) = self.workers.get_mut(&worker)
                {
                    worker.answers_over = None;
                }
            }
            Event::Stranger { from, job } => self.answer_of_a_stranger(from, job, actions),
            Event::Worker { from, command } => self.worker(now, from, command, actions),
            Event::WorkerLeft(peer) => {
                self.worker_left(now, peer, actions);
                self.retired.remove(&peer);
            }
            Event::Tick => self.tick(now, actions),
            Event::Store(state) => self.store = state,
            Event::NotKept(job) => self.not_kept(now, job, actions),
            Event::Operate(operation) => self.operate(now, operation, actions),
            Event::Drain => self.drain(now, actions),
        }
    }

    /// Which [`Action::Announce`] are wanted from now on.
    pub fn set_subscriptions(&mut self, subscriptions: Subscriptions) {
        self.subscriptions = subscriptions;
    }

    fn announce(
        &self,
        now: Timestamp,
        job: JobId,
        service: ServiceKey,
        stage: Stage,
        actions: &mut Vec<Action>,
    ) {
        let wanted = match stage {
            Stage::Accepted => self.subscriptions.accepted,
            Stage::Started => self.subscriptions.started,
        };
        if wanted {
            let service = self.services[service].name.clone();
            actions.push(Action::Announce(JobProgress { job, service, stage, at: now }));
        }
    }

    /// When to send [`Event::Tick`], if nothing happens before.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Whether no worker has a job and all who waited in vain have been told: what a drain waits for.
    pub fn is_idle(&self) -> bool {
        self.active == 0 && self.unbegun.is_none()
    }

    /// What happened since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How much there is now.
    pub fn totals(&self) -> Totals {
        Totals {
            queued: self.queued,
            active: self.active,
            workers: self.workers.len(),
            services: self.services.len(),
            bytes: self.bytes,
            dead: self.dead_letters.len(),
            dead_bytes: self.dead_letters.bytes(),
        }
    }

    /// How much there is now of each service, in no order.
    pub fn services(&self) -> impl Iterator<Item = ServiceTotals> + '_ {
        self.services.iter().map(|service| ServiceTotals {
            service: service.name.clone(),
            queued: service.queued(),
            active: service.active,
            workers: service.workers,
            idle: service.idle.len(),
        })
    }
}

/// Microseconds in a millisecond: settings are in the latter, times in the former.
const MS: u64 = 1_000;

fn micros(ms: u64) -> u64 {
    ms.saturating_mul(MS)
}

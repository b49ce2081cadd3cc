//! The admin port: operators and monitoring ask over HTTP, the loop answers.
//!
//! They come by a port or by a socket in the file system ([`listen`]), which serve alike and keep out of each other's
//! way. Connections live in tasks of their own ([`http`]); what they want is read there ([`route`]) and comes to the
//! loop over a short channel, as a [`AdminQuery`]. The loop answers one a turn and rests from them for nine times as
//! long as that took, so that whoever asks much waits longer, and jobs do not.

mod host;
mod http;
mod listen;
mod process;
mod route;

use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::{BindError, Config, Server};
use crate::admin::metrics::{self, LabelledServices, MetricsInput, Port};
use crate::admin::report::{self, ServerInfo};
use crate::broker::snapshot::{Intake, JobFilter};
use crate::broker::{Denied, Event, Operation};
use crate::job::{PeerId, ServiceName, Timestamp};
use crate::transport;
use listen::Listener;

/// What somebody wants to know, or to be done.
#[derive(Clone, Debug)]
enum AdminQuery {
    /// Whether the loop turns.
    Alive,
    /// Whether new jobs are taken.
    Ready,
    Metrics,
    Status,
    Workers(Option<ServiceName>),
    Jobs(JobFilter),
    Operate(Operation),
    /// Nothing: the request was no good. It waits its turn all the same, or it would be the cheapest flood.
    Refused(Reply),
}

/// A question and where its answer goes.
#[derive(Debug)]
pub(super) struct AdminRequest {
    question: AdminQuery,
    reply: oneshot::Sender<Reply>,
}

/// An answer, as HTTP will show it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Reply {
    status: u16,
    media_type: &'static str,
    body: Bytes,
    /// The methods that the path takes, where that is what was wrong.
    allow: Option<&'static str>,
}

impl Reply {
    /// A line of text; its end is added.
    fn line(status: u16, line: impl std::fmt::Display) -> Self {
        let body = format!("{line}\n").into();
        Self { status, media_type: "text/plain; charset=utf-8", body, allow: None }
    }

    fn wrong_method(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::line(405, format_args!("this path takes {allow}")) }
    }

    fn json(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("texts and finite numbers are JSON").into();
        Self { status: 200, media_type: "application/json", body, allow: None }
    }
}

/// Where the loop hears of what operators want.
#[derive(Debug)]
pub(super) struct AdminQueue {
    open: Option<Open>,
    /// No question is taken before; the beginning of time if one may be taken now.
    rests_until: Timestamp,
    /// The services that have series of their own.
    named: LabelledServices,
}

#[derive(Debug)]
struct Open {
    /// Where the port is, if there is one.
    address: Option<SocketAddr>,
    asks: mpsc::Receiver<AdminRequest>,
    tasks: Vec<JoinHandle<()>>,
}

/// What HTTP costs around a question, in microseconds, more or less.
const HTTP_US: u64 = 100;
/// The longest rest after a question.
const REST_MAX_US: u64 = 100_000;
/// Questions that may wait for the loop. Each connection has one at most.
const ASKS_MAX: usize = 16;

impl AdminQueue {
    /// No admin port: nobody asks.
    fn closed() -> Self {
        Self { open: None, rests_until: Timestamp::default(), named: LabelledServices::default() }
    }

    /// Listens where the settings say; nowhere, and nobody asks. `broker` names us in each answer. Call it inside a
    /// `LocalSet`.
    pub(super) fn open(config: &Config, broker: &str) -> Result<Self, BindError> {
        let listeners = listen::listeners(config)?;
        if listeners.is_empty() {
            return Ok(Self::closed());
        }
        let address = listeners.iter().find_map(|listener| match listener {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix { .. } => None,
        });
        let (sender, asks) = mpsc::channel(ASKS_MAX);
        let broker: Rc<str> = Rc::from(broker);
        let serve = |listener| listen::serve(listener, Rc::clone(&broker), sender.clone());
        let tasks = listeners.into_iter().map(|one| tokio::task::spawn_local(serve(one))).collect();
        Ok(Self { open: Some(Open { address, asks, tasks }), ..Self::closed() })
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.open.as_ref().and_then(|open| open.address)
    }

    /// The next question. Cancel safe.
    pub(super) async fn next(&mut self, clock: &Clock) -> AdminRequest {
        if self.rests_until > Timestamp::default() {
            tokio::time::sleep_until(clock.instant(self.rests_until)).await;
        }
        if let Some(open) = &mut self.open
            && let Some(ask) = open.asks.recv().await
        {
            return ask;
        }
        std::future::pending().await
    }

    /// The next question, if one has arrived.
    pub(super) fn try_next(&mut self, now: Timestamp) -> Option<AdminRequest> {
        if now < self.rests_until {
            return None;
        }
        self.rests_until = Timestamp::default();
        self.open.as_mut()?.asks.try_recv().ok()
    }

    /// The answer to a question has just taken so long, and there is HTTP around it.
    fn rest(&mut self, now: Timestamp, took_us: u64) {
        let rest_us = (took_us + HTTP_US).saturating_mul(9).min(REST_MAX_US);
        self.rests_until = now.plus_micros(rest_us);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Server {
    /// Answers one question. Whoever asked may have gone.
    pub(super) fn answer(&mut self, ask: AdminRequest) {
        let began = self.clock.now();
        self.work.questions += 1;
        let reply = match ask.question {
            AdminQuery::Alive => Reply::line(200, "ok"),
            AdminQuery::Ready => self.ready(),
            AdminQuery::Metrics => self.metrics(),
            AdminQuery::Status => self.status(),
            AdminQuery::Workers(service) => self.list_workers(service.as_ref()),
            AdminQuery::Jobs(filter) => {
                let rows = self.broker.jobs(&filter);
                Reply::json(&rows.iter().map(report::job).collect::<Vec<_>>())
            }
            AdminQuery::Operate(operation) => self.operate(operation),
            AdminQuery::Refused(reply) => reply,
        };
        let _gone = ask.reply.send(reply);
        let now = self.clock.now();
        self.admin.rest(now, now.micros_since(began));
    }

    /// Whether all jobs are taken, and why not.
    fn ready(&self) -> Reply {
        match (self.broker.intake(), self.durability.failure()) {
            (Intake::Closed, _) => Reply::line(503, "draining"),
            (Intake::Stopping, _) => Reply::line(503, "stopping"),
            (Intake::Open, None) => Reply::line(200, "ok"),
            (Intake::Open, Some(reason)) => {
                Reply::line(503, format_args!("background jobs are not taken: {reason}"))
            }
        }
    }

    fn operate(&mut self, operation: Operation) -> Reply {
        self.operated = None;
        self.handle(self.clock.now(), Event::Operate(operation));
        match self.operated.take().expect("each operation is answered at once") {
            Ok(done) => Reply::line(200, done),
            Err(denied) => Reply::line(denied_status(&denied), denied),
        }
    }

    fn status(&mut self) -> Reply {
        let now = self.clock.now();
        let clients = self.clients.local_addr().to_string();
        let frame = ServerInfo {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            clients: &clients,
            now,
            started_at: self.started_at,
            durable: self.durability.is_durable() && self.durability.failure().is_none(),
            client_connections: self.clients.connections(),
            worker_connections: self.workers.connections(),
            malformed: self.malformed.clients,
        };
        let overview =
            self.broker.overview(now, report::SERVICES_MAX, LabelledServices::default().services());
        let (totals, counters) = (self.broker.totals(), self.broker.counters());
        Reply::json(&report::status(&frame, &overview, &totals, counters))
    }

    fn list_workers(&self, service: Option<&ServiceName>) -> Reply {
        let now = self.clock.now();
        // None, if the worker has just gone.
        let address = |peer: PeerId| {
            self.workers.remote_addr(peer).map_or_else(String::new, |address| address.to_string())
        };
        let rows = self.broker.workers(service);
        let workers: Vec<_> = rows.iter().map(|row| report::worker(now, row, address(row.peer))).collect();
        Reply::json(&workers)
    }

    fn metrics(&mut self) -> Reply {
        let now = self.clock.now();
        let overview = self.broker.overview(now, metrics::SERVICES_MAX, self.admin.named.services());
        self.admin.named.learn(&overview);
        let (clients, workers) = (self.clients.counters(), self.workers.counters());
        let figures = MetricsInput {
            version: env!("CARGO_PKG_VERSION"),
            now,
            started_at: self.started_at,
            overview,
            totals: self.broker.totals(),
            counters: *self.broker.counters(),
            ports: vec![
                port("clients", self.clients.connections(), clients, self.malformed.clients),
                port("workers", self.workers.connections(), workers, self.malformed.workers),
                port("news", self.news.connections(), self.news.counters(), 0),
            ],
            news_dropped: self.news.dropped(),
            memory: self.config.memory.clone(),
            turns: self.turns.times,
            store: self.durability.figures(),
            topics_refused: self.news.topics_refused(),
            lists_refused: self.lists.refused,
            lists_unheard: self.lists.unheard,
            log_lines_dropped: crate::log_writer::dropped_total(),
            resident_bytes: process::resident_bytes(),
            open_files: process::open_files(),
        };
        let body = metrics::text(figures).into();
        Reply { status: 200, media_type: metrics::MEDIA_TYPE, body, allow: None }
    }
}

fn denied_status(denied: &Denied) -> u16 {
    if denied.is_unknown() { 404 } else { 409 }
}

fn port(name: &'static str, connections: usize, counters: transport::Counters, malformed: u64) -> Port {
    Port {
        name,
        connections: connections as u64,
        accepted: counters.accepted,
        refused: counters.refused,
        handshake_timeouts: counters.handshake_timeouts,
        protocol_errors: counters.protocol_errors,
        slow: counters.slow,
        input_full: counters.input_full,
        memory_full: counters.memory_full,
        stalled: counters.stalled,
        misbehaved: counters.misbehaved,
        held_back: counters.held_back,
        vanished: counters.vanished,
        identity_clashes: counters.identity_clashes,
        malformed,
    }
}

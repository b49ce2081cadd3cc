//! The broker's own rows as the JSON of its admin port.

use super::identity;
use super::status::{Job, JobState, Quantiles, Service, State, Status, Totals, Worker};
use crate::broker::snapshot::{self, Intake, JobRow, Overview, PeerRow, Reason, ServiceRow};
use crate::broker::{Counters, Totals as BrokerTotals};
use crate::job::{JobId, ServiceName, Timestamp};
use crate::message::Dialect;
use crate::params::json;

/// Services that `GET /status` tells apart.
pub const SERVICES_MAX: usize = 1_000;

/// What the report needs beside the broker's own rows.
#[derive(Clone, Copy, Debug)]
pub struct ServerInfo<'a> {
    /// The program's version.
    pub version: &'static str,
    /// The broker's process.
    pub pid: u32,
    /// Where its clients connect.
    pub clients: &'a str,
    /// This moment.
    pub now: Timestamp,
    /// When the broker started.
    pub started_at: Timestamp,
    /// Whether jobs in the background outlive it.
    pub durable: bool,
    /// Open connections to the clients' port.
    pub client_connections: usize,
    /// Open connections to the workers' port.
    pub worker_connections: usize,
    /// Requests that could not be read.
    pub malformed: u64,
}

/// `GET /status`.
pub fn status(
    frame: &ServerInfo<'_>,
    overview: &Overview,
    totals: &BrokerTotals,
    counters: &Counters,
) -> Status {
    let mut services: Vec<Service> = overview.services.iter().map(|row| service(frame.now, row)).collect();
    services.sort_by(|one, other| one.service.cmp(&other.service));
    Status {
        version: frame.version.to_owned(),
        pid: frame.pid,
        clients: frame.clients.to_owned(),
        at: frame.now.as_secs_f64(),
        started_at: frame.started_at.as_secs_f64(),
        state: match overview.intake {
            Intake::Open => State::Running,
            Intake::Closed => State::Draining,
            Intake::Stopping => State::Stopping,
        },
        durable: frame.durable,
        totals: Totals {
            queued: totals.queued as u64,
            active: totals.active as u64,
            bytes: totals.bytes as u64,
            workers: totals.workers as u64,
            services: totals.services as u64,
            client_connections: frame.client_connections as u64,
            worker_connections: frame.worker_connections as u64,
            accepted: counters.jobs_accepted,
            completed: counters.jobs_completed,
            failed: counters.jobs_failed,
            requeued: counters.jobs_requeued,
            refused: counters.refused() + frame.malformed,
        },
        services,
    }
}

fn service(now: Timestamp, row: &ServiceRow) -> Service {
    Service {
        service: row.service.as_ref().map_or_else(String::new, ServiceName::to_string),
        paused: row.paused,
        draining: row.draining,
        queued: row.queued as u64,
        active: row.active as u64,
        idle: row.idle as u64,
        busy: row.busy as u64,
        completed: row.sums.completed,
        failed: row.sums.failed,
        completed_a_minute: row.minute.0,
        failed_a_minute: row.minute.1,
        oldest_s: row.oldest_at.map(|at| seconds_since(now, at)),
        wait: quantiles(row.wait),
        run: quantiles(row.run),
    }
}

/// A reason as a line of text. What a worker said is shown without its tag, and without quotes if it is a text.
pub fn reason(reason: &Reason) -> String {
    let Reason::Worker(said) = reason else { return reason.to_string() };
    let text = said.strip_prefix(b"PARAM-JSON: ").unwrap_or(said);
    match json::decode(text) {
        Some(serde_json::Value::String(text)) => text,
        Some(_) | None => String::from_utf8_lossy(text).into_owned(),
    }
}

fn quantiles(found: Option<snapshot::Quantiles>) -> Quantiles {
    let ms = |us: f64| us / 1e3;
    Quantiles { p50_ms: found.map(|found| ms(found.p50_us)), p99_ms: found.map(|found| ms(found.p99_us)) }
}

/// Seconds from then to now.
#[expect(clippy::cast_precision_loss, reason = "microseconds of a century fit 53 bits")]
pub(super) fn seconds_since(now: Timestamp, then: Timestamp) -> f64 {
    now.micros_since(then) as f64 / 1e6
}

/// An entry of `GET /workers`, of a worker that connects from `address`.
pub fn worker(now: Timestamp, row: &PeerRow, address: String) -> Worker {
    Worker {
        connection: row.peer.0,
        id: identity(&row.identity).into_owned(),
        address,
        dialect: dialect(row.dialect).to_owned(),
        services: row.services.iter().map(ServiceName::to_string).collect(),
        jobs: row.jobs.iter().map(JobId::to_string).collect(),
        done: row.done,
        busy_s: row.busy_since.map(|at| seconds_since(now, at)),
        silent_s: seconds_since(now, row.last_seen),
        retired: row.retired,
        jobs_max: row.jobs_max,
    }
}

fn dialect(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Zmws1 => "zmws1",
        Dialect::Zmws2 => "zmws2",
        Dialect::Mdp01 => "mdp01",
        Dialect::Mdp02 => "mdp02",
    }
}

/// An entry of `GET /jobs`.
pub fn job(row: &JobRow) -> Job {
    Job {
        id: row.job.to_string(),
        service: row.service.to_string(),
        state: match row.state() {
            snapshot::JobState::Queued => JobState::Queued,
            snapshot::JobState::Active => JobState::Active,
            snapshot::JobState::Completed => JobState::Completed,
            snapshot::JobState::Failed => JobState::Failed,
            snapshot::JobState::Dead => JobState::Dead,
        },
        waits: row.sync,
        requested_at: row.requested_at.as_secs_f64(),
        started_at: row.run.as_ref().map(|run| run.started_at.as_secs_f64()),
        ended_at: row.completed_at.map(Timestamp::as_secs_f64),
        worker: row.run.as_ref().map(|run| identity(&run.worker).into_owned()),
        reason: row.reason.as_ref().map(reason),
        attempts: row.attempts,
        bytes: row.bytes as u64,
    }
}

//! What the broker tells of itself on its admin port, as JSON: the types of both ends.
//!
//! Times are seconds since the Unix epoch, durations have their unit in the name. A field may be added; what
//! reads this ignores those it does not know.

use serde::{Deserialize, Serialize};

/// `GET /status`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Status {
    /// The broker's version.
    pub version: String,
    /// The broker's process.
    #[serde(default)]
    pub pid: u32,
    /// Where its clients connect: `127.0.0.1:5555`.
    #[serde(default)]
    pub clients: String,
    /// When this was written.
    pub at: f64,
    /// When the broker started.
    pub started_at: f64,
    /// What it does with new jobs.
    pub state: State,
    /// Whether jobs in the background outlive it: they are on disk, and the disk works.
    #[serde(default)]
    pub durable: bool,
    /// All services together.
    pub totals: Totals,
    /// By name. No more than a thousand, those with the most jobs; `totals` counts all.
    pub services: Vec<Service>,
}

/// What the broker does with new jobs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Takes them.
    #[default]
    Running,
    /// Refuses them and does those that are queued, until it is told to resume.
    Draining,
    /// Refuses them and ends when the running ones are done.
    Stopping,
}

/// All services together.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Totals {
    /// Jobs that wait for a worker.
    pub queued: u64,
    /// Jobs a worker has.
    pub active: u64,
    /// Bytes of parameters of both.
    pub bytes: u64,
    /// Workers, idle and busy.
    pub workers: u64,
    /// Services that are known.
    pub services: u64,
    /// Open connections to the clients' port.
    pub client_connections: u64,
    /// Open connections to the workers' port.
    pub worker_connections: u64,
    /// Jobs taken since the start.
    pub accepted: u64,
    /// Jobs that ended well since the start.
    pub completed: u64,
    /// Jobs that ended badly since the start.
    pub failed: u64,
    /// Times a job went back to its queue since the start.
    pub requeued: u64,
    /// Requests not taken since the start, malformed ones among them.
    pub refused: u64,
}

/// One service.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Service {
    /// Its name; what is not UTF-8 in it is replaced.
    pub service: String,
    /// Whether its jobs are held back although workers are there.
    pub paused: bool,
    /// Whether it takes no new jobs.
    pub draining: bool,
    /// Jobs that wait for a worker.
    pub queued: u64,
    /// Jobs a worker has.
    pub active: u64,
    /// Workers that could take a job now.
    pub idle: u64,
    /// Workers that do one.
    pub busy: u64,
    /// Jobs that ended well since the start.
    pub completed: u64,
    /// Jobs that ended badly since the start.
    pub failed: u64,
    /// Jobs that ended well in the last minute.
    pub completed_a_minute: u64,
    /// Jobs that ended badly in the last minute.
    pub failed_a_minute: u64,
    /// How long the job that waits longest has waited; none, if none waits.
    pub oldest_s: Option<f64>,
    /// From request to worker, in the last minutes.
    pub wait: Quantiles,
    /// From worker to end, in the last minutes.
    pub run: Quantiles,
}

/// Times of the jobs of the last minutes; none, if there were none.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half of the jobs took no longer, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 99 of 100 jobs took no longer, in milliseconds.
    pub p99_ms: Option<f64>,
}

/// An entry of `GET /workers`, an array; `?service=S` leaves out the others.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Worker {
    /// Its connection: what `POST /workers/{connection}/retire` takes.
    pub connection: u64,
    /// Its ZeroMQ identity, as SERVER-WORKERS shows it.
    pub id: String,
    /// Where it connects from: `127.0.0.1:41234`.
    pub address: String,
    /// What it speaks: `zmws1`, `zmws2`, `mdp01` or `mdp02`.
    pub dialect: String,
    /// What it offers.
    pub services: Vec<String>,
    /// Ids of the jobs it has.
    pub jobs: Vec<String>,
    /// Jobs it has ended.
    pub done: u64,
    /// How long it has had its oldest job; none, if it has none.
    pub busy_s: Option<f64>,
    /// How long it has said nothing.
    pub silent_s: f64,
    /// Whether it gets no more jobs.
    pub retired: bool,
    /// Jobs that it may have in all over this connection, if that is limited.
    #[serde(default)]
    pub jobs_max: Option<u64>,
}

/// An entry of `GET /jobs?service=S&state=queued|active|completed|failed|dead&limit=N`, an array. Without `service`, of
/// all; without `state`, queued and active ones; without `limit`, 100.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Job {
    /// Its id: what `POST /jobs/{id}/retry` and `DELETE /jobs/{id}` take.
    pub id: String,
    /// Its service.
    pub service: String,
    /// What it is at.
    pub state: JobState,
    /// Whether its client waits for the result.
    pub waits: bool,
    /// When it was asked for.
    pub requested_at: f64,
    /// When its worker got it.
    pub started_at: Option<f64>,
    /// When it ended.
    pub ended_at: Option<f64>,
    /// The worker that has or had it.
    pub worker: Option<String>,
    /// Why it failed, as far as anybody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Workers it has lost.
    pub attempts: u32,
    /// Bytes of its parameter. The parameter itself is not shown.
    pub bytes: u64,
}

/// What a job is at.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for a worker.
    #[default]
    Queued,
    /// A worker has it.
    Active,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Ended badly because the broker gave it up, which has it whole: it can be tried again.
    Dead,
}

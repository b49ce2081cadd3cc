//! What the broker shows of itself: plain copies, with nothing left to ask the broker for.

use bytes::Bytes;

use crate::job::{JobId, ServiceName, Timestamp};

/// Entries a list has at most: more would be a message that nobody can read.
pub const ENTRIES_MAX: usize = 10_000;

/// Bytes of parameters from which on a list of queued or active jobs ends early.
pub const PARAM_BYTES_MAX: usize = 8 << 20;

/// A list, as a client asked for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Snapshot {
    /// Queued, active, or ended jobs.
    Jobs(Vec<JobRow>),
    /// Workers.
    Workers(Vec<WorkerRow>),
}

/// One job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JobRow {
    /// Its service.
    pub service: ServiceName,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// The first frame of its parameter, of which no more than 64 KiB.
    pub param: Bytes,
    /// The client's ZeroMQ identity.
    pub client: Bytes,
    /// Its id.
    pub job: JobId,
    /// Whether its client waits.
    pub sync: bool,
    /// Which worker has or had it, and since when; `None` while it is queued.
    pub run: Option<RunRow>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// The worker's side of a job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunRow {
    /// The worker's ZeroMQ identity.
    pub worker: Bytes,
    /// When it got the job.
    pub started_at: Timestamp,
}

/// One service of one worker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorkerRow {
    /// When its silence would be too long: its last sign of life, and what an idle worker has.
    pub expires_at: Timestamp,
    /// What it offers.
    pub service: ServiceName,
    /// Its ZeroMQ identity.
    pub worker: Bytes,
}

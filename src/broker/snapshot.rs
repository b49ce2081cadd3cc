//! What the broker shows of itself: plain copies, with nothing left to ask the broker for.

use bytes::Bytes;

pub use super::listing::Listing;
pub use super::reason::Reason;
pub use super::statistics::{BOUNDS_US, Histogram, Quantiles, Sums};

use crate::job::{JobId, PeerId, ServiceName, Timestamp};
use crate::message::{Dialect, Outcome};

/// Entries a list has at most: more would be a message that nobody can read.
pub const ENTRIES_MAX: usize = 10_000;

/// Bytes of parameters from which on a list of jobs ends early.
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
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it failed, as far as anybody said.
    pub reason: Option<Reason>,
    /// Workers it has lost.
    pub attempts: u32,
    /// Bytes of its whole parameter.
    pub bytes: usize,
    /// Whether the broker gave it up and has it whole: it can be tried again.
    pub dead: bool,
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

/// What the broker does with new jobs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Intake {
    /// Takes them.
    Open,
    /// Refuses them and does those that are queued, until an operator says otherwise.
    Closed,
    /// Refuses them and begins none: the server ends.
    Stopping,
}

/// The broker as a whole, and its busiest services.
#[derive(Clone, Debug)]
pub struct Overview {
    /// What it does with new jobs.
    pub intake: Intake,
    /// The services that are told apart.
    pub services: Vec<ServiceRow>,
    /// All other services together, those among them that are not known any more; `None` if there is none of
    /// either.
    pub rest: Option<ServiceRow>,
}

/// One service, or several together.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceRow {
    /// Its name; `None` for several.
    pub service: Option<ServiceName>,
    /// Whether its jobs are held back.
    pub paused: bool,
    /// Whether it takes no new jobs.
    pub draining: bool,
    /// Jobs that wait.
    pub queued: usize,
    /// Jobs that run.
    pub active: usize,
    /// Workers that could take a job now.
    pub idle: usize,
    /// Workers that do one, of this service or of another that they offer.
    pub busy: usize,
    /// When the job was asked for that is first in the queue.
    pub oldest_at: Option<Timestamp>,
    /// What was counted since the start.
    pub sums: Sums,
    /// Jobs that ended well and badly in the last minute.
    pub minute: (u64, u64),
    /// From request to worker, in the last minutes.
    pub wait: Option<Quantiles>,
    /// From worker to end, in the last minutes.
    pub run: Option<Quantiles>,
}

/// One worker.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerRow {
    /// Its connection.
    pub peer: PeerId,
    /// Its ZeroMQ identity.
    pub identity: Bytes,
    /// What it speaks.
    pub dialect: Dialect,
    /// What it offers.
    pub services: Vec<ServiceName>,
    /// Jobs that it has.
    pub jobs: Vec<JobId>,
    /// Jobs that it has ended.
    pub done: u64,
    /// When it got the first of its jobs.
    pub busy_since: Option<Timestamp>,
    /// When it said something.
    pub last_seen: Timestamp,
    /// Whether it gets no more jobs.
    pub retired: bool,
    /// Jobs that it may have in all.
    pub jobs_max: Option<u64>,
}

/// Which jobs are to be listed.
#[derive(Clone, Debug)]
pub struct JobFilter {
    /// Of one service only.
    pub service: Option<ServiceName>,
    /// In this state only; without one, those that are not over.
    pub state: Option<JobState>,
    /// So many at most; [`ENTRIES_MAX`] bounds it.
    pub limit: usize,
}

/// What a job is at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JobState {
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Active,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Ended badly, and the broker has it whole: it can be tried again.
    Dead,
}

impl JobRow {
    /// What the job is at.
    pub fn state(&self) -> JobState {
        match (self.outcome, &self.run) {
            (Some(Outcome::Complete), _) => JobState::Completed,
            (Some(Outcome::Fail), _) if self.dead => JobState::Dead,
            (Some(Outcome::Fail), _) => JobState::Failed,
            (None, Some(_)) => JobState::Active,
            (None, None) => JobState::Queued,
        }
    }
}

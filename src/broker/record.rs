//! What is kept of jobs so that they outlive the process, and what comes back at the next start.

use bytes::Bytes;

use crate::job::{Body, JobId, ServiceName, Timestamp};

/// What a store is told. The order counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Record {
    /// The background job was taken: its client is told so when this is durable.
    Accepted(StoredJob),
    /// The dead letter waits again, as a job in the background. Nobody waits to hear of that.
    Retried(StoredJob),
    /// The job has lost so many workers.
    Attempted {
        /// Its id.
        job: JobId,
        /// Workers it has lost in all.
        attempts: u32,
    },
    /// The job was given up. If it was kept as one that is not over, it is that no more.
    Dead(StoredDeadLetter),
    /// The job or dead letter may be forgotten.
    Finished(JobId),
    /// Operators changed their mind. A service that is neither paused nor draining is forgotten.
    Service(ServiceState),
}

/// A background job that is not over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredJob {
    /// Its id.
    pub job: JobId,
    /// Its service.
    pub service: ServiceName,
    /// Its parameter.
    pub body: Body,
    /// Who asked: the client's ZeroMQ identity.
    pub client: Bytes,
    /// When.
    pub requested_at: Timestamp,
    /// Workers it has lost.
    pub attempts: u32,
}

/// A job that was given up, kept to be looked at and tried again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredDeadLetter {
    /// The job, with the workers that it has lost.
    pub job: StoredJob,
    /// Whether its client waited. It has been told.
    pub waited: bool,
    /// The last worker that had it: its ZeroMQ identity.
    pub worker: Bytes,
    /// When that worker got it.
    pub started_at: Timestamp,
    /// When it was given up.
    pub failed_at: Timestamp,
    /// Why.
    pub reason: String,
}

/// What operators decided of a service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceState {
    /// Its name.
    pub service: ServiceName,
    /// No jobs are handed out.
    pub paused: bool,
    /// No new jobs are taken.
    pub draining: bool,
}

/// What a store kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Restored {
    /// A service that is paused or draining.
    Service(ServiceState),
    /// A job that is not over.
    Job(StoredJob),
    /// A dead letter.
    Dead(StoredDeadLetter),
}

/// What can be promised of background jobs now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum StoreState {
    /// They are kept.
    #[default]
    Writable,
    /// As many wait to be kept as may.
    Behind,
    /// They cannot be kept: no promise is made.
    Failing,
}

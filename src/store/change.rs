//! What is told to a store, and what it tells at the start.

use bytes::Bytes;

use crate::job::{Body, JobId, ServiceName, Timestamp};

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
pub struct DeadLetter {
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

/// What a store is told. The order of a batch counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The job was taken.
    Accepted(StoredJob),
    /// The job has lost so many workers.
    Attempted {
        /// Its id.
        job: JobId,
        /// Workers it has lost in all.
        attempts: u32,
    },
    /// The job was given up. If it was kept as one that is not over, it is that no more.
    Dead(DeadLetter),
    /// The job or dead letter may be forgotten.
    Finished(JobId),
    /// Operators changed their mind. A service that is neither paused nor draining is forgotten.
    Service(ServiceState),
}

/// What a store kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kept {
    /// A service that is paused or draining.
    Service(ServiceState),
    /// A job that is not over.
    Job(StoredJob),
    /// A dead letter.
    Dead(DeadLetter),
}

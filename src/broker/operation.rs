//! What an operator may tell the broker, and what the broker says to that.

use std::fmt;

use super::Refusal;
use crate::job::{JobId, PeerId, ServiceName};

/// What an operator wants. Each is answered by one [`Action::Operated`](super::Action::Operated).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Operation {
    /// Take jobs of the service but hand none out; running ones end.
    Pause(ServiceName),
    /// Undo [`Operation::Pause`] and [`Operation::Drain`] of the service.
    Resume(ServiceName),
    /// Take no new jobs of the service; do those that are queued.
    Drain(ServiceName),
    /// Take no new jobs at all; do those that are queued. Unlike [`Event::Drain`](super::Event::Drain), which is
    /// the beginning of the end.
    DrainAll,
    /// Undo [`Operation::DrainAll`]. A service that was paused or drained by its name stays so.
    ResumeAll,
    /// Give the worker of this connection no more jobs. What it has goes on.
    Retire(PeerId),
    /// Give the worker of this connection so many jobs in all, those that it has had among them, and then no more.
    Limit {
        /// The connection.
        peer: PeerId,
        /// How many.
        jobs: u64,
    },
    /// Queue a job again that was given up, or take one from its worker and queue it again.
    Retry(JobId),
    /// End a queued job as failed, or forget one that was given up.
    Delete(JobId),
}

/// What an operation came to. Its `Display` is a line for the person that asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Done {
    /// The service is paused.
    Paused {
        /// Which.
        service: ServiceName,
        /// Its jobs that wait.
        queued: usize,
    },
    /// The service is neither paused nor drained.
    Resumed {
        /// Which.
        service: ServiceName,
        /// Its jobs that wait, after those that could begin have.
        queued: usize,
        /// Its jobs that run.
        active: usize,
    },
    /// The service takes no new jobs.
    Draining {
        /// Which.
        service: ServiceName,
        /// Its jobs that wait.
        queued: usize,
        /// Its jobs that run.
        active: usize,
    },
    /// The broker takes no new jobs.
    DrainingAll {
        /// All jobs that wait.
        queued: usize,
        /// All jobs that run.
        active: usize,
    },
    /// The broker takes new jobs.
    ResumedAll {
        /// Services that are still paused or drained by their name.
        held_back: usize,
    },
    /// The worker gets no more jobs.
    Retired {
        /// Its connection.
        peer: PeerId,
        /// Jobs that it has yet to answer.
        jobs: usize,
    },
    /// The worker gets no more jobs than so many.
    Limited {
        /// Its connection.
        peer: PeerId,
        /// How many in all.
        jobs: u64,
        /// How many it has had.
        given: u64,
    },
    /// A job that was given up waits again.
    Retried {
        /// Its id, as before.
        job: JobId,
        /// Its service.
        service: ServiceName,
    },
    /// A job was taken from its worker and waits again, or is with another already.
    TakenBack {
        /// Its id.
        job: JobId,
        /// Its service.
        service: ServiceName,
        /// The worker that had it.
        peer: PeerId,
    },
    /// A queued job is over.
    Deleted {
        /// Its id.
        job: JobId,
        /// Its service.
        service: ServiceName,
    },
    /// A job that was given up is not kept any more.
    Forgotten {
        /// Its id.
        job: JobId,
        /// Its service.
        service: ServiceName,
    },
}

/// Why an operation changed nothing. Its `Display` is a line for the person that asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Denied {
    /// No worker offered the service and no request waits for it.
    #[error("no service {0} is known")]
    UnknownService(ServiceName),
    /// The connection is no worker's.
    #[error("no worker has connection {0}")]
    UnknownWorker(PeerId),
    /// The broker remembers no such job.
    #[error("no job {0} is known")]
    UnknownJob(JobId),
    /// The job is over, and only its line in the history is left.
    #[error("job {0} is over; only dead jobs, those that the broker gave up, can be tried again or deleted")]
    Over(JobId),
    /// The job waits, so there is nothing to try again.
    #[error("job {0} waits already")]
    Queued(JobId),
    /// The job has begun and cannot be deleted.
    #[error("job {0} is with a worker")]
    Active(JobId),
    /// A limit of the queue leaves no room for the job.
    #[error("no room for job {job}: {cause}")]
    Full {
        /// The job, which stays kept.
        job: JobId,
        /// The limit.
        cause: Refusal,
    },
    /// The server has been told to stop: nothing begins any more.
    #[error("the broker is stopping")]
    Stopping,
}

impl Denied {
    /// Whether what the operation names does not exist, rather than being in a state that forbids it.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::UnknownService(_) | Self::UnknownWorker(_) | Self::UnknownJob(_) => true,
            Self::Over(_) | Self::Queued(_) | Self::Active(_) | Self::Full { .. } | Self::Stopping => false,
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused { service, queued } => write!(f, "{service} is paused: {}", Jobs(*queued, "wait")),
            Self::Resumed { service, queued, active } => {
                write!(f, "{service} goes on: {}, {}", Jobs(*queued, "wait"), Jobs(*active, "run"))
            }
            Self::Draining { service, queued, active } => {
                let (queued, active) = (Jobs(*queued, "wait"), Jobs(*active, "run"));
                write!(f, "{service} takes no new jobs: {queued}, {active}")
            }
            Self::DrainingAll { queued, active } => {
                write!(f, "no new jobs are taken: {}, {}", Jobs(*queued, "wait"), Jobs(*active, "run"))
            }
            Self::ResumedAll { held_back: 0 } => f.write_str("new jobs are taken"),
            Self::ResumedAll { held_back: 1 } => {
                f.write_str("new jobs are taken; 1 service is still paused or drained")
            }
            Self::ResumedAll { held_back } => {
                write!(f, "new jobs are taken; {held_back} services are still paused or drained")
            }
            Self::Retired { peer, jobs: 0 } => write!(f, "worker {peer} is retired and has no job"),
            Self::Retired { peer, jobs } => write!(f, "worker {peer} is retired: {}", Jobs(*jobs, "run")),
            Self::Limited { peer, jobs, given } => {
                write!(f, "worker {peer} gets {jobs} jobs in all, {given} so far")
            }
            Self::Retried { job, service } => write!(f, "job {job} of {service} is queued again"),
            Self::TakenBack { job, service, peer } => {
                write!(f, "job {job} of {service} is taken from worker {peer} and queued again")
            }
            Self::Deleted { job, service } => write!(f, "job {job} of {service} is deleted"),
            Self::Forgotten { job, service } => write!(f, "job {job} of {service} is forgotten"),
        }
    }
}

/// `no job waits`, `1 job waits`, `12 jobs wait`.
struct Jobs(usize, &'static str);

impl fmt::Display for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, verb) = self;
        match count {
            0 => write!(f, "no job {verb}s"),
            1 => write!(f, "1 job {verb}s"),
            _ => write!(f, "{count} jobs {verb}"),
        }
    }
}

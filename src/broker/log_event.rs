//! What the broker tells of itself besides its answers: facts for the log, counters, totals.

use bytes::Bytes;
use std::fmt;

use super::{Denied, Done};
use crate::job::{Body, JobId, PeerId, ServiceName};

/// A fact for the log. Nothing that happens with each job of a healthy broker makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LogEvent {
    /// A worker offers a service for the first time.
    WorkerJoined {
        /// Its connection.
        peer: PeerId,
        /// What it offers.
        service: ServiceName,
    },
    /// A worker's connection closed, or it said that it goes.
    WorkerLeft {
        /// Its connection.
        peer: PeerId,
        /// Its ZeroMQ identity.
        identity: Bytes,
        /// The job it had, and the job's service.
        job: Option<(JobId, ServiceName)>,
    },
    /// An idle worker was silent for too long.
    WorkerExpired {
        /// Its connection.
        peer: PeerId,
        /// How long it was silent, in milliseconds.
        silent_ms: u64,
    },
    /// Somebody spoke as a worker without having said READY.
    WorkerUnknown {
        /// The connection.
        peer: PeerId,
    },
    /// A worker offered a service that is not taken.
    ServiceRefused {
        /// Its connection.
        peer: PeerId,
        /// What it offered, cut if it is long.
        service: ServiceName,
        /// Why.
        cause: Unoffered,
    },
    /// A job went back to the front of its queue.
    JobRequeued {
        /// Its id.
        job: JobId,
        /// Its service.
        service: ServiceName,
        /// The worker that had it.
        peer: PeerId,
        /// Workers it has lost so far.
        attempts: u32,
        /// Why.
        cause: RequeueReason,
    },
    /// A job was failed by the broker.
    JobFailed {
        /// Its id.
        job: JobId,
        /// Its service.
        service: ServiceName,
        /// Workers it has lost.
        attempts: u32,
        /// Why.
        cause: FailReason,
    },
    /// A request was not taken.
    Refused {
        /// Who asked.
        peer: PeerId,
        /// What it asked for, cut if it is long.
        service: ServiceName,
        /// Why.
        cause: Refusal,
    },
    /// The answer of a worker that the job had been taken from came in time after all.
    LateAnswer {
        /// The job.
        job: JobId,
        /// The worker.
        peer: PeerId,
    },
    /// An answer or a part of one was thrown away.
    AnswerIgnored {
        /// Who sent it.
        peer: PeerId,
        /// The job it names; `None` if it names none by an id.
        job: Option<JobId>,
        /// Why.
        cause: Ignored,
    },
    /// An operator wanted something.
    Operated(Result<Done, Denied>),
}

/// Why a job was taken from its worker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequeueReason {
    /// The worker's connection closed, or it said that it goes.
    Left,
    /// The job ran longer than it may.
    Timeout,
    /// An operator wanted it tried again.
    Operator,
}

impl fmt::Display for RequeueReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "its worker left",
            Self::Timeout => "it ran too long",
            Self::Operator => "an operator wanted it",
        })
    }
}

impl LogEvent {
    /// Who did what is not taken, if that is what the note is about: whoever does it all the time means no good.
    pub fn culprit(&self) -> Option<PeerId> {
        match self {
            Self::WorkerUnknown { peer }
            | Self::ServiceRefused { peer, .. }
            | Self::Refused { peer, .. }
            | Self::AnswerIgnored { peer, .. } => Some(*peer),
            Self::WorkerJoined { .. }
            | Self::WorkerLeft { .. }
            | Self::WorkerExpired { .. }
            | Self::JobRequeued { .. }
            | Self::JobFailed { .. }
            | Self::LateAnswer { .. }
            | Self::Operated(_) => None,
        }
    }
}

/// Why a worker may not offer a service.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Unoffered {
    /// `services_max`, or as many as one worker may offer.
    #[error("there are as many services as may be")]
    TooMany,
    /// It begins with `mmi.`.
    #[error("the name is the broker's own")]
    Reserved,
    /// It has more than [`ServiceName::BYTES_MAX`].
    #[error("the name is too long")]
    NameTooLong,
    /// The books of memory are full.
    #[error("the broker's memory is full")]
    MemoryFull,
}

/// Why the broker failed a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailReason {
    /// It lost `attempts_max` workers.
    Attempts,
    /// Nobody offered its service in time.
    HeldTooLong,
}

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No worker ever offered the service.
    #[error("no worker ever offered the service")]
    Unknown,
    /// The broker takes no new jobs, until an operator says otherwise or for good.
    #[error("the broker takes no new jobs")]
    Draining,
    /// An operator lets the service take no new jobs.
    #[error("the service takes no new jobs")]
    ServiceDraining,
    /// `queued_per_service_max`.
    #[error("the service's queue is full")]
    ServiceFull,
    /// `queued_max`.
    #[error("the queues are full")]
    QueueFull,
    /// `bytes_max`.
    #[error("the queues hold as many bytes as they may")]
    BytesFull,
    /// The service has as much of what all services share as it may.
    #[error("the service has its share of the queues")]
    ShareFull,
    /// `services_max`, reached by requests that are held for services nobody offers.
    #[error("requests are held for as many services as may be")]
    ServicesFull,
    /// A body of several frames, and only workers that take one.
    #[error("no worker of the service takes several frames")]
    Frames,
    /// The name has more than [`ServiceName::BYTES_MAX`].
    #[error("the service's name is too long")]
    NameTooLong,
    /// The books of memory are full.
    #[error("the broker's memory is full")]
    MemoryFull,
    /// Too many background jobs wait for the disk.
    #[error("the disk does not keep up with the jobs")]
    StoreBehind,
    /// Background jobs cannot be written to the disk.
    #[error("the broker cannot keep jobs: its disk fails")]
    StoreFailing,
}

impl Refusal {
    /// What the client is told beside no. Nothing where the original refuses as well: there every byte is known. No text of
    /// the broker's own needs an escape.
    pub fn body(self) -> Body {
        match self {
            Self::Unknown | Self::NameTooLong => Body::EMPTY,
            Self::Draining
            | Self::ServiceDraining
            | Self::ServiceFull
            | Self::QueueFull
            | Self::BytesFull
            | Self::ShareFull
            | Self::ServicesFull
            | Self::Frames
            | Self::MemoryFull
            | Self::StoreBehind
            | Self::StoreFailing => Body::text(self),
        }
    }
}

/// Why an answer was thrown away.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ignored {
    /// No job of that id is open.
    Unknown,
    /// The job is open, but this worker never had it.
    NotOwner,
    /// The job has an answer already: that of a worker it had been taken from.
    Answered,
}

/// What happened since the start. Every field only grows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Jobs taken, those restored from the store among them.
    pub jobs_accepted: u64,
    /// Jobs that ended well.
    pub jobs_completed: u64,
    /// Jobs that ended badly, given-up ones among them.
    pub jobs_failed: u64,
    /// Given-up jobs that an operator had tried again: taken a second time.
    pub jobs_retried: u64,
    /// Jobs that an operator ended while they were queued. They count as failed, too.
    pub jobs_deleted: u64,
    /// Jobs that lost as many workers as they may. They count as failed, too.
    pub jobs_given_up: u64,
    /// Times a job went back to its queue.
    pub jobs_requeued: u64,
    /// Jobs failed because nobody offered their service in time.
    pub jobs_held_too_long: u64,
    /// Refused: no worker ever offered the service.
    pub refused_unknown: u64,
    /// Refused: the broker takes no new jobs.
    pub refused_draining: u64,
    /// Refused: the service takes no new jobs.
    pub refused_service_draining: u64,
    /// Refused: `queued_per_service_max`.
    pub refused_service_full: u64,
    /// Refused: `queued_max`.
    pub refused_queue_full: u64,
    /// Refused: `bytes_max`.
    pub refused_bytes_full: u64,
    /// Refused: the service's share of `queued_max`, `bytes_max` or the memory.
    pub refused_share_full: u64,
    /// Refused: `services_max`.
    pub refused_services_full: u64,
    /// Refused: several frames, for workers that take one.
    pub refused_frames: u64,
    /// Refused: the name is too long.
    pub refused_name_too_long: u64,
    /// Refused: the books of memory are full.
    pub refused_memory_full: u64,
    /// Refused: too many background jobs wait for the disk.
    pub refused_store_behind: u64,
    /// Refused: background jobs cannot be written to the disk. Those that were taken back are among them.
    pub refused_store_failing: u64,
    /// Answers that counted although the job had been taken from the worker.
    pub answers_late: u64,
    /// Answers and parts for no open job.
    pub answers_unknown: u64,
    /// Answers and parts from a worker that never had the job.
    pub answers_not_owner: u64,
    /// Answers and parts for a job that had its answer from another worker.
    pub answers_superseded: u64,
    /// Workers that said READY and were not known.
    pub workers_joined: u64,
    /// Workers whose connection closed or that said they go.
    pub workers_left: u64,
    /// Workers dropped for their silence.
    pub workers_expired: u64,
    /// Commands by peers that had not said READY.
    pub workers_unknown: u64,
    /// Services named by workers that were not taken.
    pub services_refused: u64,
}

impl Counters {
    /// Requests refused, whatever the cause.
    pub fn refused(&self) -> u64 {
        self.refusals().iter().map(|(_, count)| count).sum()
    }

    /// Requests refused by cause.
    pub fn refusals(&self) -> [(&'static str, u64); 13] {
        [
            ("unknown", self.refused_unknown),
            ("draining", self.refused_draining),
            ("service_draining", self.refused_service_draining),
            ("service_full", self.refused_service_full),
            ("queue_full", self.refused_queue_full),
            ("bytes_full", self.refused_bytes_full),
            ("share_full", self.refused_share_full),
            ("services_full", self.refused_services_full),
            ("frames", self.refused_frames),
            ("name_too_long", self.refused_name_too_long),
            ("memory_full", self.refused_memory_full),
            ("store_behind", self.refused_store_behind),
            ("store_failing", self.refused_store_failing),
        ]
    }
}

/// How much there is, at this moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Jobs that wait for a worker.
    pub queued: usize,
    /// Jobs a worker has.
    pub active: usize,
    /// Workers, idle and busy.
    pub workers: usize,
    /// Services that are known.
    pub services: usize,
    /// Bytes of parameters and return envelopes of queued and active jobs.
    pub bytes: usize,
    /// Dead letters.
    pub dead: usize,
    /// Bytes of those.
    pub dead_bytes: usize,
}

/// How much there is of one service, at this moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceTotals {
    /// Its name.
    pub service: ServiceName,
    /// Jobs that wait for a worker.
    pub queued: usize,
    /// Jobs a worker has.
    pub active: usize,
    /// Workers that offer it, idle and busy.
    pub workers: usize,
    /// Those that could take a job now.
    pub idle: usize,
}

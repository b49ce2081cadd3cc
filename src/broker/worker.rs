//! Workers: what they offer, what they do, and when they were heard.

use super::services::ServiceKey;
use crate::job::{JobId, PeerId, Timestamp};
use crate::memory::Charge;
use crate::message::Address;

/// Jobs a worker may have at a time. Every dialect we speak has one; a dialect in which a worker says how
/// many it takes would make this a field of [`Worker`].
pub(super) const CREDIT: usize = 1;

/// Services that one worker may offer.
pub(super) const SERVICES_MAX: usize = 256;

/// A worker: a connection that has said READY.
#[derive(Debug)]
pub(super) struct Worker {
    /// Where orders go: the form is that of its READY.
    pub(super) address: Address,
    pub(super) services: Vec<ServiceKey>,
    /// Jobs it was given and has not answered. One that is not its own any more (it ran too long, or another
    /// worker was faster) stands here until it is answered: the worker is busy with it all the same.
    pub(super) jobs: Vec<JobId>,
    /// Whether it gets no more jobs.
    pub(super) retired: bool,
    /// Jobs it was given, and how many those may be.
    pub(super) given: u64,
    pub(super) jobs_max: Option<u64>,
    /// Jobs it has ended.
    pub(super) done: u64,
    /// Its place among the idle ones.
    pub(super) resting: Option<u64>,
    /// When it said something.
    pub(super) last_seen: Timestamp,
    /// When it was told something.
    pub(super) last_sent: Timestamp,
    /// When its job must be over, if its service has a limit.
    pub(super) job_due: Option<Timestamp>,
    /// The earliest of its timers.
    pub(super) timer: Option<Timestamp>,
    /// When it said READY first.
    pub(super) joined_at: Timestamp,
    /// The connection to the clients' port over which it answered.
    pub(super) answers_over: Option<PeerId>,
    /// What [`weights::worker`](super::weights::worker) says.
    pub(super) charge: Charge,
}

impl Worker {
    pub(super) fn new(now: Timestamp, address: Address, retired: bool, charge: Charge) -> Self {
        Self {
            address,
            services: Vec::new(),
            jobs: Vec::with_capacity(CREDIT),
            retired,
            given: 0,
            jobs_max: None,
            done: 0,
            resting: None,
            last_seen: now,
            last_sent: now,
            job_due: None,
            timer: None,
            joined_at: now,
            answers_over: None,
            charge,
        }
    }

    /// Whether it takes bodies of several frames.
    pub(super) fn takes_many(&self) -> bool {
        self.address.origin.dialect.carries_many()
    }
}

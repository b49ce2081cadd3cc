//! Jobs that the broker gave up, kept whole so that somebody may look at them and try them again.

use std::collections::BTreeMap;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::reason::Reason;
use super::services::ServiceKey;
use super::weights;
use crate::job::{Body, JobId, Timestamp};
use crate::memory::Charge;

/// A job that was given up.
#[derive(Debug)]
pub(super) struct DeadLetter {
    /// A worker offered it once, so it stays known.
    pub(super) service: ServiceKey,
    pub(super) body: Body,
    /// Who asked: the client's ZeroMQ identity.
    pub(super) client: Bytes,
    /// Whether its client waited. It has been told.
    pub(super) waited: bool,
    pub(super) requested_at: Timestamp,
    /// Workers it has lost.
    pub(super) attempts: u32,
    /// The last of them, by its ZeroMQ identity, and when it got the job.
    pub(super) worker: Bytes,
    pub(super) started_at: Timestamp,
    pub(super) failed_at: Timestamp,
    /// Why it was given up.
    pub(super) reason: Reason,
    /// What [`weights::dead_letter`] says.
    pub(super) charge: Charge,
}

impl DeadLetter {
    fn weight(&self) -> usize {
        self.body.len() + self.client.len() + self.worker.len()
    }
}

/// The jobs that were given up, within bounds: the oldest is forgotten first.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    /// By the order in which they were given up.
    jobs: BTreeMap<u64, (JobId, DeadLetter)>,
    positions: FxHashMap<JobId, u64>,
    last: u64,
    bytes: usize,
}

impl DeadLetters {
    /// Keeps it. The job was held until now, so that its weight is not asked for again: the bounds are those of here.
    /// Whether it is kept; `forget` hears of those that are not any more.
    pub(super) fn keep(
        &mut self,
        id: JobId,
        mut job: DeadLetter,
        jobs_max: usize,
        bytes_max: usize,
        mut forget: impl FnMut(JobId),
    ) -> bool {
        if jobs_max == 0 || job.weight() > bytes_max {
            return false;
        }
        // In memory of its own: a slice would keep a read buffer, which nobody counts.
        job.body = job.body.detached(usize::MAX);
        job.charge.set(weights::dead_letter(&job));
        self.bytes += job.weight();
        self.last += 1;
        self.positions.insert(id, self.last);
        self.jobs.insert(self.last, (id, job));
        while self.jobs.len() > jobs_max || self.bytes > bytes_max {
            let Some((_, (id, job))) = self.jobs.pop_first() else { break };
            self.positions.remove(&id);
            self.bytes -= job.weight();
            forget(id);
        }
        true
    }

    pub(super) fn contains(&self, id: JobId) -> bool {
        self.positions.contains_key(&id)
    }

    pub(super) fn get(&self, id: JobId) -> Option<&DeadLetter> {
        self.jobs.get(self.positions.get(&id)?).map(|(_, job)| job)
    }

    pub(super) fn take(&mut self, id: JobId) -> Option<DeadLetter> {
        let (_, job) = self.jobs.remove(&self.positions.remove(&id)?)?;
        self.bytes -= job.weight();
        Some(job)
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Bytes of parameters and identities.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The one that was given up last in front.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = (JobId, &DeadLetter)> {
        self.jobs.values().rev().map(|(id, job)| (*id, job))
    }

    /// Panics where the books do not agree.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn check(&self, jobs_max: usize, bytes_max: usize) {
        let bytes: usize = self.jobs.values().map(|(_, job)| job.weight()).sum();
        let held = self.jobs.values().all(|(_, job)| job.charge.bytes() == weights::dead_letter(job));
        assert!(held, "weights of dead letters");
        assert_eq!((bytes, self.positions.len()), (self.bytes, self.jobs.len()), "kept jobs");
        assert!(self.jobs.len() <= jobs_max && bytes <= bytes_max, "more jobs are kept than may be");
    }
}

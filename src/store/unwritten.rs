//! What is true and could not be written: no more of it than there are jobs and services, however long the disk fails.

use std::collections::{BTreeMap, HashMap};

use crate::broker::{Record, ServiceState};
use crate::job::{JobId, ServiceName};

/// Records that wait for a store that fails.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// By the order in which they came.
    jobs: BTreeMap<u64, Record>,
    /// Where in `jobs` the last record of a job is, which says all that those before it did.
    places: HashMap<JobId, u64>,
    services: HashMap<ServiceName, ServiceState>,
    next: u64,
}

impl Unwritten {
    /// A job that was not accepted must not be there, whatever of it has reached the disk.
    pub(super) fn add(&mut self, record: Record) {
        match record {
            Record::Accepted(job) => self.put(job.job, Record::Finished(job.job)),
            Record::Retried(ref job) => self.put(job.job, record),
            Record::Dead(ref letter) => self.put(letter.job.job, record),
            Record::Finished(job) => self.put(job, record),
            Record::Attempted { job, attempts } => self.attempted(job, attempts),
            Record::Service(state) => drop(self.services.insert(state.service.clone(), state)),
        }
    }

    fn put(&mut self, job: JobId, record: Record) {
        self.next += 1;
        if let Some(before) = self.places.insert(job, self.next) {
            self.jobs.remove(&before);
        }
        self.jobs.insert(self.next, record);
    }

    /// A job that is queued anew has its attempts with it; one that was refused has none to keep.
    fn attempted(&mut self, job: JobId, attempts: u32) {
        match self.places.get(&job).and_then(|place| self.jobs.get_mut(place)) {
            Some(Record::Retried(job)) => job.attempts = attempts,
            Some(Record::Attempted { attempts: before, .. }) => *before = attempts,
            Some(Record::Accepted(_) | Record::Dead(_) | Record::Finished(_) | Record::Service(_)) => {}
            None => self.put(job, Record::Attempted { job, attempts }),
        }
    }

    pub(super) fn records(&self) -> Vec<Record> {
        let services = self.services.values().cloned().map(Record::Service);
        self.jobs.values().cloned().chain(services).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{id, job};
    use super::*;

    #[test]
    fn a_long_failure_leaves_one_record_a_job() {
        let mut unwritten = Unwritten::default();
        for attempts in 1..100 {
            unwritten.add(Record::Attempted { job: id(1), attempts });
            unwritten.add(Record::Accepted(job(2)));
            unwritten.add(Record::Attempted { job: id(2), attempts });
            unwritten.add(Record::Retried(job(3)));
            unwritten.add(Record::Attempted { job: id(3), attempts });
        }
        let retried = crate::broker::StoredJob { attempts: 99, ..job(3) };
        let attempted = Record::Attempted { job: id(1), attempts: 99 };
        let expected = [attempted, Record::Finished(id(2)), Record::Retried(retried)];
        assert_eq!(unwritten.records(), expected);
    }
}

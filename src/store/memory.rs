//! Jobs that live as long as the process.

use std::collections::{BTreeMap, HashMap};

use super::{Store, StoreError, StoreStatistics};
use crate::broker::{Record, Restored, ServiceState, StoredDeadLetter, StoredJob};
use crate::job::{JobId, ServiceName};

/// A store in memory: of tests, and the model that the others are held to.
#[derive(Debug, Default)]
pub struct MemoryStore {
    jobs: BTreeMap<u64, StoredJob>,
    dead: BTreeMap<u64, StoredDeadLetter>,
    /// Where in `jobs` or `dead` a job is. An id is in one of them at most.
    places: HashMap<JobId, u64>,
    services: BTreeMap<ServiceName, ServiceState>,
    next: u64,
}

impl MemoryStore {
    fn forget(&mut self, job: JobId) {
        if let Some(place) = self.places.remove(&job) {
            self.jobs.remove(&place);
            self.dead.remove(&place);
        }
    }

    fn place(&mut self, job: JobId) -> u64 {
        self.next += 1;
        self.places.insert(job, self.next);
        self.next
    }

    fn apply(&mut self, change: &Record) {
        match change {
            Record::Accepted(job) | Record::Retried(job) => {
                self.forget(job.job);
                let place = self.place(job.job);
                self.jobs.insert(place, job.clone());
            }
            Record::Attempted { job, attempts } => {
                if let Some(job) = self.places.get(job).and_then(|place| self.jobs.get_mut(place)) {
                    job.attempts = *attempts;
                }
            }
            Record::Dead(letter) => {
                self.forget(letter.job.job);
                let place = self.place(letter.job.job);
                self.dead.insert(place, letter.clone());
            }
            Record::Finished(job) => self.forget(*job),
            Record::Service(state) if state.paused || state.draining => {
                self.services.insert(state.service.clone(), state.clone());
            }
            Record::Service(state) => drop(self.services.remove(&state.service)),
        }
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, changes: &[Record]) -> Result<(), StoreError> {
        changes.iter().for_each(|change| self.apply(change));
        Ok(())
    }

    fn scan(&mut self, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        self.services.values().cloned().map(Restored::Service).for_each(&mut *each);
        self.jobs.values().cloned().map(Restored::Job).for_each(&mut *each);
        self.dead.values().cloned().map(Restored::Dead).for_each(each);
        Ok(())
    }

    fn statistics(&self) -> StoreStatistics {
        StoreStatistics { jobs: self.jobs.len() as u64, dead: self.dead.len() as u64, bytes: 0 }
    }
}

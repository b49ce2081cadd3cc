//! Jobs that live as long as the process.

use std::collections::{BTreeMap, HashMap};

use super::{Change, DeadLetter, Kept, ServiceState, Store, StoreError, StoreStatistics, StoredJob};
use crate::job::{JobId, ServiceName};

/// A store in memory: of tests, and the model that the others are held to.
#[derive(Debug, Default)]
pub struct MemoryStore {
    jobs: BTreeMap<u64, StoredJob>,
    dead: BTreeMap<u64, DeadLetter>,
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

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Accepted(job) => {
                self.forget(job.job);
                let place = self.place(job.job);
                self.jobs.insert(place, job.clone());
            }
            Change::Attempted { job, attempts } => {
                if let Some(job) = self.places.get(job).and_then(|place| self.jobs.get_mut(place)) {
                    job.attempts = *attempts;
                }
            }
            Change::Dead(letter) => {
                self.forget(letter.job.job);
                let place = self.place(letter.job.job);
                self.dead.insert(place, letter.clone());
            }
            Change::Finished(job) => self.forget(*job),
            Change::Service(state) if state.paused || state.draining => {
                self.services.insert(state.service.clone(), state.clone());
            }
            Change::Service(state) => drop(self.services.remove(&state.service)),
        }
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        changes.iter().for_each(|change| self.apply(change));
        Ok(())
    }

    fn scan(&mut self, each: &mut dyn FnMut(Kept)) -> Result<(), StoreError> {
        self.services.values().cloned().map(Kept::Service).for_each(&mut *each);
        self.jobs.values().cloned().map(Kept::Job).for_each(&mut *each);
        self.dead.values().cloned().map(Kept::Dead).for_each(each);
        Ok(())
    }

    fn statistics(&self) -> StoreStatistics {
        StoreStatistics { jobs: self.jobs.len() as u64, dead: self.dead.len() as u64, bytes: 0 }
    }
}

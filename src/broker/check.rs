//! The broker's invariants, counted anew from all that it holds.

use super::finish::Ended;
use super::job::State;
use super::services::Frames;
use super::worker::CREDIT;
use super::{Broker, weights};

impl Broker {
    /// Panics where an invariant does not hold. For tests, those of the fuzz targets among them; there is
    /// none in a release build.
    pub fn check(&self) {
        self.check_jobs();
        self.check_workers();
        self.check_services();
        self.check_sums();
        self.check_kept();
        self.check_weights();
        self.check_timers();
    }

    fn check_jobs(&self) {
        let queued = self.jobs.values().filter(|job| matches!(job.state, State::Queued(_))).count();
        assert_eq!((queued, self.jobs.len() - queued), (self.queued, self.active), "queued and active jobs");
        let offered = self.services.iter().filter(|service| service.offered).count();
        assert_eq!(offered, self.services.offered(), "services that were offered");
        let bytes: usize = self.jobs.values().map(|job| job.weight()).sum();
        assert_eq!(bytes, self.bytes, "bytes of parameters");
        for (id, job) in &self.jobs {
            if let State::Active { worker, .. } = job.state {
                let worker = self.workers.get(&worker).expect("an active job's worker is known");
                assert!(worker.jobs.contains(id), "{id} is active with a worker that does not know");
            }
            assert!(!self.remembered.contains(id), "{id} is open and over");
        }
        assert_eq!(self.history.len(), self.remembered.len(), "history");
    }

    /// What each thing holds in the books is what it weighs, so that the books are the sum.
    fn check_weights(&self) {
        for (id, job) in &self.jobs {
            assert_eq!(job.charge.bytes(), job.held(), "weight of {id}");
        }
        for (peer, worker) in &self.workers {
            let held = weights::worker(&worker.address.identity, worker.services.len());
            assert_eq!(worker.charge.bytes(), held, "weight of worker {peer}");
        }
        for service in self.services.iter() {
            let jobs = || self.jobs.values().filter(|job| self.services[job.service].name == service.name);
            let sums = (jobs().map(|job| job.weight()).sum(), jobs().map(|job| job.load()).sum());
            assert_eq!((service.bytes, service.held), sums, "share of {}", service.name);
            assert!(!service.name.is_too_long(), "{} is remembered", service.name);
            let statistics = service.statistics.as_deref().map_or(0, weights::statistics);
            let held = weights::service(service.name.as_bytes()) + statistics;
            assert_eq!(service.charge.bytes(), held, "weight of {}", service.name);
        }
        assert!(self.history.iter().all(Ended::is_weighed), "weights of the history");
        let bytes: usize = self.history.iter().map(|ended| weights::row(&ended.row)).sum();
        assert_eq!(bytes, self.history_bytes, "bytes of the history");
        let (rows_max, bytes_max) = (self.config.history_max, self.config.history_bytes_max);
        assert!(self.history.len() <= rows_max && bytes <= bytes_max, "the history is too long");
    }

    /// The books say what all that is held weighs, where no other broker writes into them.
    #[cfg(test)]
    pub(super) fn check_books(&self) {
        let jobs: usize = self.jobs.values().map(|job| job.held()).sum();
        assert_eq!(self.accounts.jobs.held(), jobs, "the account of jobs");
        let workers: usize = self.workers.values().map(|worker| worker.charge.bytes()).sum();
        let services: usize = self.services.iter().map(|service| service.charge.bytes()).sum();
        assert_eq!(self.accounts.names.held(), workers + services, "the account of names");
        assert_eq!(self.accounts.history.held(), self.history_bytes, "the account of the history");
        let dead: usize = self.dead_letters.newest_first().map(|(_, job)| weights::dead_letter(job)).sum();
        assert_eq!(self.accounts.dead_letters.held(), dead, "the account of dead letters");
    }

    /// There is a timer for each thing that waits for time, and no other.
    fn check_timers(&self) {
        let held = self.jobs.values().filter(|job| job.held_until.is_some());
        assert!(held.clone().all(|job| matches!(job.state, State::Queued(_))), "an active job is held");
        let workers = self.workers.values().filter(|worker| worker.timer.is_some());
        assert_eq!(
            self.timers.len(),
            held.count() + workers.count() + usize::from(self.unbegun.is_some()),
            "timers"
        );
        for (connection, worker) in &self.answers_over {
            let over = self.workers.get(worker).and_then(|worker| worker.answers_over);
            assert_eq!(over, Some(*connection), "whose answers come to the clients' port");
        }
    }

    /// What is counted by service is what is counted in all.
    fn check_sums(&self) {
        let mut sums = *self.services.gone();
        self.services.iter().filter_map(|service| service.sums()).for_each(|of_one| sums.merge(of_one));
        let counters = &self.counters;
        let all = (counters.jobs_completed, counters.jobs_failed, counters.jobs_requeued);
        assert_eq!((sums.completed, sums.failed, sums.requeued), all, "jobs by service");
        assert_eq!(sums.wait.count(), sums.run.count(), "jobs that waited and jobs that ran");
        assert!(sums.run.count() <= sums.ended(), "more jobs ran than ended");
        let open = (self.queued + self.active) as u64;
        let taken = counters.jobs_accepted + counters.jobs_retried;
        assert_eq!(taken, sums.ended() + open, "jobs taken, and what became of them");
    }

    fn check_kept(&self) {
        self.dead_letters.check(self.config.dead_max, self.config.dead_bytes_max);
        for (id, job) in self.dead_letters.newest_first() {
            assert!(!self.jobs.contains_key(&id), "{id} is given up and open");
            assert!(self.services[job.service].offered, "the service of {id} may go");
        }
    }

    fn check_workers(&self) {
        for (peer, worker) in &self.workers {
            assert!(worker.jobs.len() <= CREDIT, "worker {peer} has too many jobs");
            let free = worker.jobs.len() < CREDIT && !worker.retired;
            assert_eq!(worker.resting.is_some(), free, "worker {peer} rests or works");
            assert_eq!(worker.retired, self.retired.contains(peer), "worker {peer} is retired");
            assert!(!worker.services.is_empty(), "worker {peer} offers nothing");
            assert!(worker.timer.is_some() || !worker.jobs.is_empty(), "idle worker {peer} has no timer");
        }
    }

    fn check_services(&self) {
        for service in self.services.iter() {
            let workers = self
                .workers
                .values()
                .filter(|worker| worker.services.iter().any(|&key| self.services[key].name == service.name));
            let (mut all, mut many, mut idle, mut idle_many) = (0, 0, 0, 0);
            for worker in workers {
                all += 1;
                many += usize::from(worker.takes_many());
                idle += usize::from(worker.resting.is_some());
                idle_many += usize::from(worker.resting.is_some() && worker.takes_many());
            }
            let counted =
                (service.workers, service.workers_many, service.idle.len(), service.idle_many.len());
            assert_eq!((all, many, idle, idle_many), counted, "workers of {}", service.name);
            for (queue, kind) in [(&service.one, Frames::Single), (&service.many, Frames::Multi)] {
                let live = queue.entries().filter(|(place, id)| {
                    self.jobs.get(id).is_some_and(|job| job.state == State::Queued(*place))
                });
                assert_eq!(live.count(), queue.len(), "queue of {}", service.name);
                let held = self.stopping || service.paused;
                let stuck = queue.len() > 0 && service.rested(kind).is_some() && !held;
                assert!(!stuck, "jobs of {} wait while a worker rests", service.name);
            }
            let wanted = service.offered || service.queued() > 0 || service.paused || service.draining;
            assert!(wanted, "{} is here for nothing", service.name);
        }
    }
}

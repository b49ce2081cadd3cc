//! The broker's invariants, counted anew from all that it holds.

use super::Broker;
use super::job::State;
use super::offers::Kind;
use super::worker::CREDIT;

impl Broker {
    /// Panics where an invariant does not hold. For tests, those of the fuzz targets among them; there is
    /// none in a release build.
    pub fn check(&self) {
        self.check_jobs();
        self.check_workers();
        self.check_services();
        self.check_sums();
        self.check_kept();
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
        self.kept.check(self.config.kept_max, self.config.kept_bytes_max);
        for (id, job) in self.kept.newest_first() {
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
            for (queue, kind) in [(&service.one, Kind::One), (&service.many, Kind::Many)] {
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

//! What the broker shows of itself to operators. Costs by the number of services, workers or rows that are
//! asked for, never by that of jobs that wait.

use std::cmp::Reverse;
use std::collections::HashSet;

use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Broker;
use super::dead_letters::DeadLetter;
use super::job::{Job, State};
use super::queue::{Position, Queue};
use super::services::{Service, ServiceKey};
use super::snapshot::{
    ENTRIES_MAX, Intake, JobFilter, JobRow, JobState, Overview, PeerRow, RunRow, ServiceRow, Sums,
};
use super::worker::Worker;
use crate::job::{JobId, PeerId, ServiceName, Timestamp};
use crate::message::{Mode, Outcome};

impl Broker {
    /// The broker as a whole, with no more than `services_max` services told apart: those of `first`, then
    /// those that have ended the most jobs, then any. Of a hundred thousand others each is looked at once, and as little as
    /// can be: it is done in one turn.
    pub fn overview(
        &mut self,
        now: Timestamp,
        services_max: usize,
        first: &HashSet<ServiceName>,
    ) -> Overview {
        let resting = self.retired_and_resting();
        let told_apart = self.told_apart(services_max, first);
        let mut shown: Vec<ServiceRow> = Vec::with_capacity(told_apart.len());
        for &key in &told_apart {
            self.drop_dead_fronts(key);
            let service = &self.services[key];
            let mut row = self.service_row(service, resting.get(&key).copied().unwrap_or(0));
            if let Some(statistics) = &service.statistics {
                row.minute = statistics.last_minute(now);
                (row.wait, row.run) = statistics.lately(now);
            }
            shown.push(row);
        }
        let are_others = told_apart.len() < self.services.len();
        let rest = (are_others || *self.services.gone() != Sums::default())
            .then(|| self.rest_row(&told_apart.into_iter().collect(), &resting));
        Overview { intake: self.intake(), services: shown, rest }
    }

    /// The services that are told apart, in their order.
    fn told_apart(&self, services_max: usize, first: &HashSet<ServiceName>) -> Vec<ServiceKey> {
        let first: FxHashSet<ServiceKey> = first.iter().filter_map(|name| self.services.key(name)).collect();
        let ended = |service: &Service| service.sums().map_or(0, Sums::ended);
        let rank = |(key, service): (ServiceKey, Option<&Service>)| {
            Some((!first.contains(&key), Reverse(ended(service?)), key))
        };
        let mut ranks: Vec<_> = self.services.from(0).filter_map(rank).collect();
        if services_max < ranks.len() {
            ranks.select_nth_unstable(services_max);
            ranks.truncate(services_max);
        }
        let name = |key: ServiceKey| &self.services[key].name;
        ranks.sort_unstable_by(|one, other| {
            (one.0, one.1).cmp(&(other.0, other.1)).then_with(|| name(one.2).cmp(name(other.2)))
        });
        ranks.into_iter().map(|(.., key)| key).collect()
    }

    /// All services but those that are told apart, in one row.
    fn rest_row(
        &self,
        told_apart: &FxHashSet<ServiceKey>,
        resting: &FxHashMap<ServiceKey, usize>,
    ) -> ServiceRow {
        let mut rest = ServiceRow { sums: *self.services.gone(), ..ServiceRow::none() };
        let mut oldest: Option<Position> = None;
        let others = self.services.from(0).filter(|(key, _)| !told_apart.contains(key));
        for (key, service) in others.filter_map(|(key, service)| Some((key, service?))) {
            rest.paused |= service.paused;
            rest.draining |= service.draining;
            rest.queued += service.queued();
            rest.active += service.active;
            rest.idle += service.idle.len();
            let resting = resting.get(&key).copied().unwrap_or(0);
            rest.busy += service.workers.saturating_sub(service.idle.len() + resting);
            service.sums().inspect(|sums| rest.sums.merge(sums));
            // A job is looked at if it may be the oldest: that is a few of all.
            for (place, id) in [&service.one, &service.many].iter().filter_map(|queue| queue.entries().next())
            {
                if oldest.is_none_or(|oldest| place < oldest) && self.is_queued_at(place, id) {
                    oldest = Some(place);
                    rest.oldest_at = self.jobs.get(&id).map(|job| job.requested_at);
                }
            }
        }
        rest
    }

    /// So that the first entry of each queue is that of a job which is there.
    fn drop_dead_fronts(&mut self, key: ServiceKey) {
        let jobs = &self.jobs;
        let is_there = |place, id: JobId| jobs.get(&id).is_some_and(|job| job.state == State::Queued(place));
        let service = &mut self.services[key];
        service.one.front(is_there);
        service.many.front(is_there);
    }

    fn is_queued_at(&self, place: Position, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(|job| job.state == State::Queued(place))
    }

    /// What it does with new jobs.
    pub fn intake(&self) -> Intake {
        match (self.stopping, self.closed) {
            (true, _) => Intake::Stopping,
            (false, true) => Intake::Closed,
            (false, false) => Intake::Open,
        }
    }

    /// Retired workers without a job, by service: neither idle, since they take no job, nor busy.
    fn retired_and_resting(&self) -> FxHashMap<ServiceKey, usize> {
        let mut resting = FxHashMap::default();
        let workers = self.retired.iter().filter_map(|peer| self.workers.get(peer));
        for worker in workers.filter(|worker| worker.jobs.is_empty()) {
            worker.services.iter().for_each(|&key| *resting.entry(key).or_default() += 1);
        }
        resting
    }

    /// What is there now and what was counted since the start; not what was counted lately.
    fn service_row(&self, service: &Service, resting: usize) -> ServiceRow {
        let idle = service.idle.len();
        let first = |queue: &Queue| Some(self.jobs.get(&queue.entries().next()?.1)?.requested_at);
        ServiceRow {
            service: Some(service.name.clone()),
            paused: service.paused,
            draining: service.draining,
            queued: service.queued(),
            active: service.active,
            idle,
            busy: service.workers.saturating_sub(idle + resting),
            oldest_at: first(&service.one).into_iter().chain(first(&service.many)).min(),
            sums: service.sums().copied().unwrap_or_default(),
            ..ServiceRow::none()
        }
    }

    /// Workers in the order they came, of one service or of all. As many as have [`ENTRIES_MAX`] services
    /// together.
    pub fn workers(&self, service: Option<&ServiceName>) -> Vec<PeerRow> {
        let key = service.map(|name| self.services.key(name));
        let offers = |keys: &[ServiceKey]| key.is_none_or(|key| key.is_some_and(|key| keys.contains(&key)));
        let mut workers: Vec<_> =
            self.workers.iter().filter(|(_, worker)| offers(&worker.services)).collect();
        workers.sort_unstable_by_key(|(peer, _)| **peer);
        let mut entries = 0;
        let fits = |(_, worker): &(_, &Worker)| {
            entries += worker.services.len();
            entries <= ENTRIES_MAX
        };
        workers.into_iter().take_while(fits).map(|(&peer, worker)| self.peer_row(peer, worker)).collect()
    }

    fn peer_row(&self, peer: PeerId, worker: &Worker) -> PeerRow {
        let since = |id: &JobId| match self.jobs.get(id)?.state {
            State::Active { worker, started_at } if worker == peer => Some(started_at),
            State::Active { .. } | State::Queued(_) => None,
        };
        PeerRow {
            peer,
            identity: worker.address.identity.clone(),
            dialect: worker.address.origin.dialect,
            services: worker.services.iter().map(|&key| self.services[key].name.clone()).collect(),
            jobs: worker.jobs.clone(),
            done: worker.done,
            busy_since: worker.jobs.iter().filter_map(since).min(),
            last_seen: worker.last_seen,
            retired: worker.retired,
            jobs_max: worker.jobs_max,
        }
    }

    // --- jobs

    /// Jobs as `filter` wants them. Queued ones: those that will be taken first in front. Active ones: the one
    /// that runs longest in front. Ended ones: the last in front.
    pub fn jobs(&self, filter: &JobFilter) -> Vec<JobRow> {
        let limit = filter.limit.min(ENTRIES_MAX);
        let mut rows = match filter.state {
            Some(JobState::Queued) => self.queued_of(filter.service.as_ref(), limit),
            Some(JobState::Active) => self.active_of(filter.service.as_ref()),
            Some(JobState::Completed) => self.ended_of(filter.service.as_ref(), Outcome::Complete),
            Some(JobState::Failed) => self.ended_of(filter.service.as_ref(), Outcome::Fail),
            Some(JobState::Dead) => self.dead_of(filter.service.as_ref()),
            None => {
                let mut rows = self.active_of(filter.service.as_ref());
                rows.truncate(limit);
                rows.extend(self.queued_of(filter.service.as_ref(), limit - rows.len()));
                rows
            }
        };
        rows.truncate(limit);
        rows
    }

    fn queued_of(&self, service: Option<&ServiceName>, limit: usize) -> Vec<JobRow> {
        let of_one = |name| self.services.key(name).map(|key| (key, &self.services[key]));
        match service.map(of_one) {
            Some(None) => Vec::new(),
            Some(Some(service)) => self.queued_rows(Some(service), limit),
            None => self.queued_rows(None, limit),
        }
    }

    fn active_of(&self, service: Option<&ServiceName>) -> Vec<JobRow> {
        let key = service.map(|name| self.services.key(name));
        let is_of = |id: &JobId| {
            let job = self.jobs.get(id);
            job.is_some_and(|job| key.is_none_or(|key| key == Some(job.service)))
        };
        let own = |(&peer, worker): (_, &Worker)| {
            let own = worker.jobs.iter().copied().filter(move |&id| self.is_with(id, peer) && is_of(&id));
            own.collect::<Vec<_>>()
        };
        let ids = self.workers.iter().flat_map(own);
        let mut rows: Vec<JobRow> = ids.filter_map(|id| Some(self.row(id, self.jobs.get(&id)?))).collect();
        rows.sort_unstable_by_key(|row| (row.run.as_ref().map(|run| run.started_at), row.job));
        rows
    }

    /// Jobs of some modes that a worker has, by their ids, and what they ask for.
    pub fn active(&self, of: impl Fn(Mode) -> bool) -> Vec<(JobId, ServiceName)> {
        let is_active = |job: &Job| matches!(job.state, State::Active { .. }) && of(job.mode);
        let active = self.jobs.iter().filter(|(_, job)| is_active(job));
        let mut active: Vec<_> =
            active.map(|(&id, job)| (id, self.services[job.service].name.clone())).collect();
        active.sort_unstable_by_key(|(id, _)| *id);
        active
    }

    fn ended_of(&self, service: Option<&ServiceName>, outcome: Outcome) -> Vec<JobRow> {
        let wanted = |row: &&JobRow| {
            row.outcome == Some(outcome)
                && service.is_none_or(|service| row.service == *service)
                && !self.dead_letters.contains(row.job)
        };
        self.history.iter().rev().map(|ended| &ended.row).filter(wanted).cloned().collect()
    }

    /// A row of the history as it is now: whether the job can be tried again may change after its end.
    pub(super) fn ended_row(&self, row: &JobRow) -> JobRow {
        JobRow { dead: self.dead_letters.contains(row.job), ..row.clone() }
    }

    fn dead_of(&self, service: Option<&ServiceName>) -> Vec<JobRow> {
        let dead = self.dead_letters.newest_first().map(|(id, job)| self.dead_row(id, job));
        dead.filter(|row| service.is_none_or(|service| row.service == *service)).collect()
    }

    fn dead_row(&self, id: JobId, job: &DeadLetter) -> JobRow {
        JobRow {
            service: self.services[job.service].name.clone(),
            requested_at: job.requested_at,
            param: Bytes::new(),
            client: job.client.clone(),
            job: id,
            sync: job.waited,
            run: Some(RunRow { worker: job.worker.clone(), started_at: job.started_at }),
            completed_at: Some(job.failed_at),
            outcome: Some(Outcome::Fail),
            reason: Some(job.reason.clone()),
            attempts: job.attempts,
            bytes: job.body.len(),
            dead: true,
        }
    }
}

impl ServiceRow {
    fn none() -> Self {
        Self {
            service: None,
            paused: false,
            draining: false,
            queued: 0,
            active: 0,
            idle: 0,
            busy: 0,
            oldest_at: None,
            sums: Sums::default(),
            minute: (0, 0),
            wait: None,
            run: None,
        }
    }
}

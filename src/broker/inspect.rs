//! What the broker shows of itself to operators. Costs by the number of services, workers or rows that are
//! asked for, never by that of jobs that wait.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::Broker;
use super::dead_letters::DeadLetter;
use super::job::{Job, State};
use super::queue::Queue;
use super::services::{Service, ServiceKey};
use super::snapshot::{
    ENTRIES_MAX, Intake, JobFilter, JobRow, JobState, Overview, PeerRow, RunRow, ServiceRow, Sums,
};
use super::worker::Worker;
use crate::job::{JobId, PeerId, ServiceName, Timestamp};
use crate::message::Outcome;

impl Broker {
    /// The broker as a whole, with no more than `services_max` services told apart: those of `first`, then
    /// those that have ended the most jobs, then by name.
    pub fn overview(
        &mut self,
        now: Timestamp,
        services_max: usize,
        first: &HashSet<ServiceName>,
    ) -> Overview {
        self.drop_dead_fronts();
        let resting = self.retired_and_resting();
        let mut services: Vec<&Service> = self.services.iter().collect();
        let cut = put_first(&mut services, services_max, first);
        let others = services.split_off(cut);
        let mut shown: Vec<ServiceRow> = Vec::with_capacity(services.len());
        for service in services {
            let mut row = self.service_row(service, &resting);
            if let Some(statistics) = &service.statistics {
                row.minute = statistics.last_minute(now);
                (row.wait, row.run) = statistics.lately(now);
            }
            shown.push(row);
        }
        let gone = *self.services.gone();
        let rest = (!others.is_empty() || gone != Sums::default()).then(|| {
            let mut rest = ServiceRow { sums: gone, ..ServiceRow::none() };
            others.iter().for_each(|service| rest.merge(&self.service_row(service, &resting)));
            rest
        });
        Overview { intake: self.intake(), services: shown, rest }
    }

    /// So that the first entry of each queue is that of a job which is there.
    fn drop_dead_fronts(&mut self) {
        let jobs = &self.jobs;
        let is_there = |place, id: JobId| jobs.get(&id).is_some_and(|job| job.state == State::Queued(place));
        for service in self.services.iter_mut() {
            service.one.front(is_there);
            service.many.front(is_there);
        }
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
    fn retired_and_resting(&self) -> HashMap<ServiceName, usize> {
        let mut resting = HashMap::new();
        let workers = self.retired.iter().filter_map(|peer| self.workers.get(peer));
        for worker in workers.filter(|worker| worker.jobs.is_empty()) {
            for &key in &worker.services {
                *resting.entry(self.services[key].name.clone()).or_default() += 1;
            }
        }
        resting
    }

    /// What is there now and what was counted since the start; not what was counted lately.
    fn service_row(&self, service: &Service, resting: &HashMap<ServiceName, usize>) -> ServiceRow {
        let idle = service.idle.len();
        let resting = resting.get(&service.name).copied().unwrap_or(0);
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

    /// Jobs that a worker has, by their ids, and what they ask for.
    pub fn active(&self) -> Vec<(JobId, ServiceName)> {
        let is_active = |job: &Job| matches!(job.state, State::Active { .. });
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

/// Puts those that are told apart in front, in order. How many they are.
fn put_first(services: &mut [&Service], services_max: usize, first: &HashSet<ServiceName>) -> usize {
    let ended = |service: &Service| service.sums().map_or(0, Sums::ended);
    let place = |service: &&Service| {
        let service = *service;
        let name = &service.name;
        (!first.contains(name), Reverse(ended(service)), name.clone())
    };
    let cut = services.len().min(services_max);
    if cut < services.len() {
        services.select_nth_unstable_by_key(cut, place);
    }
    services[..cut].sort_by_cached_key(place);
    cut
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

    /// Adds another to a row of several services. Quantiles of several are not to be had from those of each.
    pub fn merge(&mut self, other: &Self) {
        self.paused |= other.paused;
        self.draining |= other.draining;
        self.queued += other.queued;
        self.active += other.active;
        self.idle += other.idle;
        self.busy += other.busy;
        self.oldest_at = self.oldest_at.into_iter().chain(other.oldest_at).min();
        self.sums.merge(&other.sums);
        self.minute = (self.minute.0 + other.minute.0, self.minute.1 + other.minute.1);
    }
}

//! What the broker shows of itself: rows for the lists, in the order of the original's.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Broker;
use super::job::State;
use super::offers::Service;
use super::queue::Place;
use super::snapshot::{ENTRIES_MAX, JobRow, PARAM_BYTES_MAX, WorkerRow};
use crate::job::JobId;

impl Broker {
    /// Queued jobs, those that will be taken first in front. Costs by the number of services and of rows,
    /// not of jobs.
    pub(super) fn queued_rows(&self) -> Vec<JobRow> {
        self.rows_of_queues(self.services.iter(), ENTRIES_MAX, PARAM_BYTES_MAX)
    }

    /// The first jobs of the queues of some services, as many as are wanted; no more once their parameters have
    /// so many bytes.
    pub(super) fn rows_of_queues<'a>(
        &'a self,
        services: impl Iterator<Item = &'a Service>,
        rows_max: usize,
        param_bytes_max: usize,
    ) -> Vec<JobRow> {
        let is_there = |&(place, id): &(Place, JobId)| {
            self.jobs.get(&id).is_some_and(|job| job.state == State::Queued(place))
        };
        let mut queues: Vec<_> = services
            .flat_map(|service| [&service.one, &service.many])
            .filter(|queue| queue.len() > 0)
            .map(|queue| queue.entries().filter(is_there))
            .collect();
        let mut heads: BinaryHeap<_> = (0..queues.len())
            .filter_map(|at| queues[at].next().map(|(place, id)| Reverse((place, id, at))))
            .collect();
        let (mut rows, mut param_bytes) = (Vec::new(), 0);
        while rows.len() < rows_max && param_bytes < param_bytes_max {
            let Some(Reverse((_, id, at))) = heads.pop() else { break };
            rows.extend(self.jobs.get(&id).map(|job| self.row(id, job)));
            param_bytes += rows.last().map_or(0, |row| row.param.len());
            heads.extend(queues[at].next().map(|(place, id)| Reverse((place, id, at))));
        }
        rows
    }

    /// Active jobs, the one that runs longest in front.
    pub(super) fn active_rows(&self) -> Vec<JobRow> {
        let own = |(&peer, worker): (_, &super::worker::Worker)| {
            worker.jobs.iter().copied().filter(move |&id| self.is_with(id, peer)).collect::<Vec<_>>()
        };
        let rows = self.workers.iter().flat_map(own);
        let mut rows: Vec<JobRow> = rows.filter_map(|id| Some(self.row(id, self.jobs.get(&id)?))).collect();
        rows.sort_unstable_by_key(|row| (row.run.as_ref().map(|run| run.started_at), row.job));
        rows.truncate(ENTRIES_MAX);
        let mut param_bytes = 0;
        rows.retain(|row| {
            let fits = param_bytes < PARAM_BYTES_MAX;
            param_bytes += row.param.len();
            fits
        });
        rows
    }

    /// Workers in the order they came, one row for each service of each.
    pub(super) fn worker_rows(&self) -> Vec<WorkerRow> {
        let mut workers: Vec<_> = self.workers.iter().collect();
        workers.sort_unstable_by_key(|(peer, _)| **peer);
        let rows = workers.into_iter().flat_map(|(_, worker)| {
            worker.services.iter().map(|&key| WorkerRow {
                expires_at: self.expires_at(worker),
                service: self.services[key].name.clone(),
                worker: worker.address.identity.clone(),
            })
        });
        rows.take(ENTRIES_MAX).collect()
    }
}

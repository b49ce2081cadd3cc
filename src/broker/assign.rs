//! How a job and a worker find each other: the job that has waited longest, the worker that has rested
//! longest.

use super::event::{Action, Stage};
use super::job::State;
use super::queue::Position;
use super::services::{Frames, ServiceKey};
use super::timers::Timer;
use super::worker::CREDIT;
use super::{Broker, micros};
use crate::job::{JobId, PeerId, Timestamp};
use crate::message::{JobRef, WorkerOrder};

impl Broker {
    /// Gives jobs of a service to workers that rest, while there are both.
    pub(super) fn assign(&mut self, now: Timestamp, key: ServiceKey, actions: &mut Vec<Action>) {
        while let Some((kind, id, worker)) = self.pair(key) {
            self.services[key].queue(kind).pop();
            self.assign_to(now, id, worker, actions);
        }
    }

    /// The first job that a resting worker can take, and that worker.
    fn pair(&mut self, key: ServiceKey) -> Option<(Frames, JobId, PeerId)> {
        let service = &self.services[key];
        // Most jobs come while nobody rests: then there is no need to look at what waits.
        if self.stopping || service.paused || service.idle.is_empty() {
            return None;
        }
        let fronts = [self.front(key, Frames::Single), self.front(key, Frames::Multi)];
        let pairs = fronts
            .into_iter()
            .flatten()
            .filter_map(|(kind, place, id)| Some((place, kind, id, self.services[key].rested(kind)?)));
        pairs.min_by_key(|(place, ..)| *place).map(|(_, kind, id, worker)| (kind, id, worker))
    }

    fn front(&mut self, key: ServiceKey, kind: Frames) -> Option<(Frames, Position, JobId)> {
        let (jobs, queue) = (&self.jobs, self.services[key].queue(kind));
        if queue.len() == 0 {
            return None;
        }
        let is_there = |place, id: JobId| jobs.get(&id).is_some_and(|job| job.state == State::Queued(place));
        let (place, id) = queue.front(is_there)?;
        Some((kind, place, id))
    }

    /// A queued job, already out of its queue, becomes the worker's.
    fn assign_to(&mut self, now: Timestamp, id: JobId, peer: PeerId, actions: &mut Vec<Action>) {
        let (Some(job), Some(worker)) = (self.jobs.get_mut(&id), self.workers.get_mut(&peer)) else {
            debug_assert!(false, "both were found a moment ago");
            return;
        };
        job.state = State::Active { worker: peer, started_at: now };
        if let Some(due) = job.held_until.take() {
            self.timers.cancel(due, Timer::Held(id));
        }
        let key = job.service;
        let order = WorkerOrder::Run {
            job: JobRef::Named(id),
            client: job.client_identity().clone(),
            body: job.body.clone(),
        };
        worker.jobs.push(id);
        worker.given += 1;
        worker.last_sent = now;
        actions.push(Action::Order { to: worker.address.clone(), order });
        self.queued -= 1;
        self.active += 1;
        self.services[key].active += 1;
        self.announce(now, id, key, Stage::Started, actions);
        let limit = self.time_limit(key);
        if let Some(worker) = self.workers.get_mut(&peer) {
            worker.job_due = limit.map(|limit_ms| now.plus_micros(micros(limit_ms)));
        }
        self.mark_busy(peer);
        self.retire_if_spent(peer);
        self.rest_if_free(peer);
        self.set_timer(peer);
    }

    fn time_limit(&self, key: ServiceKey) -> Option<u64> {
        if self.config.job_timeout_ms.is_empty() {
            return self.config.job_timeout_default_ms;
        }
        let own = self.config.job_timeout_ms.get(&self.services[key].name).copied();
        own.or(self.config.job_timeout_default_ms)
    }

    /// A worker that has room for a job rests; it is given what waits for it at once.
    pub(super) fn mark_idle(&mut self, now: Timestamp, peer: PeerId, actions: &mut Vec<Action>) {
        if self.goes_on(now, peer, actions) {
            return;
        }
        self.rest_if_free(peer);
        while let Some(key) = self.most_urgent(peer) {
            let jobs_before = self.active;
            self.assign(now, key, actions);
            if self.active == jobs_before {
                break;
            }
        }
        self.set_timer(peer);
    }

    /// A worker of one service gets the job that waits, without a rest: since one waits, nobody rests who could take it.
    /// To enter the worker among those who rest, and to take it out again, cost 650 instructions a job of a backlog.
    fn goes_on(&mut self, now: Timestamp, peer: PeerId, actions: &mut Vec<Action>) -> bool {
        let Some(worker) = self.workers.get(&peer) else { return false };
        let ([key], true) = (&worker.services[..], worker.jobs.len() + 1 == CREDIT) else { return false };
        let (key, takes_many) = (*key, worker.takes_many());
        if worker.resting.is_some() || worker.retired || self.stopping || self.services[key].paused {
            return false;
        }
        let one = self.front(key, Frames::Single);
        let many = if takes_many { self.front(key, Frames::Multi) } else { None };
        let first = one.into_iter().chain(many).min_by_key(|(_, place, _)| *place);
        let Some((kind, _, id)) = first else { return false };
        self.services[key].queue(kind).pop();
        self.assign_to(now, id, peer, actions);
        true
    }

    /// Of the services a resting worker offers, the one whose first job has waited longest.
    fn most_urgent(&mut self, peer: PeerId) -> Option<ServiceKey> {
        let worker = self.workers.get(&peer).filter(|worker| worker.resting.is_some())?;
        if let [only] = worker.services[..] {
            let service = &self.services[only];
            return (service.queued() > 0 && !service.paused).then_some(only);
        }
        let takes_many = worker.takes_many();
        let services = worker.services.clone();
        let first_place = |broker: &mut Self, key| {
            if broker.services[key].paused {
                return None;
            }
            let one = broker.front(key, Frames::Single).map(|(_, place, _)| place);
            let many = broker.front(key, Frames::Multi).map(|(_, place, _)| place).filter(|_| takes_many);
            one.into_iter().chain(many).min()
        };
        let places = services.into_iter().filter_map(|key| Some((first_place(self, key)?, key)));
        places.min_by_key(|(place, _)| *place).map(|(_, key)| key)
    }

    fn rest_if_free(&mut self, peer: PeerId) {
        let Some(worker) = self.workers.get_mut(&peer) else { return };
        if worker.jobs.len() >= CREDIT || worker.resting.is_some() || worker.retired {
            return;
        }
        self.rests += 1;
        worker.resting = Some(self.rests);
        for &key in &worker.services {
            self.services[key].rests(self.rests, peer, worker.takes_many());
        }
    }

    /// A worker is not among those who rest any more.
    pub(super) fn mark_busy(&mut self, peer: PeerId) {
        let Some(worker) = self.workers.get_mut(&peer) else { return };
        let Some(rest) = worker.resting.take() else { return };
        for &key in &worker.services {
            let service = &mut self.services[key];
            service.idle.remove(&rest);
            service.idle_many.remove(&rest);
        }
    }

    /// A job goes back to the front of its queue: it has waited longer than anything behind it.
    pub(super) fn give_back(&mut self, id: JobId) {
        let place = self.positions.in_front();
        let Some(job) = self.jobs.get_mut(&id) else { return };
        debug_assert!(matches!(job.state, State::Active { .. }), "only an active job is given back");
        job.state = State::Queued(place);
        let key = job.service;
        let kind = Frames::of(&job.body);
        let service = &mut self.services[key];
        service.queue(kind).push_front(place, id);
        service.active -= 1;
        self.active -= 1;
        self.queued += 1;
    }
}

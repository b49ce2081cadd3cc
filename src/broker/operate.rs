//! What operators want: services held back, workers retired, jobs tried again or deleted.
//!
//! It may cost by the number of services or of remembered jobs: people ask for it, not jobs.

use super::event::Action;
use super::finish::Answer;
use super::job::{Client, Job, Owner, State};
use super::log_event::{LogEvent, Refusal, RequeueReason};
use super::operation::{Denied, Done, Operation};
use super::reason::Reason;
use super::record::{Record, ServiceState};
use super::services::{Frames, ServiceKey};
use super::{Broker, weights};
use crate::job::{JobId, PeerId, ServiceName, Timestamp};
use crate::message::Mode;

impl Broker {
    /// Does it, and says in the last action what came of it.
    pub(super) fn operate(&mut self, now: Timestamp, operation: Operation, actions: &mut Vec<Action>) {
        let outcome = match operation {
            Operation::Pause(service) => self.pause(&service, actions),
            Operation::Resume(service) => self.resume(now, &service, actions),
            Operation::Drain(service) => self.drain_service(&service, actions),
            Operation::DrainAll => self.drain_all(),
            Operation::ResumeAll => self.resume_all(),
            Operation::Retire(peer) => self.retire(peer),
            Operation::Limit { peer, jobs } => self.limit_jobs(peer, jobs),
            Operation::Retry(job) => self.retry(now, job, actions),
            Operation::Delete(job) => self.delete(now, job, actions),
        };
        actions.push(Action::Log(LogEvent::Operated(outcome.clone())));
        actions.push(Action::Operated(outcome));
    }

    // --- services

    fn known(&self, service: &ServiceName) -> Result<ServiceKey, Denied> {
        self.services.key(service).ok_or_else(|| Denied::UnknownService(service.detached()))
    }

    /// What operators decided of a service outlives the process.
    fn record_state(&self, key: ServiceKey, actions: &mut Vec<Action>) {
        let service = &self.services[key];
        let (paused, draining) = (service.paused, service.draining);
        let state = ServiceState { service: service.name.clone(), paused, draining };
        actions.push(Action::Record(Record::Service(state)));
    }

    fn pause(&mut self, service: &ServiceName, actions: &mut Vec<Action>) -> Result<Done, Denied> {
        let key = self.known(service)?;
        self.services[key].paused = true;
        self.record_state(key, actions);
        let service = &self.services[key];
        Ok(Done::Paused { service: service.name.clone(), queued: service.queued() })
    }

    fn drain_service(&mut self, service: &ServiceName, actions: &mut Vec<Action>) -> Result<Done, Denied> {
        let key = self.known(service)?;
        self.services[key].draining = true;
        self.record_state(key, actions);
        let service = &self.services[key];
        let (queued, active) = (service.queued(), service.active);
        Ok(Done::Draining { service: service.name.clone(), queued, active })
    }

    fn resume(
        &mut self,
        now: Timestamp,
        service: &ServiceName,
        actions: &mut Vec<Action>,
    ) -> Result<Done, Denied> {
        let key = self.known(service)?;
        let service = &mut self.services[key];
        (service.paused, service.draining) = (false, false);
        self.record_state(key, actions);
        self.assign(now, key, actions);
        let service = &self.services[key];
        let (queued, active) = (service.queued(), service.active);
        let done = Done::Resumed { service: service.name.clone(), queued, active };
        self.services.drop_if_unused(key);
        Ok(done)
    }

    fn drain_all(&mut self) -> Result<Done, Denied> {
        self.closed = true;
        Ok(Done::DrainingAll { queued: self.queued, active: self.active })
    }

    fn resume_all(&mut self) -> Result<Done, Denied> {
        if self.stopping {
            return Err(Denied::Stopping);
        }
        self.closed = false;
        let held_back = self.services.iter().filter(|service| service.paused || service.draining).count();
        Ok(Done::ResumedAll { held_back })
    }

    // --- workers

    /// The mark is the connection's: a READY that comes over it later does not take it away.
    fn retire(&mut self, peer: PeerId) -> Result<Done, Denied> {
        let worker = self.workers.get_mut(&peer).ok_or(Denied::UnknownWorker(peer))?;
        worker.retired = true;
        let jobs = worker.jobs.len();
        self.retired.insert(peer);
        self.mark_busy(peer);
        Ok(Done::Retired { peer, jobs })
    }

    fn limit_jobs(&mut self, peer: PeerId, jobs: u64) -> Result<Done, Denied> {
        let worker = self.workers.get_mut(&peer).ok_or(Denied::UnknownWorker(peer))?;
        worker.jobs_max = Some(jobs);
        let given = worker.given;
        self.retire_if_spent(peer);
        Ok(Done::Limited { peer, jobs, given })
    }

    /// A worker that has had as many jobs as it may gets no more.
    pub(super) fn retire_if_spent(&mut self, peer: PeerId) {
        let Some(worker) = self.workers.get_mut(&peer) else { return };
        if worker.retired || worker.jobs_max.is_none_or(|max| worker.given < max) {
            return;
        }
        worker.retired = true;
        self.retired.insert(peer);
        self.mark_busy(peer);
    }

    // --- jobs

    fn retry(&mut self, now: Timestamp, id: JobId, actions: &mut Vec<Action>) -> Result<Done, Denied> {
        let state = self.jobs.get(&id).map(|job| job.state);
        match state {
            Some(State::Queued(_)) => Err(Denied::Queued(id)),
            _ if self.stopping => Err(Denied::Stopping),
            Some(State::Active { worker, .. }) => Ok(self.take_back(now, id, worker, actions)),
            None => self.retry_kept(now, id, actions),
        }
    }

    /// As if it had run too long, but that it does not count against the job: its worker stays busy with it
    /// until it says something.
    fn take_back(&mut self, now: Timestamp, id: JobId, peer: PeerId, actions: &mut Vec<Action>) -> Done {
        let worker = self.workers.get_mut(&peer).expect("an active job's worker is known");
        worker.job_due = None;
        let owner = Owner { peer, identity: worker.address.identity.clone() };
        let job = self.jobs.get_mut(&id).expect("the caller has seen it");
        job.lost_by(owner);
        let (attempts, key) = (job.attempts, job.service);
        let service = self.services[key].name.clone();
        let done = Done::TakenBack { job: id, service: service.clone(), peer };
        let cause = RequeueReason::Operator;
        actions.push(Action::Log(LogEvent::JobRequeued { job: id, service, peer, attempts, cause }));
        self.requeue(now, id, key, actions);
        done
    }

    /// A job that was given up waits again, under its id, as if it had been asked for now. Nobody waits for
    /// its result any more: its client was told that it failed.
    fn retry_kept(&mut self, now: Timestamp, id: JobId, actions: &mut Vec<Action>) -> Result<Done, Denied> {
        let Some(kept) = self.dead_letters.get(id) else { return Err(self.no_such(id)) };
        let full = |cause| Denied::Full { job: id, cause };
        self.has_room(kept.service, kept.body.len()).map_err(full)?;
        let held = weights::job(&kept.body, &kept.client, &[]);
        let charge = self.accounts.jobs.charge(held).map_err(|_| full(Refusal::MemoryFull))?;
        let kept = self.dead_letters.take(id).expect("it was there a moment ago");
        self.forget_end(id);
        let service = self.services[kept.service].name.clone();
        let kind = Frames::of(&kept.body);
        let job = Job {
            service: kept.service,
            body: kept.body,
            client: Client::Told(kept.client),
            mode: Mode::Background,
            requested_at: now,
            state: State::Queued(self.positions.at_the_end()),
            attempts: 0,
            former: None,
            held_until: None,
            charge,
        };
        actions.push(Action::Record(Record::Retried(job.stored(id, &service))));
        self.counters.jobs_retried += 1;
        self.enqueue(now, id, job, kind, actions);
        Ok(Done::Retried { job: id, service })
    }

    fn delete(&mut self, now: Timestamp, id: JobId, actions: &mut Vec<Action>) -> Result<Done, Denied> {
        let Some(job) = self.jobs.get(&id) else {
            let kept = self.dead_letters.take(id).ok_or_else(|| self.no_such(id))?;
            actions.push(Action::Record(Record::Finished(id)));
            return Ok(Done::Forgotten { job: id, service: self.services[kept.service].name.clone() });
        };
        match job.state {
            State::Active { .. } => Err(Denied::Active(id)),
            State::Queued(_) => {
                let service = self.services[job.service].name.clone();
                self.counters.jobs_deleted += 1;
                self.end(now, id, Answer::failed(Reason::Deleted), actions);
                Ok(Done::Deleted { job: id, service })
            }
        }
    }

    fn no_such(&self, id: JobId) -> Denied {
        match self.remembered.contains(&id) {
            true => Denied::Over(id),
            false => Denied::UnknownJob(id),
        }
    }

    /// Whether the queues have room for one job more.
    pub(super) fn has_room(&self, key: ServiceKey, weight: usize) -> Result<(), Refusal> {
        if self.services[key].queued() >= self.config.queued_per_service_max {
            return Err(Refusal::ServiceFull);
        }
        self.has_room_at_all(weight)?;
        let (service, memory) = (&self.services[key], &self.config.memory);
        let within = is_within_share(service.queued(), self.queued, self.config.queued_max)
            && is_within_share(service.bytes, self.bytes, self.config.bytes_max)
            && is_within_share(service.held, memory.held(), memory.max());
        if within { Ok(()) } else { Err(Refusal::ShareFull) }
    }

    pub(super) fn has_room_at_all(&self, weight: usize) -> Result<(), Refusal> {
        if self.queued >= self.config.queued_max {
            return Err(Refusal::QueueFull);
        }
        if self.bytes.saturating_add(weight) > self.config.bytes_max {
            return Err(Refusal::BytesFull);
        }
        Ok(())
    }
}

/// Whether one of those that share `max` may have more: as long as it has no more than four times of what is left for all.
/// So one alone gets four fifths, many get less each, and there is always room for who has little: a flood of one service
/// has the others refused as little as it has them wait.
fn is_within_share(own: usize, all: usize, max: usize) -> bool {
    own <= max.saturating_sub(all).saturating_mul(4)
}

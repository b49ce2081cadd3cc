//! What time brings: heartbeats, silences, jobs that run too long, requests that were held in vain.

use super::event::Action;
use super::finish::Answer;
use super::job::Owner;
use super::log_event::{FailReason, LogEvent, RequeueReason};
use super::reason::Reason;
use super::services::Frames;
use super::timers::Timer;
use super::worker::Worker;
use super::{Broker, MS, micros};
use crate::job::{JobId, PeerId, Timestamp};
use crate::message::WorkerOrder;

/// Timers that ring in one tick: a million requests that were held in vain must not end in one turn. The others are
/// due at once.
pub(super) const DUE_MAX: usize = 512;

impl Broker {
    pub(super) fn tick(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        for _ in 0..DUE_MAX {
            let Some(timer) = self.timers.pop_due(now) else { break };
            match timer {
                Timer::Worker(peer) => {
                    if let Some(worker) = self.workers.get_mut(&peer) {
                        worker.timer = None;
                        self.look_after(now, peer, actions);
                    }
                }
                Timer::Held(id) => self.held_long_enough(now, id, actions),
                Timer::Stopping => self.end_unbegun(now, actions),
            }
        }
    }

    /// Sees to it that a timer rings when something is due with the worker, or earlier.
    pub(super) fn set_timer(&mut self, peer: PeerId) {
        let Some(worker) = self.workers.get(&peer) else { return };
        let Some(due) = self.due(worker) else { return };
        if worker.timer.is_some_and(|timer| timer <= due) {
            return;
        }
        if let Some(later) = worker.timer {
            self.timers.cancel(later, Timer::Worker(peer));
        }
        self.timers.set(due, Timer::Worker(peer));
        if let Some(worker) = self.workers.get_mut(&peer) {
            worker.timer = Some(due);
        }
    }

    /// When something is due with a worker. A busy one is left in peace, but for its job's time limit.
    fn due(&self, worker: &Worker) -> Option<Timestamp> {
        if !worker.jobs.is_empty() {
            return worker.job_due;
        }
        Some(self.heartbeat_due(worker).min(self.expires_at(worker)))
    }

    /// A little earlier than promised, so that a worker that polls for one interval never counts a silence
    /// (original.md quirk 34).
    fn heartbeat_due(&self, worker: &Worker) -> Timestamp {
        worker.last_sent.plus_micros(micros(self.config.heartbeat_ms.max(1)) / 5 * 4)
    }

    /// When a worker's silence is too long.
    pub(super) fn expires_at(&self, worker: &Worker) -> Timestamp {
        let patience =
            self.config.heartbeat_ms.max(1).saturating_mul(u64::from(self.config.missed_max.max(1)));
        worker.last_seen.plus_micros(micros(patience))
    }

    fn look_after(&mut self, now: Timestamp, peer: PeerId, actions: &mut Vec<Action>) {
        let Some(worker) = self.workers.get(&peer) else { return };
        if !worker.jobs.is_empty() {
            if worker.job_due.is_some_and(|due| due <= now) {
                self.job_ran_too_long(now, peer, actions);
            }
        } else if self.expires_at(worker) <= now {
            return self.expire(now, peer, actions);
        } else if self.heartbeat_due(worker) <= now {
            let order = WorkerOrder::Heartbeat;
            actions.push(Action::Order { to: worker.address.clone(), order });
            if let Some(worker) = self.workers.get_mut(&peer) {
                worker.last_sent = now;
            }
        }
        self.set_timer(peer);
    }

    /// An idle worker was silent for too long. It may come back with a READY.
    fn expire(&mut self, now: Timestamp, peer: PeerId, actions: &mut Vec<Action>) {
        let Some(worker) = self.workers.get(&peer) else { return };
        let silent_ms = now.micros_since(worker.last_seen) / MS;
        actions.push(Action::Order { to: worker.address.clone(), order: WorkerOrder::Disconnect });
        actions.push(Action::Log(LogEvent::WorkerExpired { peer, silent_ms }));
        self.remove_worker(peer);
        self.counters.workers_expired += 1;
    }

    /// The job goes to another worker. This one stays busy with it until it says something.
    fn job_ran_too_long(&mut self, now: Timestamp, peer: PeerId, actions: &mut Vec<Action>) {
        let Some(worker) = self.workers.get_mut(&peer) else { return };
        worker.job_due = None;
        let identity = worker.address.identity.clone();
        for id in worker.jobs.clone() {
            if self.is_with(id, peer) {
                let owner = Owner { peer, identity: identity.clone() };
                self.worker_lost(now, id, owner, RequeueReason::Timeout, actions);
            }
        }
    }

    /// A request for a service that nobody offers, or whose workers cannot take it, has waited in vain.
    fn held_long_enough(&mut self, now: Timestamp, id: JobId, actions: &mut Vec<Action>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.held_until = None;
        let service = &self.services[job.service];
        if service.paused {
            let due = now.plus_micros(micros(self.config.hold_ms.max(1)));
            job.held_until = Some(due);
            return self.timers.set(due, Timer::Held(id));
        }
        let servable = match Frames::of(&job.body) {
            Frames::Single => service.offered,
            Frames::Multi => service.workers_many > 0,
        };
        if servable {
            return;
        }
        let (service, attempts, requested_at) = (service.name.clone(), job.attempts, job.requested_at);
        let cause = FailReason::HeldTooLong;
        actions.push(Action::Log(LogEvent::JobFailed { job: id, service, attempts, cause }));
        self.counters.jobs_held_too_long += 1;
        let within_ms = now.micros_since(requested_at) / MS;
        self.end(now, id, Answer::failed(Reason::NoWorker { within_ms }), actions);
    }
}

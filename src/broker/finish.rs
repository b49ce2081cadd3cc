//! How a job ends: once, whoever says so.

use bytes::Bytes;

use super::dead_letters::DeadLetter;
use super::event::{Action, JobEnd};
use super::job::{Client, Job, Owner, State};
use super::log_event::{FailReason, LogEvent, RequeueReason};
use super::queue::SHRINK_FROM;
use super::reason::Reason;
use super::record::{Record, StoredDeadLetter};
use super::services::{Frames, ServiceKey};
use super::snapshot::{JobRow, RunRow};
use super::timers::Timer;
use super::{Broker, weights};
use crate::job::{Body, JobId, PeerId, Timestamp};
use crate::memory::Charge;
use crate::message::{ClientReply, Mode, Outcome};

/// Bytes of a parameter that a list shows, and that are remembered of a job that is over.
const PARAM_MAX: usize = 64 << 10;

/// What a job came to.
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// What it brought; empty if nothing.
    pub(super) body: Body,
    /// Why it failed, as far as anybody said.
    pub(super) reason: Option<Reason>,
}

impl Answer {
    /// What a worker says.
    pub(super) fn of_worker(outcome: Outcome, body: Body) -> Self {
        let reason = match outcome {
            Outcome::Complete => None,
            Outcome::Fail => Reason::said(&body),
        };
        Self { outcome, body, reason }
    }

    /// That of a job which the broker gives up.
    pub(super) fn failed(reason: Reason) -> Self {
        Self { outcome: Outcome::Fail, body: reason.body(), reason: Some(reason) }
    }
}

/// A job that is over, as it is remembered.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) row: JobRow,
    /// What [`weights::row`] says.
    charge: Charge,
}

impl Ended {
    #[cfg(any(test, debug_assertions))]
    pub(super) fn is_weighed(&self) -> bool {
        self.charge.bytes() == weights::row(&self.row)
    }
}

impl Broker {
    /// The job is over, wherever it is.
    pub(super) fn end(&mut self, now: Timestamp, id: JobId, answer: Answer, actions: &mut Vec<Action>) {
        let Answer { outcome, body, reason } = answer;
        let Some(job) = self.jobs.remove(&id) else { return };
        self.take_out(id, &job);
        // A backlog that is gone leaves no memory behind.
        if self.jobs.capacity() > SHRINK_FROM && self.jobs.len() < self.jobs.capacity() / 8 {
            self.jobs.shrink_to(self.jobs.capacity() / 2);
        }
        match outcome {
            Outcome::Complete => self.counters.jobs_completed += 1,
            Outcome::Fail => self.counters.jobs_failed += 1,
        }
        let service = self.services[job.service].name.clone();
        match (job.mode, &job.client) {
            (Mode::Wait, Client::Known(to)) => {
                let reply = ClientReply::Finished { job: Some(id), service: service.clone(), outcome, body };
                actions.push(Action::Reply { to: to.clone(), reply });
            }
            (Mode::Wait, Client::Restored(_) | Client::Told(_)) => {
                debug_assert!(false, "only background jobs are kept");
            }
            // It is kept as a dead letter.
            (Mode::Background, _) if self.dead_letters.contains(id) => {}
            (Mode::Background, _) => actions.push(Action::Record(Record::Finished(id))),
        }
        let started_at = match job.state {
            State::Queued(_) => None,
            State::Active { started_at, .. } => Some(started_at),
        };
        let times = started_at.map(|at| (at.micros_since(job.requested_at), now.micros_since(at)));
        self.services[job.service].count(|statistics| statistics.ended(now, outcome, times));
        actions.push(Action::Publish(JobEnd {
            job: id,
            service,
            outcome,
            requested_at: job.requested_at,
            started_at,
            ended_at: now,
            reason: reason.clone(),
        }));
        let row = JobRow { completed_at: Some(now), outcome: Some(outcome), reason, ..self.row(id, &job) };
        self.remember(row, job.body.first().len() <= PARAM_MAX);
        self.services.drop_if_unused(job.service);
    }

    /// Accounts for a job that is gone from `jobs`.
    fn take_out(&mut self, id: JobId, job: &Job) {
        self.bytes -= job.weight();
        if let Some(due) = job.held_until {
            self.timers.cancel(due, Timer::Held(id));
        }
        let service = &mut self.services[job.service];
        service.let_go(job);
        match job.state {
            State::Queued(_) => {
                self.queued -= 1;
                let jobs = &self.jobs;
                let is_there =
                    |place, id: JobId| jobs.get(&id).is_some_and(|job| job.state == State::Queued(place));
                service.queue(Frames::of(&job.body)).forget(is_there);
            }
            State::Active { .. } => {
                self.active -= 1;
                service.active -= 1;
            }
        }
    }

    /// The job was held until now, so that the weight of what is remembered of it is not asked for: the bounds are
    /// those of here.
    fn remember(&mut self, mut row: JobRow, is_whole: bool) {
        // In memory of its own: a slice would keep the whole frame, which nobody counts. A whole frame has that.
        if !is_whole {
            row.param = Bytes::copy_from_slice(&row.param);
        }
        let held = weights::row(&row);
        let (rows_max, bytes_max) = (self.config.history_max, self.config.history_bytes_max);
        if rows_max == 0 || held > bytes_max {
            return;
        }
        let mut charge = None;
        while self.history.len() >= rows_max || self.history_bytes + held > bytes_max {
            let Some(oldest) = self.history.pop_front() else { break };
            self.history_bytes -= oldest.charge.bytes();
            self.remembered.remove(&oldest.row.job);
            charge = Some(oldest.charge);
        }
        // One goes for one that comes, as a rule, and weighs as much.
        let mut charge = charge.unwrap_or_else(|| self.accounts.history.empty());
        if charge.bytes() != held {
            charge.set(held);
        }
        self.remembered.insert(row.job);
        self.history_bytes += held;
        self.ended += 1;
        self.history.push_back(Ended { row, charge });
    }

    /// Takes a job out of the history that is queued again.
    pub(super) fn forget_end(&mut self, id: JobId) {
        if !self.remembered.remove(&id) {
            return;
        }
        if let Some(at) = self.history.iter().position(|ended| ended.row.job == id) {
            let ended = self.history.remove(at).expect("it was found there");
            self.history_bytes -= ended.charge.bytes();
        }
    }

    /// What a list shows of a job.
    pub(super) fn row(&self, id: JobId, job: &Job) -> JobRow {
        let run = match job.state {
            State::Queued(_) => None,
            State::Active { worker, started_at } => {
                let there = self.workers.get(&worker).map(|worker| &worker.address.identity);
                // A worker that took its job down with it is gone by now.
                let gone = || job.former.as_ref()?.last().map(|owner| &owner.identity);
                Some(RunRow { worker: there.or_else(gone).cloned().unwrap_or_default(), started_at })
            }
        };
        JobRow {
            service: self.services[job.service].name.clone(),
            requested_at: job.requested_at,
            param: job.body.first().slice(..job.body.first().len().min(PARAM_MAX)),
            client: job.client_identity().clone(),
            job: id,
            sync: job.mode == Mode::Wait,
            run,
            completed_at: None,
            outcome: None,
            reason: None,
            attempts: job.attempts,
            bytes: job.body.len(),
            dead: false,
        }
    }

    /// A worker has lost an active job: it goes to the next, or is given up.
    pub(super) fn worker_lost(
        &mut self,
        now: Timestamp,
        id: JobId,
        owner: Owner,
        cause: RequeueReason,
        actions: &mut Vec<Action>,
    ) {
        let attempts_max = self.config.attempts_max.max(1);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.attempts += 1;
        let peer = owner.peer;
        job.lost_by(owner);
        let (attempts, key, mode) = (job.attempts, job.service, job.mode);
        let service = self.services[key].name.clone();
        if attempts >= attempts_max || (self.stopping && mode == Mode::Wait) {
            let mut reason = Reason::Stopped;
            if attempts >= attempts_max {
                reason = Reason::LostWorkers { attempts, last: cause };
                self.keep(now, id, &reason, actions);
                self.counters.jobs_given_up += 1;
                let cause = FailReason::Attempts;
                actions.push(Action::Log(LogEvent::JobFailed { job: id, service, attempts, cause }));
            }
            return self.end(now, id, Answer::failed(reason), actions);
        }
        if mode == Mode::Background {
            actions.push(Action::Record(Record::Attempted { job: id, attempts }));
        }
        actions.push(Action::Log(LogEvent::JobRequeued { job: id, service, peer, attempts, cause }));
        self.requeue(now, id, key, actions);
    }

    /// An active job waits again, in front of all others of its service.
    pub(super) fn requeue(&mut self, now: Timestamp, id: JobId, key: ServiceKey, actions: &mut Vec<Action>) {
        self.counters.jobs_requeued += 1;
        self.services[key].count(|statistics| statistics.sums.requeued += 1);
        self.give_back(id);
        self.hold(now, id);
        self.assign(now, key, actions);
    }

    /// Keeps a job that is about to be given up.
    fn keep(&mut self, now: Timestamp, id: JobId, reason: &Reason, actions: &mut Vec<Action>) {
        let Some(job) = self.jobs.get(&id) else { return };
        let State::Active { started_at, .. } = job.state else { return };
        let last = job.former.as_ref().and_then(|owners| owners.last());
        let kept = DeadLetter {
            service: job.service,
            body: job.body.clone(),
            client: job.client_identity().clone(),
            waited: job.mode == Mode::Wait,
            requested_at: job.requested_at,
            attempts: job.attempts,
            worker: last.map(|owner| owner.identity.clone()).unwrap_or_default(),
            started_at,
            failed_at: now,
            reason: reason.clone(),
            charge: self.accounts.dead_letters.empty(),
        };
        let record = StoredDeadLetter {
            job: job.stored(id, &self.services[job.service].name),
            waited: kept.waited,
            worker: kept.worker.clone(),
            started_at,
            failed_at: now,
            reason: reason.to_string(),
        };
        if self.bury(id, kept, actions) {
            actions.push(Action::Record(Record::Dead(record)));
        }
    }

    /// Keeps a dead letter, if it may be; the oldest are forgotten for it.
    pub(super) fn bury(&mut self, id: JobId, kept: DeadLetter, actions: &mut Vec<Action>) -> bool {
        let forget = |id| actions.push(Action::Record(Record::Finished(id)));
        self.dead_letters.keep(id, kept, self.config.dead_max, self.config.dead_bytes_max, forget)
    }

    /// Whether `peer` has this job now.
    pub(super) fn is_with(&self, id: JobId, peer: PeerId) -> bool {
        self.jobs
            .get(&id)
            .is_some_and(|job| matches!(job.state, State::Active { worker, .. } if worker == peer))
    }
}

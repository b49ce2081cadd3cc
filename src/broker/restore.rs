//! What a store kept, on its way back into the broker; and what it could not keep.

use super::Broker;
use super::dead_letters::DeadLetter;
use super::event::Action;
use super::finish::Answer;
use super::job::{Client, Job, State};
use super::reason::Reason;
use super::record::{Record, Restored, ServiceState, StoredDeadLetter, StoredJob};
use super::services::{Frames, ServiceKey};
use super::submit::COPY_MAX;
use crate::job::{JobId, ServiceName, Timestamp};
use crate::message::Mode;

impl Broker {
    /// Takes back what a store kept, before the first event: a job goes to the end of its queue. `false` if there is a job
    /// or dead letter of that id already, which stays.
    ///
    /// No limit of the queue applies: the job was promised. Dead letters have theirs, and `actions` says which are
    /// forgotten by it.
    pub fn restore(&mut self, kept: Restored, actions: &mut Vec<Action>) -> bool {
        match kept {
            Restored::Service(state) => self.restore_service(&state),
            Restored::Job(job) if self.knows(job.job) => return false,
            Restored::Job(job) => self.restore_job(job),
            Restored::Dead(letter) if self.knows(letter.job.job) => return false,
            Restored::Dead(letter) => self.restore_dead_letter(letter, actions),
        }
        true
    }

    /// Whether there is a job or a dead letter of this id.
    pub fn knows(&self, id: JobId) -> bool {
        self.jobs.contains_key(&id) || self.dead_letters.contains(id)
    }

    /// Jobs in the background, queued and active. Counted anew: for the end.
    pub fn background(&self) -> (usize, usize) {
        let background = self.jobs.values().filter(|job| job.mode == Mode::Background);
        let queued = background.clone().filter(|job| matches!(job.state, State::Queued(_))).count();
        (queued, background.count() - queued)
    }

    /// The service, which is known from now on as if a worker had offered it.
    fn restored_key(&mut self, service: &ServiceName) -> ServiceKey {
        let names = &self.accounts.names;
        let entered = self.services.enter(service, |bytes| Ok(names.charge_promised(bytes)));
        let key = entered.expect("it is not asked for");
        self.services.mark_offered(key);
        key
    }

    fn restore_service(&mut self, state: &ServiceState) {
        let key = self.restored_key(&state.service);
        let service = &mut self.services[key];
        (service.paused, service.draining) = (state.paused, state.draining);
    }

    fn restore_job(&mut self, job: StoredJob) {
        let service = self.restored_key(&job.service);
        let place = self.positions.at_the_end();
        self.services[service].queue(Frames::of(&job.body)).push_back(place, job.job);
        self.queued += 1;
        self.counters.jobs_accepted += 1;
        let mut restored = Job {
            service,
            // What a store read may be a part of a page, and history shares what a job has.
            body: job.body.detached(COPY_MAX),
            client: Client::Restored(job.client),
            mode: Mode::Background,
            requested_at: job.requested_at,
            state: State::Queued(place),
            attempts: job.attempts,
            former: None,
            held_until: None,
            charge: self.accounts.jobs.empty(),
        };
        restored.charge.set(restored.held());
        self.bytes += restored.weight();
        self.services[service].take_in(&restored);
        self.jobs.insert(job.job, Box::new(restored));
    }

    fn restore_dead_letter(&mut self, letter: StoredDeadLetter, actions: &mut Vec<Action>) {
        let StoredDeadLetter { job, waited, worker, started_at, failed_at, reason } = letter;
        let kept = DeadLetter {
            service: self.restored_key(&job.service),
            body: job.body,
            client: job.client,
            waited,
            requested_at: job.requested_at,
            attempts: job.attempts,
            worker,
            started_at,
            failed_at,
            reason: Reason::Recorded(reason.into()),
            charge: self.accounts.dead_letters.empty(),
        };
        if !self.bury(job.job, kept, actions) {
            actions.push(Action::Record(Record::Finished(job.job)));
        }
    }

    /// Its client is told that it was not taken. A worker that has it already goes on with it: nobody can take it back.
    pub(super) fn not_kept(&mut self, now: Timestamp, id: JobId, actions: &mut Vec<Action>) {
        self.counters.refused_store_failing += 1;
        let waits = |job: &Job| matches!(job.state, State::Queued(_)) && job.mode == Mode::Background;
        if self.jobs.get(&id).is_some_and(|job| waits(job)) {
            self.end(now, id, Answer::failed(Reason::NotKept), actions);
        }
    }
}

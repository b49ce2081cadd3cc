//! What workers say: ready, alive, a part, done, gone.

use bytes::Bytes;

use super::event::Action;
use super::finish::Answer;
use super::job::{Owner, State, is_own};
use super::log_event::{Ignored, LogEvent, RequeueReason, Unoffered};
use super::services::ServiceKey;
use super::timers::Timer;
use super::worker::{self, Worker};
use super::{Broker, weights};
use crate::job::{Body, JobId, PeerId, ServiceName, Timestamp};
use crate::memory::{Charge, MemoryFull};
use crate::message::{Address, ClientReply, JobRef, Mode, WorkerCommand, WorkerOrder};

/// An answer that did not come over the connection that has the job.
pub(super) struct Elsewhere {
    pub(super) job: JobId,
    pub(super) service: Bytes,
    pub(super) answer: Answer,
}

/// Whose answer it is.
enum Claim {
    /// The worker has the job.
    Owner,
    /// It had it, and the job is still open.
    Former,
    /// Neither.
    None(Ignored),
}

impl Broker {
    pub(super) fn worker(
        &mut self,
        now: Timestamp,
        from: Address,
        command: WorkerCommand,
        actions: &mut Vec<Action>,
    ) {
        if let Some(worker) = self.workers.get_mut(&from.peer) {
            worker.last_seen = now;
        }
        match command {
            WorkerCommand::Ready { service } => self.ready(now, from, &service, actions),
            WorkerCommand::Heartbeat => self.send_away_if_unknown(from, actions),
            WorkerCommand::Partial { job, body, .. } => self.partial(&from, &job, body, actions),
            WorkerCommand::Finish { job, service, outcome, body } => {
                let answer = Answer::of_worker(outcome, body);
                self.finish(now, from, (&job, service.as_ref()), answer, actions);
            }
            WorkerCommand::Disconnect => self.worker_left(now, from.peer, actions),
        }
    }

    // --- ready

    /// A worker that has said READY already offers one service more, or says it again: it has lost nothing
    /// (original.md quirk 15). But what it was busy with and is not its own any more is settled by that.
    fn ready(&mut self, now: Timestamp, from: Address, service: &ServiceName, actions: &mut Vec<Action>) {
        let peer = from.peer;
        self.change_form(&from);
        let known = self.services.key(service);
        let offers = |worker: &Worker| known.is_some_and(|key| worker.services.contains(&key));
        let worker = self.workers.get(&peer);
        let (is_new, rests) = (worker.is_none(), worker.is_some_and(|worker| worker.resting.is_some()));
        if !worker.is_some_and(offers) && !self.offer(now, from, service, actions) {
            return self.mark_idle(now, peer, actions);
        }
        if rests {
            // It has no job that could be settled, and its place among those who rest.
            if let Some(key) = self.services.key(service) {
                self.assign(now, key, actions);
            }
            return self.set_timer(peer);
        }
        let own: Vec<JobId> = match self.workers.get(&peer) {
            Some(worker) => worker.jobs.iter().copied().filter(|&id| self.is_with(id, peer)).collect(),
            None => return,
        };
        if let Some(worker) = self.workers.get_mut(&peer) {
            worker.jobs = own;
        }
        self.mark_idle(now, peer, actions);
        if is_new {
            self.greet(now, peer, actions);
        }
    }

    /// A READY in another dialect changes the form of what follows, and perhaps what the worker takes.
    fn change_form(&mut self, from: &Address) {
        let Some(worker) = self.workers.get(&from.peer).filter(|worker| worker.address != *from) else {
            return;
        };
        let took_many = usize::from(worker.takes_many());
        self.mark_busy(from.peer);
        let Some(worker) = self.workers.get_mut(&from.peer) else { return };
        worker.address = from.clone();
        let takes_many = usize::from(worker.takes_many());
        for &key in &worker.services {
            let service = &mut self.services[key];
            service.workers_many = service.workers_many + takes_many - took_many;
        }
    }

    /// Tells a new worker that it was heard, unless its first job does: PHP workers count silences.
    fn greet(&mut self, now: Timestamp, peer: PeerId, actions: &mut Vec<Action>) {
        let Some(worker) = self.workers.get_mut(&peer).filter(|worker| worker.jobs.is_empty()) else {
            return;
        };
        worker.last_sent = now;
        actions.push(Action::Order { to: worker.address.clone(), order: WorkerOrder::Heartbeat });
    }

    /// Adds a service to what a worker offers. `false`: there are too many.
    fn offer(
        &mut self,
        now: Timestamp,
        from: Address,
        service: &ServiceName,
        actions: &mut Vec<Action>,
    ) -> bool {
        let peer = from.peer;
        let (key, charge) = match self.may_offer(&from, service) {
            Ok(admitted) => admitted,
            Err(cause) => {
                self.counters.services_refused += 1;
                actions.push(Action::Log(LogEvent::ServiceRefused { peer, service: service.cut(), cause }));
                if !self.workers.contains_key(&peer) {
                    actions.push(Action::Order { to: from, order: WorkerOrder::Disconnect });
                }
                return false;
            }
        };
        let is_retired = self.retired.contains(&peer);
        let (counters, empty) = (&mut self.counters, self.accounts.names.empty());
        let worker = self.workers.entry(peer).or_insert_with(|| {
            counters.workers_joined += 1;
            Worker::new(now, from.clone(), is_retired, empty)
        });
        let (takes_many, resting) = (worker.takes_many(), worker.resting);
        worker.services.push(key);
        worker.charge = charge;
        self.services.mark_offered(key);
        let service = &mut self.services[key];
        service.workers += 1;
        service.workers_many += usize::from(takes_many);
        if let Some(rest) = resting {
            service.rests(rest, peer, takes_many);
        }
        actions.push(Action::Log(LogEvent::WorkerJoined { peer, service: service.name.clone() }));
        true
    }

    /// The service, and the weight of a worker that offers one more, if it may.
    fn may_offer(
        &mut self,
        from: &Address,
        service: &ServiceName,
    ) -> Result<(ServiceKey, Charge), Unoffered> {
        if service.is_too_long() {
            return Err(Unoffered::NameTooLong);
        }
        // RFC 8: the names in `mmi.` are the broker's own.
        if service.as_bytes().starts_with(b"mmi.") {
            return Err(Unoffered::Reserved);
        }
        let known = self.services.key(service).is_some_and(|key| self.services[key].offered);
        let offered = self.workers.get(&from.peer).map_or(0, |worker| worker.services.len());
        if offered >= worker::SERVICES_MAX || (!known && self.services.offered() >= self.config.services_max)
        {
            return Err(Unoffered::TooMany);
        }
        let names = &self.accounts.names;
        let full = |_: MemoryFull| Unoffered::MemoryFull;
        let charge = names.charge(weights::worker(&from.identity, offered + 1)).map_err(full)?;
        let key = self.services.enter(service, |bytes| names.charge(bytes)).map_err(full)?;
        Ok((key, charge))
    }

    fn send_away_if_unknown(&mut self, from: Address, actions: &mut Vec<Action>) {
        if self.workers.contains_key(&from.peer) {
            return;
        }
        self.counters.workers_unknown += 1;
        actions.push(Action::Log(LogEvent::WorkerUnknown { peer: from.peer }));
        // RFC 18: what comes unexpectedly is answered with DISCONNECT, so that the worker says READY anew.
        // zmws has no such word: its workers notice the silence.
        actions.push(Action::Order { to: from, order: WorkerOrder::Disconnect });
    }

    // --- answers

    /// Parts for clients that wait; nobody hears those of a background job.
    fn partial(&mut self, from: &Address, job: &JobRef, body: Body, actions: &mut Vec<Action>) {
        let Some(id) = self.named(from.peer, job) else {
            return self.ignore(from.peer, None, Ignored::Unknown, actions);
        };
        match self.claim(from, id, None) {
            Claim::Owner | Claim::Former => {}
            Claim::None(cause) => return self.ignore(from.peer, Some(id), cause, actions),
        }
        let Some(job) = self.jobs.get(&id).filter(|job| job.mode == Mode::Wait) else { return };
        if let super::job::Client::Known(to) = &job.client {
            let service = self.services[job.service].name.clone();
            let reply = ClientReply::Partial { job: Some(id), service, body };
            actions.push(Action::Reply { to: to.clone(), reply });
        }
    }

    fn finish(
        &mut self,
        now: Timestamp,
        from: Address,
        (job, service): (&JobRef, Option<&ServiceName>),
        answer: Answer,
        actions: &mut Vec<Action>,
    ) {
        let peer = from.peer;
        let id = self.named(peer, job);
        match id.map(|id| (id, self.claim(&from, id, service))) {
            Some((id, Claim::Owner)) => {
                self.count_done(peer);
                self.end(now, id, answer, actions);
            }
            Some((id, Claim::Former)) => {
                self.counters.answers_late += 1;
                self.count_done(peer);
                actions.push(Action::Log(LogEvent::LateAnswer { job: id, peer }));
                self.end(now, id, answer, actions);
            }
            Some((id, Claim::None(cause))) => self.ignore(peer, Some(id), cause, actions),
            None => self.ignore(peer, None, Ignored::Unknown, actions),
        }
        if !self.workers.contains_key(&peer) {
            return self.send_away_if_unknown(from, actions);
        }
        if let Some(id) = id {
            self.settle(now, peer, id, actions);
        }
    }

    fn count_done(&mut self, peer: PeerId) {
        if let Some(worker) = self.workers.get_mut(&peer) {
            worker.done += 1;
        }
    }

    /// A worker has answered a job, its own or not any more: it has room again.
    fn settle(&mut self, now: Timestamp, peer: PeerId, id: JobId, actions: &mut Vec<Action>) {
        let Some(worker) = self.workers.get_mut(&peer) else { return };
        let Some(at) = worker.jobs.iter().position(|&job| job == id) else { return };
        worker.jobs.swap_remove(at);
        worker.job_due = None;
        self.mark_idle(now, peer, actions);
    }

    /// An answer at the clients' port (original.md quirk 1): zmws 2's original opens a connection there beside that
    /// to the workers' port, without an identity, and answers over it after a fail-over. Nothing in the answer says
    /// whose it is, and ids stand in SERVER-ACTIVE for everybody. So it counts only if all is as with that worker:
    ///
    /// - the job is with a worker of a dialect that answers so, and the answer names the job's service;
    /// - it comes without an identity and without a delimiter, as from a DEALER;
    /// - its connection has answered for no other worker, and no other connection for this worker.
    ///
    /// What the network knows the server has seen to before: it lets an answer through only over a connection that
    /// came from the worker's own address together with the worker, and that never asked for anything.
    pub(super) fn answer_at_clients_port(
        &mut self,
        now: Timestamp,
        from: &Address,
        Elsewhere { job: id, service, answer }: Elsewhere,
        actions: &mut Vec<Action>,
    ) {
        let Some(job) = self.jobs.get(&id) else {
            return self.ignore(from.peer, Some(id), Ignored::Unknown, actions);
        };
        let owner = match job.state {
            State::Active { worker, .. } if service == *self.services[job.service].name.as_bytes() => worker,
            State::Active { .. } | State::Queued(_) => {
                return self.ignore(from.peer, Some(id), Ignored::NotOwner, actions);
            }
        };
        if is_own(&from.identity) || from.origin.delimiter || !self.may_be_of(owner, from.peer) {
            return self.ignore(from.peer, Some(id), Ignored::NotOwner, actions);
        }
        self.answers_over.insert(from.peer, owner);
        self.end(now, id, answer, actions);
        if let Some(worker) = self.workers.get_mut(&owner) {
            worker.answers_over = Some(from.peer);
            worker.done += 1;
            worker.last_seen = now;
        }
        self.settle(now, owner, id, actions);
    }

    /// Whether a connection to the clients' port may be of a worker: neither is another's.
    fn may_be_of(&self, worker: PeerId, connection: PeerId) -> bool {
        let Some(owner) = self.workers.get(&worker) else { return false };
        owner.address.origin.dialect.answers_at_clients_port()
            && owner.answers_over.is_none_or(|other| other == connection)
            && self.answers_over.get(&connection).is_none_or(|&other| other == worker)
    }

    /// Who has a job, and since when it is there: what an answer at the clients' port is compared with.
    pub fn worker_of(&self, job: JobId) -> Option<(PeerId, Timestamp)> {
        match self.jobs.get(&job)?.state {
            State::Active { worker, .. } => Some((worker, self.workers.get(&worker)?.joined_at)),
            State::Queued(_) => None,
        }
    }

    /// An answer at the clients' port that cannot be of the job's worker.
    pub(super) fn answer_of_a_stranger(&mut self, peer: PeerId, job: JobId, actions: &mut Vec<Action>) {
        let cause = if self.jobs.contains_key(&job) { Ignored::NotOwner } else { Ignored::Unknown };
        self.ignore(peer, Some(job), cause, actions);
    }

    /// The job that a worker means. By a Majordomo address it can only mean the one it has.
    fn named(&self, peer: PeerId, job: &JobRef) -> Option<JobId> {
        match job {
            JobRef::Named(id) => Some(*id),
            JobRef::Address(_) => self.workers.get(&peer)?.jobs.first().copied(),
        }
    }

    /// A worker may have a job since an earlier process, under a connection that nobody knows any more: then the job's id
    /// speaks for it, and the service, where the worker names one.
    fn claim(&self, from: &Address, id: JobId, service: Option<&ServiceName>) -> Claim {
        let peer = from.peer;
        let has_it = self.workers.get(&peer).is_some_and(|worker| worker.jobs.contains(&id));
        let Some(job) = self.jobs.get(&id) else {
            return Claim::None(if has_it { Ignored::Answered } else { Ignored::Unknown });
        };
        if self.is_with(id, peer) {
            return Claim::Owner;
        }
        let anonymous =
            !is_own(&from.identity) && self.offers(peer, job.service) && job.was_with_an_anonymous_worker();
        let before = job.is_restored() && service.is_none_or(|name| *name == self.services[job.service].name);
        match job.was_with(peer, &from.identity) || anonymous || before {
            true => Claim::Former,
            false => Claim::None(Ignored::NotOwner),
        }
    }

    fn offers(&self, peer: PeerId, service: ServiceKey) -> bool {
        self.workers.get(&peer).is_some_and(|worker| worker.services.contains(&service))
    }

    fn ignore(&mut self, peer: PeerId, job: Option<JobId>, cause: Ignored, actions: &mut Vec<Action>) {
        let counters = &mut self.counters;
        *match cause {
            Ignored::Unknown => &mut counters.answers_unknown,
            Ignored::NotOwner => &mut counters.answers_not_owner,
            Ignored::Answered => &mut counters.answers_superseded,
        } += 1;
        actions.push(Action::Log(LogEvent::AnswerIgnored { peer, job, cause }));
    }

    // --- gone

    /// A worker's connection closed, or it said that it goes: its jobs go to others at once.
    pub(super) fn worker_left(&mut self, now: Timestamp, peer: PeerId, actions: &mut Vec<Action>) {
        let Some(own) = self.remove_worker(peer) else { return };
        self.counters.workers_left += 1;
        let service = |id| self.jobs.get(&id).map(|job| (id, self.services[job.service].name.clone()));
        let job = own.jobs.first().copied().and_then(service);
        actions.push(Action::Log(LogEvent::WorkerLeft { peer, identity: own.identity.clone(), job }));
        for id in own.jobs {
            let owner = Owner { peer, identity: own.identity.clone() };
            self.worker_lost(now, id, owner, RequeueReason::Left, actions);
        }
    }

    /// Forgets a worker; what it had.
    pub(super) fn remove_worker(&mut self, peer: PeerId) -> Option<RemovedWorker> {
        self.mark_busy(peer);
        let worker = self.workers.get(&peer)?;
        let jobs = worker.jobs.iter().copied().filter(|&id| self.is_with(id, peer)).collect();
        let worker = self.workers.remove(&peer)?;
        if let Some(due) = worker.timer {
            self.timers.cancel(due, Timer::Worker(peer));
        }
        if let Some(connection) = worker.answers_over {
            self.answers_over.remove(&connection);
        }
        for &key in &worker.services {
            let service = &mut self.services[key];
            service.workers -= 1;
            service.workers_many -= usize::from(worker.takes_many());
        }
        Some(RemovedWorker { identity: worker.address.identity, jobs })
    }
}

/// What a worker that is gone leaves behind.
pub(super) struct RemovedWorker {
    pub(super) identity: bytes::Bytes,
    /// Jobs that were its own.
    pub(super) jobs: Vec<JobId>,
}

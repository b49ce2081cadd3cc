//! What clients want: jobs done, lists, and Majordomo's small questions.

use bytes::Bytes;

use super::event::{Action, Stage};
use super::finish::Answer;
use super::job::{Client, Job, State, envelope_len};
use super::log_event::{LogEvent, Refusal};
use super::record::{Record, StoreState};
use super::services::{Frames, ServiceKey};
use super::timers::Timer;
use super::workers::Elsewhere;
use super::{Broker, micros, weights};
use crate::job::{Body, JobId, ServiceName, Timestamp};
use crate::memory::{Charge, MemoryFull};
use crate::message::{Address, ClientCommand, ClientReply, IfUnknown, Mode};

/// Frames of up to this size are copied out of the read buffer they came in: a job that waits shall not
/// keep a whole buffer alive, which nobody counts. Larger ones have a buffer of their own.
pub(super) const COPY_MAX: usize = 128 << 10;

/// A job as a client asked for it.
struct Request {
    service: ServiceName,
    body: Body,
    mode: Mode,
    if_unknown: IfUnknown,
}

impl Broker {
    pub(super) fn client(
        &mut self,
        now: Timestamp,
        from: Address,
        command: ClientCommand,
        actions: &mut Vec<Action>,
    ) {
        match command {
            ClientCommand::Submit { service, body, mode, if_unknown } => {
                self.submit(now, from, Request { service, body, mode, if_unknown }, actions);
            }
            ClientCommand::Inspect { view, echo } => actions.push(Action::Inspect { to: from, view, echo }),
            ClientCommand::Manage { name, query } => {
                let code = self.manage(&name, query);
                actions.push(Action::Reply { to: from, reply: ClientReply::Managed { name, code } });
            }
            ClientCommand::Finish { job, service, outcome, body } => {
                let answer = Elsewhere { job, service, answer: Answer::of_worker(outcome, body) };
                self.answer_at_clients_port(now, &from, answer, actions);
            }
        }
    }

    fn submit(&mut self, now: Timestamp, from: Address, request: Request, actions: &mut Vec<Action>) {
        let kind = Frames::of(&request.body);
        let weight = request.body.len() + envelope_len(&from);
        let (service, charge) = match self.admit(&request, &from, weight) {
            Ok(admitted) => admitted,
            Err(cause) => return self.refuse(from, &request.service, cause, actions),
        };
        let id = self.new_id();
        let job = Job {
            service,
            body: request.body.detached(COPY_MAX),
            client: Client::Known(detached(from)),
            mode: request.mode,
            requested_at: now,
            state: State::Queued(self.positions.at_the_end()),
            attempts: 0,
            former: None,
            held_until: None,
            charge,
        };
        if let (Mode::Background, Client::Known(to)) = (job.mode, &job.client) {
            let name = &self.services[service].name;
            actions.push(Action::Record(Record::Accepted(job.stored(id, name))));
            let reply = ClientReply::Accepted { job: id, service: name.clone() };
            actions.push(Action::Reply { to: to.clone(), reply });
        }
        self.counters.jobs_accepted += 1;
        self.enqueue(now, id, job, kind, actions);
    }

    /// Puts a new job at the end of its queue, unless a worker rests that takes it.
    pub(super) fn enqueue(
        &mut self,
        now: Timestamp,
        id: JobId,
        job: Job,
        kind: Frames,
        actions: &mut Vec<Action>,
    ) {
        let key = job.service;
        self.bytes += job.weight();
        self.queued += 1;
        self.services[key].take_in(&job);
        let State::Queued(place) = job.state else { unreachable!("a new job is queued") };
        self.jobs.insert(id, Box::new(job));
        self.services[key].queue(kind).push_back(place, id);
        self.announce(now, id, key, Stage::Accepted, actions);
        self.hold(now, id);
        self.assign(now, key, actions);
    }

    /// Bounds the time that a queued job waits for a worker of a kind that is not there.
    pub(super) fn hold(&mut self, now: Timestamp, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let service = &self.services[job.service];
        let in_vain =
            !service.offered || (Frames::of(&job.body) == Frames::Multi && service.workers_many == 0);
        if let (true, State::Queued(_)) = (in_vain, job.state) {
            let due = now.plus_micros(micros(self.config.hold_ms));
            job.held_until = Some(due);
            self.timers.set(due, Timer::Held(id));
        }
    }

    /// The service, and the job's weight in the books, if the job may be taken.
    fn admit(
        &mut self,
        request: &Request,
        from: &Address,
        weight: usize,
    ) -> Result<(ServiceKey, Charge), Refusal> {
        let kind = Frames::of(&request.body);
        if request.service.is_too_long() {
            return Err(Refusal::NameTooLong);
        }
        if self.stopping || self.closed {
            return Err(Refusal::Draining);
        }
        self.may_promise(request.mode)?;
        let known = self.services.key(&request.service);
        let offered = known.is_some_and(|key| self.services[key].offered);
        if !offered && request.if_unknown == IfUnknown::Refuse {
            return Err(Refusal::Unknown);
        }
        if known.is_none() && self.services.held() >= self.config.services_max {
            return Err(Refusal::ServicesFull);
        }
        if let Some(key) = known {
            let service = &self.services[key];
            if service.draining {
                return Err(Refusal::ServiceDraining);
            }
            if kind == Frames::Multi && service.workers > 0 && service.workers_many == 0 {
                return Err(Refusal::Frames);
            }
            self.has_room(key, weight)?;
        }
        self.has_room_at_all(weight)?;
        let envelope = from.origin.envelope.as_deref().unwrap_or_default();
        let held = weights::job(&request.body, &from.identity, envelope);
        let full = |_: MemoryFull| Refusal::MemoryFull;
        let charge = self.accounts.jobs.charge(held).map_err(full)?;
        let names = &self.accounts.names;
        let key = match known {
            Some(key) => key,
            None => self.services.enter(&request.service, |bytes| names.charge(bytes)).map_err(full)?,
        };
        Ok((key, charge))
    }

    /// A job whose client does not wait is kept, or not taken.
    fn may_promise(&self, mode: Mode) -> Result<(), Refusal> {
        match (mode, self.store) {
            (Mode::Wait, _) | (Mode::Background, StoreState::Writable) => Ok(()),
            (Mode::Background, StoreState::Behind) => Err(Refusal::StoreBehind),
            (Mode::Background, StoreState::Failing) => Err(Refusal::StoreFailing),
        }
    }

    /// What is said of the service is cut: a name may be as long as a frame.
    fn refuse(&mut self, from: Address, service: &ServiceName, cause: Refusal, actions: &mut Vec<Action>) {
        let counters = &mut self.counters;
        *match cause {
            Refusal::Unknown => &mut counters.refused_unknown,
            Refusal::Draining => &mut counters.refused_draining,
            Refusal::ServiceDraining => &mut counters.refused_service_draining,
            Refusal::ServiceFull => &mut counters.refused_service_full,
            Refusal::QueueFull => &mut counters.refused_queue_full,
            Refusal::BytesFull => &mut counters.refused_bytes_full,
            Refusal::ShareFull => &mut counters.refused_share_full,
            Refusal::ServicesFull => &mut counters.refused_services_full,
            Refusal::Frames => &mut counters.refused_frames,
            Refusal::NameTooLong => &mut counters.refused_name_too_long,
            Refusal::MemoryFull => &mut counters.refused_memory_full,
            Refusal::StoreBehind => &mut counters.refused_store_behind,
            Refusal::StoreFailing => &mut counters.refused_store_failing,
        } += 1;
        let service = service.cut();
        let reply = ClientReply::Refused { service: service.as_bytes().clone(), body: cause.body() };
        let peer = from.peer;
        actions.push(Action::Reply { to: from, reply });
        actions.push(Action::Log(LogEvent::Refused { peer, service, cause }));
    }

    /// An id that no job has that we still know.
    fn new_id(&mut self) -> JobId {
        loop {
            let id = JobId::from_bits(self.ids.u32(..));
            if !self.jobs.contains_key(&id)
                && !self.remembered.contains(&id)
                && !self.dead_letters.contains(id)
            {
                return id;
            }
        }
    }

    /// RFC 8: `mmi.service` says whether a worker offers the service now; we know no other question.
    fn manage(&self, name: &ServiceName, query: Bytes) -> Bytes {
        if name.as_bytes() != &b"mmi.service"[..] {
            return Bytes::from_static(b"501");
        }
        let key = ServiceName::new(query).and_then(|service| self.services.key(&service));
        match key.is_some_and(|key| self.services[key].workers > 0) {
            true => Bytes::from_static(b"200"),
            false => Bytes::from_static(b"404"),
        }
    }
}

/// The address in memory of its own. The identity has that already: the connection owns it.
fn detached(mut address: Address) -> Address {
    for frame in address.origin.envelope.iter_mut().flatten() {
        *frame = Bytes::copy_from_slice(frame);
    }
    address
}

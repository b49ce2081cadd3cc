//! What clients want: jobs done, lists, and Majordomo's small questions.

use bytes::Bytes;

use super::ending::Answer;
use super::event::{Action, Record, Restored, Stage};
use super::job::{Client, Job, State, envelope_len};
use super::notes::{Note, Refusal};
use super::offers::{Kind, ServiceKey};
use super::timers::Timer;
use super::{Broker, micros};
use crate::job::{Body, JobId, ServiceName, Timestamp};
use crate::message::{Address, ClientCommand, ClientReply, IfUnknown, Mode};

/// Frames of up to this size are copied out of the read buffer they came in: a job that waits shall not
/// keep a whole buffer alive.
const COPY_MAX: usize = 32 << 10;

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
            ClientCommand::Finish { job, outcome, body } => {
                self.stray_answer(now, from.peer, job, Answer { outcome, body }, actions);
            }
        }
    }

    fn submit(&mut self, now: Timestamp, from: Address, request: Request, actions: &mut Vec<Action>) {
        let kind = Kind::of(&request.body);
        let weight = request.body.len() + envelope_len(&from);
        let service = match self.admit(&request, weight) {
            Ok(service) => service,
            Err(cause) => return self.refuse(from, request.service, cause, actions),
        };
        let id = self.new_id();
        if request.mode == Mode::Background {
            let name = self.services[service].name.clone();
            actions.push(Action::Record(Record::Accepted {
                job: id,
                service: name.clone(),
                body: request.body.clone(),
                client: from.identity.clone(),
                at: now,
            }));
            let reply = ClientReply::Accepted { job: id, service: name };
            actions.push(Action::Reply { to: from.clone(), reply });
        }
        let job = Job {
            service,
            body: request.body.detached(COPY_MAX),
            client: Client::Known(detached(from)),
            mode: request.mode,
            requested_at: now,
            state: State::Queued(self.places.at_the_end()),
            attempts: 0,
            former: None,
        };
        self.counters.jobs_accepted += 1;
        self.enqueue(now, id, job, kind, actions);
    }

    /// Puts a new job at the end of its queue, unless a worker rests that takes it.
    pub(super) fn enqueue(
        &mut self,
        now: Timestamp,
        id: JobId,
        job: Job,
        kind: Kind,
        actions: &mut Vec<Action>,
    ) {
        let key = job.service;
        self.bytes += job.weight();
        self.queued += 1;
        let State::Queued(place) = job.state else { unreachable!("a new job is queued") };
        self.jobs.insert(id, Box::new(job));
        self.services[key].queue(kind).push_back(place, id);
        self.announce(now, id, key, Stage::Accepted, actions);
        self.hold(now, id);
        self.assign(now, key, actions);
    }

    /// Bounds the time that a queued job waits for a worker of a kind that is not there.
    pub(super) fn hold(&mut self, now: Timestamp, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let service = &self.services[job.service];
        let in_vain = !service.offered || (Kind::of(&job.body) == Kind::Many && service.workers_many == 0);
        if let (true, State::Queued(place)) = (in_vain, job.state) {
            self.timers.set(now.plus_micros(micros(self.config.hold_ms)), Timer::Held(id, place));
        }
    }

    /// The service, if the job may be taken.
    fn admit(&mut self, request: &Request, weight: usize) -> Result<ServiceKey, Refusal> {
        let kind = Kind::of(&request.body);
        if self.stopping || self.closed {
            return Err(Refusal::Draining);
        }
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
            if kind == Kind::Many && service.workers > 0 && service.workers_many == 0 {
                return Err(Refusal::Frames);
            }
            self.has_room(key, weight)?;
        }
        self.has_room_at_all(weight)?;
        Ok(self.services.enter(&request.service))
    }

    fn refuse(&mut self, from: Address, service: ServiceName, cause: Refusal, actions: &mut Vec<Action>) {
        let counters = &mut self.counters;
        *match cause {
            Refusal::Unknown => &mut counters.refused_unknown,
            Refusal::Draining => &mut counters.refused_draining,
            Refusal::ServiceDraining => &mut counters.refused_service_draining,
            Refusal::ServiceFull => &mut counters.refused_service_full,
            Refusal::QueueFull => &mut counters.refused_queue_full,
            Refusal::BytesFull => &mut counters.refused_bytes_full,
            Refusal::ServicesFull => &mut counters.refused_services_full,
            Refusal::Frames => &mut counters.refused_frames,
        } += 1;
        let reply = ClientReply::Refused { service: service.as_bytes().clone() };
        actions.push(Action::Reply { to: from, reply });
        actions.push(Action::Note(Note::Refused { service, cause }));
    }

    /// An id that no job has that we still know.
    fn new_id(&mut self) -> JobId {
        loop {
            let id = JobId::from_bits(self.ids.u32(..));
            if !self.jobs.contains_key(&id) && !self.remembered.contains(&id) && !self.kept.contains(id) {
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

    /// Puts a job that a store kept at the end of its queue, before the first event. `false` if
    /// there is a job of that id already, which stays.
    ///
    /// No limit applies: the job was promised. No [`Record`] is made of it: it has one.
    pub fn restore(&mut self, job: Restored) -> bool {
        if self.jobs.contains_key(&job.job) {
            return false;
        }
        let service = self.services.enter(&job.service);
        self.services.mark_offered(service);
        let kind = Kind::of(&job.body);
        let place = self.places.at_the_end();
        self.services[service].queue(kind).push_back(place, job.job);
        self.queued += 1;
        self.counters.jobs_accepted += 1;
        let restored = Job {
            service,
            body: job.body,
            client: Client::Restored(job.client),
            mode: Mode::Background,
            requested_at: job.requested_at,
            state: State::Queued(place),
            attempts: job.attempts,
            former: None,
        };
        self.bytes += restored.weight();
        self.jobs.insert(job.job, Box::new(restored));
        true
    }
}

/// The address in memory of its own. The identity has that already: the connection owns it.
fn detached(mut address: Address) -> Address {
    for frame in address.origin.envelope.iter_mut().flatten() {
        *frame = Bytes::copy_from_slice(frame);
    }
    address
}

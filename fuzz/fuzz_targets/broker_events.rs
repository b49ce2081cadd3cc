//! A sequence of events, a few bytes each, to a broker with few of everything.
//!
//! What must hold: no panic; the broker's invariants after each event; every job that was taken ends
//! once and not before, whoever answers; every client that waits is answered once; and when the
//! workers do their work in the end, nothing is left over.

#![no_main]

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zmws::broker::snapshot::JobFilter;
use zmws::broker::{Action, Broker, Config, Done, Event, Operation, Record};
use zmws::job::{Body, JobId, PeerId, ServiceName, Timestamp};
use zmws::message::{
    Address, ClientCommand, ClientReply, Dialect, IfUnknown, JobRef, Mode, Origin, Outcome, View,
    WorkerCommand, WorkerOrder,
};

fuzz_target!(|data: &[u8]| {
    let mut world = World::new();
    let mut input = Input(data.iter());
    while let Some(code) = input.0.next() {
        world.step(*code, &mut input);
    }
    world.heal();
});

/// Bytes that choose: 0 when there are no more.
struct Input<'a>(std::slice::Iter<'a, u8>);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    fn coin(&mut self) -> bool {
        self.byte() & 1 == 1
    }
}

/// Where a job is, as seen from outside.
#[derive(Debug, PartialEq)]
enum Seen {
    Open,
    Over,
}

struct World {
    broker: Broker,
    now: Timestamp,
    /// Jobs by id. Few end in one run, so none of them is given a second time.
    jobs: HashMap<JobId, Seen>,
    /// Ids in the order they were first seen, for those who answer.
    ids: Vec<JobId>,
    /// Which worker a job was last given to.
    holder: HashMap<JobId, Address>,
    waits: usize,
    answers: usize,
    draining: bool,
    /// The job that an operator wants to be tried again, at this moment.
    retrying: Option<JobId>,
    retired: HashSet<PeerId>,
}

impl World {
    fn new() -> Self {
        let config = Config {
            heartbeat_ms: 1_000,
            attempts_max: 3,
            job_timeout_ms: HashMap::from([(service(1), 1_500)]),
            hold_ms: 5_000,
            history_max: 1 << 20,
            dead_max: 4,
            dead_bytes_max: 16,
            queued_per_service_max: 8,
            queued_max: 12,
            bytes_max: 64,
            services_max: 3,
            ..Config::default()
        };
        Self {
            broker: Broker::new(config),
            now: Timestamp(1_800_000_000_000_000),
            jobs: HashMap::new(),
            ids: Vec::new(),
            holder: HashMap::new(),
            waits: 0,
            answers: 0,
            draining: false,
            retrying: None,
            retired: HashSet::new(),
        }
    }

    fn step(&mut self, code: u8, input: &mut Input<'_>) {
        match code % 16 {
            0..4 => self.submit(input),
            4..6 => {
                let service = service(input.below(5));
                self.worker(input, WorkerCommand::Ready { service });
            }
            6 => self.worker(input, WorkerCommand::Heartbeat),
            7..9 => {
                let command = self.finish(input);
                self.worker(input, command);
            }
            9 => {
                let (job, body) = (self.job_ref(input), body(input));
                self.worker(input, WorkerCommand::Partial { job, service: None, body });
            }
            10 => self.worker(input, WorkerCommand::Disconnect),
            11 => {
                let peer = worker(input).peer;
                self.event(Event::WorkerLeft(peer));
            }
            12 => self.pass(u64::from(input.byte()) * 40),
            13 => self.client_asks(input),
            14 => self.honest_answer(input),
            // Rarely: nothing begins after it.
            _ if code == 0xFF && input.byte() == 0xFF => {
                self.draining = true;
                self.event(Event::Drain);
            }
            _ if code & 0x10 != 0 => self.operate(input),
            // A timer may also ring too early.
            _ => self.event(Event::Tick),
        }
    }

    fn operate(&mut self, input: &mut Input<'_>) {
        let choice = input.below(9);
        let operation = match choice {
            0 => Operation::Pause(service(input.below(5))),
            1 => Operation::Resume(service(input.below(5))),
            2 => Operation::Drain(service(input.below(5))),
            3 => Operation::DrainAll,
            4 => Operation::ResumeAll,
            5 => Operation::Retire(PeerId(u64::from(input.below(WORKERS)))),
            _ => {
                let JobRef::Named(job) = self.job_ref(input) else { return };
                if choice < 8 { Operation::Retry(job) } else { Operation::Delete(job) }
            }
        };
        self.retrying = match operation {
            Operation::Retry(job) => Some(job),
            _ => None,
        };
        self.event(Event::Operate(operation));
        self.retrying = None;
        self.look_around();
    }

    /// What operators see is there to be seen.
    fn look_around(&mut self) {
        let overview = self.broker.overview(self.now, 2, &HashSet::new());
        assert!(overview.services.len() <= 2, "more services are told apart than were wanted");
        let rows = overview.services.iter().chain(&overview.rest);
        let (queued, active) =
            rows.fold((0, 0), |(queued, active), row| (queued + row.queued, active + row.active));
        let totals = self.broker.totals();
        assert_eq!((queued, active), (totals.queued, totals.active), "by service and in all");
        let filter = JobFilter { service: None, state: None, limit: 100 };
        assert_eq!(self.broker.jobs(&filter).len(), queued + active, "jobs that are listed");
        assert_eq!(self.broker.workers(None).len(), totals.workers, "workers that are listed");
    }

    fn submit(&mut self, input: &mut Input<'_>) {
        let service = service(input.below(5));
        let mode = if input.coin() { Mode::Wait } else { Mode::Background };
        let if_unknown = if input.coin() { IfUnknown::Hold } else { IfUnknown::Refuse };
        let command = ClientCommand::Submit { service, body: body(input), mode, if_unknown };
        self.waits += usize::from(mode == Mode::Wait);
        let refused = self.client(client(input), command);
        self.answers += usize::from(refused && mode == Mode::Wait);
        assert!(self.answers <= self.waits, "a client is answered twice");
    }

    fn client_asks(&mut self, input: &mut Input<'_>) {
        let from = client(input);
        let view = [View::Jobs, View::Active, View::History, View::Workers][usize::from(input.below(4))];
        let command = match input.below(3) {
            0 => ClientCommand::Inspect { view, echo: Vec::new() },
            1 => ClientCommand::Manage { name: service(9), query: Bytes::new() },
            _ => {
                let JobRef::Named(job) = self.job_ref(input) else { return };
                let service = service(0).as_bytes().clone();
                ClientCommand::Finish { job, service, outcome: Outcome::Complete, body: Body::EMPTY }
            }
        };
        self.client(from, command);
        let _ = self.broker.snapshot(view);
    }

    /// Whether the broker refused.
    fn client(&mut self, from: Address, command: ClientCommand) -> bool {
        let before = self.broker.counters().refused();
        self.event(Event::Client { from, command });
        self.broker.counters().refused() > before
    }

    fn worker(&mut self, input: &mut Input<'_>, command: WorkerCommand) {
        self.event(Event::Worker { from: worker(input), command });
    }

    fn finish(&mut self, input: &mut Input<'_>) -> WorkerCommand {
        let outcome = if input.coin() { Outcome::Complete } else { Outcome::Fail };
        WorkerCommand::Finish { job: self.job_ref(input), service: None, outcome, body: body(input) }
    }

    /// A job that was once there, or none at all.
    fn job_ref(&self, input: &mut Input<'_>) -> JobRef {
        let at = usize::from(input.byte());
        match self.ids.len() {
            0 => JobRef::Address(Bytes::from_static(b"somebody")),
            _ if at == 0xEF => JobRef::Address(Bytes::from_static(b"somebody")),
            _ if at >= 0xF0 => JobRef::Named(JobId::from_bits(at as u32)),
            len => JobRef::Named(self.ids[len - 1 - at % len]),
        }
    }

    /// The worker that has a job answers it: chance alone seldom finds the two.
    fn honest_answer(&mut self, input: &mut Input<'_>) {
        let JobRef::Named(job) = self.job_ref(input) else { return };
        if let Some(from) = self.holder.get(&job).cloned() {
            self.answer(from, job);
        }
    }

    fn answer(&mut self, from: Address, job: JobId) {
        let (job, outcome) = (JobRef::Named(job), Outcome::Complete);
        self.event(Event::Worker {
            from,
            command: WorkerCommand::Finish { job, service: None, outcome, body: Body::EMPTY },
        });
    }

    /// Time passes, with timers in time.
    fn pass(&mut self, ms: u64) {
        let end = self.now.plus_micros(ms * 1_000);
        while let Some(due) = self.broker.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.event(Event::Tick);
            assert!(self.broker.deadline().is_none_or(|next| next > self.now), "a timer rings without end");
        }
        self.now = end;
    }

    fn event(&mut self, event: Event) {
        if let Event::WorkerLeft(peer) = &event {
            self.retired.remove(peer);
        }
        let mut actions = Vec::new();
        self.broker.handle(self.now, event, &mut actions);
        self.broker.check();
        let mut accepted = None;
        for action in actions {
            self.see(action, &mut accepted);
        }
        let open = self.jobs.values().filter(|seen| **seen == Seen::Open).count();
        let totals = self.broker.totals();
        // A job that waits in a queue has not been heard of yet, unless it is a background job.
        assert!(open <= totals.queued + totals.active, "{open} jobs are open, the broker has {totals:?}");
    }

    fn see(&mut self, action: Action, accepted: &mut Option<JobId>) {
        match action {
            Action::Record(Record::Accepted(kept) | Record::Retried(kept)) => {
                let job = kept.job;
                // One that was given up may be tried again, if an operator wants that.
                if self.retrying == Some(job) {
                    self.jobs.remove(&job);
                }
                assert!(self.open(job), "{job} is taken twice");
                *accepted = Some(job);
            }
            Action::Reply { reply: ClientReply::Accepted { job, .. }, .. } => {
                assert_eq!(accepted.take(), Some(job), "accepted before it is on record");
            }
            Action::Order { to, order: WorkerOrder::Run { job: JobRef::Named(job), .. } } => {
                self.open(job);
                assert!(!self.retired.contains(&to.peer), "{job} is given to a retired worker");
                assert_eq!(self.jobs[&job], Seen::Open, "{job} is over and given to a worker");
                self.holder.insert(job, to);
            }
            Action::Publish(end) => {
                assert_ne!(self.jobs.insert(end.job, Seen::Over), Some(Seen::Over), "{} ends twice", end.job);
            }
            Action::Reply { reply: ClientReply::Finished { .. }, .. } => self.answers += 1,
            Action::Reply { .. } | Action::Order { .. } | Action::Record(_) => {}
            Action::Operated(Ok(Done::Retired { peer, .. })) => {
                self.retired.insert(peer);
            }
            Action::Operated(_) | Action::Inspect { .. } | Action::Log(_) => {}
            Action::Announce(_) => panic!("nobody listens"),
        }
    }

    /// Whether the job was not known.
    fn open(&mut self, job: JobId) -> bool {
        let is_new = !self.jobs.contains_key(&job);
        if is_new {
            self.jobs.insert(job, Seen::Open);
            self.ids.push(job);
        }
        is_new
    }

    /// All goes on; all connections close; a worker that takes everything does what is left.
    fn heal(&mut self) {
        self.event(Event::Operate(Operation::ResumeAll));
        for number in 0..5 {
            self.event(Event::Operate(Operation::Resume(service(number))));
        }
        for number in 0..WORKERS {
            self.event(Event::WorkerLeft(PeerId(u64::from(number))));
        }
        let from = address(PeerId(1_000), Bytes::from_static(b"healer"), Dialect::Mdp02);
        for number in 0..5 {
            let command = WorkerCommand::Ready { service: service(number) };
            self.event(Event::Worker { from: from.clone(), command });
            while let Some(job) = self.given_to(&from) {
                self.answer(from.clone(), job);
            }
        }
        self.pass(10_000);
        let totals = self.broker.totals();
        assert_eq!(totals.active, 0, "a job is left with nobody");
        assert!(self.draining || (totals.queued, totals.bytes) == (0, 0), "left in a queue: {totals:?}");
        assert_eq!(self.waits, self.answers, "clients that wait, and answers");
    }

    fn given_to(&self, worker: &Address) -> Option<JobId> {
        let open = self.jobs.iter().filter(|(_, seen)| **seen == Seen::Open).map(|(job, _)| *job);
        open.into_iter().find(|job| self.holder.get(job) == Some(worker))
    }
}

const WORKERS: u8 = 6;

/// Workers of all dialects; two have no identity of their own, and two share one.
fn worker(input: &mut Input<'_>) -> Address {
    let choice = input.byte();
    let number = choice % WORKERS;
    let identity = match number {
        0 | 1 => Bytes::copy_from_slice(&[0, 1, 2, 3, number]),
        2 | 3 => Bytes::from_static(b"twin"),
        _ => Bytes::copy_from_slice(&[b'w', number]),
    };
    let dialects = [Dialect::Zmws1, Dialect::Zmws2, Dialect::Mdp01, Dialect::Mdp02];
    // Nearly always the same for a worker.
    let dialect = dialects[usize::from(number + u8::from(choice >= 0xF0)) % 4];
    address(PeerId(u64::from(number)), identity, dialect)
}

fn client(input: &mut Input<'_>) -> Address {
    let number = input.below(3);
    let mut address =
        address(PeerId(100 + u64::from(number)), Bytes::copy_from_slice(&[b'c', number]), Dialect::Zmws2);
    address.origin.envelope = (number == 2).then(|| vec![Bytes::from_static(b"via")].into());
    address
}

fn address(peer: PeerId, identity: Bytes, dialect: Dialect) -> Address {
    Address { peer, identity, origin: Origin::plain(dialect) }
}

fn service(number: u8) -> ServiceName {
    ServiceName::new(vec![b'A' + number]).expect("a name")
}

fn body(input: &mut Input<'_>) -> Body {
    let (frames, len) = (input.below(3), usize::from(input.below(8)));
    Body::from_frames((0..frames).map(|_| Bytes::from(vec![b'x'; len])).collect())
}

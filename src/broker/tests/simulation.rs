//! The broker with a store that commits late, fails and loses what was not committed, over a fake clock: clients of all
//! dialects, workers that die, freeze, come back, answer late, twice or for the wrong job, and a broker that is killed.
//!
//! What holds after each event: the broker's own invariants; a waiting client gets one end; a job that was acknowledged is
//! open, dead or over. And in the end, with workers that work: nothing is open, and nobody waits.
//!
//! A seed is a run. `ZMWS_SIM_SEED` names one to be played alone, `ZMWS_SIM_SEEDS` how many.

use std::collections::{HashSet, VecDeque};

use super::*;
use crate::store::{MemoryStore, Store};

const SEEDS: u64 = 50;
const STEPS: usize = 400;
const SERVICES: [&str; 2] = ["A", "B"];
const DIALECTS: [Dialect; 4] = [Dialect::Zmws1, Dialect::Zmws2, Dialect::Mdp01, Dialect::Mdp02];

#[test]
fn no_promise_is_broken_whatever_happens() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let seeds = match number("ZMWS_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ZMWS_SIM_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| Simulation::new(seed).run());
        assert!(outcome.is_ok(), "replay with `cargo xtask sim --seed {seed}`");
    }
}

/// An acknowledgement that waits for a batch.
struct Held {
    batch: u64,
    job: JobId,
}

struct SimWorker {
    address: Address,
    /// What it has, and what it had.
    jobs: Vec<JobId>,
    former: Vec<JobId>,
    service: &'static str,
}

struct Simulation {
    random: fastrand::Rng,
    now: Timestamp,
    broker: Broker,
    store: MemoryStore,
    /// Batches that are not committed, the first of which has the number `committed + 1`.
    batches: VecDeque<Vec<Record>>,
    committed: u64,
    held: VecDeque<Held>,
    /// What is true and was not written, while the store fails.
    unwritten: Vec<Record>,
    failing: bool,
    workers: Vec<SimWorker>,
    peers: u64,
    /// Clients that wait: each asks once.
    waiting: HashSet<PeerId>,
    acknowledged: HashSet<JobId>,
    over: HashSet<JobId>,
}

fn config(seed: u64) -> Config {
    Config {
        attempts_max: 3,
        job_timeout_default_ms: Some(20_000),
        dead_max: 10_000,
        seed,
        ..Config::default()
    }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            now: START,
            broker: Broker::new(config(seed)),
            store: MemoryStore::default(),
            batches: VecDeque::new(),
            committed: 0,
            held: VecDeque::new(),
            unwritten: Vec::new(),
            failing: false,
            workers: Vec::new(),
            peers: 0,
            waiting: HashSet::new(),
            acknowledged: HashSet::new(),
            over: HashSet::new(),
        }
    }

    fn run(&mut self) {
        for _ in 0..STEPS {
            self.step();
        }
        self.heal();
    }

    fn step(&mut self) {
        match self.random.u32(0..100) {
            0..30 => self.ask(),
            30..38 => self.new_worker(),
            38..60 => self.answer(),
            60..66 => self.answer_oddly(),
            66..72 => self.lose_worker(),
            72..84 => self.commit(),
            84..86 => self.fail(),
            86..90 => self.recover(),
            90..92 => self.kill(),
            92..95 => self.operate(),
            _ => {
                let ms = self.random.u64(1..15_000);
                self.pass(ms);
            }
        }
        self.check();
    }

    // --- what happens

    fn peer(&mut self) -> PeerId {
        self.peers += 1;
        PeerId(self.peers)
    }

    fn address(&mut self, identity: &str, dialect: Dialect) -> Address {
        let identity = Bytes::from(identity.to_owned());
        Address { peer: self.peer(), identity, origin: Origin::plain(dialect) }
    }

    fn ask(&mut self) {
        let dialect = DIALECTS[self.random.usize(0..4)];
        let zmws = matches!(dialect, Dialect::Zmws1 | Dialect::Zmws2);
        let mode = if zmws && self.random.u8(0..3) > 0 { Mode::Background } else { Mode::Wait };
        let if_unknown = if zmws { IfUnknown::Refuse } else { IfUnknown::Hold };
        let from = self.address("client", dialect);
        if mode == Mode::Wait {
            self.waiting.insert(from.peer);
        }
        let service = service(SERVICES[self.random.usize(0..2)]);
        let command = ClientCommand::Submit { service, body: body(&["x"]), mode, if_unknown };
        self.event(Event::Client { from, command });
    }

    /// Half of them have an identity of their own, by which they are known when they come back.
    fn new_worker(&mut self) {
        if self.workers.len() >= 6 {
            return;
        }
        let own = format!("worker {}", self.random.u8(0..4));
        let identity = if self.random.bool() { own.as_str() } else { "\0anon" };
        let dialect = DIALECTS[self.random.usize(0..4)];
        let service = SERVICES[self.random.usize(0..2)];
        let address = self.address(identity, dialect);
        self.workers.push(SimWorker { address, jobs: Vec::new(), former: Vec::new(), service });
        self.ready(self.workers.len() - 1);
    }

    fn ready(&mut self, at: usize) {
        let (from, name) = (self.workers[at].address.clone(), self.workers[at].service);
        let command = WorkerCommand::Ready { service: service(name) };
        self.event(Event::Worker { from, command });
    }

    fn answer(&mut self) {
        let busy: Vec<usize> =
            (0..self.workers.len()).filter(|&at| !self.workers[at].jobs.is_empty()).collect();
        let Some(&at) = self.random.choice(&busy) else { return };
        let job = self.workers[at].jobs.remove(0);
        self.workers[at].former.push(job);
        self.finish(at, job);
    }

    /// Late, twice, or for somebody else's job.
    fn answer_oddly(&mut self) {
        if self.workers.is_empty() {
            return;
        }
        let at = self.random.usize(0..self.workers.len());
        let all: Vec<JobId> = self.workers.iter().flat_map(|worker| worker.former.iter().copied()).collect();
        if let Some(&job) = self.random.choice(&all) {
            self.finish(at, job);
        }
    }

    fn finish(&mut self, at: usize, job: JobId) {
        let from = self.workers[at].address.clone();
        let outcome = if self.random.u8(0..10) == 0 { Outcome::Fail } else { Outcome::Complete };
        let service = self.random.bool().then(|| service(self.workers[at].service));
        let command = WorkerCommand::Finish { job: JobRef::Named(job), service, outcome, body: Body::EMPTY };
        self.event(Event::Worker { from, command });
    }

    /// It may come back, and say what it has to say before it is ready.
    fn lose_worker(&mut self) {
        if self.workers.is_empty() {
            return;
        }
        let at = self.random.usize(0..self.workers.len());
        let peer = self.workers[at].address.peer;
        self.event(Event::WorkerLeft(peer));
        if self.random.bool() {
            self.workers.swap_remove(at);
        } else {
            self.come_back(at);
        }
    }

    fn come_back(&mut self, at: usize) {
        let peer = self.peer();
        let worker = &mut self.workers[at];
        worker.address.peer = peer;
        let jobs = std::mem::take(&mut worker.jobs);
        worker.former.extend(&jobs);
        if self.random.bool() {
            jobs.iter().for_each(|&job| self.finish(at, job));
        }
        self.ready(at);
    }

    fn operate(&mut self) {
        let service = service(SERVICES[self.random.usize(0..2)]);
        let dead = self.broker.dead_letters.newest_first().next().map(|(id, _)| id);
        let operation = match (self.random.u8(0..4), dead) {
            (0, _) => Operation::Pause(service),
            (1, Some(job)) => Operation::Retry(job),
            _ => Operation::Resume(service),
        };
        self.event(Event::Operate(operation));
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now.plus_micros(ms * MS);
        while let Some(due) = self.broker.deadline().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.event(Event::Tick);
        }
        self.now = end;
    }

    // --- the store

    fn commit(&mut self) {
        if self.failing {
            return;
        }
        let Some(batch) = self.batches.pop_front() else { return };
        self.store.commit(&batch).expect("memory");
        self.committed += 1;
        while self.held.front().is_some_and(|held| held.batch <= self.committed) {
            self.acknowledged.extend(self.held.pop_front().map(|held| held.job));
        }
    }

    /// As `store::commit` does it: what was promised to nobody is taken back, what is true is kept for later.
    fn fail(&mut self) {
        if self.failing {
            return;
        }
        self.failing = true;
        self.event(Event::Store(StoreState::Failing));
        self.refuse();
    }

    fn refuse(&mut self) {
        self.committed += self.batches.len() as u64;
        let without_promise = |record| match record {
            Record::Accepted(job) => Record::Finished(job.job),
            true_all_the_same @ (Record::Retried(_)
            | Record::Attempted { .. }
            | Record::Dead(_)
            | Record::Finished(_)
            | Record::Service(_)) => true_all_the_same,
        };
        self.unwritten.extend(self.batches.drain(..).flatten().map(without_promise));
        while let Some(held) = self.held.pop_front() {
            if self.broker.knows(held.job) {
                self.event(Event::NotKept(held.job));
            } else {
                self.acknowledged.insert(held.job);
            }
        }
    }

    fn recover(&mut self) {
        if !self.failing {
            return;
        }
        self.refuse();
        self.store.commit(&std::mem::take(&mut self.unwritten)).expect("memory");
        self.failing = false;
        self.event(Event::Store(StoreState::Writable));
    }

    /// What was not committed is lost, and whoever waits knows it by the broken connection.
    fn kill(&mut self) {
        self.batches.clear();
        self.unwritten.clear();
        self.held.clear();
        self.waiting.clear();
        self.committed = 0;
        self.failing = false;
        self.broker = Broker::new(config(self.random.u64(..)));
        let (broker, mut actions) = (&mut self.broker, Vec::new());
        self.store
            .scan(&mut |kept| assert!(broker.restore(kept, &mut actions), "it is there once"))
            .expect("memory");
        assert!(actions.is_empty(), "there is room for all dead letters");
        // A job whose end was not written is open again.
        self.over.retain(|job| !self.broker.knows(*job));
        for at in 0..self.workers.len() {
            self.come_back(at);
        }
    }

    // --- what the broker says

    fn event(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.broker.handle(self.now, event, &mut actions);
        self.broker.check();
        let mut records = Vec::new();
        for action in actions {
            self.see(action, &mut records);
        }
        if !records.is_empty() {
            self.batches.push_back(records);
        }
    }

    fn see(&mut self, action: Action, records: &mut Vec<Record>) {
        match action {
            Action::Record(record) => {
                if let Record::Retried(job) = &record {
                    self.over.remove(&job.job);
                }
                records.push(record);
            }
            Action::Reply { reply: ClientReply::Accepted { job, .. }, .. } => {
                self.held.push_back(Held { batch: self.committed + self.batches.len() as u64 + 1, job });
            }
            Action::Reply { to, reply: ClientReply::Finished { .. } } => {
                assert!(self.waiting.remove(&to.peer), "a client has two ends");
            }
            Action::Reply { to, reply: ClientReply::Refused { .. } } => drop(self.waiting.remove(&to.peer)),
            Action::Reply { .. } => {}
            Action::Order { to, order: WorkerOrder::Run { job: JobRef::Named(job), .. } } => {
                let has_it = |worker: &&mut SimWorker| worker.address.peer == to.peer;
                self.workers.iter_mut().find(has_it).expect("it is connected").jobs.push(job);
            }
            Action::Publish(end) => assert!(self.over.insert(end.job), "{} ends twice", end.job),
            Action::Order { .. }
            | Action::Inspect { .. }
            | Action::Announce(_)
            | Action::Operated(_)
            | Action::Log(_) => {}
        }
    }

    fn check(&self) {
        for job in &self.acknowledged {
            assert!(
                self.broker.knows(*job) || self.over.contains(job),
                "{job} was acknowledged and is forgotten"
            );
        }
    }

    /// The store writes, operators let go, and workers that take everything do what is left.
    fn heal(&mut self) {
        self.recover();
        for name in SERVICES {
            self.event(Event::Operate(Operation::Resume(service(name))));
            let from = self.address("healthy", Dialect::Mdp02);
            self.workers.push(SimWorker {
                address: from,
                jobs: Vec::new(),
                former: Vec::new(),
                service: name,
            });
            self.ready(self.workers.len() - 1);
        }
        for _ in 0..10_000 {
            let totals = self.broker.totals();
            if totals.queued + totals.active == 0 {
                break;
            }
            self.answer();
            self.commit();
            self.pass(100);
        }
        let totals = self.broker.totals();
        assert_eq!((totals.queued, totals.active), (0, 0), "jobs are left");
        assert!(self.waiting.is_empty(), "{} clients wait for nothing", self.waiting.len());
        while !self.batches.is_empty() {
            self.commit();
        }
        self.check();
        assert_eq!(self.store.statistics().jobs, 0, "jobs are on record that are over");
    }
}

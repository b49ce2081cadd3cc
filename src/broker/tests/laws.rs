//! Laws, and a seeded simulation: whatever happens, every job ends once and every client that waits is
//! answered once.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

/// What can happen, with small numbers for who and which.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Submit {
        client: u8,
        service: u8,
        wait: bool,
        hold: bool,
        many: bool,
    },
    Ready {
        worker: u8,
        service: u8,
    },
    Heartbeat {
        worker: u8,
    },
    /// The worker answers the job it has, or the nth it ever had.
    Answer {
        worker: u8,
        nth: Option<u8>,
        fail: bool,
    },
    Part {
        worker: u8,
    },
    Leave {
        worker: u8,
    },
    ClientLeaves {
        client: u8,
    },
    Pass {
        ms: u16,
    },
    Operate(Want),
}

/// What an operator may want, and of whom.
#[derive(Clone, Debug)]
pub(super) enum Want {
    Pause(u8),
    Resume(u8),
    Drain(u8),
    DrainAll,
    ResumeAll,
    Retire(u8),
    /// The nth job that is remembered, from the oldest.
    Retry(u8),
    Delete(u8),
}

fn want() -> impl Strategy<Value = Want> {
    let (worker, service) = (0..6u8, 0..3u8);
    prop_oneof![
        1 => service.clone().prop_map(Want::Pause),
        1 => service.clone().prop_map(Want::Resume),
        1 => service.prop_map(Want::Drain),
        1 => Just(Want::DrainAll),
        2 => Just(Want::ResumeAll),
        1 => worker.prop_map(Want::Retire),
        3 => any::<u8>().prop_map(Want::Retry),
        2 => any::<u8>().prop_map(Want::Delete),
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let (worker, client, service) = (0..6u8, 0..3u8, 0..3u8);
    prop_oneof![
        6 => (client.clone(), service.clone(), any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(client, service, wait, hold, many)| Step::Submit { client, service, wait, hold, many }),
        3 => (worker.clone(), service).prop_map(|(worker, service)| Step::Ready { worker, service }),
        1 => worker.clone().prop_map(|worker| Step::Heartbeat { worker }),
        6 => (worker.clone(), prop::option::weighted(0.2, 0..8u8), any::<bool>())
            .prop_map(|(worker, nth, fail)| Step::Answer { worker, nth, fail }),
        1 => worker.clone().prop_map(|worker| Step::Part { worker }),
        2 => worker.prop_map(|worker| Step::Leave { worker }),
        1 => client.prop_map(|client| Step::ClientLeaves { client }),
        2 => (0..20_000u16).prop_map(|ms| Step::Pass { ms }),
        3 => want().prop_map(Step::Operate),
    ]
}

/// A broker under watch: follows each job from its asking to its end.
pub(super) struct Watched {
    pub(super) broker: Broker,
    now: Timestamp,
    generation: u64,
    peers: BTreeMap<u8, PeerId>,
    /// What each worker was given, in order.
    given: BTreeMap<PeerId, Vec<JobId>>,
    asked: usize,
    refused: usize,
    /// Times a job that had ended was queued again.
    retried: usize,
    /// Ends of jobs.
    ends: usize,
    accepted: HashSet<JobId>,
    dead: HashSet<JobId>,
    ended: HashSet<JobId>,
    /// Connections that an operator retired, after which no job may go there.
    retired: HashSet<PeerId>,
    answered: usize,
}

impl Watched {
    pub(super) fn new(seed: u64, config: Config) -> Self {
        Self {
            broker: Broker::new(Config { seed, ..config }),
            now: START,
            generation: 0,
            peers: BTreeMap::new(),
            given: BTreeMap::new(),
            asked: 0,
            refused: 0,
            retried: 0,
            ends: 0,
            accepted: HashSet::new(),
            dead: HashSet::new(),
            ended: HashSet::new(),
            retired: HashSet::new(),
            answered: 0,
        }
    }

    pub(super) fn take(&mut self, step: &Step) {
        match *step {
            Step::Submit { client, service, wait, hold, many } => {
                self.submit(client, service, wait, hold, many);
            }
            Step::Ready { worker, service } => {
                self.say(worker, WorkerCommand::Ready { service: name_of(service) });
            }
            Step::Heartbeat { worker } => self.say(worker, WorkerCommand::Heartbeat),
            Step::Answer { worker, nth, fail } => self.answer(worker, nth, fail),
            Step::Part { worker } => {
                if let Some(job) = self.last_given(worker, None) {
                    self.say(worker, WorkerCommand::Partial { job, service: None, body: Body::EMPTY });
                }
            }
            Step::Leave { worker } => {
                if let Some(peer) = self.peers.remove(&worker) {
                    self.event(Event::WorkerLeft(peer));
                }
            }
            Step::ClientLeaves { client } => self.event(Event::ClientLeft(PeerId(u64::from(client) + 1))),
            Step::Pass { ms } => self.pass(u64::from(ms)),
            Step::Operate(ref want) => self.operate(want),
        }
    }

    fn submit(&mut self, client: u8, service: u8, wait: bool, hold: bool, many: bool) {
        let from = Address {
            peer: PeerId(u64::from(client) + 1),
            identity: Bytes::copy_from_slice(&[b'c', client]),
            origin: Origin::plain(Dialect::Zmws2),
        };
        let body = match many && hold {
            true => Body::from_frames(vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]),
            false => Body::One(Bytes::from_static(b"x")),
        };
        let mode = if wait || hold { Mode::Wait } else { Mode::Background };
        let if_unknown = if hold { IfUnknown::Hold } else { IfUnknown::Refuse };
        self.asked += 1;
        let command = ClientCommand::Submit { service: name_of(service), body, mode, if_unknown };
        self.event(Event::Client { from, command });
    }

    /// Every other worker speaks Majordomo; every third has no identity of its own.
    pub(super) fn say(&mut self, worker: u8, command: WorkerCommand) {
        self.generation += 1;
        let fresh = PeerId(1_000 + self.generation);
        let peer = *self.peers.entry(worker).or_insert(fresh);
        let identity = match worker % 3 {
            0 => Bytes::copy_from_slice(&[&[0][..], &(peer.0 as u32).to_be_bytes()].concat()),
            _ => Bytes::copy_from_slice(&[b'w', worker]),
        };
        let dialect = if worker.is_multiple_of(2) { Dialect::Mdp02 } else { Dialect::Zmws1 };
        let from = Address { peer, identity, origin: Origin::plain(dialect) };
        self.event(Event::Worker { from, command });
    }

    fn operate(&mut self, want: &Want) {
        let operation = match *want {
            Want::Pause(service) => Operation::Pause(name_of(service)),
            Want::Resume(service) => Operation::Resume(name_of(service)),
            Want::Drain(service) => Operation::Drain(name_of(service)),
            Want::DrainAll => Operation::DrainAll,
            Want::ResumeAll => Operation::ResumeAll,
            Want::Retire(worker) => Operation::Retire(self.peers.get(&worker).copied().unwrap_or(PeerId(7))),
            Want::Retry(nth) => Operation::Retry(self.remembered(nth)),
            Want::Delete(nth) => Operation::Delete(self.remembered(nth)),
        };
        self.event(Event::Operate(operation));
    }

    /// Open and kept jobs, in an order that the seed determines; none of them, if there is none.
    fn remembered(&self, nth: u8) -> JobId {
        let mut ids: Vec<JobId> = self.broker.jobs.keys().copied().collect();
        ids.extend(self.broker.dead_letters.newest_first().map(|(id, _)| id));
        ids.sort_unstable();
        let at = usize::from(nth) % ids.len().max(1);
        ids.get(at).copied().unwrap_or(JobId::from_bits(7))
    }

    fn last_given(&self, worker: u8, nth: Option<u8>) -> Option<JobRef> {
        let given = self.given.get(self.peers.get(&worker)?)?;
        let job = match nth {
            Some(nth) => given.get(usize::from(nth) % given.len().max(1)),
            None => given.last(),
        };
        job.copied().map(JobRef::Named)
    }

    fn answer(&mut self, worker: u8, nth: Option<u8>, fail: bool) {
        let Some(job) = self.last_given(worker, nth) else { return };
        let outcome = if fail { Outcome::Fail } else { Outcome::Complete };
        self.say(worker, WorkerCommand::Finish { job, service: None, outcome, body: Body::EMPTY });
    }

    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now.plus_micros(ms * MS);
        while let Some(due) = self.broker.deadline().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.event(Event::Tick);
        }
        self.now = end;
    }

    fn event(&mut self, event: Event) {
        let mut actions = Vec::new();
        let is_operation = matches!(event, Event::Operate(_));
        self.broker.handle(self.now, event, &mut actions);
        self.broker.check();
        self.broker.check_books();
        let operated = actions.iter().filter(|action| matches!(action, Action::Operated(_))).count();
        assert_eq!(operated, usize::from(is_operation), "an operation is answered once, and nothing else is");
        for action in actions {
            self.see(action);
        }
        self.check_records();
    }

    /// What is on record is what the broker has, after each event.
    fn check_records(&self) {
        let background = self.broker.jobs.iter().filter(|(_, job)| job.mode == Mode::Background);
        let accepted: HashSet<JobId> = background.map(|(id, _)| *id).collect();
        assert_eq!(self.accepted, accepted, "background jobs on record");
        let dead: HashSet<JobId> = self.broker.dead_letters.newest_first().map(|(id, _)| id).collect();
        assert_eq!(self.dead, dead, "dead letters on record");
    }

    fn keep(&mut self, record: Record) {
        match record {
            Record::Accepted(StoredJob { job, .. }) => {
                assert!(self.accepted.insert(job), "{job} is taken twice");
            }
            Record::Retried(StoredJob { job, .. }) => {
                assert!(self.dead.remove(&job) && self.accepted.insert(job), "{job} was not dead");
                self.retried += usize::from(self.ended.remove(&job));
            }
            Record::Attempted { job, .. } => assert!(self.accepted.contains(&job), "{job} was not taken"),
            Record::Dead(letter) => {
                let job = letter.job.job;
                assert_eq!(self.accepted.remove(&job), !letter.waited, "{job} was not taken");
                assert!(self.dead.insert(job), "{job} is dead twice");
            }
            Record::Finished(job) => {
                assert!(self.accepted.remove(&job) || self.dead.remove(&job), "{job} was not on record");
            }
            Record::Service(_) => {}
        }
    }

    fn see(&mut self, action: Action) {
        match action {
            Action::Reply { reply: ClientReply::Refused { .. }, .. } => self.refused += 1,
            Action::Reply { reply: ClientReply::Finished { .. }, .. } => self.answered += 1,
            Action::Record(record) => self.keep(record),
            Action::Publish(end) => {
                assert!(self.ended.insert(end.job), "{} ends twice", end.job);
                self.ends += 1;
            }
            Action::Order { to, order: WorkerOrder::Run { job: JobRef::Named(job), .. } } => {
                assert!(!self.ended.contains(&job), "{job} is over and given to a worker");
                assert!(!self.retired.contains(&to.peer), "{job} is given to a retired worker");
                let service = self.broker.jobs.get(&job).map(|job| &self.broker.services[job.service]);
                assert!(service.is_none_or(|service| !service.paused), "{job} of a paused service is given");
                self.given.entry(to.peer).or_default().push(job);
            }
            Action::Order { .. } | Action::Reply { .. } | Action::Inspect { .. } => {}
            Action::Operated(Ok(Done::Retired { peer, .. })) => {
                self.retired.insert(peer);
            }
            Action::Operated(_) | Action::Log(_) => {}
            Action::Announce(_) => panic!("nobody listens"),
        }
    }

    /// Each job asked for was refused, or is over, or is still there.
    pub(super) fn check_conservation(&self) {
        let open = self.broker.totals().queued + self.broker.totals().active;
        let taken = self.asked + self.retried;
        assert_eq!(taken, self.refused + self.ends + open, "a job is lost or there twice");
    }

    /// Lets all services go on, and gives every service a good worker until nothing is left to do.
    fn heal(&mut self) {
        self.peers.clear();
        self.operate(&Want::ResumeAll);
        (0..3).for_each(|service| self.operate(&Want::Resume(service)));
        for service in 0..3 {
            // Majordomo, so that they take everything.
            self.say(100 + 2 * service, WorkerCommand::Ready { service: name_of(service) });
        }
        for _ in 0..10_000 {
            let busy: Vec<(PeerId, JobId)> = self.open_jobs();
            if busy.is_empty() {
                break;
            }
            for (peer, job) in busy {
                let from = Address {
                    peer,
                    identity: Bytes::from_static(b"healer"),
                    origin: Origin::plain(Dialect::Mdp02),
                };
                let command = WorkerCommand::Finish {
                    job: JobRef::Named(job),
                    service: None,
                    outcome: Outcome::Complete,
                    body: Body::EMPTY,
                };
                self.event(Event::Worker { from, command });
            }
        }
    }

    fn open_jobs(&self) -> Vec<(PeerId, JobId)> {
        let workers = self.broker.workers.iter();
        workers.flat_map(|(&peer, worker)| worker.jobs.iter().map(move |&job| (peer, job))).collect()
    }
}

pub(super) fn name_of(service: u8) -> ServiceName {
    ServiceName::new(format!("S{service}")).expect("a name")
}

pub(super) fn short_tempered() -> Config {
    Config { job_timeout_default_ms: Some(30_000), attempts_max: 3, history_max: 5, ..Config::default() }
}

proptest! {
    #[test]
    fn no_job_is_lost_and_none_ends_twice(steps in prop::collection::vec(step(), 0..120), seed in any::<u64>()) {
        let mut world = Watched::new(seed, short_tempered());
        for step in &steps {
            world.take(step);
            world.check_conservation();
        }
        world.heal();
        world.pass(61_000);
        world.check_conservation();
        prop_assert_eq!(world.broker.totals().queued + world.broker.totals().active, 0);
        prop_assert!(world.accepted.is_empty(), "background jobs on record that are over");
    }

    #[test]
    fn one_service_is_first_in_first_out(jobs in 1..60usize, workers in 1..5u8) {
        let mut world = Watched::new(1, Config::default());
        world.say(1, WorkerCommand::Ready { service: name_of(0) });
        world.take(&Step::Leave { worker: 1 });
        for _ in 0..jobs {
            world.submit(0, 0, false, false, false);
        }
        let mut order = Vec::new();
        for worker in 0..workers {
            world.say(2 * worker + 1, WorkerCommand::Ready { service: name_of(0) });
        }
        while world.broker.totals().active > 0 {
            let mut busy = world.open_jobs();
            busy.sort_unstable();
            let (peer, job) = busy[0];
            order.push(job);
            let worker = *world.peers.iter().find(|(_, at)| **at == peer).expect("it is there").0;
            world.answer(worker, None, false);
        }
        prop_assert_eq!(order.len(), jobs);
        let given: usize = world.given.values().map(Vec::len).sum();
        prop_assert_eq!(given, jobs, "no job is given twice");
    }

    #[test]
    fn workers_take_turns(workers in 1..8u8, rounds in 1..6usize) {
        let mut world = Watched::new(1, Config::default());
        for worker in 0..workers {
            world.say(2 * worker + 1, WorkerCommand::Ready { service: name_of(0) });
        }
        for _ in 0..rounds * usize::from(workers) {
            world.submit(0, 0, true, false, false);
            let (peer, _) = world.open_jobs()[0];
            let worker = *world.peers.iter().find(|(_, at)| **at == peer).expect("it is there").0;
            world.answer(worker, None, false);
        }
        prop_assert!(world.given.values().all(|jobs| jobs.len() == rounds), "{:?}", world.given);
    }
}

/// Statistics know what was published: each job that ended, and how.
#[test]
fn statistics_add_up_to_what_was_told() {
    let mut world = Watched::new(7, Config::default());
    for worker in 0..3 {
        world.say(2 * worker + 1, WorkerCommand::Ready { service: name_of(worker % 2) });
    }
    for round in 0..40u8 {
        world.submit(round % 3, round % 2, round % 5 == 0, false, false);
        world.pass(u64::from(round));
        (0..3).for_each(|worker| world.answer(2 * worker + 1, None, round % 4 == 0));
    }
    let rows = world.broker.overview(world.now, 10, &HashSet::new()).services;
    let (completed, failed) = rows
        .iter()
        .fold((0, 0), |(completed, failed), row| (completed + row.sums.completed, failed + row.sums.failed));
    let counters = world.broker.counters();
    assert_eq!((completed, failed), (counters.jobs_completed, counters.jobs_failed));
    assert_eq!(completed + failed, world.ends as u64);
    let runs: u64 = rows.iter().map(|row| row.sums.run.count()).sum();
    assert_eq!(runs, world.ends as u64, "each job had a worker when it ended");
    let lately: (u64, u64) =
        rows.iter().fold((0, 0), |sum, row| (sum.0 + row.minute.0, sum.1 + row.minute.1));
    assert_eq!(lately, (completed, failed), "all of it took less than a minute");
}

/// Workers that crash, vanish and come back, answers that come late or twice: in the end every job is over.
#[test]
fn every_job_ends_though_workers_come_and_go() {
    for seed in 0..300 {
        let mut chance = fastrand_with(seed);
        let mut world = Watched::new(seed, short_tempered());
        for _ in 0..200 {
            let step = by_chance(&mut chance);
            world.take(&step);
        }
        world.heal();
        world.pass(61_000);
        world.check_conservation();
        let totals = world.broker.totals();
        assert_eq!((totals.queued, totals.active), (0, 0), "replay with seed {seed}");
        assert!(world.accepted.is_empty(), "replay with seed {seed}");
    }
}

fn fastrand_with(seed: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed)
}

fn by_chance(chance: &mut fastrand::Rng) -> Step {
    let (worker, client, service) = (chance.u8(0..6), chance.u8(0..3), chance.u8(0..3));
    match chance.u8(0..23) {
        0..6 => {
            Step::Submit { client, service, wait: chance.bool(), hold: chance.bool(), many: chance.bool() }
        }
        6..9 => Step::Ready { worker, service },
        9 => Step::Heartbeat { worker },
        10..15 => Step::Answer { worker, nth: chance.bool().then(|| chance.u8(0..8)), fail: chance.bool() },
        15 => Step::Part { worker },
        16..18 => Step::Leave { worker },
        18 => Step::ClientLeaves { client },
        19 => Step::Pass { ms: chance.u16(0..20_000) },
        _ => Step::Operate(want_by_chance(chance)),
    }
}

fn want_by_chance(chance: &mut fastrand::Rng) -> Want {
    let (worker, service, nth) = (chance.u8(0..6), chance.u8(0..3), chance.u8(..));
    match chance.u8(0..10) {
        0 => Want::Pause(service),
        1 | 2 => Want::Resume(service),
        3 => Want::Drain(service),
        4 => Want::DrainAll,
        5 | 6 => Want::ResumeAll,
        7 => Want::Retire(worker),
        8 => Want::Retry(nth),
        _ => Want::Delete(nth),
    }
}

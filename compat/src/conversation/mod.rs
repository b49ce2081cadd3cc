//! Who asked what, and what came of it: the account of one exchange, recorded or replayed.
//!
//! It is kept the same way for both sides, so that request is compared with request and job with job,
//! whatever their ids, their times and the order in which the network brought them. A reply belongs to the
//! request it answers; a job to the request that made it, found by id where one was told and else by
//! service, parameter and client.

mod attribution;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;

use crate::classify::worker::{Verb, WorkerForm, WorkerMessage, WorkerOrder};
use crate::classify::{ClientMessage, Generation, Reply};
use crate::trace::{Conn, ConnIndex, Frame};

/// Which of [`Conversation::requests`].
pub type RequestIndex = usize;
/// Which of [`Conversation::jobs`].
pub type JobIndex = usize;

#[derive(Clone, Debug)]
pub struct Conversation {
    generation: Generation,
    conns: Vec<Conn>,
    pub requests: Vec<Request>,
    /// The jobs, in the order they were first heard of.
    pub jobs: Vec<Job>,
    /// Messages to clients that answer no request of theirs.
    pub strays: Vec<(ConnIndex, BrokerMessage)>,
    /// What no broker may do, in words, and when it did.
    pub violations: Vec<(u64, Violation)>,
    pub workers: BTreeMap<ConnIndex, Worker>,
    ids: HashMap<(String, Bytes), JobIndex>,
    /// The identities that peers gave themselves.
    identities: HashMap<ConnIndex, Bytes>,
    /// How often each broker began anew.
    lives: HashMap<String, u32>,
    /// Messages of the broker so far: their order, where times are equal.
    sequence: u64,
}

#[derive(Clone, Debug)]
pub struct Request {
    /// When, in microseconds.
    pub at: u64,
    pub conn: ConnIndex,
    pub frames: Vec<Bytes>,
    /// What that means to the broker.
    pub message: ClientMessage,
    pub replies: Vec<BrokerMessage>,
    /// The job that it made.
    pub job: Option<JobIndex>,
    /// The broker's life in which it was asked.
    life: u32,
}

#[derive(Clone, Debug)]
pub struct BrokerMessage {
    /// When, in microseconds.
    pub at: u64,
    /// The how many-th message of the broker it was.
    pub sequence: u64,
    pub frames: Vec<Frame>,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub id: Bytes,
    /// The request that made it, if that is known.
    pub request: Option<RequestIndex>,
    /// Each time it was given to a worker.
    pub runs: Vec<Run>,
}

/// A job's time with one worker.
#[derive(Clone, Debug)]
pub struct Run {
    pub order: BrokerMessage,
    pub conn: ConnIndex,
    /// What the worker said of it.
    pub answers: Vec<Answer>,
}

/// What a worker said of a job.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Over which connection; `None` if at the clients' port.
    pub conn: Option<ConnIndex>,
    /// When, in microseconds.
    pub at: u64,
    pub frames: Vec<Frame>,
    pub verb: Verb,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Violation {
    /// A job for a worker that has one.
    ToBusy {
        conn: ConnIndex,
        job: JobIndex,
        /// It has registered since it was given the one that it has.
        anew: bool,
    },
    /// A job for a worker that does not offer its service.
    ToWrong { job: JobIndex },
    /// A job for a second worker, while the first is there and at it.
    Twice { job: JobIndex },
    /// A job under the id of another.
    SameId {
        /// The request whose job has it too.
        request: RequestIndex,
    },
    /// HEARTBEAT for a worker that has a job.
    BeatToBusy {
        conn: ConnIndex,
        /// It has registered since it was given the job.
        anew: bool,
    },
    /// A result before the worker had any.
    NoSource { request: RequestIndex },
}

#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// What it offers, and since when.
    pub services: BTreeMap<Bytes, u64>,
    /// What its answers named once it was registered, which the original takes for an offer, and since when.
    pub named: BTreeMap<Bytes, u64>,
    /// The form of its last READY, and when that was.
    pub ready: Option<(WorkerForm, u64)>,
    /// When it said READY.
    pub readies: Vec<u64>,
    /// Whether it has said READY since it was last given a job.
    anew: bool,
    /// When it said anything.
    pub signs: Vec<u64>,
    /// When it got HEARTBEAT, and the order of it.
    pub beats: Vec<u64>,
    /// What else it got that was no job.
    pub others: Vec<BrokerMessage>,
    /// From when to when it had a job.
    pub busy: Vec<Busy>,
    pub left: Option<u64>,
}

/// A time during which a worker had a job.
#[derive(Clone, Copy, Debug)]
pub struct Busy {
    pub job: JobIndex,
    pub from: u64,
    /// Until when, if it ended.
    pub to: Option<u64>,
    pub end: Option<End>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    Answered,
    Left,
    /// It was given another job.
    Overrun,
}

impl Worker {
    /// The job it has now.
    pub fn holds(&self) -> Option<JobIndex> {
        self.busy.last().filter(|busy| busy.to.is_none()).map(|busy| busy.job)
    }

    /// What it offers, by a time, to a broker that believes its answers.
    pub fn offers(&self, by: u64) -> BTreeSet<&Bytes> {
        let all = self.services.iter().chain(&self.named);
        all.filter(|(_, since)| **since <= by).map(|(service, _)| service).collect()
    }

    /// When it was last heard of, by a time.
    pub fn last_sign(&self, by: u64) -> Option<u64> {
        self.signs.iter().copied().filter(|&sign| sign <= by).max()
    }

    /// It is no worker any more, though it is still there.
    fn dismiss(&mut self, at: u64) {
        self.free(at, End::Left);
        self.services.clear();
        self.ready = None;
    }

    fn free(&mut self, at: u64, end: End) {
        if let Some(busy) = self.busy.last_mut().filter(|busy| busy.to.is_none()) {
            (busy.to, busy.end) = (Some(at), Some(end));
        }
    }
}

impl Conversation {
    /// An empty account of what passes over `conns`.
    pub fn new(generation: Generation, conns: Vec<Conn>) -> Self {
        Self {
            generation,
            conns,
            requests: Vec::new(),
            jobs: Vec::new(),
            strays: Vec::new(),
            violations: Vec::new(),
            workers: BTreeMap::new(),
            ids: HashMap::new(),
            identities: HashMap::new(),
            lives: HashMap::new(),
            sequence: 0,
        }
    }

    /// An account of nothing over the same connections.
    pub(crate) fn emptied(&self) -> Self {
        Self::new(self.generation, self.conns.clone())
    }

    /// How the broker reads its clients.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// A peer named itself.
    pub fn identified(&mut self, conn: ConnIndex, identity: &Bytes) {
        if !identity.is_empty() {
            self.identities.insert(conn, identity.clone());
        }
    }

    /// A broker began anew: it knows nothing of what was before.
    pub fn restarted(&mut self, broker: &str) {
        *self.lives.entry(broker.to_owned()).or_default() += 1;
        // Its ids may come again.
        self.ids.retain(|(of, _), _| of != broker);
    }

    pub fn client_sent(&mut self, at: u64, conn: ConnIndex, frames: Vec<Bytes>) -> RequestIndex {
        let message = ClientMessage::read(&frames, self.generation);
        let life = self.life(conn);
        if self.generation == Generation::Both {
            self.worker_asked(at, conn, &frames);
        }
        self.requests.push(Request { at, conn, frames, message, replies: Vec::new(), job: None, life });
        self.requests.len() - 1
    }

    /// A worker's answer at the clients' port, which only a broker that reads all dialects understands.
    fn worker_asked(&mut self, at: u64, conn: ConnIndex, frames: &[Bytes]) {
        let WorkerMessage::Answer { id, verb, .. } = WorkerMessage::read(frames) else { return };
        let Some(job) = self.job_of(conn, &id) else { return };
        let frames = frames.iter().cloned().map(Frame::whole).collect();
        let Some(run) = self.jobs[job].runs.last_mut() else { return };
        run.answers.push(Answer { conn: None, at, frames, verb });
        if let Some(worker) = self.workers.get_mut(&run.conn).filter(|worker| worker.holds() == Some(job)) {
            worker.free(at, End::Answered);
        }
    }

    /// A client was told something. `None` if that answers no request.
    pub fn client_received(&mut self, at: u64, conn: ConnIndex, frames: Vec<Frame>) -> Option<RequestIndex> {
        let heard = self.heard(at, frames);
        let reply = Reply::read(&heard.frames);
        let Some(request) = self.request_of(conn, &reply) else {
            self.strays.push((conn, heard));
            return None;
        };
        if matches!(reply, Reply::Ended { .. }) && !self.has_source(request) {
            self.violations.push((at, Violation::NoSource { request }));
        }
        self.requests[request].replies.push(heard);
        Some(request)
    }

    pub fn worker_sent(&mut self, at: u64, conn: ConnIndex, frames: &[Frame]) -> WorkerMessage {
        let bare: Vec<Bytes> = frames.iter().map(|frame| frame.bytes.clone()).collect();
        let said = WorkerMessage::read(&bare);
        let worker = self.workers.entry(conn).or_default();
        worker.signs.push(at);
        match &said {
            WorkerMessage::Ready { service, form } => {
                worker.services.entry(service.clone()).or_insert(at);
                worker.ready = Some((*form, at));
                worker.readies.push(at);
                worker.anew = true;
            }
            WorkerMessage::Answer { id, verb, service, .. } => {
                if worker.ready.is_some() && !matches!(verb, Verb::Part) {
                    worker.named.entry(service.clone()).or_insert(at);
                }
                self.answered(
                    at,
                    conn,
                    id,
                    Answer { conn: Some(conn), at, frames: frames.to_vec(), verb: *verb },
                );
            }
            WorkerMessage::Disconnect => worker.dismiss(at),
            WorkerMessage::Heartbeat | WorkerMessage::Other => {}
        }
        said
    }

    /// A worker was told something. The job, if it was given one.
    pub fn worker_received(&mut self, at: u64, conn: ConnIndex, frames: Vec<Frame>) -> Option<JobIndex> {
        let heard = self.heard(at, frames);
        let order = WorkerOrder::read(&heard.frames);
        self.workers.entry(conn).or_default();
        match order {
            WorkerOrder::Heartbeat => {
                if self.workers[&conn].holds().is_some() {
                    let anew = self.workers[&conn].anew;
                    self.violations.push((at, Violation::BeatToBusy { conn, anew }));
                }
                self.workers.entry(conn).or_default().beats.push(at);
                None
            }
            WorkerOrder::Disconnect => {
                let worker = self.workers.entry(conn).or_default();
                worker.others.push(heard);
                worker.dismiss(at);
                None
            }
            WorkerOrder::Other => {
                self.workers.entry(conn).or_default().others.push(heard);
                None
            }
            WorkerOrder::Run { id, param, client } => {
                let job = self.job_given(conn, &id, param.as_ref(), client.as_ref());
                self.watch_order(at, conn, job);
                self.jobs[job].runs.push(Run { order: heard, conn, answers: Vec::new() });
                let worker = self.workers.entry(conn).or_default();
                worker.free(at, End::Overrun);
                worker.anew = false;
                worker.busy.push(Busy { job, from: at, to: None, end: None });
                Some(job)
            }
        }
    }

    pub fn worker_left(&mut self, at: u64, conn: ConnIndex) {
        if let Some(worker) = self.workers.get_mut(&conn) {
            worker.free(at, End::Left);
            worker.left = worker.left.or(Some(at));
        }
    }

    /// The job of this id, at the broker that `conn` goes to.
    pub fn job_of(&self, conn: ConnIndex, id: &Bytes) -> Option<JobIndex> {
        self.ids.get(&(self.conns[conn].broker().to_owned(), id.clone())).copied()
    }

    /// The id of the job that a request made.
    pub fn id_of(&self, request: RequestIndex) -> Option<&Bytes> {
        self.requests[request].job.map(|job| &self.jobs[job].id)
    }

    fn life(&self, conn: ConnIndex) -> u32 {
        self.lives.get(self.conns[conn].broker()).copied().unwrap_or(0)
    }

    fn heard(&mut self, at: u64, frames: Vec<Frame>) -> BrokerMessage {
        self.sequence += 1;
        BrokerMessage { at, sequence: self.sequence, frames }
    }

    fn answered(&mut self, at: u64, conn: ConnIndex, id: &Bytes, answer: Answer) {
        let Some(job) = self.job_of(conn, id) else { return };
        let over = !matches!(answer.verb, Verb::Part);
        let peer = &self.conns[conn].peer;
        let runs = &mut self.jobs[job].runs;
        let run = runs
            .iter()
            .rposition(|run| run.conn == conn)
            .or_else(|| runs.iter().rposition(|run| &self.conns[run.conn].peer == peer))
            .or(runs.len().checked_sub(1));
        if let Some(run) = run {
            runs[run].answers.push(answer);
        }
        let worker = self.workers.entry(conn).or_default();
        if over && worker.holds() == Some(job) {
            worker.free(at, End::Answered);
        }
    }

    fn watch_order(&mut self, at: u64, conn: ConnIndex, job: JobIndex) {
        if self.workers[&conn].holds().is_some() {
            let anew = self.workers[&conn].anew;
            self.violations.push((at, Violation::ToBusy { conn, job, anew }));
        }
        let service = self.jobs[job].request.map(|request| &self.requests[request].message.service);
        if service.is_some_and(|service| !self.workers[&conn].services.contains_key(service)) {
            self.violations.push((at, Violation::ToWrong { job }));
        }
        let others = self.workers.iter().filter(|(other, _)| **other != conn);
        if others.map(|(_, worker)| worker.holds()).any(|held| held == Some(job)) {
            self.violations.push((at, Violation::Twice { job }));
        }
    }

    /// Whether a worker has said how the job of a request stands, or lost it.
    fn has_source(&self, request: RequestIndex) -> bool {
        let Some(job) = self.requests[request].job else { return false };
        let runs = &self.jobs[job].runs;
        runs.len() > 1 || runs.iter().any(|run| !run.answers.is_empty())
    }
}

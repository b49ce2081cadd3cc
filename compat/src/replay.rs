//! Plays the peers of a recording to a broker, and keeps account of what it does.
//!
//! Virtual time is the recording's, but for causes: an answer waits for its request. A worker answers a
//! job when it has it, whichever worker that is; a client says what it said after an answer once it has
//! that answer; nobody hangs up in the middle of what the recording shows as done. What a peer waits for
//! may never come: after a time it goes on.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

use crate::classify::Generation;
use crate::classify::worker::{Verb, WorkerForm, WorkerMessage};
use crate::conversation::{Conversation, Job, JobIndex, RequestIndex, Run};
use crate::script::{Act, Script, Step, is_last};
use crate::target::{Opening, Target};
use crate::trace::{ConnIndex, Frame, Port};

#[derive(Clone, Debug)]
pub struct Played {
    /// What the broker did. Request is request of the script, by index.
    pub ours: Conversation,
    /// Our request of each recorded one.
    pub requests: HashMap<RequestIndex, RequestIndex>,
    /// The Unix time, in microseconds, at which it began.
    pub epoch: u64,
    /// How far what the broker did may be late, in microseconds.
    pub slack: u64,
}

/// Plays `script` to `target`. `patience` is how long a peer waits for what does not come, in microseconds.
pub fn play(script: &Script, target: &mut dyn Target, patience: u64) -> Played {
    let mut replayer = Replayer {
        script,
        target,
        patience,
        ours: Conversation::new(Generation::Both, script.conns.clone()),
        requests: HashMap::new(),
        schedule: BTreeMap::new(),
        scheduled_count: 0,
        waiting: HashMap::new(),
        given_up: Vec::new(),
        open: HashMap::new(),
        names: HashMap::new(),
        chosen: HashMap::new(),
    };
    replayer.run();
    let (epoch, slack) = (replayer.target.epoch(), replayer.target.slack());
    Played { ours: replayer.ours, requests: replayer.requests, epoch, slack }
}

struct Replayer<'a> {
    script: &'a Script,
    target: &'a mut dyn Target,
    patience: u64,
    ours: Conversation,
    /// Our request of each recorded one.
    requests: HashMap<RequestIndex, RequestIndex>,
    /// What is to be done, by time and then in the order of planning.
    schedule: BTreeMap<(u64, u64), Scheduled>,
    scheduled_count: u64,
    /// Steps that wait for a cause, by connection, in order.
    waiting: HashMap<ConnIndex, VecDeque<usize>>,
    /// Recorded requests whose answers are waited for no longer.
    given_up: Vec<RequestIndex>,
    open: HashMap<ConnIndex, bool>,
    /// Who has which identity, by port and broker.
    names: HashMap<(Port, String, Bytes), ConnIndex>,
    /// Which runs of a recorded job were taken as the pattern of one of ours.
    chosen: HashMap<JobIndex, Vec<usize>>,
}

#[derive(Clone, Debug)]
enum Scheduled {
    Step(usize),
    /// The patience of a connection ends.
    Timeout(ConnIndex, usize),
    /// A worker speaks of its job.
    Answer {
        job: JobIndex,
        run: usize,
        frames: Vec<Bytes>,
        last: bool,
    },
}

impl Replayer<'_> {
    fn run(&mut self) {
        for (index, step) in self.script.steps.iter().enumerate() {
            self.schedule_at(step.at, Scheduled::Step(index));
        }
        let mut now = 0;
        let mut last_act = self.script.end;
        loop {
            let next = self.schedule.first_key_value().map(|(&(at, _), _)| at);
            let until = next.unwrap_or_else(|| last_act.max(self.script.end) + self.target.slack());
            // All that a moment brings is heard before the next thing is said in it.
            if let Some(output) = self.target.next(until.max(now)) {
                now = now.max(output.at);
                self.hear(now, output.conn, output.frames);
                self.release(now);
                continue;
            }
            now = now.max(until);
            let Some((_, scheduled)) = self.schedule.pop_first() else { return };
            last_act = now;
            self.scheduled(now, scheduled);
            self.release(now);
        }
    }

    fn schedule_at(&mut self, at: u64, scheduled: Scheduled) {
        self.scheduled_count += 1;
        self.schedule.insert((at, self.scheduled_count), scheduled);
    }

    fn scheduled(&mut self, now: u64, scheduled: Scheduled) {
        match scheduled {
            Scheduled::Step(index) => self.step(now, index),
            Scheduled::Timeout(conn, index) => {
                let head = self.waiting.get(&conn).and_then(|steps| steps.front());
                if head == Some(&index) {
                    self.stop_waiting_for(index);
                    self.waiting.get_mut(&conn).and_then(VecDeque::pop_front);
                    self.act(now, index);
                }
            }
            Scheduled::Answer { job, run, frames, .. } => self.answer(now, job, run, frames),
        }
    }

    // --- what peers do of their own accord

    fn step(&mut self, now: u64, index: usize) {
        let step = &self.script.steps[index];
        let Some(conn) = step.conn else { return self.act(now, index) };
        let behind_others = self.waiting.get(&conn).is_some_and(|steps| !steps.is_empty());
        if !behind_others && self.may(step) {
            return self.act(now, index);
        }
        self.waiting.entry(conn).or_default().push_back(index);
        self.schedule_at(now + self.patience, Scheduled::Timeout(conn, index));
    }

    /// Does what has waited for a cause that is there now.
    fn release(&mut self, now: u64) {
        loop {
            let ready = self.waiting.iter().find_map(|(&conn, steps)| {
                let index = *steps.front()?;
                self.may(&self.script.steps[index]).then_some((conn, index))
            });
            let Some((conn, index)) = ready else { return };
            self.waiting.get_mut(&conn).and_then(VecDeque::pop_front);
            self.act(now, index);
        }
    }

    /// Whether the causes of a step are there.
    fn may(&self, step: &Step) -> bool {
        let Some(conn) = step.conn else { return true };
        match &step.act {
            Act::Restart(_) | Act::Open(_) | Act::Tell(_) | Act::Heartbeat => true,
            Act::Ask { about, .. } => {
                about.is_none_or(|job| self.our_job(job).is_some()) && self.answers_are_there(step.at, conn)
            }
            Act::Close if self.script.conns[conn].port == Port::Backend => {
                !self.will_answer(conn) && self.work_is_done(step.at, conn)
            }
            Act::Close => self.answers_are_there(step.at, conn),
        }
    }

    /// Whether a client has what it had at this time of the recording.
    fn answers_are_there(&self, at: u64, conn: ConnIndex) -> bool {
        let asked = self.script.recorded.requests.iter().enumerate();
        asked.filter(|(_, request)| request.conn == conn && request.at < at).all(|(index, request)| {
            let had = request.replies.iter().filter(|reply| reply.at < at).count();
            let has = self.requests.get(&index).map_or(0, |&ours| self.ours.requests[ours].replies.len());
            has >= had || self.given_up.contains(&index)
        })
    }

    /// Whether what a worker's services had done at this time of the recording is done.
    fn work_is_done(&self, at: u64, conn: ConnIndex) -> bool {
        self.work_before(at, conn).all(|request| {
            let ours = self.requests.get(&request).and_then(|&ours| self.ours.requests[ours].job);
            self.given_up.contains(&request)
                || ours.is_some_and(|job| is_done(&self.ours.jobs[job], u64::MAX))
        })
    }

    /// The recorded requests to a worker's services whose jobs were done at this time.
    fn work_before(&self, at: u64, conn: ConnIndex) -> impl Iterator<Item = RequestIndex> {
        let recorded = &self.script.recorded;
        let services = recorded.workers.get(&conn).map(|worker| &worker.services);
        recorded.requests.iter().enumerate().filter_map(move |(index, request)| {
            let job = &recorded.jobs[request.job?];
            let of_service = services.is_some_and(|services| services.contains_key(&request.message.service));
            (of_service && is_done(job, at)).then_some(index)
        })
    }

    /// Waits no longer for what a step waits for.
    fn stop_waiting_for(&mut self, index: usize) {
        let step = &self.script.steps[index];
        let asked = self.script.recorded.requests.iter().enumerate();
        let before = asked.filter(|(_, request)| Some(request.conn) == step.conn && request.at < step.at);
        self.given_up.extend(before.map(|(index, _)| index));
        if let Some(conn) = step.conn {
            let work: Vec<RequestIndex> = self.work_before(step.at, conn).collect();
            self.given_up.extend(work);
        }
    }

    /// Whether a worker has a job that it will answer.
    fn will_answer(&self, conn: ConnIndex) -> bool {
        self.schedule.values().any(|scheduled| match scheduled {
            Scheduled::Answer { job, run, last, .. } => *last && self.has(conn, *job, *run),
            Scheduled::Step(_) | Scheduled::Timeout(..) => false,
        })
    }

    fn has(&self, conn: ConnIndex, job: JobIndex, run: usize) -> bool {
        let runs = &self.ours.jobs[job].runs;
        runs.len() == run + 1 && runs[run].conn == conn
    }

    fn act(&mut self, now: u64, index: usize) {
        let step = &self.script.steps[index];
        let conn = step.conn.unwrap_or_default();
        match &step.act {
            Act::Restart(broker) => {
                self.target.restart(now, broker);
                self.ours.restarted(broker);
            }
            Act::Open(identity) => self.connect(now, conn, identity),
            Act::Close if self.is_open(conn) => {
                self.open.insert(conn, false);
                self.names.retain(|_, holder| *holder != conn);
                self.ours.worker_left(now, conn);
                self.target.close(now, conn);
            }
            // A connection that was never taken notice of.
            Act::Close | Act::Ask { .. } | Act::Tell(_) | Act::Heartbeat if !self.is_open(conn) => {}
            Act::Ask { request, frames, about } => self.ask(now, conn, *request, frames, *about),
            Act::Tell(frames) => self.tell(now, conn, frames.clone()),
            Act::Heartbeat => self.live(now, conn),
            Act::Close => {}
        }
    }

    fn is_open(&self, conn: ConnIndex) -> bool {
        self.open.get(&conn) == Some(&true)
    }

    /// Connects, unless the identity is another's: a ROUTER takes no notice of the second, and the
    /// recording tells whether the first was still there.
    fn connect(&mut self, now: u64, conn: ConnIndex, identity: &Bytes) {
        let about = &self.script.conns[conn];
        let name = (about.port, about.broker().to_owned(), identity.clone());
        let holder = self.names.get(&name).copied().filter(|_| !identity.is_empty());
        if let Some(holder) = holder {
            if !self.script.accepted_conns[conn] {
                return;
            }
            self.open.insert(holder, false);
            self.ours.worker_left(now, holder);
            self.target.close(now, holder);
        }
        let opening = Opening {
            port: about.port,
            broker: about.broker(),
            identity: identity.clone(),
            wants_ids: self.script.wants_ids[conn],
        };
        self.ours.identified(conn, identity);
        self.target.open(now, conn, &opening);
        self.open.insert(conn, true);
        self.names.insert(name, conn);
    }

    fn ask(
        &mut self,
        now: u64,
        conn: ConnIndex,
        request: RequestIndex,
        frames: &[Bytes],
        about: Option<JobIndex>,
    ) {
        let mut frames = frames.to_vec();
        if let Some(job) = about
            && let Some(ours) = self.our_job(job)
        {
            let (from, to) = (&self.script.recorded.jobs[job].id, &self.ours.jobs[ours].id);
            frames = with_id(&frames, from, to);
        }
        let ours = self.ours.client_sent(now, conn, frames.clone());
        self.requests.insert(request, ours);
        self.target.say(now, conn, frames);
    }

    fn tell(&mut self, now: u64, conn: ConnIndex, frames: Vec<Bytes>) {
        let whole: Vec<Frame> = frames.iter().cloned().map(Frame::whole).collect();
        self.ours.worker_sent(now, conn, &whole);
        self.target.say(now, conn, frames);
    }

    fn live(&mut self, now: u64, conn: ConnIndex) {
        let Some(worker) = self.ours.workers.get(&conn) else { return };
        let is_open = self.is_open(conn);
        if let Some((form, _)) = worker.ready
            && is_open
            && worker.holds().is_none()
        {
            self.tell(now, conn, WorkerMessage::heartbeat(form));
        }
    }

    // --- what the broker does

    fn hear(&mut self, now: u64, conn: ConnIndex, frames: Vec<Bytes>) {
        let frames: Vec<Frame> = frames.into_iter().map(Frame::whole).collect();
        match self.script.conns[conn].port {
            Port::Frontend => drop(self.ours.client_received(now, conn, frames)),
            Port::Backend => {
                if let Some(job) = self.ours.worker_received(now, conn, frames) {
                    self.schedule_answers(now, conn, job);
                }
            }
            Port::News | Port::Http => {}
        }
    }

    /// Plans what the worker that has just got a job will say of it: what the recording has of that job.
    fn schedule_answers(&mut self, now: u64, conn: ConnIndex, job: JobIndex) {
        let run = self.ours.jobs[job].runs.len() - 1;
        let pattern = self.pattern(conn, job, run);
        let Some(pattern) = pattern.filter(|pattern| self.is_played_out(conn, run, pattern)) else {
            return self.complete_at_once(now, conn, job, run);
        };
        let recorded_id = self.ours.jobs[job].request.and_then(|request| {
            let recorded = self.recorded_request(request)?;
            self.script.recorded.id_of(recorded).cloned()
        });
        for answer in &pattern.answers {
            let at = answer.at.max(now + answer.at.saturating_sub(pattern.order.at));
            let frames: Vec<Bytes> = answer.frames.iter().map(Frame::filled).collect();
            let frames = self.in_form_of(conn, pattern.conn, frames, recorded_id.as_ref(), job);
            self.schedule_at(at, Scheduled::Answer { job, run, frames, last: is_last(answer.verb) });
        }
    }

    /// The recorded run after which this one is to be played: of the same worker if there is one, else one
    /// that came to something.
    fn pattern(&mut self, conn: ConnIndex, job: JobIndex, run: usize) -> Option<Run> {
        let request = self.recorded_request(self.ours.jobs[job].request?)?;
        let recorded = self.script.recorded.requests[request].job?;
        let runs = &self.script.recorded.jobs[recorded].runs;
        let used = self.chosen.entry(recorded).or_default();
        let of_worker = (0..runs.len()).find(|index| runs[*index].conn == conn && !used.contains(index));
        let nth = (run < runs.len()).then_some(run).filter(|&run| !runs[run].answers.is_empty());
        let answered = runs.iter().rposition(|run| !run.answers.is_empty());
        let index = of_worker.or(nth).or(answered).or(runs.len().checked_sub(1))?;
        used.push(index);
        Some(runs[index].clone())
    }

    /// Whether a pattern says what this worker does: it answers, or it is this worker's own silence, or that
    /// of one that stayed silent and stayed. What a worker does with the job that another died of, it does
    /// not say.
    fn is_played_out(&self, conn: ConnIndex, run: usize, pattern: &Run) -> bool {
        let left =
            self.script.recorded.workers.get(&pattern.conn).is_some_and(|worker| worker.left.is_some());
        !pattern.answers.is_empty() || pattern.conn == conn || (run == 0 && !left)
    }

    /// A job that the recorded broker gave to nobody is done at once, so that its worker is free again as
    /// it was in the recording.
    fn complete_at_once(&mut self, now: u64, conn: ConnIndex, job: JobIndex, run: usize) {
        let service = self.service_of(conn, job);
        let id = self.ours.jobs[job].id.clone();
        let frames = WorkerMessage::answer(self.form_of(conn), Verb::Complete, &service, None, &id);
        self.schedule_at(now + 200, Scheduled::Answer { job, run, frames, last: true });
    }

    fn answer(&mut self, now: u64, job: JobIndex, run: usize, frames: Vec<Bytes>) {
        let conn = self.ours.jobs[job].runs[run].conn;
        let is_open = self.is_open(conn);
        if is_open && self.has(conn, job, run) {
            self.tell(now, conn, frames);
        }
    }

    /// The recorded answer for our id; in the form of the worker that has the job, if that is another.
    fn in_form_of(
        &self,
        conn: ConnIndex,
        recorded: ConnIndex,
        frames: Vec<Bytes>,
        recorded_id: Option<&Bytes>,
        job: JobIndex,
    ) -> Vec<Bytes> {
        let id = &self.ours.jobs[job].id;
        let form = |conversation: &Conversation, conn| {
            conversation.workers.get(&conn).and_then(|worker| worker.ready)
        };
        let (ours, theirs) = (form(&self.ours, conn), form(&self.script.recorded, recorded));
        let same = ours.map(|(form, _)| form) == theirs.map(|(form, _)| form);
        match (WorkerMessage::read(&frames), recorded_id) {
            (WorkerMessage::Answer { verb, service, value, .. }, _) if !same => {
                WorkerMessage::answer(self.form_of(conn), verb, &service, value, id)
            }
            (_, Some(recorded_id)) => with_id(&frames, recorded_id, id),
            (_, None) => frames,
        }
    }

    fn form_of(&self, conn: ConnIndex) -> WorkerForm {
        let worker = self.ours.workers.get(&conn);
        worker.and_then(|worker| worker.ready).map_or(WorkerForm::Zmws1, |(form, _)| form)
    }

    fn service_of(&self, conn: ConnIndex, job: JobIndex) -> Bytes {
        let asked = self.ours.jobs[job].request.map(|request| &self.ours.requests[request].message);
        let offered =
            || self.ours.workers.get(&conn).and_then(|worker| worker.services.keys().next().cloned());
        asked.map(|asked| asked.service.clone()).or_else(offered).unwrap_or_default()
    }

    // --- which is which

    fn recorded_request(&self, ours: RequestIndex) -> Option<RequestIndex> {
        self.requests.iter().find(|(_, request)| **request == ours).map(|(recorded, _)| *recorded)
    }

    fn our_job(&self, recorded: JobIndex) -> Option<JobIndex> {
        let request = self.script.recorded.jobs[recorded].request?;
        self.ours.requests[*self.requests.get(&request)?].job
    }
}

/// Whether a worker had said before `at` how a job ended.
fn is_done(job: &Job, at: u64) -> bool {
    let mut answers = job.runs.iter().flat_map(|run| &run.answers);
    answers.any(|answer| is_last(answer.verb) && answer.at < at)
}

/// The frames with one job's id in place of another's.
fn with_id(frames: &[Bytes], from: &[u8], to: &[u8]) -> Vec<Bytes> {
    frames.iter().map(|frame| replaced(frame, from, to)).collect()
}

/// A short frame with one job's id in place of another's. Long frames carry values, not ids.
pub(crate) fn replaced(frame: &Bytes, from: &[u8], to: &[u8]) -> Bytes {
    if from.is_empty() || frame.len() > 4 * 1024 {
        return frame.clone();
    }
    match frame.windows(from.len()).position(|window| window == from) {
        Some(at) => Bytes::from([&frame[..at], to, &frame[at + from.len()..]].concat()),
        None => frame.clone(),
    }
}

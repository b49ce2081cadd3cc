//! What no broker may do, whatever the recording shows.

use super::{About, Difference, Kind, Law, Scene};
use crate::glance::{Kind as Asking, Reply, is_id};
use crate::ledger::{Job, Offence, Question, Worker};
use crate::trace::{ConnIndex, Frame, to_text};

/// A broker need not do at once what it does within this time, in microseconds.
const AT_ONCE: u64 = 50_000;

pub(super) fn differences(scene: Scene<'_>) -> Vec<Difference> {
    let court = Court { scene };
    let mut found = court.offences();
    found.extend(court.jobs());
    for (&conn, worker) in &scene.ours().workers {
        found.extend(court.heartbeats(conn, worker, scene.played.slack));
        found.extend(court.ready(conn, worker));
    }
    // A recording of ours is held to the same measure; the original has its own.
    if court.is_of_ours() {
        let workers = scene.recorded().workers.iter();
        let deaf = workers.filter_map(|(&conn, worker)| court.heartbeats(conn, worker, scene.interval() / 4));
        found.extend(deaf.map(|difference| Difference { kind: Kind::Recorded, ..difference }));
    }
    found
}

struct Court<'a> {
    scene: Scene<'a>,
}

impl Court<'_> {
    /// Within which time a broker does what it does at once, in microseconds.
    fn at_once(&self) -> u64 {
        AT_ONCE + self.scene.played.slack
    }

    /// Whether the recorded broker was one of ours. A written recording shows what is specified, no more.
    fn is_of_ours(&self) -> bool {
        self.scene.header.upstream.starts_with("zmws")
    }

    fn offences(&self) -> Vec<Difference> {
        let offence = |&(at, offence): &(u64, Offence)| match offence {
            Offence::ToBusy { conn, job, .. } => {
                self.found(at, self.of_job(job, conn), Law::OneJobAWorker, "given to a worker that has a job")
            }
            Offence::ToWrong { job } => {
                let words = "given to a worker of another service";
                self.found(at, self.of_job(job, 0), Law::JobsFitTheWorker, words)
            }
            Offence::Twice { job } => {
                self.found(at, self.of_job(job, 0), Law::OneWorkerAJob, "given to two workers at a time")
            }
            Offence::SameId { question } => {
                self.found(at, self.of_question(question), Law::IdsAreUnique, "two jobs have one id")
            }
            Offence::BeatToBusy { conn, .. } => {
                self.found(at, About::Conn(conn), Law::BusyWorkersHearNone, "a heartbeat for a busy worker")
            }
            Offence::NoSource { question } => {
                let about = self.of_question(question);
                self.found(at, about, Law::ResultsHaveASource, "a result that no worker gave")
            }
        };
        let mut found: Vec<Difference> = self.scene.ours().offences.iter().map(offence).collect();
        for (conn, heard) in &self.scene.ours().strays {
            let words = "an answer for a client that did not ask";
            let difference = self.found(heard.at, About::Conn(*conn), Law::AnswersGoToWhoAsked, words);
            found.push(Difference { ours: Some(heard.frames.clone()), ..difference });
        }
        found
    }

    // --- jobs

    fn jobs(&self) -> Vec<Difference> {
        let mut found = Vec::new();
        for question in &self.scene.ours().questions {
            let Some(job) = question.job.map(|job| &self.scene.ours().jobs[job]) else { continue };
            let Some(about) = job.question.map(|question| self.of_question(question)) else { continue };
            let breaks = self.of_one_job(question, job);
            found.extend(breaks.into_iter().map(|(at, law, words)| self.found(at, about, law, words)));
        }
        found
    }

    fn of_one_job(&self, question: &Question, job: &Job) -> Vec<(u64, Law, &'static str)> {
        let mut found = Vec::new();
        if !is_id(&job.id) {
            found.push((question.at, Law::IdsLookLikeIds, "its id does not look like one"));
        }
        if let Some(run) = job.runs.first() {
            let accepted = question
                .replies
                .iter()
                .find(|reply| matches!(Reply::read(&reply.frames), Reply::Accepted { .. }));
            // Over a network the two may overtake each other.
            let late = self.scene.played.slack == 0
                && accepted.map_or(question.asked.kind == Asking::Background, |accepted| {
                    accepted.sequence > run.order.sequence
                });
            if late {
                found.push((run.order.at, Law::AcknowledgedFirst, "given out before it was acknowledged"));
            }
        }
        for run in &job.runs {
            let worker = &self.scene.ours().workers[&run.conn];
            if self.is_silent(worker, run.order.at) {
                found.push((run.order.at, Law::NoJobForTheSilent, "given to a worker long silent"));
            }
            if self.differs(&job.runs[0].order.frames, &run.order.frames) {
                found.push((run.order.at, Law::JobsStayTheSame, "given out again as another job"));
            }
        }
        found.extend(self.waited_for_nothing(question, job));
        found
    }

    /// Whether two orders of one length are not one job's. The first frame may name the client in one
    /// dialect.
    fn differs(&self, first: &[Frame], again: &[Frame]) -> bool {
        first.len() == again.len() && first != again
    }

    /// A worker that is not heard of for longer than any broker waits.
    fn is_silent(&self, worker: &Worker, at: u64) -> bool {
        let last = worker.signs.iter().copied().filter(|&sign| sign <= at).max().unwrap_or(0);
        let patience = u64::from(self.scene.header.heartbeat_maxtries) + 2;
        at.saturating_sub(last) > self.scene.interval() * patience
    }

    /// Whether a job waited for its first worker while one that offers its service had nothing to do.
    fn waited_for_nothing(&self, question: &Question, job: &Job) -> Option<(u64, Law, &'static str)> {
        let until = job.runs.first().map_or(self.scene.script.end, |run| run.order.at);
        let service = &question.asked.service;
        let expiry = self.scene.interval() * u64::from(self.scene.header.heartbeat_maxtries);
        let workers = self.scene.ours().workers.values();
        let idle = workers.filter_map(|worker| {
            let since = *worker.services.get(service)?;
            let mut at = question.at.max(since);
            let end = until.min(worker.left.unwrap_or(until));
            for busy in &worker.busy {
                if busy.from > at + self.at_once() {
                    break;
                }
                at = at.max(busy.to.unwrap_or(u64::MAX));
            }
            let last_sign = worker.signs.iter().copied().filter(|&sign| sign <= at).max()?;
            (at.saturating_add(self.at_once()) < end && at + self.at_once() < last_sign + expiry)
                .then_some(at)
        });
        let at = idle.min()?;
        Some((at, Law::NoJobWaitsForNothing, "waited though a worker was idle"))
    }

    // --- heartbeats

    /// An idle worker hears something each interval, with half of one to spare.
    fn heartbeats(&self, conn: ConnIndex, worker: &Worker, slack: u64) -> Option<Difference> {
        let (_, ready) = worker.ready?;
        let interval = self.scene.interval();
        let expiry = interval * u64::from(self.scene.header.heartbeat_maxtries);
        let mut heard = worker.beats.iter().copied().peekable();
        let mut since = ready;
        let end = worker.left.unwrap_or(self.scene.script.end);
        let mut busy = worker.busy.iter();
        let mut next_busy = busy.next();
        loop {
            let due = since + interval + interval / 2 + slack;
            let beat = heard.find(|&beat| beat > since);
            if let Some(span) = next_busy.filter(|span| span.from <= beat.unwrap_or(u64::MAX).min(due)) {
                since = since.max(span.to?);
                next_busy = busy.next();
                heard = worker.beats.iter().copied().peekable();
                continue;
            }
            let last_sign = worker.signs.iter().copied().filter(|&sign| sign <= due).max().unwrap_or(ready);
            if due >= end || due >= last_sign + expiry {
                return None;
            }
            match beat.filter(|&beat| beat <= due) {
                Some(beat) => since = beat,
                None => {
                    let words = "an idle worker heard no heartbeat in one and a half intervals";
                    let law = Law::IdleWorkersHearHeartbeats;
                    return Some(self.found(due, About::Conn(conn), law, words));
                }
            }
        }
    }

    /// Where the recorded broker answers READY with HEARTBEAT at once, ours does.
    fn ready(&self, conn: ConnIndex, worker: &Worker) -> Option<Difference> {
        let answered = |worker: &Worker, within: u64| {
            let (_, ready) = worker.ready?;
            let beats = worker.beats.iter().chain(worker.busy.iter().map(|busy| &busy.from));
            Some(beats.copied().any(|at| (ready..ready + within).contains(&at)))
        };
        let recorded = self.scene.recorded().workers.get(&conn)?;
        let (theirs, ours) = (answered(recorded, AT_ONCE)?, answered(worker, self.at_once())?);
        // A recording was made over a network, perhaps of a machine with much to do.
        let late = self.is_of_ours() && !answered(recorded, self.scene.interval() / 2)?;
        let words = match (theirs, ours) {
            (true, false) => "READY was not answered at once",
            (false, true) if late => "READY was answered at once, which the recorded broker does not",
            _ => return None,
        };
        Some(self.found(worker.ready?.1, About::Conn(conn), Law::ReadyIsAnswered, words))
    }

    // --- words

    fn of_question(&self, ours: usize) -> About {
        self.scene
            .recorded_of(ours)
            .map_or(About::Conn(self.scene.ours().questions[ours].conn), About::Question)
    }

    fn of_job(&self, job: usize, conn: ConnIndex) -> About {
        self.scene.ours().jobs[job].question.map_or(About::Conn(conn), |question| self.of_question(question))
    }

    fn found(&self, at: u64, about: About, law: Law, words: &str) -> Difference {
        let subject = match about {
            About::Conn(conn) => self.scene.script.conns[conn].peer.clone(),
            About::Question(question) => {
                let asked = &self.scene.recorded().questions[question];
                let peer = &self.scene.script.conns[asked.conn].peer;
                format!("{peer} asked {:?}", to_text(&asked.asked.job[..asked.asked.job.len().min(40)]))
            }
        };
        let words = format!("{subject}: {words}");
        Difference { about, kind: Kind::Law(law), recorded: None, ours: None, at, words }
    }
}

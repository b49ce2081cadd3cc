//! What no broker may do, whatever the recording shows.

use super::{About, Comparison, Difference, Kind};
use crate::classify::{Reply, RequestKind, is_id};
use crate::conversation::{Job, Request, Violation, Worker};
use crate::trace::ConnIndex;

/// A broker need not do at once what it does within this time, in microseconds.
const AT_ONCE: u64 = 50_000;

pub(super) fn differences(comparison: Comparison<'_>) -> Vec<Difference> {
    let check = Checker { comparison };
    let mut found = check.violations();
    found.extend(check.jobs());
    for (&conn, worker) in &comparison.ours().workers {
        found.extend(check.heartbeats(conn, worker, comparison.played.slack));
        found.extend(check.ready(conn, worker));
    }
    // A recording of ours is held to the same measure; the original has its own.
    if check.is_of_ours() {
        let workers = comparison.recorded().workers.iter();
        let deaf =
            workers.filter_map(|(&conn, worker)| check.heartbeats(conn, worker, comparison.interval() / 4));
        found.extend(deaf.map(|difference| Difference { kind: Kind::Recorded, ..difference }));
    }
    found
}

struct Checker<'a> {
    comparison: Comparison<'a>,
}

impl Checker<'_> {
    /// Within which time a broker does what it does at once, in microseconds.
    fn at_once(&self) -> u64 {
        AT_ONCE + self.comparison.played.slack
    }

    /// Whether the recorded broker was one of ours. A written recording shows what is specified, no more.
    fn is_of_ours(&self) -> bool {
        self.comparison.header.upstream.starts_with("zmws")
    }

    fn violations(&self) -> Vec<Difference> {
        let violation = |&(at, violation): &(u64, Violation)| match violation {
            Violation::ToBusy { conn, job, .. } => {
                self.found(at, self.of_job(job, conn), "given to a worker that has a job")
            }
            Violation::ToWrong { job } => {
                let words = "given to a worker of another service";
                self.found(at, self.of_job(job, 0), words)
            }
            Violation::Twice { job } => self.found(at, self.of_job(job, 0), "given to two workers at a time"),
            Violation::SameId { request } => self.found(at, self.of_request(request), "two jobs have one id"),
            Violation::BeatToBusy { conn, .. } => {
                self.found(at, About::Conn(conn), "a heartbeat for a busy worker")
            }
            Violation::NoSource { request } => {
                let about = self.of_request(request);
                self.found(at, about, "a result that no worker gave")
            }
        };
        let mut found: Vec<Difference> = self.comparison.ours().violations.iter().map(violation).collect();
        for (conn, heard) in &self.comparison.ours().strays {
            let words = "an answer for a client that did not ask";
            let difference = self.found(heard.at, About::Conn(*conn), words);
            found.push(Difference { ours: Some(heard.frames.clone()), ..difference });
        }
        found
    }

    // --- jobs

    fn jobs(&self) -> Vec<Difference> {
        let mut found = Vec::new();
        for request in &self.comparison.ours().requests {
            let Some(job) = request.job.map(|job| &self.comparison.ours().jobs[job]) else { continue };
            let Some(about) = job.request.map(|request| self.of_request(request)) else { continue };
            let breaks = self.of_one_job(request, job);
            found.extend(breaks.into_iter().map(|(at, words)| self.found(at, about, words)));
        }
        found
    }

    fn of_one_job(&self, request: &Request, job: &Job) -> Vec<(u64, &'static str)> {
        let mut found = Vec::new();
        if !is_id(&job.id) {
            found.push((request.at, "its id does not look like one"));
        }
        if let Some(run) = job.runs.first() {
            let accepted = request
                .replies
                .iter()
                .find(|reply| matches!(Reply::read(&reply.frames), Reply::Accepted { .. }));
            // Over a network the two may overtake each other.
            let late = self.comparison.played.slack == 0
                && accepted.map_or(request.message.kind == RequestKind::Background, |accepted| {
                    accepted.sequence > run.order.sequence
                });
            if late {
                found.push((run.order.at, "given out before it was acknowledged"));
            }
        }
        for run in &job.runs {
            let worker = &self.comparison.ours().workers[&run.conn];
            if self.is_silent(worker, run.order.at) {
                found.push((run.order.at, "given to a worker long silent"));
            }
            let (first, again) = (&job.runs[0].order.frames, &run.order.frames);
            // Another dialect has another number of frames.
            if first.len() == again.len() && first != again {
                found.push((run.order.at, "given out again as another job"));
            }
        }
        found.extend(self.waited_for_nothing(request, job));
        found
    }

    /// A worker that is not heard of for longer than any broker waits.
    fn is_silent(&self, worker: &Worker, at: u64) -> bool {
        let last = worker.last_sign(at).unwrap_or(0);
        let patience = self.comparison.expiry() + 2 * self.comparison.interval();
        at.saturating_sub(last) > patience
    }

    /// Whether a job waited for its first worker while one that offers its service had nothing to do.
    fn waited_for_nothing(&self, request: &Request, job: &Job) -> Option<(u64, &'static str)> {
        let until = job.runs.first().map_or(self.comparison.script.end, |run| run.order.at);
        let service = &request.message.service;
        let expiry = self.comparison.expiry();
        let workers = self.comparison.ours().workers.values();
        let idle = workers.filter_map(|worker| {
            let since = *worker.services.get(service)?;
            let mut at = request.at.max(since);
            let end = until.min(worker.left.unwrap_or(until));
            for busy in &worker.busy {
                if busy.from > at + self.at_once() {
                    break;
                }
                at = at.max(busy.to.unwrap_or(u64::MAX));
            }
            let last_sign = worker.last_sign(at)?;
            (at.saturating_add(self.at_once()) < end && at + self.at_once() < last_sign + expiry)
                .then_some(at)
        });
        let at = idle.min()?;
        Some((at, "waited though a worker was idle"))
    }

    // --- heartbeats

    /// An idle worker hears something each interval, with half of one to spare.
    fn heartbeats(&self, conn: ConnIndex, worker: &Worker, slack: u64) -> Option<Difference> {
        let (_, ready) = worker.ready?;
        let interval = self.comparison.interval();
        let expiry = self.comparison.expiry();
        let mut heard = worker.beats.iter().copied().peekable();
        let mut since = ready;
        let end = worker.left.unwrap_or(self.comparison.script.end);
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
            let last_sign = worker.last_sign(due).unwrap_or(ready);
            if due >= end || due >= last_sign + expiry {
                return None;
            }
            match beat.filter(|&beat| beat <= due) {
                Some(beat) => since = beat,
                None => {
                    let words = "an idle worker heard no heartbeat in one and a half intervals";
                    return Some(self.found(due, About::Conn(conn), words));
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
        let recorded = self.comparison.recorded().workers.get(&conn)?;
        let (theirs, ours) = (answered(recorded, AT_ONCE)?, answered(worker, self.at_once())?);
        // A recording was made over a network, perhaps of a machine with much to do.
        let late = self.is_of_ours() && !answered(recorded, self.comparison.interval() / 2)?;
        let words = match (theirs, ours) {
            (true, false) => "READY was not answered at once",
            (false, true) if late => "READY was answered at once, which the recorded broker does not",
            _ => return None,
        };
        Some(self.found(worker.ready?.1, About::Conn(conn), words))
    }

    // --- words

    fn of_request(&self, ours: usize) -> About {
        self.comparison
            .recorded_of(ours)
            .map_or(About::Conn(self.comparison.ours().requests[ours].conn), About::Request)
    }

    fn of_job(&self, job: usize, conn: ConnIndex) -> About {
        self.comparison.ours().jobs[job].request.map_or(About::Conn(conn), |request| self.of_request(request))
    }

    fn found(&self, at: u64, about: About, words: &str) -> Difference {
        let subject = self.comparison.subject(about);
        let words = format!("{subject}: {words}");
        Difference { about, kind: Kind::Invariant, recorded: None, ours: None, at, words }
    }
}

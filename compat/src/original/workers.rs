//! What the original tells its workers (original.md §2.3), and to whom it gives a job (§3, §4).

use bytes::Bytes;

use super::{Finding, Original};
use crate::classify::worker::{WorkerForm, WorkerMessage, WorkerOrder};
use crate::classify::{ClientMessage, Generation};
use crate::conversation::{Conversation, Job, Run, Violation};
use crate::differ::{About, Comparison};
use crate::script::Act;
use crate::trace::{ConnIndex, Frame};

/// How exactly a recording tells when something was, in microseconds.
pub(crate) const JITTER: u64 = 50_000;

/// Whether the original takes bytes for an identity that it made hexadecimal itself (quirk 8).
pub(crate) fn looks_hex(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'@') && matches!(bytes.len(), 33 | 35)
}

/// What it then makes of them.
pub(crate) fn unhexed(bytes: &[u8]) -> Option<Bytes> {
    let digit = |&byte: &u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if !looks_hex(bytes) {
        return None;
    }
    let pair = |pair: &[u8]| digit(&pair[0]).unwrap_or(0) << 4 | digit(&pair[1]).unwrap_or(0);
    Some(bytes[1..].chunks_exact(2).map(pair).collect())
}

/// Whether a worker had been silent for so long at `at` that the recorded broker may have given it up.
pub(crate) fn is_overdue(comparison: Comparison<'_>, conn: ConnIndex, at: u64) -> bool {
    let worker = comparison.recorded().workers.get(&conn);
    let last = worker.and_then(|worker| worker.last_sign(at.saturating_sub(1))).unwrap_or(0);
    at.saturating_sub(last) + JITTER > comparison.expiry()
}

impl Original<'_> {
    pub(super) fn orders(&self) -> Vec<Finding> {
        let recorded = self.comparison.recorded();
        let mut found: Vec<Finding> =
            recorded.violations.iter().filter_map(|&(at, what)| self.violation(at, what)).collect();
        for job in &recorded.jobs {
            found.extend(job.runs.iter().filter_map(|run| self.order(job, run)));
        }
        for (&conn, worker) in &recorded.workers {
            found.extend(worker.others.iter().map(|heard| Finding {
                at: heard.at,
                about: About::Conn(conn),
                frames: Some(heard.frames.clone()),
                words: "a worker is told what is neither a job nor a heartbeat",
            }));
        }
        found
    }

    fn violation(&self, at: u64, violation: Violation) -> Option<Finding> {
        let recorded = self.comparison.recorded();
        let (conn, words) = match violation {
            Violation::ToBusy { conn, anew: false, .. } => (conn, "a worker that has a job is given one"),
            Violation::BeatToBusy { conn, anew: false } => {
                (conn, "a worker that has a job hears a heartbeat")
            }
            Violation::Twice { job } => {
                let is_held = |conn: ConnIndex| !is_overdue(self.comparison, conn, at);
                let holder = holders(recorded, job, at).find(|&conn| is_held(conn))?;
                (holder, "a job is given out while a worker that is heard of has it")
            }
            Violation::ToWrong { job } => {
                let run = recorded.jobs[job].runs.iter().find(|run| run.order.at == at)?;
                let service = job_service(recorded, job)?;
                let worker = &recorded.workers[&run.conn];
                if self.is_foreign(run.conn) || worker.named.contains_key(service) {
                    return None;
                }
                (run.conn, "a worker is given a job of a service that it does not offer")
            }
            _ => return None,
        };
        Some(Finding { at, about: About::Conn(conn), frames: None, words })
    }

    /// A worker of another version's dialect, which has no READY that this one reads.
    fn is_foreign(&self, conn: ConnIndex) -> bool {
        let ready = self.comparison.recorded().workers.get(&conn).and_then(|worker| worker.ready);
        ready.is_none_or(|(form, _)| self.version.worker_form().is_some_and(|own| own != form))
    }

    fn order(&self, job: &Job, run: &Run) -> Option<Finding> {
        let frames = &run.order.frames;
        let about = job.request.map_or(About::Conn(run.conn), About::Request);
        let finding = |words| Some(Finding { at: run.order.at, about, frames: Some(frames.clone()), words });
        // A worker that a recording lacks.
        if frames.is_empty() {
            return None;
        }
        if !self.is_shaped(frames) {
            return finding("an order in a form that its broker has not");
        }
        let Some(request) = job.request.map(|request| &self.comparison.recorded().requests[request]) else {
            return self.is_asked_for(run).then(|| finding("a job that nobody asked for"))?;
        };
        let WorkerOrder::Run { param, client, .. } = WorkerOrder::read(frames) else { return None };
        if !self.passes(
            &self.version.reads(self.comparison.recorded().generation(), request),
            frames,
            param.as_ref(),
        ) {
            return finding("a parameter that the client did not send");
        }
        let own = self.comparison.recorded().identity_of(request.conn);
        let is_own = |client: Bytes, own: &Bytes| client == own || unhexed(own) == Some(client);
        if client.zip(own).is_some_and(|(client, own)| !is_own(client, own)) {
            return finding("a client that is not the one who asked");
        }
        (frames[..frames.len() - 1] != job.runs[0].order.frames[..frames.len() - 1])
            .then(|| finding("a job that is another when it is given out again"))?
    }

    /// Whether the recording has who might have asked for it.
    fn is_asked_for(&self, run: &Run) -> bool {
        let conns = &self.comparison.script.conns;
        let broker = conns[run.conn].broker();
        let requests = &self.comparison.recorded().requests;
        requests.iter().any(|request| conns[request.conn].broker() == broker)
    }

    fn is_shaped(&self, frames: &[Frame]) -> bool {
        let is = |index: usize, text: &str| frames[index].bytes == text;
        let zmws1 = frames.len() == 4 && !is(0, "") && is(1, "");
        let zmws2 = frames.len() == 5 && is(0, "") && is(1, "MDPC02") && is(2, "1");
        match self.version.worker_form() {
            Some(WorkerForm::Zmws1) => zmws1,
            Some(_) => zmws2,
            None => zmws1 || zmws2,
        }
    }

    /// Whether the original passes this parameter on for that request: as it was sent or, where nothing was
    /// sent or what PHP takes for nothing, the job frame (quirks 6 to 8).
    fn passes(&self, asked: &ClientMessage, frames: &[Frame], param: Option<&Bytes>) -> bool {
        let frame = &frames[frames.len() - 2];
        let sent = asked.param.as_ref();
        let is_nothing = sent.is_none_or(|sent| sent.is_empty() || sent == "0");
        let as_sent = sent.is_some_and(|sent| match (unhexed(sent), frames.len()) {
            (Some(decoded), 4) => frame.admits(&decoded),
            _ => frame.admits(sent),
        });
        let is_kept = self.comparison.recorded().generation() == Generation::One || !is_nothing;
        param.is_some() && (as_sent && is_kept || is_nothing && frame.admits(&asked.job))
    }

    /// A worker that speaks of a job before anybody of its name was given it: the order went elsewhere.
    pub(super) fn unheard_of(&self) -> Vec<Finding> {
        let (recorded, conns) = (self.comparison.recorded(), &self.comparison.script.conns);
        let was_given = |job: usize, conn: ConnIndex, at: u64| {
            let peer = &conns[conn].peer;
            recorded.jobs[job].runs.iter().any(|run| conns[run.conn].peer == *peer && run.order.at <= at)
        };
        let of_runs = recorded.jobs.iter().enumerate().flat_map(|(job, of)| {
            let answers = of.runs.iter().flat_map(|run| &run.answers);
            answers.filter_map(move |answer| Some((job, answer.conn?, answer.at)))
        });
        let told = self.comparison.script.steps.iter().filter_map(|step| {
            let (Act::Tell(frames), Some(conn)) = (&step.act, step.conn) else { return None };
            let WorkerMessage::Answer { id, .. } = WorkerMessage::read(frames) else { return None };
            Some((recorded.job_of(conn, &id)?, conn, step.at))
        });
        let wrong = of_runs.chain(told).filter(|&(job, conn, at)| !was_given(job, conn, at));
        let words = "a worker speaks of a job that it was not given";
        wrong.map(|(_, conn, at)| Finding { at, about: About::Conn(conn), frames: None, words }).collect()
    }
}

fn job_service(recorded: &Conversation, job: usize) -> Option<&Bytes> {
    recorded.jobs[job].request.map(|request| &recorded.requests[request].message.service)
}

/// Who had a job when it was given out at `at`.
fn holders(recorded: &Conversation, job: usize, at: u64) -> impl Iterator<Item = ConnIndex> {
    let had = move |busy: &crate::conversation::Busy| {
        busy.job == job && busy.from < at && busy.to.is_none_or(|to| to > at)
    };
    recorded.workers.iter().filter(move |(_, worker)| worker.busy.iter().any(had)).map(|(&conn, _)| conn)
}

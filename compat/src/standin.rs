//! Workers for a recording of the clients' port alone.
//!
//! Where no worker was recorded, but clients got results, each service gets one worker, which gives the
//! results that its clients got.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::glance::Reply;
use crate::glance_worker::{Said, Verb, WorkerForm};
use crate::ledger::{Answer, Heard, JobIndex, Ledger, Run};
use crate::script::{Act, Script, Step};
use crate::trace::{Conn, ConnIndex, Frame, Port};

/// Adds the workers that `script` lacks, each heard of every `period` microseconds.
pub(crate) fn add(script: &mut Script, period: u64) {
    let recorded_workers = script.conns.iter().any(|conn| conn.port == Port::Backend);
    if recorded_workers {
        return;
    }
    let mut workers: BTreeMap<Bytes, ConnIndex> = BTreeMap::new();
    for job in 0..script.recorded.jobs.len() {
        let Some(question) = script.recorded.jobs[job].question else { continue };
        let service = script.recorded.questions[question].asked.service.clone();
        let conn = *workers.entry(service.clone()).or_insert_with(|| hire(script, &service, period));
        let run = run(&script.recorded, job, conn, &service);
        script.recorded.jobs[job].runs.push(run);
    }
}

/// A worker that is there from the start.
fn hire(script: &mut Script, service: &Bytes, period: u64) -> ConnIndex {
    let conn = script.conns.len();
    let peer = format!("worker-of-{}", String::from_utf8_lossy(service));
    script.conns.push(Conn { peer, number: 1, port: Port::Backend });
    script.welcome.push(true);
    let ready = vec![service.clone(), Bytes::from_static(b"READY")];
    let mut step = |at, act| script.steps.push(Step { at, conn: Some(conn), act });
    step(0, Act::Open(Bytes::new()));
    step(0, Act::Tell(ready));
    for at in (0..script.end).step_by(period as usize).skip(1) {
        step(at, Act::Live);
    }
    conn
}

/// What the worker did, by what the client got. Its order is not known: it has no frames.
fn run(recorded: &Ledger, job: JobIndex, conn: ConnIndex, service: &Bytes) -> Run {
    let id = &recorded.jobs[job].id;
    let question = recorded.jobs[job].question.map(|question| &recorded.questions[question]);
    let at = question.map_or(0, |question| question.at);
    let replies = question.map_or(&[][..], |question| &question.replies);
    let mut answers: Vec<Answer> = replies.iter().filter_map(|reply| answer(reply, service, id)).collect();
    if replies.iter().any(|reply| matches!(Reply::read(&reply.frames), Reply::Accepted { .. })) {
        let frames = Said::answer(WorkerForm::Zmws1, Verb::Complete, service, None, id);
        let frames = frames.into_iter().map(Frame::whole).collect();
        answers.push(Answer { at: at + 100, frames, verb: Verb::Complete });
    }
    Run { order: Heard { at, sequence: 0, frames: Vec::new() }, conn, answers }
}

fn answer(reply: &Heard, service: &Bytes, id: &Bytes) -> Option<Answer> {
    let failed = reply.frames.iter().any(|frame| frame.bytes.starts_with(b"FAIL: "));
    let verb = match Reply::read(&reply.frames) {
        Reply::Ended { .. } if failed => Verb::Fail,
        Reply::Ended { .. } => Verb::Complete,
        Reply::Part { .. } => Verb::Part,
        Reply::Accepted { .. } | Reply::Refused { .. } | Reply::Majordomo { .. } | Reply::Other => {
            return None;
        }
    };
    let value = reply.frames.last().map(Frame::filled).filter(|value| !value.is_empty());
    let frames = Said::answer(WorkerForm::Zmws1, verb, service, value, id);
    Some(Answer { at: reply.at, frames: frames.into_iter().map(Frame::whole).collect(), verb })
}

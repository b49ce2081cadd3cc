//! Workers for a recording of the clients' port alone.
//!
//! Where no worker was recorded, but clients got results, each service gets one worker, which gives the
//! results that its clients got.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::classify::Reply;
use crate::classify::worker::{Verb, WorkerForm, WorkerMessage};
use crate::conversation::{Answer, BrokerMessage, Conversation, Job, JobIndex, RequestIndex, Run};
use crate::script::{Act, Script, Step};
use crate::trace::{Conn, ConnIndex, Frame, Port};

/// Adds the workers that `script` lacks, each heard of every `period` microseconds.
pub(crate) fn add(script: &mut Script, period: u64) {
    let recorded_workers = script.conns.iter().any(|conn| conn.port == Port::Backend);
    if recorded_workers {
        return;
    }
    for request in 0..script.recorded.requests.len() {
        adopt(&mut script.recorded, request);
    }
    let mut workers: BTreeMap<Bytes, ConnIndex> = BTreeMap::new();
    for job in 0..script.recorded.jobs.len() {
        let Some(request) = script.recorded.jobs[job].request else { continue };
        let service = script.recorded.requests[request].message.service.clone();
        let answers = answers(&script.recorded, job, &service);
        if !answers.is_empty() {
            let conn = *workers.entry(service.clone()).or_insert_with(|| hire(script, &service, period));
            let at = script.recorded.requests[request].at;
            let order = BrokerMessage { at, sequence: 0, frames: Vec::new() };
            script.recorded.jobs[job].runs.push(Run { order, conn, answers });
        }
    }
}

/// Gives a Majordomo request that was answered its job: Majordomo tells no ids.
fn adopt(recorded: &mut Conversation, request: RequestIndex) {
    let asked = &recorded.requests[request];
    let managed = asked.message.service.starts_with(b"mmi.");
    let done =
        |reply: &BrokerMessage| matches!(Reply::read(&reply.frames), Reply::Majordomo { id: None, .. });
    if asked.job.is_none() && !managed && asked.replies.iter().any(done) {
        recorded.jobs.push(Job { id: Bytes::new(), request: Some(request), runs: Vec::new() });
        recorded.requests[request].job = Some(recorded.jobs.len() - 1);
    }
}

/// A worker that is there from the start.
fn hire(script: &mut Script, service: &Bytes, period: u64) -> ConnIndex {
    let conn = script.conns.len();
    let peer = format!("worker-of-{}", String::from_utf8_lossy(service));
    script.conns.push(Conn { peer, number: 1, port: Port::Backend });
    script.accepted_conns.push(true);
    script.wants_ids.push(false);
    let ready = vec![service.clone(), Bytes::from_static(b"READY")];
    let mut step = |at, act| script.steps.push(Step { at, conn: Some(conn), act });
    step(0, Act::Open(Bytes::new()));
    step(0, Act::Tell(ready));
    for at in (0..script.end).step_by(period as usize).skip(1) {
        step(at, Act::Heartbeat);
    }
    conn
}

/// What the worker said, by what the client got. Its order is not known: it has no frames.
fn answers(recorded: &Conversation, job: JobIndex, service: &Bytes) -> Vec<Answer> {
    let id = &recorded.jobs[job].id;
    let request = recorded.jobs[job].request.map(|request| &recorded.requests[request]);
    let replies = request.map_or(&[][..], |request| &request.replies);
    replies.iter().filter_map(|reply| answer(reply, service, id)).collect()
}

fn answer(reply: &BrokerMessage, service: &Bytes, id: &Bytes) -> Option<Answer> {
    let failed = reply.frames.iter().any(|frame| frame.bytes.starts_with(b"FAIL: "));
    let is_part = reply.frames.iter().any(|frame| frame.bytes == "\u{2}");
    let (at, verb) = match Reply::read(&reply.frames) {
        Reply::Ended { .. } if failed => (reply.at, Verb::Fail),
        Reply::Ended { .. } => (reply.at, Verb::Complete),
        Reply::Part { .. } => (reply.at, Verb::Part),
        Reply::Majordomo { id: None, .. } if is_part => (reply.at, Verb::Part),
        Reply::Majordomo { id: None, .. } => (reply.at, Verb::Complete),
        // Nobody knows when that was done, but it was.
        Reply::Accepted { .. } => (reply.at + 100, Verb::Complete),
        Reply::Majordomo { .. } | Reply::Refused { .. } | Reply::Other => return None,
    };
    let has_value = !matches!(Reply::read(&reply.frames), Reply::Accepted { .. });
    let value = reply.frames.last().map(Frame::filled).filter(|value| has_value && !value.is_empty());
    let frames = WorkerMessage::answer(WorkerForm::Zmws1, verb, service, value, id);
    Some(Answer { conn: None, at, frames: frames.into_iter().map(Frame::whole).collect(), verb })
}

//! zmws 1: clients of 0.9 … 1.0.0, workers of 0.9 … 2.0.0-rc4 (original.md §2).
//!
//! | from, to | frames |
//! |---|---|
//! | client, a job | `[""?, <param>?, ("JOB: ")?("SYNC-")?<service>]`: the last frame is the job, the first the parameter |
//! | client, taken | `["", "JOB: <id> <service>"]` |
//! | client, not taken | `["", "FAIL: <service>", <value>?]`: the value says why, where the original has no such refusal |
//! | client, result | `["", "COMPLETE: <service> [<id>]", <value>]`, `FAIL: …` alike |
//! | client, part | `["", "CONT: <service> [<id>]", <value>]` |
//! | client, list | `["", <json>]`; but for SERVER-JOBS the request's other frames come before the JSON, and the delimiter only if it had one (`1.0.0/server-info`) |
//! | worker, ready | `[<service>, "READY"]` |
//! | worker, answer | `[<value>?, <service>, "COMPLETE: <id>"]`, `FAIL: …`, `CONT: …` alike |
//! | worker, job | `[<client identity>, "", <param>, "JOB: <id>"]` |
//! | both, heartbeat | `["HEARTBEAT"]` |

use bytes::Bytes;

use super::text::{self, Verb};
use super::{Frames, Refusal, WireError};
use crate::job::Body;
use crate::message::{ClientCommand, ClientReply, JobRef, Origin, View, WorkerCommand, WorkerOrder};

pub(super) const HEARTBEAT: &[u8] = b"HEARTBEAT";

pub(super) fn decode_client_command(mut frames: Frames) -> Result<ClientCommand, Refusal> {
    let Some(job) = frames.pop() else {
        return Err(Refusal { error: WireError::Missing("job"), service: Bytes::new() });
    };
    let param = frames.first().cloned().unwrap_or_default();
    text::decode_request(&job, param, || frames)
}

pub(super) fn encode_client_command(command: &ClientCommand, frames: &mut Frames) -> Option<()> {
    match command {
        ClientCommand::Submit { service, body: Body::One(param), mode, .. } => {
            frames.extend((!param.is_empty()).then(|| param.clone()));
            frames.push(text::encode_request(b"JOB: ", service, *mode));
        }
        ClientCommand::Inspect { view, echo } => {
            frames.extend(echo.iter().cloned());
            frames.push(Bytes::from_static(text::view_name(*view)));
        }
        ClientCommand::Submit { body: Body::Many(_), .. }
        | ClientCommand::Manage { .. }
        | ClientCommand::Finish { .. } => return None,
    }
    Some(())
}

pub(super) fn encode_client_reply(origin: &Origin, reply: &ClientReply, frames: &mut Frames) -> Option<()> {
    if let ClientReply::Snapshot { view: View::Active | View::History | View::Workers, json, echo } = reply {
        frames.extend(origin.delimiter.then(Bytes::new));
        frames.extend(echo.iter().cloned());
        frames.push(json.clone());
        return Some(());
    }
    frames.push(Bytes::new());
    match reply {
        ClientReply::Accepted { job, service } => frames.push(text::accepted(*job, service)),
        ClientReply::Refused { service, body } => {
            frames.push(text::refused(service));
            frames.extend(text::why(body));
        }
        ClientReply::Partial { job, service, body } => {
            frames.push(text::partial(service, *job));
            frames.extend(body.frames().iter().cloned());
        }
        ClientReply::Finished { job, service, outcome, body } => {
            frames.push(text::finished(*outcome, service, *job));
            frames.extend(body.frames().iter().cloned());
        }
        ClientReply::Snapshot { json, .. } => frames.push(json.clone()),
        ClientReply::Managed { .. } => return None,
    }
    Some(())
}

/// A list comes as its JSON alone: which one it is the client knows, who asked, and it is called
/// [`View::Jobs`]. The original's JSON may be an empty frame (original.md quirk 9).
pub(super) fn decode_client_reply(mut frames: Frames) -> Result<ClientReply, WireError> {
    let is_list = |json: &Bytes| json.is_empty() || json[0] == b'[';
    match frames.last() {
        Some(json) if is_list(json) && !is_text(&frames[0]) => {
            let json = json.clone();
            frames.pop();
            Ok(ClientReply::Snapshot { view: View::Jobs, json, echo: frames })
        }
        Some(_) | None => text::decode_reply(frames),
    }
}

fn is_text(frame: &Bytes) -> bool {
    [b"COMPLETE: ".as_slice(), b"FAIL: ", b"CONT: ", b"JOB: "].iter().any(|verb| frame.starts_with(verb))
}

pub(super) fn decode_worker_command(mut frames: Frames) -> Result<WorkerCommand, WireError> {
    match frames.len() {
        1 if frames[0] == HEARTBEAT => Ok(WorkerCommand::Heartbeat),
        2 | 3 => {
            let verb = frames.pop().ok_or(WireError::Missing("verb"))?;
            let service = frames.pop().ok_or(WireError::Missing("service"))?;
            Verb::parse(&verb)?.command(service, frames.pop())
        }
        count => Err(WireError::Unknown(count, frames.pop().unwrap_or_default())),
    }
}

pub(super) fn encode_worker_command(command: &WorkerCommand) -> Option<Frames> {
    let answer = |verb, service: &Option<_>, body: &Body| {
        let Body::One(value) = body else { return None };
        let service: &crate::job::ServiceName = service.as_ref()?;
        let mut frames: Frames = (!value.is_empty()).then(|| value.clone()).into_iter().collect();
        frames.extend([service.as_bytes().clone(), verb]);
        Some(frames)
    };
    match command {
        WorkerCommand::Ready { service } => {
            Some(vec![service.as_bytes().clone(), Bytes::from_static(b"READY")])
        }
        WorkerCommand::Heartbeat => Some(vec![Bytes::from_static(HEARTBEAT)]),
        WorkerCommand::Partial { job: JobRef::Named(job), service, body } => {
            answer(text::cont(*job), service, body)
        }
        WorkerCommand::Finish { job: JobRef::Named(job), service, outcome, body } => {
            answer(text::finish(*outcome, *job), service, body)
        }
        WorkerCommand::Partial { job: JobRef::Address(_), .. }
        | WorkerCommand::Finish { job: JobRef::Address(_), .. }
        | WorkerCommand::Disconnect => None,
    }
}

pub(super) fn encode_worker_order(order: &WorkerOrder, frames: &mut Frames) -> Option<()> {
    match order {
        WorkerOrder::Run { job: JobRef::Named(job), client, body: Body::One(param) } => {
            frames.extend([client.clone(), Bytes::new(), param.clone(), text::job(*job)]);
        }
        WorkerOrder::Heartbeat => frames.push(Bytes::from_static(HEARTBEAT)),
        WorkerOrder::Run { .. } | WorkerOrder::Disconnect => return None,
    }
    Some(())
}

/// The parameter frame may be missing (`1.0.0/worker-vs-fake-broker`).
pub(super) fn decode_worker_order(mut frames: Frames) -> Result<WorkerOrder, WireError> {
    if frames.len() == 1 && frames[0] == HEARTBEAT {
        return Ok(WorkerOrder::Heartbeat);
    }
    let job = frames.pop().ok_or(WireError::Missing("job"))?;
    let job = JobRef::Named(text::decode_job(&job)?);
    let mut frames = frames.into_iter();
    let client = frames.next().ok_or(WireError::Missing("client"))?;
    frames.next().filter(Bytes::is_empty).ok_or(WireError::Missing("delimiter"))?;
    Ok(WorkerOrder::Run { job, client, body: Body::One(frames.next().unwrap_or_default()) })
}

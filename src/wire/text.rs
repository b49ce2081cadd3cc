//! The words that both zmws dialects put into one frame.

use bytes::Bytes;

use super::{Refusal, WireError};
use crate::job::{Body, JobId, ServiceName};
use crate::message::{ClientCommand, ClientReply, IfUnknown, JobRef, Mode, Outcome, View, WorkerCommand};

/// The four lists, by the service names that ask for them.
const VIEWS: [(&[u8], View); 4] = [
    (b"SERVER-JOBS", View::Jobs),
    (b"SERVER-ACTIVE", View::Active),
    (b"SERVER-HIST", View::History),
    (b"SERVER-WORKERS", View::Workers),
];

// --- client to broker

/// `("JOB: ")?("SYNC-")?<service>`, each prefix stripped once, case sensitive (original.md §2.1).
/// `echo` is kept if the service is one of the lists.
pub(super) fn decode_request(
    job: &Bytes,
    body: Bytes,
    echo: impl FnOnce() -> Vec<Bytes>,
) -> Result<ClientCommand, Refusal> {
    let name = job.strip_prefix(b"JOB: ").unwrap_or(job);
    let (name, mode) = match name.strip_prefix(b"SYNC-") {
        Some(name) => (name, Mode::Wait),
        None => (name, Mode::Background),
    };
    if let Some((_, view)) = VIEWS.iter().find(|(text, _)| name == *text) {
        return Ok(ClientCommand::Inspect { view: *view, echo: echo() });
    }
    let Some(service) = ServiceName::new(job.slice(job.len() - name.len()..)) else {
        return Err(Refusal { error: WireError::NoService, service: Bytes::new() });
    };
    Ok(ClientCommand::Submit { service, body: Body::One(body), mode, if_unknown: IfUnknown::Refuse })
}

/// `<service>`, `SYNC-<service>`, or the name of a list, behind `prefix`.
pub(super) fn encode_request(prefix: &[u8], service: &ServiceName, mode: Mode) -> Bytes {
    let sync: &[u8] = match mode {
        Mode::Background => b"",
        Mode::Wait => b"SYNC-",
    };
    [prefix, sync, service.as_bytes()].concat().into()
}

/// The service name that asks for a list.
pub(super) fn view_name(view: View) -> &'static [u8] {
    match view {
        View::Jobs => VIEWS[0].0,
        View::Active => VIEWS[1].0,
        View::History => VIEWS[2].0,
        View::Workers => VIEWS[3].0,
    }
}

// --- broker to client

/// `JOB: <id> <service>`.
pub(super) fn accepted(job: JobId, service: &ServiceName) -> Bytes {
    let mut text = line(b"JOB: ", ID + 1 + service.as_bytes().len());
    job.append_to(&mut text);
    text.push(b' ');
    text.extend_from_slice(service.as_bytes());
    text.into()
}

/// `FAIL: <service>`.
pub(super) fn refused(service: &Bytes) -> Bytes {
    let mut text = line(b"FAIL: ", service.len());
    text.extend_from_slice(service);
    text.into()
}

/// The same with what says why behind it, `FAIL: <service> "<reason>"`, where one frame is all there is.
pub(super) fn refused_because(service: &Bytes, body: &Body) -> Bytes {
    let refused = refused(service);
    match body.first().strip_prefix(b"PARAM-JSON:".as_slice()) {
        Some(reason) => [&refused, reason].concat().into(),
        None => refused,
    }
}

/// The frames behind a refusal: what says why, if anything does.
pub(super) fn why(body: &Body) -> impl Iterator<Item = Bytes> {
    body.frames().iter().filter(|_| !body.is_empty()).cloned()
}

/// `CONT: <service> [<id>]`.
pub(super) fn partial(service: &ServiceName, job: Option<JobId>) -> Bytes {
    about(b"CONT: ", service, job)
}

/// `COMPLETE: <service> [<id>]` or `FAIL: <service> [<id>]`.
pub(super) fn finished(outcome: Outcome, service: &ServiceName, job: Option<JobId>) -> Bytes {
    match outcome {
        Outcome::Complete => about(b"COMPLETE: ", service, job),
        Outcome::Fail => about(b"FAIL: ", service, job),
    }
}

fn about(verb: &'static [u8], service: &ServiceName, job: Option<JobId>) -> Bytes {
    let mut text = line(verb, service.as_bytes().len() + job.map_or(0, |_| ID + 3));
    text.extend_from_slice(service.as_bytes());
    if let Some(job) = job {
        text.extend_from_slice(b" [");
        job.append_to(&mut text);
        text.push(b']');
    }
    text.into()
}

/// The text frame of a reply and the value behind it.
pub(super) fn decode_reply(mut frames: Vec<Bytes>) -> Result<ClientReply, WireError> {
    if frames.is_empty() {
        return Err(WireError::Missing("text"));
    }
    let text = frames.remove(0);
    if let Some(rest) = strip(&text, b"JOB: ") {
        return decode_accepted(&rest);
    }
    let about = [
        (b"COMPLETE: ".as_slice(), Some(Outcome::Complete)),
        (b"FAIL: ", Some(Outcome::Fail)),
        (b"CONT: ", None),
    ];
    let found = about.into_iter().find_map(|(verb, outcome)| Some((strip(&text, verb)?, outcome)));
    let Some((rest, outcome)) = found else {
        return Err(WireError::UnknownCommand(text));
    };
    let (service, job) = split_about(&rest);
    if job.is_none() && outcome == Some(Outcome::Fail) {
        return Ok(ClientReply::Refused { service: rest, body: Body::from_frames(frames) });
    }
    let service = ServiceName::new(service).ok_or(WireError::NoService)?;
    let body = Body::from_frames(frames);
    Ok(match outcome {
        Some(outcome) => ClientReply::Finished { job, service, outcome, body },
        None => ClientReply::Partial { job, service, body },
    })
}

fn decode_accepted(rest: &Bytes) -> Result<ClientReply, WireError> {
    let blank = rest.iter().position(|&byte| byte == b' ').ok_or(WireError::NoService)?;
    let job = parse_id(rest, &rest[..blank])?;
    let service = ServiceName::new(rest.slice(blank + 1..)).ok_or(WireError::NoService)?;
    Ok(ClientReply::Accepted { job, service })
}

/// `<service> [<id>]`; without an id all of it is the service.
fn split_about(rest: &Bytes) -> (Bytes, Option<JobId>) {
    let split = || {
        let inner = rest.strip_suffix(b"]")?;
        let open = inner.windows(2).rposition(|pair| pair == b" [")?;
        Some((rest.slice(..open), JobId::parse(&inner[open + 2..])?))
    };
    match split() {
        Some((service, job)) => (service, Some(job)),
        None => (rest.clone(), None),
    }
}

// --- worker to broker, broker to worker

/// What a worker's last frame says.
pub(super) enum Verb {
    Ready,
    Partial(JobId),
    Finish(JobId, Outcome),
}

impl Verb {
    /// `READY…`, `COMPLETE: <id>`, `FAIL: <id>`, `CONT: <id>`, `PARTIAL: <id>`. A `FAIL: JOB: <id>` is what a
    /// zmws 2 worker says to a zmws 1 job (original.md quirk 33).
    pub(super) fn parse(text: &Bytes) -> Result<Self, WireError> {
        if text.starts_with(b"READY") {
            return Ok(Self::Ready);
        }
        let id = |verb: &[u8]| text.strip_prefix(verb).map(|id| parse_id(text, id));
        if let Some(id) = id(b"COMPLETE: ") {
            return Ok(Self::Finish(id?, Outcome::Complete));
        }
        if let Some(id) = id(b"FAIL: JOB: ").or_else(|| id(b"FAIL: ")) {
            return Ok(Self::Finish(id?, Outcome::Fail));
        }
        if let Some(id) = id(b"CONT: ").or_else(|| id(b"PARTIAL: ")) {
            return Ok(Self::Partial(id?));
        }
        Err(WireError::UnknownCommand(text.clone()))
    }

    /// The command, with what stood in the other frames.
    pub(super) fn command(self, service: Bytes, value: Option<Bytes>) -> Result<WorkerCommand, WireError> {
        let body = Body::One(value.unwrap_or_default());
        let service = ServiceName::new(service);
        Ok(match self {
            Self::Ready => WorkerCommand::Ready { service: service.ok_or(WireError::NoService)? },
            Self::Partial(id) => WorkerCommand::Partial { job: JobRef::Named(id), service, body },
            Self::Finish(id, outcome) => {
                WorkerCommand::Finish { job: JobRef::Named(id), service, outcome, body }
            }
        })
    }
}

/// `COMPLETE: <id>`, `FAIL: <id>`.
pub(super) fn finish(outcome: Outcome, job: JobId) -> Bytes {
    let verb: &[u8] = match outcome {
        Outcome::Complete => b"COMPLETE: ",
        Outcome::Fail => b"FAIL: ",
    };
    with_id(verb, job)
}

/// `CONT: <id>`.
pub(super) fn cont(job: JobId) -> Bytes {
    with_id(b"CONT: ", job)
}

/// `JOB: <id>`.
pub(super) fn job(job: JobId) -> Bytes {
    with_id(b"JOB: ", job)
}

fn with_id(verb: &[u8], job: JobId) -> Bytes {
    let mut text = line(verb, ID);
    job.append_to(&mut text);
    text.into()
}

/// The id in `JOB: <id>`.
pub(super) fn decode_job(text: &Bytes) -> Result<JobId, WireError> {
    let id = text.strip_prefix(b"JOB: ").ok_or_else(|| WireError::UnknownCommand(text.clone()))?;
    parse_id(text, id)
}

// --- small change

/// Bytes of an id that we gave.
const ID: usize = 9;

/// Room for just so much more: bytes that fill their memory need no second allocation to be shared.
fn line(begin: &[u8], rest: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(begin.len() + rest);
    text.extend_from_slice(begin);
    text
}

/// The id in a part of a frame.
fn parse_id(frame: &Bytes, id: &[u8]) -> Result<JobId, WireError> {
    JobId::parse(id).ok_or_else(|| WireError::BadJobId(frame.slice_ref(id)))
}

/// What stands behind `prefix`.
pub(super) fn strip(text: &Bytes, prefix: &[u8]) -> Option<Bytes> {
    text.starts_with(prefix).then(|| text.slice(prefix.len()..))
}

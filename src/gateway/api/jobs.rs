//! `POST /v1/jobs/{service}`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::{Request, StatusCode};
use serde_json::json as object;
use tokio::time::Instant;

use crate::client::{CallError, Param};
use crate::gateway::api::idempotency::{Claim, Key};
use crate::gateway::api::lists::query_value;
use crate::gateway::api::{Reply, problem};
use crate::gateway::body::Taken;
use crate::gateway::http::Gateway;
use crate::gateway::refusal::Refusal;
use crate::gateway::{offload, response};
use crate::job::{ServiceName, percent_encoded};
use crate::params::json::{self, TextError};

/// A job as it is asked for.
#[derive(Debug)]
struct Wanted {
    service: Vec<u8>,
    param: Param,
    /// How long the client waits for the result; `None` for a job in the background.
    wait: Option<Duration>,
}

/// Has a job done; with an `Idempotency-Key` once.
pub(crate) async fn submit(
    gateway: &Arc<Gateway>,
    request: Request<Incoming>,
    names: &[Vec<u8>],
) -> Result<Reply, Refusal> {
    let service = names.first().cloned().unwrap_or_default();
    gateway.permit(request.headers(), &service)?;
    is_json(request.headers())?;
    if service.len() > ServiceName::BYTES_MAX {
        let message = format!("no service has a name of more than {} bytes", ServiceName::BYTES_MAX);
        return Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-service", message));
    }
    let wait = query_value(request.uri().query(), "wait").map(duration).transpose()?;
    let wait = wait.map(|wait| wait.min(gateway.config.result_timeout));
    let (head, body) = request.into_parts();
    let key = key(&head.headers)?;
    let taken = gateway.bodies.read(body).await?;
    let (param, fingerprint) = param(gateway, taken, wait.is_some(), key.is_some()).await?;
    let wanted = Wanted { param, service, wait };
    let Some(key) = key else { return perform(gateway, wanted).await.map_err(Failure::refusal) };
    let key = Key::new(&wanted.service, head.headers.get(AUTHORIZATION).map(|value| value.as_bytes()), key);
    once(gateway, key, fingerprint, wanted).await
}

/// Goes on though the client goes away, so that its next attempt finds the answer.
async fn once(gateway: &Arc<Gateway>, key: Key, fingerprint: u64, wanted: Wanted) -> Result<Reply, Refusal> {
    let claim = match gateway.keys.claim(Instant::now(), key, fingerprint) {
        Claim::Mine(claim) => claim,
        Claim::Answered(reply) => return Ok(reply),
        Claim::Running => {
            let message = "a request with this Idempotency-Key is running";
            return Err(Refusal::new(StatusCode::CONFLICT, "key-in-use", message).retry_after(1));
        }
        Claim::Other => {
            let message = "this Idempotency-Key was used for another request";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", message));
        }
        Claim::NoRoom(full) => {
            let message = format!("there is no room for the Idempotency-Key: {full}");
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no-room-for-key", message);
            return Err(refusal.retry_after(1));
        }
    };
    let gateway = Arc::clone(gateway);
    let work = tokio::spawn(async move {
        let done = perform(&gateway, wanted).await;
        let keep = match &done {
            Ok(reply) => Some(reply.clone()),
            Err(failure) => failure.may_have_run.then(|| problem::reply(&failure.refusal)),
        };
        claim.settle(Instant::now(), keep);
        done.map_err(Failure::refusal)
    });
    work.await.unwrap_or_else(|_| Err(CallError::Closed.into()))
}

/// A job that did not come to an answer.
struct Failure {
    refusal: Refusal,
    /// Whether a second attempt might have the job done twice.
    may_have_run: bool,
}

impl Failure {
    fn refusal(self) -> Refusal {
        self.refusal
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let may_have_run = !error.is_unsent() && !matches!(error, CallError::Refused { .. });
        Self { refusal: error.into(), may_have_run }
    }
}

async fn perform(gateway: &Gateway, wanted: Wanted) -> Result<Reply, Failure> {
    let Wanted { service, param, wait } = wanted;
    let name = String::from_utf8_lossy(&service).into_owned();
    let Some(wait) = wait else {
        let client = gateway.client.timeout(gateway.config.acknowledge_timeout);
        let id = client.submit(&service, param).await?.to_string();
        let mut reply =
            Reply::new(StatusCode::ACCEPTED, &object!({"id": id, "service": name, "state": "queued"}));
        reply.location = Some(format!("/v1/jobs/{}/{id}", percent_encoded(&service)));
        return Ok(reply);
    };
    let (job, state, body) = match gateway.client.timeout(wait).call(&service, param).await {
        Ok(reply) => (reply.job, "completed", reply.body),
        Err(CallError::Failed { job, body, .. }) => (job, "failed", body),
        Err(error) => return Err(error.into()),
    };
    let size = body.len();
    let id = job.map(|job| job.to_string());
    let head = object!({"id": id, "service": name, "state": state});
    let write = move || response::with_value_of(&head, &body);
    let json = gateway.offload.run(size, offload::LONG, write).await.map_err(ran)?;
    let json = gateway.responses.charge_promised(json.len()).around(json);
    Ok(Reply { status: StatusCode::OK, location: None, json })
}

/// What went wrong after the job was done.
fn ran(refusal: Refusal) -> Failure {
    Failure { refusal, may_have_run: true }
}

fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let kind = String::from_utf8_lossy(kind.as_bytes()).to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        return Ok(());
    }
    let message = "the body is JSON here, with Content-Type application/json or one that ends in +json, or without one; \
                   forms, multipart and PHP's format are taken at /SERVICE and /SYNC-SERVICE";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", message).closing())
}

/// The parameter's frame, in place of the body; and if there is a key, what two requests of it must have in common.
async fn param(gateway: &Gateway, taken: Taken, waits: bool, keyed: bool) -> Result<(Param, u64), Refusal> {
    let Taken { bytes: body, mut charge } = taken;
    let (size, max) = (body.len(), gateway.config.param_max);
    gateway.bodies.hold(&mut charge, 2 * size)?;
    let read = move || {
        let fingerprint = if keyed { fingerprint(waits, &body) } else { 0 };
        frame(&body, max).map(|frame| (frame, fingerprint))
    };
    let (frame, fingerprint) = gateway.offload.run(size, offload::LONG, read).await??;
    charge.set(frame.len());
    Ok((Param::Frame(charge.around(frame)), fingerprint))
}

/// The JSON as it is, but without its blanks; no frame of no body.
fn frame(body: &[u8], max: usize) -> Result<Bytes, Refusal> {
    if body.is_empty() {
        return Ok(Bytes::new());
    }
    let mut frame = Vec::with_capacity(TAG.len() + body.len());
    frame.extend_from_slice(TAG);
    json::compact(body, &mut frame, max).map_err(|error| match error {
        TextError::Malformed { .. } => Refusal::bad_request(format!("the body is {error}")),
        TextError::TooLong(_) => {
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "parameter-too-large", error.to_string())
        }
    })?;
    Ok(frame.into())
}

const TAG: &[u8] = b"PARAM-JSON: ";

/// `30s`, `500ms`, `2m`, or a number of seconds.
fn duration(text: &str) -> Result<Duration, Refusal> {
    crate::duration::parse(text).map_err(|error| Refusal::bad_request(format!("wait: {error}")))
}

/// The key, with or without the quotes of a structured field.
fn key(headers: &HeaderMap) -> Result<Option<&[u8]>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let value = value.as_bytes().trim_ascii();
    let key = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
    match key.len() {
        1..=256 => Ok(Some(key)),
        _ => Err(Refusal::bad_request("an Idempotency-Key has 1 to 256 bytes")),
    }
}

/// What two requests of one key must have in common.
fn fingerprint(waits: bool, body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (waits, body).hash(&mut hasher);
    hasher.finish()
}

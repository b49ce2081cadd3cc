//! The paths under `/v1/`: jobs and lists in JSON, errors as `application/problem+json` (RFC 9457).
//!
//! [`routes::ROUTES`] is the one table of what is served: requests are told by it, and the OpenAPI
//! document is made of it.

pub(crate) mod idempotency;
mod jobs;
mod lists;
mod openapi;
mod problem;
mod routes;

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use crate::gateway::http::{Gateway, finish};
use crate::gateway::payload::Payload;
use crate::gateway::refusal::Refusal;

use routes::{Found, Operation};

pub(crate) use problem::refuse;

/// Whether a path is one of these.
pub(crate) fn owns(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// An answer before it is HTTP: what can be kept for an `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) json: Bytes,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, json: &Value) -> Self {
        Self { status, location: None, json: json.to_string().into() }
    }
}

/// Answers a request.
pub(crate) async fn answer(gateway: &Arc<Gateway>, request: Request<Incoming>) -> Response<Payload> {
    let method = match request.method() {
        &Method::HEAD => &Method::GET,
        method => method,
    };
    let (operation, names) = match routes::find(method, request.uri().path()) {
        Found::Operation(operation, names) => (operation, names),
        Found::OtherMethods(allowed) => return method_not_allowed(method, &allowed),
        Found::Nothing => {
            let message = "there is no such path; /v1/openapi.json tells which there are";
            return fail(&Refusal::new(StatusCode::NOT_FOUND, "unknown-path", message));
        }
    };
    let done = match operation {
        Operation::Submit => jobs::submit(gateway, request, &names).await,
        Operation::Job => lists::job(gateway, request.headers(), &names).await,
        Operation::Jobs => lists::jobs(gateway, &request).await,
        Operation::Services => lists::services(gateway, request.headers()).await,
        Operation::Workers => lists::workers(gateway, request.headers()).await,
        Operation::OpenApi => Ok(Reply::new(StatusCode::OK, &openapi::document())),
    };
    done.map_or_else(|refusal| fail(&refusal), present)
}

fn present(reply: Reply) -> Response<Payload> {
    let kind = match reply.status.is_success() {
        true => "application/json",
        false => "application/problem+json",
    };
    let mut response = Response::new(Payload::whole(reply.json));
    *response.status_mut() = reply.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(location) = reply.location.and_then(|location| HeaderValue::try_from(location).ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn fail(refusal: &Refusal) -> Response<Payload> {
    finish(present(problem::reply(refusal)), refusal)
}

fn method_not_allowed(method: &Method, allowed: &str) -> Response<Payload> {
    let message = format!("{method} is not served here");
    let mut response = fail(&Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", message));
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

#[cfg(test)]
mod tests;

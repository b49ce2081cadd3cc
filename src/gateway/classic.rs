//! The old paths: `/SERVICE?query`, `/SYNC-SERVICE?query`, `/SERVER-WORKERS`.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::duration;
use crate::gateway::http::Door;
use crate::gateway::payload::{Payload, Stream};
use crate::gateway::refusal::Refusal;
use crate::gateway::request::{self, Delivery, Params, Target};
use crate::gateway::response;
use crate::job::{Body, ServiceName};
use crate::message::{ClientCommand, ClientReply, IfUnknown, Mode, View};

/// Answers a request of the old paths.
pub(crate) async fn answer(door: &Door, request: Request<Incoming>) -> Result<Response<Payload>, Refusal> {
    let target = request::target(request.uri().path(), request.uri().query());
    let (head, body) = request.into_parts();
    match &target {
        Target::Nothing => return Ok(script(StatusCode::NOT_FOUND, "FNF")),
        Target::Favicon => return Ok(script(StatusCode::NOT_IMPLEMENTED, "")),
        Target::Nameless => door.permit(&head.headers, b"")?,
        Target::Job(service, _) => door.permit(&head.headers, service.as_bytes())?,
        Target::List(view) => door.permit(&head.headers, name_of(*view))?,
    }
    let body = door.intake.read(body).await?;
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let params =
        Params::read(head.uri.query(), kind, &body).map_err(|e| Refusal::bad_request(e.to_string()))?;
    let mut call = Call { door, params, limit: None };
    call.limit = call.asked_timeout()?;
    match target {
        Target::Nothing | Target::Favicon | Target::Nameless => {
            call.present(&ClientReply::Refused { service: Bytes::new() }, None)
        }
        Target::Job(service, mode) => call.job(service, mode, &head.headers).await,
        Target::List(view) => call.list(view).await,
    }
}

/// The name that a list has among the services.
pub(crate) fn name_of(view: View) -> &'static [u8] {
    match view {
        View::Jobs => b"SERVER-JOBS",
        View::Active => b"SERVER-ACTIVE",
        View::History => b"SERVER-HIST",
        View::Workers => b"SERVER-WORKERS",
    }
}

struct Call<'a> {
    door: &'a Door,
    params: Params,
    /// How long it may take, if the request says so itself.
    limit: Option<Duration>,
}

impl Call<'_> {
    async fn job(
        &self,
        service: ServiceName,
        mode: Mode,
        headers: &HeaderMap,
    ) -> Result<Response<Payload>, Refusal> {
        self.check_callback()?;
        let frame = self.params.frame();
        let delivery = match mode {
            Mode::Wait => delivery(headers),
            Mode::Background => Delivery::Whole,
        };
        if delivery != Delivery::Whole {
            return self.stream(&service, frame, delivery, headers).await;
        }
        let body = Body::One(frame.unwrap_or_default());
        let command = ClientCommand::Submit { service, body, mode, if_unknown: IfUnknown::Refuse };
        let limit = match mode {
            Mode::Wait => self.door.config.result_timeout,
            Mode::Background => self.door.config.acknowledge_timeout,
        };
        let reply = self.door.client.ask(command, self.limit.unwrap_or(limit)).await?;
        self.present(&reply, None)
    }

    async fn list(&self, view: View) -> Result<Response<Payload>, Refusal> {
        self.check_callback()?;
        let frame = self.params.frame();
        let command = ClientCommand::Inspect { view, echo: frame.iter().cloned().collect() };
        let limit = self.limit.unwrap_or(self.door.config.acknowledge_timeout);
        let reply = self.door.client.ask(command, limit).await?;
        self.present(&reply, frame.as_ref())
    }

    /// A browser whose EventSource comes back after the last event would have the job done again;
    /// 204 tells it to stay away.
    async fn stream(
        &self,
        service: &ServiceName,
        frame: Option<Bytes>,
        delivery: Delivery,
        headers: &HeaderMap,
    ) -> Result<Response<Payload>, Refusal> {
        if delivery == Delivery::Events && headers.contains_key("last-event-id") {
            return Ok(empty(StatusCode::NO_CONTENT));
        }
        let client = self.door.client.timeout(self.limit.unwrap_or(self.door.config.result_timeout));
        let answers = client.stream(service.as_bytes(), frame.unwrap_or_default()).await?;
        let mut response = Response::new(Payload::Stream(Stream::new(answers, delivery)));
        let kind = match delivery {
            Delivery::Events => "text/event-stream",
            Delivery::Lines | Delivery::Whole => "application/x-ndjson",
        };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    fn present(&self, reply: &ClientReply, param: Option<&Bytes>) -> Result<Response<Payload>, Refusal> {
        self.check_callback()?;
        let body = response::body(self.door.config.body_form, reply, param);
        Ok(script(
            StatusCode::OK,
            self.params.jsonp().map_or(body.clone(), |name| response::jsonp(name, &body)),
        ))
    }

    fn check_callback(&self) -> Result<(), Refusal> {
        match self.params.jsonp() {
            Some(name) if !request::is_callback(name) => {
                Err(Refusal::bad_request("a JSONP callback has letters, digits and _ . $ [ ] in its name"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// `_timeout`, where the operator allows it: a duration, in seconds if it has no unit.
    fn asked_timeout(&mut self) -> Result<Option<Duration>, Refusal> {
        let Some(max) = self.door.config.asked_timeout_max else { return Ok(None) };
        let Some(asked) = self.params.take_timeout() else { return Ok(None) };
        let text = match asked {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        };
        let asked = duration::parse_positive(&text);
        let asked = asked.map_err(|error| Refusal::bad_request(format!("_timeout: {error}")))?;
        Ok(Some(asked.min(max)))
    }
}

fn delivery(headers: &HeaderMap) -> Delivery {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    request::delivery(&accept.collect::<Vec<_>>().join(","))
}

/// A response of the type that upstream gives to everything.
fn script(status: StatusCode, body: impl Into<Bytes>) -> Response<Payload> {
    let mut response = Response::new(Payload::whole(body));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/javascript");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn empty(status: StatusCode) -> Response<Payload> {
    let mut response = Response::new(Payload::Whole(None));
    *response.status_mut() = status;
    response
}

/// A refusal, as the old paths tell it: upstream had no errors of its own to be like.
pub(crate) fn refuse(refusal: &Refusal) -> Response<Payload> {
    let body = json!({"error": refusal.kind, "message": refusal.message}).to_string();
    let mut response = Response::new(Payload::whole(body));
    *response.status_mut() = refusal.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

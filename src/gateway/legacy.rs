//! The old paths: `/SERVICE?query`, `/SYNC-SERVICE?query`, `/SERVER-WORKERS`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::duration;
use crate::gateway::body::Taken;
use crate::gateway::http::Gateway;
use crate::gateway::payload::{Payload, Stream};
use crate::gateway::refusal::Refusal;
use crate::gateway::request::{self, BadParams, Delivery, Params, Target};
use crate::gateway::{front_page, offload, response};
use crate::job::{Body, ServiceName};
use crate::message::{ClientCommand, ClientReply, IfUnknown, Mode, View};

/// Answers a request of the old paths.
pub(crate) async fn answer(
    gateway: &Arc<Gateway>,
    request: Request<Incoming>,
) -> Result<Response<Payload>, Refusal> {
    let target = request::target(request.uri().path(), request.uri().query());
    let (head, body) = request.into_parts();
    match &target {
        Target::Nothing => return Ok(front_page::page(&head.headers)),
        Target::Favicon => return Ok(empty(StatusCode::NO_CONTENT)),
        Target::Nameless => gateway.permit(&head.headers, b"")?,
        Target::Job(service, _) => gateway.permit(&head.headers, service.as_bytes())?,
        Target::List(view) => gateway.permit(&head.headers, name_of(*view))?,
    }
    let params = params(gateway, &head, body).await?;
    let limit = asked_timeout(gateway, &params)?;
    let mut call = Call { gateway, params, limit };
    match target {
        Target::Nothing | Target::Favicon | Target::Nameless => {
            call.present(ClientReply::Refused { service: Bytes::new(), body: Body::EMPTY }, None).await
        }
        Target::Job(service, mode) => call.job(service, mode, &head.headers).await,
        Target::List(view) => call.list(view).await,
    }
}

/// Reads the parameters; what is made of them is held instead of the body, as long as its bytes are there.
async fn params(gateway: &Gateway, head: &Parts, body: Incoming) -> Result<Params, Refusal> {
    let Taken { bytes: body, mut charge } = gateway.bodies.read(body).await?;
    let query = head.uri.query().map(str::to_owned);
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let size = body.len() + query.as_deref().map_or(0, str::len);
    let is_php = kind.as_deref().is_some_and(|kind| kind.to_ascii_lowercase().contains("php"));
    let long = if is_php { offload::LONG_PHP } else { offload::LONG };
    gateway.bodies.hold(&mut charge, body.len() + MADE * size)?;
    let max = gateway.config.param_max;
    let read = move || Params::read(query.as_deref(), kind.as_deref(), &body, max);
    let params = gateway.offload.run(size, long, read).await??;
    Ok(params.held(charge))
}

/// Bytes that are made of each of a request, more or less.
const MADE: usize = 2;

/// `_timeout`: a duration, in seconds if it has no unit.
fn asked_timeout(gateway: &Gateway, params: &Params) -> Result<Option<Duration>, Refusal> {
    let Some(asked) = params.timeout() else { return Ok(None) };
    let Some(max) = gateway.config.asked_timeout_max else {
        return Err(Refusal::bad_request(
            "_timeout is not taken here; the gateway's --asked-timeout-max allows it",
        ));
    };
    let text = match asked {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    let asked = duration::parse_positive(&text);
    let asked = asked.map_err(|error| Refusal::bad_request(format!("_timeout: {error}")))?;
    Ok(Some(asked.min(max)))
}

impl From<BadParams> for Refusal {
    fn from(error: BadParams) -> Self {
        match error {
            BadParams::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "parameter-too-large", error.to_string())
            }
            BadParams::NoBoundary | BadParams::Form(_) | BadParams::Php(_) | BadParams::NoJson(_) => {
                Self::bad_request(error.to_string())
            }
        }
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
    gateway: &'a Arc<Gateway>,
    params: Params,
    /// How long it may take, if the request says so itself.
    limit: Option<Duration>,
}

impl Call<'_> {
    async fn job(
        &mut self,
        service: ServiceName,
        mode: Mode,
        headers: &HeaderMap,
    ) -> Result<Response<Payload>, Refusal> {
        self.check_callback()?;
        let frame = self.params.take_frame();
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
            Mode::Wait => self.gateway.config.result_timeout,
            Mode::Background => self.gateway.config.acknowledge_timeout,
        };
        let reply = self.gateway.client.ask(command, self.limit.unwrap_or(limit)).await?;
        self.present(reply, None).await
    }

    async fn list(&self, view: View) -> Result<Response<Payload>, Refusal> {
        self.check_callback()?;
        let limit = self.limit.unwrap_or(self.gateway.config.acknowledge_timeout);
        let frame = self.params.frame();
        let reply = match &frame {
            None => {
                let list = self.gateway.lists.get(&self.gateway.client, view, Instant::now(), limit).await?;
                ClientReply::Snapshot { view, json: list.json, echo: Vec::new() }
            }
            // Upstream's broker gets the parameter, and gives it back.
            Some(param) => {
                let command = ClientCommand::Inspect { view, echo: vec![param.clone()] };
                self.gateway.client.ask(command, limit).await?
            }
        };
        self.present(reply, frame).await
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
        let client = self.gateway.client.timeout(self.limit.unwrap_or(self.gateway.config.result_timeout));
        let answers = client.stream(service.as_bytes(), frame.unwrap_or_default()).await?;
        let mut response =
            Response::new(Payload::Stream(Stream::new(Arc::clone(self.gateway), answers, delivery)));
        let kind = match delivery {
            Delivery::Events => "text/event-stream",
            Delivery::Lines | Delivery::Whole => "application/x-ndjson",
        };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    async fn present(&self, reply: ClientReply, param: Option<Bytes>) -> Result<Response<Payload>, Refusal> {
        self.check_callback()?;
        let (form, callback) = (self.gateway.config.body_form, self.params.jsonp().map(str::to_owned));
        let size = response::size(&reply);
        let write = move || {
            let body = response::body(form, &reply, param.as_ref());
            callback.map_or(body.clone(), |name| response::jsonp(&name, &body))
        };
        let body = self.gateway.offload.run(size, offload::LONG, write).await?;
        Ok(script(StatusCode::OK, self.gateway.responses.charge_promised(body.len()).around(body)))
    }

    fn check_callback(&self) -> Result<(), Refusal> {
        match self.params.jsonp() {
            Some(name) if !request::is_callback(name) => {
                Err(Refusal::bad_request("a JSONP callback has letters, digits and _ . $ [ ] in its name"))
            }
            Some(_) | None => Ok(()),
        }
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
    let mut body = json!({"error": refusal.kind, "message": refusal.message});
    let job = refusal.job.map(|job| job.to_string());
    if let Some(job) = &job {
        body["job"] = job.as_str().into();
    }
    let mut response = Response::new(Payload::whole(body.to_string()));
    *response.status_mut() = refusal.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(job) = job.and_then(|job| HeaderValue::try_from(job).ok()) {
        response.headers_mut().insert("x-zmws-job", job);
    }
    response
}

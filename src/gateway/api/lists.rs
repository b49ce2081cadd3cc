//! What the broker knows, from its `SERVER-*` lists.

use std::collections::BTreeMap;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use serde_json::{Map, Value, json};

use crate::client::CallError;
use crate::gateway::api::Reply;
use crate::gateway::classic::name_of;
use crate::gateway::http::Door;
use crate::gateway::refusal::Refusal;
use crate::message::View;

/// The states of jobs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Queued,
    Active,
    Done,
}

pub(crate) const STATES: [State; 3] = [State::Queued, State::Active, State::Done];

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Active => "active",
            Self::Done => "done",
        }
    }

    fn view(self) -> View {
        match self {
            Self::Queued => View::Jobs,
            Self::Active => View::Active,
            Self::Done => View::History,
        }
    }
}

/// `GET /v1/jobs?state=…`.
pub(crate) async fn jobs(door: &Door, request: &Request<Incoming>) -> Result<Reply, Refusal> {
    let asked = query_value(request.uri().query(), "state").unwrap_or("active");
    let state = STATES.into_iter().find(|state| state.name() == asked);
    let state = state.ok_or_else(|| Refusal::bad_request("state is queued, active or done"))?;
    door.permit(request.headers(), name_of(state.view()))?;
    let jobs: Vec<Value> = list(door, state.view()).await?.iter().map(|job| shown(job, state)).collect();
    Ok(Reply::new(StatusCode::OK, &json!({"jobs": jobs})))
}

/// `GET /v1/jobs/{service}/{id}`. Looked for where a job goes, in that order, so that one that
/// moves on meanwhile is found.
pub(crate) async fn job(door: &Door, headers: &HeaderMap, names: &[Vec<u8>]) -> Result<Reply, Refusal> {
    let [service, id] = names else { return Err(Refusal::bad_request("a service and an id are wanted")) };
    door.permit(headers, service)?;
    let (service, id) = (String::from_utf8_lossy(service), String::from_utf8_lossy(id));
    for state in STATES {
        let jobs = list(door, state.view()).await?;
        let same = |job: &&Value| job["jobid"] == *id && job["service"] == *service;
        if let Some(job) = jobs.iter().find(same) {
            return Ok(Reply::new(StatusCode::OK, &shown(job, state)));
        }
    }
    Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-job", "the broker does not know it, or no more"))
}

/// `GET /v1/workers`.
pub(crate) async fn workers(door: &Door, headers: &HeaderMap) -> Result<Reply, Refusal> {
    door.permit(headers, name_of(View::Workers))?;
    let shown = |worker: &Value| {
        json!({
            "id": text(&worker["workerid"]),
            "service": text(&worker["service"]),
            "expires_at": worker["hb"],
        })
    };
    let workers: Vec<Value> = list(door, View::Workers).await?.iter().map(shown).collect();
    Ok(Reply::new(StatusCode::OK, &json!({"workers": workers})))
}

/// `GET /v1/services`.
pub(crate) async fn services(door: &Door, headers: &HeaderMap) -> Result<Reply, Refusal> {
    door.permit(headers, name_of(View::Workers))?;
    let mut services: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for (place, view) in [View::Workers, View::Jobs, View::Active].into_iter().enumerate() {
        for entry in list(door, view).await? {
            if let Some(service) = entry["service"].as_str() {
                services.entry(service.to_owned()).or_default()[place] += 1;
            }
        }
    }
    let shown = |(name, [workers, queued, active]): (String, [u64; 3])| json!({"name": name, "workers": workers, "queued": queued, "active": active});
    let services: Vec<Value> = services.into_iter().map(shown).collect();
    Ok(Reply::new(StatusCode::OK, &json!({"services": services})))
}

async fn list(door: &Door, view: View) -> Result<Vec<Value>, Refusal> {
    let json = door.client.timeout(door.config.acknowledge_timeout).list(view).await?;
    serde_json::from_slice(&json).map_err(|_| Refusal::from(CallError::Garbled))
}

fn shown(job: &Value, state: State) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), text(&job["jobid"]));
    shown.insert("service".to_owned(), text(&job["service"]));
    shown.insert("state".to_owned(), state.name().into());
    shown.insert("background".to_owned(), (job["sync"] == false).into());
    shown.insert("worker".to_owned(), job["worker"].clone());
    shown.insert("requested_at".to_owned(), job["reqtime"].clone());
    shown.insert("started_at".to_owned(), job["startedat"].clone());
    shown.insert("completed_at".to_owned(), job["completedat"].clone());
    Value::Object(shown)
}

/// PHP's history has entries that are an end and nothing else (PROTOCOL.md §5).
fn text(value: &Value) -> Value {
    if value.is_null() { Value::String(String::new()) } else { value.clone() }
}

/// The first value of a name in a query, as it stands there.
pub(crate) fn query_value<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

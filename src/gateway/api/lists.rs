//! What the broker knows, from its `SERVER-*` lists.

use std::collections::BTreeMap;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::client::CallError;
use crate::gateway::api::Reply;
use crate::gateway::http::Gateway;
use crate::gateway::legacy::name_of;
use crate::gateway::lists::List;
use crate::gateway::offload;
use crate::gateway::refusal::Refusal;
use crate::message::View;

/// The states of jobs: what `state` may be, and in which of the broker's lists such jobs are.
const STATES_IN: [(&str, View); 5] = [
    ("queued", View::Jobs),
    ("active", View::Active),
    ("completed", View::History),
    ("failed", View::History),
    ("dead", View::History),
];

pub(crate) const STATES: [&str; 5] =
    [STATES_IN[0].0, STATES_IN[1].0, STATES_IN[2].0, STATES_IN[3].0, STATES_IN[4].0];

/// `GET /v1/jobs?state=…`.
pub(crate) async fn jobs(gateway: &Gateway, request: &Request<Incoming>) -> Result<Reply, Refusal> {
    let asked = query_value(request.uri().query(), "state").unwrap_or("active");
    let found = STATES_IN.into_iter().find(|(name, _)| *name == asked);
    let (state, view) =
        found.ok_or_else(|| Refusal::bad_request(format!("state is one of {}", STATES.join(", "))))?;
    gateway.permit(request.headers(), name_of(view))?;
    let list = gateway.list(view, Instant::now()).await?;
    mapped(gateway, list, move |rows| {
        let jobs = rows.iter().map(|row| shown(row, view)).filter(|job| job["state"] == state);
        json!({"jobs": jobs.collect::<Vec<_>>()})
    })
    .await
}

/// `GET /v1/jobs/{service}/{id}`. Looked for where a job goes, in that order and in lists that are one as new as the other,
/// so that one that moves on meanwhile is found.
pub(crate) async fn job(gateway: &Gateway, headers: &HeaderMap, names: &[Vec<u8>]) -> Result<Reply, Refusal> {
    let [service, id] = names else { return Err(Refusal::bad_request("a service and an id are expected")) };
    gateway.permit(headers, service)?;
    let (service, id) =
        (String::from_utf8_lossy(service).into_owned(), String::from_utf8_lossy(id).into_owned());
    let mut not_before = Instant::now();
    for view in [View::Jobs, View::Active, View::History] {
        let list = gateway.list(view, not_before).await?;
        not_before = list.asked_at;
        let (service, id) = (service.clone(), id.clone());
        let found = mapped(gateway, list, move |rows| {
            let same = |job: &&Value| job["jobid"] == *id && job["service"] == *service;
            rows.iter().find(same).map_or(Value::Null, |job| shown(job, view))
        });
        let found = found.await?;
        if found.json != "null" {
            return Ok(found);
        }
    }
    Err(Refusal::new(StatusCode::NOT_FOUND, "unknown-job", "the broker does not know it, or no more"))
}

/// `GET /v1/workers`.
pub(crate) async fn workers(gateway: &Gateway, headers: &HeaderMap) -> Result<Reply, Refusal> {
    gateway.permit(headers, name_of(View::Workers))?;
    let shown = |worker: &Value| {
        json!({
            "id": text(&worker["workerid"]),
            "service": text(&worker["service"]),
            "expires_at": worker["hb"],
        })
    };
    let list = gateway.list(View::Workers, Instant::now()).await?;
    mapped(gateway, list, move |rows| json!({"workers": rows.iter().map(shown).collect::<Vec<_>>()})).await
}

/// `GET /v1/services`.
pub(crate) async fn services(gateway: &Gateway, headers: &HeaderMap) -> Result<Reply, Refusal> {
    gateway.permit(headers, name_of(View::Workers))?;
    let mut services: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for (place, view) in [View::Workers, View::Jobs, View::Active].into_iter().enumerate() {
        let list = gateway.list(view, Instant::now()).await?;
        for name in names_in(gateway, list).await? {
            services.entry(name).or_default()[place] += 1;
        }
    }
    let shown = |(name, [workers, queued, active]): (String, [u64; 3])| json!({"name": name, "workers": workers, "queued": queued, "active": active});
    let services: Vec<Value> = services.into_iter().map(shown).collect();
    Ok(Reply::new(StatusCode::OK, &json!({"services": services})))
}

impl Gateway {
    async fn list(&self, view: View, not_before: Instant) -> Result<List, Refusal> {
        let limit = self.config.acknowledge_timeout;
        Ok(self.lists.get(&self.client, view, not_before, limit).await?)
    }
}

/// What is made of a list, beside the loop if it is long.
async fn mapped(
    gateway: &Gateway,
    list: List,
    map: impl FnOnce(&[Value]) -> Value + Send + 'static,
) -> Result<Reply, Refusal> {
    let size = list.json.len();
    let work = move || rows(&list).map(|rows| Reply::new(StatusCode::OK, &map(&rows)));
    let mut reply = gateway.offload.run(size, offload::LONG, work).await??;
    reply.json = gateway.responses.charge_promised(reply.json.len()).around(reply.json);
    Ok(reply)
}

/// The service that each row is about.
async fn names_in(gateway: &Gateway, list: List) -> Result<Vec<String>, Refusal> {
    let size = list.json.len();
    let name = |row: &Value| row["service"].as_str().map(str::to_owned);
    let work = move || rows(&list).map(|rows| rows.iter().filter_map(name).collect());
    gateway.offload.run(size, offload::LONG, work).await?
}

fn rows(list: &List) -> Result<Vec<Value>, Refusal> {
    serde_json::from_slice(&list.json).map_err(|_| Refusal::from(CallError::Garbled))
}

/// A broker of PHP's does not say how a job ended.
fn state(job: &Value, view: View) -> Value {
    match view {
        View::Jobs => "queued".into(),
        View::Active => "active".into(),
        View::History | View::Workers => job["state"].clone(),
    }
}

fn shown(job: &Value, view: View) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), text(&job["jobid"]));
    shown.insert("service".to_owned(), text(&job["service"]));
    shown.insert("state".to_owned(), state(job, view));
    shown.insert("waits".to_owned(), (job["sync"] == true).into());
    shown.insert("worker".to_owned(), job["worker"].clone());
    shown.insert("requested_at".to_owned(), job["reqtime"].clone());
    shown.insert("started_at".to_owned(), job["startedat"].clone());
    shown.insert("ended_at".to_owned(), job["completedat"].clone());
    Value::Object(shown)
}

/// PHP's history has entries that are an end and nothing else (original.md §5).
fn text(value: &Value) -> Value {
    if value.is_null() { Value::String(String::new()) } else { value.clone() }
}

/// The first value of a name in a query, as it stands there.
pub(crate) fn query_value<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

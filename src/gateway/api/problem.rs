//! Refusals as RFC 9457 has them.

use hyper::Response;
use serde_json::json;

use crate::gateway::api::{Reply, fail};
use crate::gateway::payload::Payload;
use crate::gateway::refusal::Refusal;

/// A refusal as a problem: `type`, `title`, `status`, `detail`; and `job`, the id of the job that it is about.
pub(crate) fn reply(refusal: &Refusal) -> Reply {
    let mut problem = json!({
        "type": format!("urn:zmws:problem:{}", refusal.kind),
        "title": refusal.status.canonical_reason().unwrap_or("Error"),
        "status": refusal.status.as_u16(),
        "detail": refusal.message,
    });
    if let Some(job) = refusal.job {
        problem["job"] = job.to_string().into();
    }
    Reply::new(refusal.status, &problem)
}

/// A refusal that came before the path was looked at.
pub(crate) fn refuse(refusal: &Refusal) -> Response<Payload> {
    fail(refusal)
}

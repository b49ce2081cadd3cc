//! What the news port says.

use bytes::Bytes;
use serde::Serialize;

use crate::admin::report;
use crate::broker::{JobEnd, JobProgress, Stage};
use crate::job::ServiceName;
use crate::message::Outcome;

/// Times are seconds since the Unix epoch.
#[derive(Serialize)]
struct News {
    id: String,
    service: String,
    outcome: &'static str,
    requested_at: f64,
    started_at: Option<f64>,
    ended_at: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What the topics of jobs' ends begin with.
pub(super) const ENDS: &[u8] = b"JOB.";

/// `JOB.<service>`, `ACCEPTED.<service>`.
pub(super) fn topic(kind: &[u8], service: &ServiceName) -> Bytes {
    [kind, service.as_bytes()].concat().into()
}

/// An object of `id`, `service`, `outcome` (`complete` or `fail`), `requested_at`, `started_at` (null if no worker
/// ever had the job), `ended_at`, and `reason` if it failed and anybody said why.
pub(super) fn end(end: &JobEnd) -> Bytes {
    let news = News {
        id: end.job.to_string(),
        service: end.service.to_string(),
        outcome: match end.outcome {
            Outcome::Complete => "complete",
            Outcome::Fail => "fail",
        },
        requested_at: end.requested_at.as_secs_f64(),
        started_at: end.started_at.map(|at| at.as_secs_f64()),
        ended_at: end.ended_at.as_secs_f64(),
        reason: end.reason.as_ref().map(report::reason),
    };
    serde_json::to_vec(&news).expect("strings and finite numbers are always JSON").into()
}

#[derive(Serialize)]
struct Progress {
    id: String,
    service: String,
    at: f64,
}

/// What the topics of a stage begin with. No beginning of `JOB.`, nor it of them: who listens to jobs' ends hears
/// nothing of this.
pub(super) fn kind(stage: Stage) -> &'static [u8] {
    match stage {
        Stage::Accepted => b"ACCEPTED.",
        Stage::Started => b"STARTED.",
    }
}

/// An object of `id`, `service`, `at`.
pub(super) fn announcement(news: &JobProgress) -> Bytes {
    let progress =
        Progress { id: news.job.to_string(), service: news.service.to_string(), at: news.at.as_secs_f64() };
    serde_json::to_vec(&progress).expect("strings and finite numbers are always JSON").into()
}

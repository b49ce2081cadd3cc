//! What the news port says.

use bytes::Bytes;
use serde::Serialize;

use crate::broker::{Announcement, JobEnd, Stage};
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
}

/// `["JOB.<service>", <json>]`, the JSON an object of `id`, `service`, `outcome` (`complete` or `fail`),
/// `requested_at`, `started_at` (null if no worker ever had the job), `ended_at`.
pub(super) fn frames(end: &JobEnd) -> [Bytes; 2] {
    let topic = [b"JOB.".as_slice(), end.service.as_bytes()].concat();
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
    };
    let json = serde_json::to_vec(&news).expect("strings and finite numbers are always JSON");
    [topic.into(), json.into()]
}

#[derive(Serialize)]
struct Progress {
    id: String,
    service: String,
    at: f64,
}

/// What the topics of a stage begin with. No beginning of `JOB.`, nor it of them: who listens to jobs' ends hears
/// nothing of this.
pub(super) fn topic(stage: Stage) -> &'static [u8] {
    match stage {
        Stage::Accepted => b"ACCEPTED.",
        Stage::Started => b"STARTED.",
    }
}

/// `["ACCEPTED.<service>", <json>]` or `STARTED.`, the JSON an object of `id`, `service`, `at`.
pub(super) fn announcement(news: &Announcement) -> [Bytes; 2] {
    let topic = [topic(news.stage), news.service.as_bytes()].concat();
    let progress =
        Progress { id: news.job.to_string(), service: news.service.to_string(), at: news.at.as_secs_f64() };
    let json = serde_json::to_vec(&progress).expect("strings and finite numbers are always JSON");
    [topic.into(), json.into()]
}

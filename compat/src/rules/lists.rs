//! Lists (`SERVER-…`).

use bytes::Bytes;

use super::{Case, dialects};
use crate::classify::worker::{Verb, WorkerMessage};
use crate::classify::{Generation, RequestKind};
use crate::conversation::{Busy, Conversation, RequestIndex, Worker};
use crate::differ::{Kind, ListDifference, RowKey, differs, is_sound_list, rows};
use crate::original::{JITTER, Version};
use crate::script::Act;
use crate::trace::ConnIndex;

/// Nothing there or, as any request without a parameter at rc1 and as all requests of the candidates under
/// PHP 8, a refusal; here the list.
pub(super) fn answered(case: Case<'_>) -> bool {
    let (Some(request), Some(ours)) = (case.request(), case.our_request()) else { return false };
    let version = Version::of(case.comparison);
    let refuses = version.is_first_candidate() || dialects::refuses_all(case.comparison.recorded());
    let is_owed_a_refusal = version.is_first_candidate() && request.message.param.is_none();
    let as_there = match case.difference.kind {
        Kind::ReplyExtra => request.replies.is_empty() && !is_owed_a_refusal,
        Kind::ReplyDiffers { .. } => refuses && case.is_refused_there(),
        _ => false,
    };
    as_there
        && case.generation() == Generation::Two
        && ours.message.kind == RequestKind::List
        && ours.replies.len() == 1
        && is_sound_list(case.comparison, &ours.replies[0])
}

/// An empty frame there, where a name or parameter is no UTF-8; here the list.
pub(super) fn are_json(case: Case<'_>) -> bool {
    let recorded = case.comparison.recorded();
    let is_bytes = |bytes: Option<&Bytes>| bytes.is_some_and(|bytes| std::str::from_utf8(bytes).is_err());
    let unreadable = recorded.requests.iter().any(|request| {
        let asked = &request.message;
        let client = recorded.identity_of(request.conn);
        is_bytes(client) || is_bytes(asked.param.as_ref()) || is_bytes(Some(&asked.service))
    });
    let worker = recorded.workers.keys().any(|&conn| is_bytes(recorded.identity_of(conn)));
    case.difference.kind == Kind::List(ListDifference::RecordedEmpty)
        && (unreadable || worker)
        && case.our_request().is_some_and(|request| {
            request.replies.len() == 1 && is_sound_list(case.comparison, &request.replies[0])
        })
}

/// There an entry for each end of a job that never was, as many as were told; here none.
pub(super) fn no_bare_history(case: Case<'_>) -> bool {
    let Some(request) = case.request() else { return false };
    let list = case.difference.recorded.as_ref().and_then(|frames| rows(&frames.last()?.bytes));
    let bare = list.unwrap_or_default().iter().filter(|row| row.is_bare()).count();
    let workers = &case.comparison.recorded().workers;
    let is_known = |conn: ConnIndex, at: u64| {
        workers.get(&conn).is_some_and(|worker| worker.readies.iter().any(|&ready| ready < at))
    };
    let ends = case.comparison.script.steps.iter().filter(|step| match (&step.act, step.conn) {
        (Act::Tell(frames), Some(conn)) if step.at < request.at && is_known(conn, step.at) => {
            matches!(
                WorkerMessage::read(frames),
                WorkerMessage::Answer { verb: Verb::Complete | Verb::Fail, .. }
            )
        }
        _ => false,
    });
    case.difference.kind == Kind::List(ListDifference::Missing(RowKey::Bare)) && bare == ends.count()
}

/// Whether a list shows a name so: what is no UTF-8 in it is replaced.
pub(super) fn is_text(name: &[u8], shown: &str) -> bool {
    String::from_utf8_lossy(name) == shown
}

/// The connections of the worker that an entry names, in one of the conversations.
fn named<'a>(case: Case<'a>, conversation: &'a Conversation, key: &RowKey) -> Vec<(ConnIndex, &'a Worker)> {
    let RowKey::Worker { identity, service } = key else { return Vec::new() };
    let is_it = |(conn, worker): &(&ConnIndex, &Worker)| {
        let own = case.comparison.recorded().own_identity(**conn);
        own.is_some_and(|own| own == identity.as_bytes())
            && worker.services.keys().any(|name| is_text(name, service))
    };
    conversation.workers.iter().filter(is_it).map(|(&conn, worker)| (conn, worker)).collect()
}

/// The original gives a silent worker up with a round of heartbeats, up to an interval and a poll late; we
/// when its patience ends, or its connection does.
pub(super) fn workers_by_life(case: Case<'_>) -> bool {
    let Kind::List(ListDifference::Missing(key)) = &case.difference.kind else { return false };
    let (Some(asked), Some(ours)) = (case.request(), case.our_request()) else { return false };
    let interval = case.comparison.interval();
    let expiry = case.comparison.expiry();
    let late = interval + Version::of(case.comparison).poll(interval) + JITTER;
    let listed = named(case, case.comparison.recorded(), key)
        .into_iter()
        .any(|(_, worker)| worker.last_sign(asked.at).is_some_and(|last| asked.at <= last + expiry + late));
    let given_up = named(case, case.comparison.ours(), key).into_iter().all(|(_, worker)| {
        let is_gone = worker.left.is_some_and(|left| left <= ours.at);
        is_gone || worker.last_sign(ours.at).is_none_or(|last| ours.at + JITTER >= last + expiry)
    });
    listed && given_up
}

/// Not listed there while it has a job; listed here.
pub(super) fn busy_workers(case: Case<'_>) -> bool {
    let Kind::List(ListDifference::Extra(key)) = &case.difference.kind else { return false };
    let (Some(asked), Some(ours)) = (case.request(), case.our_request()) else { return false };
    let is_busy = |conversation: &Conversation, at: u64| {
        let has = |busy: &Busy| busy.from <= at && busy.to.is_none_or(|to| to >= at);
        named(case, conversation, key).into_iter().any(|(_, worker)| worker.busy.iter().any(has))
    };
    is_busy(case.comparison.recorded(), asked.at) && is_busy(case.comparison.ours(), ours.at)
}

/// Each list shows where its broker has the job; that it is elsewhere must have its reason in the job's own
/// difference.
pub(super) fn follow_lives(case: Case<'_>) -> bool {
    let Kind::List(list) = &case.difference.kind else { return false };
    let (ListDifference::Missing(RowKey::Job(job)) | ListDifference::Extra(RowKey::Job(job))) = list else {
        return false;
    };
    let (Some(asked), Some(ours)) = (case.request(), case.our_request()) else { return false };
    let Some(&our_job) = case.comparison.played.requests.get(job) else { return false };
    let place = &asked.message.service;
    let there = places(case.comparison.recorded(), *job, asked.at);
    let here = places(case.comparison.ours(), our_job, ours.at);
    let is_listed = |places: &[&str]| places.iter().any(|name| place == name);
    let as_told = match list {
        ListDifference::Missing(_) => is_listed(&there) && here.iter().any(|name| place != name),
        _ => is_listed(&here) && there.iter().any(|name| place != name),
    };
    as_told && differs(case.comparison, *job)
}

/// In which lists a job may be at a time, by what is known of its life.
fn places(conversation: &Conversation, request: RequestIndex, at: u64) -> Vec<&'static str> {
    let Some(job) = conversation.requests[request].job.map(|job| &conversation.jobs[job]) else {
        return vec![""];
    };
    let runs: Vec<_> = job.runs.iter().filter(|run| run.order.at <= at).collect();
    let ended =
        runs.iter().flat_map(|run| &run.answers).any(|answer| answer.at <= at && answer.verb != Verb::Part);
    let Some(last) = runs.last() else { return vec!["SERVER-JOBS"] };
    let gone =
        conversation.workers.get(&last.conn).and_then(|worker| worker.left).is_some_and(|left| left <= at);
    match (ended, gone) {
        // Unless it came too late.
        (true, _) => vec!["SERVER-HIST", "SERVER-ACTIVE", "SERVER-JOBS"],
        (false, true) => vec!["SERVER-ACTIVE", "SERVER-JOBS", ""],
        (false, false) => vec!["SERVER-ACTIVE"],
    }
}

//! Which worker gets which job, and when it is given up.

use bytes::Bytes;

use super::Case;
use super::dialects::is_answer;
use super::lists::is_text;
use crate::classify::worker::{Verb, WorkerMessage};
use crate::classify::{Reply, RequestKind};
use crate::conversation::{Conversation, End, Request, Run, Violation};
use crate::differ::{Kind, ListDifference, RowKey};
use crate::original::{Version, is_overdue};
use crate::script::Act;
use crate::trace::Frame;

/// Refused there, for the only workers of the service speak another version's dialect; here they count.
pub(super) fn foreign_worker_counts(case: Case<'_>) -> bool {
    let (Some(request), Some(asked)) = (case.request(), case.our_reading()) else { return false };
    let own = Version::of(case.comparison).worker_form();
    let offering = case.comparison.recorded().workers.values().filter(|worker| {
        worker.services.get(&request.message.service).is_some_and(|&since| since < request.at)
    });
    let mut forms = offering.map(|worker| worker.ready.map(|(form, _)| form)).peekable();
    let foreign = forms.peek().is_some() && forms.all(|form| form != own);
    let served = match case.difference.kind {
        Kind::ReplyDiffers { .. } | Kind::ReplyExtra => {
            case.difference.ours.as_ref().is_some_and(|ours| is_answer(asked, ours))
        }
        Kind::ReplyMissing => case.our_request().is_some_and(|ours| ours.replies.is_empty()),
        Kind::RunExtra => true,
        _ => false,
    };
    case.is_refused_there() && foreign && served && case.our_job().is_some()
}

/// A worker does not answer what is no job of its dialect; the original's does.
pub(super) fn answers_jobs_only(case: Case<'_>) -> bool {
    case.difference.kind == Kind::Worker { silent: true, sound: false }
}

/// Which job is next there depends on where its array's pointers stand; here it is the oldest.
pub(super) fn first_come(case: Case<'_>) -> bool {
    case.difference.kind == Kind::Order { fair: true }
}

/// Whether the recorded broker gave the job to a second worker while the first was at it.
fn was_given_twice(case: Case<'_>) -> bool {
    let Some(job) = case.request().and_then(|request| request.job) else { return false };
    case.comparison.recorded().violations.iter().any(|(_, violation)| *violation == Violation::Twice { job })
}

/// Whether no worker of the recording ended the job in time, and one of ours did.
fn ends_only_here(case: Case<'_>) -> bool {
    let Some(job) = case.request().and_then(|request| request.job) else { return false };
    let is_end = |verb: Verb| verb != Verb::Part;
    let runs = &case.comparison.recorded().jobs[job].runs;
    let in_time = runs.iter().flat_map(|run| &run.answers).any(|answer| {
        is_end(answer.verb) && answer.conn.is_some_and(|conn| !is_overdue(case.comparison, conn, answer.at))
    });
    let ends_here = |run: &Run| run.answers.iter().any(|answer| is_end(answer.verb));
    !in_time && case.our_last_run().is_some_and(ends_here) && case.is_answered_here()
}

/// Given out again and again there, each answer coming too late; done once here.
pub(super) fn long_jobs(case: Case<'_>) -> bool {
    match case.difference.kind {
        Kind::Runs { recorded, ours } => was_given_twice(case) && ours < recorded,
        Kind::ReplyExtra => was_given_twice(case) && ends_only_here(case),
        _ => false,
    }
}

/// Whether a worker left with the request's job, in our replay.
fn is_orphan_here(case: Case<'_>) -> bool {
    let Some(job) = case.our_request().and_then(|request| request.job) else { return false };
    let mut busy = case.comparison.ours().workers.values().flat_map(|worker| &worker.busy);
    busy.any(|busy| busy.job == job && busy.end == Some(End::Left))
}

/// Whether a worker left with it in the recording.
fn is_orphan_there(case: Case<'_>) -> bool {
    let Some(job) = case.request().and_then(|request| request.job) else { return false };
    let mut busy = case.comparison.recorded().workers.values().flat_map(|worker| &worker.busy);
    busy.any(|busy| busy.job == job && busy.end == Some(End::Left))
}

/// Forgotten there, or not given out again before the recording ends; here it is.
pub(super) fn orphans(case: Case<'_>) -> bool {
    let is_orphan = is_orphan_here(case) || is_orphan_there(case);
    match case.difference.kind {
        Kind::Runs { recorded, ours } => is_orphan && ours > recorded,
        Kind::ReplyExtra => is_orphan && ends_only_here(case),
        // The workers have another orphan in their hands, which the recorded broker had forgotten.
        Kind::RunMissing => waits_for_orphan(case),
        _ => false,
    }
}

fn waits_for_orphan(case: Case<'_>) -> bool {
    let Some(ours) = case.our_request() else { return false };
    let runs = |conversation: &Conversation, request: &Request| {
        request.job.map_or(0, |job| conversation.jobs[job].runs.len())
    };
    case.comparison.pairs().any(|(recorded, other)| {
        let (theirs, mine) = (case.comparison.recorded(), case.comparison.ours());
        let other = &mine.requests[other];
        other.message.service == ours.message.service
            && other.at < ours.at
            && runs(mine, other) > runs(theirs, &theirs.requests[recorded])
    })
}

/// There a worker gets jobs of its first service only, and is listed under that alone.
pub(super) fn several_services(case: Case<'_>) -> bool {
    let recorded = case.comparison.recorded();
    let is_later = |service: &dyn Fn(&[u8]) -> bool, name: Option<&str>| {
        recorded.workers.iter().any(|(&conn, worker)| {
            let since = worker.services.iter().find(|(name, _)| service(name)).map(|(_, since)| since);
            let first = worker.services.values().min();
            let own = recorded.own_identity(conn);
            let is_it = name.is_none_or(|name| own.is_some_and(|own| own == name.as_bytes()));
            is_it && since.is_some() && since != first
        })
    };
    match &case.difference.kind {
        Kind::RunExtra | Kind::ReplyExtra => case.request().is_some_and(|request| {
            let waits = request.job.is_none_or(|job| recorded.jobs[job].runs.is_empty());
            let unanswered = !matches!(case.difference.kind, Kind::ReplyExtra) || request.replies.is_empty();
            is_later(&|name| request.message.service == name, None) && waits && unanswered
        }),
        Kind::List(ListDifference::Extra(RowKey::Worker { identity, service })) => {
            is_later(&|name| is_text(name, service), Some(identity))
        }
        _ => false,
    }
}

/// There the word of an answer makes a service, and its job is taken; here it is refused.
pub(super) fn only_ready(case: Case<'_>) -> bool {
    let (Some(request), Some(ours)) = (case.request(), case.our_request()) else { return false };
    let service = &request.message.service;
    let offered =
        case.comparison.recorded().workers.values().any(|worker| worker.services.contains_key(service));
    let named = case.comparison.script.steps.iter().any(|step| match &step.act {
        Act::Tell(frames) if step.at < request.at => named_by(frames, service),
        _ => false,
    });
    let is_refusal =
        |frames: &[Frame]| matches!(Reply::read(frames), Reply::Refused { name } if name == *service);
    let refused = ours.replies.len() == 1 && is_refusal(&ours.replies[0].frames);
    let taken = match case.difference.kind {
        Kind::ReplyDiffers { .. } => request.job.is_some(),
        // It waits there.
        Kind::ReplyExtra => request.replies.is_empty() && request.message.kind == RequestKind::Wait,
        Kind::RunMissing => true,
        _ => false,
    };
    taken && refused && named && !offered
}

/// Whether a message of a worker makes the original think that there is this service (quirks 17 and 19).
fn named_by(frames: &[Bytes], service: &[u8]) -> bool {
    match WorkerMessage::read(frames) {
        WorkerMessage::Answer { service: named, verb: Verb::Complete | Verb::Fail, .. } => named == service,
        WorkerMessage::Ready { service: named, .. } => named.is_empty() && service == b"READY",
        _ => false,
    }
}

/// Ignored there; a part here.
pub(super) fn partial(case: Case<'_>) -> bool {
    let Some(ours) = case.difference.ours.as_ref() else { return false };
    let is_part = case.difference.kind == Kind::ReplyExtra && matches!(Reply::read(ours), Reply::Part { .. });
    let value = ours.last().map(|frame| &frame.bytes);
    let is_it = |run: &Run| run.answers.iter().any(|answer| partial_value(&answer.frames).as_ref() == value);
    is_part && case.our_last_run().is_some_and(is_it)
}

/// What a `PARTIAL` brings.
fn partial_value(frames: &[Frame]) -> Option<Bytes> {
    let frames: Vec<Bytes> = frames.iter().map(|frame| frame.bytes.clone()).collect();
    let is_partial = frames.last().is_some_and(|verb| verb.starts_with(b"PARTIAL: "));
    match WorkerMessage::read(&frames) {
        WorkerMessage::Answer { value, .. } if is_partial => value,
        _ => None,
    }
}

/// Refused there, as a request without a service; here it ends the job that it names.
pub(super) fn answer_at_clients_port(case: Case<'_>) -> bool {
    let (Some(request), Some(ours)) = (case.request(), case.our_request()) else { return false };
    let named = |request: &Request| match WorkerMessage::read(&request.frames) {
        WorkerMessage::Answer { id, .. } => Some(id),
        _ => None,
    };
    match case.difference.kind {
        Kind::ReplyMissing => {
            let job = named(ours).and_then(|id| case.comparison.ours().job_of(ours.conn, &id));
            case.is_refused_there() && named(request).is_some() && job.is_some() && ours.replies.is_empty()
        }
        Kind::ReplyExtra => {
            let id = case.our_job().map(|job| job.id.clone());
            let is_told =
                case.comparison.ours().requests.iter().any(|other| id.is_some() && named(other) == id);
            ours.message.kind == RequestKind::Wait
                && request.replies.is_empty()
                && is_told
                && case.is_answered_here()
        }
        _ => false,
    }
}

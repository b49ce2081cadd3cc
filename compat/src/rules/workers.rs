//! Which worker gets which job, and when it is given up.

use bytes::Bytes;

use super::Case;
use crate::differ::{Kind, ListDifference, RowKey};
use crate::glance::{Kind as Asking, Reply};
use crate::glance_worker::{Said, WorkerForm};
use crate::ledger::{End, Ledger, Offence, Question};
use crate::trace::Frame;

/// The recorded client was refused, ours was served, for we count workers of every dialect.
pub(super) fn foreign_worker_counts(case: Case<'_>) -> bool {
    let Some(question) = case.question() else { return false };
    let refused =
        question.replies.iter().any(|reply| matches!(Reply::read(&reply.frames), Reply::Refused { .. }));
    let own = match case.scene.header.upstream.as_str() {
        "master" => WorkerForm::Zmws2,
        _ => WorkerForm::Zmws1,
    };
    let registered = case.scene.recorded().workers.values().any(|worker| {
        let offered = worker.services.get(&question.asked.service).is_some_and(|&since| since < question.at);
        let foreign = worker.ready.is_some_and(|(form, _)| form != own);
        offered && foreign && worker.busy.is_empty()
    });
    let served = match case.difference.kind {
        Kind::ReplyDiffers { .. } | Kind::ReplyMissing | Kind::ReplyExtra | Kind::RunExtra => true,
        Kind::List(_)
        | Kind::RunMissing
        | Kind::RunDiffers { .. }
        | Kind::Runs { .. }
        | Kind::Order { .. }
        | Kind::Told
        | Kind::Law(_)
        | Kind::Stream
        | Kind::Http { .. }
        | Kind::Worker { .. } => false,
    };
    refused && registered && served && case.our_job().is_some()
}

pub(super) fn first_come(case: Case<'_>) -> bool {
    case.difference.kind == Kind::Order { fair: true }
}

/// Whether the recorded broker gave the job to a second worker while the first was at it.
fn was_given_twice(case: Case<'_>) -> bool {
    let Some(job) = case.question().and_then(|question| question.job) else { return false };
    case.scene.recorded().offences.iter().any(|(_, offence)| *offence == Offence::Twice { job })
}

pub(super) fn long_jobs(case: Case<'_>) -> bool {
    match case.difference.kind {
        Kind::Runs { recorded, ours } => was_given_twice(case) && ours < recorded,
        // The answer of the worker that the recorded broker had given up.
        Kind::ReplyExtra => {
            was_given_twice(case) && case.our_last_run().is_some_and(|run| !run.answers.is_empty())
        }
        Kind::ReplyMissing
        | Kind::ReplyDiffers { .. }
        | Kind::List(_)
        | Kind::RunMissing
        | Kind::RunExtra
        | Kind::RunDiffers { .. }
        | Kind::Order { .. }
        | Kind::Told
        | Kind::Law(_)
        | Kind::Stream
        | Kind::Http { .. }
        | Kind::Worker { .. } => false,
    }
}

/// Whether a worker's time with the question's job ended so, in our replay.
fn ended(case: Case<'_>, end: End) -> bool {
    let Some(job) = case.our_question().and_then(|question| question.job) else { return false };
    let mut busy = case.scene.ours().workers.values().flat_map(|worker| &worker.busy);
    busy.any(|busy| busy.job == job && busy.end == Some(end))
}

pub(super) fn orphans(case: Case<'_>) -> bool {
    let more = match case.difference.kind {
        Kind::Runs { .. } | Kind::ReplyExtra => true,
        // The workers have another orphan in their hands, which the recorded broker had forgotten.
        Kind::RunMissing => return waits_for_orphan(case),
        Kind::ReplyMissing
        | Kind::ReplyDiffers { .. }
        | Kind::List(_)
        | Kind::RunExtra
        | Kind::RunDiffers { .. }
        | Kind::Order { .. }
        | Kind::Told
        | Kind::Law(_)
        | Kind::Stream
        | Kind::Http { .. }
        | Kind::Worker { .. } => false,
    };
    more && (ended(case, End::Left) || was_lost(case))
}

/// Whether the recorded worker left with the job.
fn was_lost(case: Case<'_>) -> bool {
    let Some(job) = case.question().and_then(|question| question.job) else { return false };
    let mut busy = case.scene.recorded().workers.values().flat_map(|worker| &worker.busy);
    busy.any(|busy| busy.job == job && busy.end == Some(End::Left))
}

fn waits_for_orphan(case: Case<'_>) -> bool {
    let Some(ours) = case.our_question() else { return false };
    let runs =
        |ledger: &Ledger, question: &Question| question.job.map_or(0, |job| ledger.jobs[job].runs.len());
    case.scene.pairs().any(|(recorded, other)| {
        let (theirs, mine) = (case.scene.recorded(), case.scene.ours());
        let other = &mine.questions[other];
        other.asked.service == ours.asked.service
            && other.at < ours.at
            && runs(mine, other) > runs(theirs, &theirs.questions[recorded])
    })
}

/// The original gives a worker jobs of its first service only, as long as it lives.
pub(super) fn several_services(case: Case<'_>) -> bool {
    let mut offering = case.scene.ours().workers.values().filter(|worker| worker.services.len() > 1);
    match &case.difference.kind {
        Kind::RunExtra | Kind::ReplyExtra => {
            let service = case.question().map(|question| &question.asked.service);
            service.is_some_and(|service| offering.any(|worker| worker.services.contains_key(service)))
        }
        Kind::List(ListDifference::Extra(RowKey::Worker(_))) => offering.next().is_some(),
        Kind::ReplyMissing
        | Kind::ReplyDiffers { .. }
        | Kind::List(_)
        | Kind::RunMissing
        | Kind::RunDiffers { .. }
        | Kind::Runs { .. }
        | Kind::Order { .. }
        | Kind::Told
        | Kind::Law(_)
        | Kind::Stream
        | Kind::Http { .. }
        | Kind::Worker { .. } => false,
    }
}

/// The original takes the word of any answer for a service; we take READY's.
pub(super) fn only_ready(case: Case<'_>) -> bool {
    let Some(question) = case.question() else { return false };
    let service = &question.asked.service;
    let offered =
        |ledger: &Ledger| ledger.workers.values().any(|worker| worker.services.contains_key(service));
    let refused = case.our_question().is_some_and(|question| {
        question
            .replies
            .iter()
            .all(|reply| matches!(Reply::read(&reply.frames), Reply::Refused { name } if name == *service))
    });
    let served = match case.difference.kind {
        Kind::ReplyDiffers { .. } | Kind::ReplyExtra | Kind::RunMissing => true,
        Kind::ReplyMissing
        | Kind::List(_)
        | Kind::RunExtra
        | Kind::RunDiffers { .. }
        | Kind::Runs { .. }
        | Kind::Order { .. }
        | Kind::Told
        | Kind::Law(_)
        | Kind::Stream
        | Kind::Http { .. }
        | Kind::Worker { .. } => false,
    };
    served && refused && !offered(case.scene.recorded())
}

pub(super) fn partial(case: Case<'_>) -> bool {
    let Some(ours) = case.difference.ours.as_ref() else { return false };
    let is_part = case.difference.kind == Kind::ReplyExtra && matches!(Reply::read(ours), Reply::Part { .. });
    let value = ours.last().map(|frame| &frame.bytes);
    is_part
        && case.our_last_run().is_some_and(|run| {
            run.answers.iter().any(|answer| {
            let frames = bare(&answer.frames);
            let partial = frames.last().is_some_and(|verb| verb.starts_with(b"PARTIAL: "));
            partial
                && matches!(Said::read(&frames), Said::Answer { value: given, .. } if given.as_ref() == value)
        })
        })
}

/// A zmws 2 worker that has failed over answers at the clients' port: the original refuses that.
pub(super) fn answer_at_clients_port(case: Case<'_>) -> bool {
    let (Some(question), Some(ours)) = (case.question(), case.our_question()) else { return false };
    let is_one = |question: &Question| matches!(Said::read(&question.frames), Said::Answer { .. });
    match case.difference.kind {
        Kind::ReplyMissing => is_one(question),
        Kind::ReplyExtra => {
            let mut others = case.scene.ours().questions.iter();
            ours.asked.kind == Asking::Wait
                && others.any(|other| {
                    is_one(other)
                        && matches!(Said::read(&other.frames), Said::Answer { id, .. }
                    if case.our_job().is_some_and(|job| job.id == id))
                })
        }
        Kind::ReplyDiffers { .. }
        | Kind::List(_)
        | Kind::RunMissing
        | Kind::RunExtra
        | Kind::RunDiffers { .. }
        | Kind::Runs { .. }
        | Kind::Order { .. }
        | Kind::Told
        | Kind::Law(_)
        | Kind::Stream
        | Kind::Http { .. }
        | Kind::Worker { .. } => false,
    }
}

fn bare(frames: &[Frame]) -> Vec<Bytes> {
    frames.iter().map(|frame| frame.bytes.clone()).collect()
}

//! Lists (`SERVER-…`).

use super::Case;
use crate::differ::{Kind, ListDifference, RowKey, differs, is_sound_list};
use crate::glance::{Generation, Kind as Asking};

pub(super) fn answered(case: Case<'_>) -> bool {
    let Some(question) = case.our_question() else { return false };
    let silent = case.question().is_some_and(|question| question.replies.is_empty());
    case.difference.kind == Kind::ReplyExtra
        && case.generation() == Generation::Two
        && question.asked.kind == Asking::List
        && silent
        && question.replies.first().is_some_and(|reply| is_sound_list(case.scene, reply))
}

pub(super) fn are_json(case: Case<'_>) -> bool {
    case.difference.kind == Kind::List(ListDifference::RecordedEmpty)
        && case.our_question().is_some_and(|question| {
            question.replies.first().is_some_and(|reply| is_sound_list(case.scene, reply))
        })
}

pub(super) fn no_bare_history(case: Case<'_>) -> bool {
    case.difference.kind == Kind::List(ListDifference::Missing(RowKey::Bare))
}

/// The original gives a silent worker up between `tries` and `tries` + 1 intervals, we after `tries`.
pub(super) fn workers_by_life(case: Case<'_>) -> bool {
    let Kind::List(ListDifference::Missing(RowKey::Worker(_))) = &case.difference.kind else { return false };
    let Some(at) = case.our_question().map(|question| question.at) else { return false };
    let expiry = case.scene.interval() * u64::from(case.scene.header.heartbeat_maxtries);
    case.scene.ours().workers.values().any(|worker| {
        let last = worker.signs.iter().copied().filter(|&sign| sign <= at).max();
        last.is_some_and(|last| (last + expiry..last + expiry + 2 * case.scene.interval()).contains(&at))
    })
}

pub(super) fn busy_workers(case: Case<'_>) -> bool {
    let Kind::List(ListDifference::Extra(RowKey::Worker(_))) = &case.difference.kind else { return false };
    let Some(at) = case.our_question().map(|question| question.at) else { return false };
    case.scene
        .ours()
        .workers
        .values()
        .any(|worker| worker.busy.iter().any(|busy| busy.from <= at && busy.to.is_none_or(|to| to >= at)))
}

/// The job's own difference must have its reason elsewhere: this one only says that lists tell the truth.
pub(super) fn follow_lives(case: Case<'_>) -> bool {
    let Kind::List(list) = &case.difference.kind else { return false };
    match list {
        ListDifference::Missing(RowKey::Job(question))
        | ListDifference::Extra(RowKey::Job(question))
        | ListDifference::Names(RowKey::Job(question)) => differs(case.scene, *question),
        ListDifference::RecordedEmpty
        | ListDifference::NoList
        | ListDifference::Echo
        | ListDifference::Missing(_)
        | ListDifference::Extra(_)
        | ListDifference::Names(_)
        | ListDifference::Member { .. }
        | ListDifference::Order => false,
    }
}

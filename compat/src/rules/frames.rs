//! What becomes of single frames.

use bytes::Bytes;

use super::Case;
use crate::classify::worker::{WorkerMessage, WorkerOrder};
use crate::classify::{Reply, RequestKind};
use crate::conversation::Request;
use crate::differ::{Kind, ListDifference, RowKey};
use crate::original::{looks_hex, unhexed};
use crate::trace::{Frame, to_text};

/// Both parameters of an order, if the orders differ in nothing else.
fn params(case: Case<'_>) -> Option<(Bytes, Bytes)> {
    let Kind::RunDiffers { .. } = case.difference.kind else { return None };
    let (theirs, mine) = (case.difference.recorded.as_ref()?, case.difference.ours.as_ref()?);
    let (WorkerOrder::Run { param: Some(their), .. }, WorkerOrder::Run { param: Some(our), .. }) =
        (WorkerOrder::read(theirs), WorkerOrder::read(mine))
    else {
        return None;
    };
    (theirs.len() == mine.len() && only_param_differs(theirs, mine)).then_some((their, our))
}

/// Whether all frames are equal but for the parameter, the client in front and the id at the end, which the
/// differ has bound.
fn only_param_differs(theirs: &[Frame], mine: &[Frame]) -> bool {
    let inner = 1..theirs.len().saturating_sub(2);
    theirs[inner.clone()] == mine[inner]
}

/// The request whose job's parameter differs in a list, and both of its texts.
fn listed_param<'a>(case: Case<'a>) -> Option<(&'a Request, String, String)> {
    let Kind::List(ListDifference::Member { key: RowKey::Job(request), name, recorded, ours }) =
        &case.difference.kind
    else {
        return None;
    };
    let text = |json: &str| serde_json::from_str::<String>(json).ok();
    let request = &case.comparison.recorded().requests[*request];
    (name == "param").then_some((request, text(recorded)?, text(ours)?))
}

/// The job frame there, for want of a parameter; an empty frame here.
pub(super) fn no_param_is_empty(case: Case<'_>) -> bool {
    let none = |request: &Request| request.message.param.as_ref().is_none_or(Bytes::is_empty);
    if let Some((request, theirs, mine)) = listed_param(case) {
        return none(request) && theirs == to_text(&request.message.job) && mine.is_empty();
    }
    let (Some((theirs, mine)), Some(request)) = (params(case), case.request()) else { return false };
    none(request) && theirs == request.message.job && mine.is_empty()
}

/// There the text 0 is nothing: the worker gets the job frame, the client an empty one. Here it passes.
pub(super) fn zero_is_data(case: Case<'_>) -> bool {
    let zero = |request: &Request| request.message.param.as_ref().is_some_and(|param| param == "0");
    if let Some((request, theirs, mine)) = listed_param(case) {
        return zero(request) && theirs == to_text(&request.message.job) && mine == "0";
    }
    if let (Some((theirs, mine)), Some(request)) = (params(case), case.request()) {
        return zero(request) && theirs == request.message.job && mine == "0";
    }
    // As a name it is nothing, too.
    let named = case.our_reading().is_some_and(|asked| asked.job == "0");
    let refused = named && case.is_refused_there() && case.is_answered_here();
    refused || lost_result(case).is_some_and(|value| value == "0")
}

/// The result that the recorded client got an empty frame for, and ours got.
fn lost_result(case: Case<'_>) -> Option<Bytes> {
    let Kind::ReplyDiffers { frame } = case.difference.kind else { return None };
    let (theirs, mine) = (case.difference.recorded.as_ref()?, case.difference.ours.as_ref()?);
    let last = theirs.len().checked_sub(1)?;
    let lost = theirs.len() == mine.len() && frame == last && theirs[last].bytes.is_empty();
    let value = mine.get(last)?.bytes.clone();
    let given = case.our_last_run()?.answers.iter().any(|answer| {
        let frames: Vec<Bytes> = answer.frames.iter().map(|frame| frame.bytes.clone()).collect();
        matches!(WorkerMessage::read(&frames), WorkerMessage::Answer { value: Some(given), .. } if given == value)
    });
    (lost && given).then_some(value)
}

/// An empty frame there, for the result does not begin with PARAM; here what the worker gave.
pub(super) fn results_pass(case: Case<'_>) -> bool {
    lost_result(case).is_some_and(|value| value != "0" && !value.starts_with(b"PARAM"))
}

/// A refusal that differs in nothing but the service's name, of which ours has the beginning.
pub(super) fn long_names_are_cut(case: Case<'_>) -> bool {
    const NAME_MAX: usize = zmws::job::ServiceName::BYTES_MAX;
    let Kind::ReplyDiffers { .. } = case.difference.kind else { return false };
    let (Some(theirs), Some(mine)) = (&case.difference.recorded, &case.difference.ours) else { return false };
    let is_cut = |their: &Bytes, our: &Bytes, length| {
        our.len() == length && their.len() > length && their.starts_with(our)
    };
    let explained = |(their, our): (&Frame, &Frame)| {
        let (their, our) = (&their.bytes, &our.bytes);
        their == our
            || is_cut(their, our, NAME_MAX)
            || (our.starts_with(b"FAIL: ") && is_cut(their, our, b"FAIL: ".len() + NAME_MAX))
    };
    theirs.len() == mine.len() && theirs.iter().zip(mine).all(explained)
}

/// There the decoded bytes, or no answer for who is called so; here the bytes as they are.
pub(super) fn hex_is_not_decoded(case: Case<'_>) -> bool {
    let Some(request) = case.request() else { return false };
    if let Some((theirs, mine)) = params(case) {
        let sent = request.message.param.as_ref();
        return sent.is_some_and(|sent| mine == sent && unhexed(sent) == Some(theirs));
    }
    let own = case.comparison.recorded().own_identity(request.conn);
    let is_lost = own.is_some_and(|own| looks_hex(own)) && request.replies.is_empty();
    is_lost && case.difference.kind == Kind::ReplyExtra && case.is_answered_here()
}

/// There a client that calls itself 0 gets no job, and no id or no answer; here it is served.
pub(super) fn client_zero(case: Case<'_>) -> bool {
    let Some(request) = case.request() else { return false };
    let zero = case.comparison.recorded().own_identity(request.conn).is_some_and(|own| own == "0");
    let nameless = [b"JOB:  ", &request.message.service[..]].concat();
    let as_there = match case.difference.kind {
        Kind::ReplyExtra => {
            let waits = request.message.kind == RequestKind::Wait;
            waits && request.replies.is_empty() && case.is_answered_here()
        }
        Kind::RunExtra => true,
        Kind::ReplyDiffers { .. } => {
            let recorded = case.difference.recorded.as_ref().and_then(|frames| frames.last());
            let accepted = case.difference.ours.as_ref().map(|frames| Reply::read(frames));
            recorded.is_some_and(|frame| frame.bytes == nameless)
                && matches!(accepted, Some(Reply::Accepted { .. }))
        }
        _ => false,
    };
    zero && as_there && case.our_job().is_some()
}

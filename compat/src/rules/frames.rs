//! What becomes of single frames.

use bytes::Bytes;

use super::Case;
use crate::differ::{Kind, ListDifference};
use crate::glance_worker::{Order, Said};
use crate::trace::{Frame, to_text};

/// Both parameters of an order, if the orders differ in nothing else.
fn params(case: Case<'_>) -> Option<(Bytes, Bytes)> {
    let Kind::RunDiffers { .. } = case.difference.kind else { return None };
    let (theirs, mine) = (case.difference.recorded.as_ref()?, case.difference.ours.as_ref()?);
    let (Order::Run { param: Some(their), .. }, Order::Run { param: Some(our), .. }) =
        (Order::read(theirs), Order::read(mine))
    else {
        return None;
    };
    let rest = |frames: &[Frame]| frames.len();
    (rest(theirs) == rest(mine) && only_param_differs(theirs, mine)).then_some((their, our))
}

/// Whether all frames are equal but for the parameter, the client in front and the id at the end, which the
/// differ has bound.
fn only_param_differs(theirs: &[Frame], mine: &[Frame]) -> bool {
    let inner = 1..theirs.len().saturating_sub(2);
    theirs[inner.clone()] == mine[inner]
}

pub(super) fn no_param_is_empty(case: Case<'_>) -> bool {
    let Some(question) = case.question() else { return false };
    let none = |param: &Option<Bytes>| param.as_ref().is_none_or(Bytes::is_empty);
    if let Kind::List(ListDifference::Member { name, recorded, ours, .. }) = &case.difference.kind {
        // The parameter in a list is that of another question: any job frame.
        let text = serde_json::from_str::<String>(recorded).unwrap_or_default();
        let jobs = &case.scene.recorded().questions;
        return name == "param"
            && ours == "\"\""
            && jobs.iter().any(|asked| to_text(&asked.asked.job) == text && none(&asked.asked.param));
    }
    let Some((theirs, mine)) = params(case) else { return false };
    theirs == question.asked.job
        && mine.is_empty()
        && case.our_reading().is_some_and(|asked| none(&asked.param))
}

pub(super) fn zero_is_data(case: Case<'_>) -> bool {
    if let Kind::List(ListDifference::Member { name, ours, .. }) = &case.difference.kind {
        return name == "param" && ours == "\"0\"";
    }
    if let Some((_, mine)) = params(case) {
        let falsy = mine == "0" || mine.is_empty();
        return falsy && case.our_reading().is_some_and(|asked| asked.param.as_ref() == Some(&mine));
    }
    lost_result(case).is_some_and(|value| value == "0")
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
        matches!(Said::read(&frames), Said::Answer { value: Some(given), .. } if given == value)
    });
    (lost && given).then_some(value)
}

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

/// Whether upstream's `wrap()` would take it for an identity that it made hexadecimal itself.
fn looks_hex(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'@') && matches!(bytes.len(), 33 | 35)
}

pub(super) fn hex_is_not_decoded(case: Case<'_>) -> bool {
    if let Some((theirs, mine)) = params(case) {
        let sent = case.our_reading().and_then(|asked| asked.param.clone());
        return sent.is_some_and(|sent| looks_hex(&sent) && mine == sent && theirs.len() * 2 < sent.len());
    }
    let Some(question) = case.question() else { return false };
    let own = case.scene.recorded().own_identity(question.conn);
    own.is_some_and(|own| looks_hex(own)) && case.difference.kind == Kind::ReplyExtra
}

pub(super) fn client_zero(case: Case<'_>) -> bool {
    let Some(question) = case.question() else { return false };
    let zero = case.scene.recorded().own_identity(question.conn).is_some_and(|own| own == "0");
    let better = match case.difference.kind {
        Kind::ReplyExtra | Kind::RunExtra | Kind::ReplyDiffers { .. } => true,
        Kind::ReplyMissing
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
    };
    zero && better && case.our_job().is_some()
}

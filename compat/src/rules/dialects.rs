//! Who is served in which dialect.

use bytes::Bytes;

use super::Case;
use crate::classify::worker::{WorkerForm, WorkerOrder};
use crate::classify::{ClientMessage, Form, Generation, Reply, RequestKind, without_delimiter};
use crate::conversation::Conversation;
use crate::differ::{About, Kind, ListDifference};
use crate::original::Version;
use crate::trace::{Frame, to_text};

/// Refused there, for it has no header, or taken for zmws 2 with a header of its own; served here.
pub(super) fn zmws1_served(case: Case<'_>) -> bool {
    case.generation() == Generation::Two
        && read_as(case, Form::Zmws1)
        && is_taken_or_refused(case)
        && is_served(case)
}

/// There its header is taken for a parameter, and the answer has the old form; here both are of its dialect.
pub(super) fn zmws2_served(case: Case<'_>) -> bool {
    let sound = case.our_reading().is_some_and(|asked| asked.kind != RequestKind::Malformed);
    case.generation() == Generation::One && sound && read_as(case, Form::Zmws2) && is_served(case)
}

/// There it is refused or, at a broker of zmws 1, starts the service that its body names.
pub(super) fn majordomo_served(case: Case<'_>) -> bool {
    let is_majordomo = read_as(case, Form::Majordomo1) || read_as(case, Form::Majordomo2);
    is_majordomo && is_taken_or_refused(case) && is_served(case)
}

/// There such a header is a parameter, or any text is taken for the protocol's name; here it is refused.
pub(super) fn odd_header_refused(case: Case<'_>) -> bool {
    is_taken_or_refused(case)
        && case.our_reading().is_some_and(|asked| asked.kind == RequestKind::Malformed)
        && is_served(case)
}

/// Refused there: every request of a recording, by a candidate under PHP 8 (original.md §0), or one without
/// a parameter, by rc1.
pub(super) fn plain_request_served(case: Case<'_>) -> bool {
    let Some(asked) = case.their_reading() else { return false };
    let plain = asked.is_job() && read_as(case, Form::Zmws2);
    let version = Version::of(case.comparison);
    let lacks_param = version.is_first_candidate() && asked.param.is_none();
    let refuses_all = version.is_candidate() && refuses_all(case.comparison.recorded());
    plain && case.is_refused_there() && (lacks_param || refuses_all) && is_served(case)
}

/// Whether everybody who was answered was refused.
pub(super) fn refuses_all(recorded: &Conversation) -> bool {
    let mut replies = recorded.requests.iter().flat_map(|request| &request.replies).peekable();
    replies.peek().is_some()
        && replies.all(|reply| matches!(Reply::read(&reply.frames), Reply::Refused { .. }))
}

/// Whether the recorded broker took it for a request of its own dialect, or refused it.
fn is_taken_or_refused(case: Case<'_>) -> bool {
    case.their_reading().is_some_and(|asked| asked.kind != RequestKind::Malformed) || case.is_refused_there()
}

fn read_as(case: Case<'_>, form: Form) -> bool {
    case.our_reading().is_some_and(|asked| asked.form == form)
}

/// Whether a difference comes from serving the request in its own dialect: the recorded broker answered it,
/// and what we say is what that dialect has for it. That the recorded answer is the original's is
/// `original`'s to say.
fn is_served(case: Case<'_>) -> bool {
    let (Some(request), Some(asked)) = (case.request(), case.our_reading()) else { return false };
    let is_answered = !request.replies.is_empty();
    let differs =
        case.their_reading().is_some_and(|theirs| theirs.form != asked.form || theirs.kind != asked.kind);
    let waits =
        asked.kind == RequestKind::Wait && case.our_request().is_some_and(|ours| ours.replies.is_empty());
    match &case.difference.kind {
        Kind::ReplyExtra | Kind::ReplyDiffers { .. } => {
            is_answered && case.difference.ours.as_ref().is_some_and(|ours| is_answer(asked, ours))
        }
        // Refused or taken for another request there, waiting for its worker here.
        Kind::ReplyMissing => waits && (case.is_refused_there() || differs),
        Kind::RunExtra => asked.is_job() && case.is_refused_there() && has_its_param(case, asked),
        // Taken for another request there.
        Kind::RunMissing => {
            let ours = case.our_request().map_or(&[][..], |ours| &ours.replies);
            let answered = !ours.is_empty() && ours.iter().all(|reply| is_answer(asked, &reply.frames));
            is_answered && differs && (answered || waits)
        }
        Kind::RunDiffers { .. } => differs && has_its_param(case, asked),
        Kind::List(ListDifference::Echo) => {
            let frames = case.difference.ours.as_ref();
            asked.kind == RequestKind::List
                && frames.is_some_and(|ours| ours.len() == 2 && ours[0].bytes.is_empty())
        }
        _ => false,
    }
}

/// Whether our worker got the parameter that was sent.
fn has_its_param(case: Case<'_>, asked: &ClientMessage) -> bool {
    let order = case.difference.ours.as_ref().map(|frames| WorkerOrder::read(frames));
    let sent = asked.param.clone().unwrap_or_default();
    matches!(order, Some(WorkerOrder::Run { param: Some(param), .. }) if param == sent)
}

/// Whether this is an answer to what was asked, in the dialect in which it was asked (original.md §2.2).
pub(super) fn is_answer(asked: &ClientMessage, frames: &[Frame]) -> bool {
    let all: Vec<Bytes> = frames.iter().map(|frame| frame.bytes.clone()).collect();
    let frames = without_delimiter(&all);
    let may_be_bare = asked.kind == RequestKind::List || asked.form == Form::Majordomo2;
    if all.len() == frames.len() && !may_be_bare {
        return false;
    }
    match asked.form {
        Form::Majordomo1 => frames.len() >= 3 && frames[0] == "MDPC01" && frames[1] == asked.service,
        Form::Majordomo2 => {
            let head = frames.len() >= 4 && frames[0] == "MDPC02" && frames[2] == asked.service;
            head && matches!(frames[1][..], [2 | 3])
        }
        Form::Zmws1 => is_status(asked, frames),
        // A part has no header, and neither has a list (quirks 2 and 20).
        Form::Zmws2 if frames[0].starts_with(b"CONT: ") || asked.kind == RequestKind::List => {
            is_status(asked, frames)
        }
        Form::Zmws2 => {
            let name = if asked.kind == RequestKind::Malformed { &asked.job } else { &asked.service };
            let head = frames.len() >= 4 && frames[0] == "MDPC02" && frames[1] == "3" && frames[2] == name;
            head && is_status(asked, &frames[3..])
        }
    }
}

fn is_status(asked: &ClientMessage, frames: &[Bytes]) -> bool {
    let (text, service) = (to_text(&frames[0]), to_text(&asked.service));
    let with_id = |word: &str| {
        text.strip_prefix(&format!("{word}: {service} [")).is_some_and(|rest| rest.ends_with(']'))
    };
    let refused = |name: &Bytes| frames.len() == 1 && text == format!("FAIL: {}", to_text(name));
    match asked.kind {
        RequestKind::Malformed => refused(&asked.job),
        RequestKind::Background => {
            let accepted = text.starts_with("JOB: ") && text.ends_with(&format!(" {service}"));
            (frames.len() == 1 && accepted) || refused(&asked.service)
        }
        RequestKind::Wait => {
            let answer = with_id("COMPLETE") || with_id("FAIL") || with_id("CONT");
            (frames.len() == 2 && answer) || refused(&asked.service)
        }
        RequestKind::List => frames.last().is_some_and(|list| list.starts_with(b"[")),
    }
}

/// What we say to a Majordomo worker beside jobs and heartbeats, which the original never answers: that it is
/// to register anew.
pub(super) fn majordomo_worker_served(case: Case<'_>) -> bool {
    let About::Conn(conn) = case.difference.about else { return false };
    let ready = case.comparison.ours().workers.get(&conn).and_then(|worker| worker.ready);
    let headers: &[&str] = match ready {
        Some((WorkerForm::Majordomo1, _)) => &["MDPW01"],
        Some((WorkerForm::Majordomo2, _)) => &["MDPW02"],
        None => &["MDPW01", "MDPW02"],
        Some((WorkerForm::Zmws1 | WorkerForm::Zmws2, _)) => return false,
    };
    let sound = |frames: &Vec<Frame>| {
        let has_header = |frame: &Frame| headers.iter().any(|header| frame.bytes == header);
        WorkerOrder::read(frames) == WorkerOrder::Disconnect && frames.iter().take(2).any(has_header)
    };
    case.difference.kind == Kind::Told
        && case.difference.recorded.is_none()
        && case.difference.ours.as_ref().is_some_and(sound)
}

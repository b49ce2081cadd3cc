//! Who is served in which dialect.

use bytes::Bytes;

use super::Case;
use crate::differ::{About, Kind};
use crate::glance::{Asked, Form, Generation, Kind as Asking, Reply, without_delimiter};
use crate::glance_worker::{Order, WorkerForm};
use crate::trace::{Frame, to_text};

pub(super) fn zmws1_served(case: Case<'_>) -> bool {
    case.generation() == Generation::Two && read_as(case, Form::Zmws1) && is_served(case)
}

pub(super) fn zmws2_served(case: Case<'_>) -> bool {
    let sound = case.our_reading().is_some_and(|asked| asked.kind != Asking::Malformed);
    case.generation() == Generation::One && sound && read_as(case, Form::Zmws2) && is_served(case)
}

pub(super) fn majordomo_served(case: Case<'_>) -> bool {
    case.generation() != Generation::Both
        && (read_as(case, Form::Majordomo1) || read_as(case, Form::Majordomo2))
        && is_served(case)
}

pub(super) fn odd_header_refused(case: Case<'_>) -> bool {
    case.our_reading().is_some_and(|asked| asked.kind == Asking::Malformed) && is_served(case)
}

/// The original's 2.0.0-rc under PHP 8 takes every header for a wrong one (PROTOCOL.md §0); rc1 does so
/// where the parameter is missing.
pub(super) fn plain_request_served(case: Case<'_>) -> bool {
    let Some(question) = case.question() else { return false };
    let plain = case.generation() == Generation::Two && question.asked.is_job() && read_as(case, Form::Zmws2);
    let refused =
        question.replies.iter().all(|reply| matches!(Reply::read(&reply.frames), Reply::Refused { .. }));
    plain && refused && is_served(case)
}

fn read_as(case: Case<'_>, form: Form) -> bool {
    case.our_reading().is_some_and(|asked| asked.form == form)
}

/// Whether a difference comes from serving the question in its own dialect: what we say must be what that
/// dialect has for it.
fn is_served(case: Case<'_>) -> bool {
    let Some(asked) = case.our_reading() else { return false };
    match case.difference.kind {
        Kind::ReplyExtra | Kind::ReplyDiffers { .. } => {
            case.difference.ours.as_ref().is_some_and(|ours| is_answer(asked, ours))
        }
        // Refused there, waiting for its worker here.
        Kind::ReplyMissing => asked.kind == Asking::Wait && asked.is_job(),
        Kind::RunExtra => true,
        Kind::RunMissing => {
            !asked.is_job() || asked.form == Form::Majordomo1 || asked.form == Form::Majordomo2
        }
        Kind::RunDiffers { .. } => {
            let order = case.difference.ours.as_ref().map(|frames| Order::read(frames));
            let sent = asked.param.clone().unwrap_or_default();
            matches!(order, Some(Order::Run { param: Some(param), .. }) if param == sent)
        }
        Kind::List(_) => asked.kind == Asking::List,
        Kind::Runs { .. }
        | Kind::Order { .. }
        | Kind::Told
        | Kind::Law(_)
        | Kind::Stream
        | Kind::Http { .. }
        | Kind::Worker { .. } => false,
    }
}

/// Whether this is an answer to what was asked, in the dialect in which it was asked (PROTOCOL.md §2.2).
fn is_answer(asked: &Asked, frames: &[Frame]) -> bool {
    let all: Vec<Bytes> = frames.iter().map(|frame| frame.bytes.clone()).collect();
    let frames = without_delimiter(&all);
    let may_be_bare = asked.kind == Asking::List || asked.form == Form::Majordomo2;
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
        Form::Zmws2 if frames[0].starts_with(b"CONT: ") || asked.kind == Asking::List => {
            is_status(asked, frames)
        }
        Form::Zmws2 => {
            let name = if asked.kind == Asking::Malformed { &asked.job } else { &asked.service };
            let head = frames.len() >= 4 && frames[0] == "MDPC02" && frames[1] == "3" && frames[2] == name;
            head && is_status(asked, &frames[3..])
        }
    }
}

fn is_status(asked: &Asked, frames: &[Bytes]) -> bool {
    let (text, service) = (to_text(&frames[0]), to_text(&asked.service));
    let with_id = |word: &str| {
        text.strip_prefix(&format!("{word}: {service} [")).is_some_and(|rest| rest.ends_with(']'))
    };
    let refused = |name: &Bytes| frames.len() == 1 && text == format!("FAIL: {}", to_text(name));
    match asked.kind {
        Asking::Malformed => refused(&asked.job),
        Asking::Background => {
            let accepted = text.starts_with("JOB: ") && text.ends_with(&format!(" {service}"));
            (frames.len() == 1 && accepted) || refused(&asked.service)
        }
        Asking::Wait => {
            let answer = with_id("COMPLETE") || with_id("FAIL") || with_id("CONT");
            (frames.len() == 2 && answer) || refused(&asked.service)
        }
        Asking::List => frames.last().is_some_and(|list| list.starts_with(b"[")),
    }
}

/// What we say to a Majordomo worker, which the original never answers.
pub(super) fn majordomo_worker_served(case: Case<'_>) -> bool {
    let About::Conn(conn) = case.difference.about else { return false };
    let ready = case.scene.ours().workers.get(&conn).and_then(|worker| worker.ready);
    let headers: &[&[u8]] = match ready {
        Some((WorkerForm::Majordomo1, _)) => &[b"MDPW01"],
        Some((WorkerForm::Majordomo2, _)) => &[b"MDPW02"],
        None => &[b"MDPW01", b"MDPW02"],
        Some((WorkerForm::Zmws1 | WorkerForm::Zmws2, _)) => return false,
    };
    let sound = |frames: &Vec<Frame>| {
        let frames: Vec<Bytes> = frames.iter().map(|frame| frame.bytes.clone()).collect();
        let frames = without_delimiter(&frames);
        frames.len() >= 2 && headers.contains(&&frames[0][..]) && frames[1].len() == 1
    };
    case.difference.kind == Kind::Told
        && case.difference.recorded.is_none()
        && case.difference.ours.as_ref().is_some_and(sound)
}

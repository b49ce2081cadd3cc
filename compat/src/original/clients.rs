//! What the original answers its clients (original.md §2.2).

use std::collections::BTreeSet;

use bytes::Bytes;

use super::workers::{is_overdue, looks_hex, unhexed};
use super::{Finding, Original, Version};
use crate::classify::worker::{Verb, WorkerMessage};
use crate::classify::{ClientMessage, Generation, Reply, RequestKind, without_delimiter};
use crate::conversation::{Answer, BrokerMessage, Request};
use crate::differ::{About, Row, rows};
use crate::script::{Act, is_last};
use crate::trace::{ConnIndex, Frame, Port};

/// How long a broker may take for an answer that it has, in microseconds.
const TIMEOUT: u64 = 20_000;

/// The refusals that a version may answer a request with, all frames of each. Empty where it cannot refuse.
pub(crate) fn refusals(
    version: Version<'_>,
    generation: Generation,
    asked: &ClientMessage,
) -> Vec<Vec<Bytes>> {
    let mut names: Vec<&[u8]> = Vec::new();
    match asked.kind {
        RequestKind::Malformed => names.push(&asked.job),
        RequestKind::Background | RequestKind::Wait => names.push(&asked.service),
        RequestKind::List => {}
    }
    if generation == Generation::Two && asked.kind != RequestKind::Malformed {
        // Under PHP 8 the candidates take every header for a wrong one (§0).
        if version.is_candidate() {
            names.push(&asked.job);
        }
        // The first one's parser needs the parameter to find the job (§2.1).
        if version.is_first_candidate() && asked.param.is_none() {
            names.push(b"");
        }
    }
    names.into_iter().flat_map(|name| refusal(generation, name)).collect()
}

fn refusal(generation: Generation, name: &[u8]) -> Vec<Vec<Bytes>> {
    let text = Bytes::from([b"FAIL: ", name].concat());
    named(generation, name, text)
}

/// A text about a service in all forms that a message with it may have: the frame that names the service is
/// decoded where it looks hexadecimal (quirk 8).
fn named(generation: Generation, name: &[u8], text: Bytes) -> Vec<Vec<Bytes>> {
    let fixed = Bytes::from_static;
    if generation == Generation::One {
        return vec![vec![Bytes::new(), text]];
    }
    let shown = [Bytes::copy_from_slice(name)].into_iter().chain(unhexed(name));
    shown.map(|name| vec![Bytes::new(), fixed(b"MDPC02"), fixed(b"3"), name, text.clone()]).collect()
}

/// Whether a recorded message has these frames.
fn is(frames: &[Frame], expected: &[Bytes]) -> bool {
    frames.len() == expected.len() && frames.iter().zip(expected).all(|(frame, bytes)| frame.admits(bytes))
}

impl Original<'_> {
    /// Messages for clients that did not ask, which no broker sends.
    pub(super) fn strays(&self) -> Vec<Finding> {
        let stray = |(conn, heard): &(ConnIndex, BrokerMessage)| Finding {
            at: heard.at,
            about: About::Conn(*conn),
            frames: Some(heard.frames.clone()),
            words: "an answer for a client that did not ask",
        };
        self.comparison.recorded().strays.iter().map(stray).collect()
    }

    pub(super) fn answers(&self) -> Vec<Finding> {
        let requests = self.comparison.recorded().requests.iter().enumerate();
        requests.filter_map(|(index, request)| self.answered(index, request)).collect()
    }

    fn answered(&self, index: usize, request: &Request) -> Option<Finding> {
        let asked = self.version.reads(self.comparison.recorded().generation(), request);
        let count = request.replies.len();
        let wrong = request.replies.iter().enumerate().find_map(|(place, reply)| {
            let is_part = matches!(Reply::read(&reply.frames), Reply::Part { .. });
            match () {
                () if !is_part && place + 1 < count => Some((reply, "more follows an answer")),
                () if !self.is_brought(request, reply) => {
                    Some((reply, "a result that no worker has brought by then"))
                }
                () if !self.answers_so(request, &asked, &reply.frames) => {
                    Some((reply, "an answer that its broker has not for this request"))
                }
                () => None,
            }
        });
        let Some((reply, words)) = wrong else { return self.unanswered(index, request, &asked) };
        let frames = Some(reply.frames.clone());
        Some(Finding { at: reply.at, about: About::Request(index), frames, words })
    }

    /// Whether a worker has brought the result that a client hears; where the workers were recorded. What PHP takes
    /// for nothing is lost on the way, and at master what is no parameter (quirk 6, original.md §2.2).
    fn is_brought(&self, request: &Request, reply: &BrokerMessage) -> bool {
        let status = |word: &[u8]| reply.frames.iter().any(|frame| frame.bytes.starts_with(word));
        let verb = match Reply::read(&reply.frames) {
            Reply::Part { .. } => Verb::Part,
            Reply::Ended { .. } if status(b"FAIL: ") => Verb::Fail,
            Reply::Ended { .. } => Verb::Complete,
            _ => return true,
        };
        let runs = request.job.map_or(&[][..], |job| &self.comparison.recorded().jobs[job].runs);
        let has_workers = self.comparison.script.conns.iter().any(|conn| conn.port == Port::Backend);
        if !has_workers || self.version.is_before_095() || runs.iter().any(|run| run.order.frames.is_empty())
        {
            return true;
        }
        let Some(value) = reply.frames.last() else { return false };
        let brings = |answer: &Answer| {
            let frames: Vec<Bytes> = answer.frames.iter().map(Frame::filled).collect();
            let WorkerMessage::Answer { value: given, .. } = WorkerMessage::read(&frames) else {
                return false;
            };
            let given = given.unwrap_or_default();
            answer.verb == verb && answer.at <= reply.at && (value.admits(&given) || value.bytes.is_empty())
        };
        runs.iter().flat_map(|run| &run.answers).any(brings)
    }

    /// A request that was owed an answer and has none.
    fn unanswered(&self, index: usize, request: &Request, asked: &ClientMessage) -> Option<Finding> {
        let has_end =
            request.replies.iter().any(|reply| !matches!(Reply::read(&reply.frames), Reply::Part { .. }));
        let owed = match asked.kind {
            RequestKind::Malformed | RequestKind::Background => Some(request.at),
            RequestKind::List if self.comparison.recorded().generation() == Generation::One => {
                Some(request.at)
            }
            RequestKind::List => None,
            RequestKind::Wait => self.ended_in_time(request),
        };
        let at = owed.filter(|&at| !has_end && self.can_be_answered(request.conn, at))?;
        let words = "a request without the answer that its broker has for it";
        Some(Finding { at, about: About::Request(index), frames: None, words })
    }

    /// When a worker that the broker had not given up by then said how the request's job ended.
    fn ended_in_time(&self, request: &Request) -> Option<u64> {
        let run = self.comparison.recorded().jobs[request.job?].runs.last()?;
        let own = self.comparison.recorded().workers.get(&run.conn)?.ready?.0;
        let mut ends =
            run.answers.iter().filter(|answer| is_last(answer.verb) && answer.conn == Some(run.conn));
        let end = ends.next().filter(|end| !is_overdue(self.comparison, run.conn, end.at))?;
        self.version.knows(own).then_some(end.at)
    }

    /// Whether a client is still there, and its broker, so long after a time that an answer must have come.
    /// Who calls itself 0 gets none, nor does one whose name looks hexadecimal (quirks 8 and 10).
    fn can_be_answered(&self, conn: ConnIndex, at: u64) -> bool {
        let script = self.comparison.script;
        let own = self.comparison.recorded().own_identity(conn);
        let is_nobody = own.is_some_and(|own| own == "0" || looks_hex(own));
        let ends = script.steps.iter().any(|step| {
            let of_it = match &step.act {
                Act::Close => step.conn == Some(conn),
                Act::Restart(broker) => script.conns[conn].broker() == broker,
                _ => false,
            };
            of_it && (at..at + TIMEOUT).contains(&step.at)
        });
        !is_nobody && !ends && script.end > at + TIMEOUT && self.is_open(conn, at)
    }

    fn is_open(&self, conn: ConnIndex, at: u64) -> bool {
        let mut steps = self.comparison.script.steps.iter();
        !steps.any(|step| step.conn == Some(conn) && matches!(step.act, Act::Close) && step.at < at)
    }

    /// Whether this version says that to such a request.
    fn answers_so(&self, request: &Request, asked: &ClientMessage, frames: &[Frame]) -> bool {
        let generation = self.comparison.recorded().generation();
        // Other forms, which no recording shows.
        if self.version.is_before_095() {
            return true;
        }
        let refused = refusals(self.version, generation, asked);
        if refused.iter().any(|refusal| is(frames, refusal)) {
            return true;
        }
        match asked.kind {
            RequestKind::Malformed => false,
            RequestKind::List => generation == Generation::One && is_list(request, frames),
            RequestKind::Background => self.is_accepted(request.conn, &asked.service, frames),
            RequestKind::Wait => self.is_result(asked, frames),
        }
    }

    /// `JOB: <id> <service>`; a client that calls itself 0 is told no id (quirk 10).
    fn is_accepted(&self, conn: ConnIndex, service: &Bytes, frames: &[Frame]) -> bool {
        let own = self.comparison.recorded().own_identity(conn);
        let id = match Reply::read(frames) {
            Reply::Accepted { id, .. } => id,
            _ if own.is_some_and(|own| own == "0") => Bytes::new(),
            _ => return false,
        };
        let text = [b"JOB: ", &id[..], b" ", service].concat();
        self.is_named(frames, service, text.into())
    }

    fn is_named(&self, frames: &[Frame], service: &[u8], text: Bytes) -> bool {
        let forms = named(self.comparison.recorded().generation(), service, text);
        forms.iter().any(|form| is(frames, form))
    }

    /// `COMPLETE|FAIL: <service> [<id>]` or, without a header, `CONT: …`; and one frame of value.
    fn is_result(&self, asked: &ClientMessage, frames: &[Frame]) -> bool {
        let Some((_, head)) = frames.split_last() else { return false };
        let words: &[&[u8]] = match Reply::read(frames) {
            Reply::Ended { .. } => &[b"COMPLETE: ", b"FAIL: "],
            Reply::Part { .. } => &[b"CONT: "],
            _ => return false,
        };
        let Some(id) = Reply::read(frames).id().cloned() else { return false };
        words.iter().any(|word| {
            let text = [word, &asked.service[..], b" [", &id, b"]"].concat().into();
            match Reply::read(frames) {
                Reply::Part { .. } => is(head, &[Bytes::new(), text]),
                _ => self.is_named(head, &asked.service, text),
            }
        })
    }
}

/// The request's own frames, the last one replaced by the list (quirk 3).
fn is_list(request: &Request, frames: &[Frame]) -> bool {
    let Some((list, echo)) = frames.split_last() else { return false };
    let is_list = list.bytes.is_empty()
        || rows(&list.bytes).is_some_and(has_each_worker_once)
        || list.cut_from.is_some();
    let sent = &request.frames[..request.frames.len() - 1];
    let bare = without_delimiter(sent);
    let has_echo = echo.len() == sent.len() && is(echo, sent);
    let has_delimiter = is(echo, &[Bytes::new()]);
    is_list && (has_echo || has_delimiter || (bare.is_empty() && echo.is_empty()))
}

/// A worker is listed once, whatever it offers (original.md §5).
fn has_each_worker_once(rows: Vec<Row>) -> bool {
    let workers: Vec<&str> = rows.iter().filter_map(|row| row.get("workerid")).collect();
    workers.iter().collect::<BTreeSet<_>>().len() == workers.len()
}

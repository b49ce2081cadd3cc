//! Recordings of a gateway, replayed to ours: the requests go in byte for byte, a broker plays the recorded
//! part, and what our gateway asks of it and answers to HTTP is compared with what the recorded one did.
//!
//! Compared are the request to the broker, the status, the kind of content and the body. How the head is
//! written is not, but that it is one. A request that the recorded gateway never answered is compared as far
//! as its request.

mod exchange;
mod original;
mod stub_broker;

pub use exchange::{Oddity, Response};

use bytes::Bytes;

use crate::classify::Generation;
use crate::differ::{About, Difference, Kind};
use crate::script::Script;
use crate::trace::{Frame, Port, Trace};
use exchange::Exchange;
use stub_broker::Outcome;

/// What of an exchange over HTTP differs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HttpDifference {
    /// What the gateway asks of the broker, or that it asks.
    BrokerRequest,
    /// The recorded status line is none of HTTP's.
    StatusLine,
    /// The status: the recorded one and ours.
    Status(u16, u16),
    ContentType,
    Body,
    Silence,
}

/// Where our gateway does otherwise than the recorded one. Nothing if no gateway was recorded.
pub fn differences(trace: &Trace, script: &Script) -> Vec<Difference> {
    let exchanges = exchange::exchanges(trace, script);
    let played = stub_broker::play(&exchanges, script);
    exchanges.iter().zip(played).flat_map(|(exchange, outcome)| compare(exchange, outcome)).collect()
}

/// Where the recorded gateway of the original answers as its version does not.
pub fn unlike_the_original(trace: &Trace, script: &Script) -> Vec<Difference> {
    let exchanges = exchange::exchanges(trace, script);
    exchanges.iter().filter(|exchange| !is_of_its_version(exchange, script)).map(recorded_differs).collect()
}

/// Whether a gateway was recorded that asked a broker which was not.
pub fn lacks_its_broker(trace: &Trace, script: &Script) -> bool {
    let exchanges = exchange::exchanges(trace, script);
    let asks =
        exchanges.iter().any(|exchange| exchange.answer().is_some() && original::asks(&exchange.request));
    asks && !trace.conns.iter().any(|conn| conn.port == Port::Frontend)
}

/// Whether the recorded answer is the original's, if it is of the original.
fn is_of_its_version(exchange: &Exchange, script: &Script) -> bool {
    let request = exchange.broker_requests.first().map(|&request| &script.recorded.requests[request]);
    script.recorded.generation() == Generation::Both
        || exchange.answer().is_none_or(|answer| original::answers_so(exchange, request, &answer))
}

fn recorded_differs(exchange: &Exchange) -> Difference {
    let response = Frame::whole(Bytes::copy_from_slice(&exchange.response));
    Difference {
        about: About::Conn(exchange.conn),
        kind: Kind::Recorded,
        recorded: Some(vec![response]),
        ours: None,
        at: exchange.at,
        words: format!(
            "{}: in the recording, an answer that its gateway has not for this request",
            exchange.peer
        ),
    }
}

fn compare(exchange: &Exchange, outcome: Outcome) -> Vec<Difference> {
    let of = |what: HttpDifference, recorded: &[u8], ours: &[u8]| difference(exchange, what, recorded, ours);
    match (outcome, exchange.answer()) {
        (Outcome::AsksElse { recorded, ours }, _) => {
            vec![of(HttpDifference::BrokerRequest, &recorded, &ours)]
        }
        (Outcome::Silent, _) => vec![of(HttpDifference::Silence, &exchange.response, b"")],
        (Outcome::ClientMessage, _) | (Outcome::Answered(_), None) => Vec::new(),
        (Outcome::Answered(ours), Some(recorded)) => {
            let pairs = unequal(&recorded, &ours).into_iter();
            pairs.map(|(what, theirs, mine)| of(what, theirs, mine)).collect()
        }
    }
}

/// What of two answers is not the same, with both sides.
fn unequal<'a>(recorded: &'a Response, ours: &'a Response) -> Vec<(HttpDifference, &'a [u8], &'a [u8])> {
    let mut found: Vec<(HttpDifference, &[u8], &[u8])> = Vec::new();
    let lines = (&recorded.status_line[..], &ours.status_line[..]);
    if !recorded.is_http() {
        found.push((HttpDifference::StatusLine, lines.0, lines.1));
    }
    if recorded.status != ours.status {
        found.push((HttpDifference::Status(recorded.status, ours.status), lines.0, lines.1));
    }
    if recorded.content_type() != ours.content_type() {
        found.push((HttpDifference::ContentType, &recorded.head, &ours.head));
    }
    if recorded.body != ours.body {
        found.push((HttpDifference::Body, &recorded.body, &ours.body));
    }
    found
}

fn difference(exchange: &Exchange, what: HttpDifference, recorded: &[u8], ours: &[u8]) -> Difference {
    let shown = |bytes: &[u8]| (!bytes.is_empty()).then(|| vec![Frame::whole(Bytes::copy_from_slice(bytes))]);
    let verb = match what {
        HttpDifference::BrokerRequest => "our gateway asks the broker something else",
        HttpDifference::StatusLine => "our gateway's status line is HTTP, the recorded one is not",
        HttpDifference::Status(..) => "our gateway answers with another status",
        HttpDifference::ContentType => "our gateway names another kind of content",
        HttpDifference::Body => "our gateway's body is another",
        HttpDifference::Silence => "our gateway does not answer",
    };
    let line = exchange.request.split(|&byte| byte == b'\n').next().unwrap_or_default();
    Difference {
        about: About::Conn(exchange.conn),
        kind: Kind::Http { what, oddity: exchange.oddity() },
        recorded: shown(recorded),
        ours: shown(ours),
        at: exchange.at,
        words: format!("{}: {verb}: {}", exchange.peer, String::from_utf8_lossy(line).trim_end()),
    }
}

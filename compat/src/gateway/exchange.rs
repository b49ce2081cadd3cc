//! Exchanges over HTTP, as recorded: what was requested, what the gateway asked of its broker for it, and
//! what it answered.

use zmws::params::query::url_decode;

use crate::classify::{ClientMessage, Form, Generation, Reply, RequestKind};
use crate::conversation::{Request, RequestIndex};
use crate::script::Script;
use crate::trace::{ConnIndex, Port, Side, Trace, What};

/// A request and its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) conn: ConnIndex,
    pub(super) peer: String,
    /// When it began, in microseconds.
    pub(super) at: u64,
    end: u64,
    pub(super) request: Vec<u8>,
    /// As it came; empty if there was none.
    pub(super) response: Vec<u8>,
    /// What the gateway asked for it: one request, or the lists that a path under `/v1/` needs.
    pub(super) broker_requests: Vec<RequestIndex>,
    heard: Oddity,
}

/// What is unusual in a request, and so read in its own way by the original.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Oddity {
    None,
    /// The line ends with the target.
    NoVersion,
    /// The line is no request at all.
    NoRequest,
    Head,
    Options,
    /// A colon in the line.
    Colon,
    /// A name with percent escapes.
    EscapedName,
    /// The path `/`, or the icon of its page.
    FrontPage,
    /// `FNF` in what is asked or answered.
    Fnf,
    /// Parts of a result came before its end.
    Parts,
    /// The gateway is not of its broker's generation, which answers in another form than it was asked.
    ForeignBroker,
}

impl Exchange {
    pub(super) fn oddity(&self) -> Oddity {
        let line = self.request.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
        let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
        let has = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
        match words[..] {
            [_, target] if target.starts_with(b"/") => return Oddity::NoVersion,
            [_, _, version] if version.starts_with(b"HTTP/") => {}
            _ => return Oddity::NoRequest,
        }
        let name = words[1].split(|&byte| byte == b'?').next().unwrap_or_default();
        match () {
            () if words[0] == b"HEAD" => Oddity::Head,
            () if words[0] == b"OPTIONS" => Oddity::Options,
            () if words[1].contains(&b':') => Oddity::Colon,
            () if name.contains(&b'%') => Oddity::EscapedName,
            () if self.heard != Oddity::None => self.heard,
            () if [&b"/"[..], b"/favicon.ico"].contains(&words[1]) => Oddity::FrontPage,
            () if has(&self.response, b"FNF") => Oddity::Fnf,
            () => Oddity::None,
        }
    }

    /// Whether it is one of our own gateway's paths that the original's has not.
    fn is_of_api(&self) -> bool {
        let target = self.request.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        target.starts_with(b"/v1/")
    }

    /// The answer, if there was a whole one.
    pub(super) fn answer(&self) -> Option<Response> {
        Response::read(&self.response)
    }
}

/// An answer over HTTP, or something like it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    pub status_line: Vec<u8>,
    /// The number in it; 0 if there is none.
    pub status: u16,
    /// All before the body.
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

impl Response {
    /// Reads one, with CRLF or LF; interim ones (100) are passed over. `None` if its head has no end.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (head, body) = split(bytes)?;
        let status_line = head.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
        let number = status_line.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        let status = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok()).unwrap_or(0);
        if status == 100 {
            return Self::read(body);
        }
        Some(Self { status_line: status_line.to_vec(), status, head: head.to_vec(), body: body.to_vec() })
    }

    /// Whether its first line is one of HTTP's.
    pub(super) fn is_http(&self) -> bool {
        self.status_line.starts_with(b"HTTP/1.")
    }

    pub(super) fn header(&self, name: &[u8]) -> Option<&[u8]> {
        self.head.split(|&byte| byte == b'\n').skip(1).find_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            line[..colon].eq_ignore_ascii_case(name).then(|| line[colon + 1..].trim_ascii())
        })
    }

    /// The kind of content, without its parameters.
    pub(super) fn content_type(&self) -> Option<&[u8]> {
        let value = self.header(b"content-type")?;
        value.split(|&byte| byte == b';').next().map(<[u8]>::trim_ascii)
    }
}

/// What stands before and behind the first empty line.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let after = |end: &[u8]| {
        let at = bytes.windows(end.len()).position(|window| window == end)?;
        Some((at, at + end.len()))
    };
    let (at, rest) = [after(b"\r\n\r\n"), after(b"\n\n")].into_iter().flatten().min()?;
    Some((&bytes[..at], &bytes[rest..]))
}

/// The exchanges of a recording, in the order of their beginning.
pub(super) fn exchanges(trace: &Trace, script: &Script) -> Vec<Exchange> {
    let mut exchanges = pieces(trace);
    // A masked request cannot be made again.
    exchanges.retain(|exchange| !exchange.request.starts_with(b"\"masked "));
    exchanges.sort_by_key(|exchange| exchange.at);
    let mut taken = vec![false; script.recorded.requests.len()];
    for exchange in &mut exchanges {
        let mut fitting = (0..taken.len()).filter(|&index| !taken[index] && is_for(script, index, exchange));
        exchange.broker_requests = match exchange.is_of_api() {
            true => fitting.collect(),
            false => fitting.next().into_iter().collect(),
        };
        exchange.broker_requests.iter().for_each(|&request| taken[request] = true);
        if let Some(&request) = exchange.broker_requests.first() {
            exchange.heard = heard(&script.recorded.requests[request]);
        }
    }
    exchanges
}

/// What is unusual in what a gateway heard.
fn heard(request: &Request) -> Oddity {
    let Some(first) = request.replies.first() else { return Oddity::None };
    let has_header = first.frames.iter().take(2).any(|frame| frame.bytes == "MDPC02");
    match (Reply::read(&first.frames), ClientMessage::read(&request.frames, Generation::Both).form) {
        (Reply::Part { .. }, _) => Oddity::Parts,
        (_, Form::Zmws1) if has_header => Oddity::ForeignBroker,
        (_, Form::Zmws2) if !has_header => Oddity::ForeignBroker,
        _ => Oddity::None,
    }
}

/// Whether a request may be a gateway's for this exchange: asked while it went on, and of the service that
/// the request names.
fn is_for(script: &Script, index: RequestIndex, exchange: &Exchange) -> bool {
    let request = &script.recorded.requests[index];
    // The gateway may be of another version than the broker.
    let ClientMessage { service, kind, .. } = ClientMessage::read(&request.frames, Generation::Both);
    let named = |text: &[u8]| text.windows(service.len().max(1)).any(|window| window == service);
    (exchange.at..=exchange.end).contains(&request.at)
        && (named(&exchange.request)
            || named(&url_decode(&exchange.request))
            || (exchange.is_of_api() && kind == RequestKind::List))
}

/// The streams of HTTP, cut where a client speaks again after it was answered.
fn pieces(trace: &Trace) -> Vec<Exchange> {
    let mut done: Vec<Exchange> = Vec::new();
    let mut open: Vec<Option<Exchange>> = vec![None; trace.conns.len()];
    for event in &trace.events {
        match &event.what {
            What::Http { conn, to: Side::Broker, bytes } => {
                let is_next = open[*conn].as_ref().is_some_and(|now| Response::read(&now.response).is_some());
                if is_next {
                    done.extend(open[*conn].take());
                }
                let exchange = open[*conn].get_or_insert_with(|| Exchange {
                    conn: *conn,
                    peer: trace.conns[*conn].peer.clone(),
                    at: event.at,
                    end: event.at,
                    request: Vec::new(),
                    response: Vec::new(),
                    broker_requests: Vec::new(),
                    heard: Oddity::None,
                });
                exchange.request.extend_from_slice(bytes);
                exchange.end = event.at;
            }
            What::Http { conn, to: Side::Peer, bytes } => {
                if let Some(exchange) = &mut open[*conn] {
                    exchange.response.extend_from_slice(bytes);
                    exchange.end = event.at;
                }
            }
            What::Close { conn, .. } if trace.conns[*conn].port == Port::Http => {
                if let Some(mut exchange) = open[*conn].take() {
                    exchange.end = event.at;
                    done.push(exchange);
                }
            }
            What::Close { .. }
            | What::Note(_)
            | What::Open(_)
            | What::Refused(_)
            | What::Handshake { .. }
            | What::Message { .. }
            | What::Raw { .. }
            | What::Command { .. } => {}
        }
    }
    let last = trace.events.last().map_or(0, |event| event.at);
    done.extend(open.into_iter().flatten().map(|exchange| Exchange { end: last, ..exchange }));
    done
}

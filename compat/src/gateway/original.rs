//! What the original's gateway answers (original.md §6).

use super::exchange::{Exchange, Response};
use crate::classify::{ClientMessage, Form, Generation, without_delimiter};
use crate::conversation::Request;
use crate::trace::Frame;

/// The status lines behind `HTTP` and, since rc4, its version.
const FOUND: &[u8] = b"200 OK";
const NOT_FOUND: &[u8] = b"404 NOT FOUND";
const ERROR: &[u8] = b"501 INTERAL SERVER ERROR";

/// Whether it may have answered an exchange so, `request` being what it asked its broker.
pub(super) fn answers_so(exchange: &Exchange, request: Option<&Request>, response: &Response) -> bool {
    let version: &[u8] = if response.is_http() { b"HTTP/1.0 " } else { b"HTTP " };
    let Some(status) = response.status_line.strip_prefix(version) else { return false };
    let length = response.body.len();
    let rest = format!(
        "\nContent-length: {length}\nContent-type: application/javascript\nAccess-Control-Allow-Origin: *"
    );
    let has_head = response.head[response.status_line.len()..] == *rest.as_bytes();
    let Some(request) = request else {
        return has_head && (status, &response.body[..]) == unasked(&exchange.request);
    };
    let Some(reply) = request.replies.first() else { return false };
    // What was cut or masked cannot be printed.
    if reply.frames.iter().any(|frame| frame.cut_from.is_some()) {
        return has_head;
    }
    let has_fnf = reply.frames.iter().any(|frame| has(&frame.bytes, b"FNF"));
    let expected = if has_fnf { NOT_FOUND } else { FOUND };
    let printed = printed(request, &reply.frames);
    has_head && status == expected && is_wrapped(&exchange.request, &printed, &response.body)
}

/// Whether it asks its broker for a request: not for a line that it takes for a header, nor without a path,
/// nor for an icon.
pub(super) fn asks(request: &[u8]) -> bool {
    let path = path(request);
    !line(request).contains(&b':') && !path.is_empty() && path != b"favicon.ico"
}

/// The status and body where it asks nothing.
fn unasked(request: &[u8]) -> (&'static [u8], &'static [u8]) {
    let is_empty = path(request).is_empty() && !line(request).contains(&b':');
    if is_empty { (NOT_FOUND, b"FNF") } else { (ERROR, b"") }
}

fn line(request: &[u8]) -> &[u8] {
    request.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end()
}

/// The second word without its slashes.
fn path(request: &[u8]) -> &[u8] {
    let target = line(request).split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    let slashes = target.iter().take_while(|&&byte| byte == b'/').count();
    &target[slashes..]
}

/// The last frame and behind it, if there are several, the first (zmws 1) or the fourth (zmws 2).
fn printed(request: &Request, frames: &[Frame]) -> Vec<u8> {
    let frames: Vec<_> = frames.iter().map(|frame| frame.bytes.clone()).collect();
    let frames = without_delimiter(&frames);
    let form = ClientMessage::read(&request.frames, Generation::Both).form;
    let second = if form == Form::Zmws2 { frames.get(3) } else { frames.first() };
    let last = frames.last().map_or(&b""[..], |last| last);
    if frames.len() < 2 {
        return last.to_vec();
    }
    [last, b"\n", second.map_or(&b""[..], |second| second)].concat()
}

/// Whether a body is this text, perhaps as the argument of a function that the request names (JSONP).
fn is_wrapped(request: &[u8], text: &[u8], body: &[u8]) -> bool {
    let call = body.strip_suffix(b");").and_then(|body| body.strip_suffix(text)?.strip_suffix(b"("));
    body == text || call.is_some_and(|name| has(request, b"jsonp") && has(request, name))
}

fn has(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

//! Where our gateway does otherwise than the original's (original.md §6, quirk 27).

use super::Case;
use crate::differ::Kind;
use crate::gateway::{HttpDifference, Oddity};
use crate::trace::Frame;

/// The bytes of one side; none if it says nothing.
fn text(frames: &Option<Vec<Frame>>) -> &[u8] {
    frames.as_ref().and_then(|frames| frames.first()).map_or(&b""[..], |frame| &frame.bytes)
}

fn what(case: Case<'_>) -> Option<(HttpDifference, Oddity)> {
    match case.difference.kind {
        Kind::Http { what, oddity } => Some((what, oddity)),
        _ => None,
    }
}

/// The status line of HTTP stands where the original's had no version.
pub(super) fn status_line(case: Case<'_>) -> bool {
    let line = text(&case.difference.recorded);
    let versionless =
        line.strip_prefix(b"HTTP ").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit));
    versionless && matches!(what(case), Some((HttpDifference::StatusLine, _)))
}

/// `FNF` in a name or a value is data; the original's gateway then says 404.
pub(super) fn fnf_is_data(case: Case<'_>) -> bool {
    matches!(what(case), Some((HttpDifference::Status(404, 200), Oddity::Fnf)))
}

/// The path `/` has a page and no icon; the original's gateway says 404 `FNF`, and 501.
pub(super) fn front_page(case: Case<'_>) -> bool {
    let status = |theirs, ours| matches!((theirs, ours), (404, 200) | (501, 204));
    match what(case) {
        Some((HttpDifference::Status(theirs, ours), Oddity::FrontPage)) => status(theirs, ours),
        Some((HttpDifference::ContentType | HttpDifference::Body, Oddity::FrontPage)) => true,
        Some(_) | None => false,
    }
}

/// What is no request of HTTP is answered 400, without a body.
pub(super) fn no_request(case: Case<'_>) -> bool {
    let ours = text(&case.difference.ours);
    match what(case) {
        Some((HttpDifference::Status(200 | 404 | 501, ours), Oddity::NoVersion | Oddity::NoRequest)) => {
            ours == 400
        }
        Some((HttpDifference::ContentType, Oddity::NoVersion | Oddity::NoRequest)) => {
            ours.starts_with(b"HTTP/1.1 400 ")
        }
        Some((HttpDifference::Body, Oddity::NoVersion | Oddity::NoRequest)) => ours.is_empty(),
        Some(_) | None => false,
    }
}

/// The answer to HEAD has no body.
pub(super) fn head(case: Case<'_>) -> bool {
    let empty = case.difference.ours.is_none();
    empty && matches!(what(case), Some((HttpDifference::Body, Oddity::Head)))
}

/// OPTIONS asks what may be asked; no job is done.
pub(super) fn options(case: Case<'_>) -> bool {
    let empty = case.difference.ours.is_none();
    match what(case) {
        Some((HttpDifference::Status(200 | 404 | 501, ours), Oddity::Options)) => ours == 204,
        Some((HttpDifference::ContentType, Oddity::Options)) => true,
        Some((HttpDifference::Body, Oddity::Options)) => empty,
        Some(_) | None => false,
    }
}

/// A colon in the request line is data; the original's gateway takes the line for a header, and asks nothing.
pub(super) fn colon_is_data(case: Case<'_>) -> bool {
    let asked = case.difference.recorded.is_some();
    !asked && matches!(what(case), Some((HttpDifference::BrokerRequest, Oddity::Colon)))
}

/// Names are decoded.
pub(super) fn names_are_decoded(case: Case<'_>) -> bool {
    let (recorded, ours) = (text(&case.difference.recorded), text(&case.difference.ours));
    let decoded = recorded.contains(&b'%') && !ours.contains(&b'%') && !ours.is_empty();
    decoded && matches!(what(case), Some((HttpDifference::BrokerRequest, Oddity::EscapedName)))
}

/// A job that gives parts is answered with its end, not with the first part.
pub(super) fn end_not_part(case: Case<'_>) -> bool {
    let ours = text(&case.difference.ours);
    let is_end = ours.windows(10).any(|window| window == b"COMPLETE: ");
    is_end && matches!(what(case), Some((HttpDifference::Body, Oddity::Parts)))
}

/// In front of a broker of another generation a body has the form that our gateway is set to; an answer that
/// it cannot read is 502.
pub(super) fn foreign_broker(case: Case<'_>) -> bool {
    let (recorded, ours) = (text(&case.difference.recorded), text(&case.difference.ours));
    match what(case) {
        Some((HttpDifference::Status(200, 502), Oddity::ForeignBroker)) => true,
        Some((HttpDifference::ContentType, Oddity::ForeignBroker)) => ours.starts_with(b"HTTP/1.1 502 "),
        Some((HttpDifference::Body, Oddity::ForeignBroker)) => {
            let twice = [recorded, recorded].join(&b'\n');
            ours == twice || ours.starts_with(b"{\"error\":\"bad-answer\"")
        }
        Some(_) | None => false,
    }
}

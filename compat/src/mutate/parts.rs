//! Which frame of a message is what, for who is to change it.

use bytes::Bytes;

use crate::classify::is_id;
use crate::differ::{Row, rows};
use crate::trace::{Frame, Port};

/// Words that say how a job stands.
pub(super) const STATUS: [&[u8]; 4] = [b"JOB: ", b"COMPLETE: ", b"FAIL: ", b"CONT: "];
/// Members of a list that hold a time.
const TIMES: [&str; 4] = ["reqtime", "startedat", "completedat", "hb"];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// `MDPC02`, `MDPW01` …, or the type behind it.
    Head,
    /// The service behind a header.
    Service,
    /// `COMPLETE: …`, `JOB: …`.
    Status,
    List,
    /// An address that the broker made up: bound, never compared.
    Given,
    /// A parameter, a result, a client's own name, whatever else.
    Value,
    /// Nothing: a delimiter, or no value.
    Empty,
}

pub(super) fn parts(frames: &[Frame], port: Port) -> Vec<Part> {
    let header = frames.iter().take(2).position(|frame| is_header(&frame.bytes));
    // RFC 7 has no type in an answer to a client.
    let has_type = header.is_some_and(|header| frames[header].bytes != "MDPC01");
    let part = |(index, frame): (usize, &Frame)| {
        let bytes = &frame.bytes;
        let behind = header.and_then(|header| index.checked_sub(header));
        match () {
            () if behind == Some(0) || (behind == Some(1) && has_type) => Part::Head,
            () if bytes.is_empty() => Part::Empty,
            () if behind == Some(1 + usize::from(has_type)) && port == Port::Frontend => Part::Service,
            () if STATUS.iter().any(|word| bytes.starts_with(word)) => Part::Status,
            () if bytes.starts_with(b"[") && rows(bytes).is_some() => Part::List,
            () if is_given(bytes) => Part::Given,
            () => Part::Value,
        }
    };
    frames.iter().enumerate().map(part).collect()
}

fn is_header(bytes: &Bytes) -> bool {
    [&b"MDPC01"[..], b"MDPC02", b"MDPW01", b"MDPW02"].contains(&&bytes[..])
}

fn is_given(bytes: &Bytes) -> bool {
    bytes.len() == 5 && bytes[0] == 0
}

/// Where digits begin that are no part of an id, each run of them once.
pub(super) fn numbers(bytes: &[u8]) -> Vec<usize> {
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let begins = |at: &usize| digit(*at) && (*at == 0 || !digit(*at - 1));
    let of_id = |at: usize| ids(bytes).iter().any(|id| (*id..*id + 9).contains(&at));
    (0..bytes.len()).filter(begins).filter(|&at| !of_id(at)).collect()
}

/// Where job ids begin.
pub(super) fn ids(bytes: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(9).enumerate();
    windows.filter(|(_, window)| is_id(window)).map(|(at, _)| at).collect()
}

/// The members of a list that are compared, by row and place.
pub(super) fn members(rows: &[Row]) -> Vec<(usize, usize)> {
    let of_row = |(index, row): (usize, &Row)| -> Vec<(usize, usize)> {
        let members = row.0.iter().enumerate();
        members.filter(|(_, (name, _))| !TIMES.contains(&name.as_str())).map(|(at, _)| (index, at)).collect()
    };
    rows.iter().enumerate().flat_map(of_row).collect()
}

/// A list as the original writes it.
pub(super) fn list(rows: &[Row]) -> Bytes {
    let row = |row: &Row| {
        let members: Vec<String> = row.0.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    Bytes::from(format!("[{}]", rows.join(",")))
}

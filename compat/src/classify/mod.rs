//! What a message is, read off its frames.
//!
//! A second reading of original.md, apart from `zmws::wire` on purpose: what is to be compared must not be
//! read with the eyes of one side. It recognises, it does not judge; what it cannot place is `Other`.

use bytes::Bytes;

use crate::trace::Frame;

pub mod worker;

/// Who reads the clients' messages: it decides what they mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Generation {
    /// The original, 0.9 … 1.0: all is zmws 1 to it.
    One,
    /// The original, 2.0 … master: all is zmws 2 to it.
    Two,
    /// A broker that tells the dialects apart, as original.md §9 has it.
    Both,
}

impl Generation {
    /// That of a header's `upstream`: a tag of the original, or one of our own kind. `None` if the text does
    /// not say.
    pub fn of(upstream: &str) -> Option<Self> {
        match upstream.as_bytes() {
            [b'0' | b'1', b'.', ..] => Some(Self::One),
            [b'2', b'.', ..] | b"master" => Some(Self::Two),
            [b'r', b'f', b'c', ..] | [b'z', b'm', b'w', b's', ..] => Some(Self::Both),
            _ => None,
        }
    }
}

/// The form of a client's message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// `(param) job`.
    Zmws1,
    /// `MDPC02 1 (param) job`.
    Zmws2,
    /// `MDPC01 service body…` (RFC 7).
    Majordomo1,
    /// `MDPC02 0x01 service body…` (RFC 18).
    Majordomo2,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientMessage {
    pub form: Form,
    /// The job frame as it came, prefixes and all.
    pub job: Bytes,
    /// The service: the job frame without its prefixes.
    pub service: Bytes,
    /// The parameter, if there is a frame for it.
    pub param: Option<Bytes>,
    pub kind: RequestKind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestKind {
    /// A job whose client is told its id and no more.
    Background,
    /// A job whose client waits.
    Wait,
    /// A list, `SERVER-…`.
    List,
    /// A header that is none: to be refused.
    Malformed,
}

impl ClientMessage {
    /// Reads a client's message as a broker of `generation` does.
    pub fn read(frames: &[Bytes], generation: Generation) -> Self {
        match generation {
            Generation::One => zmws1(without_delimiter(frames)),
            Generation::Two => zmws2(without_delimiter(frames)),
            Generation::Both => either(without_delimiter(without_envelope(frames))),
        }
    }

    /// Whether a job is asked for.
    pub fn is_job(&self) -> bool {
        matches!(self.kind, RequestKind::Background | RequestKind::Wait)
    }
}

/// original.md §9, frontend.
fn either(frames: &[Bytes]) -> ClientMessage {
    let first = frames.first().map_or(&b""[..], |frame| frame);
    let second = frames.get(1).map_or(&b""[..], |frame| frame);
    match (first, second) {
        (b"MDPC01", _) if frames.len() >= 2 => majordomo(Form::Majordomo1, frames, 1),
        (b"MDPC02", b"\x01") if frames.len() >= 3 => majordomo(Form::Majordomo2, frames, 2),
        (b"MDPC02", _) if frames.len() >= 3 || (frames.len() == 2 && looks_like_type(second)) => {
            zmws2(frames)
        }
        _ => zmws1(frames),
    }
}

fn zmws1(frames: &[Bytes]) -> ClientMessage {
    let job = frames.last().cloned().unwrap_or_default();
    let param = (frames.len() >= 2).then(|| frames[0].clone());
    named(Form::Zmws1, job, param)
}

fn zmws2(frames: &[Bytes]) -> ClientMessage {
    let header = frames.first().is_some_and(|frame| frame == "MDPC02");
    let sound = header && frames.get(1).is_some_and(|frame| is_type_text(frame)) && frames.len() >= 3;
    let (job, param) = match frames.len() {
        0..3 => (Bytes::new(), None),
        3 => (frames[2].clone(), None),
        _ => (frames[3].clone(), Some(frames[2].clone())),
    };
    let asked = named(Form::Zmws2, job, param);
    if sound { asked } else { ClientMessage { kind: RequestKind::Malformed, ..asked } }
}

fn majordomo(form: Form, frames: &[Bytes], service: usize) -> ClientMessage {
    let name = frames.get(service).cloned().unwrap_or_default();
    let param = frames.get(service + 1).cloned();
    ClientMessage { form, job: name.clone(), service: name, param, kind: RequestKind::Wait }
}

fn named(form: Form, job: Bytes, param: Option<Bytes>) -> ClientMessage {
    let mut service = job.strip_prefix(b"JOB: ").map_or_else(|| job.clone(), |rest| job.slice_ref(rest));
    let mut kind = RequestKind::Background;
    if let Some(rest) = service.strip_prefix(b"SYNC-") {
        service = service.slice_ref(rest);
        kind = RequestKind::Wait;
    }
    if LISTS.contains(&&service[..]) {
        kind = RequestKind::List;
    }
    ClientMessage { form, job, service, param, kind }
}

const LISTS: [&[u8]; 4] = [b"SERVER-JOBS", b"SERVER-ACTIVE", b"SERVER-HIST", b"SERVER-WORKERS"];

/// PHP's `intval(frame) == 1`, as far as it was seen (original.md §2.1).
fn is_type_text(frame: &[u8]) -> bool {
    let text = frame.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text[..digits].iter().rev().skip(1).all(|&digit| digit == b'0') && text[..digits].last() == Some(&b'1')
}

/// Whether a second frame after `MDPC02` can only be meant as a type.
fn looks_like_type(frame: &[u8]) -> bool {
    frame.is_empty()
        || frame[0] < b' '
        || frame.trim_ascii_start().first().is_some_and(|byte| b"+-0123456789".contains(byte))
}

/// What a broker tells a client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// `JOB: <id> <service>`.
    Accepted {
        id: Bytes,
        /// The service; empty where the form names none (until 0.9.4).
        service: Bytes,
    },
    /// `CONT: <service> [<id>]`.
    Part {
        id: Bytes,
        /// The service; empty where the form names none.
        service: Bytes,
    },
    /// `COMPLETE: <service> [<id>]` or `FAIL: <service> [<id>]`.
    Ended {
        id: Bytes,
        /// The service; empty where the form names none.
        service: Bytes,
    },
    /// `FAIL: <name>`.
    Refused { name: Bytes },
    /// An answer of RFC 7 or 18.
    Majordomo {
        service: Bytes,
        /// The job, where zmws's own text stands for the failure that Majordomo has no word for.
        id: Option<Bytes>,
    },
    /// Anything else, among it the JSON of a list.
    Other,
}

impl Reply {
    /// Reads a broker's message to a client.
    pub fn read(frames: &[Frame]) -> Self {
        let frames: Vec<Bytes> = frames.iter().map(|frame| frame.bytes.clone()).collect();
        let frames = without_delimiter(without_envelope(&frames));
        let header = (&frames[0][..], frames.get(1).map_or(&b""[..], |frame| frame));
        let majordomo = |service: usize| Self::Majordomo {
            service: frames.get(service).cloned().unwrap_or_default(),
            id: frames.last().and_then(|frame| status(frame)?.id().cloned()),
        };
        let at = match header {
            (b"MDPC01", _) => return majordomo(1),
            (b"MDPC02", [2 | 3]) => return majordomo(2),
            (b"MDPC02", b"3" | b"2") => 3,
            _ => 0,
        };
        // Until 0.9.4 the status came last.
        let status = |index: usize| frames.get(index).and_then(status);
        status(at).or_else(|| status(frames.len() - 1)).unwrap_or(Self::Other)
    }

    /// The service it names, if its form names one.
    pub fn service(&self) -> Option<&Bytes> {
        match self {
            Self::Accepted { service, .. } | Self::Part { service, .. } | Self::Ended { service, .. } => {
                Some(service).filter(|service| !service.is_empty())
            }
            Self::Majordomo { service, .. } => Some(service),
            Self::Refused { .. } | Self::Other => None,
        }
    }

    pub fn id(&self) -> Option<&Bytes> {
        match self {
            Self::Accepted { id, .. } | Self::Part { id, .. } | Self::Ended { id, .. } => Some(id),
            Self::Majordomo { id, .. } => id.as_ref(),
            Self::Refused { .. } | Self::Other => None,
        }
    }
}

fn status(frame: &Bytes) -> Option<Reply> {
    if let Some(rest) = frame.strip_prefix(b"JOB: ") {
        let end = rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len());
        let (id, service) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
        let accepted = Reply::Accepted { id: frame.slice_ref(id), service: frame.slice_ref(service) };
        return is_id(id).then_some(accepted);
    }
    if let Some(rest) = frame.strip_prefix(b"CONT: ") {
        let (id, service) = job_of(frame, rest)?;
        return Some(Reply::Part { id, service });
    }
    if let Some(rest) = frame.strip_prefix(b"COMPLETE: ") {
        let (id, service) = job_of(frame, rest)?;
        return Some(Reply::Ended { id, service });
    }
    let rest = frame.strip_prefix(b"FAIL: ")?;
    Some(match job_of(frame, rest) {
        Some((id, service)) => Reply::Ended { id, service },
        None => Reply::Refused { name: frame.slice_ref(rest) },
    })
}

/// The id and service in `<service> [<id>]`, or in `<id>` alone.
fn job_of(frame: &Bytes, rest: &[u8]) -> Option<(Bytes, Bytes)> {
    let named = rest.strip_suffix(b"]").and_then(|rest| {
        let open = rest.iter().rposition(|&byte| byte == b'[')?;
        Some((&rest[open + 1..], rest[..open].strip_suffix(b" ").unwrap_or_default()))
    });
    let (id, service) = named.unwrap_or((rest, b""));
    is_id(id).then(|| (frame.slice_ref(id), frame.slice_ref(service)))
}

/// Whether this has the form of a job's id: `%04X-%04X`.
pub fn is_id(text: &[u8]) -> bool {
    let half = |half: &[u8]| {
        (4..=5).contains(&half.len()) && half.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
    };
    let mut halves = text.split(|&byte| byte == b'-');
    matches!((halves.next(), halves.next(), halves.next()), (Some(a), Some(b), None) if half(a) && half(b))
}

/// What stands behind a return envelope: frames that a client wants back, an empty one, and a Majordomo or
/// zmws 2 header.
pub fn without_envelope(frames: &[Bytes]) -> &[Bytes] {
    let is_end = |pair: &[Bytes]| {
        let header = pair[1] == "MDPC01" || pair[1] == "MDPC02" || pair[1].starts_with(b"CONT: ");
        pair[0].is_empty() && header
    };
    if frames.first().is_none_or(Bytes::is_empty) {
        return frames;
    }
    frames.windows(2).take(9).position(is_end).map_or(frames, |end| &frames[end..])
}

/// One leading empty frame is a delimiter, if anything follows.
pub fn without_delimiter(frames: &[Bytes]) -> &[Bytes] {
    match frames {
        [first, rest @ ..] if first.is_empty() && !rest.is_empty() => rest,
        frames => frames,
    }
}

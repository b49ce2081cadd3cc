//! The same for what passes between a broker and a worker.

use bytes::Bytes;

use crate::classify::without_delimiter;
use crate::trace::Frame;

/// The form in which a worker speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WorkerForm {
    /// `(value) service verb`.
    Zmws1,
    /// `MDPC02 3 service (value) verb`.
    Zmws2,
    /// `MDPW01 …` (RFC 7).
    Majordomo1,
    /// `MDPW02 …` (RFC 18).
    Majordomo2,
}

/// How a job stands, by its worker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verb {
    Complete,
    Fail,
    /// A part of the result.
    Part,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WorkerMessage {
    /// It offers a service.
    Ready {
        service: Bytes,
        /// The form it says so in.
        form: WorkerForm,
    },
    Heartbeat,
    /// It goes (Majordomo).
    Disconnect,
    Answer {
        id: Bytes,
        verb: Verb,
        /// The service it names; empty in Majordomo.
        service: Bytes,
        /// What it brings, if there is a frame for it.
        value: Option<Bytes>,
    },
    Other,
}

impl WorkerMessage {
    pub fn read(frames: &[Bytes]) -> Self {
        let frames = without_delimiter(frames);
        let last = &frames[frames.len() - 1];
        match &frames[0][..] {
            b"MDPW01" => majordomo(frames, WorkerForm::Majordomo1),
            b"MDPW02" => majordomo(frames, WorkerForm::Majordomo2),
            b"MDPC02" if frames.len() >= 4 => {
                let value = (frames.len() >= 5).then(|| frames[3].clone());
                verb(last, frames[2].clone(), value, WorkerForm::Zmws2)
            }
            b"HEARTBEAT" if frames.len() == 1 => Self::Heartbeat,
            _ if frames.len() >= 2 => {
                let value = (frames.len() >= 3).then(|| frames[0].clone());
                verb(last, frames[frames.len() - 2].clone(), value, WorkerForm::Zmws1)
            }
            _ => Self::Other,
        }
    }

    /// The same answer for another id, in `form`.
    pub fn answer(
        form: WorkerForm,
        verb: Verb,
        service: &Bytes,
        value: Option<Bytes>,
        id: &[u8],
    ) -> Vec<Bytes> {
        let text = |word: &str| Bytes::from([word.as_bytes(), b": ", id].concat());
        let status = match verb {
            Verb::Complete => text("COMPLETE"),
            Verb::Fail => text("FAIL"),
            Verb::Part => text("CONT"),
        };
        let fixed = Bytes::from_static;
        match form {
            WorkerForm::Zmws1 => value.into_iter().chain([service.clone(), status]).collect(),
            WorkerForm::Zmws2 => {
                let head = [fixed(b"MDPC02"), fixed(b"3"), service.clone()];
                head.into_iter().chain(value).chain([status]).collect()
            }
            WorkerForm::Majordomo1 | WorkerForm::Majordomo2 => {
                let (header, kind) = match (form, verb) {
                    (WorkerForm::Majordomo1, _) => (&b"MDPW01"[..], &b"\x03"[..]),
                    (_, Verb::Part) => (&b"MDPW02"[..], &b"\x03"[..]),
                    (_, Verb::Complete | Verb::Fail) => (&b"MDPW02"[..], &b"\x04"[..]),
                };
                let address = Bytes::copy_from_slice(id);
                vec![
                    Bytes::new(),
                    fixed(header),
                    fixed(kind),
                    address,
                    Bytes::new(),
                    value.unwrap_or_default(),
                ]
            }
        }
    }

    pub fn heartbeat(form: WorkerForm) -> Vec<Bytes> {
        let fixed = Bytes::from_static;
        match form {
            WorkerForm::Zmws1 | WorkerForm::Zmws2 => vec![fixed(b"HEARTBEAT")],
            WorkerForm::Majordomo1 => vec![Bytes::new(), fixed(b"MDPW01"), fixed(b"\x04")],
            WorkerForm::Majordomo2 => vec![Bytes::new(), fixed(b"MDPW02"), fixed(b"\x05")],
        }
    }
}

fn verb(last: &Bytes, service: Bytes, value: Option<Bytes>, form: WorkerForm) -> WorkerMessage {
    if last.starts_with(b"READY") {
        return WorkerMessage::Ready { service, form };
    }
    for (word, verb) in VERBS {
        if let Some(rest) = last.strip_prefix(*word) {
            // A zmws 2 worker that gets a zmws 1 job gives its whole job frame back (quirk 33).
            let id = rest.strip_prefix(b"JOB: ").unwrap_or(rest);
            return WorkerMessage::Answer { id: last.slice_ref(id), verb: *verb, service, value };
        }
    }
    WorkerMessage::Other
}

const VERBS: &[(&[u8], Verb)] = &[
    (b"COMPLETE: ", Verb::Complete),
    (b"FAIL: ", Verb::Fail),
    (b"CONT: ", Verb::Part),
    (b"PARTIAL: ", Verb::Part),
];

fn majordomo(frames: &[Bytes], form: WorkerForm) -> WorkerMessage {
    let kind = frames.get(1).map_or(&b""[..], |frame| frame);
    let answer = |verb| WorkerMessage::Answer {
        id: frames.get(2).cloned().unwrap_or_default(),
        verb,
        service: Bytes::new(),
        value: frames.get(4).cloned(),
    };
    match (kind, form) {
        (b"\x01", _) => WorkerMessage::Ready { service: frames.get(2).cloned().unwrap_or_default(), form },
        (b"\x03", WorkerForm::Majordomo1) | (b"\x04", WorkerForm::Majordomo2) => answer(Verb::Complete),
        (b"\x03", WorkerForm::Majordomo2) => answer(Verb::Part),
        (b"\x04", WorkerForm::Majordomo1) | (b"\x05", WorkerForm::Majordomo2) => WorkerMessage::Heartbeat,
        (b"\x05", WorkerForm::Majordomo1) | (b"\x06", WorkerForm::Majordomo2) => WorkerMessage::Disconnect,
        _ => WorkerMessage::Other,
    }
}

/// What a broker tells a worker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WorkerOrder {
    Heartbeat,
    /// The worker is to register anew (Majordomo).
    Disconnect,
    Run {
        id: Bytes,
        /// Its parameter, if there is a frame for it.
        param: Option<Bytes>,
        /// Whose it is, where the dialect says so (zmws 1).
        client: Option<Bytes>,
    },
    Other,
}

impl WorkerOrder {
    /// Reads a broker's message to a worker.
    pub fn read(frames: &[Frame]) -> Self {
        let bare: Vec<&Bytes> = frames.iter().map(|frame| &frame.bytes).collect();
        let last = bare[bare.len() - 1];
        if bare.len() == 1 {
            return if last == "HEARTBEAT" { Self::Heartbeat } else { Self::Other };
        }
        // RFC 18 knows no delimiter, RFC 7 demands one.
        let inner = if bare[0].is_empty() { &bare[1..] } else { &bare[..] };
        match (&inner[0][..], inner.get(1).map_or(&b""[..], |frame| frame)) {
            (b"MDPW01", b"\x04") | (b"MDPW02", b"\x05") => return Self::Heartbeat,
            (b"MDPW01", b"\x05") | (b"MDPW02", b"\x06") => return Self::Disconnect,
            (b"MDPW01" | b"MDPW02", b"\x02") if inner.len() >= 4 => {
                let param = inner.get(4).copied().cloned();
                return Self::Run { id: inner[2].clone(), param, client: None };
            }
            _ => {}
        }
        let Some(id) = last.strip_prefix(b"JOB: ") else { return Self::Other };
        let id = last.slice_ref(id);
        if bare[0].is_empty() && bare[1] == "MDPC02" {
            let param = (bare.len() >= 5).then(|| bare[3].clone());
            return Self::Run { id, param, client: None };
        }
        let param = (bare.len() >= 4).then(|| bare[2].clone());
        Self::Run { id, param, client: Some(bare[0].clone()) }
    }
}

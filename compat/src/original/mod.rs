//! What the original says, by original.md: the recorded side of a comparison, looked at for itself.
//!
//! Where we differ on purpose, our answer is no measure of the recorded one. So whatever a recorded broker
//! said is held against what its version says to such a request, to such a worker, at such a time. What
//! is neither ours nor the original's is an error in the recording, or in what we know of the original:
//! no rule excuses it.

mod clients;
mod heartbeats;
mod workers;

pub(crate) use clients::refusals;
pub(crate) use workers::{JITTER, is_overdue, looks_hex, unhexed};

use bytes::Bytes;

use crate::classify::worker::WorkerForm;
use crate::classify::{ClientMessage, Generation, without_delimiter};
use crate::conversation::Request;
use crate::differ::{About, Comparison, Difference, Kind};
use crate::trace::Frame;

/// A version of the original, as a recording's header names it; else the latest of which it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version<'a>(&'a str);

/// What a recording may be of that reads its clients as zmws 2, and does not say its version.
const SOME_2: &str = "2";

impl<'a> Version<'a> {
    pub(crate) fn of(comparison: Comparison<'a>) -> Self {
        let upstream = &comparison.header.upstream;
        match (Generation::of(upstream), comparison.recorded().generation()) {
            (Some(_), _) | (None, Generation::Both) => Self(upstream),
            (None, Generation::One) => Self("1.0.0"),
            (None, Generation::Two) => Self(SOME_2),
        }
    }

    /// One of 2.0.0's candidates.
    pub(crate) fn is_candidate(self) -> bool {
        self.0.starts_with("2.0.0-rc") || !self.is_known()
    }

    /// The first of them, which refuses what comes without a parameter.
    pub(crate) fn is_first_candidate(self) -> bool {
        self.0 == "2.0.0-rc1"
    }

    /// The form in which its workers speak; `None` if the header names no version.
    pub(crate) fn worker_form(self) -> Option<WorkerForm> {
        let form = if self.0 == "master" { WorkerForm::Zmws2 } else { WorkerForm::Zmws1 };
        self.is_known().then_some(form)
    }

    /// Whether a turn of its loop sends heartbeats before it gives jobs out, as all recordings show.
    fn beats_first(self) -> bool {
        self.is_known() && !self.0.starts_with('0')
    }

    /// Whether a service may be called so: what PHP takes for nothing is no name to a parser of zmws 1, and one
    /// of its own to master's (quirk 19).
    fn names(self, service: &[u8]) -> bool {
        self.worker_form() == Some(WorkerForm::Zmws2) || !matches!(service, b"" | b"0")
    }

    /// Whether a worker that speaks so is one to it: master files those of zmws 1 under a service without a name
    /// (original.md §10).
    fn knows(self, form: WorkerForm) -> bool {
        match self.worker_form() {
            Some(WorkerForm::Zmws2) => matches!(form, WorkerForm::Zmws1 | WorkerForm::Zmws2),
            own => own == Some(form),
        }
    }

    /// What a request means to it.
    pub(crate) fn reads(self, generation: Generation, request: &Request) -> ClientMessage {
        if generation != Generation::Two {
            return request.message.clone();
        }
        let mut frames = vec![Bytes::new()];
        frames.extend(without_nothing(without_delimiter(&request.frames)));
        // PHP 5 takes any text that begins with no number for equal to the protocol's (quirk 5).
        if self.is_candidate() && frames.get(1).is_some_and(|header| is_no_number(header)) {
            frames[1] = Bytes::from_static(b"MDPC02");
        }
        ClientMessage::read(&frames, generation)
    }

    /// Whether answers had another form: until 0.9.4.
    fn is_before_095(self) -> bool {
        let patch = self.0.strip_prefix("0.9.").and_then(|rest| rest.bytes().next());
        patch.is_some_and(|patch| patch < b'5')
    }

    /// How long its loop waits for a message, in microseconds.
    pub(crate) fn poll(self, interval: u64) -> u64 {
        let is_old = self.0.starts_with(['0', '1']) || self.is_first_candidate();
        if is_old { interval } else { 2_000_000 }
    }

    fn is_known(self) -> bool {
        self.0 != SOME_2
    }
}

/// What is left of a message behind its delimiter: after each frame, one that PHP takes for nothing goes with it
/// (quirk 6).
fn without_nothing(frames: &[Bytes]) -> Vec<Bytes> {
    let mut left = Vec::new();
    let mut frames = frames.iter().peekable();
    while let Some(frame) = frames.next() {
        left.push(frame.clone());
        frames.next_if(|next| next.is_empty() || **next == "0");
    }
    left
}

/// Whether PHP's `intval` makes 0 of it.
fn is_no_number(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    let number = digits.iter().take_while(|byte| byte.is_ascii_digit());
    number.into_iter().all(|&digit| digit == b'0')
}

/// What in a recording is not the original's doing.
pub(crate) fn differences(comparison: Comparison<'_>) -> Vec<Difference> {
    let original = Original { comparison, version: Version::of(comparison) };
    let mut findings = [original.strays(), original.unheard_of()].concat();
    // A broker of our own kind is held to our own measure, but for causes that come before their effects.
    if comparison.recorded().generation() != Generation::Both {
        findings.extend([original.answers(), original.orders(), original.heartbeats()].concat());
    }
    findings.into_iter().map(|finding| finding.told(comparison)).collect()
}

struct Original<'a> {
    comparison: Comparison<'a>,
    version: Version<'a>,
}

/// Something that the original does not do.
#[derive(Clone, Debug)]
struct Finding {
    at: u64,
    about: About,
    frames: Option<Vec<Frame>>,
    words: &'static str,
}

impl Finding {
    fn told(self, comparison: Comparison<'_>) -> Difference {
        let conn = match self.about {
            About::Conn(conn) => conn,
            About::Request(request) => comparison.recorded().requests[request].conn,
        };
        let peer = &comparison.script.conns[conn].peer;
        Difference {
            about: self.about,
            kind: Kind::Recorded,
            recorded: self.frames,
            ours: None,
            at: self.at,
            words: format!("{peer}: in the recording, {}", self.words),
        }
    }
}

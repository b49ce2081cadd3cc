//! What a store keeps as JSON Lines, to be looked at, moved, and taken over by another store.
//!
//! The first line says what it is and in which format: `{"kind":"zmws_jobs","format":1}`. Then a line each for services
//! that are held back, jobs in the order in which they were accepted, and dead letters. Times are microseconds since 1970.
//! Bytes that are no UTF-8 stand as `{"hex":"00ff"}`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::broker::{Record, Restored, ServiceState, StoredDeadLetter, StoredJob};
use crate::job::{Body, JobId, ServiceName, Timestamp};

/// The version of the lines.
const FORMAT: u32 = 1;

/// Why a line cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is not JSON of this form.
    #[error("{0}")]
    Unreadable(#[from] serde_json::Error),
    /// A field has what it cannot have.
    #[error("{0} cannot be read")]
    Field(&'static str),
    /// The first line is another.
    #[error("these are no jobs that zmws store dump has written")]
    NoDump,
    /// A newer program wrote it.
    #[error("these jobs have format {0}, this program reads {FORMAT}: use the zmws that wrote them")]
    Format(u32),
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    ZmwsJobs { format: u32 },
    Service { service: Octets, paused: bool, draining: bool },
    Job(JobLine),
    Dead(DeadLine),
}

#[derive(Deserialize, Serialize)]
struct JobLine {
    id: String,
    service: Octets,
    client: Octets,
    requested_at_us: u64,
    attempts: u32,
    frames: Vec<Octets>,
}

#[derive(Deserialize, Serialize)]
struct DeadLine {
    #[serde(flatten)]
    job: JobLine,
    waited: bool,
    worker: Octets,
    started_at_us: u64,
    failed_at_us: u64,
    reason: String,
}

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Octets {
    Text(String),
    Hex { hex: String },
}

/// The first line.
pub fn head() -> String {
    written(&Line::ZmwsJobs { format: FORMAT })
}

/// Judges the first line.
///
/// # Errors
///
/// It is none of ours, or of a newer program.
pub fn read_head(line: &str) -> Result<(), LineError> {
    match serde_json::from_str(line) {
        Ok(Line::ZmwsJobs { format: FORMAT }) => Ok(()),
        Ok(Line::ZmwsJobs { format }) => Err(LineError::Format(format)),
        Ok(Line::Service { .. } | Line::Job(_) | Line::Dead(_)) | Err(_) => Err(LineError::NoDump),
    }
}

/// One thing that is kept, without the end of the line.
pub fn write(kept: &Restored) -> String {
    written(&match kept {
        Restored::Service(ServiceState { service, paused, draining }) => {
            Line::Service { service: Octets::of(service.as_bytes()), paused: *paused, draining: *draining }
        }
        Restored::Job(job) => Line::Job(JobLine::of(job)),
        Restored::Dead(letter) => Line::Dead(DeadLine {
            job: JobLine::of(&letter.job),
            waited: letter.waited,
            worker: Octets::of(&letter.worker),
            started_at_us: letter.started_at.0,
            failed_at_us: letter.failed_at.0,
            reason: letter.reason.clone(),
        }),
    })
}

/// What a line tells a store.
///
/// # Errors
///
/// It cannot be read.
pub fn read(line: &str) -> Result<Record, LineError> {
    match serde_json::from_str(line)? {
        Line::ZmwsJobs { .. } => Err(LineError::Field("a second head")),
        Line::Service { service, paused, draining } => {
            Ok(Record::Service(ServiceState { service: service.name()?, paused, draining }))
        }
        Line::Job(job) => Ok(Record::Accepted(job.read()?)),
        Line::Dead(DeadLine { job, waited, worker, started_at_us, failed_at_us, reason }) => {
            Ok(Record::Dead(StoredDeadLetter {
                job: job.read()?,
                waited,
                worker: worker.bytes()?,
                started_at: Timestamp(started_at_us),
                failed_at: Timestamp(failed_at_us),
                reason,
            }))
        }
    }
}

fn written(line: &Line) -> String {
    serde_json::to_string(line).expect("texts and whole numbers are JSON")
}

impl JobLine {
    fn of(job: &StoredJob) -> Self {
        Self {
            id: job.job.to_string(),
            service: Octets::of(job.service.as_bytes()),
            client: Octets::of(&job.client),
            requested_at_us: job.requested_at.0,
            attempts: job.attempts,
            frames: job.body.frames().iter().map(|frame| Octets::of(frame)).collect(),
        }
    }

    fn read(self) -> Result<StoredJob, LineError> {
        let frames: Result<Vec<Bytes>, LineError> = self.frames.into_iter().map(Octets::bytes).collect();
        Ok(StoredJob {
            job: JobId::parse(self.id.as_bytes()).ok_or(LineError::Field("id"))?,
            service: self.service.name()?,
            body: Body::from_frames(frames?),
            client: self.client.bytes()?,
            requested_at: Timestamp(self.requested_at_us),
            attempts: self.attempts,
        })
    }
}

impl Octets {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex { hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect() },
        }
    }

    fn bytes(self) -> Result<Bytes, LineError> {
        let digits = match self {
            Self::Text(text) => return Ok(text.into()),
            Self::Hex { hex } => hex.into_bytes(),
        };
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> =
            digits.chunks(2).map(|pair| byte(pair).filter(|_| pair.len() == 2)).collect();
        bytes.map(Bytes::from).ok_or(LineError::Field("hex"))
    }

    fn name(self) -> Result<ServiceName, LineError> {
        let name = ServiceName::new(self.bytes()?).filter(|name| !name.is_too_long());
        name.ok_or(LineError::Field("service"))
    }
}

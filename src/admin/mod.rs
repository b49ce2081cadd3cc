//! What the broker shows of itself, as JSON.
//!
//! The lists of SERVER-* have the shape that the original gives them (original.md §5): arrays, keys always in the
//! same order, slashes and everything but ASCII escaped, times as Unix seconds. But they are always JSON: the
//! original answers with an empty frame if any text in a list is not UTF-8 (quirk 9).

#[cfg(feature = "server")]
pub mod metrics;
pub mod report;
pub mod status;

use bytes::Bytes;
use serde::Serialize;
use std::borrow::Cow;

use crate::broker::snapshot::{JobRow, Snapshot, WorkerRow};
use crate::message::Outcome;
use crate::params::json::{self, Style};

/// Bytes of JSON from which on a list ends early: more would be a message that nobody can read.
pub const LIST_BYTES_MAX: usize = 8 << 20;

/// A list that is written row by row: the JSON array of original.md §5.
#[derive(Debug, Default)]
pub struct List {
    rows: Vec<Vec<u8>>,
    bytes: usize,
}

impl List {
    /// Appends rows. `false`: it is as long as it may be, and what is left of them was left out.
    pub fn add(&mut self, rows: &Snapshot) -> bool {
        match rows {
            Snapshot::Jobs(rows) => rows.iter().all(|row| self.push(&Job::of(row))),
            Snapshot::Workers(rows) => rows.iter().all(|row| self.push(&Worker::of(row))),
        }
    }

    fn push(&mut self, row: &impl Serialize) -> bool {
        let text = json::encode_with(row, Style::default());
        let text = text.expect("texts, whole numbers and finite times are JSON");
        let bytes = self.bytes + text.len() + 1;
        let fits = bytes <= LIST_BYTES_MAX;
        if fits {
            self.bytes = bytes;
            self.rows.push(text);
        }
        fits
    }

    /// Bytes that it holds.
    pub fn held(&self) -> usize {
        self.bytes + self.rows.capacity() * (size_of::<Vec<u8>>() + 16)
    }

    /// The array, its rows in the order in which they were appended.
    pub fn json(&self) -> Bytes {
        self.array(self.rows.iter())
    }

    /// The array, the last row that was appended in front.
    pub fn json_backwards(&self) -> Bytes {
        self.array(self.rows.iter().rev())
    }

    fn array<'a>(&self, rows: impl Iterator<Item = &'a Vec<u8>>) -> Bytes {
        let mut text = Vec::with_capacity(self.bytes + 2);
        text.push(b'[');
        for row in rows {
            if text.len() > 1 {
                text.push(b',');
            }
            text.extend_from_slice(row);
        }
        text.push(b']');
        text.into()
    }
}
/// Names the broker in each answer of its admin port: `127.0.0.1:5555 (pid 4711)`.
pub const BROKER_HEADER: &str = "x-zmws-broker";

/// A snapshot as the JSON array of original.md §5.
pub fn json(snapshot: &Snapshot) -> Bytes {
    let mut list = List::default();
    list.add(snapshot);
    list.json()
}

/// Keys in the original's order; those that a queued or active job does not have yet are left out.
#[derive(Serialize)]
struct Job<'a> {
    service: Cow<'a, str>,
    reqtime: u64,
    param: Cow<'a, str>,
    clientid: Cow<'a, str>,
    jobid: String,
    sync: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    startedat: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completedat: Option<f64>,
    /// Not the original's: how a job ended that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
}

impl<'a> Job<'a> {
    fn of(row: &'a JobRow) -> Self {
        Self {
            service: String::from_utf8_lossy(row.service.as_bytes()),
            reqtime: row.requested_at.as_secs(),
            param: String::from_utf8_lossy(&row.param),
            clientid: identity(&row.client),
            jobid: row.job.to_string(),
            sync: row.sync,
            worker: row.run.as_ref().map(|run| identity(&run.worker)),
            startedat: row.run.as_ref().map(|run| run.started_at.as_secs_f64()),
            completedat: row.completed_at.map(|at| at.as_secs_f64()),
            state: row.outcome.map(|outcome| match outcome {
                Outcome::Complete => "completed",
                Outcome::Fail => "failed",
            }),
        }
    }
}

#[derive(Serialize)]
struct Worker<'a> {
    /// When it would be dropped if it stayed silent.
    hb: f64,
    service: Cow<'a, str>,
    workerid: Cow<'a, str>,
}

impl<'a> Worker<'a> {
    fn of(row: &'a WorkerRow) -> Self {
        Self {
            hb: row.expires_at.as_secs_f64(),
            service: String::from_utf8_lossy(row.service.as_bytes()),
            workerid: identity(&row.worker),
        }
    }
}

/// An identity as text: as it is, or `@` and hexadecimal, the original's form for binary ones
/// (`1.0.0/identity-17`), which those are that a ROUTER gives (00 and four bytes).
fn identity(bytes: &Bytes) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.starts_with(&[0]) => Cow::Borrowed(text),
        Ok(_) | Err(_) => {
            let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
            Cow::Owned(std::iter::once("@".to_owned()).chain(hex).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::snapshot::RunRow;
    use crate::job::{JobId, ServiceName, Timestamp};

    fn row() -> JobRow {
        JobRow {
            service: ServiceName::new("DEMO").expect("a name"),
            requested_at: Timestamp(1_795_490_040_900_000),
            param: Bytes::from_static(b"PARAM-JSON: {\"a\":\"b/c\"}"),
            client: Bytes::from_static(b"CLI-TEXT"),
            job: JobId::from_bits(0xCAD1_DECB),
            sync: false,
            run: None,
            completed_at: None,
            outcome: None,
            reason: None,
            attempts: 0,
            bytes: 23,
            dead: false,
        }
    }

    fn shown(snapshot: &Snapshot) -> String {
        String::from_utf8(json(snapshot).to_vec()).expect("JSON is text")
    }

    #[test]
    fn a_queued_job_has_no_worker_yet() {
        insta::assert_snapshot!(shown(&Snapshot::Jobs(vec![row()])), @r#"[{"service":"DEMO","reqtime":1795490040,"param":"PARAM-JSON: {\"a\":\"b\/c\"}","clientid":"CLI-TEXT","jobid":"CAD1-DECB","sync":false}]"#);
    }

    #[test]
    fn a_job_that_is_over_shows_all_its_times() {
        let run = RunRow { worker: Bytes::from_static(b"W1"), started_at: Timestamp(1_795_490_040_191_593) };
        let completed_at = Some(Timestamp(1_795_490_040_403_267));
        let over = JobRow { run: Some(run), completed_at, outcome: Some(Outcome::Fail), ..row() };
        insta::assert_snapshot!(shown(&Snapshot::Jobs(vec![over])), @r#"[{"service":"DEMO","reqtime":1795490040,"param":"PARAM-JSON: {\"a\":\"b\/c\"}","clientid":"CLI-TEXT","jobid":"CAD1-DECB","sync":false,"worker":"W1","startedat":1795490040.191593,"completedat":1795490040.403267,"state":"failed"}]"#);
    }

    #[test]
    fn what_is_not_text_makes_text_all_the_same() {
        let binary = JobRow {
            client: Bytes::from_static(&[0, 0x41, 0xFF, 2, 3]),
            param: Bytes::from_static(b"\xFFx"),
            ..row()
        };
        let json = shown(&Snapshot::Jobs(vec![binary]));
        assert!(json.contains(r#""param":"\ufffdx","clientid":"@0041ff0203""#), "{json}");
    }

    #[test]
    fn workers_are_shown_with_the_end_of_our_patience() {
        let worker = WorkerRow {
            expires_at: Timestamp(1_795_490_085_189_121),
            service: ServiceName::new("DEMO").expect("a name"),
            worker: Bytes::from_static(b"W1"),
        };
        insta::assert_snapshot!(shown(&Snapshot::Workers(vec![worker])), @r#"[{"hb":1795490085.189121,"service":"DEMO","workerid":"W1"}]"#);
        assert_eq!(shown(&Snapshot::Workers(Vec::new())), "[]");
    }
}

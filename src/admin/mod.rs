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

use crate::broker::snapshot::{JobRow, JobState, Snapshot, WorkerRow};
use crate::params::json::{self, Style};

/// Bytes of JSON from which on a list ends early: more would be a message that nobody can read.
pub const LIST_BYTES_MAX: usize = 8 << 20;

/// A list that is written row by row: the JSON array of original.md §5. It is one text from the first row on, so that
/// nothing is left to be joined when the last is there.
#[derive(Debug)]
pub struct List {
    text: Vec<u8>,
    /// Where the text begins; more than 0 where rows are put in front.
    begin: usize,
    backwards: bool,
}

impl List {
    /// Of rows in the order in which they are added.
    pub fn forwards() -> Self {
        Self { text: b"[".to_vec(), begin: 0, backwards: false }
    }

    /// Of rows of which the last is added first.
    pub fn backwards() -> Self {
        Self { text: b"]".to_vec(), begin: 0, backwards: true }
    }

    /// Adds rows. `false`: it is as long as it may be, and what is left of them was left out.
    pub fn add(&mut self, rows: &Snapshot) -> bool {
        match rows {
            Snapshot::Jobs(rows) => rows.iter().all(|row| self.push(&Job::of(row))),
            Snapshot::Workers(rows) => rows.iter().all(|row| self.push(&Worker::of(row))),
        }
    }

    fn push(&mut self, row: &impl Serialize) -> bool {
        let row = json::encode_with(row, Style::default());
        let row = row.expect("texts, whole numbers and finite times are JSON");
        let length = self.text.len() - self.begin;
        if length + row.len() + 1 > LIST_BYTES_MAX {
            return false;
        }
        let comma: &[u8] = if length > 1 { b"," } else { b"" };
        match self.backwards {
            false => [comma, &row].into_iter().for_each(|part| self.text.extend_from_slice(part)),
            true => [comma, &row].into_iter().for_each(|part| self.put_in_front(part)),
        }
        true
    }

    fn put_in_front(&mut self, part: &[u8]) {
        if self.begin < part.len() {
            // As a vector grows at its end: to twice of what is needed.
            let length = self.text.len() - self.begin;
            let room = length + 2 * part.len();
            let mut larger = vec![0; room + length];
            larger[room..].copy_from_slice(&self.text[self.begin..]);
            (self.text, self.begin) = (larger, room);
        }
        self.begin -= part.len();
        self.text[self.begin..][..part.len()].copy_from_slice(part);
    }

    /// Bytes that it holds.
    pub fn held(&self) -> usize {
        self.text.capacity()
    }

    /// The array.
    pub fn json(mut self) -> Bytes {
        match self.backwards {
            false => self.text.push(b']'),
            true => self.put_in_front(b"["),
        }
        Bytes::from(self.text).slice(self.begin..)
    }
}

/// Names the broker in each answer of its admin port: `127.0.0.1:5555 (pid 4711)`.
pub const BROKER_HEADER: &str = "x-zmws-broker";

/// A snapshot as the JSON array of original.md §5.
pub fn json(snapshot: &Snapshot) -> Bytes {
    let mut list = List::forwards();
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
            state: match row.state() {
                JobState::Queued | JobState::Active => None,
                JobState::Completed => Some("completed"),
                JobState::Failed => Some("failed"),
                JobState::Dead => Some("dead"),
            },
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
    use crate::message::Outcome;

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
    fn a_list_that_is_made_from_its_end_is_the_same() {
        let rows: Vec<JobRow> =
            (0..40).map(|number| JobRow { job: JobId::from_bits(number), ..row() }).collect();
        let mut backwards = List::backwards();
        for row in rows.iter().rev() {
            assert!(backwards.add(&Snapshot::Jobs(vec![row.clone()])));
        }
        let (held, text) = (backwards.held(), backwards.json());
        assert!(held <= 4 * text.len(), "{held} bytes for {}", text.len());
        assert_eq!(text, json(&Snapshot::Jobs(rows)));
        assert_eq!((List::forwards().json(), List::backwards().json()), ("[]".into(), "[]".into()));
    }

    #[test]
    fn a_list_ends_before_it_is_too_long() {
        let long = JobRow { param: Bytes::from(vec![b'p'; 3 << 20]), ..row() };
        for mut list in [List::forwards(), List::backwards()] {
            let added = [1, 2, 3].map(|_| list.add(&Snapshot::Jobs(vec![long.clone()])));
            assert_eq!(added, [true, true, false]);
            let text = list.json();
            assert!(text.len() <= LIST_BYTES_MAX + 1 && text.starts_with(b"[{") && text.ends_with(b"}]"));
        }
    }

    #[test]
    fn a_job_that_can_be_tried_again_is_dead_and_not_failed() {
        let over = JobRow { completed_at: Some(Timestamp(2)), outcome: Some(Outcome::Fail), ..row() };
        let state = |row: JobRow| {
            let rows: serde_json::Value =
                serde_json::from_slice(&json(&Snapshot::Jobs(vec![row]))).expect("it is JSON");
            rows[0]["state"].clone()
        };
        assert_eq!(
            (state(over.clone()), state(JobRow { dead: true, ..over })),
            ("failed".into(), "dead".into())
        );
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

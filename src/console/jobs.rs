//! Jobs as an operator sees them: `zmws jobs`, and the page of a service in `top`.

use ratatui::text::Line;

use super::format;
use super::operation::encoded;
use super::status::{cut_line, known};
use super::table::{self, Cell, Column};
use super::text::Tone;
use crate::admin::status::{Job, JobState};
use crate::supervise::admin::{Admin, AdminError};

/// Which jobs are wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Which {
    /// Those that wait.
    Queued,
    /// Those that a worker has.
    Active,
    /// The last that ended well.
    Completed,
    /// The last that ended badly by a worker's word.
    Failed,
    /// Those that the broker gave up and has whole.
    Dead,
}

impl Which {
    /// The word of the admin port.
    fn state(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

/// Asks the broker for jobs of `service`, or of all: as many as `limit` of each kind. Without `which`, those that run,
/// that wait, that failed and that are dead.
///
/// # Errors
///
/// The broker is away, breaks off, or refuses.
pub async fn ask(
    admin: &Admin,
    service: Option<&str>,
    which: Option<Which>,
    limit: usize,
) -> Result<Vec<Job>, AdminError> {
    const UNASKED: [Which; 4] = [Which::Active, Which::Queued, Which::Failed, Which::Dead];
    let kinds = which.map_or_else(|| UNASKED.to_vec(), |which| vec![which]);
    let of_service = service.map_or_else(String::new, |name| format!("service={}&", encoded(name)));
    let mut jobs: Vec<Job> = Vec::new();
    for kind in kinds {
        let state = kind.state();
        jobs.extend(admin.get::<Vec<Job>>(&format!("/jobs?{of_service}state={state}&limit={limit}")).await?);
    }
    Ok(jobs)
}

/// What a job is at, in a word.
pub(super) fn state(job: &Job) -> (&'static str, Tone) {
    match job.state {
        JobState::Queued => ("queued", Tone::Plain),
        JobState::Active => ("active", Tone::Good),
        JobState::Completed => ("completed", Tone::Quiet),
        JobState::Failed => ("failed", Tone::Bad),
        JobState::Dead => ("dead", Tone::Bad),
    }
}

/// Since when it is at that.
pub(super) fn since(job: &Job) -> Option<f64> {
    match job.state {
        JobState::Queued => Some(job.requested_at),
        JobState::Active => job.started_at,
        JobState::Completed | JobState::Failed | JobState::Dead => job.ended_at,
    }
}

const COLUMNS: [Column<'static>; 7] = [
    Column::words("SERVICE", 0),
    Column::words("JOB", 0),
    Column::words("STATE", 0),
    Column::figures("SINCE", 1),
    Column::words("WORKER", 2),
    Column::figures("ATTEMPTS", 4),
    Column::figures("BYTES", 3),
];

/// The list in `width` cells, at the moment `now`; `None` for as wide as it is.
pub fn screen(jobs: &[Job], now: f64, width: Option<usize>) -> Vec<Line<'static>> {
    if jobs.is_empty() {
        return vec![cut_line("no jobs", Tone::Quiet, width)];
    }
    let rows: Vec<Vec<Cell>> = jobs.iter().map(|job| row(job, now)).collect();
    let mut lines = table::lines(&COLUMNS, &rows, width);
    if jobs.iter().any(|job| job.state == JobState::Dead) {
        lines.push(Line::default());
        let tip =
            "dead jobs are kept: `zmws jobs retry JOB` tries one again, `zmws jobs delete JOB` forgets it";
        lines.push(cut_line(tip, Tone::Quiet, width));
    }
    lines
}

fn row(job: &Job, now: f64) -> Vec<Cell> {
    let (word, tone) = state(job);
    vec![
        Cell::new(&job.service),
        Cell::new(&job.id),
        Cell::toned(word, tone),
        known(since(job), |since| format::duration(now - since)),
        known(job.worker.clone(), |worker| worker),
        Cell::count(job.attempts.into(), Tone::Warn),
        Cell::new(format::bytes(job.bytes)),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Broker, run};
    use super::super::text::{Colour, text};
    use super::*;

    fn jobs() -> Vec<Job> {
        let job = |id: &str, state| Job {
            id: id.to_owned(),
            service: "MAIL\x1b[2J".to_owned(),
            state,
            requested_at: 988.0,
            bytes: 1_234,
            ..Job::default()
        };
        let failed = Job { ended_at: Some(815.0), attempts: 3, ..job("0003-DEAD", JobState::Failed) };
        vec![
            Job {
                started_at: Some(998.76),
                worker: Some("W-1".to_owned()),
                ..job("0001-BEEF", JobState::Active)
            },
            job("0002-C0DE", JobState::Queued),
            Job { id: "0004-FA11".to_owned(), attempts: 0, ..failed.clone() },
            Job { state: JobState::Dead, ..failed },
        ]
    }

    #[test]
    fn those_that_can_be_tried_again_are_marked() {
        let shown = |jobs: &[Job]| text(&screen(jobs, 1_000.0, Some(100)), Colour::Without);
        insta::assert_snapshot!(shown(&jobs()), @r"
        SERVICE        JOB        STATE      SINCE  WORKER  ATTEMPTS   BYTES
        MAIL\u{1b}[2J  0001-BEEF  active     1.2 s  W-1            0  1.2 kB
        MAIL\u{1b}[2J  0002-C0DE  queued      12 s  –              0  1.2 kB
        MAIL\u{1b}[2J  0004-FA11  failed  3 m 05 s  –              0  1.2 kB
        MAIL\u{1b}[2J  0003-DEAD  dead    3 m 05 s  –              3  1.2 kB

        dead jobs are kept: `zmws jobs retry JOB` tries one again, `zmws jobs delete JOB` forgets it
        ");
        assert!(!shown(&jobs()[..3]).contains("dead"));
        assert_eq!(shown(&[]), "no jobs\n");
    }

    #[test]
    fn each_state_is_asked_for_by_its_own_word() {
        run(async {
            let body = serde_json::to_string(&jobs()[3..]).expect("it is JSON");
            let broker = Broker::start(move |_| (200, body.clone())).await;
            let dead = ask(&broker.admin, Some("A B"), Some(Which::Dead), 7).await.expect("it answers");
            assert_eq!(dead.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["0003-DEAD"]);
            assert_eq!(ask(&broker.admin, None, None, 7).await.expect("it answers").len(), 4);
            for which in [Which::Completed, Which::Failed] {
                ask(&broker.admin, None, Some(which), 7).await.expect("it answers");
            }
            insta::assert_snapshot!(broker.requests().join("\n"), @r"
            GET /jobs?service=A%20B&state=dead&limit=7
            GET /jobs?state=active&limit=7
            GET /jobs?state=queued&limit=7
            GET /jobs?state=failed&limit=7
            GET /jobs?state=dead&limit=7
            GET /jobs?state=completed&limit=7
            GET /jobs?state=failed&limit=7
            ");
        });
    }
}

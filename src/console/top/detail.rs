//! The page of one service: its workers and its jobs.

use super::super::operation::Operation;
use crate::admin::status::{Job, JobState, Worker};

/// Workers and jobs of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Content {
    /// Its workers.
    pub(super) workers: Vec<Worker>,
    /// Its jobs: those that run, that wait, that failed.
    pub(super) jobs: Vec<Job>,
}

/// What a row of the page is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Row<'a> {
    /// A worker.
    Worker(&'a Worker),
    /// A job.
    Job(&'a Job),
}

/// The page.
#[derive(Debug)]
pub(super) struct Detail {
    /// Whose.
    pub(super) service: String,
    /// `None` before the first answer.
    pub(super) content: Option<Content>,
    /// Why the last answer was none.
    pub(super) problem: Option<String>,
    /// The row that is chosen.
    pub(super) cursor: usize,
}

impl Detail {
    /// The page before anything is known.
    pub(super) fn new(service: String) -> Self {
        Self { service, content: None, problem: None, cursor: 0 }
    }

    /// All rows, workers first.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        let Some(content) = &self.content else { return Vec::new() };
        content.workers.iter().map(Row::Worker).chain(content.jobs.iter().map(Row::Job)).collect()
    }

    /// The row that is chosen.
    pub(super) fn chosen(&self) -> Option<Row<'_>> {
        self.rows().get(self.cursor).copied()
    }

    /// Shows an answer. The cursor stays with what it was on, or else where it was.
    pub(super) fn show(&mut self, answer: Result<Content, String>) {
        let content = match answer {
            Ok(content) => content,
            Err(problem) => return self.problem = Some(problem),
        };
        let chosen = self.chosen().map(Row::key);
        (self.content, self.problem) = (Some(content), None);
        let rows = self.rows();
        let place = rows.iter().position(|row| Some(row.key()) == chosen);
        self.cursor = place.unwrap_or(self.cursor).min(rows.len().saturating_sub(1));
    }
}

/// What stays the same of a row while the rest of it changes.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Key {
    Worker(u64),
    Job(String),
}

impl Row<'_> {
    fn key(self) -> Key {
        match self {
            Self::Worker(worker) => Key::Worker(worker.connection),
            Self::Job(job) => Key::Job(job.id.clone()),
        }
    }

    /// The order to retire it; or why not.
    pub(super) fn retire(self) -> Result<Operation, &'static str> {
        match self {
            Self::Worker(worker) => {
                Ok(Operation::Retire { connection: worker.connection, id: worker.id.clone() })
            }
            Self::Job(_) => Err("this is a job: w retires a worker"),
        }
    }

    /// The order to try it again; or why not.
    pub(super) fn retry(self) -> Result<Operation, &'static str> {
        match self {
            Self::Worker(_) => Err("this is a worker: t tries a dead job again"),
            Self::Job(job) => match job.state {
                JobState::Dead => Ok(Operation::Retry { job: job.id.clone() }),
                JobState::Failed => {
                    Err("only dead jobs can be tried again; this one's worker failed it, and it is gone")
                }
                JobState::Completed => Err("only dead jobs can be tried again; this one is completed"),
                JobState::Queued => Err("only dead jobs can be tried again; this one waits already"),
                JobState::Active => Err("only dead jobs can be tried again; a worker has this one"),
            },
        }
    }

    /// The order to delete it; or why not.
    pub(super) fn delete(self) -> Result<Operation, &'static str> {
        match self {
            Self::Worker(_) => Err("this is a worker: x deletes a job"),
            Self::Job(job) => match job.state {
                JobState::Failed | JobState::Completed => {
                    Err("it is over already: there is nothing to delete")
                }
                JobState::Active => {
                    Err("a worker has it: only a job that waits, or a dead one, can be deleted")
                }
                JobState::Dead | JobState::Queued => Ok(Operation::Delete { job: job.id.clone() }),
            },
        }
    }
}

//! Replacing a worker without losing a job and without doing one twice.
//!
//! A worker that is just told to end may do so in the middle of a job (PHP's do), or while one is on its way to it;
//! the broker would give that job to another, to be done from its beginning. So the broker is told first to give
//! it no more (`retire`), and the worker is told to end when the broker says that it has none.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::super::admin::AdminError;
use super::super::process_table::ProcessTable;
use super::super::program::Kind;
use super::super::supervisor::lines;
use super::{Outcome, ProcessTask, StopUrgency};
use crate::admin::status::Worker;

/// Jobs that a process has done, over all its connections: a worker that has lost its broker for a moment comes
/// back by another.
#[derive(Debug, Default)]
pub(super) struct JobCount {
    by_connection: HashMap<u64, u64>,
    before: u64,
}

impl JobCount {
    /// What the broker says of the connections that are open now.
    fn see(&mut self, workers: &[&Worker]) {
        for worker in workers {
            let done = self.by_connection.entry(worker.connection).or_default();
            if worker.done < *done {
                // Another broker, whose numbers begin anew.
                self.before += *done;
            }
            *done = worker.done;
        }
    }

    fn total(&self) -> u64 {
        self.before + self.by_connection.values().sum::<u64>()
    }
}

/// What became of a worker's jobs before it was told to end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Jobs {
    /// It has none, and gets none.
    Ended,
    /// These were not over when its grace was.
    Remain(Vec<String>),
    /// Nobody says.
    Unknown,
}

/// A worker's jobs, as they are told: `12AB-34CD (MAIL)`.
fn jobs_of(worker: &Worker) -> Vec<String> {
    let services = worker.services.join(", ");
    worker.jobs.iter().map(|job| format!("{job} ({services})")).collect()
}

/// How soon the broker is asked first whether a worker is done, and how late at most: each look reads the tables of
/// processes and connections, and a long job is not over sooner for being asked after.
const GLANCE_FIRST: Duration = Duration::from_millis(50);
const GLANCE_LAST: Duration = Duration::from_millis(400);

impl ProcessTask {
    /// Replaces the process if it has reached one of its limits.
    pub(super) async fn look(&mut self) {
        let table = Arc::clone(&self.process_tables.borrow_and_update());
        let Some(reached) = self.limit_reached(&table) else { return };
        info!(name = self.program.name, "{reached}: replaced");
        match self.replace(self.program.clone()).await {
            Outcome::Failed(line) => error!(name = self.program.name, "{line}"),
            Outcome::Replaced { ending, .. } if !ending.is_clean() => {
                for line in lines::of_ending(&self.program.name, &ending) {
                    warn!("{line}");
                }
            }
            Outcome::Replaced { .. }
            | Outcome::Started { .. }
            | Outcome::Runs { .. }
            | Outcome::Stopped { .. }
            | Outcome::DidNotRun
            | Outcome::Unchanged => {}
        }
    }

    fn limit_reached(&mut self, table: &ProcessTable) -> Option<String> {
        let limits = self.program.limits;
        let running = self.running.as_mut()?;
        let pid = running.child.pid();
        if let Some(max) = limits.max_jobs.filter(|_| !self.program.counts_jobs()) {
            running.jobs.see(&table.workers(pid));
            if running.jobs.total() >= max {
                return Some(format!("{} jobs done", running.jobs.total()));
            }
        }
        if let Some(max) = limits.max_lifetime
            && running.since.elapsed() >= max
        {
            return Some(format!("{} s old", running.since.elapsed().as_secs()));
        }
        let max = limits.max_memory?;
        let memory = table.memory(pid);
        (memory >= max).then(|| format!("{} MiB of memory", memory >> 20))
    }

    /// Lets the broker give the worker no more jobs, and waits until it has none, as long as its grace allows. Of
    /// a program that is no worker of our broker, nothing is known, and it is waited for nothing.
    pub(super) async fn let_jobs_end(&mut self) -> Jobs {
        if self.program.kind != Kind::Worker || self.site.admin.is_none() {
            return Jobs::Unknown;
        }
        let grace = self.program.grace;
        let mut urgency = self.urgency.clone();
        let mut seen = Vec::new();
        let jobs_end = tokio::time::timeout(grace, self.retire(&mut seen));
        let ended = tokio::select! {
            ended = jobs_end => ended,
            _ = urgency.wait_for(|&urgency| urgency >= StopUrgency::Stop) => return Jobs::Unknown,
        };
        match ended {
            Ok(Ok(())) => Jobs::Ended,
            // Where the broker has gone, its jobs have, too.
            Ok(Err(AdminError::Away { .. })) => Jobs::Unknown,
            Ok(Err(error)) => {
                warn!(name = self.program.name, %error, "stopped without the broker's help");
                Jobs::Unknown
            }
            Err(_) => {
                warn!(
                    name = self.program.name,
                    grace_s = grace.as_secs(),
                    "still busy when its grace was over"
                );
                Jobs::Remain(seen)
            }
        }
    }

    /// `busy` has the jobs that it has, as they were seen last.
    async fn retire(&self, busy: &mut Vec<String>) -> Result<(), AdminError> {
        let (Some(admin), Some(running)) = (&self.site.admin, &self.running) else { return Ok(()) };
        let pid = running.child.pid();
        let (mut told, mut glance) = (Vec::new(), GLANCE_FIRST);
        // A worker may come by a new connection while we look: until all that it has are told and idle.
        loop {
            let table = ProcessTable::look(admin.get("/workers").await?);
            let own = table.workers(pid);
            *busy = own.iter().flat_map(|worker| jobs_of(worker)).collect();
            for worker in &own {
                if told.contains(&worker.connection) {
                    continue;
                }
                let path = format!("/workers/{}/retire", worker.connection);
                match admin.tell(Method::POST, &path).await {
                    // It has just left.
                    Ok(_) | Err(AdminError::Refused { status: 404, .. }) => told.push(worker.connection),
                    Err(error) => return Err(error),
                }
            }
            // What was told in this round may have got a job before the word came: one more look decides.
            if own.iter().all(|worker| worker.retired && worker.jobs.is_empty()) {
                return Ok(());
            }
            tokio::time::sleep(glance).await;
            glance = (glance * 2).min(GLANCE_LAST);
        }
    }
}

/// How soon after its start a worker is looked for to be limited, again and again, and how often later, since it may
/// come by another connection.
const LIMIT_SOON: Duration = Duration::from_millis(50);
const LIMIT_LATER: Duration = Duration::from_secs(1);
/// How long after its start is soon.
const YOUNG: Duration = Duration::from_secs(10);

impl ProcessTask {
    /// When the broker must be told how many jobs the worker may have; one of ours counts them itself.
    pub(super) fn limit_at(&self) -> Option<Instant> {
        let by_broker = self.program.limits.max_jobs.is_some() && !self.program.counts_jobs();
        let running = self.running.as_ref().filter(|_| by_broker && self.site.admin.is_some())?;
        Some(running.limit_at)
    }

    /// Tells the broker how many jobs the worker may have in all, by each of its connections.
    pub(super) async fn limit_jobs(&mut self) {
        let (Some(admin), Some(max)) = (self.site.admin.clone(), self.program.limits.max_jobs) else {
            return;
        };
        let table = ProcessTable::look(admin.get("/workers").await.unwrap_or_default());
        let Some(running) = &mut self.running else { return };
        let own = table.workers(running.child.pid());
        running.jobs.see(&own);
        for worker in own.iter().filter(|worker| worker.jobs_max.is_none()) {
            let left = max.saturating_sub(running.jobs.total() - worker.done);
            let path = format!("/workers/{}/limit?jobs={left}", worker.connection);
            if let Err(error) = admin.tell(Method::POST, &path).await {
                warn!(name = self.program.name, %error, "the broker cannot be told how many jobs it may have");
            }
        }
        let is_known = !own.is_empty() || running.since.elapsed() > YOUNG;
        running.limit_at = Instant::now() + if is_known { LIMIT_LATER } else { LIMIT_SOON };
    }

    /// Whether a reload would make another program of it.
    pub(super) fn files_changed(&self) -> bool {
        let now = super::Fingerprint::of(&self.program);
        self.running.as_ref().is_some_and(|running| running.files != now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_counted_over_all_connections() {
        let worker = |connection, done| Worker { connection, done, ..Worker::default() };
        let mut count = JobCount::default();
        count.see(&[&worker(1, 5)]);
        count.see(&[&worker(1, 7), &worker(2, 1)]);
        count.see(&[&worker(3, 2)]);
        assert_eq!(count.total(), 10);
        count.see(&[&worker(1, 1)]);
        assert_eq!(count.total(), 11);
    }
}

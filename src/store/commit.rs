//! Group commit: a store on a thread of its own, which makes one commit of all that came in while the last one ran.
//!
//! A batch that cannot be committed is refused as a whole: the jobs that it was to accept are reported as refused and
//! are taken out again, should they have reached the disk after all. What else it said is true whatever the disk
//! does, so it is kept and committed as soon as the store can write again.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc as reports;

use super::{Change, Store, StoreStatistics};

/// Changes in one commit, at the most: a bound on how long the first of them waits.
const BATCH_MAX: usize = 16_384;

/// How long a store that failed is left in peace before it is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// A batch that was handed in; later ones are greater.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Ticket(u64);

/// What became of the batches up to a ticket that no report before it spoke of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Report {
    /// They are durable.
    Committed {
        /// The last of them.
        up_to: Ticket,
        /// What is kept now.
        statistics: StoreStatistics,
    },
    /// The jobs that they were to accept are not kept.
    Failed {
        /// The last of them.
        up_to: Ticket,
        /// Why.
        reason: String,
    },
    /// The store, which had failed, can write again.
    Recovered,
}

/// A store's thread. Dropping it commits what was handed in, and waits for that.
#[derive(Debug)]
pub struct Committer {
    batches: Option<Sender<Batch>>,
    reports: reports::UnboundedReceiver<Report>,
    last: Ticket,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Batch {
    ticket: Ticket,
    changes: Vec<Change>,
}

impl Committer {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system has no thread to give.
    pub fn start(store: Box<dyn Store>) -> std::io::Result<Self> {
        let (batches, incoming) = mpsc::channel();
        let (outgoing, reports) = reports::unbounded_channel();
        let work = move || Thread { store, incoming, outgoing, unwritten: Vec::new(), failing: false }.run();
        let thread = thread::Builder::new().name("store".to_owned()).spawn(work)?;
        Ok(Self { batches: Some(batches), reports, last: Ticket::default(), thread: Some(thread) })
    }

    /// Hands in changes. Never waits; a [`Report`] tells what became of them.
    pub fn submit(&mut self, changes: Vec<Change>) -> Ticket {
        self.last.0 += 1;
        let batches = self.batches.as_ref().expect("it is taken at the drop only");
        // The thread ends with this end of the channel, never before.
        let _ = batches.send(Batch { ticket: self.last, changes });
        self.last
    }

    /// The next report. Cancel safe.
    pub async fn report(&mut self) -> Report {
        match self.reports.recv().await {
            Some(report) => report,
            // The thread has panicked: nothing more is promised, and nobody is left without an answer.
            None => std::future::pending().await,
        }
    }

    /// The next report, if there is one.
    pub fn try_report(&mut self) -> Option<Report> {
        self.reports.try_recv().ok()
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // A panic was logged where it happened.
            let _ = thread.join();
        }
    }
}

/// What the thread has.
struct Thread {
    store: Box<dyn Store>,
    incoming: Receiver<Batch>,
    outgoing: reports::UnboundedSender<Report>,
    /// What is true and not yet durable, since the store failed.
    unwritten: Vec<Change>,
    failing: bool,
}

impl Thread {
    fn run(mut self) {
        while let Some((up_to, changes)) = self.gather() {
            self.commit(up_to, changes);
        }
    }

    /// All that waits, or nothing after a while if the store is to be tried again. `None` at the end.
    fn gather(&mut self) -> Option<(Option<Ticket>, Vec<Change>)> {
        let first = if self.failing {
            match self.incoming.recv_timeout(RETRY) {
                Err(RecvTimeoutError::Timeout) => return Some((None, Vec::new())),
                received => received.ok()?,
            }
        } else {
            self.incoming.recv().ok()?
        };
        let Batch { ticket: mut up_to, mut changes } = first;
        while changes.len() < BATCH_MAX {
            let Ok(batch) = self.incoming.try_recv() else { break };
            up_to = batch.ticket;
            changes.extend(batch.changes);
        }
        Some((Some(up_to), changes))
    }

    fn commit(&mut self, up_to: Option<Ticket>, changes: Vec<Change>) {
        let mut batch = std::mem::take(&mut self.unwritten);
        batch.extend(changes);
        match self.store.commit(&batch) {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    self.report(Report::Recovered);
                }
                let statistics = self.store.statistics();
                up_to.into_iter().for_each(|up_to| self.report(Report::Committed { up_to, statistics }));
            }
            Err(error) => {
                self.failing = true;
                self.unwritten = batch.into_iter().map(without_promise).collect();
                let reason = error.to_string();
                up_to
                    .into_iter()
                    .for_each(|up_to| self.report(Report::Failed { up_to, reason: reason.clone() }));
            }
        }
    }

    fn report(&self, report: Report) {
        // Nobody listens any more at the end.
        let _ = self.outgoing.send(report);
    }
}

/// What is still to be said of a change that failed: a job that was not accepted must not be there.
fn without_promise(change: Change) -> Change {
    match change {
        Change::Accepted(job) => Change::Finished(job.job),
        other => other,
    }
}

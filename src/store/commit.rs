//! Group commit: a store on a thread of its own, which makes one commit of all that came in while the last one ran.
//!
//! A batch that cannot be committed is refused as a whole: the jobs that it was to accept are reported as refused and
//! are taken out again, should they have reached the disk after all. What else it said is true whatever the disk
//! does, so it is kept ([`Unwritten`]) and committed as soon as the store can write again, which is tried by the clock.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc as reports;

use super::unwritten::Unwritten;
use super::{Store, StoreStatistics};
use crate::broker::Record;

/// Records in one commit, at the most: a bound on how long the first of them waits.
const BATCH_MAX: usize = 16_384;

/// How long a store that failed is left in peace before it is tried again: at first, and when it fails again and again.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(8);

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
    /// The thread has panicked, and that was told.
    broken: bool,
}

#[derive(Debug)]
struct Batch {
    ticket: Ticket,
    records: Vec<Record>,
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
        let work = move || Thread { store, incoming, outgoing, unwritten: Unwritten::default() }.run();
        let thread = thread::Builder::new().name("store".to_owned()).spawn(work)?;
        let last = Ticket::default();
        Ok(Self { batches: Some(batches), reports, last, thread: Some(thread), broken: false })
    }

    /// Hands in records. Never waits; a [`Report`] tells what became of them.
    pub fn submit(&mut self, records: Vec<Record>) -> Ticket {
        self.last = self.next_ticket();
        let batches = self.batches.as_ref().expect("it is taken at the drop only");
        // The thread ends with this end of the channel; if it has panicked, a report says so.
        let _ = batches.send(Batch { ticket: self.last, records });
        self.last
    }

    /// The ticket of what is handed in next.
    pub fn next_ticket(&self) -> Ticket {
        Ticket(self.last.0 + 1)
    }

    /// The next report. Cancel safe.
    pub async fn report(&mut self) -> Report {
        match self.reports.recv().await {
            Some(report) => report,
            None if self.broken => std::future::pending().await,
            // The thread has panicked: nothing more is promised, and nobody is left without an answer.
            None => self.broke(),
        }
    }

    /// The next report, if there is one.
    pub fn try_report(&mut self) -> Option<Report> {
        self.reports.try_recv().ok()
    }

    fn broke(&mut self) -> Report {
        self.broken = true;
        Report::Failed { up_to: Ticket(u64::MAX), reason: "the store's thread has panicked".to_owned() }
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

/// The thread waits by the system's clock: nothing of what it decides depends on it.
#[expect(clippy::disallowed_methods, reason = "the time of retries is the thread's own")]
fn now() -> Instant {
    Instant::now()
}

/// What the thread has.
struct Thread {
    store: Box<dyn Store>,
    incoming: Receiver<Batch>,
    outgoing: reports::UnboundedSender<Report>,
    /// What is true and not yet durable, since the store failed.
    unwritten: Unwritten,
}

impl Thread {
    fn run(mut self) {
        while let Ok(first) = self.incoming.recv() {
            let (up_to, records) = self.gather(first);
            let Err(error) = self.store.commit(&records) else {
                self.committed(up_to);
                continue;
            };
            let reason = error.to_string();
            self.failed(up_to, records, reason.clone());
            if !self.retry(reason) {
                return;
            }
        }
    }

    /// A batch and all that waits behind it.
    fn gather(&self, first: Batch) -> (Ticket, Vec<Record>) {
        let Batch { ticket: mut up_to, mut records } = first;
        while records.len() < BATCH_MAX {
            let Ok(batch) = self.incoming.try_recv() else { break };
            up_to = batch.ticket;
            records.extend(batch.records);
        }
        (up_to, records)
    }

    /// Tries until the store can write what it could not. `false` at the end, which has a last try.
    fn retry(&mut self, mut reason: String) -> bool {
        let mut pause = RETRY_MIN;
        loop {
            let goes_on = self.refuse_until(now() + pause, &reason);
            match self.store.commit(&self.unwritten.records()) {
                Ok(()) => {
                    self.unwritten = Unwritten::default();
                    self.report(Report::Recovered);
                    return goes_on;
                }
                Err(_) if !goes_on => return false,
                Err(error) => reason = error.to_string(),
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    /// Refuses what comes in until then. `false` at the end.
    fn refuse_until(&mut self, then: Instant, reason: &str) -> bool {
        loop {
            match self.incoming.recv_timeout(then.saturating_duration_since(now())) {
                Ok(batch) => self.failed(batch.ticket, batch.records, reason.to_owned()),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn committed(&self, up_to: Ticket) {
        self.report(Report::Committed { up_to, statistics: self.store.statistics() });
    }

    fn failed(&mut self, up_to: Ticket, records: Vec<Record>, reason: String) {
        records.into_iter().for_each(|record| self.unwritten.add(record));
        self.report(Report::Failed { up_to, reason });
    }

    fn report(&self, report: Report) {
        // Nobody listens any more at the end.
        let _ = self.outgoing.send(report);
    }
}

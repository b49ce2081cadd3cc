//! The store beside the loop. What a turn records is handed in as one batch; the acknowledgements of background jobs wait
//! for its commit, and nothing else does: a worker may finish a job before its client hears that it was taken.

use std::collections::VecDeque;
use std::path::Path;

use bytes::Bytes;
use tracing::{info, warn};

use super::{Config, Server, StartError};
use crate::admin::metrics::StoreFigures;
use crate::broker::{Action, Broker, Event, Record, Refusal, Restored, StoreState};
use crate::job::{JobId, ServiceName, Timestamp};
use crate::memory::{Account, Charge, Memory, Purpose};
use crate::message::{Address, ClientReply};
use crate::store::{Committer, DiskOptions, DiskStore, Report, Store, StoreStatistics, Ticket};

/// Acknowledgements that may wait for the disk, and bytes of them and of their jobs. Then background jobs are refused until
/// half of them have gone: at 300,000 jobs a second it is a disk that has not answered for 200 ms.
const HELD_MAX: usize = 65_536;
const HELD_BYTES_MAX: usize = 256 << 20;
/// Jobs after which the start tells how far it is.
const TELL_EVERY: u64 = 500_000;

/// What the loop knows of the store. Without one, jobs live as long as the process and nothing waits.
#[derive(Debug)]
pub(super) struct Durability {
    committer: Option<Committer>,
    /// What this turn has recorded.
    records: Vec<Record>,
    /// The oldest in front.
    held: VecDeque<Held>,
    /// Bytes of the charges in `held`.
    held_bytes: usize,
    account: Account,
    /// What the broker was told last.
    state: StoreState,
    /// Why nothing can be kept, while it is so.
    failure: Option<String>,
    figures: StoreFigures,
}

/// An acknowledgement that waits.
#[derive(Debug)]
struct Held {
    ticket: Ticket,
    to: Address,
    job: JobId,
    service: ServiceName,
    charge: Charge,
}

/// What a start found in the directory of the data.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Recovery {
    /// Jobs that are queued again.
    pub jobs: u64,
    /// Dead letters.
    pub dead: u64,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

impl Durability {
    fn with(committer: Option<Committer>, memory: &Memory) -> Self {
        Self {
            committer,
            records: Vec::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            account: memory.account(Purpose::Acknowledgements),
            state: StoreState::Writable,
            failure: None,
            figures: StoreFigures::default(),
        }
    }

    /// Opens the store that the settings name, if any, and gives the broker what is in it.
    pub(super) fn open(
        config: &Config,
        broker: &mut Broker,
        now: impl Fn() -> Timestamp,
    ) -> Result<(Self, Option<Recovery>), StartError> {
        let Some(directory) = &config.data_dir else { return Ok((Self::with(None, &config.memory), None)) };
        let began = now();
        let mut store = DiskStore::open(&DiskOptions::new(directory))?;
        let (mut recovery, forgotten) = recover(&mut store, broker, directory)?;
        recovery.took_us = now().micros_since(began);
        let kept = store.statistics();
        let mut committer = Committer::start(Box::new(store)).map_err(StartError::Thread)?;
        if !forgotten.is_empty() {
            committer.submit(forgotten);
        }
        let mut durability = Self::with(Some(committer), &config.memory);
        durability.keeps(kept);
        Ok((durability, Some(recovery)))
    }

    pub(super) fn is_durable(&self) -> bool {
        self.committer.is_some()
    }

    /// Why background jobs are not taken, if they are not.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// What metrics show, if there is a store.
    pub(super) fn figures(&self) -> Option<StoreFigures> {
        let held = (self.held.len() as u64, self.held_bytes as u64);
        self.committer.as_ref()?;
        Some(StoreFigures {
            failing: self.failure.is_some(),
            held: held.0,
            held_bytes: held.1,
            ..self.figures
        })
    }

    /// Whether no acknowledgement waits.
    pub(super) fn is_settled(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn record(&mut self, record: Record) {
        if self.committer.is_some() {
            self.records.push(record);
        }
    }

    /// Holds an acknowledgement until what this turn records is durable; gives it back if nothing is.
    pub(super) fn hold(
        &mut self,
        to: Address,
        job: JobId,
        service: ServiceName,
    ) -> Option<(Address, ClientReply)> {
        let Some(committer) = &self.committer else {
            return Some((to, ClientReply::Accepted { job, service }));
        };
        let body = match self.records.last() {
            Some(Record::Accepted(stored)) => stored.body.len(),
            Some(_) | None => 0,
        };
        let envelope: usize = to.origin.envelope.iter().flatten().map(Bytes::len).sum();
        let weight = size_of::<Held>() + size_of::<Record>() + body + to.identity.len() + envelope;
        let charge = self.account.charge_promised(weight);
        self.held_bytes += weight;
        self.held.push_back(Held { ticket: committer.next_ticket(), to, job, service, charge });
        None
    }

    /// The next report. Cancel safe.
    pub(super) async fn report(&mut self) -> Report {
        match &mut self.committer {
            Some(committer) => committer.report().await,
            None => std::future::pending().await,
        }
    }

    fn try_report(&mut self) -> Option<Report> {
        self.committer.as_mut()?.try_report()
    }

    /// The oldest acknowledgement that a report speaks of.
    fn release(&mut self, up_to: Ticket) -> Option<Held> {
        if self.held.front()?.ticket > up_to {
            return None;
        }
        let held = self.held.pop_front()?;
        self.held_bytes -= held.charge.bytes();
        Some(held)
    }

    fn keeps(&mut self, statistics: StoreStatistics) {
        let StoreStatistics { jobs, dead, bytes } = statistics;
        self.figures = StoreFigures { jobs, dead, bytes, ..self.figures };
    }

    /// What can be promised now.
    fn promises(&self) -> StoreState {
        let full =
            |share: usize| self.held.len() >= HELD_MAX / share || self.held_bytes >= HELD_BYTES_MAX / share;
        match (&self.failure, self.state) {
            (Some(_), _) => StoreState::Failing,
            (None, StoreState::Behind) if full(2) => StoreState::Behind,
            (None, _) if full(1) => StoreState::Behind,
            (None, _) => StoreState::Writable,
        }
    }
}

/// Gives the broker all that the store has, piece by piece, so that nothing is there twice. What is not wanted any more is
/// to be recorded.
fn recover(
    store: &mut DiskStore,
    broker: &mut Broker,
    directory: &Path,
) -> Result<(Recovery, Vec<Record>), StartError> {
    let (mut recovery, mut actions) = (Recovery::default(), Vec::new());
    let all = store.statistics();
    store.scan(&mut |kept| {
        match kept {
            Restored::Job(_) => recovery.jobs += 1,
            Restored::Dead(_) => recovery.dead += 1,
            Restored::Service(_) => {}
        }
        broker.restore(kept, &mut actions);
        if recovery.jobs > 0 && recovery.jobs.is_multiple_of(TELL_EVERY) {
            info!(directory = %directory.display(), jobs = recovery.jobs, of = all.jobs, "recovering");
        }
    })?;
    let record = |action| match action {
        Action::Record(record) => Some(record),
        _ => None,
    };
    Ok((recovery, actions.into_iter().filter_map(record).collect()))
}

impl Server {
    /// Hands in what this turn has recorded. Costs nothing if it was nothing.
    pub(super) fn commit_turn(&mut self, now: Timestamp) {
        if self.durability.records.is_empty() {
            return;
        }
        if let Some(committer) = &mut self.durability.committer {
            committer.submit(std::mem::take(&mut self.durability.records));
        }
        self.tell_promises(now);
    }

    /// Takes what the store has reported since the last turn.
    pub(super) fn take_reports(&mut self, now: Timestamp) {
        while let Some(report) = self.durability.try_report() {
            self.take_report(now, report);
        }
    }

    pub(super) fn take_report(&mut self, now: Timestamp, report: Report) {
        match report {
            Report::Committed { up_to, statistics } => {
                self.durability.figures.commits += 1;
                self.durability.keeps(statistics);
                while let Some(Held { to, job, service, .. }) = self.durability.release(up_to) {
                    self.work.add(1);
                    self.reply(&to, &ClientReply::Accepted { job, service });
                }
            }
            Report::Failed { up_to, reason } => {
                self.durability.figures.failures += 1;
                if self.durability.failure.is_none() {
                    warn!("no background jobs are taken until it works again: {reason}");
                }
                self.durability.failure = Some(reason);
                while let Some(held) = self.durability.release(up_to) {
                    self.take_back(now, held);
                }
            }
            Report::Recovered => {
                self.durability.failure = None;
                info!("the disk works again: background jobs are taken");
            }
        }
        self.tell_promises(now);
    }

    /// A job that is over already has had all that was promised.
    fn take_back(&mut self, now: Timestamp, Held { to, job, service, .. }: Held) {
        if !self.broker.knows(job) {
            return self.reply(&to, &ClientReply::Accepted { job, service });
        }
        self.handle(now, Event::NotKept(job));
        let body = Refusal::StoreFailing.body();
        self.reply(&to, &ClientReply::Refused { service: service.as_bytes().clone(), body });
    }

    fn tell_promises(&mut self, now: Timestamp) {
        let state = self.durability.promises();
        if state != self.durability.state {
            self.durability.state = state;
            self.handle(now, Event::Store(state));
        }
    }
}

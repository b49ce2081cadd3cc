//! Lists, made in pieces: a cursor that the broker moves on, so that no list holds up jobs for long, however many there
//! are of them.
//!
//! The broker changes between two pieces. Each row is true when it is made; a job that has gone meanwhile is left out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::vec;

use super::Broker;
use super::job::State;
use super::queue::Position;
use super::services::{Frames, Service, ServiceKey};
use super::snapshot::{ENTRIES_MAX, JobRow, PARAM_BYTES_MAX, Snapshot, WorkerRow};
use crate::job::{JobId, PeerId};
use crate::message::View;

/// A list under way. It ends after [`ENTRIES_MAX`] rows, and before jobs' parameters are more than
/// [`PARAM_BYTES_MAX`] by more than one.
#[derive(Debug)]
pub struct Listing {
    cursor: Cursor,
    rows_left: usize,
    params_left: usize,
}

#[derive(Debug)]
enum Cursor {
    /// Looks for queues, from this service on.
    Queues { next: usize, heads: Heads },
    /// Takes what is first in them.
    Queued(Heads),
    /// Active jobs.
    Active(vec::IntoIter<JobId>),
    /// The history, from the last on: so many are left, counted from the first that ever ended.
    Ended(u64),
    /// Workers.
    Workers(vec::IntoIter<PeerId>),
}

/// Where each queue goes on: the smallest place is next.
pub(super) type Heads = BinaryHeap<Reverse<(Position, ServiceKey, Frames)>>;

/// Work in one piece: services looked at, entries passed, rows made. A row with the longest parameter is a piece.
const PIECE: usize = 1_024;
/// What a row costs of that, beside its parameter.
const ROW: usize = 4;
/// Bytes of a parameter that cost as much as an entry passed.
const PARAM: usize = 64;

impl Listing {
    fn new(cursor: Cursor) -> Self {
        Self { cursor, rows_left: ENTRIES_MAX, params_left: PARAM_BYTES_MAX }
    }

    /// Accounts for a row; what it costs.
    fn take(&mut self, row: &JobRow) -> usize {
        self.rows_left -= 1;
        self.params_left = self.params_left.saturating_sub(row.param.len());
        ROW + row.param.len() / PARAM
    }

    fn is_full(&self) -> bool {
        self.rows_left == 0 || self.params_left == 0
    }
}

impl Broker {
    /// Begins a list that a client asked for with [`Action::Inspect`](super::Action::Inspect).
    pub fn list(&self, view: View) -> Listing {
        Listing::new(match view {
            View::Jobs => Cursor::Queues { next: 0, heads: Heads::new() },
            View::Active => Cursor::Active(self.active_ids().into_iter()),
            View::History => Cursor::Ended(self.ended),
            View::Workers => {
                let mut workers: Vec<PeerId> = self.workers.keys().copied().collect();
                workers.sort_unstable();
                Cursor::Workers(workers.into_iter())
            }
        })
    }

    /// The next rows of a list, perhaps none; `None` at its end. Queued jobs: those that will be taken first in front.
    /// Active ones: the one that runs longest in front. Ended ones: the last in front. Workers in the order they came,
    /// one row for each service of each.
    pub fn next_rows(&self, listing: &mut Listing) -> Option<Snapshot> {
        if listing.is_full() {
            return None;
        }
        match &mut listing.cursor {
            Cursor::Queues { next, heads } => {
                let ended = self.find_queues(next, heads);
                if ended {
                    listing.cursor = Cursor::Queued(std::mem::take(heads));
                }
                Some(Snapshot::Jobs(Vec::new()))
            }
            Cursor::Queued(_) => self.piece(listing, |broker, listing| broker.next_queued(listing)),
            Cursor::Active(_) => self.piece(listing, |broker, listing| broker.next_active(listing)),
            Cursor::Ended(_) => self.piece(listing, |broker, listing| broker.next_ended(listing)),
            Cursor::Workers(peers) => {
                let rows = self.worker_rows(peers, listing.rows_left);
                listing.rows_left = listing.rows_left.saturating_sub(rows.len());
                (!rows.is_empty()).then_some(Snapshot::Workers(rows))
            }
        }
    }

    /// A whole list, as it is now; the history with the oldest in front.
    pub fn snapshot(&self, view: View) -> Snapshot {
        let mut listing = self.list(view);
        let (mut jobs, mut workers) = (Vec::new(), Vec::new());
        while let Some(rows) = self.next_rows(&mut listing) {
            match rows {
                Snapshot::Jobs(rows) => jobs.extend(rows),
                Snapshot::Workers(rows) => workers.extend(rows),
            }
        }
        match view {
            View::Jobs | View::Active => Snapshot::Jobs(jobs),
            View::History => {
                jobs.reverse();
                Snapshot::Jobs(jobs)
            }
            View::Workers => Snapshot::Workers(workers),
        }
    }

    /// Makes rows until the piece is done, or there are no more.
    fn piece(
        &self,
        listing: &mut Listing,
        mut next: impl FnMut(&Self, &mut Listing) -> Next,
    ) -> Option<Snapshot> {
        let (mut rows, mut work) = (Vec::new(), 0);
        while work < PIECE && !listing.is_full() {
            work += match next(self, listing) {
                Next::Row(row) => {
                    let cost = listing.take(&row);
                    rows.push(row);
                    cost
                }
                Next::Passed => 1,
                Next::End => return (!rows.is_empty()).then_some(Snapshot::Jobs(rows)),
            };
        }
        Some(Snapshot::Jobs(rows))
    }

    // --- queued

    /// Whether all have been found.
    pub(super) fn find_queues(&self, next: &mut usize, heads: &mut Heads) -> bool {
        let mut looked_at = 0;
        for (key, service) in self.services.from(*next).take(PIECE) {
            looked_at += 1;
            if let Some(service) = service {
                heads.extend(heads_of(key, service));
            }
        }
        *next += looked_at;
        looked_at < PIECE
    }

    fn next_queued(&self, listing: &mut Listing) -> Next {
        let Cursor::Queued(heads) = &mut listing.cursor else { return Next::End };
        if heads.is_empty() {
            return Next::End;
        }
        let found = self.next_in_queues(heads).and_then(|id| Some((id, self.jobs.get(&id)?)));
        found.map_or(Next::Passed, |(id, job)| Next::Row(self.row(id, job)))
    }

    /// Takes the job that is next of all queues; `None` if it has gone.
    pub(super) fn next_in_queues(&self, heads: &mut Heads) -> Option<JobId> {
        let Reverse((place, key, kind)) = heads.pop()?;
        let mut entries = self.services.get(key)?.queue_of(kind).from(place);
        let (found, id) = entries.next()?;
        heads.extend(entries.next().map(|(place, _)| Reverse((place, key, kind))));
        let is_there = self.jobs.get(&id).is_some_and(|job| job.state == State::Queued(found));
        is_there.then_some(id)
    }

    /// The first jobs of one service's queues, or of all: as many as are wanted.
    pub(super) fn queued_rows(
        &self,
        service: Option<(ServiceKey, &Service)>,
        rows_max: usize,
    ) -> Vec<JobRow> {
        let mut listing = self.list(View::Jobs);
        if let Some((key, service)) = service {
            listing.cursor = Cursor::Queued(heads_of(key, service).collect());
        }
        (listing.rows_left, listing.params_left) = (rows_max, usize::MAX);
        let mut all = Vec::new();
        while let Some(Snapshot::Jobs(rows)) = self.next_rows(&mut listing) {
            all.extend(rows);
        }
        all
    }

    // --- active, ended, workers

    fn active_ids(&self) -> Vec<JobId> {
        let started = |peer: PeerId, id: &JobId| match self.jobs.get(id)?.state {
            State::Active { worker, started_at } if worker == peer => Some((started_at, *id)),
            State::Active { .. } | State::Queued(_) => None,
        };
        let of_worker = |(&peer, worker): (&PeerId, &super::Worker)| {
            worker.jobs.iter().filter_map(|id| started(peer, id)).collect::<Vec<_>>()
        };
        let mut jobs: Vec<_> = self.workers.iter().flat_map(of_worker).collect();
        jobs.sort_unstable();
        jobs.into_iter().map(|(_, id)| id).collect()
    }

    fn next_active(&self, listing: &mut Listing) -> Next {
        let Cursor::Active(ids) = &mut listing.cursor else { return Next::End };
        let Some(id) = ids.next() else { return Next::End };
        match self.jobs.get(&id).filter(|job| matches!(job.state, State::Active { .. })) {
            Some(job) => Next::Row(self.row(id, job)),
            None => Next::Passed,
        }
    }

    fn next_ended(&self, listing: &mut Listing) -> Next {
        let Cursor::Ended(left) = &mut listing.cursor else { return Next::End };
        let before_history = self.ended - self.history.len() as u64;
        let at = left.checked_sub(1).and_then(|number| number.checked_sub(before_history));
        let Some(at) = at else { return Next::End };
        *left -= 1;
        let at = usize::try_from(at).expect("a place in the history");
        self.history.get(at).map_or(Next::Passed, |ended| Next::Row(self.ended_row(&ended.row)))
    }

    fn worker_rows(&self, peers: &mut vec::IntoIter<PeerId>, rows_max: usize) -> Vec<WorkerRow> {
        let mut rows = Vec::new();
        while rows.len() < rows_max.min(PIECE / ROW) {
            let Some(peer) = peers.next() else { break };
            let Some(worker) = self.workers.get(&peer) else { continue };
            rows.extend(worker.services.iter().map(|&key| WorkerRow {
                expires_at: self.expires_at(worker),
                service: self.services[key].name.clone(),
                worker: worker.address.identity.clone(),
            }));
        }
        rows.truncate(rows_max);
        rows
    }
}

/// What comes next in a list.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
enum Next {
    Row(JobRow),
    /// Something that is not there any more.
    Passed,
    End,
}

fn heads_of(
    key: ServiceKey,
    service: &Service,
) -> impl Iterator<Item = Reverse<(Position, ServiceKey, Frames)>> {
    [Frames::Single, Frames::Multi].into_iter().filter_map(move |kind| {
        let (place, _) = service.queue_of(kind).entries().next()?;
        Some(Reverse((place, key, kind)))
    })
}

//! A queue of jobs: first in, first out, but for jobs that come back.
//!
//! Jobs are taken out of the middle rarely (a late answer, a request that nobody wanted in time); their
//! entry stays behind and is skipped, so that no operation costs more with more jobs.

use std::collections::VecDeque;

use crate::job::JobId;

/// A place in the order of all jobs of a broker: smaller is earlier.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Position(i64);

/// Gives out places: at the end for new jobs, before all others for those that come back.
#[derive(Debug, Default)]
pub(super) struct Positions {
    first: i64,
    last: i64,
}

impl Positions {
    pub(super) fn at_the_end(&mut self) -> Position {
        self.last += 1;
        Position(self.last)
    }

    pub(super) fn in_front(&mut self) -> Position {
        self.first -= 1;
        Position(self.first)
    }
}

/// The jobs of one service that wait for a worker.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: VecDeque<(Position, JobId)>,
    /// Entries whose job is still there.
    live: usize,
}

impl Queue {
    /// Jobs that wait.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    pub(super) fn push_back(&mut self, place: Position, job: JobId) {
        self.entries.push_back((place, job));
        self.live += 1;
    }

    pub(super) fn push_front(&mut self, place: Position, job: JobId) {
        self.entries.push_front((place, job));
        self.live += 1;
    }

    /// A job that is in the queue has left it otherwise than by [`Queue::pop`]. `is_there` tells which
    /// entries count.
    pub(super) fn forget(&mut self, is_there: impl Fn(Position, JobId) -> bool) {
        self.live -= 1;
        // Those that time ends die in front, one after the other.
        self.front(&is_there);
        if self.entries.len() > 2 * self.live + DEAD_MAX {
            self.entries.retain(|&(place, job)| is_there(place, job));
        }
    }

    /// The job that has waited longest, which stays. `is_there` tells which entries count.
    pub(super) fn front(&mut self, is_there: impl Fn(Position, JobId) -> bool) -> Option<(Position, JobId)> {
        while let Some(&(place, job)) = self.entries.front() {
            if is_there(place, job) {
                return Some((place, job));
            }
            self.entries.pop_front();
        }
        None
    }

    /// Takes the job that [`Queue::front`] gave.
    pub(super) fn pop(&mut self) {
        if self.entries.pop_front().is_some() {
            self.live -= 1;
        }
        // A backlog that is gone leaves no memory behind.
        if self.entries.capacity() > SHRINK_FROM && self.entries.len() < self.entries.capacity() / 8 {
            self.entries.shrink_to(self.entries.capacity() / 2);
        }
    }

    /// The entries from a place on, dead ones among them.
    pub(super) fn from(&self, place: Position) -> impl Iterator<Item = (Position, JobId)> + '_ {
        // Positions ascend: those in front of all others are smaller than all others.
        let at = self.entries.partition_point(|&(other, _)| other < place);
        self.entries.range(at..).copied()
    }

    /// The entries from the front, dead ones among them.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Position, JobId)> + '_ {
        self.entries.iter().copied()
    }
}

/// Dead entries that are kept at least, so that a clean-up is worth its while.
const DEAD_MAX: usize = 64;
/// Entries from which on a queue gives memory back.
pub(super) const SHRINK_FROM: usize = 1_024;

//! What is due when. A timer that nobody needs any more rings all the same, and is then ignored: cheaper
//! than to find it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::queue::Place;
use crate::job::{JobId, PeerId, Timestamp};

/// What rings.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Timer {
    /// A worker is to be told or heard, or its job is to be over.
    Worker(PeerId),
    /// A request has been held for long enough.
    Held(JobId, Place),
}

#[derive(Debug, Default)]
pub(super) struct Timers(BinaryHeap<Reverse<(Timestamp, Timer)>>);

impl Timers {
    pub(super) fn set(&mut self, at: Timestamp, timer: Timer) {
        self.0.push(Reverse((at, timer)));
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// The next one that is due, and when it was.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(timer)| timer)
    }
}

//! The end: clients that wait for jobs which have not begun are told, in pieces over turns, since there may be a million
//! of them.

use super::Broker;
use super::event::Action;
use super::expiry::DUE_MAX;
use super::finish::Answer;
use super::listing::Heads;
use super::reason::Reason;
use super::timers::Timer;
use crate::job::{JobId, Timestamp};
use crate::message::Mode;

/// How far those who wait in vain have been told.
#[derive(Debug, Default)]
pub(super) struct Unbegun {
    /// The first service that was not looked at yet.
    next_service: usize,
    /// Whether there may be more services.
    all_found: bool,
    /// Where each queue goes on.
    heads: Heads,
}

impl Broker {
    /// No new jobs from now on, and none is begun. Clients that wait for one that has not begun are told, who has waited
    /// longest first.
    pub(super) fn drain(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.stopping = true;
        self.unbegun = Some(Unbegun::default());
        self.end_unbegun(now, actions);
    }

    /// Tells some of them; the next in the next tick.
    pub(super) fn end_unbegun(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let Some(mut unbegun) = self.unbegun.take() else { return };
        if !unbegun.all_found {
            unbegun.all_found = self.find_queues(&mut unbegun.next_service, &mut unbegun.heads);
        }
        let mut left = DUE_MAX;
        while unbegun.all_found && left > 0 && !unbegun.heads.is_empty() {
            left -= 1;
            if let Some(id) = self.next_in_queues(&mut unbegun.heads).filter(|id| self.waits(*id)) {
                self.end(now, id, Answer::failed(Reason::Stopped), actions);
            }
        }
        if !unbegun.all_found || !unbegun.heads.is_empty() {
            self.unbegun = Some(unbegun);
            // Not in this tick.
            self.timers.set(now.plus_micros(1), Timer::Stopping);
        }
    }

    fn waits(&self, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(|job| job.mode == Mode::Wait)
    }
}

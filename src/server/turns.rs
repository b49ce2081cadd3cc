//! How long the loop's turns are: bounded by what they do, measured, and told of if one is long.

use tracing::warn;

use crate::admin::metrics::TurnTimes;
use crate::job::Timestamp;
use crate::message::{ClientCommand, WorkerCommand};

/// Work in a turn, in units: an ordinary message is one.
const WORK_MAX: u32 = 1_024;
/// Units of work after which the clock is looked at.
const LOOK: u32 = 32;
/// Microseconds after which a turn takes nothing more.
const TIME_MAX_US: u64 = 3_000;
/// Microseconds from which on a turn is told of, and how long no other is after that.
const LONG_US: u64 = 50_000;
const TOLD_EVERY_US: u64 = 10_000_000;

/// What a turn did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work {
    pub(super) of_clients: u32,
    pub(super) of_workers: u32,
    /// Lists that were made.
    pub(super) lists: u32,
    /// What operators asked.
    pub(super) questions: u32,
    pub(super) ticks: u32,
    units: u32,
    looked_at: u32,
}

impl Work {
    /// Something was done that costs as much as so many messages.
    pub(super) fn add(&mut self, units: u32) {
        self.units += units;
    }

    /// Whether it is time to write what came of it and to let others in; asks for the time now and then.
    pub(super) fn is_enough(&mut self, began: Timestamp, now: impl FnOnce() -> Timestamp) -> bool {
        if self.units < self.looked_at + LOOK {
            return false;
        }
        self.looked_at = self.units;
        self.units >= WORK_MAX || now().micros_since(began) >= TIME_MAX_US
    }
}

/// The turns so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turns {
    pub(super) times: TurnTimes,
    last_told: Timestamp,
    /// Long ones that were not told of.
    untold: u64,
}

impl Turns {
    pub(super) fn ended(&mut self, began: Timestamp, now: Timestamp, work: &Work) {
        let us = now.micros_since(began);
        self.times.add(us);
        if us < LONG_US {
            return;
        }
        if now.micros_since(self.last_told) < TOLD_EVERY_US {
            self.untold += 1;
            return;
        }
        self.last_told = now;
        // Not in the macro: there nothing is done if nobody listens.
        let untold = std::mem::take(&mut self.untold);
        warn!(
            ms = us / 1_000,
            of_clients = work.of_clients,
            of_workers = work.of_workers,
            lists = work.lists,
            questions = work.questions,
            ticks = work.ticks,
            untold,
            "a long turn: everybody waited"
        );
    }
}

/// What a request costs, in messages.
pub(super) fn cost_of_request(command: &ClientCommand) -> u32 {
    match command {
        ClientCommand::Submit { .. } | ClientCommand::Finish { .. } => 1,
        ClientCommand::Manage { .. } => 4,
        ClientCommand::Inspect { .. } => 64,
    }
}

/// What a worker's word costs, in messages.
pub(super) fn cost_of_word(command: &WorkerCommand) -> u32 {
    match command {
        WorkerCommand::Ready { .. } | WorkerCommand::Disconnect => 8,
        WorkerCommand::Heartbeat | WorkerCommand::Partial { .. } | WorkerCommand::Finish { .. } => 1,
    }
}

/// What a message costs that cannot be read.
pub(super) const MALFORMED: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_by_its_work_or_by_its_time() {
        let mut work = Work::default();
        let began = Timestamp(1_000);
        work.add(LOOK - 1);
        assert!(!work.is_enough(began, || panic!("too early to look at the clock")));
        work.add(1);
        assert!(!work.is_enough(began, || Timestamp(1_000)));
        work.add(64);
        assert!(work.is_enough(began, || Timestamp(1_000 + TIME_MAX_US)));
        let mut work = Work::default();
        work.add(WORK_MAX);
        assert!(work.is_enough(began, || began));
    }

    #[test]
    fn long_turns_are_told_of_now_and_then() {
        let mut turns = Turns::default();
        for second in 1..=20 {
            let began = Timestamp(100_000_000 + second * 1_000_000);
            turns.ended(began, began.plus_micros(LONG_US), &Work::default());
        }
        assert_eq!(turns.untold, 9, "of twenty, the first and the eleventh are told");
    }
}

//! What is counted of each service: how its jobs end, how long they wait and run.
//!
//! A job costs a few additions and two searches in a short list. A service whose first job ends takes 800 bytes, and
//! 16 more for each different time of the last minutes; 25 KiB are the most it can come to.

mod times;

use self::times::Times;
use crate::job::Timestamp;
use crate::message::Outcome;

/// Upper bounds of [`Histogram`]'s buckets but the last, in microseconds: 1, 2.5, 5 from 0.5 ms to 1 000 s.
pub const BOUNDS_US: [u64; 20] = [
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
];

/// Times since the start, in buckets: each has what is no longer than its bound and longer than the one before.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Histogram {
    /// How many there are in the bucket of each of [`BOUNDS_US`], and beyond the last.
    pub counts: [u64; BOUNDS_US.len() + 1],
    /// All times together, in microseconds.
    pub sum_us: u64,
}

impl Histogram {
    /// Counts one time.
    pub fn add(&mut self, us: u64) {
        self.counts[BOUNDS_US.partition_point(|&bound| bound < us)] += 1;
        self.sum_us = self.sum_us.saturating_add(us);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Counts all that another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (own, others) in self.counts.iter_mut().zip(other.counts) {
            *own += others;
        }
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
    }
}

/// What only grows, since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sums {
    /// Jobs that ended well.
    pub completed: u64,
    /// Jobs that ended badly, given-up and deleted ones among them.
    pub failed: u64,
    /// Times a job went back to its queue.
    pub requeued: u64,
    /// From request to worker, of the jobs that ended and had a worker then.
    pub wait: Histogram,
    /// From worker to end, of the same jobs.
    pub run: Histogram,
}

impl Sums {
    /// Jobs that ended.
    pub fn ended(&self) -> u64 {
        self.completed + self.failed
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        self.completed += other.completed;
        self.failed += other.failed;
        self.requeued += other.requeued;
        self.wait.merge(&other.wait);
        self.run.merge(&other.run);
    }
}

/// Half of the times are no longer than the one, 99 of 100 no longer than the other, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// The median.
    pub p50_us: f64,
    /// The 99th percentile.
    pub p99_us: f64,
}

/// All that is counted of one service.
#[derive(Clone, Debug, Default)]
pub(super) struct Statistics {
    pub(super) sums: Sums,
    minute: [Slot; SLOTS],
    windows: [Window; WINDOWS],
}

/// Five seconds of the last minute.
const SLOT_US: u64 = 5_000_000;
const SLOTS: usize = 12;
/// Two minutes of the last six: with the one that has begun, between four and six.
const WINDOW_US: u64 = 120_000_000;
const WINDOWS: usize = 3;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Of all slots since the epoch.
    number: u64,
    completed: u32,
    failed: u32,
}

#[derive(Clone, Debug, Default)]
struct Window {
    number: u64,
    wait: Times,
    run: Times,
}

impl Statistics {
    /// Bytes beside its own: of times that were counted.
    pub(super) fn heap(&self) -> usize {
        self.windows.iter().map(|window| window.wait.heap() + window.run.heap()).sum()
    }

    /// A job ended. One that a worker had then says how long it had waited and run.
    pub(super) fn ended(&mut self, now: Timestamp, outcome: Outcome, times_us: Option<(u64, u64)>) {
        let slot = current(
            &mut self.minute,
            now.0 / SLOT_US,
            |slot| slot.number,
            |number| Slot { number, ..Slot::default() },
        );
        let (sum, lately) = match outcome {
            Outcome::Complete => (&mut self.sums.completed, &mut slot.completed),
            Outcome::Fail => (&mut self.sums.failed, &mut slot.failed),
        };
        *sum += 1;
        *lately = lately.saturating_add(1);
        let Some((wait, run)) = times_us else { return };
        self.sums.wait.add(wait);
        self.sums.run.add(run);
        let number = now.0 / WINDOW_US;
        let fresh = |number| Window { number, ..Window::default() };
        let window = current(&mut self.windows, number, |window| window.number, fresh);
        window.wait.add(wait);
        window.run.add(run);
    }

    /// Jobs that ended well and badly in the last minute, to five seconds.
    pub(super) fn last_minute(&self, now: Timestamp) -> (u64, u64) {
        let number = now.0 / SLOT_US;
        let lately = self.minute.iter().filter(|slot| number.saturating_sub(slot.number) < SLOTS as u64);
        lately.fold((0, 0), |(completed, failed), slot| {
            (completed + u64::from(slot.completed), failed + u64::from(slot.failed))
        })
    }

    /// How long the jobs of the last four to six minutes waited and ran.
    pub(super) fn lately(&self, now: Timestamp) -> (Option<Quantiles>, Option<Quantiles>) {
        let number = now.0 / WINDOW_US;
        let is_late = |window: &&Window| number.saturating_sub(window.number) < WINDOWS as u64;
        let lately = || self.windows.iter().filter(is_late);
        (
            times::quantiles(lately().map(|window| &window.wait)),
            times::quantiles(lately().map(|window| &window.run)),
        )
    }
}

/// The entry of a ring that is now, made anew if it is of an earlier round.
fn current<T>(
    ring: &mut [T],
    number: u64,
    number_of: impl Fn(&T) -> u64,
    fresh: impl Fn(u64) -> T,
) -> &mut T {
    let len = ring.len() as u64;
    let entry = &mut ring[usize::try_from(number % len).expect("a remainder of a small number")];
    if number_of(entry) != number {
        *entry = fresh(number);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_800_000_000_000_000);

    #[test]
    fn a_time_is_counted_in_the_bucket_whose_bound_it_does_not_exceed() {
        let mut times = Histogram::default();
        for us in [0, 500, 501, 1_000_000_000, 1_000_000_001, u64::MAX] {
            times.add(us);
        }
        assert_eq!((times.counts[0], times.counts[1], times.counts[19], times.counts[20]), (2, 1, 1, 2));
        assert_eq!((times.count(), times.sum_us), (6, u64::MAX));
    }

    #[test]
    fn quantiles_are_those_of_the_jobs_that_ended() {
        let mut statistics = Statistics::default();
        for ms in 1..=1_000 {
            statistics.ended(START, Outcome::Complete, Some((ms * 1_000, ms * 10_000)));
        }
        let (Some(wait), Some(run)) = statistics.lately(START) else { panic!("there are jobs") };
        for (found, expected) in
            [(wait.p50_us, 5e5), (wait.p99_us, 9.9e5), (run.p50_us, 5e6), (run.p99_us, 9.9e6)]
        {
            assert!((found / expected - 1.0).abs() < 0.01, "{found} for {expected}");
        }
    }

    #[test]
    fn a_service_with_few_jobs_takes_little_memory() {
        let mut statistics = Statistics::default();
        for job in 0..10 {
            statistics.ended(START, Outcome::Complete, Some((job * 100, 800_000 + job * 100)));
        }
        let all = size_of::<Statistics>() + statistics.heap();
        assert!(all < 1_200, "{all} bytes");
    }

    #[test]
    fn what_is_long_ago_is_in_the_sums_only() {
        let mut statistics = Statistics::default();
        statistics.ended(START, Outcome::Complete, Some((1, 1)));
        statistics.ended(START, Outcome::Fail, None);
        assert_eq!(statistics.last_minute(START), (1, 1));
        assert_eq!(statistics.last_minute(START.plus_micros(54_000_000)), (1, 1));
        assert_eq!(statistics.last_minute(START.plus_micros(60_000_000)), (0, 0));
        assert!(statistics.lately(START.plus_micros(239_000_000)).0.is_some());
        assert_eq!(statistics.lately(START.plus_micros(360_000_000)), (None, None));
        // The rings have come around: what they held is not counted with what is new.
        let later = START.plus_micros(360_000_000);
        statistics.ended(later, Outcome::Fail, None);
        assert_eq!(statistics.last_minute(later), (0, 1));
        assert_eq!((statistics.sums.completed, statistics.sums.failed), (1, 2));
    }
}

//! When a program that has ended is started again: at once if it ran well, later and later if it does not, and
//! no more if it ends too often. Times are counted from any moment.

use std::collections::VecDeque;
use std::time::Duration;

use super::program::RestartLimit;

/// The ends of one program, as far as they still count.
#[derive(Debug)]
pub(super) struct Backoff {
    restart_limit: RestartLimit,
    ends: VecDeque<Duration>,
    pause: Duration,
}

/// What to do about an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Start it again after this pause.
    After(Duration),
    /// It has ended too often: leave it to its owner.
    GiveUp,
}

/// The first pause: long enough that a program which dies at once does not keep the machine busy, too short to
/// be noticed by those who wait for one that died by accident.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_LAST: Duration = Duration::from_secs(30);
/// A program that ran so long ran well: its pauses begin anew.
const RAN_WELL: Duration = Duration::from_secs(10);

impl Backoff {
    pub(super) fn new(restart_limit: RestartLimit) -> Self {
        Self { restart_limit, ends: VecDeque::new(), pause: PAUSE_FIRST }
    }

    /// The program ended at `now`, having run for `ran`.
    pub(super) fn ended(&mut self, now: Duration, ran: Duration) -> Verdict {
        while self.ends.front().is_some_and(|&end| now.saturating_sub(end) > self.restart_limit.within) {
            self.ends.pop_front();
        }
        self.ends.push_back(now);
        if self.ends.len() >= usize::try_from(self.restart_limit.ends.max(1)).unwrap_or(usize::MAX) {
            return Verdict::GiveUp;
        }
        if ran >= RAN_WELL {
            self.pause = PAUSE_FIRST;
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSE_LAST);
        Verdict::After(pause)
    }

    /// Its owner has started it: what was is forgotten.
    pub(super) fn forget(&mut self) {
        self.ends.clear();
        self.pause = PAUSE_FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RestartLimit = RestartLimit { ends: 5, within: Duration::from_secs(60) };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn pauses_double_until_it_is_given_up() {
        let mut backoff = Backoff::new(LIMIT);
        let verdicts: Vec<_> = (1..=5).map(|n| backoff.ended(ms(1_000 * n), ms(1))).collect();
        let after = |pause| Verdict::After(ms(pause));
        assert_eq!(verdicts, [after(100), after(200), after(400), after(800), Verdict::GiveUp]);
    }

    #[test]
    fn one_that_ran_well_comes_back_at_once() {
        let mut backoff = Backoff::new(LIMIT);
        backoff.ended(ms(1_000), ms(1));
        backoff.ended(ms(2_000), ms(1));
        assert_eq!(backoff.ended(ms(13_000), RAN_WELL), Verdict::After(PAUSE_FIRST));
    }

    #[test]
    fn ends_of_long_ago_do_not_count() {
        let mut backoff = Backoff::new(LIMIT);
        for n in 0..1_000 {
            let verdict = backoff.ended(ms(16_000 * n), ms(15_000));
            assert_ne!(verdict, Verdict::GiveUp, "end {n}");
        }
    }

    #[test]
    fn a_start_by_hand_begins_anew() {
        let mut backoff = Backoff::new(LIMIT);
        for n in 0..5 {
            backoff.ended(ms(n), ms(1));
        }
        backoff.forget();
        assert_eq!(backoff.ended(ms(6), ms(1)), Verdict::After(PAUSE_FIRST));
    }

    #[test]
    fn a_pause_is_never_longer_than_the_longest() {
        let mut backoff = Backoff::new(RestartLimit { ends: u32::MAX, within: Duration::from_secs(3_600) });
        for n in 0..200 {
            let Verdict::After(pause) = backoff.ended(ms(n), ms(1)) else { panic!("given up") };
            assert!(pause <= PAUSE_LAST);
        }
    }
}

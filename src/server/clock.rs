//! The clock: the one place that asks the system for the time and for randomness.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::job::Timestamp;

/// Wall time that never goes back: the system's time at the start, and what has passed since.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    epoch: Timestamp,
}

impl Clock {
    /// A clock that is right now.
    pub fn start() -> Self {
        Self { started: Instant::now(), epoch: wall_time() }
    }

    /// This moment.
    pub fn now(&self) -> Timestamp {
        self.epoch.plus_micros(micros(self.started.elapsed()))
    }

    /// The moment as tokio's timers count. One that has passed is now.
    pub fn instant(&self, at: Timestamp) -> Instant {
        self.started + Duration::from_micros(at.micros_since(self.epoch))
    }
}

/// A number that differs from process to process.
pub fn seed() -> u64 {
    let time = wall_time().0;
    // Two processes that start in one microsecond differ by their number.
    time.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(std::process::id()).rotate_left(32)
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn wall_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(micros(since_epoch))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

//! The clock, and waiting for what has no event of its own.

use std::time::{Duration, Instant};

/// This moment.
#[expect(clippy::disallowed_methods, reason = "what runs real processes measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Asks until there is an answer or the time is over.
pub(crate) fn poll<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = now() + patience;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

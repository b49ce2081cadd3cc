//! What the tests with real processes share: starting programs, waiting for events, foreign peers.
//!
//! Nothing here sleeps in place of an event: every wait ends with the event or fails at its
//! deadline. All ports are of 127.0.0.1 and chosen by the system.

pub(crate) mod broker;
pub(crate) mod bystander;
pub(crate) mod frames;
pub(crate) mod http;
pub(crate) mod openmetrics;
pub(crate) mod peers;
pub(crate) mod program;
pub(crate) mod raw;
pub(crate) mod script;
pub(crate) mod site;
pub(crate) mod terminal;
pub(crate) mod trace;
pub(crate) mod up;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long an event may take that takes no time on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The clock of the tests.
#[expect(clippy::disallowed_methods, reason = "a test with real processes measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since the Unix epoch, as peers in other processes have them.
#[expect(clippy::disallowed_methods, reason = "a test with real processes measures real time")]
pub(crate) fn wall_clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs_f64()
}

/// Asks until there is an answer. For what has no event to wait for, as a list that is shown on request.
pub(crate) fn poll<T>(what: &str, deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = now() + deadline;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(now() < end, "{what}: not within {deadline:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

//! What came of an order, in the words of PHP's scripts (original.md §7) where they have some.

use std::time::Duration;

use super::super::notify_socket::Unfinished;
use super::super::process::{Ending, Outcome};

/// Lines, and whether all is as it was asked for.
pub(super) type Said = (Vec<String>, bool);

/// What a start says.
pub(super) fn of_start(name: &str, outcome: &Outcome) -> Said {
    match outcome {
        Outcome::Started { pid, stale } => {
            let stale = stale.map(|stale| format!("{name} NOT running but stale PID found ({stale})"));
            (stale.into_iter().chain([format!("{name} started ({pid})")]).collect(), true)
        }
        Outcome::Runs { pid } => (vec![format!("{name} already running ({pid})")], true),
        Outcome::Replaced { pid, ending } => {
            let mut lines = of_ending(name, ending);
            lines.push(format!("{name} restarted ({pid})"));
            (lines, ending.is_clean())
        }
        Outcome::Failed(line) => (vec![line.clone()], false),
        Outcome::Stopped { .. } | Outcome::DidNotRun | Outcome::Unchanged => (Vec::new(), true),
    }
}

/// What a stop says. A program that did not run is as it should be.
pub(super) fn of_stop(name: &str, outcome: &Outcome) -> Said {
    match outcome {
        Outcome::Stopped { pid, ending } => {
            let mut lines = vec![format!("Stopped {name} ({pid})")];
            lines.extend(of_ending(name, ending));
            (lines, ending.is_clean())
        }
        Outcome::DidNotRun
        | Outcome::Started { .. }
        | Outcome::Runs { .. }
        | Outcome::Replaced { .. }
        | Outcome::Unchanged => (vec![format!("No PID for {name}")], true),
        Outcome::Failed(line) => (vec![line.clone()], false),
    }
}

/// What a reload says of a program that it left alone or made another; nothing, if nothing happened.
pub(super) fn of_reload(name: &str, outcome: &Outcome) -> Said {
    match outcome {
        Outcome::DidNotRun => (vec![format!("{name} is changed, and not running")], true),
        Outcome::Unchanged => (Vec::new(), true),
        Outcome::Started { .. }
        | Outcome::Runs { .. }
        | Outcome::Replaced { .. }
        | Outcome::Stopped { .. }
        | Outcome::Failed(_) => of_start(name, outcome),
    }
}

/// What is to be said of how a program ended; nothing, if it ended as it should.
pub(in crate::supervise) fn of_ending(name: &str, ending: &Ending) -> Vec<String> {
    let Ending { killed, cut_off, unfinished } = ending;
    let jobs = match cut_off.as_slice() {
        [] => String::new(),
        [job] => format!(" in the middle of job {job}"),
        jobs => format!(" in the middle of jobs {}", jobs.join(", ")),
    };
    let end = match killed {
        Some(after) if jobs.is_empty() => {
            Some(format!("did not end and was killed after {}", seconds(*after)))
        }
        Some(after) => Some(format!("killed after {}{jobs}", seconds(*after))),
        None if jobs.is_empty() => None,
        None => Some(format!("ended{jobs}")),
    };
    let left = unfinished.iter().flat_map(left_undone);
    end.into_iter().chain(left).map(|what| format!("{name}: {what}")).collect()
}

/// `keeps 2 jobs for its next start`, `gave up 3 queued jobs, and running 12AB-34CD (MAIL)`.
fn left_undone(unfinished: &Unfinished) -> Vec<String> {
    let jobs = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}job")),
        more => Some(format!("{more} {word}jobs")),
    };
    let kept = jobs(unfinished.kept, "").map(|kept| format!("keeps {kept} for its next start"));
    let running =
        (!unfinished.active.is_empty()).then(|| format!("running {}", unfinished.active.join(", ")));
    let lost: Vec<String> = jobs(unfinished.queued, "queued ").into_iter().chain(running).collect();
    let lost = (!lost.is_empty()).then(|| format!("gave up {}", lost.join(", and ")));
    kept.into_iter().chain(lost).collect()
}

/// `10 s`, `0.3 s`.
fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..2 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{seconds} s"),
    }
}

//! What came of an order, in the words of PHP's scripts (PROTOCOL.md §7) where they have some.

use super::super::keeper::Outcome;

/// What a start says: its lines, and whether the program runs.
pub(super) fn of_start(name: &str, outcome: &Outcome) -> (Vec<String>, bool) {
    match outcome {
        Outcome::Started { pid, stale } => {
            let stale = stale.map(|stale| format!("{name} NOT running but stale PID found ({stale})"));
            (stale.into_iter().chain([format!("{name} started ({pid})")]).collect(), true)
        }
        Outcome::Runs { pid } => (vec![format!("{name} already running ({pid})")], true),
        Outcome::Replaced { pid, given_up } => {
            let given_up = given_up.iter().map(|line| format!("{name}: {line}"));
            (given_up.chain([format!("{name} restarted ({pid})")]).collect(), true)
        }
        Outcome::Failed(line) => (vec![line.clone()], false),
        Outcome::Stopped { .. } | Outcome::DidNotRun | Outcome::Unchanged => (Vec::new(), true),
    }
}

/// What a stop says. A program that did not run is as it should be.
pub(super) fn of_stop(name: &str, outcome: &Outcome) -> Vec<String> {
    let line = match outcome {
        Outcome::Stopped { pid, killed: None, .. } => format!("Stopped {name} ({pid})"),
        Outcome::Stopped { pid, killed: Some(after), .. } => {
            format!("Stopped {name} ({pid}): it did not end within {} s and was killed", after.as_secs())
        }
        Outcome::DidNotRun
        | Outcome::Started { .. }
        | Outcome::Runs { .. }
        | Outcome::Replaced { .. }
        | Outcome::Unchanged => format!("No PID for {name}"),
        Outcome::Failed(line) => line.clone(),
    };
    let given_up = if let Outcome::Stopped { given_up, .. } = outcome { given_up.as_ref() } else { None };
    let given_up = given_up.map(|line| format!("{name}: {line}"));
    [line].into_iter().chain(given_up).collect()
}

/// What a reload says of a program that it left alone or made another; nothing, if nothing happened.
pub(super) fn of_reload(name: &str, outcome: &Outcome) -> (Vec<String>, bool) {
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

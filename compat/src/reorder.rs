//! What the network may have swapped.
//!
//! A recording shows when a message passed the recorder, not when the broker read it: two messages of
//! different connections, less than a moment apart, may have been read in either order. Where a replay
//! differs, it is tried again with messages around the difference moved by that moment; what explains
//! differences is kept.

use crate::script::{Act, Script};

/// The moment, in microseconds.
pub(crate) const MOMENT: u64 = 3_000;
/// Tries a recording gets.
const TRIES: usize = 80;

/// The script that leaves the fewest differences. `count` says which a script leaves: when each is, and when
/// its request was asked.
pub(crate) fn reordered(script: Script, mut count: impl FnMut(&Script) -> Vec<(u64, u64)>) -> Script {
    let mut best = script;
    let mut left = count(&best);
    let mut tries = TRIES;
    'again: while !left.is_empty() {
        for (step, shift) in candidates(&best, &left) {
            if tries == 0 {
                return best;
            }
            let Some(moved) = moved(&best, step, shift) else { continue };
            tries -= 1;
            let times = count(&moved);
            if times.len() < left.len() {
                (best, left) = (moved, times);
                continue 'again;
            }
        }
        return best;
    }
    best
}

#[derive(Clone, Copy)]
enum Shift {
    Earlier,
    Later,
}

/// Steps near the differences that have a step of another connection beside them.
fn candidates(script: &Script, differences: &[(u64, u64)]) -> Vec<(usize, Shift)> {
    let near = |at: u64| {
        differences.iter().any(|(seen, asked)| seen.abs_diff(at).min(asked.abs_diff(at)) <= 2 * MOMENT)
    };
    let steps = script.steps.iter().enumerate();
    let said = steps.filter(|(_, step)| matches!(step.act, Act::Ask { .. } | Act::Tell(_)));
    let there = said.filter(|(_, step)| near(step.at));
    there.flat_map(|(index, _)| [(index, Shift::Earlier), (index, Shift::Later)]).collect()
}

/// The script with one step moved, unless that would move it past a step of its own connection.
fn moved(script: &Script, index: usize, shift: Shift) -> Option<Script> {
    let step = &script.steps[index];
    let at = match shift {
        Shift::Earlier => step.at.checked_sub(MOMENT)?,
        Shift::Later => step.at + MOMENT,
    };
    let own = script.steps.iter().enumerate().any(|(other, beside)| {
        let passed = match shift {
            Shift::Earlier => other < index && beside.at >= at,
            Shift::Later => other > index && beside.at <= at,
        };
        passed && beside.conn == step.conn
    });
    if own {
        return None;
    }
    let mut script = script.clone();
    script.steps[index].at = at;
    script.steps.sort_by_key(|step| step.at);
    Some(script)
}

//! What was measured of one attack, and what of it is not as it must be.

use std::time::Duration;

use crate::attack::Findings;
use crate::bystander::{Served, Who};
use crate::metrics::Turns;
use crate::watch::{Books, Seen};

const MIB: u64 = 1 << 20;

/// What a process may hold that holds nothing for anybody.
const RESIDENT_MAX: u64 = 256 * MIB;

/// What may stay resident when all is over, and what accounts need not explain: what an allocator keeps. glibc's gives the
/// end of its heap back when that is twice as long as the largest block that was ever given back, 64 MiB at most; a block
/// in use beyond it, or a second process, makes it more.
const STAYS_MAX: u64 = 96 * MIB;

/// What all logs together may grow by.
const LOG_MAX: u64 = 4 * MIB;

/// What a p99 may be above three times the quiet one: on a machine of one's own, and on one where anybody may be held up
/// for a tenth of a second at any time. An attack that freezes the broker is noticed on either.
const MORE: Duration = Duration::from_millis(5);
const MORE_SHARED: Duration = Duration::from_millis(500);

/// The longest turn on such a machine, in seconds.
const TURN_MAX_SHARED: f64 = 0.5;

/// Descriptors that may be more than before: bystanders who come and go, a pool of the gateway's.
const DESCRIPTORS_MORE: usize = 24;

/// What the processes have, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Census {
    pub(crate) descriptors: usize,
    pub(crate) resident: u64,
    pub(crate) processes: usize,
    pub(crate) log: u64,
}

/// All that is known of one attack.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) quiet: Vec<(Who, Served)>,
    pub(crate) under_attack: Vec<(Who, Served)>,
    pub(crate) seen: Seen,
    pub(crate) turns: Option<Turns>,
    pub(crate) before: Census,
    pub(crate) after: Census,
    /// What the accounts hold when all is over.
    pub(crate) accounts_after: Option<u64>,
    /// Processes that ended, and how.
    pub(crate) ended: Vec<String>,
    /// Processes that did not end when they were told to.
    pub(crate) unstoppable: Vec<String>,
    pub(crate) panicked: bool,
    pub(crate) raw_controls_in_log: bool,
    pub(crate) findings: Findings,
    /// Whether the machine is shared with others, so that only what is much too slow is the program's doing.
    pub(crate) shares_machine: bool,
    /// What settings allow above the common bounds, in bytes.
    pub(crate) allowed: u64,
    /// What may rightly stay, in bytes, where the broker does not tell.
    pub(crate) stays: u64,
}

/// What is wrong: the kinds that an unlucky moment of the machine can make, and the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Waits and turns.
    pub(crate) slow: Vec<String>,
    /// All else.
    pub(crate) wrong: Vec<String>,
}

impl Verdict {
    /// Whether nothing is.
    pub(crate) fn is_good(&self) -> bool {
        self.slow.is_empty() && self.wrong.is_empty()
    }

    /// In words.
    pub(crate) fn text(&self) -> String {
        match self.is_good() {
            true => "holds".to_owned(),
            false => [self.wrong.as_slice(), &self.slow].concat().join("; "),
        }
    }
}

/// Milliseconds, for people.
pub(crate) fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 100.0 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}

/// Judges.
pub(crate) fn judge(measured: &Measured) -> Verdict {
    Verdict { slow: slow(measured), wrong: wrong(measured) }
}

fn slow(measured: &Measured) -> Vec<String> {
    let mut slow = Vec::new();
    for ((who, quiet), (_, attacked)) in measured.quiet.iter().zip(&measured.under_attack) {
        let more = if measured.shares_machine { MORE_SHARED } else { MORE };
        let most = 3 * quiet.p99 + more;
        if attacked.p99 > most {
            slow.push(format!("{} waits {} ms, {} quiet", who.name(), ms(attacked.p99), ms(quiet.p99)));
        }
    }
    if let Some(turns) = measured.turns
        && turns.too_long > 0
        && !(measured.shares_machine && turns.longest < TURN_MAX_SHARED)
    {
        slow.push(format!("{} turns above 50 ms, one of up to {} s", turns.too_long, turns.longest));
    }
    slow
}

fn wrong(measured: &Measured) -> Vec<String> {
    let Measured { seen, before, after, .. } = measured;
    let mut wrong = measured.findings.clone();
    wrong.extend(measured.ended.iter().map(|name| format!("ended: {name}")));
    wrong.extend(measured.unstoppable.iter().map(|name| format!("{name} does not hear SIGTERM")));
    if measured.panicked {
        wrong.push("a panic in the log".to_owned());
    }
    if measured.raw_controls_in_log {
        wrong.push("control characters in the log".to_owned());
    }
    for (who, served) in &measured.under_attack {
        if served.wrong > 0 {
            wrong.push(format!("{}: {} of {} lost or wrong", who.name(), served.wrong, served.asked));
        }
        if served.asked == 0 {
            wrong.push(format!("{}: nothing was served", who.name()));
        }
    }
    if seen.peak > RESIDENT_MAX + measured.allowed {
        let most = (RESIDENT_MAX + measured.allowed) / MIB;
        wrong.push(format!("{} held {} MiB, {most} are allowed", seen.whose, seen.peak / MIB));
    }
    wrong.extend(seen.books.iter().filter_map(accounts_are_off));
    let log = after.log.saturating_sub(before.log);
    if log > LOG_MAX {
        wrong.push(format!("{} MiB of log", log / MIB));
    }
    wrong.extend(left_behind(measured));
    wrong
}

/// The sum of the accounts is within a quarter of what the process took, and of what an allocator keeps.
fn accounts_are_off(books: &Books) -> Option<String> {
    let (most, name) = (books.accounts?, &books.name);
    let within = |one: u64, other: u64| one <= other + other / 4 + STAYS_MAX;
    let (above, then) = books.unaccounted;
    if !within(above, then) {
        return Some(format!("the {name} took {} MiB, its accounts say {}", above / MIB, then / MIB));
    }
    let (above, most) = (books.above / MIB, most / MIB);
    (!within(most * MIB, books.above))
        .then(|| format!("the accounts of the {name} say {most} MiB, and it took {above}"))
}

/// What is more than before.
fn left_behind(measured: &Measured) -> Vec<String> {
    let Measured { before, after, .. } = measured;
    let mut left = Vec::new();
    if measured.ended.is_empty() && after.descriptors > before.descriptors + DESCRIPTORS_MORE {
        left.push(format!("{} descriptors stay", after.descriptors - before.descriptors));
    }
    let may_stay = STAYS_MAX + measured.accounts_after.unwrap_or(measured.stays);
    if after.resident > before.resident + may_stay {
        left.push(format!("{} MiB stay", (after.resident - before.resident) / MIB));
    }
    if after.processes > before.processes {
        left.push(format!("{} processes stay", after.processes - before.processes));
    }
    left
}

/// Whether all that came with the attack is gone again.
pub(crate) fn is_settled(measured: &Measured) -> bool {
    left_behind(measured).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(p99: u64, asked: usize, wrong: usize) -> Vec<(Who, Served)> {
        let p99 = Duration::from_millis(p99);
        vec![(Who::Pair, Served { asked, p50: p99, p99, wrong })]
    }

    fn good() -> Measured {
        Measured { quiet: served(2, 100, 0), under_attack: served(10, 100, 0), ..Measured::default() }
    }

    #[test]
    fn what_is_within_all_bounds_holds() {
        assert_eq!(judge(&good()).text(), "holds");
    }

    #[test]
    fn a_machine_that_is_shared_is_given_time_but_no_end_of_it() {
        let turns = |longest| Some(Turns { longest, too_long: 1 });
        let shared = |p99, longest| {
            let under_attack = served(p99, 100, 0);
            judge(&Measured { shares_machine: true, under_attack, turns: turns(longest), ..good() }).is_good()
        };
        assert!(shared(500, 0.2) && !shared(600, 0.2) && !shared(500, 0.6));
        assert!(!judge(&Measured { turns: turns(0.2), ..good() }).is_good());
    }

    #[test]
    fn each_bound_is_a_bound() {
        let cases: [(Measured, &str); 8] = [
            (Measured { under_attack: served(12, 100, 0), ..good() }, "pair waits 12.0 ms, 2.0 quiet"),
            (Measured { under_attack: served(2, 100, 1), ..good() }, "pair: 1 of 100 lost or wrong"),
            (Measured { under_attack: served(0, 0, 0), ..good() }, "pair: nothing was served"),
            (Measured { ended: vec!["broker".to_owned()], ..good() }, "ended: broker"),
            (
                Measured {
                    seen: Seen { peak: 300 * MIB, whose: "x".to_owned(), ..Seen::default() },
                    ..good()
                },
                "x held 300 MiB, 256 are allowed",
            ),
            (
                Measured {
                    seen: Seen {
                        books: vec![Books {
                            name: "broker".to_owned(),
                            above: 200 * MIB,
                            accounts: Some(MIB),
                            unaccounted: (200 * MIB, MIB),
                        }],
                        ..Seen::default()
                    },
                    ..good()
                },
                "the broker took 200 MiB, its accounts say 1",
            ),
            (Measured { after: Census { log: 9 * MIB, ..Census::default() }, ..good() }, "9 MiB of log"),
            (Measured { after: Census { processes: 2, ..Census::default() }, ..good() }, "2 processes stay"),
        ];
        for (measured, text) in cases {
            assert_eq!(judge(&measured).text(), text);
        }
    }
}

//! Whether the comparison notices what is wrong: recordings are changed at random in what the recorded
//! broker said, and each changed recording is replayed. A broker that answers as the recorded one did must
//! then be accused.
//!
//! What is by definition not compared is not changed: times in lists, addresses that a broker makes up, ids
//! that stand nowhere else, the broker's part in a recording of workers alone.

mod change;
mod parts;
mod rng;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use change::Change;
use clap::ValueEnum;
use rng::Rng;

use crate::classify::{Generation, Reply};
use crate::differ::rows;
use crate::known_differences::KnownDifferences;
use crate::script::Script;
use crate::suite::{Verdict, replay_trace};
use crate::trace::{self, Event, Port, Side, Trace, What};
use crate::worker_replay;

#[derive(Debug)]
pub struct Mutator {
    recordings: Vec<Recording>,
    /// For each change, where it can be made: recording and event.
    places: Vec<(Change, Vec<(usize, usize)>)>,
}

#[derive(Debug)]
struct Recording {
    path: PathBuf,
    trace: Trace,
}

#[derive(Debug)]
pub struct Mutation {
    pub path: PathBuf,
    /// When the changed message was, in microseconds.
    pub at: u64,
    pub change: Change,
    /// The same in words.
    pub words: String,
    pub outcome: Outcome,
    /// Why it need not be noticed, if it was not and that is known.
    pub reason: Option<&'static str>,
}

/// What came of a changed recording.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    Noticed,
    Equal,
    /// Something differs, but each difference counts as deliberate, by these entries.
    Excused(Vec<String>),
    /// The comparison itself did not come to an end.
    Broken(String),
}

/// How often a change that comes to nothing is tried again elsewhere.
const TRIES: u64 = 1_000;

impl Mutator {
    /// Reads recordings. Those that do not pass as they are, are left out.
    pub fn of(paths: &[PathBuf], known: &KnownDifferences) -> Self {
        let recordings: Vec<Recording> = paths.iter().filter_map(|path| recording(path, known)).collect();
        let places = Change::value_variants().iter().map(|&change| (change, places(&recordings, change)));
        let places = places.filter(|(_, places)| !places.is_empty()).collect();
        Self { recordings, places }
    }

    /// Makes `count` changes and says what came of each. The same for the same seed.
    pub fn run(&self, count: usize, seed: u64, known: &KnownDifferences) -> Vec<Mutation> {
        let next = AtomicUsize::new(0);
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let work = || {
            let mut done = Vec::new();
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if turn >= count {
                    return done;
                }
                done.extend(self.mutation(seed, turn, known).map(|mutation| (turn, mutation)));
            }
        };
        let mut all: Vec<(usize, Mutation)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("a replay's panic is caught"))
                .collect()
        });
        all.sort_by_key(|(turn, _)| *turn);
        all.into_iter().map(|(_, mutation)| mutation).collect()
    }

    fn mutation(&self, seed: u64, turn: usize, known: &KnownDifferences) -> Option<Mutation> {
        let (change, places) = self.places.get(turn % self.places.len().max(1))?;
        (0..TRIES).find_map(|again| {
            let mut rng = Rng::new(seed, turn as u64 * TRIES + again);
            let &(recording, event) = rng.one_of(places)?;
            let Recording { path, trace } = &self.recordings[recording];
            let (changed, words) = change::changed(trace, event, *change, &mut rng)?;
            let outcome = outcome(path, changed, known);
            let reason = (outcome != Outcome::Noticed).then(|| reason(trace, event, *change)).flatten();
            let (path, at) = (path.clone(), trace.events[event].at);
            Some(Mutation { path, at, change: *change, words, outcome, reason })
        })
    }
}

fn recording(path: &std::path::Path, known: &KnownDifferences) -> Option<Recording> {
    let trace = trace::decoded(trace::read_file(path).ok()?);
    let case = replay_trace(path, trace.clone(), known);
    matches!(case.verdict, Verdict::Same | Verdict::Known(..))
        .then(|| Recording { path: path.to_owned(), trace })
}

fn places(recordings: &[Recording], change: Change) -> Vec<(usize, usize)> {
    let of = |(index, recording): (usize, &Recording)| {
        let trace = &recording.trace;
        let side = compared(trace);
        let events = trace.events.iter().enumerate();
        let said = events.filter(move |(_, event)| match event.what {
            What::Message { to, .. } | What::Http { to, .. } => to == side,
            _ => false,
        });
        let of_workers = side == Side::Broker;
        let fitting = said.filter(move |(event, _)| {
            change.fits(trace, *event) && !is_given(trace, *event, change, of_workers)
        });
        fitting.map(move |(event, _)| (index, event)).collect::<Vec<_>>()
    };
    recordings.iter().enumerate().flat_map(of).collect()
}

/// Whether a change would be one of what the replay takes from the recording: the results, where the workers
/// who gave them were not recorded; the results and the heartbeats of a worker that was recorded alone.
fn is_given(trace: &Trace, event: usize, change: Change, of_workers: bool) -> bool {
    let What::Message { frames, .. } = &trace.events[event].what else { return false };
    let is_of_beats = matches!(change, Change::BeatDropped | Change::BeatDelayed);
    if of_workers {
        return is_of_beats || matches!(change, Change::Value | Change::Number | Change::Status);
    }
    // A specification says that heartbeats come, not which.
    if is_of_beats && trace.header.upstream.starts_with("rfc") {
        return true;
    }
    let has_workers = trace.conns.iter().any(|conn| conn.port == Port::Backend);
    let is_result =
        matches!(Reply::read(frames), Reply::Ended { .. } | Reply::Part { .. } | Reply::Majordomo { .. });
    let is_of_values = matches!(change, Change::Value | Change::Number | Change::Swapped);
    !has_workers && (is_of_values || (is_result && change.is_of_content()))
}

/// To whom what is compared was said: in recordings of workers alone it is what they say.
fn compared(trace: &Trace) -> Side {
    match worker_replay::is_of_workers(&Script::of(trace).recorded) {
        true => Side::Broker,
        false => Side::Peer,
    }
}

fn outcome(path: &std::path::Path, changed: Trace, known: &KnownDifferences) -> Outcome {
    let case = replay_trace(path, changed, known);
    match case.verdict {
        Verdict::Same | Verdict::NoBroker => Outcome::Equal,
        Verdict::Known(_, entries) => {
            Outcome::Excused(entries.iter().map(|&entry| known.differences[entry].id.clone()).collect())
        }
        Verdict::Failed(_) => Outcome::Noticed,
        Verdict::Broken(why) => Outcome::Broken(why),
    }
}

/// Why a change may be one that no recording can show to be wrong.
fn reason(trace: &Trace, event: usize, change: Change) -> Option<&'static str> {
    let Event { at, what: What::Message { conn, frames, .. } } = &trace.events[event] else { return None };
    let is_end = |later: &Event| {
        later.at <= at + AT_ONCE && matches!(later.what, What::Close { conn: of, .. } if of == *conn)
    };
    let lists_workers = frames.last().and_then(|list| rows(&list.bytes)?.first()?.get("workerid").map(drop));
    match change {
        Change::BeatDropped | Change::BeatDelayed if !is_of_ours(trace) => Some(
            "the original's loop wakes when something comes: that a round of heartbeats was due by then is not certain \
             (original.md §3)",
        ),
        Change::Dropped if trace.events[event..].iter().any(is_end) => {
            Some("its connection ends in the same moment: it may not have been sent any more")
        }
        Change::Frames if compared(trace) == Side::Broker => {
            Some("what a worker's job brings is taken from the recording: a value, or none")
        }
        Change::List if lists_workers.is_some() && !is_of_ours(trace) => Some(
            "the original lists a silent worker until its next round of heartbeats, whenever that is (original.md §3)",
        ),
        _ => None,
    }
}

/// How long before its connection ends a message may be the one that was not sent any more, in microseconds.
const AT_ONCE: u64 = 20_000;

fn is_of_ours(trace: &Trace) -> bool {
    Script::of(trace).recorded.generation() == Generation::Both
}

/// Whether so much is noticed as must be: 98 of 100, the rest for a reason.
pub fn is_enough(mutations: &[Mutation]) -> bool {
    let (noticed, missed): (Vec<_>, Vec<_>) =
        mutations.iter().partition(|mutation| mutation.outcome == Outcome::Noticed);
    let explained = missed.iter().all(|mutation| mutation.reason.is_some());
    !mutations.is_empty() && noticed.len() * 100 >= mutations.len() * 98 && explained
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, at, change, words, outcome, reason } = self;
        let why = match outcome {
            Outcome::Noticed => "noticed".to_owned(),
            Outcome::Equal => "NOT NOTICED: nothing differs".to_owned(),
            Outcome::Broken(why) => format!("NOT NOTICED: broken by it: {why}"),
            Outcome::Excused(entries) => format!("NOT NOTICED: excused by {}", entries.join(", ")),
        };
        write!(f, "{}: at {} ms, {change:?}: {words}: {why}", path.display(), at / 1_000)?;
        match (outcome, reason) {
            (Outcome::Noticed, _) => Ok(()),
            (_, Some(reason)) => write!(f, "\n    need not be: {reason}"),
            (_, None) => write!(f, "\n    and nobody knows why"),
        }
    }
}

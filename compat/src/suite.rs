//! Replays recordings, whole folders of them, and says what came of it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::differ::{About, Comparison, Difference, Kind, differences};
use crate::gateway;
use crate::in_memory::InMemory;
use crate::known_differences::KnownDifferences;
use crate::reorder::reordered;
use crate::replay::{Played, play};
use crate::rules::Rule;
use crate::script::Script;
use crate::stream;
use crate::target::Target;
use crate::trace::{self, Header, Trace};
use crate::worker_replay;

#[derive(Debug)]
pub struct Case {
    pub path: PathBuf,
    /// Its header, if it could be read.
    pub header: Option<Header>,
    pub verdict: Verdict,
    /// The recording and the replay, for who wants to look.
    pub replayed: Option<Box<Replayed>>,
}

/// A recording with its replay.
#[derive(Debug)]
pub struct Replayed {
    /// The recording, decoded.
    pub trace: Trace,
    /// The same as a play.
    pub script: Script,
    pub played: Played,
    /// The differences, each with the entry that explains it.
    pub differences: Vec<(Difference, Option<usize>)>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    Same,
    /// Differences, all of them deliberate: how many, by which entries.
    Known(usize, BTreeSet<usize>),
    /// This many differences that no entry explains.
    Failed(usize),
    /// A gateway was recorded, and not the broker that it asked: there is nothing to compare its answers with.
    NoBroker,
    /// Not replayed, by an entry.
    Skipped(usize),
    /// No trace, or the broker panicked.
    Broken(String),
}

impl Verdict {
    /// Whether a run with it fails.
    pub fn is_bad(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Broken(_) | Self::NoBroker => true,
            Self::Same | Self::Known(..) | Self::Skipped(_) => false,
        }
    }
}

/// The folder with our own recordings.
pub fn own_recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

/// The recordings in a folder and in the folders within, in order.
pub fn recordings(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(recordings(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The deliberate differences that excuse nothing in any of the cases, and the reasons to skip that skip nothing.
pub fn unused(cases: &[Case], known: &KnownDifferences) -> Vec<String> {
    let of = |case: &Case| {
        case.replayed
            .iter()
            .flat_map(|replayed| &replayed.differences)
            .filter_map(|(_, entry)| *entry)
            .collect::<Vec<_>>()
    };
    let used: BTreeSet<usize> = cases.iter().flat_map(of).collect();
    let skips = |place: usize| cases.iter().any(|case| case.verdict == Verdict::Skipped(place));
    let entries = known.differences.iter().enumerate().filter(|(place, _)| !used.contains(place));
    let skipped = known.skipped.iter().enumerate().filter(|(place, _)| !skips(*place));
    let rules = Rule::all().filter(|rule| known.differences.iter().all(|entry| entry.rule != *rule));
    let mut unused: Vec<String> =
        entries.map(|(_, entry)| format!("the known difference {}", entry.id)).collect();
    unused.extend(skipped.map(|(_, entry)| format!("a reason to skip ({})", entry.reason)));
    unused.extend(rules.map(|rule| format!("the rule {}", rule.name())));
    unused
}

/// Replays a file: its messages in memory, its HTTP to our gateway.
pub fn replay_file(path: &Path, known: &KnownDifferences) -> Case {
    match trace::read_file(path) {
        Ok(trace) => replay_trace(path, trace, known),
        Err(error) => broken(path, None, error.to_string()),
    }
}

/// The same with what was read from a file.
pub fn replay_trace(path: &Path, trace: Trace, known: &KnownDifferences) -> Case {
    let mut case = replay_trace_at(path, trace, known, &|header| Box::new(InMemory::new(header)));
    let Some(replayed) = &mut case.replayed else { return case };
    if gateway::lacks_its_broker(&replayed.trace, &replayed.script) {
        case.verdict = Verdict::NoBroker;
        return case;
    }
    let mut found = gateway::unlike_the_original(&replayed.trace, &replayed.script);
    found.extend(gateway::differences(&replayed.trace, &replayed.script));
    if !found.is_empty() {
        let Replayed { trace, script, played, differences } = &mut **replayed;
        let comparison = Comparison { header: &trace.header, script, played };
        differences.extend(found.into_iter().map(|difference| {
            let entry = known.explains(comparison, &difference);
            (difference, entry)
        }));
        case.verdict = verdict(differences);
    }
    case
}

/// Replays a file to what `target` makes of its header.
pub fn replay_file_at(
    path: &Path,
    known: &KnownDifferences,
    target: &dyn Fn(&Header) -> Box<dyn Target>,
) -> Case {
    match trace::read_file(path) {
        Ok(trace) => replay_trace_at(path, trace, known, target),
        Err(error) => broken(path, None, error.to_string()),
    }
}

fn replay_trace_at(
    path: &Path,
    trace: Trace,
    known: &KnownDifferences,
    target: &dyn Fn(&Header) -> Box<dyn Target>,
) -> Case {
    let header = trace.header.clone();
    if let Some(entry) = known.skips(&header) {
        let verdict = Verdict::Skipped(entry);
        return Case { path: path.to_owned(), header: Some(header), verdict, replayed: None };
    }
    let streams = stream::differences(&trace);
    let trace = trace::decoded(trace);
    let replayed = match catch_unwind(AssertUnwindSafe(|| replay(trace, known, target))) {
        Ok(mut replayed) => {
            replayed.differences.extend(streams.into_iter().map(|difference| (difference, None)));
            replayed
        }
        Err(panic) => return broken(path, Some(header), format!("panic: {}", panic_text(&*panic))),
    };
    let verdict = verdict(&replayed.differences);
    Case { path: path.to_owned(), header: Some(header), verdict, replayed: Some(Box::new(replayed)) }
}

fn broken(path: &Path, header: Option<Header>, what: String) -> Case {
    Case { path: path.to_owned(), header, verdict: Verdict::Broken(what), replayed: None }
}

/// Replays a file over sockets, to what `target` connects to; `None` if it takes longer than `longest`
/// microseconds or is not for sockets.
pub fn replay_live(
    path: &Path,
    known: &KnownDifferences,
    longest: u64,
    target: &dyn Fn(&Header) -> Box<dyn Target>,
) -> Option<Case> {
    let trace = trace::decoded(trace::read_file(path).ok()?);
    let script = Script::of(&trace);
    if known.skips(&trace.header).is_some()
        || worker_replay::is_of_workers(&script.recorded)
        || script.end > longest
        || !script.is_for_sockets()
    {
        return None;
    }
    let header = trace.header.clone();
    let (played, found) = once(&trace, &script, known, target);
    let differences = found.into_iter().map(|(entry, difference)| (difference, entry)).collect();
    let replayed = Replayed { trace, script, played, differences };
    let verdict = verdict(&replayed.differences);
    Some(Case { path: path.to_owned(), header: Some(header), verdict, replayed: Some(Box::new(replayed)) })
}

type Found = Vec<(Option<usize>, Difference)>;

/// Plays a script once and compares.
fn once(
    trace: &Trace,
    script: &Script,
    known: &KnownDifferences,
    target: &dyn Fn(&Header) -> Box<dyn Target>,
) -> (Played, Found) {
    let played = play(script, &mut *target(&trace.header), patience(&trace.header));
    let comparison = Comparison { header: &trace.header, script, played: &played };
    let found = differences(comparison).into_iter();
    let found = found.map(|difference| (known.explains(comparison, &difference), difference)).collect();
    (played, found)
}

/// Replays a decoded trace. Messages that the network may have swapped are swapped, if that explains it.
pub fn replay(
    trace: Trace,
    known: &KnownDifferences,
    target: &dyn Fn(&Header) -> Box<dyn Target>,
) -> Replayed {
    let script = Script::of(&trace);
    if worker_replay::is_of_workers(&script.recorded) {
        return replay_worker(trace, script, known);
    }
    let script = reordered(script, |script| {
        let (_, found) = once(&trace, script, known, target);
        // No order of messages mends a recording.
        if found.iter().any(|(_, difference)| difference.kind == Kind::Recorded) {
            return Vec::new();
        }
        let unknown = found.iter().filter(|(entry, _)| entry.is_none());
        unknown.map(|(_, difference)| (difference.at, asked_at(script, difference))).collect()
    });
    let (played, found) = once(&trace, &script, known, target);
    let differences = found.into_iter().map(|(entry, difference)| (difference, entry)).collect();
    Replayed { trace, script, played, differences }
}

/// Replays a recording of workers alone to our worker.
fn replay_worker(trace: Trace, script: Script, known: &KnownDifferences) -> Replayed {
    let played = worker_replay::nobody(&script.recorded);
    let comparison = Comparison { header: &trace.header, script: &script, played: &played };
    let found = worker_replay::differences(&trace).into_iter();
    let differences = found
        .map(|difference| {
            let entry = known.explains(comparison, &difference);
            (difference, entry)
        })
        .collect();
    Replayed { trace, script, played, differences }
}

/// When the request was asked that a difference is about.
fn asked_at(script: &Script, difference: &Difference) -> u64 {
    match difference.about {
        About::Request(request) => script.recorded.requests[request].at,
        About::Conn(_) => difference.at,
    }
}

/// How long a peer of the replay waits for what does not come.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "intervals are seconds")]
fn patience(header: &Header) -> u64 {
    (header.heartbeat_interval * 2e6) as u64 + 1_000_000
}

fn verdict(differences: &[(Difference, Option<usize>)]) -> Verdict {
    let unknown = differences.iter().filter(|(_, entry)| entry.is_none()).count();
    match (differences.len(), unknown) {
        (0, _) => Verdict::Same,
        (all, 0) => Verdict::Known(all, differences.iter().filter_map(|(_, entry)| *entry).collect()),
        (_, unknown) => Verdict::Failed(unknown),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "of an unknown kind".into())
}

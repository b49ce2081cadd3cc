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
    /// Each with the entry that explains it.
    pub differences: Judged,
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
    /// No trace, or the broker panicked.
    Broken(String),
}

impl Verdict {
    /// Whether a run with it fails.
    pub fn is_bad(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Broken(_) | Self::NoBroker => true,
            Self::Same | Self::Known(..) => false,
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

/// What excuses nothing in any of the cases: deliberate differences, and rules that none of them names.
pub fn unused(cases: &[Case], known: &KnownDifferences) -> Vec<String> {
    let of = |case: &Case| {
        case.replayed
            .iter()
            .flat_map(|replayed| &replayed.differences)
            .filter_map(|(_, entry)| *entry)
            .collect::<Vec<_>>()
    };
    let used: BTreeSet<usize> = cases.iter().flat_map(of).collect();
    let entries = known.differences.iter().enumerate().filter(|(place, _)| !used.contains(place));
    let rules = Rule::all().filter(|rule| known.differences.iter().all(|entry| entry.rule != *rule));
    let mut unused: Vec<String> =
        entries.map(|(_, entry)| format!("the known difference {}", entry.id)).collect();
    unused.extend(rules.map(|rule| format!("the rule {}", rule.name())));
    unused
}

/// What a recording is replayed to, by its header.
pub type MakeTarget<'a> = &'a dyn Fn(&Header) -> Box<dyn Target>;

/// Replays a file: its messages in memory, its HTTP to our gateway.
pub fn replay_file(path: &Path, known: &KnownDifferences) -> Case {
    of_file(path, |trace| replay_trace(path, trace, known))
}

/// Replays a file to what `target` makes of its header.
pub fn replay_file_at(path: &Path, known: &KnownDifferences, target: MakeTarget<'_>) -> Case {
    of_file(path, |trace| replay_trace_at(path, trace, known, target))
}

fn of_file(path: &Path, replay: impl FnOnce(Trace) -> Case) -> Case {
    trace::read_file(path).map_or_else(|error| broken(path, None, error.to_string()), replay)
}

/// The same with what was read from a file.
pub fn replay_trace(path: &Path, trace: Trace, known: &KnownDifferences) -> Case {
    let mut case = replay_trace_at(path, trace, known, &|header| Box::new(InMemory::new(header)));
    let Some(replayed) = &mut case.replayed else { return case };
    let Replayed { trace, script, played, differences } = &mut **replayed;
    if gateway::lacks_its_broker(trace, script) {
        case.verdict = Verdict::NoBroker;
        return case;
    }
    let mut found = gateway::unlike_the_original(trace, script);
    found.extend(gateway::differences(trace, script));
    differences.extend(judged(Comparison { header: &trace.header, script, played }, found, known));
    case.verdict = verdict(differences);
    case
}

fn replay_trace_at(path: &Path, trace: Trace, known: &KnownDifferences, target: MakeTarget<'_>) -> Case {
    let header = trace.header.clone();
    let streams = stream::differences(&trace);
    let trace = trace::decoded(trace);
    match catch_unwind(AssertUnwindSafe(|| replay(trace, known, target))) {
        Ok(mut replayed) => {
            replayed.differences.extend(streams.into_iter().map(|difference| (difference, None)));
            case(path, replayed)
        }
        Err(panic) => broken(path, Some(header), format!("panic: {}", panic_text(&*panic))),
    }
}

fn case(path: &Path, replayed: Replayed) -> Case {
    let header = Some(replayed.trace.header.clone());
    let verdict = verdict(&replayed.differences);
    Case { path: path.to_owned(), header, verdict, replayed: Some(Box::new(replayed)) }
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
    target: MakeTarget<'_>,
) -> Option<Case> {
    let trace = trace::decoded(trace::read_file(path).ok()?);
    let script = Script::of(&trace);
    if worker_replay::is_of_workers(&script.recorded) || script.end > longest || !script.is_for_sockets() {
        return None;
    }
    let (played, differences) = once(&trace, &script, known, target);
    Some(case(path, Replayed { trace, script, played, differences }))
}

/// Differences, each with the entry that explains it.
pub type Judged = Vec<(Difference, Option<usize>)>;

fn judged(comparison: Comparison<'_>, found: Vec<Difference>, known: &KnownDifferences) -> Judged {
    let with_entry = |difference| (known.explains(comparison, &difference), difference);
    found.into_iter().map(with_entry).map(|(entry, difference)| (difference, entry)).collect()
}

/// Plays a script once and compares.
fn once(
    trace: &Trace,
    script: &Script,
    known: &KnownDifferences,
    target: MakeTarget<'_>,
) -> (Played, Judged) {
    let played = play(script, &mut *target(&trace.header), patience(&trace.header));
    let comparison = Comparison { header: &trace.header, script, played: &played };
    let found = judged(comparison, differences(comparison), known);
    (played, found)
}

/// Replays a decoded trace. Messages that the network may have swapped are swapped, if that explains it. A recording of
/// workers alone is replayed to our worker.
pub fn replay(trace: Trace, known: &KnownDifferences, target: MakeTarget<'_>) -> Replayed {
    let script = Script::of(&trace);
    if worker_replay::is_of_workers(&script.recorded) {
        let played = worker_replay::nobody(&script.recorded);
        let comparison = Comparison { header: &trace.header, script: &script, played: &played };
        let differences = judged(comparison, worker_replay::differences(&trace), known);
        return Replayed { trace, script, played, differences };
    }
    let script = reordered(script, |script| {
        let (_, found) = once(&trace, script, known, target);
        // No order of messages mends a recording.
        if found.iter().any(|(difference, _)| difference.kind == Kind::Recorded) {
            return Vec::new();
        }
        let unknown = found.iter().filter(|(_, entry)| entry.is_none());
        unknown.map(|(difference, _)| (difference.at, asked_at(script, difference))).collect()
    });
    let (played, differences) = once(&trace, &script, known, target);
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
